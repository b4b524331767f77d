// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Failure as a number: an operation is run again and again, and each time another one of its events fails: an
// allocation, a call of the disk, a system call, a message. What an event is, is up to who counts it.
#pragma once

#include "catch.hpp"

#include <stdlib.h>
#include <atomic>
#include <initializer_list>
#include <limits>

namespace test {

/// Whether the long forms of tests are to be run.
inline const bool is_long = ::getenv("DROPLIT_LONG") != nullptr;

inline constexpr long from_then_on = std::numeric_limits<long>::max() / 2;

/// The events of an operation that fail: the one of this number, counted from 1, and as many after it that `times` do.
struct Failure {
  long nth = 0;  ///< 0: none
  long times = 1;

  [[nodiscard]] bool is_lasting() const noexcept { return times == from_then_on; }
};

/// Counts events of one kind, and says which of them fail. Thread-safe, and allocates nothing.
class Events {
 public:
  /// Whose events count: those of the thread that prepares them, those of all others, or all.
  enum class Of { this_thread, other_threads, all_threads };

  /// Sets what will fail, and begins to count at 0 at the next `resume`.
  void prepare(Failure failure, Of threads = Of::this_thread) noexcept {
    active_ = false;
    owner_ = &marker;
    threads_ = threads;
    first_ = failure.nth;
    times_ = failure.times;
    count_ = 0;
    failed_ = 0;
  }
  void resume() noexcept { active_ = true; }    ///< events are counted from now on
  void suspend() noexcept { active_ = false; }  ///< and from now on not

  /// One more event. True if it fails.
  bool next() noexcept {
    if (!active_.load(std::memory_order_acquire)) return false;
    const Of threads = threads_;
    if (threads != Of::all_threads && (threads == Of::this_thread) != (&marker == owner_)) return false;
    const long number = ++count_;
    const long first = first_;
    if (first == 0 || number < first || number - first >= times_) return false;
    ++failed_;
    return true;
  }

  [[nodiscard]] long count() const noexcept { return count_; }            ///< how many there were
  [[nodiscard]] bool have_come() const noexcept { return failed_ != 0; }  ///< whether one of them failed

 private:
  static inline constinit thread_local char marker = 0;

  std::atomic<bool> active_ = false;
  std::atomic<Of> threads_ = Of::this_thread;
  std::atomic<const char*> owner_ = nullptr;
  std::atomic<long> first_ = 0;
  std::atomic<long> times_ = 0;
  std::atomic<long> count_ = 0;
  std::atomic<long> failed_ = 0;
};

/// Calls `attempt(failure)` with the first event failing, then with the second one, until it returns that the event did
/// not come, for each number of events that fail in a row. Goes on by `step`. Returns how many attempts had a failure.
template <class Attempt>
long each_failure(Attempt attempt, std::initializer_list<long> times = {1, from_then_on}, long step = 1) {
  long failed = 0;
  for (const long in_a_row : times) {
    bool came = true;
    for (Failure failure{1, in_a_row}; came; failure.nth += step) {
      CAPTURE(failure.nth, failure.times);
      if (failure.nth >= 1'000'000) FAIL("an operation without an end");
      came = attempt(failure);
      if (came) ++failed;
    }
  }
  return failed;
}

}  // namespace test
