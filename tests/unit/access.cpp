// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/access.hpp>

#include "support/catch.hpp"

#include <string>

namespace {

using droplit::Access;
using droplit::EcosystemId;
using droplit::PrincipalKind;

struct Holder {
  PrincipalKind kind() const { return PrincipalKind::account; }
};

struct Exemplar {
  Holder authenticate(std::string_view) const { return {}; }
  bool authorize(const Holder&, EcosystemId) const { return true; }
};
struct NotConst {
  Holder authenticate(std::string_view) { return {}; }
  bool authorize(const Holder&, EcosystemId) const { return true; }
};
struct NoKind {
  int authenticate(std::string_view) const { return 1; }
  bool authorize(int, EcosystemId) const { return true; }
};
struct WrongKind {
  struct Person {
    std::string kind() const { return "account"; }
  };
  Person authenticate(std::string_view) const { return {}; }
  bool authorize(const Person&, EcosystemId) const { return true; }
};
struct NoRights {
  Holder authenticate(std::string_view) const { return {}; }
};
struct RightsByText {
  Holder authenticate(std::string_view) const { return {}; }
  bool authorize(const Holder&, const std::string&) const { return true; }
};
struct VoidRights {
  Holder authenticate(std::string_view) const { return {}; }
  void authorize(const Holder&, EcosystemId) const {}
};

struct ByReference {
  Holder holder;
  const Holder& authenticate(std::string_view) const { return holder; }
  bool authorize(const Holder&, EcosystemId) const { return true; }
};
struct Rooted {
  struct Person {
    Person() = default;
    Person(const Person&) = delete;
    PrincipalKind kind() const { return PrincipalKind::account; }
  };
  Person authenticate(std::string_view) const { return {}; }
  bool authorize(const Person&, EcosystemId) const { return true; }
};
struct TakesAway {
  Holder authenticate(std::string_view) const { return {}; }
  bool authorize(Holder&&, EcosystemId) const { return true; }
};

}  // namespace

static_assert(Access<Exemplar>);
static_assert(!Access<ByReference>);
static_assert(!Access<Rooted>);
static_assert(!Access<TakesAway>);
static_assert(!Access<NotConst>);
static_assert(!Access<NoKind>);
static_assert(!Access<WrongKind>);
static_assert(!Access<NoRights>);
static_assert(!Access<RightsByText>);
static_assert(!Access<VoidRights>);
static_assert(!Access<int>);

TEST_CASE("an Access policy knows who calls and what they may touch") {
  using namespace droplit::literals;
  const Exemplar access;
  CHECK(access.authenticate("token").kind() == PrincipalKind::account);
  CHECK(access.authorize(access.authenticate("token"), "C594b89aea18568c408c3ad24"_ecosystem_id));
}
