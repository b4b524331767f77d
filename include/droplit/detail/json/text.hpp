// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/json/fast/scan.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// What stands for a character between the quotes of a JSON string.
struct JsonEscape {
  char text[7];
  std::uint8_t size;
};

/// The characters up to the last one that needs an escape, as JavaScript's JSON.stringify writes them: short escapes
/// where there are, lower-case `\u00xx` for other controls, nothing else escaped.
inline constexpr std::array<JsonEscape, '\\' + 1> json_escapes = [] {
  std::array<JsonEscape, '\\' + 1> all{};
  for (std::size_t c = 0; c != all.size(); ++c) {
    all[c] = c < 0x20 ? JsonEscape{{'\\', 'u', '0', '0', c < 0x10 ? '0' : '1', "0123456789abcdef"[c % 16]}, 6}
                      : JsonEscape{{static_cast<char>(c)}, 1};
  }
  for (const char* pair : {"\"\"", "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"}) {
    all[static_cast<std::size_t>(pair[0])] = {{'\\', pair[1]}, 2};
  }
  return all;
}();

/// How long `text`, which is UTF-8, is between the quotes of a JSON string.
inline std::size_t json_text_size(std::string_view text) noexcept {
  std::size_t size = text.size();
  std::size_t at = plain_run(text).size;
  if (at == size) return size;
#if defined(DROPLIT_DETAIL_SSE2)
  __m128i more = _mm_setzero_si128();
  for (; text.size() - at >= 16; at += 16) {  // an escape is one byte longer than what it stands for, or five
    const JsonBlock block(text.data() + at);
    const __m128i from_8 = _mm_sub_epi8(block.bytes, _mm_set1_epi8('\b'));
    const __m128i to_13 = _mm_cmpeq_epi8(_mm_min_epu8(from_8, _mm_set1_epi8('\r' - '\b')), from_8);
    const __m128i is_long = _mm_or_si128(_mm_andnot_si128(to_13, is_control(block.bytes)), is_byte(block.bytes, '\v'));
    const __m128i lengths =
        _mm_or_si128(_mm_and_si128(block.end_bytes(), _mm_set1_epi8(1)), _mm_and_si128(is_long, _mm_set1_epi8(4)));
    more = _mm_add_epi64(more, _mm_sad_epu8(lengths, _mm_setzero_si128()));
  }
  std::int64_t halves[2];
  std::memcpy(halves, &more, sizeof halves);
  size += static_cast<std::size_t>(halves[0] + halves[1]);
#endif
  while (at != text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < json_escapes.size()) size += json_escapes[c].size - std::size_t{1};
    ++at;
    at += plain_run(text.substr(at)).size;
  }
  return size;
}

/// Writes `text` as it stands between the quotes of a JSON string. There is room for `json_text_size`; gives the end.
inline char* write_json_text(char* out, std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
#if defined(DROPLIT_DETAIL_SSE2)
  const auto ends = [](__m128i bytes) { return JsonBlock(bytes).end_bytes(); };
  for (const char* block = at; end - block >= 96; block += 64) {
    for (std::uint64_t escapes = high_bits_of_64(block, ends); escapes != 0; escapes &= escapes - 1) {
      const char* const next = block + static_cast<unsigned>(__builtin_ctzll(escapes));
      out = copy_blocks(at, next, out);
      const JsonEscape& escape = json_escapes[static_cast<unsigned char>(*next)];
      std::memcpy(out, &escape, sizeof escape);  // its text, and more, for which there is room
      out += escape.size;
      at = next + 1;
    }
  }
#endif
  for (;;) {
    const std::size_t plain = plain_run({at, static_cast<std::size_t>(end - at)}).size;
    std::memcpy(out, at, plain);
    at += plain;
    out += plain;
    if (at == end) return out;
    const JsonEscape& escape = json_escapes[static_cast<unsigned char>(*at++)];
    std::memcpy(out, escape.text, 2);
    if (escape.size == 6) std::memcpy(out + 2, escape.text + 2, 4);
    out += escape.size;
  }
}

/// Appends `text`, which is UTF-8, as a JSON string with its quotes.
inline void append_json_string(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  out.resize(before + json_text_size(text) + 2);
  char* to = out.data() + before;
  *to++ = '"';
  to = write_json_text(to, text);
  *to = '"';
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
