// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/transport.hpp>

#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace {

using droplit::is_sendable;
using droplit::Outcome;
using droplit::Request;
using droplit::Response;
using droplit::Transport;

struct Exemplar {
  Outcome<Response> send(const Request&) { return Response{204, {}, {}, false}; }
};
struct BareResponse {
  Response send(const Request&);
};
struct Quiet {
  Response send(const Request&) const noexcept;
};
struct SendsText {
  std::string send(const Request&);
};
struct SendsNothing {
  void send(const Request&);
};
struct WantsMore {
  Response send(const Request&, int);
};
struct ChangesTheRequest {
  Response send(Request&);
};

}  // namespace

static_assert(Transport<Exemplar>);
static_assert(Transport<BareResponse>);
static_assert(Transport<const Quiet>);
static_assert(!Transport<const Exemplar>);
static_assert(!Transport<SendsText>);
static_assert(!Transport<SendsNothing>);
static_assert(!Transport<WantsMore>);
static_assert(!Transport<ChangesTheRequest>);
static_assert(!Transport<int>);

TEST_CASE("a Transport gives a response or a fault") {
  Exemplar transport;
  CHECK(transport.send(Request{}).value().status == 204);
}

namespace {

Request with_target(std::string target) { return {"POST", std::move(target), {}, {}}; }

bool sends(std::string_view field) {
  Request request = with_target("/");
  REQUIRE(request.fields.add(field, "x"));
  return is_sendable(request);
}

}  // namespace

TEST_CASE("a target is a path of printable ASCII without a fragment") {
  CHECK(is_sendable(with_target("/")));
  CHECK(is_sendable(with_target("/api/clients?a=b%20c&d")));
  for (const char* target : {"", "api/clients", "?a", "*", "http://h/", "//h/\n"})
    CHECK_FALSE(is_sendable(with_target(target)));
  for (int c = 0; c != 256; ++c) {
    CAPTURE(c);
    const std::string one(1, static_cast<char>(c));
    const bool right = c >= 0x21 && c <= 0x7E && c != '#';
    CHECK(is_sendable(with_target('/' + one)) == right);
    CHECK(is_sendable(with_target('/' + one + 'x')) == right);
    CHECK(is_sendable(with_target(one)) == (c == '/'));
  }
}

TEST_CASE("a method is a token") {
  CHECK_FALSE(is_sendable({"", "/", {}, {}}));
  for (int c = 0; c != 256; ++c) {
    CAPTURE(c);
    const std::string one(1, static_cast<char>(c));
    CHECK(is_sendable({one, "/", {}, {}}) == droplit::detail::is_token_character(static_cast<char>(c)));
    CHECK(is_sendable({"POST" + one, "/", {}, {}}) == droplit::detail::is_token_character(static_cast<char>(c)));
  }
}

TEST_CASE("fields are not the transport's own, in whatever case") {
  for (const char* own :
       {"authorization", "Authorization", "HOST", "content-length", "Transfer-Encoding", "CONNECTION", "eXPECT"}) {
    CAPTURE(own);
    CHECK_FALSE(sends(own));
  }
  for (const char* other : {"content-type", "x-host", "hos", "hostx", "proxy-authorization", "content-encoding"}) {
    CAPTURE(other);
    CHECK(sends(other));
  }
  Request request = with_target("/");
  request.fields.add("content-type", "x");
  request.fields.add("Host", "x");
  CHECK_FALSE(is_sendable(request));
}
