// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The smallest parts of HTTP's grammar (RFC 9110, section 5.6; RFC 5234, appendix B): characters, tokens, numbers,
// lists and comparison without case. Every other header that reads a piece of a head, a target, an id or an escape is
// written with these.

#include <droplit/detail/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_letter(char c) noexcept { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

inline constexpr char hex_digits[] = "0123456789abcdef";

/// The value of each byte that is a hex digit; -1 of the others.
inline constexpr auto hex_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i != 16; ++i) {
    const auto value = static_cast<std::int8_t>(i);
    values[static_cast<unsigned char>(hex_digits[i])] = value;
    if (i >= 10) values[static_cast<unsigned char>(hex_digits[i] - 'a' + 'A')] = value;
  }
  return values;
}();

/// The value of a hex digit, or -1.
constexpr int hex_value(char c) noexcept { return hex_values[static_cast<unsigned char>(c)]; }

constexpr bool is_hex_digit(char c) noexcept { return hex_value(c) >= 0; }

/// For each byte whether it is a letter, a digit or one of `others`.
consteval std::array<bool, 256> alphanumerics_and(std::string_view others) noexcept {
  std::array<bool, 256> is{};
  for (std::size_t i = 0; i != is.size(); ++i) {
    const char c = static_cast<char>(i);
    is[i] = is_digit(c) || is_letter(c) || others.find(c) != std::string_view::npos;
  }
  return is;
}

/// For each byte whether it is a `tchar` of RFC 9110, section 5.6.2.
inline constexpr auto token_characters = alphanumerics_and("!#$%&'*+-.^_`|~");

constexpr bool is_token_character(char c) noexcept { return token_characters[static_cast<unsigned char>(c)]; }

/// Whether `c` is neither a control character nor a space. Bytes beyond ASCII are visible (`obs-text`).
constexpr bool is_visible(char c) noexcept { return static_cast<unsigned char>(c) > ' ' && c != '\x7F'; }

/// Whether `c` may be part of a field's value.
constexpr bool is_field_character(char c) noexcept { return is_visible(c) || c == ' ' || c == '\t'; }

/// Whether all of `text` fulfils `predicate`; true of an empty text.
template <class Predicate>
constexpr bool all_of(std::string_view text, Predicate predicate) noexcept {
  for (const char c : text) {
    if (!predicate(c)) return false;
  }
  return true;
}

constexpr bool is_token(std::string_view text) noexcept { return !text.empty() && all_of(text, is_token_character); }

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i != a.size(); ++i) {
    if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}

/// Whether `text` is `constant`, which the compiler knows: a comparison that is compiled in place.
constexpr bool is_exactly(std::string_view text, std::string_view constant) noexcept {
  return text.size() == constant.size() &&
         std::char_traits<char>::compare(text.data(), constant.data(), constant.size()) == 0;
}

/// `text` without the spaces and tabs around it (`OWS`).
constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Removes what precedes the first `separator` from the front of `text`, and the separator; all if there is none.
constexpr std::string_view take_until(std::string_view& text, char separator) noexcept {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(part.size() == text.size() ? part.size() : part.size() + 1);
  return part;
}

/// Removes the token that `text` begins with, which may be empty, from its front.
constexpr std::string_view take_token(std::string_view& text) noexcept {
  std::size_t size = 0;
  while (size != text.size() && is_token_character(text[size])) ++size;
  const std::string_view token = text.substr(0, size);
  text.remove_prefix(size);
  return token;
}

/// The byte that the percent escape (RFC 3986, section 2.1) at the front of `text` encodes; -1 if it does not begin
/// with one.
constexpr int read_percent_escape(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '%' || !is_hex_digit(text[1]) || !is_hex_digit(text[2])) return -1;
  return hex_value(text[1]) * 16 + hex_value(text[2]);
}

/// The number that one or more decimal digits are, or nothing if it has more than 64 bits or `text` is anything else.
constexpr std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (!is_digit(c) || number > ((std::numeric_limits<std::uint64_t>::max)() - digit) / 10) return std::nullopt;
    number = number * 10 + digit;
  }
  return number;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
