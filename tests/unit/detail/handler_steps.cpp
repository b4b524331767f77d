// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/handler_steps.hpp>

#include <droplit/router.hpp>
#include "support/catch.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace droplit;

namespace {

/// Keeps the request, and responds as it is set to.
struct Recorder {
  std::uint32_t max_body = 10;
  Response response{.status = 200, .fields = {}, .body = "ok"};
  std::optional<Fault> fault = {};
  bool throws = false;
  Request seen = {};

  Response handle(const Request& request) {
    seen = request;
    if (throws) throw std::runtime_error("canary");
    if (fault) throw *fault;
    return response;
  }
};

struct WithoutLimit {
  Response handle(const Request&) { return {}; }
};

using Steps = detail::StepsOf<Recorder>;
static_assert(std::is_same_v<Steps, detail::WholeSteps<Recorder>>);

Response run(Recorder& recorder) {
  Steps steps(recorder);
  Response response;
  REQUIRE(steps.head(RequestHead("GET", "/"), {}, response));
  REQUIRE(steps.finish({}, response));
  steps.complete(response);
  return response;
}

}  // namespace

TEST_CASE(
    "a handler gets the whole request, all its fields included, and nothing is left of the one before or its response") {
  Recorder recorder;
  Steps steps(recorder);
  Response response;
  {
    const std::string lines = "Host: a\r\nX-Two:  spaced \t\r\nX-TWO:again:\r\nempty:\r\n";
    REQUIRE(steps.head(RequestHead("PUT", "/a?b"), lines, response));
  }
  REQUIRE(steps.body("12", response));
  REQUIRE(steps.finish("34", response));
  steps.complete(response);
  CHECK(recorder.seen.method == "PUT");
  CHECK(recorder.seen.target == "/a?b");
  CHECK(recorder.seen.fields.lines() == "Host: a\r\nX-Two: spaced\r\nX-TWO: again:\r\nempty: \r\n");
  CHECK(recorder.seen.body == "1234");

  recorder.response.fields.add("x-own", "1");
  REQUIRE(steps.head(RequestHead("GET", "/"), {}, response));
  REQUIRE(steps.finish({}, response));
  steps.complete(response);
  CHECK(recorder.seen == Request{"GET", "/", {}, {}});
  CHECK(response.fields.lines() == "x-own: 1\r\ncontent-length: 2\r\n");
}

TEST_CASE("a body beyond the limit is 413, announced or not, and the handler is not called") {
  Recorder recorder;
  CHECK(detail::WholeSteps<Recorder>(recorder).max_body() == 10);
  WithoutLimit without;
  CHECK(detail::WholeSteps<WithoutLimit>(without).max_body() == 1024 * 1024);

  Steps steps(recorder);
  Response response;
  RequestHead head("PUT", "/");
  head.add("content-length", "11");
  CHECK_FALSE(steps.head(head, {}, response));
  CHECK(response.status == 413);
  CHECK(response.close);
  RequestHead fitting("PUT", "/");
  fitting.add("content-length", "10");
  CHECK(steps.head(fitting, {}, response));

  for (const bool last : {false, true}) {
    response = {};
    REQUIRE(steps.head(RequestHead("PUT", "/"), {}, response));
    REQUIRE(steps.body("1234567890", response));
    CHECK_FALSE((last ? steps.finish("1", response) : steps.body("1", response)));
    CHECK(response.status == 413);
  }
  CHECK(recorder.seen == Request());
}

TEST_CASE("a response has the content-length of its body, and none of the fields that frame a message") {
  Recorder recorder;
  CHECK(run(recorder).fields.lines() == "content-length: 2\r\n");
  for (const std::string_view name : {"content-length", "transfer-encoding", "connection", "date", "host", "expect",
                                      "authorization", "Content-Length", "TRANSFER-ENCODING"}) {
    CAPTURE(name);
    recorder.response.fields.clear();
    recorder.response.fields.add("x-one", "1");
    recorder.response.fields.add(name, "3");
    recorder.response.fields.add("X-Two", " 2");
    recorder.response.fields.add(name, "4");
    const Response response = run(recorder);
    CHECK(response.fields.lines() == "x-one: 1\r\nX-Two: 2\r\ncontent-length: 2\r\n");
    CHECK(response.body == "ok");
  }
  recorder.response.close = true;
  CHECK(run(recorder).close);
}

