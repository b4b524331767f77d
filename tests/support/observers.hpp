// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Observers for tests: one that keeps what it is informed of, and one that throws.
#pragma once

#include <droplit/observer.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// What an observer was informed of: a request that began, or one that finished, as lasting values.
struct Event {
  bool finished = false;
  std::string route = {};
  std::string method = {};
  std::string request_id = {};
  std::string traceparent = {};
  std::uint32_t attempt = 0;
  int status = 0;
  std::optional<droplit::ApiErrc> code = {};
  std::optional<droplit::Fault> fault = {};
  std::int64_t nanoseconds = 0;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
};

/// Keeps all events. Thread-safe. Its clock goes on by one at each reading.
class Recording {
 public:
  void began(const droplit::RequestBegan& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(described(event));
  }

  void finished(const droplit::RequestFinished& event) {
    const std::lock_guard lock(mutex_);
    Event kept = described(event);
    kept.finished = true;
    kept.status = event.status;
    kept.code = event.code;
    if (event.fault != nullptr) kept.fault = *event.fault;
    kept.nanoseconds = event.nanoseconds;
    kept.received = event.bytes_received;
    kept.sent = event.bytes_sent;
    events_.push_back(std::move(kept));
  }

  void fault(const droplit::Fault& fault) {
    const std::lock_guard lock(mutex_);
    faults_.push_back(fault);
  }

  void connection_opened() {
    const std::lock_guard lock(mutex_);
    ++opened_;
  }

  void connection_closed() {
    const std::lock_guard lock(mutex_);
    ++closed_;
  }

  std::int64_t now() {
    const std::lock_guard lock(mutex_);
    return ++time_;
  }

  [[nodiscard]] std::vector<Event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }

  /// The requests that finished, after it was checked that each began once before it, with the same description. Only
  /// for requests one after another.
  [[nodiscard]] std::vector<Event> requests() const {
    const std::vector<Event> all = events();
    std::vector<Event> requests;
    for (std::size_t i = 0; i != all.size(); ++i) {
      if (all[i].finished != (i % 2 == 1)) throw std::logic_error("not a beginning and an end in turn");
      if (!all[i].finished) continue;
      const Event& began = all[i - 1];
      if (began.route != all[i].route || began.method != all[i].method || began.request_id != all[i].request_id ||
          began.traceparent != all[i].traceparent || began.attempt != all[i].attempt) {
        throw std::logic_error("began as another request than it finished");
      }
      requests.push_back(all[i]);
    }
    if (all.size() % 2 != 0) throw std::logic_error("a request has not finished");
    return requests;
  }

  [[nodiscard]] std::vector<droplit::Fault> faults() const {
    const std::lock_guard lock(mutex_);
    return faults_;
  }

  [[nodiscard]] int opened() const {
    const std::lock_guard lock(mutex_);
    return opened_;
  }

  [[nodiscard]] int closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  static Event described(const droplit::RequestBegan& event) {
    Event kept;
    kept.route = event.route;
    kept.method = event.method;
    kept.request_id = event.request_id;
    kept.traceparent = event.traceparent;
    kept.attempt = event.attempt;
    return kept;
  }

  mutable std::mutex mutex_;
  std::vector<Event> events_;
  std::vector<droplit::Fault> faults_;
  std::int64_t time_ = 0;
  int opened_ = 0;
  int closed_ = 0;
};

/// Throws whenever it is called.
struct Throwing {
  void began(const droplit::RequestBegan&) const { throw std::runtime_error("began"); }
  void finished(const droplit::RequestFinished&) const { throw 1; }
  void fault(const droplit::Fault&) const { throw std::runtime_error("fault"); }
  void connection_opened() const { throw std::runtime_error("opened"); }
  void connection_closed() const { throw std::runtime_error("closed"); }
  std::int64_t now() const { throw std::runtime_error("now"); }
};

}  // namespace test
