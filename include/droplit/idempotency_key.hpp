// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/detail/print.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The key under which a create may be sent again: 1 to 255 characters from 0x21 to 0x7E (ours). Its scope is the
/// ecosystem.
///
/// A moved-from key is valid, but its value is unspecified.
class IdempotencyKey {
 public:
  static constexpr std::size_t max_size = 255;  ///< characters

  /// The key, or nothing if `text` is not one.
  static std::optional<IdempotencyKey> parse(std::string_view text) {
    if (text.empty() || text.size() > max_size || !std::all_of(text.begin(), text.end(), is_allowed)) return {};
    return IdempotencyKey(std::string(text));
  }

  /// The key in the value of a field `idempotency-key`, or nothing if it is malformed: the key itself, or, if it begins
  /// with a quotation mark, an RFC 8941 string without parameters that contains it.
  static std::optional<IdempotencyKey> parse_field(std::string_view value) {
    if (!value.starts_with('"')) return parse(value);
    std::string text;
    for (std::size_t i = 1; i != value.size(); ++i) {
      if (value[i] == '"') return i + 1 == value.size() ? parse(text) : std::nullopt;
      if (value[i] == '\\') {
        ++i;
        if (i == value.size() || (value[i] != '"' && value[i] != '\\')) return {};
      }
      text += value[i];
    }
    return {};
  }

  /// The value of a field `idempotency-key` from which `parse_field` reads this key: the characters, or, if the first
  /// is a quotation mark, an RFC 8941 string.
  [[nodiscard]] std::string field_value() const {
    if (!value_.starts_with('"')) return value_;
    std::string quoted = "\"";
    for (const char c : value_) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    return quoted + '"';
  }

  [[nodiscard]] const std::string& str() const& noexcept { return value_; }  ///< the characters
  [[nodiscard]] std::string str() && noexcept { return std::move(value_); }
  [[nodiscard]] std::string str() const&& { return value_; }

  bool operator==(const IdempotencyKey&) const = default;

 private:
  static constexpr bool is_allowed(char c) noexcept { return c >= 0x21 && c <= 0x7E; }

  explicit IdempotencyKey(std::string&& value) noexcept : value_(std::move(value)) {}

  std::string value_;
};

template <>
struct detail::Print<IdempotencyKey> {
  static void append(std::string& out, const IdempotencyKey& key) { append_quoted(out, key.str()); }
};

namespace detail {

/// How long a store remembers a key unless its options say otherwise, in milliseconds: 30 days.
inline constexpr std::int64_t default_key_age = 30 * longest_millis;

/// The limit of an option, within its range: 48 hours to 100 years.
constexpr std::int64_t bounded_key_age(std::int64_t millis) noexcept {
  return bounded(millis, 2 * longest_millis, 36'525 * longest_millis);
}

}  // namespace detail

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
