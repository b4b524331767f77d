// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/platform.hpp>
#include <droplit/timestamp.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <limits>

namespace droplit::inline v0::process {

/// The latest instant that any `SystemClock` of the process has returned, in milliseconds since 1970.
DROPLIT_DETAIL_SHARED constinit inline std::atomic<std::int64_t> latest_millis{
    (std::numeric_limits<std::int64_t>::min)()};

}  // namespace droplit::inline v0::process

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A policy that returns the time.
template <class C>
concept Clock = requires(C& clock) {
  /// The present instant, the `createdAt` of a client. Successive calls may return the same.
  { clock.now() } -> std::same_as<Timestamp>;
};

/// The system's clock, in UTC. Within a process it never goes backwards: if the system's clock is set back, it returns
/// the latest instant until that has caught up. Outside the years 0000 to 9999 it returns the nearest instant.
/// Thread-safe.
class SystemClock {
 public:
  /// The present instant, or the latest that was returned before, if that is later.
  Timestamp now() const noexcept { return not_before_earlier(process::unix_millis()); }

 private:
  static Timestamp not_before_earlier(std::int64_t millis) noexcept {
    std::atomic<std::int64_t>& latest = process::latest_millis;
    std::int64_t seen = latest.load(std::memory_order_relaxed);
    while (seen < millis && !latest.compare_exchange_weak(seen, millis, std::memory_order_relaxed)) {
    }
    return Timestamp::clamp_unix_millis(seen < millis ? millis : seen);
  }
};

namespace detail {

/// The system's time as it is, also where it was set back.
inline Timestamp wall_time() noexcept { return Timestamp::clamp_unix_millis(process::unix_millis()); }

}  // namespace detail

static_assert(Clock<SystemClock>);
static_assert(Clock<const SystemClock>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
