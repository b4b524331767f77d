// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "timestamp.hpp"

#include <chrono>
#include <optional>

namespace droplit {

/// The same instant as a `std::chrono` time point.
constexpr std::chrono::sys_time<std::chrono::milliseconds> to_sys_time(Timestamp time) noexcept {
  return std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(time.unix_millis()));
}

/// The same instant, rounded down to whole milliseconds, or nothing if it lies outside the years 0000 to 9999.
template <class Duration>
constexpr std::optional<Timestamp> to_timestamp(std::chrono::sys_time<Duration> time) noexcept {
  const std::chrono::duration<long double, std::milli> wide = time.time_since_epoch();  // which no duration overflows
  if (!(wide.count() >= Timestamp::min_unix_millis && wide.count() < Timestamp::max_unix_millis + 1))
    return std::nullopt;
  return Timestamp::from_unix_millis(std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

}  // namespace droplit
