// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Histories: three bytes for each call, what it does, with what, and the call of the disk that fails. MemoryStorage and
// a SqliteStorage over a disk that fails return and keep what a plain map does; after a fault nothing has changed, or
// all of the call where its fate is maybe-applied.
#include "target.hpp"

#include <droplit/storage/memory.hpp>
#include <droplit/storage/sqlite.hpp>

#include "support/fault_vfs.hpp"
#include "support/sqlite.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace fuzz::store {
namespace {

using namespace droplit;

EcosystemId ecosystem(unsigned n) {
  return EcosystemId({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(n % 3)});
}

/// One of eight ids, three ecosystems and four drafts.
Client client(unsigned n) {
  const unsigned draft = n / 32 % 4;
  std::optional<Text> name;
  if (draft == 1) name = Text::parse("");
  if (draft == 2) name = Text::parse(std::string(300, 'n'));
  if (draft == 3) name = Text::parse("\xC3\xA9'\"\\\n");
  return {test::numbered_id(n % 8), Timestamp::clamp_unix_millis(n), ecosystem(n / 8),
          draft % 2 == 0 ? ClientType::server : ClientType::application, std::move(name)};
}

IdempotencyKey key(unsigned n) { return *IdempotencyKey::parse(std::string(1 + n % 3, 'k')); }

/// What must be kept.
class Book {
 public:
  [[nodiscard]] EcosystemState state(EcosystemId id) const {
    const auto found = ecosystems_.find(id);
    return found == ecosystems_.end() ? EcosystemState::unknown : found->second;
  }
  void set(EcosystemId id, EcosystemState state) { ecosystems_[id] = state; }

  [[nodiscard]] std::optional<Client> find(ClientId id) const {
    const auto found = clients_.find(id);
    return found == clients_.end() ? std::nullopt : std::optional(found->second);
  }

  [[nodiscard]] KeyedInsertion expected(const Client& client, const std::optional<IdempotencyKey>& key) const {
    if (key) {
      const auto owner = keys_.find({client.ecosystem_id(), key->str()});
      if (owner != keys_.end()) {
        if (!owner->second.has_same_draft(client)) return Insertion::key_reused;
        return KeyedInsertion::replayed(owner->second);
      }
    }
    switch (state(client.ecosystem_id())) {
      case EcosystemState::unknown: return Insertion::ecosystem_unknown;
      case EcosystemState::deleted: return Insertion::ecosystem_deleted;
      case EcosystemState::active:
      default: return find(client.id()) ? Insertion::id_taken : Insertion::inserted;
    }
  }
  void insert(const Client& client, const std::optional<IdempotencyKey>& key) {
    clients_.emplace(client.id(), client);
    if (key) keys_.emplace(std::pair(client.ecosystem_id(), key->str()), client);
  }

 private:
  std::map<EcosystemId, EcosystemState> ecosystems_;
  std::map<ClientId, Client> clients_;
  std::map<std::pair<EcosystemId, std::string>, Client> keys_;
};

/// A store, and what is done with it. `Fixture` has `store()`, `fail(unsigned)`, `heal()` and `reopen()`.
template <class Fixture>
class History {
 public:
  explicit History(Fixture& fixture) : fixture_(fixture) {}

  void call(std::uint8_t what, std::uint8_t with, std::uint8_t fault) {
    if (fault != 0) fixture_.fail(fault);
    switch (what % 8) {
      case 0: add(ecosystem(with)); break;
      case 1: remove(ecosystem(with)); break;
      case 2: insert(client(with), {}); break;
      case 3:
      case 4: insert(client(with), key(what / 8u)); break;
      case 5: insert_all(with, what / 8u); break;
      case 6: fixture_.reopen(); break;
      default: break;
    }
    fixture_.heal();
    look_for_recovered();
    check(ecosystem(with));
    check(test::numbered_id(with % 8u));
  }

  /// Whether two calls are in doubt of which only one can have been applied, so that a map cannot say which.
  [[nodiscard]] bool is_unclear() const { return is_unclear_; }

