// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The rule of all options types: a duration, size or count outside its range counts as the nearest value within it, so
// that neither 0, a negative value nor the type's maximum (often written for "never") can overflow anything. Used by
// every type of options.

#include <droplit/detail/config.hpp>

#include <cstdint>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The longest duration that any option takes, in milliseconds: 24 hours.
inline constexpr std::int64_t longest_millis = 86'400'000;

/// `value`, or the nearest to it from `least` to `most`.
template <class Value>
constexpr Value bounded(Value value, Value least, Value most) noexcept {
  return value < least ? least : most < value ? most : value;
}

/// `time`, or the nearest to it from `least` to the longest duration; `Millis` is `std::chrono::milliseconds`, which is
/// not opened here.
template <class Millis>
constexpr Millis bounded_time(Millis time, int least) noexcept {
  return bounded(time, Millis(least), Millis(longest_millis));
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