TEST_CASE("a 204 and a 304 have neither body nor content-length, and a 205 has no body") {
  Recorder recorder;
  recorder.response.fields.add("content-length", "2");
  recorder.response.fields.add("etag", "e");
  for (const int status : {204, 304}) {
    recorder.response.status = status;
    const Response response = run(recorder);
    CHECK(response.status == status);
    CHECK(response.body.empty());
    CHECK(response.fields.lines() == "etag: e\r\n");
  }
  recorder.response.status = 205;
  CHECK(run(recorder).fields.lines() == "etag: e\r\ncontent-length: 0\r\n");
  CHECK(run(recorder).body.empty());
  for (const int status : {200, 303, 599}) {
    recorder.response.status = status;
    CHECK(run(recorder).status == status);
    CHECK(run(recorder).body == "ok");
  }
}

TEST_CASE("a status that is not of a final response is a fault, and 0 stays") {
  Recorder recorder;
  for (const int status : {-200, -1, 1, 20, 100, 101, 103, 199, 600, 999, 1000, 1200, 65736}) {
    CAPTURE(status);
    recorder.response.status = status;
    const Response response = run(recorder);
    CHECK(response == to_response(Fault(FaultSource::library, Fate::maybe_applied, {})));
    REQUIRE(response.fault);
    CHECK(response.fault->source() == FaultSource::library);
    CHECK(response.fault->fate() == Fate::maybe_applied);
  }
  recorder.response.status = 0;
  CHECK(run(recorder).status == 0);
  CHECK_FALSE(run(recorder).fault);
}

TEST_CASE("a handler with a route gets the requests of that route alone, as in a router") {
  struct Routed {
    Route route{"GET", "/a/{b}", true};
    int calls = 0;
    Response handle(const Request&) {
      ++calls;
      return {200, {}, {}};
    }
  } handler;
  Router router(handler);
  const struct {
    Request request;
    int status;
  } cases[] = {{{"GET", "/a/1", {}, {}}, 200},  {{"GET", "/v0/a/1/?x", {}, {}}, 200}, {{"GET", "/a/", {}, {}}, 404},
               {{"GET", "/", {}, {}}, 404},     {{"PUT", "/b", {}, {}}, 404},         {{"PUT", "/a/1", {}, {}}, 405},
               {{"HEAD", "/a/1", {}, {}}, 200}, {{"OPTIONS", "/a/1", {}, {}}, 405},   {{"GET", "/a/1#", {}, {}}, 400}};
  for (const auto& [request, status] : cases) {
    CAPTURE(request.method, request.target);
    handler.calls = 0;
    const Response response = detail::respond(handler, request);
    CHECK(response.status == status);
    CHECK(handler.calls == (status == 200 ? 1 : 0));
    CHECK(response == router.handle(request));
    CHECK(response.fields.get("allow") == (status == 405 ? "GET, HEAD" : ""));
  }
}

TEST_CASE("what a handler throws becomes a 500, or a 503 if it is a fault that means that, and the response keeps it") {
  Recorder recorder;
  recorder.throws = true;
  Response response = run(recorder);
  CHECK(response.status == 500);
  CHECK(response.body.find("canary") == std::string::npos);
  REQUIRE(response.fault);
  CHECK(response.fault->source() == FaultSource::library);
  CHECK(response.fault->fate() == Fate::maybe_applied);

  recorder.throws = false;
  recorder.fault = Fault::unavailable(FaultSource::storage, "busy");
  response = run(recorder);
  CHECK(response.status == 503);
  REQUIRE(response.fault);
  CHECK(response.fault->source() == FaultSource::storage);
}

TEST_CASE("the code and the fault of a handler's own response stay, and are not those of the request before") {
  Recorder recorder;
  recorder.response = to_response(ApiError::of<ApiErrc::forbidden>());
  Response response = run(recorder);
  CHECK(response.code == ApiErrc::forbidden);
  recorder.response = to_response(Fault(FaultSource::storage, Fate::maybe_applied, "lost"));
  response = run(recorder);
  CHECK_FALSE(response.code);
  REQUIRE(response.fault);
  CHECK(response.fault->what() == "lost");
  recorder.response = Response{.status = 200, .fields = {}, .body = "ok"};
  detail::respond(recorder, Request{"POST", "/", {}, {}});
  CHECK_FALSE(run(recorder).fault);
}

TEST_CASE("memory that was reserved in the response stays there") {
  Recorder recorder;
  Steps steps(recorder);
  Response response;
  response.body.reserve(64);
  REQUIRE(steps.head(RequestHead("GET", "/"), {}, response));
  REQUIRE(steps.finish({}, response));
  const char* const before = response.body.data();
  steps.complete(response);
  CHECK(response.body.data() == before);
}
