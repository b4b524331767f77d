// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/lasting_text.hpp>

#include "support/catch.hpp"

#include <boost/core/detail/string_view.hpp>
#include <boost/json/string.hpp>

#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

using namespace droplit;
using detail::LastingText;

namespace {

/// A view of somebody else's making.
struct View {
  constexpr View(const char* text, std::size_t length) noexcept : at(text), size(length) {}
  constexpr const char* data() const noexcept { return at; }
  constexpr operator std::string_view() const noexcept { return {at, size}; }
  const char* at;
  std::size_t size;
};

/// Characters that are copied with their object, which is trivial.
struct Inline {
  constexpr Inline(const char* text, std::size_t length) noexcept {
    for (std::size_t i = 0; i != length && i != sizeof characters; ++i) characters[i] = text[i];
  }
  constexpr const char* data() const noexcept { return characters; }
  constexpr operator std::string_view() const noexcept { return {characters, 1}; }
  char characters[16] = {};
};

struct Owner {
  std::string text;
  operator std::string_view() const noexcept { return text; }
};

struct HasArray {
  char array[16];
};

template <class T>
constexpr bool accepts = std::is_convertible_v<T, LastingText>;

// What is there beyond the call.
static_assert(accepts<std::string&> && accepts<const std::string&> && accepts<Owner&> && accepts<const Owner&> &&
              accepts<Inline&> && accepts<boost::json::string&> && accepts<std::optional<std::string>&> &&
              accepts<const char (&)[3]> && accepts<char (&)[3]>);
// A view of it, by value.
static_assert(accepts<std::string_view> && accepts<const std::string_view> && accepts<const char*> && accepts<char*> &&
              accepts<char* const> && accepts<View> && accepts<boost::core::string_view> &&
              accepts<std::optional<std::string_view>> && accepts<std::optional<const char*>> &&
              accepts<std::nullopt_t> && accepts<OptionalStringView>);
// What is gone by then.
static_assert(!accepts<std::string> && !accepts<const std::string> && !accepts<std::string&&> &&
              !accepts<std::pmr::string> && !accepts<boost::json::string> && !accepts<Owner> && !accepts<const Owner> &&
              !accepts<Inline> && !accepts<std::optional<std::string>> && !accepts<const std::optional<std::string>> &&
              !accepts<std::optional<Owner>> && !accepts<decltype(HasArray().array)&&>);
// What is no text.
static_assert(!accepts<std::nullptr_t> && !accepts<int> && !accepts<std::optional<int>> && !accepts<const wchar_t*>);

std::optional<std::string_view> view(LastingText text) { return text.view(); }

}  // namespace

TEST_CASE("a lasting text shows the very characters that it was made of") {
  const std::string string = "string";
  const char* const pointer = string.c_str();
  for (const LastingText text :
       {LastingText(string), LastingText(pointer), LastingText(std::string_view(string)),
        LastingText(boost::core::string_view(string)), LastingText(View(pointer, 6)), LastingText({pointer, 6})}) {
    CHECK(text.view() == "string");
    CHECK(text.view()->data() == pointer);
  }
  CHECK(view({pointer, 3}) == "str");
  const char* const null = nullptr;
  CHECK_FALSE(view(null));
  CHECK_FALSE(view({}));
}
