// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/utf8.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using droplit::detail::is_utf8;
using droplit::detail::to_well_formed_utf8;

// The definition, by decoding: a sequence is well formed if it is the shortest of a scalar value.
bool is_one_scalar(const std::string& bytes) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  std::uint32_t value = 0;
  std::size_t length = 0;
  if (at(0) < 0x80) return bytes.size() == 1;
  if ((at(0) & 0xE0) == 0xC0) {
    length = 2;
    value = at(0) & 0x1F;
  } else if ((at(0) & 0xF0) == 0xE0) {
    length = 3;
    value = at(0) & 0x0F;
  } else if ((at(0) & 0xF8) == 0xF0) {
    length = 4;
    value = at(0) & 0x07;
  } else {
    return false;
  }
  if (bytes.size() != length) return false;
  for (std::size_t i = 1; i != length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return false;
    value = value << 6 | (at(i) & 0x3F);
  }
  const std::uint32_t least = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
  return value >= least && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
}

// Whether `bytes` is a row of such sequences.
bool expected(const std::string& bytes) {
  if (bytes.empty()) return true;
  for (std::size_t size = 1; size <= bytes.size() && size <= 4; ++size) {
    if (is_one_scalar(bytes.substr(0, size))) return expected(bytes.substr(size));
  }
  return false;
}

std::string bytes_of(std::uint32_t value, std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = count; i-- != 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xFF);
  return bytes;
}

}  // namespace

TEST_CASE("UTF-8 is what its definition says: all of one, two and three bytes, and four after every kind of lead") {
  int wrong = 0;
  for (std::uint32_t value = 0; value != 0x100; ++value)
    wrong += is_utf8(bytes_of(value, 1)) != expected(bytes_of(value, 1)) ? 1 : 0;
  for (std::uint32_t value = 0; value != 0x10000; ++value) {
    wrong += is_utf8(bytes_of(value, 2)) != expected(bytes_of(value, 2)) ? 1 : 0;
  }
  std::array<bool, 0x100> one{};
  std::vector<bool> two(0x10000);
  std::vector<bool> three(0x1000000);
  for (std::uint32_t value = 0; value != 0x100; ++value) one[value] = is_one_scalar(bytes_of(value, 1));
  for (std::uint32_t value = 0xC000; value != 0x10000; ++value) two[value] = is_one_scalar(bytes_of(value, 2));
  for (std::uint32_t value = 0xE08080; value != 0xF00000; ++value) {
    if ((value & 0x8080) == 0x8080) three[value] = is_one_scalar(bytes_of(value, 3));
  }
  for (std::uint32_t value = 0; value != 0x1000000; ++value) {
    const std::array<char, 3> bytes{static_cast<char>(value >> 16), static_cast<char>(value >> 8 & 0xFF),
                                    static_cast<char>(value & 0xFF)};
    const bool valid = three[value] || (one[value >> 16] && two[value & 0xFFFF]) ||
                       (two[value >> 8] && one[value & 0xFF]) ||
                       (one[value >> 16] && one[value >> 8 & 0xFF] && one[value & 0xFF]);
    wrong += is_utf8({bytes.data(), bytes.size()}) != valid ? 1 : 0;
  }
  for (const std::uint32_t lead : {0xE0u, 0xEDu, 0xEFu, 0xF0u, 0xF1u, 0xF4u, 0xF5u, 0xFFu}) {
    for (std::uint32_t rest = 0; rest < 0x10000; rest += 5) {
      for (const std::uint32_t last : {0x7Fu, 0x80u, 0xBFu, 0xC0u}) {
        const std::string bytes = bytes_of(lead << 24 | rest << 8 | last, 4);
        wrong += is_utf8(bytes) != expected(bytes) ? 1 : 0;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the check is a constant expression") {
  static_assert(is_utf8("a text of more than thirty-two bytes, and \xC3\xA9 in it"));
  static_assert(!is_utf8("a text of more than thirty-two bytes, and \xC3 in it"));
}

TEST_CASE("what is ill-formed becomes one U+FFFD for each maximal subpart") {
  const std::string r = "\xEF\xBF\xBD";
  CHECK(to_well_formed_utf8("abc") == "abc");
  CHECK(to_well_formed_utf8("\xFF") == r);
  CHECK(to_well_formed_utf8("\xC0\xAF") == r + r);
  CHECK(to_well_formed_utf8("\xE2\x82") == r);
  CHECK(to_well_formed_utf8("\xE2\x82x") == r + "x");
  CHECK(to_well_formed_utf8("\xF0\x9F\x98") == r);
  CHECK(to_well_formed_utf8("\xF0\x80\x80\x80") == r + r + r + r);
  CHECK(to_well_formed_utf8("\xED\xA0\x80") == r + r + r);
  CHECK(to_well_formed_utf8("\xF4\x90\x80\x80") == r + r + r + r);
  // the Unicode Standard's own example, table 3-8
  CHECK(to_well_formed_utf8("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64") ==
        "a" + r + r + r + "b" + r + "c" + r + r + "d");
}

TEST_CASE("a sequence whose rest is beyond the end of the text is cut, whatever is there") {
  for (const std::string& whole :
       {std::string("\xC3\xA9"), std::string("\xDF\xBF"), std::string("\xE1\x80\x80"), std::string("\xE2\x82\xAC"),
        std::string("\xEC\xBF\xBF"), std::string("\xF0\x9F\x98\x80")}) {
    for (std::size_t before = 0; before != 80; ++before) {
      const std::string text = std::string(before, 'x') + whole + std::string(80, 'x');
      for (std::size_t size = 0; size <= whole.size(); ++size) {
        const std::string_view cut = std::string_view(text).substr(0, before + size);
        if (droplit::detail::is_utf8(cut) != (size == 0 || size == whole.size())) FAIL_CHECK(before << ", " << size);
      }
    }
  }
}
