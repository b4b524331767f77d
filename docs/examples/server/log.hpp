// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// A log that never blocks the thread that writes a line: lines go into a bounded queue, from which one thread writes
// them to a file descriptor. What cannot be queued or written is counted ("N lines lost"), and a line that repeats is
// written once and then counted ("the same N times more").
//
//   serving threads --line()--> [ queue, at most 1024 lines ] --writer thread--> file descriptor, which may be stalled

#include "../program/process.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace server {

/// Writes whole lines to a file descriptor, each after the program's name. Thread-safe; copies share one queue. The
/// writer thread is never joined, since a stalled reader may block its write without a limit; it ends with the process.
class Log {
 public:
  using Time = std::chrono::steady_clock;

  static constexpr std::size_t max_queued = 1024;  ///< lines
  static constexpr std::size_t max_line = 1024;    ///< bytes; a longer one is cut
  static constexpr std::size_t max_repeated = 64;  ///< different lines that are summed up
  static constexpr std::chrono::milliseconds default_period{10'000};

  /// `period` is how long a line that repeats is only counted. Throws `std::system_error` if there is no thread.
  explicit Log(int fd, std::chrono::milliseconds period = default_period) : shared_(std::make_shared<Shared>()) {
    shared_->fd = fd;
    shared_->period = period;
    std::thread([shared = shared_] { shared->run(); }).detach();
  }

  /// Queues a line, or counts it as lost.
  void line(std::string_view text) const noexcept { shared_->add(text); }

  /// The same for what may come very often: within a period only the first of equal lines is written, then their
  /// number.
  void repeated(std::string_view text) const noexcept { shared_->add_repeated(text); }

  /// Waits until all lines were written or given up, the sums among them, but at most so long. False if some were not.
  bool drain(std::chrono::milliseconds most) const noexcept { return shared_->drain(most); }

 private:
  struct Entry {
    std::string text;
    std::uint64_t lines;  // that are lost if this is not written
  };

  struct Shared {
    int fd = -1;
    std::chrono::milliseconds period{};
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Entry> queue;
    std::map<std::string, std::uint64_t, std::less<>> repeats;
    std::uint64_t lost = 0;
    bool writing = false;

    void add(std::string_view text) noexcept {
      const std::lock_guard lock(mutex);
      push(text);
      changed.notify_all();
    }

    void add_repeated(std::string_view text) noexcept {
      const std::lock_guard lock(mutex);
      try {
        if (const auto found = repeats.find(text); found != repeats.end()) {
          ++found->second;
          return;
        }
        if (repeats.size() < max_repeated) repeats.emplace(text, 0);
      } catch (...) {  // no memory to sum it up
      }
      push(text);
      changed.notify_all();
    }

    bool drain(std::chrono::milliseconds most) noexcept {
      std::unique_lock lock(mutex);
      sum_up();
      changed.notify_all();
      return changed.wait_for(lock, most, [this] { return queue.empty() && !writing; });
    }

    void run() {
      std::unique_lock lock(mutex);
      Time::time_point next = Time::now() + period;
      for (;;) {
        if (const auto now = Time::now(); now >= next) {
          sum_up();
          next = now + period;
        }
        if (!changed.wait_until(lock, next, [this] { return !queue.empty(); })) continue;
        const Entry entry = std::move(queue.front());
        queue.pop_front();
        writing = true;
        lock.unlock();
        const bool written = program::write_all(fd, entry.text);
        lock.lock();
        writing = false;
        if (!written) lost += entry.lines;
        changed.notify_all();
      }
    }

    // The number of lost lines goes before the first one that finds room again.
    void push(std::string_view text) noexcept {
      try {
        if (queue.size() >= max_queued) {
          ++lost;
          return;
        }
        push_lost();
        queue.push_back({whole(text), 1});
      } catch (...) {
        ++lost;
      }
    }

    void push_lost() {
      if (lost == 0 || queue.size() >= max_queued) return;
      queue.push_back({whole(std::to_string(lost) + " lines lost"), lost});
      lost = 0;
    }

    void sum_up() noexcept {
      for (auto each = repeats.begin(); each != repeats.end();) {
        if (each->second == 0) {
          each = repeats.erase(each);
          continue;
        }
        try {
          push(each->first + " (the same " + std::to_string(each->second) + " times more)");
        } catch (...) {
          ++lost;
        }
        each->second = 0;
        ++each;
      }
      try {
        push_lost();
      } catch (...) {  // they are still counted
      }
    }

    static std::string whole(std::string_view text) {
      return std::string("droplit-server: ").append(text.substr(0, max_line)).append("\n");
    }
  };

  std::shared_ptr<Shared> shared_;
};

}  // namespace server
