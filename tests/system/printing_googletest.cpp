// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Assertions that fail on purpose: printing.sh reads what GoogleTest prints of the values.
#include "printing.hpp"

#include <gtest/gtest.h>

#include <optional>

TEST(Values, EveryComparisonFails) {
  printing::compare([](const auto& a, const auto& b) { EXPECT_EQ(a, b); });
  printing::state([](const auto& value) { EXPECT_TRUE(value) << value; });
  EXPECT_TRUE(false) << printing::outcome();
  EXPECT_EQ(std::optional(printing::client()), std::nullopt);
}
