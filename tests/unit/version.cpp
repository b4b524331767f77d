// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/version.hpp>

#include "support/catch.hpp"

#include <string>

TEST_CASE("the version is that of the project") {
  const int major = DROPLIT_VERSION / 10000;
  const int minor = DROPLIT_VERSION / 100 % 100;
  const int patch = DROPLIT_VERSION % 100;
  CHECK(std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch) == DROPLIT_TEST_VERSION);
}
