// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/json/fast/scan.hpp>
#include <droplit/detail/json/unescape.hpp>
#include <droplit/detail/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline const char* skip_json_space(const char* at, const char* end) noexcept {
  while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  return at;
}

/// Looks through JSON values that nobody wants: strictly as RFC 8259 has it, in UTF-8, without escapes of unpaired
/// surrogates.
class JsonSkip {
 public:
  /// What stands behind the value at `at`. Null if there is none, or if more than `levels` (31 at the most) objects and
  /// arrays stand in each other. Null and `unsure` set: a number has an exponent of more than nine digits.
  static const char* value(const char* at, const char* end, unsigned levels, bool& unsure) noexcept {
    std::uint32_t objects = 0;  // which of the open ones are: one bit each, the innermost one the lowest
    unsigned depth = 0;
    for (;;) {
      at = skip_json_space(at, end);
      if (at == end) return nullptr;
      const char c = *at;
      if (c == '{' || c == '[') {
        if (depth == levels) return nullptr;
        const bool object = c == '{';
        objects = objects << 1 | static_cast<std::uint32_t>(object);
        ++depth;
        at = skip_json_space(at + 1, end);
        if (at == end) return nullptr;
        if (*at != closing(object)) {
          if (object) at = name(at, end);
          if (at == nullptr) return nullptr;
          continue;
        }
      } else {
        at = plain_value(at, end, c, unsure);
        if (at == nullptr || depth == 0) return at;
        at = skip_json_space(at, end);
      }
      while (at != end && *at == closing((objects & 1) != 0)) {
        objects >>= 1;
        ++at;
        if (--depth == 0) return at;
        at = skip_json_space(at, end);
      }
      if (at == end || *at != ',') return nullptr;
      ++at;
      if ((objects & 1) != 0) at = name(skip_json_space(at, end), end);
      if (at == nullptr) return nullptr;
    }
  }

 private:
  static constexpr char closing(bool object) noexcept { return object ? '}' : ']'; }

  static const char* plain_value(const char* at, const char* end, char c, bool& unsure) noexcept {
    switch (c) {
      case '"': return string(at + 1, end);
      case 't': return literal(at, end, "true");
      case 'f': return literal(at, end, "false");
      case 'n': return literal(at, end, "null");
      default: return number(at, end, unsure);
    }
  }

  template <std::size_t Size>
  static const char* literal(const char* at, const char* end, const char (&text)[Size]) noexcept {
    if (static_cast<std::size_t>(end - at) < Size - 1 || std::memcmp(at, text, Size - 1) != 0) return nullptr;
    return at + Size - 1;
  }

  // A member's name and its colon.
  static const char* name(const char* at, const char* end) noexcept {
    if (at == end || *at != '"') return nullptr;
    at = string(at + 1, end);
    if (at == nullptr) return nullptr;
    at = skip_json_space(at, end);
    return at != end && *at == ':' ? at + 1 : nullptr;
  }

  // A string behind its opening quote.
  static const char* string(const char* at, const char* end) noexcept {
#if defined(DROPLIT_DETAIL_SSE2)
    if (end - at >= 16) {  // mostly it is short and plain
      const JsonBlock block(at);
      const unsigned ends = block.ends();
      const unsigned before = (ends - 1) & ~ends;
      if (ends != 0 && (block.high() & before) == 0 && at[__builtin_ctz(ends)] == '"') {
        return at + __builtin_ctz(ends) + 1;
      }
    }
#endif
    return any_string(at, end);
  }

  [[gnu::noinline]] static const char* any_string(const char* at, const char* end) noexcept {
    const char* const begin = at;
    bool ascii = true;
    for (;;) {
      const PlainRun run = plain_run({at, static_cast<std::size_t>(end - at)});
      ascii = ascii && run.ascii;
      at += run.size;
      if (at == end) return nullptr;
      if (*at == '"') {
        const std::string_view raw(begin, static_cast<std::size_t>(at - begin));
        return ascii || is_utf8(raw) ? at + 1 : nullptr;
      }
      char character[4];
      if (*at != '\\') return nullptr;
      at = unescape(at, end, character).at;
      if (at == nullptr) return nullptr;
    }
  }

  static const char* digits(const char* at, const char* end) noexcept {
    while (at != end && *at >= '0' && *at <= '9') ++at;
    return at;
  }

  static const char* number(const char* at, const char* end, bool& unsure) noexcept {
    if (*at == '-') ++at;
    const char* const whole = at;
    at = digits(at, end);
    if (at == whole || (*whole == '0' && at - whole != 1)) return nullptr;
    if (at != end && *at == '.') {
      const char* const fraction = ++at;
      at = digits(at, end);
      if (at == fraction) return nullptr;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
      ++at;
      if (at != end && (*at == '+' || *at == '-')) ++at;
      const char* const exponent = at;
      at = digits(at, end);
      if (at == exponent) return nullptr;
      if (at - exponent > 9) {
        unsure = true;
        return nullptr;
      }
    }
    return at;
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
