// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/sse2.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A run of characters that stand for themselves in a JSON string: neither a quote, a backslash nor a control
/// character.
struct PlainRun {
  std::size_t size;
  bool ascii;
};

#if defined(DROPLIT_DETAIL_SSE2)
/// Sixteen bytes, and what of them ends a plain run or is not ASCII: one bit each, the first one the lowest.
struct JsonBlock {
  explicit JsonBlock(__m128i all) noexcept : bytes(all) {}
  explicit JsonBlock(const char* data) noexcept : bytes(load_block(data)) {}

  /// Eight bytes from here and eight from there.
  JsonBlock(const char* first, const char* second) noexcept
      : bytes(_mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(first)),
                                 _mm_loadl_epi64(reinterpret_cast<const __m128i*>(second)))) {}

  /// Where there are quotes and backslashes.
  [[nodiscard]] __m128i marks() const noexcept { return _mm_or_si128(is_byte(bytes, '"'), is_byte(bytes, '\\')); }

  [[nodiscard]] __m128i end_bytes() const noexcept { return _mm_or_si128(marks(), is_control(bytes)); }
  [[nodiscard]] unsigned ends() const noexcept { return high_bits(end_bytes()); }
  [[nodiscard]] unsigned high() const noexcept { return high_bits(bytes); }

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
    __m128i seen = _mm_setzero_si128();
    for (at += 16; size - at >= 64; at += 64) {  // a long run goes on in long steps
      const JsonBlock a(data + at), b(data + at + 16), c(data + at + 32), d(data + at + 48);
      const __m128i least = _mm_min_epu8(_mm_min_epu8(a.bytes, b.bytes), _mm_min_epu8(c.bytes, d.bytes));
      const __m128i marks = _mm_or_si128(_mm_or_si128(a.marks(), b.marks()), _mm_or_si128(c.marks(), d.marks()));
      if (high_bits(_mm_or_si128(marks, is_control(least))) != 0) break;
      seen = _mm_or_si128(seen, _mm_or_si128(_mm_or_si128(a.bytes, b.bytes), _mm_or_si128(c.bytes, d.bytes)));
    }
    ascii = ascii && high_bits(seen) == 0;
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

/// How far a JSON string goes.
struct JsonString {
  const char* close;  ///< its closing quote; null if there is none
  bool ascii;
  bool escaped;  ///< there are backslashes in it
};

#if defined(DROPLIT_DETAIL_SSE2)
/// Which of 64 bytes are backslashes: one bit each, the first one the lowest.
inline std::uint64_t backslash_bits(const char* data) noexcept {
  return high_bits_of_64(data, [](__m128i bytes) { return is_byte(bytes, '\\'); });
}

/// Which of those backslashes begin an escape: of a run of them the first, the third and so on. `escaped` tells whether
/// the byte before the first one began an escape, and then the same for the next 64: one bit, the lowest.
inline std::uint64_t escape_starts(std::uint64_t backslashes, std::uint64_t& escaped) noexcept {
  constexpr std::uint64_t even_places = 0x5555555555555555;
  backslashes &= ~escaped;
  // Adding its first bit to a run clears the run and sets what is behind. This is done to runs that begin in an even
  // place, so that every backslash tells the kind of its run.
  const std::uint64_t firsts = backslashes & ~(backslashes << 1);
  const std::uint64_t starts = backslashes & ((backslashes + (firsts & even_places)) ^ even_places);
  escaped = starts >> 63;
  return starts;
}

/// Goes on from a backslash to the end of the string, or until less than 64 bytes are left. A control character behind
/// a backslash may be taken for plain.
[[gnu::noinline]] inline JsonString scan_escaped_blocks(const char* at, const char* end, bool ascii) noexcept {
  const auto ends_string = [](__m128i bytes) { return _mm_or_si128(is_byte(bytes, '"'), is_control(bytes)); };
  const auto itself = [](__m128i bytes) { return bytes; };
  std::uint64_t escaped = 0;
  __m128i all = _mm_setzero_si128();
  for (; end - at >= 64; at += 64) {
    const std::uint64_t first = escaped;
    const std::uint64_t starts = escape_starts(backslash_bits(at), escaped);
    const std::uint64_t ends = high_bits_of_64(at, ends_string) & ~(starts << 1 | first);
    if (ends != 0) {
      const auto size = static_cast<unsigned>(__builtin_ctzll(ends));
      const std::uint64_t high = high_bits_of_64(at, itself) & ((std::uint64_t{1} << size) - 1);
      return {at + size, ascii && high == 0 && high_bits(all) == 0, true};
    }
    for (int i = 0; i != 64; i += 16) all = _mm_or_si128(all, load_block(at + i));
  }
  if (escaped != 0) {
    if (at == end) return {};
    ++at;
  }
  return {at, ascii && high_bits(all) == 0, true};
}
#endif

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
#if defined(DROPLIT_DETAIL_SSE2)
    if (end - found.close >= 64) {
      found = scan_escaped_blocks(found.close, end, found.ascii);
      if (found.close == nullptr) return {};
      continue;
    }
#endif
    found.escaped = true;
    found.close += 2;
  }
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
