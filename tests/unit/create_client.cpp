// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/create_client.hpp>

#include <droplit/storage/memory.hpp>
#include <droplit/testing/fixed_clock.hpp>
#include <droplit/testing/fixed_ids.hpp>

#include "support/catch.hpp"
#include "support/memory.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace droplit;

namespace {

constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr EcosystemId elsewhere = "C594b89aea18568c408c3ad00"_ecosystem_id;
constexpr Timestamp noon = *Timestamp::parse("2018-02-28T12:00:00.000Z");

ClientId id(int n) {
  ClientId::Bytes bytes{};
  bytes[11] = static_cast<std::uint8_t>(n);
  return ClientId(bytes);
}

ClientDraft draft(EcosystemId ecosystem = EcosystemId(home)) {
  return {ecosystem, ClientType::server, Text::parse("name"), std::nullopt};
}

/// Policies that do what a test says.
struct ScriptedStorage {
  std::function<Outcome<Insertion>(const Client&)> act;
  std::vector<Client> asked{};
  Outcome<Insertion> insert(const Client& client) {
    asked.push_back(client);
    return act(client);
  }
};

struct ScriptedClock {
  std::function<Timestamp()> act;
  Timestamp now() { return act(); }
};

struct ScriptedIds {
  std::function<Outcome<ClientId>()> act;
  Outcome<ClientId> next(Timestamp) { return act(); }
};

template <class S>
Outcome<Client> create(S& storage, std::vector<ClientId> ids, EcosystemId ecosystem = EcosystemId(home)) {
  FixedClock clock(noon);
  FixedIds source(std::move(ids));
  return create_client(storage, clock, source, draft(ecosystem));
}

/// What the machine without I/O gives, driven by hand.
template <class S>
Outcome<Client> create_in_steps(S& storage, std::vector<ClientId> ids, EcosystemId ecosystem = EcosystemId(home)) {
  FixedClock clock(noon);
  FixedIds source(std::move(ids));
  Creation creation(draft(ecosystem));
  while (creation.begin(clock, source) && !creation.settle(storage.insert(creation.client()))) {
  }
  return std::move(creation).outcome();
}

bool alike(const Outcome<Client>& a, const Outcome<Client>& b) {
  if (a.has_value() && b.has_value()) return a.value() == b.value();
  if (a.has_error() && b.has_error()) return a.error() == b.error();
  if (!a.has_exception() || !b.has_exception()) return false;
  const Fault& f = a.exception();
  const Fault& g = b.exception();
  return f.source() == g.source() && f.fate() == g.fate() && f.what() == g.what() && f.status() == g.status();
}

const IdempotencyKey key = *IdempotencyKey::parse("a");

/// Keeps clients by their keys.
struct KeyedStore {
  std::map<std::string, Client> clients{};
  int calls = 0;
  Outcome<Insertion> insert(const Client&) { return Insertion::inserted; }
  Outcome<KeyedInsertion> insert_once(const Client& client, const IdempotencyKey& once) {
    ++calls;
    const auto [at, fresh] = clients.emplace(once.str(), client);
    if (fresh) return KeyedInsertion(Insertion::inserted);
    if (!at->second.has_same_draft(client)) return KeyedInsertion(Insertion::key_reused);
    return KeyedInsertion::replayed(at->second);
  }
};
static_assert(KeyedStorage<KeyedStore> && !KeyedStorage<ScriptedStorage>);

/// Every way to fail by throwing; `own` if the exception has a source and a fate.
struct Throw {
  std::string name;
  std::function<void()> act;
  bool own;
};

const std::vector<Throw>& throws() {
  static const std::vector<Throw> all{
      {"a Fault", [] { throw Fault(FaultSource::transport, Fate::not_sent, "own words"); }, true},
      {"a FaultException", [] { throw FaultException(Fault(FaultSource::transport, Fate::not_sent, "own words")); },
       true},
      {"a std::exception", [] { throw std::runtime_error("secret words of a driver"); }, false},
      {"a std::bad_alloc", [] { throw std::bad_alloc(); }, false},
      {"an int", [] { throw 7; }, false},
  };
  return all;
}

void check_fault(const Outcome<Client>& outcome, const Throw& thrown, FaultSource source, Fate fate) {
  REQUIRE(outcome.has_exception());
  const Fault& fault = outcome.exception();
  CHECK(fault.source() == (thrown.own ? FaultSource::transport : source));
  CHECK(fault.fate() == (thrown.own ? Fate::not_sent : fate));
  CHECK(fault.what() == (thrown.own ? "own words" : std::string(to_string(source)) + " threw an exception"));
  CHECK((fault.cause() != nullptr) == !thrown.own);
}

}  // namespace

