// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Replaces the escapes of a JSON string by the characters that they encode, and copies what is between them sixteen
// bytes at a time. Used by the fast reader of drafts, which makes a copy of a text only where it has escapes.

#include <droplit/detail/bytes16.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The number in the escape at `at`, a backslash, a `u` and four hex digits, or a negative one.
constexpr std::int32_t read_unit(const char* at, const char* end) noexcept {
  if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return -1;
  std::int32_t unit = 0;
  for (int i = 2; i != 6; ++i) unit = unit << 4 | hex_value(at[i]);  // -1 keeps its sign
  return unit;
}

/// Writes a character as UTF-8 and returns the end.
constexpr char* write_utf8(std::uint32_t code, char* to) noexcept {
  if (code < 0x80) {
    *to = static_cast<char>(code);
    return to + 1;
  }
  const int last = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  for (int i = last; i != 0; --i) {
    to[i] = static_cast<char>(0x80 | (code & 0x3F));
    code >>= 6;
  }
  to[0] = static_cast<char>(0xFF80U >> last | code);  // as many of the highest bits as there are bytes
  return to + last + 1;
}

/// The character of each two-letter escape, by its second letter; U+0000 for the others. A table, since a processor
/// would often mispredict the branches of a `switch`.
inline constexpr auto short_escapes = [] {
  std::array<char, 256> characters{};
  for (const char* pair : {"\"\"", "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"}) {
    characters[static_cast<unsigned char>(pair[0])] = pair[1];
  }
  return characters;
}();

/// Reads the escape at `at`, which is a backslash, writes its character to `to` and moves that to its end. Returns
/// the end of the escape, or null if it is invalid; half of a surrogate pair is. Never writes more bytes than it reads.
inline const char* unescape(const char* at, const char* end, char*& to) noexcept {
  if (end - at < 2) return nullptr;
  if (const char c = short_escapes[static_cast<unsigned char>(at[1])]; c != '\0') {
    *to++ = c;
    return at + 2;
  }
  std::int32_t code = read_unit(at, end);
  if (code < 0 || (code >= 0xDC00 && code <= 0xDFFF)) return nullptr;
  at += 6;
  if (code >= 0xD800 && code <= 0xDBFF) {
    const std::int32_t low = read_unit(at, end);
    if (low < 0xDC00 || low > 0xDFFF) return nullptr;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    at += 6;
  }
  to = write_utf8(static_cast<std::uint32_t>(code), to);
  return at;
}

/// Appends the text that a JSON string encodes to `out`; returns its end, or the first escape that is invalid. What is
/// appended is UTF-8 if and only if what was read is. At most one allocation.
inline const char* append_unescaped(std::string_view json, std::string& out) {
  const std::size_t size = out.size();
  out.resize(size + json.size());  // no escape is shorter than its character
  const char* at = json.data();
  const char* const end = at + json.size();
  char* to = out.data() + size;
  while (at != end) {
    if (end - at >= Bytes16::size) {
      const Bytes16 bytes(at);
      bytes.store(to);
      const unsigned backslashes = is_byte(bytes, '\\').high_bits();
      const int plain = backslashes == 0 ? static_cast<int>(Bytes16::size) : std::countr_zero(backslashes);
      at += plain;
      to += plain;
      if (backslashes == 0) continue;
    } else if (*at != '\\') {
      *to++ = *at++;
      continue;
    }
    const char* const after = unescape(at, end, to);
    if (after == nullptr) break;
    at = after;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return at;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
