// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/storage.hpp>

#include "support/catch.hpp"

#include <optional>
#include <sstream>
#include <string>

using namespace droplit;

namespace {

// Exemplars.

struct SaysWhat {
  Insertion insert(const Client&) { return Insertion::inserted; }
};

struct SaysOutcome {
  Outcome<Insertion> insert(const Client&) const { return Insertion::inserted; }
};

struct TakesByValue {
  Insertion insert(Client) { return Insertion::inserted; }
};

struct SaysFault {
  Fault insert(const Client&) { return {}; }
};

static_assert(Storage<SaysWhat>);
static_assert(Storage<SaysOutcome>);
static_assert(Storage<const SaysOutcome>);
static_assert(Storage<TakesByValue>);
static_assert(Storage<SaysFault>, "a store that always fails is one");

// Near misses.

struct SaysNothing {
  void insert(const Client&) {}
};

struct SaysTrue {
  bool insert(const Client&) { return true; }
};

struct SaysNumber {
  int insert(const Client&) { return 0; }
};

struct SaysPerhaps {
  std::optional<Insertion> insert(const Client&) { return std::nullopt; }
};

struct TakesRvalue {
  Insertion insert(Client&&) { return Insertion::inserted; }
};

struct WantsToChangeIt {
  Insertion insert(Client&) { return Insertion::inserted; }
};

struct CalledOtherwise {
  Insertion add(const Client&) { return Insertion::inserted; }
};

class Hidden {
  Insertion insert(const Client&);
};

static_assert(!Storage<const SaysWhat>, "an insert that is not const asks for a store that is not");
static_assert(!Storage<SaysNothing>);
static_assert(!Storage<SaysTrue>);
static_assert(!Storage<SaysNumber>);
static_assert(!Storage<SaysPerhaps>);
static_assert(!Storage<TakesRvalue>);
static_assert(!Storage<WantsToChangeIt>);
static_assert(!Storage<CalledOtherwise>);
static_assert(!Storage<Hidden>);
static_assert(!Storage<int>);
static_assert(!Storage<void>);

// Keys: exemplars.

struct Keyed : SaysWhat {
  KeyedInsertion insert_once(const Client&, const IdempotencyKey&) { return Insertion::inserted; }
};

struct KeyedOutcome : SaysOutcome {
  Outcome<KeyedInsertion> insert_once(const Client&, const IdempotencyKey&) const {
    return KeyedInsertion(Insertion::inserted);
  }
};

static_assert(KeyedStorage<Keyed>);
static_assert(KeyedStorage<KeyedOutcome>);
static_assert(KeyedStorage<const KeyedOutcome>);

// Near misses.

struct OnlyKeyed {
  KeyedInsertion insert_once(const Client&, const IdempotencyKey&) { return Insertion::inserted; }
};

struct ReturnsNoClient : SaysWhat {
  bool insert_once(const Client&, const IdempotencyKey&) { return true; }
};

struct TakesText : SaysWhat {
  KeyedInsertion insert_once(const Client&, const std::string&) { return Insertion::inserted; }
};

static_assert(!KeyedStorage<SaysWhat>, "a store need not remember keys");
static_assert(!KeyedStorage<const Keyed>);
static_assert(!KeyedStorage<OnlyKeyed>);
static_assert(!KeyedStorage<ReturnsNoClient>);
static_assert(!KeyedStorage<TakesText>);

}  // namespace

TEST_CASE("what a store says means the same, plain or in an outcome, and a Fault alone is a failure") {
  const auto text = Text::parse("text");
  const Client client(ClientId({}), *Timestamp::from_unix_millis(0), EcosystemId({}), ClientType::server, text, text);
  const Outcome<Insertion> plain = SaysWhat().insert(client);
  const Outcome<Insertion> wrapped = SaysOutcome().insert(client);
  const Outcome<Insertion> failed = SaysFault().insert(client);
  CHECK(plain.value() == wrapped.value());
  CHECK(failed.has_exception());
}

TEST_CASE("what a store returns and the state of a store have the names of their enumerators") {
  CHECK(to_string(Insertion::inserted) == "inserted");
  CHECK(to_string(Insertion::ecosystem_deleted) == "ecosystem_deleted");
  CHECK(to_string(Insertion::ecosystem_unknown) == "ecosystem_unknown");
  CHECK(to_string(Insertion::id_taken) == "id_taken");
  CHECK(to_string(Insertion::replayed) == "replayed");
  CHECK(to_string(Insertion::key_reused) == "key_reused");
  CHECK(to_string(StoreState::absent) == "absent");
  CHECK(to_string(StoreState::older) == "older");
  CHECK(to_string(StoreState::current) == "current");
  CHECK(to_string(StoreState::foreign) == "foreign");
}

TEST_CASE("what a store does under a key is an insertion, and the client that has the key if it is replayed") {
  const Client client(ClientId({}), Timestamp::clamp_unix_millis(0), EcosystemId({}), ClientType::server);
  const KeyedInsertion inserted = Insertion::inserted;
  CHECK(inserted.insertion() == Insertion::inserted);
  CHECK_FALSE(inserted.client());
  const KeyedInsertion replayed = KeyedInsertion::replayed(client);
  CHECK(replayed.insertion() == Insertion::replayed);
  CHECK(replayed.client() == client);
  CHECK(KeyedInsertion(replayed).client() == client);
  CHECK(replayed == KeyedInsertion::replayed(client));
  CHECK(replayed != inserted);
  CHECK(replayed != KeyedInsertion(Insertion::replayed));

  std::ostringstream text;
  text << inserted << ", " << replayed;
  CHECK(text.str() ==
        "inserted, replayed Client{createdAt: 1970-01-01T00:00:00.000Z, ecosystemId: C000000000000000000000000, id: "
        "000000000000000000000000, type: server}");
}
