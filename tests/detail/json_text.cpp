// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "droplit/detail/json_text.hpp"

#include "support/catch.hpp"

#include <string>

namespace {

std::string quoted(std::string_view text) {
  std::string out = "before";
  droplit::detail::append_json_string(out, text);
  REQUIRE(out.starts_with("before"));
  return out.substr(6);
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
    CHECK(quoted(text) == '"' + expected + '"');
  }
  for (int c = 0x80; c != 0x100; ++c) {  // U+0080 to U+00FF in two bytes
    const std::string text{static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    CHECK(quoted(text) == '"' + text + '"');
  }
  CHECK(quoted("") == "\"\"");
  CHECK(quoted("\xC2\x80\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80") == "\"\xC2\x80\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80\"");
  CHECK(quoted("a/b</script>\x7F") == "\"a/b</script>\x7F\"");
}

TEST_CASE("an escape in each place of a text") {
  for (std::size_t size = 1; size != 40; ++size) {
    for (std::size_t at = 0; at != size; ++at) {
      std::string text(size, 'x');
      text[at] = '\n';
      REQUIRE(quoted(text) == '"' + std::string(at, 'x') + "\\n" + std::string(size - at - 1, 'x') + '"');
    }
  }
}
