// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/sse2.hpp>
#include <droplit/id.hpp>

#include <cstring>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

#if defined(DROPLIT_DETAIL_SSE2)
/// Sixteen hex digits as eight numbers of 16 bits; each byte of `good` is left as it is or becomes 0 where none stands.
inline __m128i read_hex16(const char* digits, __m128i& good) noexcept {
  const __m128i text = load_block(digits);
  const __m128i number = _mm_sub_epi8(text, _mm_set1_epi8('0'));
  const __m128i letter = _mm_sub_epi8(_mm_or_si128(text, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
  const __m128i is_number = _mm_cmpeq_epi8(_mm_min_epu8(number, _mm_set1_epi8(9)), number);
  const __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
  good = _mm_and_si128(good, _mm_or_si128(is_number, is_letter));
  const __m128i values =
      _mm_or_si128(_mm_and_si128(is_number, number), _mm_and_si128(is_letter, _mm_add_epi8(letter, _mm_set1_epi8(10))));
  return _mm_and_si128(_mm_or_si128(_mm_slli_epi16(values, 4), _mm_srli_epi16(values, 8)), _mm_set1_epi16(0xFF));
}

/// The sixteen lower-case digits of the eight bytes at the front.
inline __m128i write_hex16(__m128i bytes) noexcept {
  const __m128i low = _mm_set1_epi8(0x0F);
  const __m128i values = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(bytes, 4), low), _mm_and_si128(bytes, low));
  const __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(values, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '0' - 10));
  return _mm_add_epi8(_mm_add_epi8(values, _mm_set1_epi8('0')), letters);
}
#endif

/// Reads 24 hex digits; false if one of them is none.
inline bool read_hex24(const char* digits, EcosystemId::Bytes& bytes) noexcept {
#if defined(DROPLIT_DETAIL_SSE2)
  __m128i good = _mm_set1_epi8(-1);
  const __m128i front = read_hex16(digits, good);
  const __m128i packed = _mm_packus_epi16(front, read_hex16(digits + 8, good));  // they share eight digits
  const int tail = _mm_cvtsi128_si32(_mm_srli_si128(packed, 12));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(bytes.data()), packed);
  std::memcpy(bytes.data() + 8, &tail, sizeof tail);
  return _mm_movemask_epi8(good) == 0xFFFF;
#else
  const auto id = ClientId::parse({digits, 24});
  if (id) bytes = id->bytes();
  return id.has_value();
#endif
}

/// Writes the 24 lower-case digits of twelve bytes.
inline char* write_hex24(const ClientId::Bytes& bytes, char* out) noexcept {
#if defined(DROPLIT_DETAIL_SSE2)
  int tail;  // eight bytes and four, as they were stored: a processor waits where a load spans two stores
  std::memcpy(&tail, bytes.data() + 8, sizeof tail);
  store_block(out, write_hex16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes.data()))));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 16), write_hex16(_mm_cvtsi32_si128(tail)));
  return out + 24;
#else
  return ClientId(bytes).write(out);
#endif
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