  void check_all() {
    look_for_recovered();
    for (unsigned n = 0; n != 3; ++n) check(ecosystem(n));
    for (unsigned n = 0; n != 8; ++n) check(test::numbered_id(n));
  }

 private:
  /// A change that may have been applied and was not seen afterwards: a recovery may find it in the log.
  struct Doubt {
    Client client;
    std::optional<IdempotencyKey> key;
  };

  void look_for_recovered() {
    for (const Doubt& each : doubts_) {
      if (book_.find(each.client.id())) continue;
      const Outcome<std::optional<Client>> found = store().find_client(each.client.id());
      if (found.has_value() && found.assume_value() == each.client) book_.insert(each.client, each.key);
    }
    for (const auto& [id, after] : doubtful_states_) {
      const Outcome<Ecosystem> found = store().find_ecosystem(id);
      if (found.has_value() && found.assume_value().state() == after) book_.set(id, after);
    }
  }

  auto& store() { return fixture_.store(); }

  void check(EcosystemId id) {
    const Outcome<Ecosystem> found = store().find_ecosystem(id);
    require(found.has_value(), "a store whose disk is good again works");
    require(found.assume_value().state() == book_.state(id), "an ecosystem is what was said", id.text());
  }
  void check(ClientId id) {
    const Outcome<std::optional<Client>> found = store().find_client(id);
    require(found.has_value(), "a store whose disk is good again works");
    require(found.assume_value() == book_.find(id), "a client is what was said", id.text());
  }

  /// After a fault: whether the change may have been made.
  template <class T>
  bool is_doubtful(const Outcome<T>& outcome) {
    const Fault& fault = outcome.assume_exception();
    require(Fixture::can_fail, "a store without faults has none", fault.what());
    fixture_.heal();
    return fault.fate() == Fate::maybe_applied;
  }

  void add(EcosystemId id) {
    const EcosystemState before = book_.state(id);
    const EcosystemState after = before == EcosystemState::unknown ? EcosystemState::active : before;
    const Outcome<EcosystemState> outcome = store().add_ecosystem(id);
    if (outcome.has_exception()) return settle(is_doubtful(outcome), id, after);
    require(outcome.assume_value() == after, "an added ecosystem is active, unless it was deleted");
    book_.set(id, after);
  }
  void remove(EcosystemId id) {
    const EcosystemState before = book_.state(id);
    const EcosystemState after = before == EcosystemState::active ? EcosystemState::deleted : before;
    const Outcome<EcosystemState> outcome = store().delete_ecosystem(id);
    if (outcome.has_exception()) return settle(is_doubtful(outcome), id, after);
    require(outcome.assume_value() == before, "a deletion returns the state before");
    book_.set(id, after);
  }
  void settle(bool doubtful, EcosystemId id, EcosystemState after) {
    const Outcome<Ecosystem> found = store().find_ecosystem(id);
    require(found.has_value(), "a store whose disk is good again works");
    if (!doubtful) return;
    if (found.assume_value().state() == after) return book_.set(id, after);
    doubtful_states_.emplace_back(id, after);
  }

  void insert(const Client& client, const std::optional<IdempotencyKey>& key) {
    const Outcome<KeyedInsertion> outcome = [&]() -> Outcome<KeyedInsertion> {
      if (key) return Outcome<KeyedInsertion>(store().insert_once(client, *key));
      const Outcome<Insertion> plain = store().insert(client);
      if (!plain) return plain.as_failure();
      return KeyedInsertion(plain.assume_value());
    }();
    record(client, key, outcome);
  }
  void record(const Client& client, const std::optional<IdempotencyKey>& key, const Outcome<KeyedInsertion>& outcome) {
    KeyedInsertion expected = book_.expected(client, key);
    if (outcome.has_value() && outcome.assume_value() != expected) {  // perhaps the call itself has recovered something
      fixture_.heal();
      look_for_recovered();
      expected = book_.expected(client, key);
    }
    if (outcome.has_exception()) {
      if (!is_doubtful(outcome) || expected.insertion() != Insertion::inserted) return;
      const Outcome<std::optional<Client>> found = store().find_client(client.id());
      require(found.has_value(), "a store whose disk is good again works");
      if (found.assume_value() == client) return book_.insert(client, key);
      for (const Doubt& each : doubts_)
        is_unclear_ = is_unclear_ || (each.client.id() == client.id() && (each.key != key || each.client != client));
      doubts_.push_back({client, key});
      return;
    }
    require(outcome.assume_value() == expected, "an insert does what a map would", to_string(expected.insertion()));
    if (expected.insertion() == Insertion::inserted) book_.insert(client, key);
  }

