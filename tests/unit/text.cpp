// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/text.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

using namespace droplit;

static_assert(!std::is_default_constructible_v<Text>);
static_assert(!std::is_constructible_v<Text, std::string> && !std::is_constructible_v<Text, const char*>);
static_assert(std::is_copy_constructible_v<Text> && std::is_nothrow_move_constructible_v<Text>);
static_assert(std::totally_ordered<Text>);
static_assert(!std::is_convertible_v<Text, std::string>);

TEST_CASE("a text is kept code point for code point") {
  for (const std::string& given :
       {std::string(), std::string(" a  b "), std::string("\x01\x1F\x7F"), std::string("\xC3\xA9"),
        std::string("e\xCC\x81"), std::string("\xEF\xBB\xBF\xEF\xBF\xBF"), std::string("\xF4\x8F\xBF\xBF"),
        std::string(100000, 'x')}) {
    const auto text = Text::parse(given);
    REQUIRE(text);
    CHECK(text->str() == given);
    CHECK(*text == given);
  }
}

static_assert(std::is_same_v<decltype(std::declval<const Text&>().str()), const std::string&>);
static_assert(std::is_same_v<decltype(std::declval<Text>().str()), std::string>);
static_assert(std::is_same_v<decltype(std::declval<const Text>().str()), std::string>);

TEST_CASE("the string of a text that is gone after the line is its own") {
  const std::string given(1000, 'x');
  const auto& str = Text::parse(given).value().str();
  CHECK(str == given);
  Text text = *Text::parse(given);
  const char* const at = text.str().data();
  const std::string taken = std::move(text).str();
  CHECK(taken.data() == at);
  const Text kept = *Text::parse(given);
  CHECK(std::move(kept).str() == given);  // a copy
  CHECK(kept.str() == given);
}

TEST_CASE("a text may be assigned what is made of itself") {
  Text text = *Text::parse(std::string(1000, 'x'));
  text = *Text::parse(text.str());
  CHECK(text == std::string(1000, 'x'));
  text = *Text::parse(text.str().substr(0, 3));
  CHECK(text == "xxx");
}

TEST_CASE("what is not UTF-8, and U+0000, is no text") {
  using namespace std::string_literals;
  for (const std::string& given : {"\0"s, "a\0b"s, "a\0"s, "\x80"s, "\xC0\x80"s, "\xED\xA0\x80"s, "\xF4\x90\x80\x80"s,
                                   "\xFF"s, "a\xC3"s, std::string(5000, 'a') + "\xC3"}) {
    CHECK_FALSE(Text::parse(given));
  }
}

TEST_CASE("texts are compared byte by byte") {
  CHECK(Text::parse("a") == Text::parse("a"));
  CHECK(Text::parse("a") != Text::parse("A"));
  CHECK(*Text::parse("a") < *Text::parse("b"));
  CHECK(*Text::parse("\xC3\xA9") != *Text::parse("e\xCC\x81"));
}
