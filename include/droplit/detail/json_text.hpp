// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "json_scan.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace droplit::detail {

/// Appends what stands between the quotes of `text`, which is UTF-8, as a JSON string, as JavaScript's JSON.stringify
/// writes it: short escapes where there are, lower-case `\u00xx` for other controls, nothing else escaped.
inline void append_json_text(std::string& out, std::string_view text) {
  for (;;) {
    const std::size_t size = plain_run(text).size;
    out.append(text.data(), size);
    if (size == text.size()) return;
    const auto c = static_cast<unsigned char>(text[size]);
    text.remove_prefix(size + 1);
    char escape[6] = {'\\', 'u', '0', '0', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};
    std::size_t length = 2;
    switch (c) {
      case '"':
      case '\\': escape[1] = static_cast<char>(c); break;
      case '\b': escape[1] = 'b'; break;
      case '\f': escape[1] = 'f'; break;
      case '\n': escape[1] = 'n'; break;
      case '\r': escape[1] = 'r'; break;
      case '\t': escape[1] = 't'; break;
      default: length = 6;
    }
    out.append(escape, length);
  }
}

/// The same with its quotes.
inline void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_text(out, text);
  out += '"';
}

}  // namespace droplit::detail
