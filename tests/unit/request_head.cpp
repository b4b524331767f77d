// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/request_head.hpp>

#include "support/catch.hpp"

#include <boost/core/detail/string_view.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

using droplit::RequestHead;

namespace {

RequestHead with_length(std::initializer_list<std::string_view> values) {
  RequestHead head("POST", "/api/clients");
  for (const auto value : values) head.add("Content-Length", value);
  return head;
}

}  // namespace

static_assert(std::is_trivially_copyable_v<RequestHead>);
static_assert(!std::is_default_constructible_v<RequestHead>);

// A value that would be gone before it is read does not compile: what an accessor returns by value, above all.
template <class Value>
concept Addable = requires(RequestHead& head, Value (&accessor)()) {
  head.add("authorization", accessor());
};
static_assert(Addable<std::string&> && Addable<const std::string&> && Addable<std::string_view> &&
              Addable<const char*> && Addable<boost::core::string_view> && Addable<std::optional<std::string_view>>);
static_assert(!Addable<std::string> && !Addable<std::string&&> && !Addable<const std::string> &&
              !Addable<std::optional<std::string>> && !Addable<std::nullptr_t>);

template <class Text>
constexpr bool makes_head = std::is_constructible_v<RequestHead, Text, std::string_view>&&
    std::is_constructible_v<RequestHead, const char*, Text>;
template <class Text>
constexpr bool makes_no_head = !std::is_constructible_v<RequestHead, Text, std::string_view> &&
                               !std::is_constructible_v<RequestHead, const char*, Text>;
static_assert(makes_head<std::string&> && makes_head<const std::string&> && makes_head<std::string_view> &&
              makes_head<const char*> && makes_head<boost::core::string_view>);
static_assert(makes_no_head<std::string> && makes_no_head<const std::string> && makes_no_head<std::nullptr_t>);

// The name is read at once.
static_assert(requires(RequestHead & head) { head.add(std::string("authorization"), "token"); });
static_assert([] {
  RequestHead head("POST", "/");
  head.add("authorization", "token");
  return head.authorization().count == 1 && head.authorization().value == "token";
}());

TEST_CASE("a head keeps what the contract reads, without case, and counts what may be given once") {
  RequestHead head("POST", "/api/clients");
  CHECK(head.authorization().count == 0);
  head.add("AUTHORIZATION", "  token\t");
  head.add("x-authorization", "other");
  head.add("authorization2", "other");
  CHECK(head.authorization().count == 1);
  CHECK(head.authorization().value == "token");
  head.add("authorization", "second");
  CHECK(head.authorization().count == 2);
  CHECK(head.authorization().value == "token");
  head.add("Content-type", "application/json");
  CHECK(head.content_type().count == 1);
  CHECK(head.content_type().value == "application/json");
  CHECK(head.idempotency_key().count == 0);
  head.add("Idempotency-KEY", " \"a\" ");
  head.add("idempotency-key", "b");
  CHECK(head.idempotency_key().count == 2);
  CHECK(head.idempotency_key().value == "\"a\"");
  CHECK(head.method() == "POST");
  CHECK(head.target() == "/api/clients");
}

TEST_CASE("a value that is absent adds no field, and an empty one does") {
  const char* const null = nullptr;  // what many servers give for a field that was not sent
  RequestHead head("POST", "/");
  head.add("authorization", null);
  head.add("content-length", null);
  head.add("content-type", std::nullopt);
  CHECK(head.authorization().count == 0);
  CHECK(head.content_type().count == 0);
  CHECK_FALSE(head.length_malformed());
  head.add("authorization", std::string_view());
  head.add("content-length", std::string_view());
  CHECK(head.authorization().count == 1);
  CHECK(head.length_malformed());
  CHECK(RequestHead(null, null).target().empty());
}

TEST_CASE("a head keeps whether the body is encoded") {
  for (const std::string_view value : {"identity", "IDENTITY", "identity, identity", "", " , identity"}) {
    RequestHead head("POST", "/");
    head.add("content-encoding", value);
    CHECK_FALSE(head.encoded());
  }
  for (const std::string_view value :
       {"gzip", "identity, gzip", "identit", "identity;q=1", "br", "identity,xidentity"}) {
    RequestHead head("POST", "/");
    head.add("content-encoding", "identity");
    head.add("Content-Encoding", value);
    CHECK(head.encoded());
  }
}

TEST_CASE("an announced length is digits, and the same each time") {
  CHECK_FALSE(with_length({}).announced_length());
  CHECK(with_length({"0"}).announced_length() == 0u);
  CHECK(with_length({" 12 ", "12", "012"}).announced_length() == 12u);
  CHECK_FALSE(with_length({"12", "12"}).length_malformed());
  CHECK(with_length({"18446744073709551615"}).announced_length() == 18446744073709551615u);
  for (const std::string_view value :
       {"", "18446744073709551616", "99999999999999999999999999", "-1", "+1", "0x10", "1 2", "1,1", "1.0", "ten"}) {
    INFO(value);
    CHECK(with_length({value}).length_malformed());
  }
  CHECK(with_length({"12", "13"}).length_malformed());
  for (int c = 0; c != 256; ++c) {
    if (with_length({std::string(1, static_cast<char>(c))}).length_malformed() == (c >= '0' && c <= '9')) FAIL_CHECK(c);
    const bool space = c == ' ' || c == '\t';
    const bool valid = space || (c >= '0' && c <= '9');
    for (const std::string& value :
         {std::string("1") + static_cast<char>(c), static_cast<char>(c) + std::string("1")}) {
      if (with_length({value}).length_malformed() == valid) FAIL_CHECK(c);
    }
  }
}
