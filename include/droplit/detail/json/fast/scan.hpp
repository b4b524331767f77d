// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Finds where a JSON string ends, sixteen bytes at a time, and on the way whether there are escapes in it, and whether
// its UTF-8 must be checked. Used by the fast reader of drafts for names and values.

#include <droplit/detail/bytes16.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/fast/utf8.hpp>
#include <droplit/detail/json/text.hpp>

#include <bit>
#include <cstddef>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// How far a JSON string goes.
struct JsonString {
  const char* close = nullptr;  ///< its closing quote; null if there is none, or a control character before it
  bool ascii = true;
  bool escaped = false;  ///< there are backslashes in it, and what follows them was not checked
};

/// Which of sixteen backslashes begin an escape, one bit each: of a run of them the first, the third and so on.
/// `escaped` is 1 if the first byte is part of an escape that began before it, and then is set for the next
/// sixteen bytes.
constexpr unsigned escape_starts(unsigned backslashes, unsigned& escaped) noexcept {
  constexpr unsigned even_places = 0x5555;
  backslashes &= ~escaped;
  // Adding its first bit to a run clears the run. This is done to the runs that begin in an even place, where escapes
  // begin in even places; in the other runs they begin in odd places.
  const unsigned firsts = backslashes & ~(backslashes << 1);
  const unsigned starts = backslashes & ((backslashes + (firsts & even_places)) ^ even_places);
  escaped = starts >> (Bytes16::size - 1);
  return starts;
}

/// Goes on from the first backslash, at `at`, to the end of the string. `high` is not 0 if what precedes is not ASCII.
DROPLIT_DETAIL_NOINLINE inline JsonString scan_escaped(const char* at, const char* end, unsigned high) noexcept {
  unsigned escaped = 0;
  for (; end - at >= Bytes16::size; at += Bytes16::size) {
    const Bytes16 bytes(at);
    const unsigned first = escaped;
    const unsigned starts = escape_starts(is_byte(bytes, '\\').high_bits(), escaped);
    const unsigned ends = (is_byte(bytes, '"') | is_at_most(bytes, 0x1F)).high_bits() & ~(starts << 1 | first);
    high |= bytes.high_bits();
    if (ends == 0) continue;
    at += std::countr_zero(ends);
    return *at == '"' ? JsonString{at, high == 0, true} : JsonString{};
  }
  if (escaped != 0 && at != end) ++at;
  for (; at != end; ++at) {
    high |= static_cast<unsigned char>(*at) & 0x80U;
    if (*at == '"') return {at, high == 0, true};
    if (!needs_escape(*at)) continue;
    if (*at != '\\' || ++at == end) break;
  }
  return {};
}

/// The first character in [at, end) that a JSON string has not as it is: a quote, a backslash or a control character;
/// or `end`. Then `high`, which must be 0, is not 0 if what precedes is not ASCII.
DROPLIT_DETAIL_ALWAYS_INLINE inline const char* scan_plain(const char* at, const char* end, unsigned& high) noexcept {
  while (end - at >= Bytes16::size) {
    const Bytes16 bytes(at);
    const unsigned marks = needs_escape(bytes).high_bits();
    if (marks != 0) {
      high |= bytes.high_bits() & (marks - 1) & ~marks;  // of the bytes before the first mark
      at += std::countr_zero(marks);
      break;
    }
    high |= bytes.high_bits();
    at += Bytes16::size;
    for (; end - at >= 4 * Bytes16::size; at += 4 * Bytes16::size) {  // a long text
      const Bytes16 a(at), b(at + 16), c(at + 32), d(at + 48);
      if ((needs_escape(a) | needs_escape(b) | needs_escape(c) | needs_escape(d)).high_bits() != 0) break;
      high |= (a | b | c | d).high_bits();
    }
  }
  for (; at != end && !needs_escape(*at); ++at) high |= static_cast<unsigned char>(*at) & 0x80U;
  return at;
}

/// Finds the end of the string whose opening quote is before `at`, unless it is not UTF-8. The characters that its
/// escapes encode always are.
DROPLIT_DETAIL_ALWAYS_INLINE inline JsonString read_json_string(const char* at, const char* end) noexcept {
  unsigned high = 0;
  const char* const stop = scan_plain(at, end, high);
  if (stop == end || (*stop != '"' && *stop != '\\')) return {};
  const JsonString found = *stop == '"' ? JsonString{stop, high == 0} : scan_escaped(stop, end, high);
  if (found.ascii) return found;  // also where it has no end
  return is_utf8_in_blocks({at, static_cast<std::size_t>(found.close - at)}) ? found : JsonString{};
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
