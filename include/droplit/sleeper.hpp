// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>

#include <concepts>
#include <cstdint>

#if __has_include(<unistd.h>)
#include <unistd.h>
#include <ctime>
#else
#include <chrono>
#include <random>
#include <thread>
#endif

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A policy that waits before something is tried again.
template <class W>
concept Sleeper = requires(W& sleeper, std::int64_t time) {
  /// The present time in milliseconds, by a clock that does not go backwards. Where keys are used it must go on while
  /// the machine is suspended: it ends their 24 hours.
  { sleeper.now() } -> std::convertible_to<std::int64_t>;
  /// Returns at that time or later.
  sleeper.sleep_until(time);
  /// 32 random bits.
  { sleeper.random_bits() } -> std::convertible_to<std::uint32_t>;
};

/// Waits in the calling thread, by the system's steady clock and its random bits. Thread-safe.
class SystemSleeper {
 public:
  /// Returns at `time` of `now`'s clock or later.
  void sleep_until(std::int64_t time) const {
    // In steps: a signal may end a sleep early, and `time` may be further ahead than the system can count.
    for (std::int64_t present = now(); present < time; present = now()) {
      sleep(static_cast<int>(detail::bounded<std::int64_t>(time - present, 1, 60'000)));
    }
  }

#if __has_include(<unistd.h>)
  /// Milliseconds of a clock that does not go backwards and, on Linux, goes on while the machine is suspended.
  std::int64_t now() const noexcept {
    timespec time{};
#if defined(CLOCK_BOOTTIME)
    ::clock_gettime(CLOCK_BOOTTIME, &time);
#else
    ::clock_gettime(CLOCK_MONOTONIC, &time);
#endif
    const std::int64_t seconds = time.tv_sec;
    return seconds * 1000 + time.tv_nsec / 1'000'000;
  }

  /// 32 random bits, of the clock where the system has no others.
  std::uint32_t random_bits() const noexcept {
    std::uint32_t bits = 0;
    if (::getentropy(&bits, sizeof bits) != 0) bits = static_cast<std::uint32_t>(now()) * 2'654'435'761u;
    return bits;
  }

 private:
  static void sleep(int millis) noexcept {
    timespec time{};
    time.tv_sec = millis / 1000;
    time.tv_nsec = millis % 1000 * 1'000'000;
    ::nanosleep(&time, nullptr);
  }
#else
  std::int64_t now() const {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
  }

  std::uint32_t random_bits() const { return std::random_device()(); }

 private:
  static void sleep(int millis) { std::this_thread::sleep_for(std::chrono::milliseconds(millis)); }
#endif
};

static_assert(Sleeper<const SystemSleeper>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