  /// Up to four clients of different ids and keys, so that their order does not matter.
  void insert_all(unsigned with, unsigned how) {
    if constexpr (BatchStorage<std::remove_reference_t<decltype(fixture_.store())>>) {
      std::vector<Client> clients;
      for (unsigned i = 0; i != 1 + how % 4; ++i) clients.push_back(client((with & ~7u) + (with + i) % 8));
      const IdempotencyKey one = key(how);
      std::vector<BatchInsert> all;
      all.reserve(clients.size());
      for (const Client& each : clients) all.emplace_back(each, all.size() == how % 8 ? &one : nullptr);
      std::vector<BatchInsert*> pointers;
      for (BatchInsert& each : all) pointers.push_back(&each);
      store().insert_all(pointers);
      for (const BatchInsert& each : all) {
        record(each.client, each.key != nullptr ? std::optional(*each.key) : std::nullopt, each.outcome);
      }
    } else {
      insert(client(with), {});
    }
  }

  Fixture& fixture_;
  Book book_;
  std::vector<Doubt> doubts_;
  bool is_unclear_ = false;
  std::vector<std::pair<EcosystemId, EcosystemState>> doubtful_states_;
};

template <class Fixture>
void play(std::string_view input, std::size_t max_calls) {
  Fixture fixture;
  History<Fixture> history(fixture);
  Input in(input);
  for (std::size_t i = 0; i != max_calls && !in.empty(); ++i) {
    const std::uint8_t what = in.byte();
    const std::uint8_t with = in.byte();
    history.call(what, with, in.byte());
    if (history.is_unclear()) return;
  }
  fixture.reopen();
  history.check_all();
}

struct InMemory {
  static constexpr bool can_fail = false;
  MemoryStorage& store() { return storage_; }
  void fail(unsigned) {}
  void heal() {}
  void reopen() {}

 private:
  MemoryStorage storage_;
};

class OnDisk {
 public:
  static constexpr bool can_fail = true;

  OnDisk() { reopen(); }
  SqliteStorage& store() { return *storage_; }
  void fail(unsigned how) {
    constexpr test::DiskCall calls[] = {test::DiskCall::any,  test::DiskCall::write,    test::DiskCall::read,
                                        test::DiskCall::sync, test::DiskCall::shm_lock, test::DiskCall::lock,
                                        test::DiskCall::size, test::DiskCall::truncate};
    disk_.fail({calls[how % 8], how % 16 == 9 ? SQLITE_FULL : SQLITE_OK, static_cast<long>(how / 32), (how & 16) != 0});
  }
  void heal() { disk_.heal(); }
  void reopen() {
    storage_.reset();
    if (!open()) {
      heal();
      require(open(), "a store whose disk is good again can be opened");
    }
  }

 private:
  bool open() {
    auto opened = SqliteStorage::open(directory_ / "clients.db", {.busy_timeout = std::chrono::milliseconds(0)});
    if (opened.has_exception()) return false;
    storage_.emplace(std::move(opened).assume_value());
    return true;
  }

  test::FaultyDisk disk_;
  test::Directory directory_;
  std::optional<SqliteStorage> storage_;
};

const Registered in_memory({"store_memory", [](std::string_view input) { play<InMemory>(input, 200); }});
const Registered on_disk({"store_sqlite", [](std::string_view input) { play<OnDisk>(input, 24); }});

}  // namespace
}  // namespace fuzz::store