TEST_CASE("a client that is inserted is the draft, with the clock's time and the source's id") {
  MemoryStorage storage;
  storage.add_ecosystem(home);
  const Outcome<Client> outcome = create(storage, {id(1)});
  REQUIRE(outcome);
  CHECK(outcome.value() == Client(id(1), noon, home, ClientType::server, Text::parse("name"), std::nullopt));
  CHECK(storage.find_client(id(1)) == outcome.value());
}

TEST_CASE("a deleted ecosystem is Ecosystem Not Found and names it, an unknown one is Ecosystem Invalid") {
  MemoryStorage storage;
  storage.add_ecosystem(home);
  storage.delete_ecosystem(home);
  CHECK(create(storage, {id(1)}).error() == ApiError::ecosystem_not_found(home));
  const Outcome<Client> unknown = create(storage, {id(1)}, elsewhere);
  REQUIRE(unknown.has_error());
  CHECK(unknown.error().code() == ApiErrc::ecosystem_invalid);
  CHECK(unknown.error().violations().size() == 1);
  CHECK(unknown.error() ==
        ClientDraft::make({.ecosystem_id = "?", .type = "server", .name = {}, .description = {}}).error());
  CHECK(!storage.find_client(id(1)));
}

TEST_CASE("an id that is taken is replaced up to three times") {
  for (int taken = 0; taken != 4; ++taken) {
    MemoryStorage storage;
    storage.add_ecosystem(home);
    std::vector<ClientId> ids;
    for (int n = 0; n != taken; ++n) {
      REQUIRE(create(storage, {id(n)}));
      ids.push_back(id(n));
    }
    ids.push_back(id(9));
    CHECK(create(storage, ids).value().id() == id(9));
  }
}

TEST_CASE("the fourth id that is taken is the last that is tried: a fault of the ids, and nothing is applied") {
  ScriptedStorage storage{[](const Client&) { return Insertion::id_taken; }};
  const Outcome<Client> outcome = create(storage, {id(1), id(2), id(3), id(4), id(5)});
  REQUIRE(outcome.has_exception());
  CHECK(outcome.exception().source() == FaultSource::ids);
  CHECK(outcome.exception().fate() == Fate::not_applied);
  REQUIRE(storage.asked.size() == 4);
  CHECK(storage.asked.back().id() == id(4));
}

TEST_CASE("an ecosystem that is deleted while ids are tried is refused") {
  int calls = 0;
  ScriptedStorage storage{
      [&](const Client&) { return ++calls == 2 ? Insertion::ecosystem_deleted : Insertion::id_taken; }};
  CHECK(create(storage, {id(1), id(2), id(3)}).error() == ApiError::ecosystem_not_found(home));
}

TEST_CASE("each try asks the clock again") {
  std::int64_t millis = 0;
  ScriptedClock clock{[&] { return Timestamp::clamp_unix_millis(++millis); }};
  FixedIds ids({id(1), id(2)});
  ScriptedStorage storage{[&](const Client&) { return millis == 1 ? Insertion::id_taken : Insertion::inserted; }};
  CHECK(create_client(storage, clock, ids, draft()).value().created_at() == Timestamp::clamp_unix_millis(2));
}

TEST_CASE("what a clock throws is a fault of the clock, and nothing is applied or asked of the store") {
  for (const Throw& thrown : throws()) {
    CAPTURE(thrown.name);
    ScriptedStorage storage{[](const Client&) { return Insertion::inserted; }};
    ScriptedClock clock{[&]() -> Timestamp {
      thrown.act();
      return noon;
    }};
    FixedIds ids({id(1)});
    check_fault(create_client(storage, clock, ids, draft()), thrown, FaultSource::clock, Fate::not_applied);
    CHECK(storage.asked.empty());
  }
}

