// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Replaces the escapes of a JSON string by the characters that they encode, copies what is between them, and finds the
// end, all in one pass. Used by the fast readers, which copy a text only where it has escapes.

#include <droplit/detail/bytes16.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/json/fast/scan.hpp>
#include <droplit/detail/json/text.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

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

/// Goes on in the JSON string at `at` by blocks of 64 bytes, while `to` is at most `last` and 128 bytes are left.
/// Returns where it stopped, which may be at what cannot be read. Writes up to two blocks and a character after `last`.
inline const char* unescape_blocks(const char* at, const char* end, char*& to, const char* last) noexcept {
  constexpr std::ptrdiff_t half = 2 * Bytes16::size;
  constexpr std::ptrdiff_t block = 2 * half;
  const auto marks_of = [](const char* bytes) {
    return std::uint64_t{needs_escape(Bytes16(bytes)).high_bits()} |
           std::uint64_t{needs_escape(Bytes16(bytes + Bytes16::size)).high_bits()} << Bytes16::size;
  };
  const auto copy = [](const char* from, char* where) {
    Bytes16(from).store(where);
    Bytes16(from + Bytes16::size).store(where + Bytes16::size);
  };
  while (end - at >= 2 * block && to <= last) {
    const char* const begin = at;
    std::uint64_t marks = marks_of(begin) | marks_of(begin + half) << half;
    while (marks != 0) {
      const std::ptrdiff_t plain = begin + std::countr_zero(marks) - at;
      copy(at, to);
      if (plain > half) copy(at + half, to + half);
      at += plain;
      to += plain;
      const char* const after = *at == '\\' ? unescape(at, end, to) : nullptr;
      if (after == nullptr) return at;
      at = after;
      marks = at - begin < block ? marks & ~std::uint64_t{0} << (at - begin) : 0;
    }
    const std::ptrdiff_t plain = begin + block - at;
    if (plain <= 0) continue;
    copy(at, to);
    copy(at + half, to + half);
    at += plain;
    to += plain;
  }
  return at;
}

/// Appends the text of the JSON string that goes on at `at`; returns its closing quote, or where that cannot be read:
/// at the first escape that is invalid or cut, at a control character or at `end`. What is appended is UTF-8 if and
/// only if what was read is. The text is neither measured nor is its room filled with zeros first: a buffer takes it.
/// At most one allocation if `out` is empty.
inline const char* append_unescaped(const char* at, const char* end, std::string& out) {
  constexpr std::ptrdiff_t most = 4096;
  char buffer[most + 3 * 64];  // what `unescape_blocks` writes after `most`, at most
  char* to = buffer;
  for (;;) {
    if (to - buffer > most) {  // a long text
      const char* const close = out.empty() ? scan_escaped(at, end, 0).close : nullptr;
      if (close != nullptr) out.reserve(static_cast<std::size_t>((to - buffer) + (close - at)));
      out.append(buffer, to);
      to = buffer;
    }
    at = unescape_blocks(at, end, to, buffer + most);
    if (end - at >= Bytes16::size) {
      const Bytes16 bytes(at);
      bytes.store(to);
      const unsigned marks = needs_escape(bytes).high_bits();
      const int plain = marks == 0 ? static_cast<int>(Bytes16::size) : std::countr_zero(marks);
      at += plain;
      to += plain;
      if (marks == 0) continue;
    } else if (at != end && !needs_escape(*at)) {
      *to++ = *at++;
      continue;
    }
    if (at == end || *at != '\\') break;
    const char* const after = unescape(at, end, to);
    if (after == nullptr) break;
    at = after;
  }
  out.append(buffer, to);
  return at;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
