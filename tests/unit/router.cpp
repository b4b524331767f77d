// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/router.hpp>

#include <droplit/endpoint.hpp>
#include "support/catch.hpp"
#include "support/contract_cases.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

using namespace droplit;

namespace {

/// Responds with its name, the parameter of the path and the body.
struct Named {
  Route route;
  std::string name;

  Response handle(const Request& request) const {
    Response response;
    write_response(response, 200, "text/plain", name + ' ' + std::string(path_parameter(request)) + ' ' + request.body);
    return response;
  }
};

/// Responds when `respond` is called.
struct Later {
  const Route route{"PUT", "/later"};
  std::function<void()> respond{};
  int cancelled = 0;

  class Steps {
   public:
    explicit Steps(Later& later) : later_(later) {}
    bool head(const RequestHead&, std::string_view, Response&) { return true; }
    bool body(std::string_view, Response&) { return true; }
    bool finish(std::string_view, Response&) { return true; }
    template <class Done>
    void complete(Response& response, Done done) {
      auto owner = std::make_shared<Done>(std::move(done));
      later_.respond = [&response, owner] {
        write_response(response, 200, "text/plain", "later");
        (*owner)();
      };
    }
    void cancel() { ++later_.cancelled; }
    [[nodiscard]] int max_body() const { return 77; }

   private:
    Later& later_;
  };
};

struct Done {
  explicit Done(int& count) noexcept : calls(&count) {}
  Done(Done&& other) noexcept : calls(std::exchange(other.calls, nullptr)) {}
  Done& operator=(Done&&) = delete;
  ~Done() = default;
  void operator()() noexcept { ++*calls; }
  int* calls;
};

std::string call(auto& router, const std::string& method, const std::string& target) {
  const Response response = router.handle(Request{method, target, {}, "body"});
  return std::to_string(response.status) + ' ' + response.body + std::string(response.fields.get("allow"));
}

}  // namespace

static_assert(SteppedHandler<Router<Named>>);
static_assert(SteppedHandler<Router<Named, decltype(contract::World::endpoint)>>);
static_assert(SteppedHandler<decltype(contract::World::endpoint)>);
static_assert(RoutedHandler<decltype(contract::World::endpoint)>);
static_assert(!std::is_constructible_v<Router<Named>, Named>, "a router keeps a reference");
static_assert(AsyncHandler<Router<Named, Later>> && AsyncHandler<Router<Later>>);
static_assert(!Handler<Router<Named, Later>>, "whose response comes later cannot be returned");
static_assert(!AsyncHandler<Router<Named>>);

TEST_CASE("a request goes to the first handler that has its path and method") {
  Named one{{"GET", "/one"}, "one"};
  Named other{{"PUT", "/one"}, "other"};
  Named any{{"GET", "/{name}"}, "any"};
  Named late{{"GET", "/late"}, "late"};
  Router router(one, other, any, late);
  CHECK(call(router, "GET", "/one") == "200 one one body");
  CHECK(call(router, "PUT", "/one") == "200 other one body");
  CHECK(call(router, "GET", "/one?x=/y") == "200 one one body");
  CHECK(call(router, "GET", "http://h/one") == "200 one one body");
  CHECK(call(router, "GET", "/two?") == "200 any two body");
  CHECK(call(router, "GET", "/late?") == "200 any late body");
  CHECK(call(router, "GET", "/late") == "200 any late body");
}

TEST_CASE("other paths are 404, and malformed targets and lengths 400") {
  Named one{{"GET", "/one"}, "one"};
  Named operation{{"GET", "/api/{id}", true}, "operation"};
  Router router(one, operation);
  for (const char* target : {"/", "/One", "/one/", "/v0/one", "*", "h:80", "", "/api", "/api/"}) {
    INFO(target);
    CHECK(call(router, "GET", target) == "404 ");
  }
  for (const char* target : {"/#", "/one#", "/two words", "http:///one", "/api/1#"}) {
    INFO(target);
    CHECK(call(router, "GET", target) == "400 ");
  }
  for (const char* target : {"/one", "/two"}) {
    Request request{"GET", target, {}, {}};
    request.fields.add("content-length", "x");
    CHECK(router.handle(request).status == 400);
  }
}

