// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A request target: it is split, and the names of its query listed, as the model does.
#include "target.hpp"

#include <droplit/detail/http/target.hpp>

#include "support/model/contract.hpp"
#include "support/piece.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace fuzz::query {
namespace {

void run(std::string_view input) {
  const test::Piece bytes(input);
  const std::string_view target = bytes;
  const auto parts = droplit::detail::split_target(target);
  const bool is_plain = std::all_of(target.begin(), target.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != '#';
  });
  require(!parts.well_formed || is_plain, "a target has no space, control character or fragment");
  if (target.starts_with('/')) {
    require(parts.well_formed == is_plain, "an origin form needs nothing else");
    require(parts.path == target.substr(0, target.find('?')), "the path ends at the first question mark");
  }
  const std::size_t mark = target.find('?');
  require(parts.query.has_value() == (mark != std::string_view::npos), "a query follows a question mark");
  if (!parts.query) return;
  require(*parts.query == target.substr(mark + 1), "the query is all after the first question mark");

  const auto names = model::query_fields(std::string(*parts.query));
  const auto joined = droplit::detail::join_query_fields(*parts.query);
  require(joined.has_value() == !names.empty(), "there are fields or none", target);
  if (!joined) return;
  const std::string sentence = "contains fields that are not allowed: [ " + *joined + " ]";
  require(sentence == model::listed(names), "the names are the model's", *joined);
}

const Registered registered({"query", run});

}  // namespace
}  // namespace fuzz::query
