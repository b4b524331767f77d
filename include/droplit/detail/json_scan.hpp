// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../id.hpp"
#include "sse2.hpp"
#include "utf8.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace droplit::detail {

/// A run of characters that stand for themselves in a JSON string: neither a quote, a backslash nor a control
/// character.
struct PlainRun {
  std::size_t size;
  bool ascii;
};

#if defined(DROPLIT_DETAIL_SSE2)
/// Sixteen bytes, and what of them ends a plain run or is not ASCII: one bit each, the first one the lowest.
struct JsonBlock {
  explicit JsonBlock(const char* data) noexcept : bytes(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data))) {}

  /// Eight bytes from here and eight from there.
  JsonBlock(const char* first, const char* second) noexcept
      : bytes(_mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(first)),
                                 _mm_loadl_epi64(reinterpret_cast<const __m128i*>(second)))) {}

  [[nodiscard]] __m128i end_bytes() const noexcept {
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return _mm_or_si128(_mm_or_si128(quote, backslash), control);
  }
  [[nodiscard]] unsigned ends() const noexcept { return static_cast<unsigned>(_mm_movemask_epi8(end_bytes())); }
  [[nodiscard]] unsigned high() const noexcept { return static_cast<unsigned>(_mm_movemask_epi8(bytes)); }

  __m128i bytes;
};
#endif

/// The run at the front of `text`. Never looks beyond its end.
inline PlainRun plain_run(std::string_view text) noexcept {
  const char* const data = text.data();
  const std::size_t size = text.size();
  std::size_t at = 0;
  bool ascii = true;
#if defined(DROPLIT_DETAIL_SSE2)
  while (size - at >= 16) {
    const JsonBlock block(data + at);
    const unsigned ends = block.ends();
    if (ends != 0) {
      const auto before = static_cast<std::size_t>(__builtin_ctz(ends));
      return {at + before, ascii && (block.high() & ((1U << before) - 1)) == 0};
    }
    ascii = ascii && block.high() == 0;
    for (at += 16; size - at >= 64; at += 64) {  // a long run goes on in long steps
      const JsonBlock a(data + at), b(data + at + 16), c(data + at + 32), d(data + at + 48);
      const __m128i any =
          _mm_or_si128(_mm_or_si128(a.end_bytes(), b.end_bytes()), _mm_or_si128(c.end_bytes(), d.end_bytes()));
      if (_mm_movemask_epi8(any) != 0) break;
      const __m128i all = _mm_or_si128(_mm_or_si128(a.bytes, b.bytes), _mm_or_si128(c.bytes, d.bytes));
      ascii = ascii && _mm_movemask_epi8(all) == 0;
    }
  }
  if (at != size && size >= 16) {  // the rest, with some of what was seen before it
    const auto seen = static_cast<unsigned>(16 - (size - at));
    const JsonBlock block(data + size - 16);
    const unsigned ends = block.ends() >> seen;
    const std::size_t before = ends == 0 ? size - at : static_cast<std::size_t>(__builtin_ctz(ends));
    return {at + before, ascii && (block.high() >> seen & ((1U << before) - 1)) == 0};
  }
  if (size >= 8) {  // two halves that may overlap
    const JsonBlock block(data, data + size - 8);
    const unsigned ends = block.ends();
    if (ends == 0) return {size, block.high() == 0};
    const auto bit = static_cast<std::size_t>(__builtin_ctz(ends));
    const bool low = block.high() == 0;
    if (bit < 8) return {bit, low || (block.high() & ((1U << bit) - 1)) == 0};
    return {size - 16 + bit, low || (block.high() & ((1U << bit) - 1)) == 0};
  }
#else
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = 0x8080808080808080;
  for (; size - at >= 8; at += 8) {
    std::uint64_t block;
    std::memcpy(&block, data + at, sizeof block);
    const std::uint64_t quote = block ^ (ones * '"');
    const std::uint64_t backslash = block ^ (ones * '\\');
    const std::uint64_t ends =
        (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((block - ones * 0x20) & ~block)) & tops;
    if (ends != 0) break;  // somewhere here; a borrow may have made one up, so look byte by byte
    ascii = ascii && (block & tops) == 0;
  }
#endif
  for (; at != size; ++at) {
    const auto c = static_cast<unsigned char>(data[at]);
    if (c < 0x20 || c == '"' || c == '\\') break;
    ascii = ascii && c < 0x80;
  }
  return {at, ascii};
}

