// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#if defined(__SSE2__) && !defined(DROPLIT_PORTABLE)  // which the tests define, to have the other way too
#define DROPLIT_DETAIL_SSE2 1

#include <emmintrin.h>

#include <cstdint>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline __m128i load_block(const char* data) noexcept { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data)); }

inline void store_block(char* data, __m128i bytes) noexcept {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(data), bytes);
}

/// Where `bytes` are `byte`, all bits; elsewhere none.
inline __m128i is_byte(__m128i bytes, int byte) noexcept {
  return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(static_cast<char>(byte)));
}

/// The same where they are below 0x20.
inline __m128i is_control(__m128i bytes) noexcept {
  return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
}

/// One bit for each of sixteen bytes, its highest; that of the first byte is the lowest.
inline unsigned high_bits(__m128i bytes) noexcept { return static_cast<unsigned>(_mm_movemask_epi8(bytes)); }

/// The same of 64 bytes, of what `map` makes of each sixteen.
template <class Map>
std::uint64_t high_bits_of_64(const char* data, Map map) noexcept {
  const auto bits = [&](int block) { return std::uint64_t{high_bits(map(load_block(data + 16 * block)))}; };
  return (bits(0) | bits(1) << 16) | (bits(2) << 32 | bits(3) << 48);
}

/// Copies what is before `stop`, and up to 31 bytes more, for which there must be room on either side; at least 32
/// bytes. Gives the end of what was to be copied.
inline char* copy_blocks(const char* from, const char* stop, char* to) noexcept {
  char* const end = to + (stop - from);
  do {
    store_block(to, load_block(from));
    store_block(to + 16, load_block(from + 16));
    from += 32;
    to += 32;
  } while (from < stop);
  return end;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
#endif
