// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// One JSON object on one line, made in place, since each request pays for its line: no allocation, names of members
// whose size the compiler knows, and a time of which only the milliseconds are new. Used by `JsonLines`.

#include <droplit/observe/detail/json_excerpt.hpp>
#include <droplit/observe/line_log.hpp>

#include <droplit/clock.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/text.hpp>
#include <droplit/timestamp.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Writes an instant to `out`, which has room for `Timestamp::text_size` characters, and returns the end.
inline char* write_time(char* out, Timestamp time) noexcept {
  struct Second {
    std::int64_t number;
    std::array<char, Timestamp::text_size> text;
  };
  constinit thread_local Second last{-1, {}};  // that this thread has written
  const std::int64_t millis = time.unix_millis();
  if (millis < 0) return time.write(out);
  if (millis / 1000 != last.number) {
    time.write(last.text.data());
    last.number = millis / 1000;
  }
  out = std::copy(last.text.begin(), last.text.end(), out);
  auto rest = static_cast<unsigned>(millis % 1000);
  for (int i = 2; i != 5; ++i) {
    out[-i] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  return out;
}

/// A line of at most `LineLog::max_line` bytes. A member that would not fit is left out.
class JsonLine {
 public:
  /// Begins with the time and the name of the event, which needs no escape.
  template <std::size_t N>
  explicit JsonLine(const char (&event)[N]) noexcept {
    append("{\"time\":\"");
    end_ = write_time(end_, wall_time());
    append("\",\"event\":\"");
    append(event);
    append("\"");
  }

  /// Adds a member whose value is text that needs no escape. `name` is `,"NAME":"`.
  template <std::size_t N>
  void word(const char (&name)[N], std::string_view value) noexcept {
    if (N + value.size() > left()) return;
    append(name);
    end_ = std::copy(value.begin(), value.end(), end_);
    append("\"");
  }

  /// The same for any text in UTF-8.
  template <std::size_t N>
  void text(const char (&name)[N], std::string_view value) noexcept {
    if (N + 6 * value.size() > left() && N + json_text_size(value) > left()) return;
    append(name);
    end_ = write_json_text(end_, value);
    append("\"");
  }

  /// The same for the beginning of any bytes, as much as there is room for.
  template <std::size_t N>
  void excerpt(const char (&name)[N], std::string_view value) noexcept {
    if (N > left()) return;
    append(name);
    end_ = write_json_excerpt(end_, value, left() - 1);
    append("\"");
  }

  /// Adds a member whose value is a whole number. `name` is `,"NAME":`.
  template <std::size_t N>
  void number(const char (&name)[N], std::uint64_t value) noexcept {
    if (N + max_digits > left()) return;
    append(name);
    end_ = std::to_chars(end_, end_ + max_digits, value).ptr;
  }

  /// Adds a member whose value is seconds, to the microsecond. `name` is `,"NAME":`.
  template <std::size_t N>
  void seconds(const char (&name)[N], std::int64_t nanoseconds) noexcept {
    if (N + max_digits + 7 > left()) return;
    const auto micros = static_cast<std::uint64_t>((std::max)(nanoseconds, std::int64_t{0})) / 1000;
    number(name, micros / 1'000'000);
    auto rest = static_cast<std::uint32_t>(micros % 1'000'000);
    *end_ = '.';
    for (std::size_t i = 6; i != 0; --i) {
      end_[i] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    }
    end_ += 7;
  }

  /// Ends the object, and returns the line.
  [[nodiscard]] std::string_view finish() noexcept {
    append("}");
    return {bytes_.data(), size()};
  }

 private:
  static constexpr std::size_t max_digits = 20;

  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end_ - bytes_.data()); }

  // How many bytes there is room for before the end of the object.
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - size() - 1; }

  template <std::size_t N>
  void append(const char (&text)[N]) noexcept {
    end_ = std::copy_n(text, N - 1, end_);
  }

  std::array<char, LineLog::max_line> bytes_;
  char* end_ = bytes_.data();
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