TEST_CASE("other methods are 405, and allow has the methods of the path, each once and in order") {
  Named put{{"PUT", "/one"}, "put"};
  Named get{{"GET", "/one"}, "get"};
  Named any{{"GET", "/{name}"}, "any"};
  Named remove{{"DELETE", "/{name}"}, "remove"};
  Router router(put, get, any, remove);
  CHECK(call(router, "POST", "/one") == "405 DELETE, GET, HEAD, PUT");
  CHECK(call(router, "POST", "/one?x") == "405 DELETE, GET, HEAD, PUT");
  CHECK(call(router, "POST", "/two") == "405 DELETE, GET, HEAD");
  CHECK(call(router, "get", "/one") == "405 DELETE, GET, HEAD, PUT");
  CHECK(call(router, "OPTIONS", "/one") == "405 DELETE, GET, HEAD, PUT");
  CHECK(call(router, "POST", "/") == "404 ");
  const Response response = router.handle(Request{"POST", "/two", {}, {}});
  CHECK(response.fields.lines() == "allow: DELETE, GET, HEAD\r\ncontent-length: 0\r\n");
  CHECK(read_error(response) == ApiError::of<ApiErrc::method_not_allowed>());
}

TEST_CASE("HEAD goes where GET goes, unless an earlier handler has it") {
  Named get{{"GET", "/one"}, "get"};
  Named head{{"HEAD", "/one"}, "head"};
  Named put{{"PUT", "/two"}, "put"};
  Router get_first(get, head, put);
  CHECK(call(get_first, "HEAD", "/one") == "200 get one body");
  CHECK(call(get_first, "HEAD", "/two") == "405 PUT");
  CHECK(call(get_first, "head", "/one") == "405 GET, HEAD");
  Router head_first(head, get);
  CHECK(call(head_first, "HEAD", "/one") == "200 head one body");
  CHECK(call(head_first, "GET", "/one") == "200 get one body");
}

TEST_CASE(
    "OPTIONS lists the parameters of the operations of a path, by method, and nothing is left of the response before") {
  Named post{{"POST", "/a", true, R"({"x":{}})"}, "post"};
  Named again{{"POST", "/a", true, R"({"hidden":{}})"}, "again"};
  Named get{{"GET", "/a", true, "{}"}, "get"};
  Named put{{"PUT", "/a", true}, "put"};
  Named one{{"GET", "/a/{id}", true}, "one"};
  Named plain{{"GET", "/plain", false, "{}"}, "plain"};
  Router router(post, again, get, put, one, plain);
  const std::string methods = "GET, HEAD, OPTIONS, POST, PUT";
  for (const char* target : {"/a", "/a/", "/v0/a", "/a?x"}) {
    CHECK(call(router, "OPTIONS", target) == R"(200 {"GET":{},"POST":{"x":{}}})" + methods);
    CHECK(call(router, "DELETE", target) == "405 " + methods);
  }
  CHECK(router.handle(Request{"OPTIONS", "/a", {}, {}}).fields.lines() ==
        "content-type: application/json\r\nallow: " + methods + "\r\ncontent-length: 26\r\n");
  Response response = to_response(Fault(FaultSource::storage, Fate::maybe_applied, "lost"));
  response.code = ApiErrc::forbidden;
  response.close = true;
  decltype(router)::Steps steps(router);
  CHECK_FALSE(steps.head(RequestHead("OPTIONS", "/a"), {}, response));
  CHECK(response.status == 200);
  CHECK_FALSE(response.close);
  CHECK_FALSE(response.code);
  CHECK_FALSE(response.fault);
  CHECK(call(router, "OPTIONS", "/a/1") == "405 GET, HEAD");    // has no parameters to list
  CHECK(call(router, "OPTIONS", "/plain") == "405 GET, HEAD");  // is not an operation
  CHECK(call(router, "OPTIONS", "*") == "404 ");
  CHECK(call(router, "options", "/a") == "405 " + methods);
  Named other{{"POST", "/b", true, R"({"y":{}})"}, "other"};
  Router two(post, other);  // with the same method
  CHECK(call(two, "OPTIONS", "/b") == R"(200 {"POST":{"y":{}}}OPTIONS, POST)");
}

