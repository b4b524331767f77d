// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Finds the end of a JSON value that is not needed, strictly as RFC 8259 has it and without memory: the members of a
// body that the contract does not know, and values of the wrong type. Strings are found by scan.hpp, their UTF-8 and
// their escapes are checked. Used by the fast reader of drafts.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/json/depth.hpp>
#include <droplit/detail/json/fast/scan.hpp>
#include <droplit/detail/json/fast/unescape.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

DROPLIT_DETAIL_NOINLINE inline const char* skip_any_json_space(const char* at, const char* end) noexcept {
  while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  return at;
}

/// The end of the white space at `at`, if there is any.
inline const char* skip_json_space(const char* at, const char* end) noexcept {
  if (at == end || static_cast<unsigned char>(*at) > ' ') return at;  // the common case
  return skip_any_json_space(at, end);
}

/// The end of `c`, which may have white space before it; null if it is not there.
DROPLIT_DETAIL_ALWAYS_INLINE inline const char* skip_json_char(const char* at, const char* end, char c) noexcept {
  if (at != end && *at == c) return at + 1;
  at = skip_any_json_space(at, end);
  return at != end && *at == c ? at + 1 : nullptr;
}

/// The end of `text`; null if it is not at `at`.
template <std::size_t Size>
const char* skip_json_literal(const char* at, const char* end, const char (&text)[Size]) noexcept {
  const bool fits = static_cast<std::size_t>(end - at) >= Size - 1;
  return fits && std::memcmp(at, text, Size - 1) == 0 ? at + Size - 1 : nullptr;
}

/// Each function returns the end of what begins at `at`, or null if it is invalid.
class JsonSkip {
 public:
  static constexpr std::size_t max_levels = max_json_depth - 1;  // in the object whose member is skipped

  explicit JsonSkip(const char* end) noexcept : end_(end) {}

  /// Also null if more than `max_levels` objects and arrays are in each other.
  const char* value(const char* at) const noexcept {
    std::array<char, max_levels> closing;  // what closes each of the open ones
    std::size_t depth = 0;
    for (;;) {
      at = skip_json_space(at, end_);
      if (at == end_) return nullptr;
      if (*at == '{' || *at == '[') {
        if (depth == max_levels) return nullptr;
        closing[depth++] = *at == '{' ? '}' : ']';
        at = skip_json_space(at + 1, end_);
        if (at == end_) return nullptr;
        if (*at != closing[depth - 1]) {
          if (closing[depth - 1] == '}') at = name(at);
          if (at == nullptr) return nullptr;
          continue;
        }
      } else {
        at = plain_value(at);
        if (at == nullptr) return nullptr;
      }
      for (; depth != 0; --depth) {
        at = skip_json_space(at, end_);
        if (at == end_) return nullptr;
        if (*at != closing[depth - 1]) break;
        ++at;
      }
      if (depth == 0) return at;
      if (*at != ',') return nullptr;
      ++at;
      if (closing[depth - 1] == '}') at = name(at);
      if (at == nullptr) return nullptr;
    }
  }

 private:
  const char* plain_value(const char* at) const noexcept {
    switch (*at) {
      case '"': return string(at + 1);
      case 't': return skip_json_literal(at, end_, "true");
      case 'f': return skip_json_literal(at, end_, "false");
      case 'n': return skip_json_literal(at, end_, "null");
      default: return number(at);
    }
  }

  // A member's name and its colon.
  const char* name(const char* at) const noexcept {
    at = skip_json_char(at, end_, '"');
    if (at != nullptr) at = string(at);
    return at == nullptr ? nullptr : skip_json_char(at, end_, ':');
  }

  // A string after its opening quote.
  const char* string(const char* at) const noexcept {
    const JsonString found = read_json_string(at, end_);
    if (found.close == nullptr) return nullptr;
    if (found.escaped) {
      for (at = std::find(at, found.close, '\\'); at != found.close; at = std::find(at, found.close, '\\')) {
        char character[4];
        char* to = character;
        at = unescape(at, found.close, to);
        if (at == nullptr) return nullptr;
      }
    }
    return found.close + 1;
  }

  const char* digits(const char* at) const noexcept { return std::find_if_not(at, end_, is_digit); }

  const char* number(const char* at) const noexcept {
    if (*at == '-') ++at;
    const char* const whole = at;
    at = digits(at);
    if (at == whole || (*whole == '0' && at - whole != 1)) return nullptr;
    if (at != end_ && *at == '.') {
      const char* const fraction = ++at;
      at = digits(at);
      if (at == fraction) return nullptr;
    }
    if (at == end_ || (*at != 'e' && *at != 'E')) return at;
    ++at;
    if (at != end_ && (*at == '+' || *at == '-')) ++at;
    const char* const exponent = at;
    at = digits(at);
    return at == exponent ? nullptr : at;
  }

  const char* end_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
