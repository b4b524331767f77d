// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Every response has a `date` field, whose text changes once a second and must depend neither on the locale nor on the
// time zone. `HttpDate` makes that text, and keeps it for each thread; `write_http` uses it.

#include <droplit/detail/config.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// An IMF-fixdate, RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`. Outside the years 0000 to 9999, which have
/// four digits, the nearest second.
class HttpDate {
 public:
  explicit HttpDate(std::time_t time) noexcept : time_(time) {
    constexpr std::int64_t first = -62'167'219'200;
    constexpr std::int64_t last = 253'402'300'799;
    const std::chrono::sys_seconds instant{std::chrono::seconds(std::clamp<std::int64_t>(time, first, last))};
    const auto day = std::chrono::floor<std::chrono::days>(instant);
    const std::chrono::year_month_day date(day);
    const auto second = static_cast<unsigned>((instant - day).count());
    std::snprintf(text_, sizeof text_, "%.3s, %02u %.3s %04d %02u:%02u:%02u GMT",
                  &"SunMonTueWedThuFriSat"[3 * std::chrono::weekday(day).c_encoding()],
                  static_cast<unsigned>(date.day()),
                  &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * static_cast<unsigned>(date.month()) - 3],
                  static_cast<int>(date.year()), second / 3600, second / 60 % 60, second % 60);
  }

  [[nodiscard]] std::string_view text() const noexcept { return {text_, 29}; }

  /// The current time. The view is valid until this thread calls it again.
  static std::string_view now() noexcept {
    thread_local HttpDate date(0);
    const std::time_t time = std::time(nullptr);
    if (time != date.time_) date = HttpDate(time);
    return date.text();
  }

 private:
  std::time_t time_;
  char text_[96];
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
