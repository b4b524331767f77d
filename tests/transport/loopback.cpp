// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "droplit/transport/loopback.hpp"

#include "droplit/remote/create_client.hpp"
#include "droplit/storage/memory.hpp"
#include "droplit/testing/fixed_clock.hpp"
#include "droplit/testing/fixed_ids.hpp"
#include "support/catch.hpp"

#include <random>
#include <string>
#include <utility>

namespace {

using namespace droplit;

constexpr auto active = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr auto deleted = "C594b89aea18568c408c3ad25"_ecosystem_id;
constexpr auto never = "C594b89aea18568c408c3ad26"_ecosystem_id;

struct OneToken {
  struct Principal {
    bool known;
    PrincipalKind kind() const { return known ? PrincipalKind::account : PrincipalKind::none; }
  };
  Principal identify(std::string_view token) const { return {token == "token"}; }
  bool may_touch(Principal, EcosystemId) const { return true; }
};

/// A world of its own, the same each time.
struct World {
  World() {
    storage.add_ecosystem(active);
    storage.add_ecosystem(deleted);
    storage.delete_ecosystem(deleted);
  }
  MemoryStorage storage;
  OneToken access;
  FixedClock clock{*Timestamp::parse("2018-02-28T15:16:58.941Z")};
  FixedIds ids{{"594b89aea18568c408c3ad25"_client_id}};
  Endpoint<MemoryStorage, OneToken, FixedClock, FixedIds> endpoint{storage, access, clock, ids};
};

bool same(const Outcome<Client>& a, const Outcome<Client>& b) {
  if (a.has_value()) return b.has_value() && a.assume_value() == b.assume_value();
  if (a.has_error()) return b.has_error() && a.assume_error() == b.assume_error();
  return b.has_exception() && a.assume_exception().fate() == b.assume_exception().fate();
}

std::optional<Text> text(std::mt19937& random) {
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
  return Text::parse(value);
}

}  // namespace

static_assert(Transport<LoopbackTransport<decltype(World::endpoint)>>);

TEST_CASE("asking through a loopback gives what the storage gives, for every draft") {
  std::mt19937 random(7);
  int created = 0;
  int refused = 0;
  for (int round = 0; round != 5000; ++round) {
    const EcosystemId ids[] = {active, active, deleted, never};
    const ClientDraft draft(ids[random() % 4], random() % 2 == 0 ? ClientType::server : ClientType::application,
                            text(random), text(random));
    World here;
    World there;
    LoopbackTransport transport(there.endpoint, "token");
    const auto direct = create_client(here.storage, here.clock, here.ids, draft);
    const auto remote = create_client(transport, draft);
    if (!same(direct, remote)) FAIL_CHECK("round " << round);
    direct.has_value() ? ++created : ++refused;
    const auto id = "594b89aea18568c408c3ad25"_client_id;
    if (here.storage.find_client(id) != there.storage.find_client(id)) FAIL_CHECK("kept otherwise, round " << round);
  }
  CHECK(created > 1000);
  CHECK(refused > 1000);
}

TEST_CASE("parameters are refused alike on both sides, with every violation") {
  const std::string_view texts[] = {"", "C594b89aea18568c408c3ad24", "server", "Server", std::string_view("a\0b", 3)};
  for (const auto id : texts) {
    for (const auto type : texts) {
      for (const auto name : texts) {
        const auto here = ClientDraft::make({.ecosystem_id = id, .type = type, .name = name});
        Request request{"POST", "/api/clients", {}, "{\"ecosystemId\":"};
        request.fields.add("content-type", "application/json");
        detail::append_json_string(request.body, id);
        detail::append_json_string(request.body.append(",\"type\":"), type);
        detail::append_json_string(request.body.append(",\"name\":"), name);
        request.body += '}';
        World there;
        const auto response = LoopbackTransport(there.endpoint, "token").send(request);
        if (here.has_error()) {
          CHECK(read_error(response.value()) == here.error());
        } else {
          CHECK(response.value().status == 201);
        }
      }
    }
  }
}

TEST_CASE("a draft beyond the service's limit is Content Too Large there") {
  World there;
  LoopbackTransport transport(there.endpoint, "token");
  const ClientDraft draft(active, ClientType::server, Text::parse(std::string(1024 * 1024, 'x')));
  CHECK(create_client(transport, draft).error() == ApiError::of<ApiErrc::content_too_large>());
}

TEST_CASE("a wrong token is Unauthorized, and a fault behind the service keeps its fate") {
  World there;
  LoopbackTransport wrong(there.endpoint, "other");
  CHECK(create_client(wrong, ClientDraft(active, ClientType::server)).error() == ApiError::of<ApiErrc::unauthorized>());

  LoopbackTransport transport(there.endpoint, "token");
  CHECK(create_client(transport, ClientDraft(active, ClientType::server)).has_value());
  const auto no_id_left = create_client(transport, ClientDraft(active, ClientType::server));
  REQUIRE(no_id_left.has_exception());
  CHECK(no_id_left.exception().fate() == Fate::maybe_applied);  // a 500 tells no more
  CHECK(no_id_left.exception().status() == 500);
}
