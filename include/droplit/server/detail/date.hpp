// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// An IMF-fixdate, RFC 9110 section 5.6.7, whatever the locale: `Sun, 06 Nov 1994 08:49:37 GMT`.
class HttpDate {
 public:
  explicit HttpDate(std::chrono::sys_seconds time) noexcept {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    const auto name = [](const char* names, unsigned index) { return std::string_view(names + 3 * index, 3); };
    put(0, name("SunMonTueWedThuFriSat", std::chrono::weekday(day).c_encoding()));
    put(5, static_cast<unsigned>(date.day()), 2);
    put(8, name("JanFebMarAprMayJunJulAugSepOctNovDec", static_cast<unsigned>(date.month()) - 1));
    put(12, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    put(17, static_cast<unsigned>(clock.hours().count()), 2);
    put(20, static_cast<unsigned>(clock.minutes().count()), 2);
    put(23, static_cast<unsigned>(clock.seconds().count()), 2);
  }

  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

  /// The system's time, written anew once a second in each thread. The view is good until this thread asks again.
  static std::string_view now() noexcept {
    thread_local std::time_t written = 0;
    thread_local HttpDate date{std::chrono::sys_seconds()};
    if (const std::time_t time = std::time(nullptr); time != written) {
      written = time;
      date = HttpDate(std::chrono::sys_seconds(std::chrono::seconds(time)));
    }
    return date.text();
  }

 private:
  void put(std::size_t at, std::string_view name) noexcept {
    for (const char c : name) text_[at++] = c;
  }

  void put(std::size_t at, unsigned number, std::size_t digits) noexcept {
    for (std::size_t i = digits; i-- != 0; number /= 10) text_[at + i] = static_cast<char>('0' + number % 10);
  }

  std::array<char, 29> text_{'S', 'u', 'n', ',', ' ', '0', '0', ' ', 'J', 'a', 'n', ' ', '0', '0', '0',
                             '0', ' ', '0', '0', ':', '0', '0', ':', '0', '0', ' ', 'G', 'M', 'T'};
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
