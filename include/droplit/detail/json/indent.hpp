// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Writes JSON text with line ends and indentation, for documents that people read.

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// `text`, one valid JSON text without white space between its tokens, indented by two spaces for each level, as
/// JavaScript's `JSON.stringify(value, null, 2)` does.
inline std::string indent_json(std::string_view text) {
  std::string out;
  std::size_t level = 0;
  bool in_string = false;
  const auto new_line = [&] { out.append("\n").append(2 * level, ' '); };
  for (std::size_t i = 0; i != text.size(); ++i) {
    const char c = text[i];
    const bool opens = !in_string && (c == '{' || c == '[');
    const bool closes = !in_string && (c == '}' || c == ']');
    const bool is_empty = closes && (text[i - 1] == '{' || text[i - 1] == '[');
    if (closes) --level;
    if (closes && !is_empty) new_line();
    out += c;
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') out += text[++i];
    if (opens) ++level;
    if (opens && text[i + 1] != '}' && text[i + 1] != ']') new_line();
    if (!in_string && c == ',') new_line();
    if (!in_string && c == ':') out += ' ';
  }
  return out;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
