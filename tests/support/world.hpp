// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A service with all its policies, the same each time it is made, and drafts to try it with.
#pragma once

#include <droplit/client_draft.hpp>
#include <droplit/endpoint.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/testing/fixed_clock.hpp>

#include <cstdint>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace test {

using namespace droplit::literals;

inline constexpr auto active = "C594b89aea18568c408c3ad24"_ecosystem_id;
inline constexpr auto deleted = "C594b89aea18568c408c3ad25"_ecosystem_id;
inline constexpr auto never = "C594b89aea18568c408c3ad26"_ecosystem_id;

struct OneToken {
  struct Principal {
    bool known;
    droplit::PrincipalKind kind() const {
      return known ? droplit::PrincipalKind::account : droplit::PrincipalKind::none;
    }
  };
  Principal authenticate(std::string_view token) const { return {token == "token"}; }
  bool authorize(Principal, droplit::EcosystemId) const { return true; }
};

struct OrderedIds {
  droplit::ClientId next(droplit::Timestamp) {
    ++count;
    return droplit::ClientId({0, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(count >> 24),
                              static_cast<std::uint8_t>(count >> 16), static_cast<std::uint8_t>(count >> 8),
                              static_cast<std::uint8_t>(count)});
  }
  std::uint32_t count = 0;
};

struct World {
  World() {
    storage.add_ecosystem(active);
    storage.add_ecosystem(deleted);
    storage.delete_ecosystem(deleted);
  }
  droplit::MemoryStorage storage;
  OneToken access;
  droplit::FixedClock clock{*droplit::Timestamp::parse("2018-02-28T15:16:58.941Z")};
  OrderedIds ids;
  droplit::Endpoint<droplit::MemoryStorage, OneToken, droplit::FixedClock, OrderedIds> endpoint{storage, access, clock,
                                                                                                ids};
};

/// Whether two outcomes are the same to a caller.
inline bool same(const droplit::Outcome<droplit::Client>& a, const droplit::Outcome<droplit::Client>& b) {
  if (a.has_value()) return b.has_value() && a.assume_value() == b.assume_value();
  if (a.has_error()) return b.has_error() && a.assume_error() == b.assume_error();
  return b.has_exception() && a.assume_exception().fate() == b.assume_exception().fate();
}

/// A text of odd pieces, seldom a long one, or none.
inline std::optional<droplit::Text> any_text(std::mt19937& random) {
  static const std::string pieces[] = {"a",
                                       "Lobby panel",
                                       "\"",
                                       "\\",
                                       "\n",
                                       "\x01",
                                       "\x7F",
                                       "\xC3\xA9",
                                       "\xE2\x80\xA8",
                                       "\xF0\x9F\x98\x80",
                                       "\xEF\xBF\xBE",
                                       "</script>",
                                       "e\xCC\x81",
                                       " "};
  if (random() % 3 == 0) return std::nullopt;
  std::string value;
  for (auto n = random() % 12; n != 0; --n) value += pieces[random() % std::size(pieces)];
  if (random() % 200 == 0) value.append(200'000, 'x');
  return droplit::Text::parse(value);
}

inline droplit::ClientDraft any_draft(std::mt19937& random) {
  const droplit::EcosystemId ids[] = {active, active, deleted, never};
  const auto ecosystem = ids[random() % 4];
  const auto type = random() % 2 == 0 ? droplit::ClientType::server : droplit::ClientType::application;
  auto name = any_text(random);
  return droplit::ClientDraft(ecosystem, type, std::move(name), any_text(random));
}

}  // namespace test
