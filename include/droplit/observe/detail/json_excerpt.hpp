// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// A text of any bytes and any length as a JSON string of bounded length, so that a line of the log is JSON whatever a
// fault or a program says. Used by `LineLog` and `JsonLines`.

#include <droplit/detail/config.hpp>
#include <droplit/detail/json/text.hpp>
#include <droplit/detail/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Writes the beginning of `text` as it is between the quotes of a JSON string, as many characters as take at most
/// `most` bytes, and returns the end. What is not UTF-8 is replaced by U+FFFD.
inline char* write_json_excerpt(char* out, std::string_view text, std::size_t most) noexcept {
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const std::string_view character = step.well_formed ? text.substr(0, step.size) : "\xEF\xBF\xBD";
    const std::size_t size = json_text_size(character);
    if (size > most) break;
    out = write_json_text(out, character);
    most -= size;
    text.remove_prefix(step.size);
  }
  return out;
}

/// Appends a text whose control characters, those of C1 in UTF-8 among them, are each written as one or two `?`.
inline void append_without_controls(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_c1 = out.ends_with('\xC2') && byte >= 0x80 && byte < 0xA0;
    if (is_c1) out.back() = '?';
    out += is_c1 || byte < 0x20 || byte == 0x7F ? '?' : c;
  }
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
