// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/random_digits.hpp>

#include "support/catch.hpp"

#include <set>
#include <string>
#include <string_view>

TEST_CASE("random digits are 32 lower-case hex digits, and no two calls make the same") {
  std::set<std::string> made;
  std::set<char> seen;
  for (int i = 0; i != 100; ++i) {
    const droplit::detail::RandomDigits digits;
    const std::string_view text = digits.view();
    CHECK(text.size() == 32);
    CHECK(text.find_first_not_of("0123456789abcdef") == std::string_view::npos);
    seen.insert(text.begin(), text.end());
    made.emplace(text);
  }
  CHECK(made.size() == 100);
  CHECK(seen.size() == 16);
}
