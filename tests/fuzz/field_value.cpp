// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The value of a field that the contract reads: content-type, content-encoding, idempotency-key, each as the model
// reads it.
#include "target.hpp"

#include <droplit/detail/http/content_type.hpp>
#include <droplit/idempotency_key.hpp>

#include "support/model/contract.hpp"
#include "support/piece.hpp"

#include <string>
#include <string_view>

namespace fuzz::field_value {
namespace {

void run(std::string_view input) {
  const test::Piece bytes(input);
  const std::string_view value = bytes;
  const std::string copy(value);
  require(droplit::detail::is_content_type(value, "application", "json") == model::ContentType::is_json(copy),
          "a content-type is JSON or not", value);
  require(droplit::detail::is_identity_encoding(value) == model::is_identity(copy), "a body is encoded or not", value);

  const auto key = droplit::IdempotencyKey::parse_field(value);
  const auto expected = model::idempotency_key(copy);
  require(key.has_value() == expected.has_value(), "a key is well-formed or not", value);
  if (!key) return;
  require(key->str() == *expected, "the key is the model's", value);
  require(droplit::IdempotencyKey::parse_field(key->field_value()) == key, "a key is read back from its field", value);
}

const Registered registered({"field_value", run});

}  // namespace
}  // namespace fuzz::field_value
