// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/observe/detail/json_line.hpp>
#include <droplit/observe/line_log.hpp>

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/observer.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// An observer that writes one JSON object on one line for each request, and one for each fault. docs/observability.md
/// lists the members.
///
///     JsonLines lines(LineLog(STDERR_FILENO, {.format = LogFormat::json}));
///     BeastServer server(endpoint, {}, lines);
///
/// Blocks no request: what the reader of the descriptor does not take is lost and counted (`LineLog`). No line has a
/// value of a request, except its id and its traceparent. Thread-safe.
class JsonLines : public NoObserver {
 public:
  /// Writes to `log`, whose format should be `LogFormat::json`.
  explicit JsonLines(LineLog log) noexcept : log_(std::move(log)) {}

  /// Writes the line of a request, and before it the one of its fault.
  void finished(const RequestFinished& request) const noexcept {
    if (request.fault != nullptr) write_fault(*request.fault, &request);
    detail::JsonLine line("request");
    add_request(line, request);
    line.number(",\"status\":", static_cast<std::uint64_t>(request.status));
    if (request.code) line.word(",\"code\":\"", row(*request.code).name);
    if (request.fault != nullptr) line.word(",\"fate\":\"", to_string(request.fault->fate()));
    line.seconds(",\"seconds\":", request.nanoseconds);
    line.number(",\"received\":", request.bytes_received);
    line.number(",\"sent\":", request.bytes_sent);
    log_.record(line.finish());
  }

  /// Writes the line of a fault that belongs to no request.
  void fault(const Fault& fault) const noexcept { write_fault(fault, nullptr); }

 private:
  static void add_request(detail::JsonLine& line, const RequestBegan& request) noexcept {
    if (!request.request_id.empty()) line.text(",\"request_id\":\"", request.request_id);
    if (!request.traceparent.empty()) line.word(",\"traceparent\":\"", request.traceparent);
    if (request.attempt != 0) line.number(",\"attempt\":", request.attempt);
    line.word(",\"method\":\"", request.method);
    line.text(",\"route\":\"", request.route);
  }

  void write_fault(const Fault& fault, const RequestBegan* request) const noexcept {
    detail::JsonLine line("fault");
    if (request != nullptr) add_request(line, *request);
    line.word(",\"source\":\"", to_string(fault.source()));
    line.word(",\"fate\":\"", to_string(fault.fate()));
    line.excerpt(",\"text\":\"", fault.what());
    log_.record(line.finish());
  }

  LineLog log_;
};

static_assert(Observer<const JsonLines>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
