// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/static_resource.hpp>

#include <droplit/router.hpp>
#include "support/catch.hpp"
#include "support/memory.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

using namespace droplit;

static_assert(RoutedHandler<StaticResource>);
static_assert(RoutedHandler<const StaticResource>);
static_assert(std::is_copy_constructible_v<StaticResource>);
static_assert(std::is_constructible_v<StaticResource, const std::string&, const char*, std::string>);
static_assert(!std::is_constructible_v<StaticResource, std::string, const char*, const char*>,
              "the path would not outlive the resource");

namespace {

/// The response of a resource alone, which is the same as within a router.
Response ask(const StaticResource& resource, const std::string& method, const std::string& target) {
  const Request request{method, target, {}, {}};
  const Response response = detail::respond(resource, request);
  CHECK(Router(resource).handle(request) == response);
  return response;
}

}  // namespace

TEST_CASE("a static resource responds to GET and HEAD at its path, whatever the query") {
  const StaticResource resource("/a.txt", "text/plain; charset=utf-8", "body");
  for (const char* method : {"GET", "HEAD"}) {
    for (const char* target : {"/a.txt", "/a.txt?", "/a.txt?b=c&%FF", "http://host/a.txt"}) {
      CAPTURE(method, target);
      const Response response = ask(resource, method, target);
      CHECK(response.status == 200);
      CHECK(response.fields.lines() == "content-type: text/plain; charset=utf-8\r\ncontent-length: 4\r\n");
      CHECK(response.body == "body");
      CHECK_FALSE(response.close);
    }
  }
}

TEST_CASE("other paths are 404 to a static resource, and other methods 405") {
  const StaticResource resource("/a.txt", "text/plain", "body");
  for (const char* target : {"/", "/a.txt/", "/v0/a.txt", "/A.txt", "/a", "*"}) {
    CAPTURE(target);
    CHECK(ask(resource, "GET", target).status == 404);
  }
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "get", "TRACE"}) {
    CAPTURE(method);
    const Response response = ask(resource, method, "/a.txt");
    CHECK(response.status == 405);
    CHECK(response.fields.lines() == "allow: GET, HEAD\r\ncontent-length: 0\r\n");
    CHECK(response.body.empty());
  }
  CHECK(ask(resource, "GET", "/a.txt#").status == 400);
}

TEST_CASE("further fields are sent, but for those that frame the message") {
  HeaderFields fields;
  fields.add("x-content-type-options", "nosniff");
  fields.add("content-length", "99");
  fields.add("transfer-encoding", "chunked");
  const StaticResource resource("/", "text/html", "<p>", fields);
  CHECK(ask(resource, "GET", "/").fields.lines() ==
        "content-type: text/html\r\nx-content-type-options: nosniff\r\ncontent-length: 3\r\n");
}

TEST_CASE("a static resource may be empty, of any bytes, and moved") {
  CHECK(ask({"/", "text/plain", ""}, "GET", "/").fields.get("content-length") == "0");
  const std::string_view bytes("\0\xFF\r\n", 4);
  const auto made = std::make_unique<StaticResource>("/", "application/octet-stream", bytes);
  const StaticResource moved = std::move(*made);
  CHECK(ask(moved, "GET", "/").body == bytes);
}

TEST_CASE("a response takes the memory of its body once, and none if there was enough") {
  const std::string body(100'000, 'x');
  StaticResource resource("/", "text/plain", body);
  detail::StepsOf<StaticResource> steps(resource);
  Response response;
  const auto respond = [&] {
    const memory::Counted counted;
    REQUIRE(steps.head(RequestHead("GET", "/"), {}, response));
    REQUIRE(steps.finish({}, response));
    steps.complete(response);
    CHECK(response.body == body);
    return counted.most();
  };
  CHECK(respond() < body.size() + 2'000);
  CHECK(respond() < 2'000);
}
