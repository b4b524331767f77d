// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Checks UTF-8 sixteen bytes at a time and without a branch, several times faster than `is_utf8` where a text is not
// ASCII. Each byte is judged by itself and the three before it, so a block is loaded four times, a byte apart. Used by
// the fast reader of drafts.

#include <droplit/detail/bytes16.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/utf8.hpp>

#include <cstring>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Not 0 where the bytes at `at` cannot be UTF-8, given the three bytes before each of them.
inline Bytes16 invalid_utf8(const char* at) noexcept {
  const Bytes16 bytes(at);
  const Bytes16 before(at - 1);
  // One, two or three continuation bytes (80 to BF) follow a lead byte of two, three or four, and nothing else.
  const Bytes16 follows = excess(before, 0xBF) | excess(Bytes16(at - 2), 0xDF) | excess(Bytes16(at - 3), 0xEF);
  const Bytes16 is_continuation = is_at_most(bytes ^ Bytes16::each(0x80), 0x3F);
  // After E0 nothing below A0 (overlong), after ED nothing from there on (surrogates); after F0 nothing below 90
  // (overlong), after F4 nothing from there on (beyond U+10FFFF). Of each two, the one that must not precede:
  const Bytes16 not_e0_or_ed = Bytes16::each(0xED) ^ (is_at_most(bytes, 0x9F) & Bytes16::each(0xE0 ^ 0xED));
  const Bytes16 not_f0_or_f4 = Bytes16::each(0xF4) ^ (is_at_most(bytes, 0x8F) & Bytes16::each(0xF0 ^ 0xF4));
  const Bytes16 is_c0_or_c1 = is_at_most(bytes ^ Bytes16::each(0xC0), 1);
  return equal(is_byte(follows, 0), is_continuation) | equal(before, not_e0_or_ed) | equal(before, not_f0_or_f4) |
         is_c0_or_c1 | excess(bytes, 0xF4);
}

/// The same as `is_utf8`.
DROPLIT_DETAIL_NOINLINE inline bool is_utf8_in_blocks(std::string_view text) noexcept {
  constexpr std::size_t size = Bytes16::size;
  while (text.size() >= 2 * size && Bytes16(text.data()).high_bits() == 0) text.remove_prefix(size);
  if (text.size() < 2 * size) return is_utf8(text);
  char first[3 + size] = {};  // nothing precedes
  std::memcpy(first + 3, text.data(), size);
  Bytes16 invalid = invalid_utf8(first + 3);
  const char* const last = text.data() + text.size() - size;
  for (const char* at = text.data() + size; at < last; at += size) invalid = invalid | invalid_utf8(at);
  invalid = invalid | invalid_utf8(last);
  const auto from_end = [text](std::size_t i) { return static_cast<unsigned char>(text[text.size() - i]); };
  return is_byte(invalid, 0).high_bits() == 0xFFFF && from_end(1) < 0xC0 && from_end(2) < 0xE0 && from_end(3) < 0xF0;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
