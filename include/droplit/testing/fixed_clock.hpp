// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/clock.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/timestamp.hpp>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A clock whose time changes only by `set`, which must not run at the same time as `now`.
class FixedClock {
 public:
  /// The clock that shows `time`.
  constexpr explicit FixedClock(Timestamp time) noexcept : time_(time) {}

  [[nodiscard]] constexpr Timestamp now() const noexcept { return time_; }  ///< the time that was set last
  constexpr void set(Timestamp time) noexcept { time_ = time; }             ///< changes the time, also backwards

 private:
  Timestamp time_;
};

static_assert(Clock<FixedClock>);
static_assert(Clock<const FixedClock>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
