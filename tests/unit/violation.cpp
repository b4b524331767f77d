// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/violation.hpp>

#include "support/catch.hpp"

using namespace droplit;

TEST_CASE("the part of a request that a violation is in has its wire name") {
  CHECK(to_string(Location::none) == "");
  CHECK(to_string(Location::query) == "query");
  CHECK(to_string(Location::header) == "header");
  CHECK(to_string(Location::body) == "body");
  static_assert(to_string(static_cast<Location>(4)).empty());
}

TEST_CASE("violations are equal if all their members are") {
  const Violation one{ApiErrc::ecosystem_invalid, Location::body, Field::ecosystem_id, "invalid id"};
  CHECK(one == Violation{ApiErrc::ecosystem_invalid, Location::body, Field::ecosystem_id, "invalid id"});
  CHECK(one != Violation{ApiErrc::ecosystem_missing, Location::body, Field::ecosystem_id, "invalid id"});
  CHECK(one != Violation{ApiErrc::ecosystem_invalid, Location::query, Field::ecosystem_id, "invalid id"});
  CHECK(one != Violation{ApiErrc::ecosystem_invalid, Location::body, Field::type, "invalid id"});
  CHECK(one != Violation{ApiErrc::ecosystem_invalid, Location::body, Field::ecosystem_id, ""});
}
