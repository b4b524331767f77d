// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Each request as a span of OpenTelemetry, without its library: one line of OTLP/JSON on standard output, as the
// Collector's receiver `otlpjsonfile` reads it.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/observe/line_log.hpp>
#include <droplit/observer.hpp>
#include <droplit/storage/memory.hpp>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

using namespace droplit::literals;

/// Random hex digits, 16 for each number.
std::string random_id(int numbers) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::string id;
  for (int i = 0; i != numbers; ++i) {
    std::uint64_t bits = random();
    for (int digit = 0; digit != 16; ++digit) {
      id += "0123456789abcdef"[bits & 15U];
      bits >>= 4U;
    }
  }
  return id;
}

std::string attribute(std::string_view key, std::string_view kind, std::string_view value) {
  return std::string(R"({"key":")")
      .append(key)
      .append(R"(","value":{")")
      .append(kind)
      .append(R"(":")")
      .append(value)
      .append(R"("}})");
}

/// Writes a span for each request that was served. A request with a traceparent becomes a part of its trace, unless
/// that is not sampled; any other one begins a trace.
class Spans : public droplit::NoObserver {
 public:
  explicit Spans(droplit::LineLog lines) : lines_(std::move(lines)) {}

  void finished(const droplit::RequestFinished& request) const {
    std::string trace_id = random_id(2);
    std::string parent;
    if (const std::string_view given = request.traceparent; !given.empty()) {  // 00-TRACE-PARENT-FLAGS, checked before
      if (std::string_view("13579bdf").find(given.back()) == std::string_view::npos) return;  // not sampled
      trace_id = given.substr(3, 32);
      parent = R"("parentSpanId":")" + std::string(given.substr(36, 16)) + R"(",)";
    }
    const auto end =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    const std::string method(request.method == "other" ? "_OTHER" : request.method);
    std::string attributes = attribute("http.request.method", "stringValue", method) + "," +
                             attribute("http.route", "stringValue", request.route) + "," +
                             attribute("http.response.status_code", "intValue", std::to_string(request.status));
    if (request.code) attributes += "," + attribute("error.type", "stringValue", row(*request.code).name);
    if (request.fault != nullptr) {
      attributes += "," + attribute("error.type", "stringValue", to_string(request.fault->source()));
    }
    const bool failed = request.status >= 500 || request.status == 0;
    lines_.record(R"({"resourceSpans":[{"resource":{"attributes":[)" +
                  attribute("service.name", "stringValue", "clients") +
                  R"(]},"scopeSpans":[{"scope":{"name":"droplit"},"spans":[{"traceId":")" + trace_id +
                  R"(","spanId":")" + random_id(1) + R"(",)" + parent + R"("name":")" + method + " " +
                  std::string(request.route) + R"(","kind":2,"startTimeUnixNano":")" +
                  std::to_string(end - request.nanoseconds) + R"(","endTimeUnixNano":")" + std::to_string(end) +
                  R"(","attributes":[)" + attributes + R"(],"status":{"code":)" + (failed ? "2" : "0") + "}}]}]}]}");
  }

 private:
  droplit::LineLog lines_;
};

int main() {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  const auto access = droplit::TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const droplit::LineLog lines(STDOUT_FILENO);
  const Spans spans(lines);
  droplit::Endpoint endpoint(storage, access, clock, ids, {}, spans);

  droplit::Request create{"POST", "/api/clients", {}, R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})"};
  create.fields.add("authorization", "demo");
  create.fields.add("content-type", "application/json");
  create.fields.add("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  endpoint.handle(create);
  create.body = R"({"type":"gateway"})";
  endpoint.handle(create);
  return lines.drain(std::chrono::seconds(10)) ? 0 : 1;
}
