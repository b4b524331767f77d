// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace program {

/// The first character of a text, which is not empty.
struct Character {
  std::size_t size;    ///< in bytes
  std::uint32_t code;  ///< of Unicode; of a byte that is not part of UTF-8, U+FFFD
  bool well_formed;
};

inline Character first_character(std::string_view text) noexcept {
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};  // of each size
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t code = size == 1 ? lead : lead & (0xFFU >> (size + 1));
  bool well_formed = lead < 0x80 || (lead >= 0xC2 && lead < 0xF5 && text.size() >= size);
  for (std::size_t i = 1; i != size && well_formed; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    well_formed = (byte & 0xC0) == 0x80;
    code = code << 6 | (byte & 0x3FU);
  }
  if (!well_formed || code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    return {1, 0xFFFD, false};
  }
  return {size, code, true};
}

/// Whether a terminal may take this character for more than text: the controls C0 and C1, DEL, the separators of lines
/// and paragraphs, and what turns the direction of writing.
constexpr bool controls_terminal(std::uint32_t code) noexcept {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

inline void append_hex(std::string& out, std::uint32_t value, int least_digits, std::string_view digits) {
  for (int shift = 28; shift >= 0; shift -= 4) {
    const std::uint32_t rest = value >> shift;
    if (rest != 0 || shift < 4 * least_digits) out += digits[rest & 15];
  }
}

/// `text` on one line without characters that control a terminal, such that different texts stay different: `\n`, `\r`,
/// `\t`, `\\`, `\u{9B}` and so on; bytes that are not UTF-8 as `\x80`.
inline std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!c.well_formed) {
      for (const char byte : text.substr(0, c.size))
        append_hex(out += "\\x", static_cast<unsigned char>(byte), 2, digits);
    } else if (c.code == '\\') {
      out += "\\\\";
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\r') {
      out += "\\r";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (controls_terminal(c.code)) {
      append_hex(out += "\\u{", c.code, 1, digits);
      out += '}';
    } else {
      out += text.substr(0, c.size);
    }
    text.remove_prefix(c.size);
  }
  return out;
}

/// The same JSON without characters that control a terminal, line feeds excepted. `json` is well-formed, so they are in
/// strings, where `\u009b` means the same, or are white space between tokens, which becomes a space.
inline std::string escaped_json(std::string_view json) {
  std::string out;
  out.reserve(json.size() + 1);
  while (!json.empty()) {
    const Character c = first_character(json);
    if (c.code == '\n') {
      out += '\n';
    } else if (c.code == '\t' || c.code == '\r') {
      out += ' ';
    } else if (!c.well_formed || controls_terminal(c.code)) {
      append_hex(out += "\\u", c.code, 4, "0123456789abcdef");
    } else {
      out += json.substr(0, c.size);
    }
    json.remove_prefix(c.size);
  }
  return out;
}

}  // namespace program
