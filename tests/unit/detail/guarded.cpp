// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/guarded.hpp>

#include "support/catch.hpp"

#include <new>
#include <stdexcept>

using namespace droplit;
using detail::guarded;

TEST_CASE("a guarded call without an exception returns what the call returns") {
  const auto value = guarded<int>(FaultSource::clock, Fate::not_applied, []() -> Outcome<int> { return 7; });
  CHECK(value.value() == 7);
  const auto refused = guarded<int>(FaultSource::clock, Fate::not_applied,
                                    []() -> Outcome<int> { return ApiError::of<ApiErrc::forbidden>(); });
  CHECK(refused.error() == ApiError::of<ApiErrc::forbidden>());
}

TEST_CASE("an exception is a fault of the source that was set when it was thrown, without the exception's own text") {
  for (const bool later : {false, true}) {
    FaultSource source = FaultSource::clock;
    const auto failed = guarded<int>(source, Fate::not_applied, [&]() -> Outcome<int> {
      if (later) source = FaultSource::ids;
      throw std::runtime_error("secret");
    });
    REQUIRE(failed.has_exception());
    CHECK(failed.exception().source() == (later ? FaultSource::ids : FaultSource::clock));
    CHECK(failed.exception().fate() == Fate::not_applied);
    CHECK(failed.exception().what() == (later ? "ids threw an exception" : "clock threw an exception"));
    CHECK(failed.exception().cause());
  }
}

TEST_CASE("a fault that is thrown, by itself or by .value(), is the fault") {
  const Fault fault = Fault::unknown_response(503, "away", "", 3);
  const auto check = [](const Outcome<int>& failed) {
    REQUIRE(failed.has_exception());
    CHECK(failed.exception().source() == FaultSource::response);
    CHECK(failed.exception().what() == "away");
    CHECK(failed.exception().retry_after() == 3);
  };
  check(guarded<int>(FaultSource::storage, Fate::maybe_applied, [&]() -> Outcome<int> { throw fault; }));
  check(guarded<int>(FaultSource::storage, Fate::maybe_applied,
                     [&] { return Outcome<int>(Outcome<int>(fault).value()); }));
}

TEST_CASE("what a call throws is a fault, and nothing if it returns") {
  int calls = 0;
  CHECK_FALSE(detail::thrown_by(FaultSource::clock, Fate::not_applied, [&] { ++calls; }));
  CHECK(calls == 1);
  const auto fault = detail::thrown_by(FaultSource::ids, Fate::not_applied, [] { throw std::bad_alloc(); });
  REQUIRE(fault);
  CHECK(fault->source() == FaultSource::ids);
  CHECK(fault->fate() == Fate::not_applied);
}
