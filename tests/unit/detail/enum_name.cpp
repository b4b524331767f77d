// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/enum_name.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <string_view>

using droplit::detail::enum_name;

namespace {

enum class Size : std::uint8_t { small, large };
enum class Side { left = -1, here, right };

constexpr std::string_view name(auto value) { return enum_name(value, {"first", "second"}); }

}  // namespace

TEST_CASE("an enumerator has its name, and any other value an empty one") {
  static_assert(name(Size::small) == "first" && name(Size::large) == "second");
  static_assert(name(static_cast<Size>(2)).empty() && name(static_cast<Size>(255)).empty());
  static_assert(name(Side::here) == "first" && name(Side::left).empty() && name(static_cast<Side>(2)).empty());
  for (int value = 2; value != 256; ++value) CHECK(name(static_cast<Size>(value)).empty());
}
