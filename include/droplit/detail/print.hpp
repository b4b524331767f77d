// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// How values print themselves: `out << value`, with every stream of char, so that a failed assertion of Catch2 or
// GoogleTest shows them and not their bytes. A type is printed if `Print` is specialised for it, in its own header:
// what a file includes thus never changes how a value is printed. No header opens <ostream>; a file that prints has it.

#include <droplit/detail/config.hpp>
#include <droplit/detail/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

/// How values of a type are printed: `static void append(std::string& out, const T& value)`. Declared only.
template <class T>
struct Print;

template <class T>
concept Printable = requires(std::string& out, const T& value) {
  Print<T>::append(out, value);
};

template <Printable T>
void append_printed(std::string& out, const T& value) {
  Print<T>::append(out, value);
}

/// An enumerator is printed as its name.
template <class T>
struct PrintName {
  static void append(std::string& out, T value) { out += to_string(value); }
};

/// A value with a `text()` of its own is printed as that.
template <class T>
struct PrintText {
  static void append(std::string& out, const T& value) { out += value.text(); }
};

/// Appends `Type{name: value, name: value}`, member by member.
class PrintedMembers {
 public:
  PrintedMembers(std::string& out, std::string_view type) : out_(out) { out_.append(type) += '{'; }

  template <Printable T>
  void add(std::string_view name, const T& value) {
    out_.append(is_first_ ? "" : ", ").append(name).append(name.empty() ? "" : ": ");
    append_printed(out_, value);
    is_first_ = false;
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool is_first_ = true;
};

/// Appends `text` on one line, without what controls a terminal, such that different texts stay different: controls,
/// separators of lines and paragraphs and what turns the direction of writing as `\n` or `\u{9B}`, a backslash as two,
/// bytes that are not UTF-8 as `\x80`.
void append_escaped(std::string& out, std::string_view text);

/// Appends `text` escaped and in quotes; of a long one the beginning, and its size.
void append_quoted(std::string& out, std::string_view text);

#if defined(DROPLIT_DETAIL_DEFINES)

/// The character of Unicode that `text` is, which is one character.
inline std::uint32_t code_point(std::string_view text) noexcept {
  std::uint32_t code = static_cast<unsigned char>(text[0]);
  if (text.size() > 1) code &= 0xFFU >> (text.size() + 1);
  for (const char byte : text.substr(1)) code = code << 6 | (static_cast<unsigned char>(byte) & 0x3FU);
  return code;
}

inline void append_hex(std::string& out, std::uint32_t value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (int shift = 28; shift >= 0; shift -= 4) {
    if (value >> shift != 0 || shift < 8) out += digits[value >> shift & 15];
  }
}

DROPLIT_DETAIL_INLINE void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const std::string_view front = text.substr(0, step.size);
    text.remove_prefix(step.size);
    if (!step.well_formed) {
      for (const char byte : front) append_hex(out += "\\x", static_cast<unsigned char>(byte));
      continue;
    }
    const std::uint32_t c = code_point(front);
    const std::size_t short_escape = std::string_view("\n\r\t\\").find(front);
    if (short_escape != std::string_view::npos) {
      out.append(1, '\\').append(1, "nrt\\"[short_escape]);
    } else if (c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F ||
               (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069)) {
      append_hex(out += "\\u{", c);
      out += '}';
    } else {
      out += front;
    }
  }
}

DROPLIT_DETAIL_INLINE void append_quoted(std::string& out, std::string_view text) {
  constexpr std::size_t longest = 512;
  const auto is_cut = [text](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  std::size_t size = (std::min)(text.size(), longest);
  for (int i = 0; i != 3 && is_cut(size); ++i) --size;
  const std::string_view shown = text.substr(0, size);
  out += '"';
  append_escaped(out, shown);
  out += '"';
  if (shown.size() != text.size()) out += "... of " + std::to_string(text.size()) + " bytes";
}

#endif

}  // namespace detail

/// Prints a value of this library, for tests: a failed assertion of Catch2 or GoogleTest shows it. The texts and bodies
/// in it are untrusted, and are escaped; a token is never printed.
template <class Traits, detail::Printable T>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const T& value) {
  std::string text;
  detail::append_printed(text, value);
  return out << std::string_view(text);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
