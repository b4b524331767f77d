// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// UTF-8 as RFC 3629 and the Unicode standard define it, one character after the other: a check, and the replacement of
// what is ill-formed. Used for texts that are passed as C++ strings and for the names of query fields; the readers of
// JSON check UTF-8 while they read.

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The front of a text: a whole character, or a maximal subpart of an ill-formed one (Unicode 15, table 3-7 and "U+FFFD
/// Substitution of Maximal Subparts", as the WHATWG decoder has it).
struct Utf8Step {
  std::size_t size;  ///< in bytes, 1 to 4
  bool well_formed;
};

/// The front of `text`, which is not empty.
constexpr Utf8Step utf8_step(std::string_view text) noexcept {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i != length; ++i) {
    if (i == text.size() || at(i) < low || at(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

/// Whether `text` is UTF-8: nothing overlong, no surrogates, nothing beyond U+10FFFF.
constexpr bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (!step.well_formed) return false;
    text.remove_prefix(step.size);
  }
  return true;
}

/// `text` with each maximal ill-formed subpart replaced by one U+FFFD.
inline std::string to_well_formed_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    out += step.well_formed ? text.substr(0, step.size) : std::string_view("\xEF\xBF\xBD");
    text.remove_prefix(step.size);
  }
  return out;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
