// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/http/grammar.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

using namespace droplit;

static_assert(detail::equals_ignoring_case("Content-TYPE", "content-type"));
static_assert(!detail::equals_ignoring_case("[", "{") && !detail::equals_ignoring_case("@", "`"));
static_assert(!detail::equals_ignoring_case("a", "aa") && detail::equals_ignoring_case("", ""));
static_assert(detail::trim(" \t a b \t ") == "a b" && detail::trim("\t ").empty() && detail::trim("\n") == "\n");

TEST_CASE("each class of characters is what the RFCs say, byte by byte") {
  const std::string_view others = "!#$%&'*+-.^_`|~";
  const std::string_view hex = "0123456789abcdefABCDEF";
  for (int c = 0; c != 256; ++c) {
    const char byte = static_cast<char>(c);
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool token = digit || letter || (c != 0 && others.find(byte) != std::string_view::npos);
    const std::size_t at = c == 0 ? std::string_view::npos : hex.find(byte);
    const int value = at == std::string_view::npos ? -1 : static_cast<int>(at < 16 ? at : at - 6);
    if (detail::is_digit(byte) != digit) FAIL_CHECK("digit " << c);
    if (detail::is_letter(byte) != letter) FAIL_CHECK("letter " << c);
    if (detail::is_token_character(byte) != token) FAIL_CHECK("token " << c);
    if (detail::is_visible(byte) != (c > 0x20 && c != 0x7F)) FAIL_CHECK("visible " << c);
    if (detail::is_field_character(byte) != (c == '\t' || (c >= 0x20 && c != 0x7F))) FAIL_CHECK("field " << c);
    if (detail::hex_value(byte) != value) FAIL_CHECK("hex " << c);
    if (detail::is_hex_digit(byte) != (value >= 0)) FAIL_CHECK("hex digit " << c);
  }
}

TEST_CASE("case is that of ASCII letters alone, byte by byte") {
  for (int a = 0; a != 256; ++a) {
    for (int b = 0; b != 256; ++b) {
      const bool upper = a >= 'A' && a <= 'Z' && b == a + 32;
      const bool lower = b >= 'A' && b <= 'Z' && a == b + 32;
      const char both[] = {static_cast<char>(a), static_cast<char>(b)};
      const bool equal = detail::equals_ignoring_case({both, 1}, {both + 1, 1});
      if (equal != (a == b || upper || lower)) FAIL_CHECK(a << " and " << b);
    }
  }
}

TEST_CASE("a text is exactly a literal if size and every character are the same") {
  const std::string text = "POST";
  CHECK(detail::is_exactly(text, "POST"));
  CHECK(detail::is_exactly(std::string_view("POSTx").substr(0, 4), "POST"));
  for (const std::string& other :
       {text + "x", text.substr(0, 3), std::string("xOST"), std::string("POSx"), std::string()}) {
    CHECK_FALSE(detail::is_exactly(other, "POST"));
  }
}

TEST_CASE("a list is taken apart at its separators, one part at a time") {
  std::string_view rest = "a,,b,";
  std::string parts;
  while (!rest.empty()) parts.append("[").append(detail::take_until(rest, ',')).append("]");
  CHECK(parts == "[a][][b]");
  rest = "abc";
  CHECK(detail::take_until(rest, ',') == "abc");
  CHECK(rest.empty());
  CHECK(detail::take_until(rest, ',').empty());
}

TEST_CASE("a token is taken up to the first character that is not one's") {
  std::string_view rest = "text/plain";
  CHECK(detail::take_token(rest) == "text");
  CHECK(rest == "/plain");
  CHECK(detail::take_token(rest).empty());
  CHECK(rest == "/plain");
  CHECK(detail::is_token("a!"));
  CHECK_FALSE(detail::is_token(""));
  CHECK_FALSE(detail::is_token("a b"));
}

TEST_CASE("a percent escape is a percent sign and two hex digits") {
  CHECK(detail::read_percent_escape("%41b") == 0x41);
  CHECK(detail::read_percent_escape("%fF") == 0xFF);
  CHECK(detail::read_percent_escape("%00") == 0);
  for (const std::string_view bad : {"", "%", "%4", "%4g", "%g4", "a41", "%%41"}) {
    INFO(bad);
    CHECK(detail::read_percent_escape(bad) == -1);
  }
}

TEST_CASE("a decimal number has digits alone and at most 64 bits") {
  CHECK(detail::parse_decimal("0") == 0u);
  CHECK(detail::parse_decimal("0012") == 12u);
  CHECK(detail::parse_decimal("18446744073709551615") == (std::numeric_limits<std::uint64_t>::max)());
  for (const std::string_view bad : {"", " 1", "1 ", "+1", "-1", "1.0", "0x1", "18446744073709551616",
                                     "18446744073709551620", "99999999999999999999", "100000000000000000000"}) {
    INFO(bad);
    CHECK_FALSE(detail::parse_decimal(bad));
  }
  for (int c = 0; c != 256; ++c) {
    const std::string text{'1', static_cast<char>(c)};
    if (detail::parse_decimal(text).has_value() != (c >= '0' && c <= '9')) FAIL_CHECK(c);
  }
}
