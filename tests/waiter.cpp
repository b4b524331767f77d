// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "droplit/waiter.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <set>

using namespace droplit;

static_assert(Waiter<SystemWaiter>);
static_assert(!Waiter<int>);

TEST_CASE("the system's waiter returns when the time has come, and not before") {
  SystemWaiter waiter;
  const auto begin = waiter.now();
  waiter.sleep_until(begin + 20);
  CHECK(waiter.now() >= begin + 20);
  const auto after = waiter.now();
  waiter.sleep_until(after - 1'000'000);  // long past: at once
  waiter.sleep_until(std::numeric_limits<std::int64_t>::min());
  CHECK(waiter.now() - after < 900'000);
}

TEST_CASE("the dice fall differently each time") {
  SystemWaiter waiter;
  std::set<std::uint32_t> seen;
  for (int i = 0; i != 100; ++i) seen.insert(waiter.dice());
  CHECK(seen.size() > 90);
}
