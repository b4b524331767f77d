// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/ecosystem.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <type_traits>

using namespace droplit;

static_assert(std::regular<Ecosystem> == false && std::equality_comparable<Ecosystem>);
static_assert(!std::is_default_constructible_v<Ecosystem> && std::is_trivially_copyable_v<Ecosystem>);
static_assert(!std::is_constructible_v<Ecosystem, EcosystemId>);
static_assert(to_string(EcosystemState::active) == "active");
static_assert(to_string(EcosystemState::deleted) == "deleted");
static_assert(to_string(EcosystemState::unknown) == "unknown");
static_assert(to_string(static_cast<EcosystemState>(3)).empty());

TEST_CASE("an ecosystem is its id and its state, and equal if both are") {
  constexpr auto id = "C594b89aea18568c408c3ad24"_ecosystem_id;
  constexpr auto other = "C594b89aea18568c408c3ad25"_ecosystem_id;
  constexpr Ecosystem ecosystem(id, EcosystemState::active);
  static_assert(ecosystem.id() == id && ecosystem.state() == EcosystemState::active);
  CHECK(ecosystem == Ecosystem(id, EcosystemState::active));
  CHECK(ecosystem != Ecosystem(id, EcosystemState::deleted));
  CHECK(ecosystem != Ecosystem(other, EcosystemState::active));
}
