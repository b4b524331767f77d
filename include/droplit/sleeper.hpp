// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/detail/platform.hpp>

#include <concepts>
#include <cstdint>

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
      process::sleep_millis(static_cast<int>(detail::bounded<std::int64_t>(time - present, 1, 60'000)));
    }
  }

  /// Milliseconds of a clock that does not go backwards and, on Linux, goes on while the machine is suspended.
  std::int64_t now() const noexcept { return process::boot_nanos() / 1'000'000; }

  /// 32 random bits, of the clock where the system has no others.
  std::uint32_t random_bits() const noexcept {
    std::uint32_t bits = 0;
    if (!process::random_bytes(&bits, sizeof bits)) bits = static_cast<std::uint32_t>(now()) * 2'654'435'761u;
    return bits;
  }
};

static_assert(Sleeper<const SystemSleeper>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
