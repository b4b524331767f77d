// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The cheapest policies there are, so that what is measured is the library.
#pragma once

#include <droplit/access.hpp>
#include <droplit/client.hpp>
#include <droplit/storage.hpp>

#include <string_view>

namespace policies {

using namespace droplit::literals;

inline constexpr auto ecosystem = "C594b89aea18568c408c3ad24"_ecosystem_id;
inline constexpr std::string_view token = "da25b04ec80d4d6d8bb8e2ff5a4cee87";

// benchmarks/data/W1.json and W2.json
inline constexpr std::string_view w1 =
    R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"application","name":"Lobby panel",)"
    R"("description":"Wall panel by the north entrance"})";
inline constexpr std::string_view w2 = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})";

/// Keeps nothing.
struct Forgets {
  droplit::Insertion insert(const droplit::Client&) const noexcept { return droplit::Insertion::inserted; }
};

/// The same with keys.
struct Remembers : Forgets {
  droplit::KeyedInsertion insert_once(const droplit::Client&, const droplit::IdempotencyKey&) const noexcept {
    return droplit::Insertion::inserted;
  }
};

/// Knows one token.
struct OneToken {
  struct Principal {
    bool known;
    [[nodiscard]] droplit::PrincipalKind kind() const noexcept {
      return known ? droplit::PrincipalKind::account : droplit::PrincipalKind::none;
    }
  };
  [[nodiscard]] Principal authenticate(std::string_view given) const noexcept { return {given == token}; }
  [[nodiscard]] bool authorize(Principal, droplit::EcosystemId) const noexcept { return true; }
};

}  // namespace policies
