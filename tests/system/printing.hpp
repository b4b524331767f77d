// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/testing/storage_contract.hpp>

#include <optional>
#include <string>
#include <utility>

/// Values of every type that prints itself, two and two that differ.
namespace printing {

using namespace droplit;

inline Client client(std::optional<Text> name = {}) {
  return {"594b89aea18568c408c3ad25"_client_id, *Timestamp::parse("2018-02-28T15:16:58.941Z"),
          "C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server, std::move(name)};
}

inline ApiError refusal() { return ClientDraft::make({.ecosystem_id = "x", .type = "server"}).error(); }

inline Outcome<Client> outcome() { return Fault(FaultSource::storage, Fate::maybe_applied, "insert"); }

inline Request request(std::string body) {
  Request request{"POST", "/api/clients", {}, std::move(body)};
  request.fields.add("authorization", "canary");
  return request;
}

// Not in the template: clang 14 would call the literals' operators there.
inline constexpr ClientId other_id = "a00000000000000000000000f"_client_id;
inline constexpr EcosystemId other_ecosystem = "C00000000000000000000000f"_ecosystem_id;

/// Calls `compare(a, b)`.
template <class Compare>
void compare(Compare compare) {
  const Client a = client();
  const Client b = client(Text::parse("two\nlines"));
  compare(a, b);
  compare(ClientDraft(a.ecosystem_id(), a.type()), ClientDraft(a.ecosystem_id(), ClientType::application));
  compare(a.id(), other_id);
  compare(a.ecosystem_id(), other_ecosystem);
  compare(a.type(), ClientType::application);
  compare(a.created_at(), Timestamp::clamp_unix_millis(0));
  compare(*Text::parse("a"), *Text::parse("b"));
  compare(a.texts().front().value_or(*Text::parse("none")), *b.name());
  compare(Ecosystem(a.ecosystem_id(), EcosystemState::active), Ecosystem(a.ecosystem_id(), EcosystemState::deleted));
  compare(EcosystemState::active, EcosystemState::unknown);
  compare(ApiErrc::ecosystem_invalid, ApiErrc::uri_too_long);
  compare(refusal(), ApiError::of<ApiErrc::forbidden>());
  compare(Field::type, Field::none);
  compare(Location::query, Location::body);
  const ApiError one = refusal();
  const ApiError other;
  compare(one.violations()[0], other.violations()[0]);
  compare(Fate::not_sent, Fate::not_applied);
  compare(FaultSource::storage, FaultSource::clock);
  compare(Insertion::inserted, Insertion::id_taken);
  compare(KeyedInsertion(Insertion::inserted), KeyedInsertion::replayed(a));
  compare(KeyedClient{a, false}, KeyedClient{a, true});
  compare(*IdempotencyKey::parse("first-key"), *IdempotencyKey::parse("second-key"));
  compare(to_response(one), to_response(a));
  compare(request("a"), request("b"));
}

/// Calls `state(value)` with a report that is not true.
template <class State>
void state(State state) {
  struct Broken : MemoryStorage {
    EcosystemState delete_ecosystem(EcosystemId) { return EcosystemState::active; }
  };
  state(check_storage_contract([] { return Broken(); }));
}

}  // namespace printing
