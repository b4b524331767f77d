// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/observe/json_lines.hpp>

#include <droplit/timestamp.hpp>

#include "support/catch.hpp"
#include "support/thread_allocations.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include <unistd.h>

namespace {

using namespace std::chrono_literals;

std::array<int, 2> open_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  return ends;
}

/// A log whose lines can be read again.
struct Lines {
  Lines() = default;
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() {
    log.drain(1h);
    ::close(ends[0]);
    ::close(ends[1]);
  }

  std::string line() const {
    std::string text;
    for (char c = 0; ::read(ends[0], &c, 1) == 1 && c != '\n';) text += c;
    CHECK(text.size() <= droplit::LineLog::max_line);
    CHECK(boost::json::parse(text).is_object());
    return text;
  }

  /// The next line without its time.
  std::string members() const {
    const std::string text = line();
    constexpr std::string_view before = "{\"time\":\"";
    constexpr std::size_t end = before.size() + droplit::Timestamp::text_size;
    REQUIRE(text.starts_with(before));
    CHECK(droplit::Timestamp::parse(text.substr(before.size(), droplit::Timestamp::text_size)));
    REQUIRE(text.substr(end, 2) == "\",");
    return "{" + text.substr(end + 2);
  }

  std::array<int, 2> ends = open_pipe();
  droplit::LineLog log{ends[1], {.format = droplit::LogFormat::json}};
  droplit::JsonLines observer{log};
};

droplit::RequestFinished created() {
  droplit::RequestFinished request;
  request.route = "/api/clients";
  request.method = "POST";
  request.status = 201;
  request.nanoseconds = 1'234'567;
  request.bytes_received = 213;
  request.bytes_sent = 301;
  return request;
}

}  // namespace

TEST_CASE("a request is one line") {
  const Lines lines;
  lines.observer.finished(created());
  CHECK(
      lines.members() ==
      R"({"event":"request","method":"POST","route":"/api/clients","status":201,"seconds":0.001234,"received":213,"sent":301})");

  droplit::RequestFinished refused = created();
  refused.status = 400;
  refused.code = droplit::ApiErrc::ecosystem_invalid;
  refused.request_id = "a\"b\\c";
  refused.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  refused.attempt = 2;
  refused.nanoseconds = 90'000'000'001;
  lines.observer.finished(refused);
  CHECK(
      lines.members() ==
      R"({"event":"request","request_id":"a\"b\\c","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",)"
      R"("attempt":2,"method":"POST","route":"/api/clients","status":400,"code":"Ecosystem Invalid",)"
      R"("seconds":90.000000,"received":213,"sent":301})");
  lines.observer.finished({});
  CHECK(lines.members() ==
        R"({"event":"request","method":"other","route":"none","status":0,"seconds":0.000000,"received":0,"sent":0})");
}

TEST_CASE("the time of a line is the system's, also where that was set back") {
  const Lines lines;
  auto& latest = droplit::process::latest_millis;
  const auto before = latest.exchange(droplit::Timestamp::parse("9999-01-01T00:00:00.000Z")->unix_millis());
  lines.observer.finished(created());
  latest = before;
  CHECK(lines.line().starts_with("{\"time\":\"2"));
}

TEST_CASE("a fault is one line, with the request that it ended, which is another") {
  const Lines lines;
  const droplit::Fault fault(droplit::FaultSource::storage, droplit::Fate::maybe_applied,
                             "sqlite insert: disk I/O error");
  lines.observer.fault(fault);
  CHECK(lines.members() ==
        R"({"event":"fault","source":"storage","fate":"maybe applied","text":"sqlite insert: disk I/O error"})");
  droplit::RequestFinished request = created();
  request.status = 500;
  request.fault = &fault;
  request.request_id = "r1";
  lines.observer.finished(request);
  CHECK(
      lines.members() ==
      R"({"event":"fault","request_id":"r1","method":"POST","route":"/api/clients","source":"storage","fate":"maybe applied","text":"sqlite insert: disk I/O error"})");
  CHECK(
      lines.members() ==
      R"({"event":"request","request_id":"r1","method":"POST","route":"/api/clients","status":500,"fate":"maybe applied","seconds":0.001234,"received":213,"sent":301})");
}

TEST_CASE("neither what a response said nor what caused a fault is in its line") {
  const Lines lines;
  auto fault = droplit::Fault::unknown_response(502, "an unknown response", "canary");
  lines.observer.fault(fault);
  CHECK(lines.line().find("canary") == std::string::npos);
  lines.observer.fault(droplit::Fault(droplit::FaultSource::access, droplit::Fate::not_applied, "failed",
                                      std::make_exception_ptr(std::runtime_error("canary"))));
  CHECK(lines.line().find("canary") == std::string::npos);
}

TEST_CASE("a line is whole and of bounded length, however long its texts are and whatever is in them") {
  const Lines lines;
  for (const std::string_view piece : {"x", "\"", "\x01", "\xFF", "\xC3\xA9"}) {
    std::string longer;
    while (longer.size() < 4000) longer += piece;
    lines.observer.fault(droplit::Fault(droplit::FaultSource::storage, droplit::Fate::not_applied, longer));
    const auto line = boost::json::parse(lines.line()).as_object();
    CHECK(line.at("text").as_string().size() > 100);
    CHECK(line.size() == 5);
  }
  // The longest that a validated request id can be when it is written, beside a route that is too long.
  droplit::RequestFinished request = created();
  const std::string id(128, '"');
  const std::string route(2000, 'r');
  request.request_id = id;
  request.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  request.route = route;
  lines.observer.finished(request);
  const auto line = boost::json::parse(lines.line()).as_object();
  CHECK(line.at("request_id").as_string() == std::string_view(id));
  CHECK_FALSE(line.contains("route"));
  CHECK(line.at("sent").as_int64() == 301);
}

TEST_CASE("a line allocates nothing once the log has its memory") {
  const Lines lines;
  for (int i = 0; i != 100; ++i) {
    lines.observer.finished(created());
    static_cast<void>(lines.line());
  }
  const auto request = created();
  std::size_t allocations = 0;
  for (int i = 0; i != 20; ++i) {
    const std::size_t before = test::allocations;
    lines.observer.finished(request);
    allocations += test::allocations - before;
    static_cast<void>(lines.line());
  }
  CHECK(allocations == 0);
}
