// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Assertions that fail on purpose: printing.sh reads what Catch2 prints of the values.
#include "printing.hpp"

#include "support/catch.hpp"

TEST_CASE("every comparison fails") {
  printing::compare([](const auto& a, const auto& b) { CHECK(a == b); });
  printing::state([](const auto& value) { CHECK(value); });
  CAPTURE(printing::outcome());
  CHECK(false);
}