TEST_CASE("a handler for OPTIONS gets the requests that the router would respond to") {
  Named post{{"POST", "/a", true, "{}"}, "post"};
  Named options{{"OPTIONS", "/a", true}, "options"};
  Router router(post, options);
  CHECK(call(router, "OPTIONS", "/a") == "200 options a body");
  CHECK(call(router, "GET", "/a") == "405 OPTIONS, POST");
}

TEST_CASE("an endpoint serves OPTIONS alone and within a router, unless it leaves that out") {
  const std::string parameters =
      R"({"POST":{"ecosystemId":{"in":"body","type":"string","required":true},"type":{"in":"body","type":"string",)"
      R"("required":true,"enum":["application","server"]},"name":{"in":"body","type":"string","required":false},)"
      R"("description":{"in":"body","type":"string","required":false}}})";
  contract::World world;
  Named get{{"GET", "/api/clients", true}, "get"};
  Router router(get, world.endpoint);
  CHECK(call(world.endpoint, "OPTIONS", "/api/clients") == "200 " + parameters + "OPTIONS, POST");
  CHECK(call(router, "OPTIONS", "/api/clients") == "200 " + parameters + "GET, HEAD, OPTIONS, POST");
  CHECK(call(world.endpoint, "OPTIONS", "*") == "404 ");

  Endpoint without(world.storage, world.access, world.clock, world.ids, {.serve_options = false});
  Router router_without(get, without);
  CHECK(call(without, "OPTIONS", "/api/clients") == "405 POST");
  CHECK(call(without, "GET", "/api/clients") == "405 POST");
  CHECK(call(router_without, "OPTIONS", "/api/clients") == "405 GET, HEAD, POST");
}

TEST_CASE("in steps a router does the same, one request after another") {
  Named one{{"GET", "/one"}, "one"};
  Named two{{"PUT", "/two"}, "two"};
  Router router(one, two);
  decltype(router)::Steps steps(router);
  Response response;
  const auto run = [&](std::string_view method, std::string_view target) {
    RequestHead head(method, target);
    if (!steps.head(head, {}, response)) return false;
    REQUIRE(steps.body("in ", response));
    REQUIRE(steps.finish("steps", response));
    steps.complete(response);
    return true;
  };
  CHECK(run("GET", "/one"));
  CHECK(response.body == "one one in steps");
  CHECK_FALSE(run("GET", "/two"));
  CHECK(response.fields.get("allow") == "PUT");
  CHECK(run("HEAD", "/one"));
  CHECK(run("PUT", "/two"));
  CHECK(response.body == "two two in steps");
  CHECK_FALSE(run("PUT", "/three"));
  CHECK(response.status == 404);
}

