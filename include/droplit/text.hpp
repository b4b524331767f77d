// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/detail/utf8.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {
class DraftFields;
class FastClientReader;
}  // namespace detail

/// A text as the contract has it: UTF-8 without U+0000, of any length, not normalised.
///
/// A moved-from text is valid, but its value is unspecified.
class Text {
 public:
  /// The text, or nothing if `text` is not UTF-8 or contains U+0000 (no store keeps it; ours).
  static std::optional<Text> parse(std::string text) {
    if (text.find('\0') != std::string::npos || !detail::is_utf8(text)) return std::nullopt;
    return Text(Checked(), std::move(text));
  }

  /// Passkey: already validated, by the readers of bodies.
  class Checked {
    friend class Text;
    friend class detail::DraftFields;
    friend class detail::FastClientReader;
    Checked() = default;
  };
  /// Takes the text, which was validated.
  Text(Checked, std::string&& text) noexcept : value_(std::move(text)) {}
  /// Copies the text, which was validated.
  Text(Checked, std::string_view text) : value_(text) {}

  [[nodiscard]] const std::string& str() const& noexcept { return value_; }  ///< the text in UTF-8
  [[nodiscard]] std::string str() && noexcept { return std::move(value_); }
  [[nodiscard]] std::string str() const&& { return value_; }

  bool operator==(const Text&) const = default;
  auto operator<=>(const Text&) const = default;
  /// Compares the bytes.
  friend bool operator==(const Text& a, std::string_view b) noexcept { return a.value_ == b; }

 private:
  std::string value_;
};

template <>
struct detail::Print<Text> {
  static void append(std::string& out, const Text& text) { append_quoted(out, text.str()); }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
