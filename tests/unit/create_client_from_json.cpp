// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/create_client_from_json.hpp>

#include <droplit/detail/json/writer.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/transport/loopback.hpp>

#include "support/catch.hpp"
#include "support/memory.hpp"
#include "support/world.hpp"

#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace droplit;
using test::World;

namespace {

using Value = std::optional<std::string_view>;

const std::vector<Value> ecosystem_ids{std::nullopt,
                                       "C594b89aea18568c408c3ad24",  // active
                                       "C594B89AEA18568C408C3AD24",  // the same
                                       "C594b89aea18568c408c3ad25",  // deleted
                                       "C594b89aea18568c408c3ad26",  // unknown
                                       "",
                                       "594b89aea18568c408c3ad24",
                                       "\xFF"};
const std::vector<Value> types{std::nullopt, "application", "server", "Server", "", "\xFF"};
const std::vector<Value> texts{std::nullopt, "", "Lobby \"\\\n\xC3\xA9", std::string_view("a\0b", 3), "\xFF"};

/// The body with these members; what is absent is left out or null.
std::string body_of(const ClientParameters& parameters, bool null_members) {
  std::string body = "{";
  for (const FieldRow& row : client_fields) {
    const Value value = parameters.*row.parameter;
    if (!value && !null_members) continue;
    if (body != "{") body += ',';
    body.append("\"").append(row.name).append("\":");
    if (value) {
      detail::append_json_string(body, *value);
    } else {
      body += "null";
    }
  }
  return body + "}";
}

template <class Call>
void for_each_combination(Call call) {
  for (const Value& ecosystem_id : ecosystem_ids) {
    for (const Value& type : types) {
      for (const Value& name : texts) {
        for (const Value& description : texts) {
          call(ClientParameters{.ecosystem_id = ecosystem_id, .type = type, .name = name, .description = description});
        }
      }
    }
  }
}

/// The outcome of `create` in a world of its own, and what is in its storage then.
struct Result {
  Outcome<Client> outcome = Fault();
  std::optional<Client> stored;

  template <class Create>
  static Result of(Create create) {
    World world;
    Result result{create(world), {}};
    result.stored = world.storage.find_client(test::OrderedIds().next(world.clock.now()));
    return result;
  }

  bool operator==(const Result& other) const { return test::same(outcome, other.outcome) && stored == other.stored; }
};

}  // namespace

TEST_CASE("texts, draft and JSON give equal outcomes, here and through a loopback, for every combination of fields") {
  int combinations = 0;
  int created = 0;
  int refused = 0;
  for_each_combination([&](const ClientParameters& parameters) {
    const auto by_draft = Result::of([&](World& world) -> Outcome<Client> {
      auto draft = ClientDraft::make(parameters);
      if (!draft) return draft.as_failure();
      return create_client(world.storage, world.clock, world.ids, std::move(draft).value());
    });
    const auto by_texts =
        Result::of([&](World& world) { return create_client(world.storage, world.clock, world.ids, parameters); });
    const auto remote = Result::of([&](World& world) {
      LoopbackTransport transport(world.endpoint, "token");
      return create_client(transport, parameters);
    });
    const bool equal = by_texts == by_draft && remote == by_draft;
    if (!equal) FAIL_CHECK(body_of(parameters, false));
    for (const bool null_members : {false, true}) {
      const std::string body = body_of(parameters, null_members);
      const auto by_json = Result::of(
          [&](World& world) { return create_client_from_json(world.storage, world.clock, world.ids, body); });
      if (!(by_json == by_draft)) FAIL_CHECK(body);
    }
    ++combinations;
    if (by_draft.outcome.has_value()) ++created;
    if (by_draft.outcome.has_error()) ++refused;
    CHECK(by_draft.stored.has_value() == by_draft.outcome.has_value());
  });
  CHECK(combinations == 8 * 6 * 5 * 5);
  CHECK(created == 2 * 2 * 3 * 3);
  CHECK(refused == combinations - created);
}

TEST_CASE("what no text can say is a violation of the body: another type, an unknown member, no object") {
  World world;
  const auto codes = [&](std::string_view body) {
    std::string all;
    const auto outcome = create_client_from_json(world.storage, world.clock, world.ids, body);
    for (const Violation violation : outcome.error().violations()) {
      all.append(to_string(violation.code)).append("; ");
    }
    return all;
  };
  CHECK(codes(R"({"ecosystemId":7,"type":[],"name":{},"description":true})") ==
        "Ecosystem Invalid; Client Type Invalid; Body Parameter Invalid; Body Parameter Invalid; ");
  CHECK(codes(R"({"ecosystem":"x","type":"server"})") == "Ecosystem Missing; Ecosystem Missing; ");
  for (const char* body : {"", "{", "[]", "null", "{} x"}) {
    CHECK(codes(body) == "Body Parameters Missing; Body Parameters Missing; ");
  }
  CHECK(world.ids.count == 0);
}

TEST_CASE("without memory for the draft nothing is created, whichever allocation fails") {
  const std::string name(100, 'n');
  const ClientParameters parameters{.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server", .name = name};
  const std::string body = body_of(parameters, false);
  for (const bool json : {false, true}) {
    bool reached = true;
    for (std::size_t n = 1; reached; ++n) {
      World world;
      bool threw = false;
      bool created = false;
      memory::calls = 0;
      memory::fail_at = n;
      memory::fail_on = true;
      try {
        created = json ? create_client_from_json(world.storage, world.clock, world.ids, body).has_value()
                       : create_client(world.storage, world.clock, world.ids, parameters).has_value();
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      reached = memory::calls >= n;
      memory::fail_at = 0;
      memory::fail_on = false;
      INFO("allocation " << n);
      CHECK((!created || !threw));
      if (threw || !created) {
        CHECK(reached);
        CHECK_FALSE(world.storage.find_client(test::OrderedIds().next(world.clock.now())));
      }
    }
  }
}
