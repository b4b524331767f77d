// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "log.hpp"

#include <droplit/checked_storage.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace server {

/// GET of one path, for an orchestrator: 200 `ok`, or 503 `not ready`. A serving thread responds at once, so that a
/// store that hangs, and blocks all of its threads, does not delay it.
class Probe {
 public:
  const droplit::Route route;

  /// `path` must last. `is_good` must not block.
  Probe(
      std::string_view path, std::function<bool()> is_good = [] { return true; })
      : route{"GET", path}, is_good_(std::move(is_good)) {}

  void respond(droplit::Response& response) const {
    const bool good = is_good_();
    write_response(response, good ? 200 : 503, "text/plain; charset=utf-8", good ? "ok" : "not ready");
  }

  [[nodiscard]] droplit::Response handle(const droplit::Request&) const {
    droplit::Response response;
    respond(response);
    return response;
  }

  /// Ends each request with its head; what it has of a body is dropped.
  class Steps {
   public:
    explicit Steps(const Probe& probe) noexcept : probe_(probe) {}
    bool head(const droplit::RequestHead&, std::string_view, droplit::Response& response) {
      probe_.respond(response);
      return false;
    }
    bool body(std::string_view, droplit::Response&) noexcept { return false; }
    bool finish(std::string_view, droplit::Response&) noexcept { return false; }
    void complete(droplit::Response&) noexcept {}
    [[nodiscard]] std::uint32_t max_body() const noexcept { return 1024 * 1024; }

   private:
    const Probe& probe_;
  };

 private:
  std::function<bool()> is_good_;
};

/// Whether the store can be used now, by one trivial read after another on a thread of its own, at most one a `period`.
/// It cannot while a read takes longer than `limit`, and after a read that did so or failed.
class Readiness {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Read = std::function<droplit::Outcome<void>()>;  ///< may block, and throw

  /// Starts the thread, which waits for `begin`. Throws `std::system_error` if there is none.
  explicit Readiness(Log log, Milliseconds period = Milliseconds(1000), Milliseconds limit = Milliseconds(1000))
      : log_(std::move(log)), period_(period), limit_(limit), thread_([this] { run(); }) {}
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  /// Waits for the read that is under way.
  ~Readiness() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  /// Begins to read a store that was just opened.
  void begin(Read read) {
    {
      const std::lock_guard lock(mutex_);
      read_ = std::move(read);
      answers_ = true;
    }
    changed_.notify_all();
  }

  [[nodiscard]] bool is_ready() const {
    const std::lock_guard lock(mutex_);
    return answers_ && !(reading_since_ && Time::now() - *reading_since_ > limit_);
  }

 private:
  using Time = std::chrono::steady_clock;

  void run() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || read_; });
    while (!ended_) {
      const auto begin = Time::now();
      reading_since_ = begin;
      lock.unlock();
      std::string failure = try_read();
      if (failure.empty() && Time::now() - begin > limit_) failure = "too slow";
      lock.lock();
      reading_since_.reset();
      if (std::exchange(answers_, failure.empty()) != failure.empty()) {
        report(failure);
      }
      changed_.wait_until(lock, begin + period_, [this] { return ended_; });
    }
  }

  void report(const std::string& failure) const noexcept {
    if (failure.empty()) return log_.line("ready again: the store answers");
    try {
      log_.line("not ready: the store does not answer: " + failure);
    } catch (const std::bad_alloc&) {
      log_.line("not ready: the store does not answer");
    }
  }

  // What failed; empty if nothing did. Only a fault's own text may need memory.
  [[nodiscard]] std::string try_read() const noexcept {
    try {
      const auto result = read_();
      if (result) return {};
      const std::string& what = result.assume_exception().what();
      return what.empty() ? "a fault" : what;
    } catch (...) {
      return "an exception";
    }
  }

  Log log_;
  const Milliseconds period_;
  const Milliseconds limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Read read_;  // the thread's alone once it is there
  bool ended_ = false;
  bool answers_ = false;
  std::optional<Time::time_point> reading_since_;
  std::thread thread_;
};

}  // namespace server
