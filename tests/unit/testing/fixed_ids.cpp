// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/testing/fixed_ids.hpp>

#include "support/catch.hpp"

using namespace droplit;

TEST_CASE("fixed ids are returned in their order, at any time, repeated ones too") {
  const ClientId a = "594b89aea18568c408c3ad25"_client_id;
  const ClientId b = "a00000000000000000000000f"_client_id;
  FixedIds ids({b, a, a});
  CHECK(ids.next(Timestamp::clamp_unix_millis(9000)).value() == b);
  CHECK(ids.next(Timestamp::clamp_unix_millis(0)).value() == a);
  CHECK(ids.next(Timestamp::clamp_unix_millis(-1)).value() == a);
}

TEST_CASE("when the fixed ids are used up every call returns a fault that was not applied") {
  FixedIds none({});
  FixedIds one({"594b89aea18568c408c3ad25"_client_id});
  REQUIRE(one.next(Timestamp::clamp_unix_millis(0)));
  for (FixedIds* ids : {&none, &one, &one}) {
    const auto outcome = ids->next(Timestamp::clamp_unix_millis(0));
    REQUIRE(outcome.has_exception());
    CHECK(outcome.exception().source() == FaultSource::ids);
    CHECK(outcome.exception().fate() == Fate::not_applied);
    CHECK(outcome.exception().what() == "the fixed ids are used up");
  }
}
