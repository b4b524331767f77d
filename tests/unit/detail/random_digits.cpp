// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/random_digits.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

TEST_CASE("random digits are 32 lower-case hex digits, and no two calls make the same") {
  std::set<std::string> made;
  std::set<char> seen[2];  // in the places of high and of low bits
  for (int i = 0; i != 100; ++i) {
    const droplit::detail::RandomDigits digits;
    const std::string_view text = digits.view();
    CHECK(text.size() == 32);
    CHECK(text.find_first_not_of("0123456789abcdef") == std::string_view::npos);
    for (std::size_t at = 0; at != text.size(); ++at) seen[at % 2].insert(text[at]);
    made.emplace(text);
  }
  CHECK(made.size() == 100);
  CHECK(seen[0].size() == 16);
  CHECK(seen[1].size() == 16);
}
