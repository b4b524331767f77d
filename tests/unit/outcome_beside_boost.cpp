// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The whole of Boost.Outcome beside ours: its own hooks for std::error_code and boost::exception_ptr get in no way.
#include <droplit/outcome.hpp>

#include <boost/outcome.hpp>

#include "support/catch.hpp"

using namespace droplit;

TEST_CASE("beside boost/outcome.hpp the error is thrown whole") {
  const Outcome<int> outcome = ApiError::of<ApiErrc::forbidden>();
  try {
    static_cast<void>(outcome.value());
    FAIL("nothing was thrown");
  } catch (const ApiException& thrown) {
    CHECK(thrown.error() == ApiError::of<ApiErrc::forbidden>());
  }
  const Outcome<int> failed = Fault(FaultSource::clock, Fate::not_applied, "x");
  CHECK_THROWS_AS(failed.value(), FaultException);
  const boost::outcome_v2::outcome<int> theirs = 5;
  CHECK(theirs.value() == 5);
}
