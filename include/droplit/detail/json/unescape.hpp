// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/json/fast/scan.hpp>
#include <droplit/id.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// What a hex digit adds to a number of four of them, for each of the four places; of anything else, all bits.
inline constexpr std::array<std::array<std::uint32_t, 256>, 4> hex_values = [] {
  std::array<std::array<std::uint32_t, 256>, 4> all{};
  for (std::size_t place = 0; place != 4; ++place) {
    for (std::size_t c = 0; c != 256; ++c) {
      const int value = hex_value(static_cast<char>(c));
      all[place][c] = value < 0 ? ~std::uint32_t{0} : static_cast<std::uint32_t>(value) << (12 - 4 * place);
    }
  }
  return all;
}();

/// The number that four hex digits write, or one above 0xFFFF.
constexpr std::uint32_t hex4(const char* digits) noexcept {
  const auto value = [digits](std::size_t place) {
    return hex_values[place][static_cast<unsigned char>(digits[place])];
  };
  return value(0) | value(1) | value(2) | value(3);
}

/// What the letter behind a backslash stands for; 0 if for nothing by itself.
inline constexpr std::array<char, 256> short_escapes = [] {
  std::array<char, 256> all{};
  for (const char* pair : {"\"\"", "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"}) {
    all[static_cast<std::size_t>(pair[0])] = pair[1];
  }
  return all;
}();

/// Where reading and writing go on behind what was read; nowhere if it was wrong.
struct Unescaped {
  const char* at;
  char* to;
};

/// Reads the escape at `at`, a backslash and a `u`, and writes what it stands for to `to`, which has room for as many
/// bytes as the escape has. Half of a surrogate pair is wrong.
inline Unescaped unescape_unit(const char* at, const char* end, char* to) noexcept {
  constexpr Unescaped wrong{nullptr, nullptr};
  const auto put = [&to](std::uint32_t byte) { *to++ = static_cast<char>(byte); };
  if (end - at < 6) return wrong;
  const std::uint32_t unit = hex4(at + 2);
  if (unit < 0x80) {
    put(unit);
  } else if (unit < 0x800) {
    put(0xC0 | unit >> 6), put(0x80 | (unit & 0x3F));
  } else if (unit < 0xD800 || (unit > 0xDFFF && unit <= 0xFFFF)) {
    put(0xE0 | unit >> 12), put(0x80 | (unit >> 6 & 0x3F)), put(0x80 | (unit & 0x3F));
  } else {
    if (unit > 0xDBFF || end - at < 12 || at[6] != '\\' || at[7] != 'u') return wrong;
    const std::uint32_t low = hex4(at + 8) - 0xDC00;
    if (low > 0x3FF) return wrong;
    const std::uint32_t high = unit - 0xD800 + 0x40;  // the pair stands for 0x10000 and what their ten bits each write
    put(0xF0 | high >> 8), put(0x80 | (high >> 2 & 0x3F)), put(0x80 | (high & 3) << 4 | low >> 6);
    put(0x80 | (low & 0x3F));
    return {at + 12, to};
  }
  return {at + 6, to};
}

/// The same of any escape.
[[gnu::always_inline]] inline Unescaped unescape(const char* at, const char* end, char* to) noexcept {
  if (end - at < 2) return {nullptr, nullptr};
  if (const char c = short_escapes[static_cast<unsigned char>(at[1])]; c != 0) {
    *to = c;
    return {at + 2, to + 1};
  }
  return at[1] == 'u' ? unescape_unit(at, end, to) : Unescaped{nullptr, nullptr};
}

#if defined(DROPLIT_DETAIL_SSE2)
/// Goes on until less than 96 bytes are left before `close`.
inline Unescaped unescape_blocks(const char* at, const char* close, char* to) noexcept {
  std::uint64_t escaped = 0;
  for (const char* block = at; close - block >= 96; block += 64) {
    for (std::uint64_t starts = escape_starts(backslash_bits(block), escaped); starts != 0; starts &= starts - 1) {
      const char* const start = block + static_cast<unsigned>(__builtin_ctzll(starts));
      if (start < at) continue;  // the second half of a surrogate pair
      to = copy_blocks(at, start, to);
      if (close - start < 12) __builtin_unreachable();  // so that the longest escape is known to have room
      const Unescaped next = unescape(start, close, to);
      if (next.at == nullptr) return next;
      at = next.at;
      to = next.to;
    }
  }
  return {at, to};
}
#endif

/// Copies what is before the next backslash, and at most what is before `close`.
inline Unescaped copy_plain_run(const char* at, const char* close, char* to) noexcept {
#if defined(DROPLIT_DETAIL_SSE2)
  for (; close - at >= 16; at += 16, to += 16) {
    const __m128i bytes = load_block(at);
    store_block(to, bytes);
    if (const unsigned backslashes = high_bits(is_byte(bytes, '\\')); backslashes != 0) {
      const auto size = static_cast<unsigned>(__builtin_ctz(backslashes));
      return {at + size, to + size};
    }
  }
#endif
  while (at != close && *at != '\\') *to++ = *at++;
  return {at, to};
}

/// Gives `out` what the characters up to `close`, which a backslash may stand among, stand for. False if an escape is
/// wrong. What comes out is UTF-8 exactly if what goes in is. One allocation at the most.
inline bool unescape_json_text(const char* at, const char* close, std::string& out) {
  out.resize(static_cast<std::size_t>(close - at));  // what an escape stands for is never longer than it
  Unescaped next{at, out.data()};
#if defined(DROPLIT_DETAIL_SSE2)
  next = unescape_blocks(next.at, close, next.to);
#endif
  while (next.at != nullptr && next.at != close) {
    next = *next.at == '\\' ? unescape(next.at, close, next.to) : copy_plain_run(next.at, close, next.to);
  }
  if (next.at == nullptr) return false;
  out.resize(static_cast<std::size_t>(next.to - out.data()));
  return true;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
