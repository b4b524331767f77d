// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "log.hpp"

#include <droplit/fault.hpp>
#include <droplit/observe/json_lines.hpp>
#include <droplit/observe/prometheus.hpp>
#include <droplit/observer.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace server {

/// What droplit-server does with what it observes: a line in the log for each fault, in JSON for each request too, and
/// the counts of `/metrics`, if it has one.
class Observation : public droplit::NoObserver {
 public:
  /// `metrics` may be null.
  Observation(const Log& log, droplit::LogFormat format, droplit::Prometheus* metrics)
      : log_(log), lines_(log), format_(format), metrics_(metrics) {}

  void began(const droplit::RequestBegan& request) noexcept {
    if (metrics_ != nullptr) metrics_->began(request);
  }

  void finished(const droplit::RequestFinished& request) {
    if (metrics_ != nullptr) metrics_->finished(request);
    if (format_ == droplit::LogFormat::json) {
      lines_.finished(request);
    } else if (request.fault != nullptr) {
      log(*request.fault, request.request_id);
    }
  }

  void fault(const droplit::Fault& fault) {
    if (metrics_ != nullptr) metrics_->fault(fault);
    if (format_ == droplit::LogFormat::json) {
      lines_.fault(fault);
    } else {
      log(fault, {});
    }
  }

  void connection_opened() noexcept {
    if (metrics_ != nullptr) metrics_->connection_opened();
  }

  void connection_closed() noexcept {
    if (metrics_ != nullptr) metrics_->connection_closed();
  }

 private:
  // For the operator: a `Fault` holds no token and nothing of a request. Of equal ones the log names the first request.
  void log(const droplit::Fault& fault, std::string_view request_id) const {
    std::string request;
    if (!request_id.empty()) request.append(" (request ").append(request_id).append(")");
    log_.repeated(std::string("fault: ")
                      .append(to_string(fault.source()))
                      .append(": ")
                      .append(fault.what())
                      .append("; ")
                      .append(to_string(fault.fate())),
                  request);
  }

  Log log_;
  droplit::JsonLines lines_;
  droplit::LogFormat format_;
  droplit::Prometheus* metrics_;
};

}  // namespace server
