// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "log.hpp"

#include <droplit/observe/prometheus.hpp>
#include <droplit/router.hpp>
#include <droplit/server/beast.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <utility>

namespace server {

/// Serves `GET /metrics` on an address of its own.
class MetricsServer {
 public:
  static constexpr unsigned max_connections = 16;

  /// Listens at the host and port of `options`. Throws `std::system_error` if it cannot.
  MetricsServer(const droplit::Prometheus& metrics, droplit::ServerOptions options, Log log)
      : page_(metrics), server_(router_, limited(std::move(options))), log_(std::move(log)) {}
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  ~MetricsServer() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

  /// Serves, by a thread of its own, until the end. Throws `std::system_error` if there is none.
  void start() {
    thread_ = std::thread([this] {
      try {
        server_.run();
      } catch (const std::exception& failure) {
        log_.line(std::string("metrics are not served any more: ") + failure.what());
      }
    });
  }

  [[nodiscard]] std::string url() const { return server_.url(); }

 private:
  static droplit::ServerOptions limited(droplit::ServerOptions options) {
    options.max_connections = max_connections;
    options.max_memory = 0;  // the least
    options.stop_grace = std::chrono::milliseconds(0);
    return options;
  }

  using Router = droplit::Router<const droplit::MetricsResource>;

  const droplit::MetricsResource page_;
  Router router_{page_};
  droplit::BeastServer<Router> server_;
  Log log_;
  std::thread thread_;
};

}  // namespace server
