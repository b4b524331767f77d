// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/print.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// An instant in UTC, in whole milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted; years 0000 to 9999.
///
/// The text is ISO 8601 in the one form of the API's pages: `2018-02-28T15:16:58.941Z`. Conversions to and from
/// `std::chrono` are in chrono.hpp.
class Timestamp {
 public:
  static constexpr std::int64_t min_unix_millis = -62167219200000;  ///< 0000-01-01T00:00:00.000Z
  static constexpr std::int64_t max_unix_millis = 253402300799999;  ///< 9999-12-31T23:59:59.999Z

  /// The size of the text, in characters.
  static constexpr std::size_t text_size = 24;

  /// The instant, or nothing if it lies outside the years 0000 to 9999.
  static constexpr std::optional<Timestamp> from_unix_millis(std::int64_t millis) noexcept {
    if (millis < min_unix_millis || millis > max_unix_millis) return std::nullopt;
    return Timestamp(millis);
  }

  /// The instant, or the nearest one within the years 0000 to 9999.
  static constexpr Timestamp clamp_unix_millis(std::int64_t millis) noexcept {
    return Timestamp(millis < min_unix_millis ? min_unix_millis : millis > max_unix_millis ? max_unix_millis : millis);
  }

  /// The instant written in `text`, or nothing: every digit and separator is required, the date must exist, second 60
  /// and hour 24 are invalid.
  static constexpr std::optional<Timestamp> parse(std::string_view text) noexcept {
    if (text.size() != text_size) return std::nullopt;
    unsigned flaws = 0;  // not 0 once a character is not the one that its place needs
    auto number = [&flaws, at = text.data()](int size, char after) mutable {
      unsigned value = 0;
      for (const char* const end = at + size; at != end; ++at) {
        const unsigned digit = static_cast<unsigned char>(*at) - unsigned{'0'};
        flaws |= digit > 9;
        value = value * 10 + digit;
      }
      flaws |= *at++ != after;
      return std::int64_t{value};
    };
    const std::int64_t year = number(4, '-');
    const std::int64_t month = number(2, '-');
    const std::int64_t day = number(2, 'T');
    const std::int64_t hour = number(2, ':');
    const std::int64_t minute = number(2, ':');
    const std::int64_t second = number(2, '.');
    const std::int64_t milli = number(3, 'Z');
    if (flaws != 0) return std::nullopt;
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59) {
      return std::nullopt;
    }
    const std::int64_t seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    return Timestamp(seconds * 1000 + milli);
  }

  [[nodiscard]] constexpr std::int64_t unix_millis() const noexcept { return millis_; }  ///< may be negative

  /// Writes the text to `out`, which has room for `text_size` characters, and returns its end. No NUL is written.
  constexpr char* write(char* out) const noexcept {
    constexpr std::int64_t day_millis = 86400000;
    std::int64_t days = millis_ / day_millis;
    std::int64_t rest = millis_ % day_millis;
    if (rest < 0) {
      --days;
      rest += day_millis;
    }
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": eras of 400 years that begin on 1 March.
    const std::int64_t shifted = days + 719468;
    const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    const std::int64_t day_of_era = shifted - era * 146097;
    const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
    const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);

    out = digits(out, year, 4, '-');
    out = digits(out, month, 2, '-');
    out = digits(out, day_of_year - (153 * shifted_month + 2) / 5 + 1, 2, 'T');
    out = digits(out, rest / 3600000, 2, ':');
    out = digits(out, rest / 60000 % 60, 2, ':');
    out = digits(out, rest / 1000 % 60, 2, '.');
    return digits(out, rest % 1000, 3, 'Z');
  }

  /// The text, `2018-02-28T15:16:58.941Z`.
  [[nodiscard]] std::string text() const {
    char buffer[text_size];
    return {buffer, write(buffer)};
  }

  constexpr auto operator<=>(const Timestamp&) const noexcept = default;

 private:
  constexpr explicit Timestamp(std::int64_t millis) noexcept : millis_(millis) {}

  static constexpr std::int64_t days_in(std::int64_t year, std::int64_t month) noexcept {
    if (month == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
  }

  static constexpr std::int64_t days_since_1970(std::int64_t year, std::int64_t month, std::int64_t day) noexcept {
    const std::int64_t shifted_year = month <= 2 ? year - 1 : year;
    const std::int64_t era = (shifted_year >= 0 ? shifted_year : shifted_year - 399) / 400;
    const std::int64_t year_of_era = shifted_year - era * 400;
    const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
  }

  static constexpr char* digits(char* out, std::int64_t value, int count, char after) noexcept {
    for (int i = count; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
    out[count] = after;
    return out + count + 1;
  }

  std::int64_t millis_;
};

template <>
struct detail::Print<Timestamp> : PrintText<Timestamp> {};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
