// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "droplit/request_head.hpp"

#include "support/catch.hpp"

#include <string>

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

TEST_CASE("a head keeps what the contract reads, without case, and counts what may stand once") {
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
  CHECK(head.method() == "POST");
  CHECK(head.target() == "/api/clients");
}

TEST_CASE("a head keeps whether the body is encoded") {
  for (const std::string_view value : {"identity", "IDENTITY", "identity, identity", "", " , identity"}) {
    RequestHead head("POST", "/");
    head.add("content-encoding", value);
    CHECK_FALSE(head.encoded());
  }
  for (const std::string_view value : {"gzip", "identity, gzip", "identit", "identity;q=1", "br"}) {
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
}
