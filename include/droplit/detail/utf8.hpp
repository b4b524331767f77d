// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace droplit::detail {

/// What stands at the front of `text`, which is not empty: a whole sequence, or a maximal subpart of an ill-formed one
/// (Unicode 15, table 3-7 and "U+FFFD substitution of maximal subparts", which the WHATWG decoder follows).
struct Utf8Step {
  std::size_t size;  ///< in bytes, 1 to 4
  bool well_formed;
};

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
    if (!std::is_constant_evaluated() && text.size() >= 8) {  // the ASCII at the front at once
      std::uint64_t block = 0;
      std::memcpy(&block, text.data(), sizeof block);
      block &= 0x8080808080808080;
      if (block == 0) {
        text.remove_prefix(8);
        continue;
      }
      const auto first = std::endian::native == std::endian::little ? std::countr_zero(block) : std::countl_zero(block);
      text.remove_prefix(static_cast<std::size_t>(first) / 8);
    }
    const auto follows = [text](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; };
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead >= 0xC2 && lead <= 0xDF && text.size() >= 2 && follows(1)) {
      text.remove_prefix(2);
    } else if (lead >= 0xE1 && lead <= 0xEC && text.size() >= 3 && follows(1) && follows(2)) {
      text.remove_prefix(3);
    } else {
      const Utf8Step step = utf8_step(text);
      if (!step.well_formed) return false;
      text.remove_prefix(step.size);
    }
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

}  // namespace droplit::detail