TEST_CASE("what a source of ids throws is a fault of the ids, and nothing is applied or asked of the store") {
  for (const Throw& thrown : throws()) {
    CAPTURE(thrown.name);
    ScriptedStorage storage{[](const Client&) { return Insertion::inserted; }};
    FixedClock clock(noon);
    ScriptedIds ids{[&]() -> Outcome<ClientId> {
      thrown.act();
      return id(1);
    }};
    check_fault(create_client(storage, clock, ids, draft()), thrown, FaultSource::ids, Fate::not_applied);
    CHECK(storage.asked.empty());
  }
}

TEST_CASE("what a store throws is a fault of the storage that may have been applied, unless the exception says more") {
  for (const Throw& thrown : throws()) {
    CAPTURE(thrown.name);
    ScriptedStorage storage{[&](const Client&) -> Outcome<Insertion> {
      thrown.act();
      return Insertion::inserted;
    }};
    check_fault(create(storage, {id(1), id(2)}), thrown, FaultSource::storage, Fate::maybe_applied);
    CHECK(storage.asked.size() == 1);
  }
}

TEST_CASE("a failure that a policy returns is the outcome, unchanged, and nothing is tried again") {
  ScriptedStorage storage{[](const Client&) { return Fault::unavailable(FaultSource::storage, "away"); }};
  const Outcome<Client> away = create(storage, {id(1), id(2)});
  REQUIRE(away.has_exception());
  CHECK(away.exception().what() == "away");
  CHECK(away.exception().status() == 503);
  CHECK(away.exception().fate() == Fate::not_applied);
  CHECK(storage.asked.size() == 1);

  ScriptedStorage forbidding{[](const Client&) -> Outcome<Insertion> { return ApiError::of<ApiErrc::forbidden>(); }};
  CHECK(create(forbidding, {id(1)}).error() == ApiError::of<ApiErrc::forbidden>());

  ScriptedStorage never{[](const Client&) { return Insertion::inserted; }};
  const Outcome<Client> no_ids = create(never, {});
  CHECK(no_ids.exception().source() == FaultSource::ids);
  CHECK(never.asked.empty());
}

TEST_CASE("if the n-th of a series of inserts fails, the store has all the others, for every n") {
  constexpr int series = 6;
  for (int n = 1; n <= series; ++n) {
    CAPTURE(n);
    MemoryStorage store;
    store.add_ecosystem(home);
    int calls = 0;
    ScriptedStorage storage{[&](const Client& client) -> Outcome<Insertion> {
      if (++calls == n) throw std::runtime_error("the wire is cut");
      return store.insert(client);
    }};
    for (int i = 1; i <= series; ++i) {
      const Outcome<Client> outcome = create(storage, {id(i)});
      CHECK(outcome.has_value() == (i != n));
      CHECK(store.find_client(id(i)).has_value() == (i != n));
    }
    CHECK(create(storage, {id(n)}).has_value());
  }
}

TEST_CASE("a creation in steps gives what create_client gives, for every sequence of four results") {
  const std::vector<Outcome<Insertion>> results{Insertion::inserted, Insertion::ecosystem_deleted,
                                                Insertion::ecosystem_unknown, Insertion::id_taken,
                                                Fault(FaultSource::storage, Fate::maybe_applied, "cut")};
  const std::size_t sequences = results.size() * results.size() * results.size() * results.size();
  for (std::size_t sequence = 0; sequence != sequences; ++sequence) {
    const auto script = [&results, left = sequence](const Client&) mutable {
      const std::size_t now = left % results.size();
      left /= results.size();
      return results[now];
    };
    ScriptedStorage whole{script};
    ScriptedStorage stepped{script};
    for (const std::vector<ClientId>& ids :
         {std::vector{id(1), id(2), id(3), id(4), id(5)}, std::vector{id(1), id(2)}}) {
      const bool same = alike(create(whole, ids), create_in_steps(stepped, ids));
      if (!same || whole.asked != stepped.asked) FAIL("sequence " << sequence);
    }
  }
  SUCCEED();
}

