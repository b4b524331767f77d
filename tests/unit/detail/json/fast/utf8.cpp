// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/fast/utf8.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>

namespace {

// What tests/unit/detail/utf8.cpp shows to be the definition.
using droplit::detail::is_utf8;

// In exactly its own memory, so that a sanitizer finds a read beyond it.
bool in_blocks(std::string_view text) {
  const auto memory = std::make_unique<char[]>(text.size());
  text.copy(memory.get(), text.size());
  return droplit::detail::is_utf8_in_blocks({memory.get(), text.size()});
}

std::string bytes_of(std::uint32_t value, std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = count; i-- != 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xFF);
  return bytes;
}

}  // namespace

TEST_CASE("in the midst of a long text a sequence is what it is alone") {
  int wrong = 0;
  const auto compare = [&](const std::string& bytes, bool valid, std::size_t before, std::string_view filler) {
    std::string text;
    while (text.size() < before) text += filler;
    text += bytes;
    const std::size_t end = text.size();
    while (text.size() < 48) text += filler;
    wrong += droplit::detail::is_utf8_in_blocks(text) != valid ? 1 : 0;
    wrong += droplit::detail::is_utf8_in_blocks(std::string_view(text).substr(0, end)) !=
                     is_utf8(std::string_view(text).substr(0, end))
                 ? 1
                 : 0;
  };
  for (std::uint32_t value = 0x8000; value != 0x10000; ++value) {
    const std::string bytes = bytes_of(value, 2);
    const bool valid = is_utf8(bytes);
    for (const std::size_t before : {0u, 14u, 15u, 16u, 31u, 46u}) compare(bytes, valid, before, "a");
  }
  for (std::uint32_t value = 0xE07F7F; value != 0xF00000; ++value) {
    if ((value & 0x40) != 0 && (value & 0x3F) != 0) continue;  // of what is no continuation, a few
    const std::string bytes = bytes_of(value, 3);
    const bool valid = is_utf8(bytes);
    for (const std::size_t before : {14u, 45u}) compare(bytes, valid, before, "a");
  }
  for (std::uint32_t lead = 0xF0; lead != 0x100; ++lead) {
    for (std::uint32_t second = 0x70; second != 0xD0; ++second) {
      for (const std::uint32_t rest : {0x8080u, 0xBFBFu, 0x7F80u, 0x807Fu, 0xC080u, 0x80C0u, 0xF080u, 0x80E0u}) {
        const std::string bytes = bytes_of(lead << 24 | second << 16 | rest, 4);
        const bool valid = is_utf8(bytes);
        for (std::size_t before = 0; before != 18; ++before) compare(bytes, valid, before, "a");
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
    const bool valid = is_utf8(edge);
    for (const char* filler : {"a", "\xC5\x99", "\xE6\x97\xA5", "\xF0\x9F\x98\x80"}) {
      for (std::size_t before = 0; before != 100; ++before) {
        std::string text(before % 4, 'a');
        while (text.size() < before) text += filler;
        text += edge;
        wrong += in_blocks(text) != valid ? 1 : 0;
        text += filler;
        wrong += in_blocks(text) != valid ? 1 : 0;
        for (int i = 0; i != 40; ++i) text += filler;
        wrong += in_blocks(text) != valid ? 1 : 0;
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
    const bool valid = is_utf8(text);
    well_formed += valid ? 1 : 0;
    wrong += in_blocks(text) != valid ? 1 : 0;
  }
  CHECK(wrong == 0);
  CHECK(well_formed > 50'000);
  CHECK(well_formed < 90'000);
}

TEST_CASE("a sequence whose rest is beyond the end is cut, whatever is there") {
  for (const std::string& whole :
       {std::string("\xC3\xA9"), std::string("\xDF\xBF"), std::string("\xE1\x80\x80"), std::string("\xE2\x82\xAC"),
        std::string("\xEC\xBF\xBF"), std::string("\xF0\x9F\x98\x80")}) {
    for (std::size_t before = 0; before != 80; ++before) {
      const std::string text = std::string(before, 'x') + whole + std::string(80, 'x');
      for (std::size_t size = 0; size <= whole.size(); ++size) {
        const std::string_view cut = std::string_view(text).substr(0, before + size);
        if (droplit::detail::is_utf8_in_blocks(cut) != (size == 0 || size == whole.size()))
          FAIL_CHECK(before << ", " << size);
      }
    }
  }
}
