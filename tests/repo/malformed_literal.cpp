// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// This file must not compile: the id has one digit too few.
#include <droplit/id.hpp>

using namespace droplit::literals;

constexpr auto id = "C594b89aea18568c408c3ad2"_ecosystem_id;
