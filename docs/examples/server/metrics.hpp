// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "log.hpp"

#include <droplit/observe/prometheus.hpp>
#include <droplit/router.hpp>
#include <droplit/server/beast.hpp>

#include <atomic>
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

  /// Listens at the host and port of `options`, and starts a thread that waits; or throws `std::system_error`.
  MetricsServer(const droplit::Prometheus& metrics, droplit::ServerOptions options, Log log)
      : page_(metrics),
        server_(router_, limited(std::move(options))),
        log_(std::move(log)),
        thread_([this] { run(); }) {}
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  ~MetricsServer() {
    server_.stop();
    start();
    thread_.join();
  }

  /// Serves until the end.
  void start() noexcept {
    started_ = true;
    started_.notify_one();
  }

  [[nodiscard]] std::string url() const { return server_.url(); }

 private:
  void run() noexcept {
    started_.wait(false);
    try {
      server_.run();
    } catch (const std::exception& failure) {
      log_.line(std::string("metrics are not served any more: ") + failure.what());
    }
  }

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
  std::atomic<bool> started_ = false;
  std::thread thread_;
};

}  // namespace server
