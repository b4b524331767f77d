// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "json_scan.hpp"

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace droplit::detail {

/// How long `text`, which is UTF-8, is between the quotes of a JSON string.
inline std::size_t json_text_size(std::string_view text) noexcept {
  std::size_t size = text.size();
  for (;;) {
    const std::size_t plain = plain_run(text).size;
    if (plain == text.size()) return size;
    const char c = text[plain];
    const bool is_short = c == '"' || c == '\\' || (c >= '\b' && c <= '\r' && c != '\v');
    size += is_short ? 1 : 5;
    text.remove_prefix(plain + 1);
  }
}

/// Writes `text` as JavaScript's JSON.stringify does between the quotes: short escapes where there are, lower-case
/// `\u00xx` for other controls, nothing else escaped. There is room for `json_text_size`; gives the end.
inline char* write_json_text(char* out, std::string_view text) noexcept {
  for (;;) {
    const std::size_t plain = plain_run(text).size;
    std::memcpy(out, text.data(), plain);
    out += plain;
    if (plain == text.size()) return out;
    const auto c = static_cast<unsigned char>(text[plain]);
    text.remove_prefix(plain + 1);
    *out++ = '\\';
    switch (c) {
      case '"':
      case '\\': *out++ = static_cast<char>(c); break;
      case '\b': *out++ = 'b'; break;
      case '\f': *out++ = 'f'; break;
      case '\n': *out++ = 'n'; break;
      case '\r': *out++ = 'r'; break;
      case '\t': *out++ = 't'; break;
      default:
        std::memcpy(out, "u00", 3);
        out[3] = "0123456789abcdef"[c >> 4];
        out[4] = "0123456789abcdef"[c & 15];
        out += 5;
    }
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

}  // namespace droplit::detail
