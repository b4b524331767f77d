// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/sse2.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

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

#if defined(DROPLIT_DETAIL_SSE2)
/// What is wrong with UTF-8, sixteen bytes at a time and without a branch.
class Utf8Faults {
 public:
  /// Looks at sixteen bytes, given those that begin one, two and three bytes before them.
  void look(__m128i bytes, __m128i before, __m128i before2, __m128i before3) noexcept {
    // Behind a lead of two, three or four bytes, and nowhere else, follow one, two or three of 80 to BF.
    const __m128i follows =
        _mm_or_si128(_mm_subs_epu8(before, each(0xBF)),
                     _mm_or_si128(_mm_subs_epu8(before2, each(0xDF)), _mm_subs_epu8(before3, each(0xEF))));
    const __m128i misplaced = _mm_cmpeq_epi8(is_byte(follows, 0), _mm_cmplt_epi8(bytes, each(0xC0)));
    // Nothing below A0 behind E0 (overlong), nothing from there on behind ED (surrogates); nothing below 90 behind F0,
    // nothing from there on behind F4 (beyond U+10FFFF).
    const __m128i no_three =
        _mm_xor_si128(each(0xED), _mm_and_si128(_mm_cmplt_epi8(bytes, each(0xA0)), each(0xE0 ^ 0xED)));
    const __m128i no_four =
        _mm_xor_si128(each(0xF4), _mm_and_si128(_mm_cmplt_epi8(bytes, each(0x90)), each(0xF0 ^ 0xF4)));
    const __m128i second = _mm_or_si128(_mm_cmpeq_epi8(before, no_three), _mm_cmpeq_epi8(before, no_four));
    faults_ = _mm_or_si128(faults_, _mm_or_si128(misplaced, second));
    most_ = _mm_max_epu8(most_, bytes);
    least_ = _mm_min_epu8(least_, _mm_xor_si128(bytes, each(0xC0)));
  }

  [[nodiscard]] bool any() const noexcept {
    const __m128i never = _mm_or_si128(_mm_subs_epu8(most_, each(0xF4)), _mm_subs_epu8(each(2), least_));  // C0, C1
    return high_bits(is_byte(_mm_or_si128(faults_, never), 0)) != 0xFFFF;
  }

 private:
  static __m128i each(int byte) noexcept { return _mm_set1_epi8(static_cast<char>(byte)); }

  __m128i faults_ = _mm_setzero_si128();
  __m128i most_ = _mm_setzero_si128();  // of the bytes
  __m128i least_ = each(0xFF);          // of the bytes' difference from C0, bit by bit
};

/// Whether a text of 32 bytes or more is UTF-8.
inline bool is_long_utf8(std::string_view text) noexcept {
  const char* at = text.data();
  const char* const last = at + text.size() - 16;
  Utf8Faults faults;
  const __m128i first = load_block(at);
  faults.look(first, _mm_slli_si128(first, 1), _mm_slli_si128(first, 2), _mm_slli_si128(first, 3));
  const auto look_at = [&faults](const char* block) {
    faults.look(load_block(block), load_block(block - 1), load_block(block - 2), load_block(block - 3));
  };
  for (at += 16; at < last;) {
    if (last - at >= 48) {
      const __m128i all = _mm_or_si128(_mm_or_si128(load_block(at), load_block(at + 16)),
                                       _mm_or_si128(load_block(at + 32), load_block(at + 48)));
      if (high_bits(_mm_or_si128(all, load_block(at - 3))) == 0) {  // ASCII, and nothing before it that goes on
        at += 64;
        continue;
      }
    }
    const char* const stop = last - at < 64 ? last : at + 64;
    for (; at < stop; at += 16) look_at(at);
  }
  look_at(last);
  const auto from_end = [last](int i) { return static_cast<unsigned char>(last[16 - i]); };
  return !faults.any() && from_end(1) < 0xC0 && from_end(2) < 0xE0 && from_end(3) < 0xF0;
}
#endif

/// Whether `text` is UTF-8: nothing overlong, no surrogates, nothing beyond U+10FFFF.
constexpr bool is_utf8(std::string_view text) noexcept {
#if defined(DROPLIT_DETAIL_SSE2)
  if (!std::is_constant_evaluated() && text.size() >= 32) return is_long_utf8(text);
#endif
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

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