TEST_CASE("a begin that failed may be repeated, is no try, and leaves its failure as the outcome until then") {
  struct FailsAtFirst {
    mutable int failures;
    Timestamp now() const {
      if (failures-- > 0) throw 7;
      return noon;
    }
  };
  const auto failed = [] {
    FixedClock clock(noon);
    FixedIds source({});
    Creation creation(draft());
    CHECK_FALSE(creation.begin(clock, source));
    return std::move(creation).outcome();
  };
  CHECK(failed().exception().source() == FaultSource::ids);

  for (const int inserted_at : {1, 2, 3, 4, 5}) {
    FixedIds source({id(1), id(2), id(3), id(4), id(5)});
    Creation creation(draft());
    for (int tries = 1; tries <= Creation::max_tries; ++tries) {
      FailsAtFirst clock{2};
      CHECK_FALSE(creation.begin(clock, source));
      CHECK_FALSE(creation.begin(clock, source));
      REQUIRE(creation.begin(clock, source));
      CHECK(creation.client() == Client(id(tries), noon, home, ClientType::server, draft().name()));
      const bool inserted = tries == inserted_at;
      const bool settled = creation.settle(inserted ? Insertion::inserted : Insertion::id_taken);
      CHECK(settled == (inserted || tries == Creation::max_tries));
      if (settled) break;
    }
    const auto outcome = std::move(creation).outcome();
    CHECK(outcome.has_value() == (inserted_at <= Creation::max_tries));
    CHECK(outcome.has_exception() == !outcome.has_value());
  }
}

TEST_CASE("a client under a key is inserted once, and a replay is the client that is stored") {
  FixedClock clock(noon);
  KeyedStore storage;
  FixedIds ids({id(1), id(2), id(3)});
  CHECK(create_client(storage, clock, ids, draft(), key).value() ==
        KeyedClient{Client(id(1), noon, home, ClientType::server, Text::parse("name")), false});
  clock.set(Timestamp::clamp_unix_millis(noon.unix_millis() + 1000));
  CHECK(create_client(storage, clock, ids, draft(), key).value() ==
        KeyedClient{Client(id(1), noon, home, ClientType::server, Text::parse("name")), true});
  CHECK(create_client(storage, clock, ids, {.ecosystem_id = home.text(), .type = "server", .name = "name"}, key)
            .value()
            .replayed);
  CHECK(storage.clients.size() == 1);
}

TEST_CASE("a key that was used with another draft is Idempotency Key Reused") {
  FixedClock clock(noon);
  KeyedStore storage;
  FixedIds ids({id(1), id(2)});
  REQUIRE(create_client(storage, clock, ids, draft(), key));
  CHECK(create_client(storage, clock, ids, ClientDraft(home, ClientType::application), key).error() ==
        ApiError::idempotency_key_reused());
}

TEST_CASE("parameters are refused before the key is looked up") {
  FixedClock clock(noon);
  KeyedStore storage;
  FixedIds ids({id(1)});
  const auto refused = create_client(storage, clock, ids, {.ecosystem_id = "x", .type = "server"}, key);
  CHECK(refused.error().code() == ApiErrc::ecosystem_invalid);
  CHECK(storage.calls == 0);
}

TEST_CASE("under a key, an id that is taken is replaced, and every other result is that of a create without one") {
  using droplit::KeyedInsertion;
  const auto run = [](std::vector<Outcome<KeyedInsertion>> results) {
    struct {
      std::vector<Outcome<KeyedInsertion>> results;
      std::size_t calls = 0;
      Outcome<Insertion> insert(const Client&) { return Insertion::id_taken; }
      Outcome<KeyedInsertion> insert_once(const Client&, const IdempotencyKey&) { return results[calls++]; }
    } storage{std::move(results)};
    FixedClock clock(noon);
    FixedIds ids({id(1), id(2), id(3), id(4)});
    return create_client(storage, clock, ids, draft(), key);
  };
  const KeyedInsertion taken(Insertion::id_taken);
  CHECK(run({taken, taken, taken, KeyedInsertion(Insertion::inserted)}).value().client.id() == id(4));
  CHECK(run({taken, taken, taken, taken}).exception().source() == FaultSource::ids);
  CHECK(run({taken, KeyedInsertion(Insertion::ecosystem_deleted)}).error() == ApiError::ecosystem_not_found(home));
  CHECK(run({KeyedInsertion(Insertion::ecosystem_unknown)}).error() == ApiError::ecosystem_invalid());
  CHECK(run({taken, KeyedInsertion(Insertion::key_reused)}).error() == ApiError::idempotency_key_reused());
  CHECK(run({Fault::unavailable(FaultSource::storage, "away")}).exception().what() == "away");
}

