// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/text.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <string_view>

namespace {

std::string in_quotes(std::string_view text) {
  std::string out(droplit::detail::json_text_size(text), '\0');
  REQUIRE(droplit::detail::write_json_text(out.data(), text) == out.data() + out.size());
  return '"' + out + '"';
}

// The definition, character by character.
std::string expected(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const std::size_t at = std::string_view("\"\\\b\f\n\r\t").find(c);
    if (at != std::string_view::npos) {
      out += {'\\', "\"\\bfnrt"[at]};
    } else if (c >= 0 && c < 0x20) {
      out += c < 0x10 ? "\\u000" : "\\u001";
      out += "0123456789abcdef"[c % 16];
    } else {
      out += c;
    }
  }
  return out;
}

// Text and JSON have exactly their own memory each, so that a sanitizer sees a read or write beyond it.
bool is_written_right(std::string_view text) {
  const std::string right = expected(text);
  const auto memory = std::make_unique<char[]>(text.size());
  text.copy(memory.get(), text.size());
  const std::string_view same(memory.get(), text.size());
  if (droplit::detail::json_text_size(same) != right.size()) return false;
  const auto json = std::make_unique<char[]>(right.size());
  const char* const end = droplit::detail::write_json_text(json.get(), same);
  return end == json.get() + right.size() && std::string_view(json.get(), right.size()) == right;
}

}  // namespace

TEST_CASE("strings are written as JSON.stringify writes them") {
  const std::string escapes[] = {"\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006",
                                 "\\u0007", "\\b",     "\\t",     "\\n",     "\\u000b", "\\f",     "\\r",
                                 "\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014",
                                 "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001a", "\\u001b",
                                 "\\u001c", "\\u001d", "\\u001e", "\\u001f"};
  for (int c = 0; c != 0x80; ++c) {
    const std::string text(1, static_cast<char>(c));
    const std::string expected = c < 0x20 ? escapes[c] : c == '"' ? "\\\"" : c == '\\' ? "\\\\" : text;
    CHECK(in_quotes(text) == '"' + expected + '"');
  }
  for (int c = 0x80; c != 0x100; ++c) {  // U+0080 to U+00FF in two bytes
    const std::string text{static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    CHECK(in_quotes(text) == '"' + text + '"');
  }
  CHECK(in_quotes("") == "\"\"");
  CHECK(in_quotes("\xC2\x80\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80") ==
        "\"\xC2\x80\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80\"");
  CHECK(in_quotes("a/b</script>\x7F") == "\"a/b</script>\x7F\"");
}

TEST_CASE("an escape in each place of a text") {
  for (std::size_t size = 1; size != 40; ++size) {
    for (std::size_t at = 0; at != size; ++at) {
      std::string text(size, 'x');
      text[at] = '\n';
      REQUIRE(in_quotes(text) == '"' + std::string(at, 'x') + "\\n" + std::string(size - at - 1, 'x') + '"');
    }
  }
}

TEST_CASE("every character at every place of texts of every length") {
  for (const std::size_t size :
       {1u, 15u, 16u, 17u, 31u, 33u, 63u, 64u, 65u, 95u, 96u, 97u, 128u, 159u, 160u, 161u, 225u}) {
    for (std::size_t at = 0; at != size; ++at) {
      std::string text(size, 'x');
      for (int c = 0; c != 0x80; ++c) {
        text[at] = static_cast<char>(c);
        if (!is_written_right(text)) FAIL_CHECK("character " << c << " at " << at << " of " << size);
      }
    }
  }
}

TEST_CASE("texts of anything") {
  std::mt19937 random(7);
  const std::string_view pieces[] = {"a",
                                     "plain text",
                                     "0123456789abcdef0123456789abcdef",
                                     "\n",
                                     "\"",
                                     "\\",
                                     "\x01",
                                     "\x1F",
                                     "\r\n",
                                     "\v",
                                     "\xC5\x99",
                                     "\xE6\x97\xA5",
                                     "\xF0\x9F\x98\x80",
                                     "\x7F",
                                     "/"};
  for (int round = 0; round != 50'000; ++round) {
    std::string text;
    const bool dense = random() % 2 == 0;
    for (auto n = random() % 60; n != 0; --n) text += pieces[dense ? 3 + random() % 7 : random() % std::size(pieces)];
    if (random() % 50 == 0) text.append(1, '\0');
    if (!is_written_right(text)) FAIL_CHECK("written otherwise: " << text);
  }
}
