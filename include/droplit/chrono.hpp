// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/timestamp.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <ratio>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The same instant as a `std::chrono` time point.
constexpr std::chrono::sys_time<std::chrono::milliseconds> to_sys_time(Timestamp time) noexcept {
  return std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(time.unix_millis()));
}

/// The same instant, rounded down to whole milliseconds, or nothing if it lies outside the years 0000 to 9999.
template <class Duration>
constexpr std::optional<Timestamp> to_timestamp(std::chrono::sys_time<Duration> time) noexcept {
  const std::chrono::duration<long double, std::milli> wide = time.time_since_epoch();  // no duration overflows it
  if (!(wide.count() >= Timestamp::min_unix_millis && wide.count() < Timestamp::max_unix_millis + 1))
    return std::nullopt;
  if constexpr (std::chrono::treat_as_floating_point_v<typename Duration::rep>) {
    return Timestamp::from_unix_millis(std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count());
  } else {  // not std::chrono::floor, which overflows near the ends of some durations and for unusual ticks
    using Ratio = std::ratio_divide<typename Duration::period, std::milli>;
    using Ticks = std::common_type_t<typename Duration::rep, std::int64_t>;  // may be unsigned, or wider
    const Ticks ticks = time.time_since_epoch().count();
    auto whole = static_cast<std::int64_t>(ticks / Ticks{Ratio::den});
    auto rest = static_cast<std::int64_t>(ticks % Ticks{Ratio::den});
    if (rest < 0) {
      --whole;
      rest += Ratio::den;
    }
    return Timestamp::from_unix_millis(whole * Ratio::num + rest * Ratio::num / Ratio::den);
  }
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
