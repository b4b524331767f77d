// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Sixteen bytes that are compared and computed at once, which makes searching long texts several times faster.
// With SSE2 an operation is one instruction; elsewhere it is a loop that the compiler may vectorize. Used by the fast
// readers (json/fast/), the writer of JSON strings and the server's reader of heads; the only header that includes
// intrinsics.

#include <droplit/detail/config.hpp>

#if defined(DROPLIT_DETAIL_SSE2)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Comparisons give 0xFF for each byte for which they hold, and 0 for the others.
class Bytes16 {
 public:
  static constexpr std::ptrdiff_t size = 16;

#if defined(DROPLIT_DETAIL_SSE2)
  explicit Bytes16(const char* data) noexcept : value_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data))) {}

  /// Eight bytes of `first`, then eight of `second`.
  Bytes16(const char* first, const char* second) noexcept
      : value_(_mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(first)),
                                  _mm_loadl_epi64(reinterpret_cast<const __m128i*>(second)))) {}

  /// Sixteen times the same byte.
  static Bytes16 each(int byte) noexcept { return Bytes16(_mm_set1_epi8(static_cast<char>(byte))); }

  void store(char* data) const noexcept { _mm_storeu_si128(reinterpret_cast<__m128i*>(data), value_); }

  friend Bytes16 equal(Bytes16 a, Bytes16 b) noexcept { return Bytes16(_mm_cmpeq_epi8(a.value_, b.value_)); }
  friend Bytes16 operator|(Bytes16 a, Bytes16 b) noexcept { return Bytes16(_mm_or_si128(a.value_, b.value_)); }
  friend Bytes16 operator&(Bytes16 a, Bytes16 b) noexcept { return Bytes16(_mm_and_si128(a.value_, b.value_)); }
  friend Bytes16 operator^(Bytes16 a, Bytes16 b) noexcept { return Bytes16(_mm_xor_si128(a.value_, b.value_)); }
  friend Bytes16 operator+(Bytes16 a, Bytes16 b) noexcept { return Bytes16(_mm_add_epi8(a.value_, b.value_)); }
  friend Bytes16 operator-(Bytes16 a, Bytes16 b) noexcept { return Bytes16(_mm_sub_epi8(a.value_, b.value_)); }
  friend Bytes16 minimum(Bytes16 a, Bytes16 b) noexcept { return Bytes16(_mm_min_epu8(a.value_, b.value_)); }

  /// By how much each byte of `a` exceeds that of `b`; 0 where it does not.
  friend Bytes16 excess(Bytes16 a, Bytes16 b) noexcept { return Bytes16(_mm_subs_epu8(a.value_, b.value_)); }

  /// The highest bit of each byte; that of the first byte is the lowest.
  [[nodiscard]] unsigned high_bits() const noexcept { return static_cast<unsigned>(_mm_movemask_epi8(value_)); }

  /// Writes eight bytes, each of which is a pair of these as its high and its low four bits.
  void store_pairs(std::uint8_t* out) const noexcept {
    const __m128i pairs = _mm_or_si128(_mm_slli_epi16(value_, 4), _mm_srli_epi16(value_, 8));
    const __m128i bytes = _mm_and_si128(pairs, _mm_set1_epi16(0xFF));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(bytes, bytes));
  }

 private:
  using Value = __m128i;
#else
  explicit Bytes16(const char* data) noexcept { std::memcpy(value_.data(), data, size); }

  Bytes16(const char* first, const char* second) noexcept {
    std::memcpy(value_.data(), first, size / 2);
    std::memcpy(value_.data() + size / 2, second, size / 2);
  }

  static Bytes16 each(int byte) noexcept {
    Value value;
    value.fill(static_cast<std::uint8_t>(byte));
    return Bytes16(value);
  }

  void store(char* data) const noexcept { std::memcpy(data, value_.data(), size); }

  friend Bytes16 equal(Bytes16 a, Bytes16 b) noexcept {
    return combine(a, b, [](int x, int y) { return x == y ? 0xFF : 0; });
  }
  friend Bytes16 operator|(Bytes16 a, Bytes16 b) noexcept { return combine(a, b, std::bit_or()); }
  friend Bytes16 operator&(Bytes16 a, Bytes16 b) noexcept { return combine(a, b, std::bit_and()); }
  friend Bytes16 operator^(Bytes16 a, Bytes16 b) noexcept { return combine(a, b, std::bit_xor()); }
  friend Bytes16 operator+(Bytes16 a, Bytes16 b) noexcept { return combine(a, b, std::plus()); }
  friend Bytes16 operator-(Bytes16 a, Bytes16 b) noexcept { return combine(a, b, std::minus()); }
  friend Bytes16 minimum(Bytes16 a, Bytes16 b) noexcept {
    return combine(a, b, [](int x, int y) { return (std::min)(x, y); });
  }
  friend Bytes16 excess(Bytes16 a, Bytes16 b) noexcept {
    return combine(a, b, [](int x, int y) { return (std::max)(x - y, 0); });
  }

  [[nodiscard]] unsigned high_bits() const noexcept {
    unsigned bits = 0;
    for (std::size_t i = 0; i != size; ++i) bits |= static_cast<unsigned>(value_[i] >> 7) << i;
    return bits;
  }

  void store_pairs(std::uint8_t* out) const noexcept {
    for (std::size_t i = 0; i != size; i += 2) *out++ = static_cast<std::uint8_t>(value_[i] << 4 | value_[i + 1]);
  }

 private:
  using Value = std::array<std::uint8_t, size>;

  template <class Function>
  static Bytes16 combine(const Bytes16& a, const Bytes16& b, Function function) noexcept {
    Value value;
    for (std::size_t i = 0; i != size; ++i) value[i] = static_cast<std::uint8_t>(function(a.value_[i], b.value_[i]));
    return Bytes16(value);
  }
#endif

  explicit Bytes16(Value value) noexcept : value_(value) {}

  Value value_;
};

/// Where `bytes` are `byte`.
inline Bytes16 is_byte(Bytes16 bytes, int byte) noexcept { return equal(bytes, Bytes16::each(byte)); }

/// By how much each byte exceeds `limit`; 0 where it does not.
inline Bytes16 excess(Bytes16 bytes, int limit) noexcept { return excess(bytes, Bytes16::each(limit)); }

/// Where `bytes` are at most `limit`, as numbers without sign.
inline Bytes16 is_at_most(Bytes16 bytes, int limit) noexcept {
  return equal(minimum(bytes, Bytes16::each(limit)), bytes);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