TEST_CASE("a body is limited by the handler it goes to, and without one by the largest limit") {
  struct Limited : Named {
    std::uint32_t max_body = 0;
  };
  Limited small{{{"PUT", "/small"}, "small"}, 3};
  Limited large{{{"PUT", "/large"}, "large"}, 5};
  Router router(small, large);
  CHECK(router.handle(Request{"PUT", "/small", {}, "123"}).status == 200);
  CHECK(router.handle(Request{"PUT", "/small", {}, "1234"}).status == 413);
  CHECK(router.handle(Request{"PUT", "/large", {}, "12345"}).status == 200);
  CHECK(router.handle(Request{"PUT", "/large", {}, "123456"}).status == 413);
  decltype(router)::Steps steps(router);
  CHECK(steps.max_body() == 5);
  Response response;
  CHECK(steps.head(RequestHead("PUT", "/small"), {}, response));
  CHECK(steps.max_body() == 3);
  CHECK_FALSE(steps.head(RequestHead("PUT", "/none"), {}, response));
  CHECK(steps.max_body() == 5);
  Later later;  // whose limit is an int
  Router mixed(small, later);
  decltype(mixed)::Steps mixed_steps(mixed);
  CHECK(mixed_steps.max_body() == 77);
  CHECK(mixed_steps.head(RequestHead("PUT", "/small"), {}, response));
  CHECK(mixed_steps.max_body() == 3);
}

TEST_CASE("a router reads the route of a handler once, and no request makes the handler read it again") {
  struct {
    struct Counted {
      int reads = 0;
      operator Route() {
        ++reads;
        return {"PUT", "/counted"};
      }
    };
    mutable Counted route{};
    Response handle(const Request&) { return {}; }
  } handler;
  Router router(handler);
  CHECK(router.handle(Request{"PUT", "/counted", {}, {}}).status == 0);
  CHECK(router.handle(Request{"PUT", "/other", {}, {}}).status == 404);
  CHECK(handler.route.reads == 1);
}

TEST_CASE("the routes of a router are those of its handlers, in their order") {
  Named one{{"GET", "/one"}, "one"};
  Named two{{"PUT", "/two/{id}"}, "two"};
  const Router router(one, two);
  REQUIRE(router.routes().size() == 2);
  CHECK(router.routes()[0].path == "/one");
  CHECK(router.routes()[1].method == "PUT");
}

TEST_CASE("the parameter of a path is its last segment, as it was received") {
  const auto parameter = [](std::string target) {
    const Request request{"GET", std::move(target), {}, {}};
    return std::string(path_parameter(request));
  };
  CHECK(parameter("/api/clients/1") == "1");
  CHECK(parameter("/v0/api/clients/1/") == "1");
  CHECK(parameter("/api/clients/%31?a=/2") == "%31");
  CHECK(parameter("http://h/api/clients/1") == "1");
  CHECK(parameter("/").empty());
  CHECK(parameter("").empty());
  CHECK(parameter("*").empty());
}

TEST_CASE("a router of a handler that responds later and of plain ones responds later itself, or at once") {
  Named plain{{"GET", "/plain"}, "plain"};
  Later later;
  Router router(plain, later);
  decltype(router)::Steps steps(router);
  Response response;
  int calls = 0;

  REQUIRE(steps.head(RequestHead("PUT", "/later"), "", response));
  CHECK(steps.max_body() == 77);
  REQUIRE(steps.finish("", response));
  steps.complete(response, Done(calls));
  CHECK(calls == 0);
  steps.cancel();
  CHECK(later.cancelled == 1);
  later.respond();
  CHECK(calls == 1);
  CHECK(response.body == "later");

  REQUIRE(steps.head(RequestHead("GET", "/plain"), "", response));
  REQUIRE(steps.body("bo", response));
  REQUIRE(steps.finish("dy", response));
  steps.complete(response, Done(calls));
  CHECK(calls == 2);
  CHECK(response.body == "plain plain body");
  steps.cancel();  // which a plain handler has no use for
  CHECK(later.cancelled == 1);

  CHECK_FALSE(steps.head(RequestHead("PUT", "/plain"), "", response));
  CHECK(response.status == 405);
  CHECK_FALSE(steps.head(RequestHead("PUT", "/elsewhere"), "", response));
  CHECK(response.status == 404);
  CHECK(steps.max_body() == 1024 * 1024);  // what any of them takes
}
