// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Writes text between the quotes of a JSON string, as JavaScript's JSON.stringify does: first the size is computed, so
// that the caller makes room once, then the characters are written. Used by the writer of responses and requests
// (json.hpp).

#include <droplit/detail/bytes16.hpp>
#include <droplit/detail/config.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The escape of a character that needs one.
struct JsonEscape {
  std::array<char, 6> text;
  std::uint8_t size;
};

/// The escapes of the characters up to the last one that needs one: short where there is one, else lower-case `\u00xx`.
inline constexpr std::array<JsonEscape, '\\' + 1> json_escapes = [] {
  std::array<JsonEscape, '\\' + 1> all{};
  for (std::size_t c = 0; c != 0x20; ++c) {
    all[c] = {{'\\', 'u', '0', '0', c < 0x10 ? '0' : '1', "0123456789abcdef"[c % 16]}, 6};
  }
  for (const char* pair : {"\"\"", "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"}) {
    all[static_cast<std::size_t>(pair[0])] = {{'\\', pair[1]}, 2};
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
    size += json_escapes[static_cast<std::size_t>(*at)].size - std::size_t{1};
  }
  return size;
}

/// Writes `text` as it is between the quotes of a JSON string and returns the end. There is room for `json_text_size`.
inline char* write_json_text(char* out, std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    const char* const plain_end = find_escape(at, end);
    out = std::copy(at, plain_end, out);
    if (plain_end == end) return out;
    const JsonEscape& escape = json_escapes[static_cast<std::size_t>(*plain_end)];
    out = std::copy_n(escape.text.data(), escape.size, out);
    at = plain_end + 1;
  }
}

/// Appends `text`, which is UTF-8, as a JSON string with its quotes.
inline void append_json_string(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  out.resize(before + json_text_size(text) + 2, '"');
  write_json_text(out.data() + before + 1, text);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
