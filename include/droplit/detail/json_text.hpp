// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace droplit::detail {

/// Appends `text`, which is UTF-8, as a JSON string with its quotes, as JavaScript's JSON.stringify writes it: short
/// escapes where there are, lower-case `\u00xx` for other controls, nothing else escaped.
inline void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t from = 0;  // where the run that needs no escape began
  for (std::size_t i = 0; i != text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, from, i - from);
    from = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += "0123456789abcdef"[c >> 4];
        out += "0123456789abcdef"[c & 15];
    }
  }
  out.append(text, from);
  out += '"';
}

}  // namespace droplit::detail