/// The value of four hex digits, or -1.
constexpr int hex4(const char* digits) noexcept {
  int value = 0;
  for (int i = 0; i != 4; ++i) {
    const int digit = hex_value(digits[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/// Reads the escape at `at`, a backslash, and writes what it stands for to `out`, which has room for as many bytes as
/// the escape has. Moves both on; false if it is none, or stands for half of a surrogate pair.
inline bool unescape(const char*& at, const char* end, char*& out) noexcept {
  if (end - at < 2) return false;
  const char c = at[1];
  at += 2;
  switch (c) {
    case '"':
    case '\\':
    case '/': *out++ = c; return true;
    case 'b': *out++ = '\b'; return true;
    case 'f': *out++ = '\f'; return true;
    case 'n': *out++ = '\n'; return true;
    case 'r': *out++ = '\r'; return true;
    case 't': *out++ = '\t'; return true;
    case 'u': break;
    default: return false;
  }
  if (end - at < 4) return false;
  const int unit = hex4(at);
  at += 4;
  if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) return false;
  auto point = static_cast<std::uint32_t>(unit);
  if (unit >= 0xD800 && unit <= 0xDBFF) {
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return false;
    const int low = hex4(at + 2);
    if (low < 0xDC00 || low > 0xDFFF) return false;
    at += 6;
    point = 0x10000 + ((point - 0xD800) << 10) + (static_cast<std::uint32_t>(low) - 0xDC00);
  }
  const auto put = [&out](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6), put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12), put(0x80 | (point >> 6 & 0x3F)), put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18), put(0x80 | (point >> 12 & 0x3F)), put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
  return true;
}

/// Copies the plain run between `at` and `end` to `to`, which has room for as much, and moves both on.
inline void copy_plain_run(const char*& at, const char* end, char*& to) noexcept {
#if defined(DROPLIT_DETAIL_SSE2)
  while (end - at >= 16) {
    const JsonBlock block(at);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), block.bytes);
    const unsigned ends = block.ends();
    const int size = ends == 0 ? 16 : __builtin_ctz(ends);
    at += size;
    to += size;
    if (ends != 0) return;
  }
#endif
  while (at != end && static_cast<unsigned char>(*at) >= 0x20 && *at != '"' && *at != '\\') *to++ = *at++;
}

/// How far a JSON string goes.
struct JsonString {
  const char* close;  ///< its closing quote; null if there is none
  bool ascii;
  bool escaped;  ///< there are backslashes in it
};

/// Looks for the end of the string whose opening quote stands before `at`.
inline JsonString scan_json_string(const char* at, const char* end) noexcept {
  JsonString found{at, true, false};
  for (;;) {
    const PlainRun run = plain_run({found.close, static_cast<std::size_t>(end - found.close)});
    found.close += run.size;
    found.ascii = found.ascii && run.ascii;
    if (found.close == end) return {};
    if (*found.close == '"') return found;
    if (*found.close != '\\' || end - found.close < 2) return {};
    found.escaped = true;
    found.close += 2;
  }
}

/// Gives `out` what the characters up to `close`, which a backslash may stand among, stand for. False if an escape is
/// none; the text need not be UTF-8 yet. One allocation at the most.
inline bool unescape_json_text(const char* at, const char* close, std::string& out) {
  out.resize(static_cast<std::size_t>(close - at));  // what an escape stands for is never longer than it
  char* to = out.data();
  while (at != close) {
    copy_plain_run(at, close, to);
    while (at != close && *at == '\\') {
      if (!unescape(at, close, to)) return false;
    }
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return true;
}

}  // namespace droplit::detail
