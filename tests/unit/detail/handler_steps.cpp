// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/handler_steps.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace droplit;

namespace {

/// Keeps the request, and does as it is told.
struct Recorder {
  std::uint32_t max_body = 10;
  Response response{.status = 200, .fields = {}, .body = "ok"};
  std::optional<Fault> fault = {};
  bool throws = false;
  Request seen = {};
  std::optional<FaultSource> reported = {};

  Response handle(const Request& request) {
    seen = request;
    if (throws) throw std::runtime_error("canary");
    if (fault) throw *fault;
    return response;
  }
  void report(const Fault& what) noexcept { reported = what.source(); }
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

TEST_CASE("a handler gets the whole request, all its fields included") {
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

  REQUIRE(steps.head(RequestHead("GET", "/"), {}, response));
  REQUIRE(steps.finish({}, response));
  steps.complete(response);
  CHECK(recorder.seen == Request{"GET", "/", {}, {}});
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

  for (const bool last : {false, true}) {
    response = {};
    REQUIRE(steps.head(RequestHead("PUT", "/"), {}, response));
    REQUIRE(steps.body("1234567890", response));
    CHECK_FALSE((last ? steps.finish("1", response) : steps.body("1", response)));
    CHECK(response.status == 413);
  }
  CHECK(recorder.seen == Request());
}

TEST_CASE("a response without content-length gets it, if one with its status may have a body") {
  Recorder recorder;
  CHECK(run(recorder).fields.lines() == "content-length: 2\r\n");
  recorder.response.fields.add("Content-Length", "2");
  CHECK(run(recorder).fields.lines() == "Content-Length: 2\r\n");
  for (const int status : {101, 204, 304}) {
    recorder.response = Response{.status = status, .fields = {}, .body = {}};
    CHECK(run(recorder).fields.lines().empty());
  }
}

TEST_CASE("what a handler throws is reported and becomes a 500, or a 503 if it is a fault that means that") {
  Recorder recorder;
  recorder.throws = true;
  const Response response = run(recorder);
  CHECK(response.status == 500);
  CHECK(response.body.find("canary") == std::string::npos);
  CHECK(recorder.reported == FaultSource::library);

  recorder.throws = false;
  recorder.fault = Fault::unavailable(FaultSource::storage, "busy");
  CHECK(run(recorder).status == 503);
  CHECK(recorder.reported == FaultSource::storage);
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
