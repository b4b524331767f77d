// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/testing/fixed_clock.hpp>

#include "support/catch.hpp"

#include <type_traits>

using namespace droplit;

static_assert(!std::is_convertible_v<Timestamp, FixedClock>);
static_assert(!std::is_default_constructible_v<FixedClock>);
static_assert(FixedClock(Timestamp::clamp_unix_millis(7)).now() == Timestamp::clamp_unix_millis(7));

TEST_CASE("a fixed clock returns the time that was set last, later or earlier than before") {
  FixedClock clock(*Timestamp::parse("2018-02-28T15:16:58.941Z"));
  CHECK(clock.now().text() == "2018-02-28T15:16:58.941Z");
  CHECK(clock.now() == clock.now());
  clock.set(*Timestamp::parse("9999-12-31T23:59:59.999Z"));
  CHECK(clock.now().text() == "9999-12-31T23:59:59.999Z");
  clock.set(*Timestamp::parse("0000-01-01T00:00:00.000Z"));
  CHECK(clock.now().text() == "0000-01-01T00:00:00.000Z");
}
