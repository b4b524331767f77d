// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/utf8.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
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

// In exactly its own memory, so that a sanitizer sees whoever looks beyond it.
bool is_utf8_alone(std::string_view text) {
  const auto memory = std::make_unique<char[]>(text.size());
  text.copy(memory.get(), text.size());
  return is_utf8({memory.get(), text.size()});
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
    const bool right = three[value] || (one[value >> 16] && two[value & 0xFFFF]) ||
                       (two[value >> 8] && one[value & 0xFF]) ||
                       (one[value >> 16] && one[value >> 8 & 0xFF] && one[value & 0xFF]);
    wrong += is_utf8({bytes.data(), bytes.size()}) != right ? 1 : 0;
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

TEST_CASE("in the midst of a long text a sequence is what it is alone") {
  int wrong = 0;
  const auto look = [&](const std::string& bytes, bool right, std::size_t before, std::string_view filler) {
    std::string text;
    while (text.size() < before) text += filler;
    text += bytes;
    const std::size_t end = text.size();
    while (text.size() < 48) text += filler;
    wrong += is_utf8(text) != right ? 1 : 0;
    wrong += end >= 32 && is_utf8(std::string_view(text).substr(0, end)) != right ? 1 : 0;
  };
  for (std::uint32_t value = 0x8000; value != 0x10000; ++value) {
    const std::string bytes = bytes_of(value, 2);
    const bool right = expected(bytes);
    for (const std::size_t before : {0u, 14u, 15u, 16u, 31u, 46u}) look(bytes, right, before, "a");
  }
  for (std::uint32_t value = 0xE07F7F; value != 0xF00000; ++value) {
    if ((value & 0x40) != 0 && (value & 0x3F) != 0) continue;  // of what is no continuation, a few
    const std::string bytes = bytes_of(value, 3);
    const bool right = expected(bytes);
    for (const std::size_t before : {14u, 45u}) look(bytes, right, before, "a");
  }
  for (std::uint32_t lead = 0xF0; lead != 0x100; ++lead) {
    for (std::uint32_t second = 0x70; second != 0xD0; ++second) {
      for (const std::uint32_t rest : {0x8080u, 0xBFBFu, 0x7F80u, 0x807Fu, 0xC080u, 0x80C0u, 0xF080u, 0x80E0u}) {
        const std::string bytes = bytes_of(lead << 24 | second << 16 | rest, 4);
        const bool right = expected(bytes);
        for (std::size_t before = 0; before != 18; ++before) look(bytes, right, before, "a");
      }
    }
  }
  // the first and the last of each length and beside the surrogates, and what is just outside, between others
  const std::string edges[] = {"\x01",
                               "\x7F",
                               "\xC2\x80",
                               "\xDF\xBF",
                               "\xE0\xA0\x80",
                               "\xED\x9F\xBF",
                               "\xEE\x80\x80",
                               "\xEF\xBF\xBF",
                               "\xF0\x90\x80\x80",
                               "\xF4\x8F\xBF\xBF",
                               "\xC1\xBF",
                               "\xE0\x9F\xBF",
                               "\xED\xA0\x80",
                               "\xED\xBF\xBF",
                               "\xF0\x8F\xBF\xBF",
                               "\xF4\x90\x80\x80",
                               "\xF5\x80\x80\x80",
                               "\x80",
                               "\xBF",
                               "\xFE",
                               "\xC3",
                               "\xE2\x82",
                               "\xF0\x9F\x98"};
  for (const std::string& edge : edges) {
    const bool right = expected(edge);
    for (const char* filler : {"a", "\xC5\x99", "\xE6\x97\xA5", "\xF0\x9F\x98\x80"}) {
      for (std::size_t before = 0; before != 100; ++before) {
        std::string text(before % 4, 'a');
        while (text.size() < before) text += filler;
        text += edge;
        wrong += is_utf8_alone(text) != right ? 1 : 0;
        text += filler;
        wrong += is_utf8_alone(text) != right ? 1 : 0;
        for (int i = 0; i != 40; ++i) text += filler;
        wrong += is_utf8_alone(text) != right ? 1 : 0;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("texts of anything are UTF-8 if each of their sequences is") {
  std::mt19937 random(11);
  const std::string pieces[] = {"a",
                                "0123456789abcdef",
                                "\xC3\xA9",
                                "\xE2\x82\xAC",
                                "\xE0\xA4\x85",
                                "\xED\x95\x9C",
                                "\xF0\x9F\x98\x80",
                                "\xF4\x8F\xBF\xBF",
                                std::string(70, 'x')};
  int wrong = 0;
  int well_formed = 0;
  for (int round = 0; round != 100'000; ++round) {
    std::string text;
    for (auto n = random() % 50; n != 0; --n) text += pieces[random() % std::size(pieces)];
    if (random() % 2 == 0 && !text.empty()) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) text[at] = static_cast<char>(random());
      if (random() % 2 == 0) text.erase(at, 1);
      if (random() % 2 == 0) text.resize(at);
    }
    bool right = true;
    for (std::string_view rest = text; right && !rest.empty();) {
      const droplit::detail::Utf8Step step = droplit::detail::utf8_step(rest);
      right = step.well_formed;
      rest.remove_prefix(step.size);
    }
    well_formed += right ? 1 : 0;
    wrong += is_utf8_alone(text) != right ? 1 : 0;
  }
  CHECK(wrong == 0);
  CHECK(well_formed > 50'000);
  CHECK(well_formed < 90'000);
}

TEST_CASE("a constant expression may ask, of a long text too") {
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

TEST_CASE("a sequence whose rest is beyond the end is cut, whatever is there") {
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
