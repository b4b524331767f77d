// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/sleeper.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <set>

using namespace droplit;

static_assert(Sleeper<SystemSleeper>);
static_assert(!Sleeper<int>);

TEST_CASE("the system's sleeper returns when the time has come, and not before") {
  SystemSleeper sleeper;
  const auto begin = sleeper.now();
  sleeper.sleep_until(begin + 20);
  CHECK(sleeper.now() >= begin + 20);
  const auto after = sleeper.now();
  sleeper.sleep_until(after - 1'000'000);  // long past: at once
  sleeper.sleep_until(std::numeric_limits<std::int64_t>::min());
  CHECK(sleeper.now() - after < 900'000);
}

TEST_CASE("the random_bits fall differently each time") {
  SystemSleeper sleeper;
  std::set<std::uint32_t> seen;
  for (int i = 0; i != 100; ++i) seen.insert(sleeper.random_bits());
  CHECK(seen.size() > 90);
}
