// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/optional_string_view.hpp>

#include "support/catch.hpp"

#include <boost/core/detail/string_view.hpp>
#include <boost/json/string.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace droplit;

namespace {

/// A class of somebody else's that converts to `std::string_view`, and one that converts to `const char*` too.
struct Name {
  std::string text;
  operator std::string_view() const noexcept { return text; }
};
struct CName : Name {
  operator const char*() const noexcept { return nullptr; }
};

template <class T>
constexpr bool accepts = std::is_convertible_v<T, OptionalStringView>;

static_assert(accepts<std::string> && accepts<const std::string&> && accepts<std::string_view> &&
              accepts<const char*> && accepts<char*> && accepts<const char (&)[3]> && accepts<char (&)[3]>);
static_assert(accepts<Name> && accepts<const Name&> && accepts<CName> && accepts<boost::core::string_view> &&
              accepts<boost::json::string>);
static_assert(accepts<std::nullopt_t> && accepts<std::optional<std::string_view>> &&
              accepts<std::optional<std::string>> && accepts<const std::optional<const char*>&>);
static_assert(!accepts<std::nullptr_t> && !std::constructible_from<OptionalStringView, std::nullptr_t>);
static_assert(!std::is_assignable_v<OptionalStringView&, std::nullptr_t>);
static_assert(!accepts<int> && !accepts<char> && !accepts<bool> && !accepts<const wchar_t*> && !accepts<void*> &&
              !accepts<std::vector<char>> && !accepts<std::optional<int>> && !accepts<const unsigned char*>);
static_assert(std::is_convertible_v<OptionalStringView, std::optional<std::string_view>>);
static_assert(std::is_trivially_copyable_v<OptionalStringView>);
static_assert(OptionalStringView("a") == "a" && !OptionalStringView());

std::optional<std::string> given(OptionalStringView text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

}  // namespace

TEST_CASE("anything that shows a text is that text, temporaries included") {
  char array[] = "array";
  std::string string = "string";
  CHECK(given("literal") == "literal");
  CHECK(given(array) == "array");
  CHECK(given(string.c_str()) == "string");
  CHECK(given(string.data()) == "string");
  CHECK(given(string) == "string");
  CHECK(given(string + std::string(100, 'x')) == string + std::string(100, 'x'));
  CHECK(given(std::string_view("a\0b", 3)) == std::string("a\0b", 3));
  CHECK(given(Name{string}) == "string");
  CHECK(given(CName{{string}}) == "string");
  CHECK(given(boost::core::string_view("core")) == "core");
  CHECK(given(boost::json::string("json")) == "json");
  CHECK(given(std::optional<std::string>(string)) == "string");
  CHECK(given(std::optional<Name>(Name{string})) == "string");
  CHECK(given(std::optional<const char*>("pointer")) == "pointer");
  CHECK(given(std::optional<std::string_view>("view")) == "view");
  CHECK(given("") == "");
  CHECK(given(std::string_view()) == "");
}

TEST_CASE("a null pointer and what is empty of an optional are absent") {
  const char* null = nullptr;
  char* mutable_null = nullptr;
  CHECK_FALSE(given({}));
  CHECK_FALSE(given(std::nullopt));
  CHECK_FALSE(given(null));
  CHECK_FALSE(given(mutable_null));
  CHECK_FALSE(given(std::optional<const char*>(null)));
  CHECK_FALSE(given(std::optional<std::string>()));
  CHECK_FALSE(given(std::optional<std::string_view>()));
  OptionalStringView text = "x";
  CHECK(text);
  text = null;
  CHECK_FALSE(text);
}
