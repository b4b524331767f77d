// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Writes text between the quotes of a JSON string, as JavaScript's JSON.stringify does, into memory that has room for
// it: sixteen bytes at once, which are copied and searched in one pass. Used by JsonWriter (writer.hpp) and by the
// lines of logs.

#include <droplit/detail/bytes16.hpp>
#include <droplit/detail/config.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The longest escape.
inline constexpr std::size_t max_json_escape = 6;

/// The escape of a character that needs one.
struct JsonEscape {
  std::array<char, max_json_escape> text;
  std::uint8_t size;
};

/// The escapes of the characters up to the last one that needs one: short where there is one, else lower-case `\u00xx`.
inline constexpr std::array<JsonEscape, '\\' + 1> json_escapes = [] {
  std::array<JsonEscape, '\\' + 1> all{};
  for (std::size_t c = 0; c != 0x20; ++c) {
    all[c] = {{'\\', 'u', '0', '0', c < 0x10 ? '0' : '1', "0123456789abcdef"[c % 16]}, 6};
  }
  for (const char* pair : {"\"\"", "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"}) {
    all[static_cast<unsigned char>(pair[0])] = {{'\\', pair[1]}, 2};
  }
  return all;
}();

/// Whether a character must be escaped in a JSON string: a quote, a backslash or a control character.
constexpr bool needs_escape(char c) noexcept {
  const auto index = static_cast<unsigned char>(c);
  return index < json_escapes.size() && json_escapes[index].size != 0;
}

/// The same for each of sixteen.
inline Bytes16 needs_escape(Bytes16 bytes) noexcept {
  return is_at_most(bytes, 0x1F) | is_byte(bytes, '"') | is_byte(bytes, '\\');
}

/// The first character in [at, end) that needs an escape, or `end`.
inline const char* find_escape(const char* at, const char* end) noexcept {
  for (; end - at >= 4 * Bytes16::size; at += 4 * Bytes16::size) {
    const Bytes16 a(at), b(at + 16), c(at + 32), d(at + 48);
    if ((needs_escape(a) | needs_escape(b) | needs_escape(c) | needs_escape(d)).high_bits() != 0) break;
  }
  for (; end - at >= Bytes16::size; at += Bytes16::size) {
    if (const unsigned found = needs_escape(Bytes16(at)).high_bits(); found != 0) return at + std::countr_zero(found);
  }
  return std::find_if(at, end, [](char c) { return needs_escape(c); });
}

/// How long `text`, which is UTF-8, is between the quotes of a JSON string.
inline std::size_t json_text_size(std::string_view text) noexcept {
  std::size_t size = text.size();
  const char* const end = text.data() + size;
  for (const char* at = find_escape(text.data(), end); at != end; at = find_escape(at + 1, end)) {
    size += json_escapes[static_cast<unsigned char>(*at)].size - std::size_t{1};
  }
  return size;
}

/// Copies the characters from `at` up to the first that needs an escape, or to `end`, and moves `at` there. Returns the
/// end of the copy, for which there is as much room as from `at` to `end`.
inline char* copy_plain(char* out, const char*& at, const char* end) noexcept {
  while (end - at >= Bytes16::size) {
    const Bytes16 bytes(at);
    bytes.store(out);
    const unsigned found = needs_escape(bytes).high_bits();
    const int plain = found != 0 ? std::countr_zero(found) : int{Bytes16::size};
    at += plain;
    out += plain;
    if (found != 0) return out;
  }
  const std::ptrdiff_t left = end - at;
  if (left >= 8 && needs_escape(Bytes16(at, end - 8)).high_bits() == 0) {
    std::memcpy(out, at, 8);
    std::memcpy(out + left - 8, end - 8, 8);
    at = end;
    return out + left;
  }
  while (at != end && !needs_escape(*at)) *out++ = *at++;
  return out;
}

/// Writes `text`, which is UTF-8, as it is between the quotes of a JSON string and returns the end. There is room for
/// `json_text_size(text)`, which is at most `max_json_escape` for each byte.
inline char* write_json_text(char* out, std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    out = copy_plain(out, at, end);
    if (at == end) return out;
    const JsonEscape& escape = json_escapes[static_cast<unsigned char>(*at++)];
    std::memcpy(out, escape.text.data(), 2);
    if (escape.size != 2) std::memcpy(out + 2, escape.text.data() + 2, max_json_escape - 2);
    out += escape.size;
  }
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