TEST_CASE("a store that breaks its word about keys is a fault that may have been applied") {
  FixedClock clock(noon);
  struct {
    Outcome<KeyedInsertion> result;
    Insertion without_key;
    Outcome<Insertion> insert(const Client&) { return without_key; }
    Outcome<KeyedInsertion> insert_once(const Client&, const IdempotencyKey&) { return result; }
  } storage{KeyedInsertion(Insertion::replayed), Insertion::replayed};
  FixedIds ids({id(1), id(2), id(3)});
  const auto without_client = create_client(storage, clock, ids, draft(), key);
  REQUIRE(without_client.has_exception());
  CHECK(without_client.exception().source() == FaultSource::storage);
  CHECK(without_client.exception().fate() == Fate::maybe_applied);
  for (const Insertion result : {Insertion::replayed, Insertion::key_reused}) {
    storage.without_key = result;
    const auto without_key = create_client(storage, clock, ids, draft());
    REQUIRE(without_key.has_exception());
    CHECK(without_key.exception().source() == FaultSource::storage);
    CHECK(without_key.exception().fate() == Fate::maybe_applied);
  }
  const auto without_id = create_client(storage, clock, ids, draft(), key);  // they are used up
  REQUIRE(without_id.has_exception());
  CHECK(without_id.exception().source() == FaultSource::ids);
  CHECK(without_id.exception().fate() == Fate::not_applied);
}

TEST_CASE("what insert_once throws is a fault that may have been applied, unless the exception says more") {
  for (const Throw& thrown : throws()) {
    CAPTURE(thrown.name);
    struct {
      const Throw& thrown;
      Outcome<Insertion> insert(const Client&) { return Insertion::inserted; }
      Outcome<KeyedInsertion> insert_once(const Client&, const IdempotencyKey&) {
        thrown.act();
        return KeyedInsertion(Insertion::inserted);
      }
    } storage{thrown};
    FixedClock clock(noon);
    FixedIds ids({id(1), id(2)});
    const auto outcome = create_client(storage, clock, ids, draft(), key);
    check_fault(outcome.has_exception() ? Outcome<Client>(outcome.exception()) : ApiError(), thrown,
                FaultSource::storage, Fate::maybe_applied);
  }
}

TEST_CASE("without memory for the text of a refusal the outcome is a fault that was not applied") {
  ScriptedStorage storage{[](const Client&) { return Insertion::ecosystem_deleted; }};
  storage.asked.reserve(1);
  FixedClock clock(noon);
  FixedIds ids({id(1)});
  ClientDraft deleted(home, ClientType::server);
  memory::calls = 0;
  memory::fail_at = 1;
  memory::fail_on = true;
  const Outcome<Client> outcome = create_client(storage, clock, ids, std::move(deleted));
  const std::size_t calls = memory::calls;
  memory::fail_at = 0;
  memory::fail_on = false;
  CHECK(calls > 0);
  REQUIRE(outcome.has_exception());
  CHECK(outcome.exception().source() == FaultSource::library);
  CHECK(outcome.exception().fate() == Fate::not_applied);
  CHECK(outcome.exception().cause());
}

TEST_CASE("with the fields as texts every violation is reported at once, and then nothing is asked of the policies") {
  ScriptedStorage storage{[](const Client&) { return Insertion::inserted; }};
  ScriptedClock clock{[]() -> Timestamp {
    FAIL("asked for the time");
    return noon;
  }};
  FixedIds ids({id(1)});
  const auto refused = create_client(storage, clock, ids, {.type = "gateway", .name = std::string_view("\0", 1)});
  CHECK(refused.error() == ClientDraft::make({.type = "gateway", .name = std::string_view("\0", 1)}).error());
  CHECK(refused.error().violations().size() == 3);
  CHECK(storage.asked.empty());

  clock.act = [] { return noon; };
  const auto created =
      create_client(storage, clock, ids,
                    {.ecosystem_id = "C594B89aea18568c408c3ad24", .type = "server", .name = std::string("name")});
  CHECK(created.value() == Client(id(1), noon, home, ClientType::server, Text::parse("name")));
  CHECK(storage.asked == std::vector{created.value()});
}
