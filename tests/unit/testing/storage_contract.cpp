// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/testing/storage_contract.hpp>

#include <droplit/storage/memory.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;

namespace {

/// A store that violates one rule.
class BrokenStorage {
 public:
  explicit BrokenStorage(std::string_view rule) : rule_(rule) {}

  EcosystemState add_ecosystem(EcosystemId id) {
    const std::lock_guard lock(mutex_);
    if (failing_) throw Fault(FaultSource::storage, Fate::not_applied, "the disk is full");
    const auto [at, added] = ecosystems_.try_emplace(known_as(id), EcosystemState::active);
    if (broken("deleted_stays_deleted")) at->second = EcosystemState::active;
    const bool active = at->second == EcosystemState::active;
    return broken("adding_twice_is_once") && !added && active ? EcosystemState::unknown : at->second;
  }

  EcosystemState delete_ecosystem(EcosystemId id) {
    const std::lock_guard lock(mutex_);
    if (failing_) throw Fault(FaultSource::storage, Fate::not_applied, "the disk is full");
    if (broken("ecosystems_are_independent")) {
      for (auto& [other, state] : ecosystems_) state = other == id ? state : EcosystemState::deleted;
    }
    if (broken("deletion_keeps_clients")) {
      std::erase_if(clients_, [id](const auto& entry) { return entry.second.ecosystem_id() == id; });
    }
    const auto at = ecosystems_.find(known_as(id));
    if (at == ecosystems_.end()) {
      return broken("deletion_returns_state_before") ? EcosystemState::deleted : EcosystemState::unknown;
    }
    return std::exchange(at->second, EcosystemState::deleted);
  }

  std::optional<Client> find_client(ClientId id) {
    const std::lock_guard lock(mutex_);
    auto at = clients_.find(key(id));
    if (broken("other_is_not_found") && at == clients_.end()) at = clients_.begin();
    if (at == clients_.end()) return std::nullopt;
    return at->second;
  }

  // For the rules that need them.
  void fail(bool on) {
    const std::lock_guard lock(mutex_);
    failing_ = on;
  }
  void reopen() {
    const std::lock_guard lock(mutex_);
    if (broken("reopening_keeps_all")) clients_.clear();
    if (broken("reopening_keeps_keys")) keys_.clear();
  }
  bool crash(std::size_t step, const std::function<void()>& call) {
    steps_left_ = step;
    call();
    return !std::exchange(steps_left_, std::nullopt);
  }
  std::chrono::milliseconds max_key_age() const { return std::chrono::hours(72); }

  Insertion insert(const Client& client) {
    std::unique_lock lock(mutex_);
    const ClientId id = key(client.id());
    if (failing_) {
      if (broken("fault_changes_nothing")) clients_.try_emplace(id, client);
      throw Fault(FaultSource::storage, Fate::not_applied, "the disk is full");
    }
    EcosystemState state = state_of(client);
    const bool taken = clients_.contains(id);
    if (broken("one_of_an_id") || broken("deletion_is_final") || broken("none_is_lost")) {
      in_flight_.insert(id);
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      lock.lock();
      in_flight_.erase(id);
      if (!broken("deletion_is_final")) state = state_of(client);
    }

    if (broken("unknown_is_refused") && state == EcosystemState::unknown) state = EcosystemState::active;
    if (broken("deleted_is_refused") && state == EcosystemState::deleted) state = EcosystemState::active;
    if (broken("refusal_inserts_nothing") && state == EcosystemState::unknown) clients_.try_emplace(id, client);
    if (broken("history_is_linearizable") && state == EcosystemState::unknown && !taken) {  // a dirty read
      clients_.try_emplace(id, client);
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      lock.lock();
      clients_.erase(id);
    }
    if (state == EcosystemState::unknown) return Insertion::ecosystem_unknown;
    if (state == EcosystemState::deleted) return Insertion::ecosystem_deleted;

    if (broken("inserted_is_found")) return Insertion::inserted;
    if (broken("none_is_lost") && !in_flight_.empty() && !in_flight_.contains(id)) return Insertion::inserted;
    if (broken("taken_is_refused") || (broken("one_of_an_id") && !taken)) {
      clients_.insert_or_assign(id, client);
      return Insertion::inserted;
    }
    if (broken("taken_changes_nothing") && taken) clients_.insert_or_assign(id, client);
    return clients_.try_emplace(id, as_kept(client)).second ? Insertion::inserted : Insertion::id_taken;
  }

  void insert_all(std::span<BatchInsert* const> inserts) noexcept {
    for (BatchInsert* const each : inserts) {
      if (broken("batch_is_as_its_inserts")) {
        each->outcome = KeyedInsertion(Insertion::inserted);
      } else if (each->key != nullptr) {
        each->outcome = insert_once(each->client, *each->key);
      } else {
        each->outcome = KeyedInsertion(insert(each->client));
      }
    }
  }

  KeyedInsertion insert_once(const Client& client, const IdempotencyKey& given) {
    std::unique_lock lock(mutex_);
    const Key key = key_of(client, given);
    if (failing_) {
      if (broken("faults_are_not_remembered")) keys_.insert_or_assign(key, client);
      throw Fault(FaultSource::storage, Fate::not_applied, "the disk is full");
    }
    EcosystemState state = state_of(client);
    if (broken("key_outlives_ecosystem") && state == EcosystemState::deleted) return Insertion::ecosystem_deleted;
    if (const auto holder = holder_of(key, client.created_at())) {
      if (!holder->has_same_draft(client) && !broken("other_draft_is_refused")) return Insertion::key_reused;
      return KeyedInsertion::replayed(*holder);
    }
    if (broken("one_of_a_key")) {
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      lock.lock();
    }
    if (broken("refusals_are_not_remembered") && state != EcosystemState::active) keys_.insert_or_assign(key, client);
    if (broken("keyed_history_is_linearizable") && state != EcosystemState::active) {  // a dirty read
      keys_.insert_or_assign(key, client);
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      lock.lock();
      keys_.erase(key);
    }
    if (broken("key_inserts_as_insert") && state == EcosystemState::unknown) state = EcosystemState::active;
    if (state == EcosystemState::unknown) return Insertion::ecosystem_unknown;
    if (state == EcosystemState::deleted) return Insertion::ecosystem_deleted;
    if (clients_.contains(client.id())) return Insertion::id_taken;

    take_step();
    clients_.emplace(client.id(), client);
    if (broken("crash_leaves_both_or_neither")) take_step();
    if (!broken("key_is_replayed")) keys_.insert_or_assign(key, client);
    if (broken("clears_keys_after_a_day")) {
      constexpr std::int64_t limit = 25 * 3'600'000;
      const std::int64_t now = client.created_at().unix_millis();
      std::erase_if(keys_, [&](const auto& each) { return now - each.second.created_at().unix_millis() > limit; });
    }
    take_step();
    return Insertion::inserted;
  }

 private:
  using Key = std::pair<EcosystemId, std::string>;

  Key key_of(const Client& client, const IdempotencyKey& key) const {
    std::string text = key.str();
    if (broken("keys_are_distinct")) text = text.substr(0, 254);
    const EcosystemId ecosystem = client.ecosystem_id();
    return {broken("key_belongs_to_ecosystem") ? EcosystemId(EcosystemId::Bytes()) : ecosystem, std::move(text)};
  }

  std::optional<Client> holder_of(const Key& key, Timestamp now) const {
    const auto at = keys_.find(key);
    if (at == keys_.end()) return std::nullopt;
    const std::chrono::milliseconds age(now.unix_millis() - at->second.created_at().unix_millis());
    auto limit = max_key_age();
    if (broken("key_lasts_two_days")) limit = std::chrono::hours(47);
    if (broken("key_limit_is_exact")) limit -= std::chrono::milliseconds(1);
    const auto ecosystem = ecosystems_.find(key.first);
    const bool is_deleted = ecosystem != ecosystems_.end() && ecosystem->second == EcosystemState::deleted;
    if (age > limit && !broken("expired_key_is_new") && !(broken("expired_in_deleted") && is_deleted))
      return std::nullopt;
    return at->second;
  }

  // A step of a create that may be its last.
  void take_step() {
    if (!steps_left_) return;
    if (*steps_left_ == 0) {
      steps_left_.reset();
      throw Fault(FaultSource::storage, Fate::maybe_applied, "the store has crashed");
    }
    --*steps_left_;
  }

  bool broken(std::string_view rule) const { return rule_ == rule; }

  EcosystemId known_as(EcosystemId id) const {
    EcosystemId::Bytes bytes = id.bytes();
    if (broken("ecosystems_by_their_end")) std::fill_n(bytes.begin(), 4, std::uint8_t{0});
    return EcosystemId(bytes);
  }

  EcosystemState state_of(const Client& client) const {
    const auto at = ecosystems_.find(known_as(client.ecosystem_id()));
    return at == ecosystems_.end() ? EcosystemState::unknown : at->second;
  }

  ClientId key(ClientId id) const { return broken("ids_are_distinct") ? ClientId(id.bytes()) : id; }

  Client as_kept(const Client& client) const {
    ClientTexts::Array texts = client.texts();
    for (std::optional<Text>& text : texts) {
      if (broken("absent_is_not_empty") && !text) text = Text::parse("");
      if (broken("texts_are_kept") && text) text = Text::parse(text->str().substr(0, 65535));
    }
    const std::int64_t millis = client.created_at().unix_millis();
    const bool coarse = broken("times_are_kept");
    return {client.id(), Timestamp::clamp_unix_millis(coarse ? millis / 1000 * 1000 : millis), client.ecosystem_id(),
            broken("types_are_kept") ? ClientType::application : client.type(), ClientTexts(std::move(texts))};
  }

  std::string_view rule_;
  std::mutex mutex_;
  std::map<EcosystemId, EcosystemState> ecosystems_;
  std::map<ClientId, Client> clients_;
  std::set<ClientId> in_flight_;
  std::map<Key, Client> keys_;
  bool failing_ = false;
  std::optional<std::size_t> steps_left_;  // before the next crash
};

struct Unavailable {
  Insertion insert(const Client&) { throw Fault(FaultSource::storage, Fate::not_applied, "the store is unavailable"); }
  Outcome<EcosystemState> add_ecosystem(EcosystemId) { return ApiError(); }
  EcosystemState delete_ecosystem(EcosystemId) { throw std::runtime_error("the store is unavailable"); }
  Outcome<std::optional<Client>> find_client(ClientId) {
    return Fault(FaultSource::storage, Fate::not_applied, "the store is unavailable");
  }
};

struct WithoutTombstones {
  Insertion insert(const Client&);
  EcosystemState add_ecosystem(EcosystemId);
  void delete_ecosystem(EcosystemId);
  std::optional<Client> find_client(ClientId);
};

static_assert(TestableStorage<BrokenStorage>);
static_assert(KeyedStorage<BrokenStorage> && BatchStorage<BrokenStorage>);
static_assert(TestableStorage<MemoryStorage>);
static_assert(TestableStorage<Unavailable>);
static_assert(!TestableStorage<WithoutTombstones>);
static_assert(!TestableStorage<const MemoryStorage>);

}  // namespace

TEST_CASE("a store that violates no rule passes") {
  const ContractReport report = check_storage_contract([] { return BrokenStorage(""); });
  CHECK(report);
  CHECK(report.unchecked().empty());
}

TEST_CASE("a store that violates one rule fails the check of that rule and no other", "[slow]") {
  for (const ContractCheck& check : storage_checks) {
    CAPTURE(check.id);
    const ContractReport report = check_storage_contract([&] { return BrokenStorage(check.id); });
    CAPTURE(report);
    const auto& failed = report.failed();
    REQUIRE(failed.size() == 1);
    CHECK_FALSE(failed[0].history.empty());
    CHECK(failed[0].id == check.id);
    CHECK(failed[0].sentence.starts_with(check.sentence));
  }
}

TEST_CASE("a store that errs rarely fails a check, too") {
  for (const auto& [defect, rule] :
       {std::pair<std::string_view, std::string_view>{"ecosystems_by_their_end", "ecosystems_are_independent"},
        {"clears_keys_after_a_day", "expired_key_is_new"},
        {"expired_in_deleted", "key_limit_is_exact"}}) {
    CAPTURE(defect);
    const ContractReport report = check_storage_contract([&, &name = defect] { return BrokenStorage(name); });
    REQUIRE(report.failed().size() == 1);
    CHECK(report.failed()[0].id == rule);
  }
  struct OtherUnit : MemoryStorage {
    OtherUnit() : MemoryStorage(MemoryOptions{std::chrono::hours(720)}) {}
    std::chrono::hours max_key_age() const { return std::chrono::hours(720); }
  };
  CHECK(check_storage_contract([] { return OtherUnit(); }));
}

TEST_CASE("a store that fails fails every check that rests on nothing, and the sentence says how") {
  const auto failed = check_storage_contract([] { return Unavailable(); }).failed();
  std::vector<std::string_view> expected;
  for (const ContractCheck& check : storage_checks) {
    if (check.rests_on.empty()) expected.push_back(check.id);
  }
  std::vector<std::string_view> got;
  for (const FailedCheck& each : failed) got.push_back(each.id);
  CHECK(got == expected);
  CHECK(failed.at(0).sentence.ends_with(" But: add_ecosystem failed: it returned an ApiError."));
  CHECK(failed.at(1).sentence.ends_with(" But: find_client failed: the store is unavailable."));
}

TEST_CASE("a broken rule is reported with the calls that led to it and what they returned") {
  const auto report = check_storage_contract([] { return BrokenStorage("deleted_is_refused"); });
  std::ostringstream text;
  text << report;
  CHECK(
      std::string_view(text.str()).substr(0, text.str().find("not checked: fault_changes_nothing")) ==
      "rules: 39, broken: 1, not checked: 22\n"
      "broken: deleted_is_refused: In a deleted ecosystem an insert returns ecosystem_deleted. But: the first one does "
      "not.\n"
      "  1-2: add_ecosystem(C000000000000000000000001) -> active\n"
      "  3-4: delete_ecosystem(C000000000000000000000001) -> active\n"
      "  5-6: insert(Client{createdAt: 1970-01-01T00:00:00.000Z, description: \"description\", ecosystemId: "
      "C000000000000000000000001, id: 000000000000000000000001, name: \"name\", type: application}) -> "
      "inserted\n"
      "not checked: deleted_stays_deleted: it rests on deleted_is_refused\n"
      "not checked: deletion_returns_state_before: it rests on deleted_is_refused\n"
      "not checked: deletion_is_final: it rests on deleted_is_refused\n"
      "not checked: history_is_linearizable: it rests on all rules before it\n");
}

TEST_CASE("a race is reported with its threads, the calls in the order in which they began, and nothing else") {
  const auto one_rule = [](std::string_view rule) {
    const auto report = check_storage_contract([rule] { return BrokenStorage(rule); });
    REQUIRE(report.failed().size() == 1);
    return report.failed()[0].history;
  };
  const auto has = [](const std::string& line, std::string_view part) { return line.find(part) != std::string::npos; };

  // Of 24 calls by four threads there is no order; those of earlier rounds, in which all was well, explain nothing.
  struct Late : MemoryStorage {
    EcosystemState delete_ecosystem(EcosystemId id) {
      const EcosystemState before = MemoryStorage::delete_ecosystem(id);
      return ++deletions > 12 ? EcosystemState::deleted : before;
    }
    std::atomic<int> deletions = 0;
  };
  const auto report = check_storage_contract([] { return Late(); });
  REQUIRE(report.failed().size() == 1);
  CHECK(report.failed()[0].id == "history_is_linearizable");
  const auto& calls = report.failed()[0].history;
  CHECK(calls.size() == 24);
  std::set<std::string> threads;
  std::uint64_t last = 0;
  for (const std::string& line : calls) {
    CAPTURE(line);
    const std::uint64_t begin = std::stoull(line);
    const std::uint64_t end = std::stoull(line.substr(line.find('-') + 1));
    CHECK(last < begin);
    CHECK(begin < end);
    CHECK(end <= 48);
    last = begin;
    threads.insert(line.substr(line.find(" thread "), 9));
    CHECK(has(line, ") -> "));
  }
  CHECK(threads.size() == 4);

  // Of hundreds of calls those about the client that slipped in are shown.
  const auto slipped = one_rule("deletion_is_final");
  CAPTURE(slipped);
  CHECK(slipped.size() >= 4);
  CHECK(slipped.size() <= 6);
  CHECK(has(slipped.front(), "add_ecosystem("));
  CHECK(std::count_if(slipped.begin(), slipped.end(), [&](const auto& line) { return has(line, "insert("); }) == 1);
  CHECK(std::count_if(slipped.begin(), slipped.end(), [&](const auto& line) { return has(line, "delete_"); }) == 1);
  CHECK(has(slipped.back(), "find_client("));
}

TEST_CASE("a long history is its end") {
  const auto report = check_storage_contract([] { return BrokenStorage("times_are_kept"); });
  REQUIRE(report.failed().size() == 1);
  const auto& times = report.failed()[0].history;
  CHECK(times.size() == 6);  // two clients: the second one's time has milliseconds
  std::vector<std::string> lines(41, "x");
  lines.back() = "the last";
  const auto shown = detail::last_lines(lines, 40);
  REQUIRE(shown.size() == 41);
  CHECK(shown.front() == "... after 1 others");
  CHECK(shown.back() == "the last");
  CHECK(detail::last_lines(lines, 41) == lines);
}

TEST_CASE("a store that changes one text of one field fails", "[slow]") {
  struct Changing : MemoryStorage {
    explicit Changing(std::function<void(ClientTexts::Array&)> how) : change(std::move(how)) {}
    Insertion insert(const Client& client) {
      ClientTexts::Array texts = client.texts();
      change(texts);
      return MemoryStorage::insert(
          {client.id(), client.created_at(), client.ecosystem_id(), client.type(), ClientTexts(std::move(texts))});
    }
    std::function<void(ClientTexts::Array&)> change;
  };
  const auto failed_by = [](const std::function<void(ClientTexts::Array&)>& change) {
    std::vector<std::string_view> ids;
    const ContractReport report = check_storage_contract([&] { return Changing(change); });
    for (const FailedCheck& each : report.failed()) ids.push_back(each.id);
    return ids;
  };
  using Ids = std::vector<std::string_view>;
  const std::size_t count = ClientTexts().texts().size();
  for (std::size_t i = 0; i != count; ++i) {
    CAPTURE(i);
    CHECK(failed_by([i](auto& texts) { texts[i].reset(); }).at(0) == "inserted_is_found");
    CHECK(failed_by([i, count](auto& texts) { std::swap(texts[i], texts[(i + 1) % count]); }).at(0) ==
          "inserted_is_found");
    CHECK(failed_by([i](auto& texts) {
            if (!texts[i]) texts[i] = Text::parse("");
          }) == Ids{"absent_is_not_empty"});
    CHECK(failed_by([i](auto& texts) {
            if (texts[i] && texts[i]->str().empty()) texts[i].reset();
          }) == Ids{"absent_is_not_empty"});
    for (const std::string_view spoilt : {"0012", "\x1F", "\xF4\x8F\xBF\xBD"}) {  // a number, a control, the last plane
      CAPTURE(spoilt);
      CHECK(failed_by([i, spoilt](auto& texts) {
              if (texts[i] && texts[i]->str().find(spoilt) != std::string::npos) texts[i] = Text::parse("spoilt");
            }) == Ids{"texts_are_kept"});
    }
    CHECK(failed_by([i](auto& texts) {
            if (texts[i] && texts[i]->str().size() > 100'000) texts[i] = Text::parse(texts[i]->str().substr(1));
          }) == Ids{"texts_are_kept"});
  }
}

TEST_CASE("a rule that needs a function is checked only if the store has it", "[slow]") {
  struct Plain {
    BrokenStorage store;
    Insertion insert(const Client& client) { return store.insert(client); }
    EcosystemState add_ecosystem(EcosystemId id) { return store.add_ecosystem(id); }
    EcosystemState delete_ecosystem(EcosystemId id) { return store.delete_ecosystem(id); }
    std::optional<Client> find_client(ClientId id) { return store.find_client(id); }
  };
  struct Keyed : Plain {
    KeyedInsertion insert_once(const Client& client, const IdempotencyKey& key) {
      return store.insert_once(client, key);
    }
  };
  using Unchecked = std::vector<std::pair<std::string_view, std::string>>;
  const auto unchecked = [](auto make) {
    const ContractReport report = check_storage_contract(make);
    CHECK(report);
    Unchecked rules;
    for (const UncheckedRule& rule : report.unchecked()) rules.emplace_back(rule.id, rule.reason);
    return rules;
  };
  for (const std::string_view rule :
       {"reopening_keeps_all", "fault_changes_nothing", "reopening_keeps_keys", "faults_are_not_remembered",
        "key_limit_is_exact", "crash_leaves_both_or_neither"}) {
    CHECK(unchecked([rule] { return Keyed{{BrokenStorage(rule)}}; }) ==
          Unchecked{{"fault_changes_nothing", "the store has no function fail(bool)"},
                    {"reopening_keeps_all", "the store has no function reopen()"},
                    {"key_limit_is_exact", "the store has no function max_key_age()"},
                    {"faults_are_not_remembered", "the store has no function fail(bool)"},
                    {"reopening_keeps_keys", "the store has no function reopen()"},
                    {"crash_leaves_both_or_neither", "the store has no function crash(step, call)"},
                    {"batch_is_as_its_inserts", "the store has no function insert_all(inserts)"}});
  }

  const Unchecked plain = unchecked([] { return Plain{BrokenStorage("key_is_replayed")}; });
  CHECK(plain.size() == 18);
  const auto is_not_asked = [](const auto& rule) {
    return rule.second == "the store has no function insert_once(client, key)";
  };
  CHECK(std::count_if(plain.begin(), plain.end(), is_not_asked) == 15);
}

TEST_CASE("a broken rule about keys is reported with the keys") {
  const auto report = check_storage_contract([] { return BrokenStorage("key_outlives_ecosystem"); });
  REQUIRE(report.failed().size() == 1);
  CHECK(report.failed()[0].sentence ==
        "A key is still taken when its ecosystem was deleted. But: one returns ecosystem_deleted instead of replayed.");
  const auto& history = report.failed()[0].history;
  REQUIRE(history.size() == 4);
  CHECK(history[1].ends_with("type: application}, \"key\") -> inserted"));
  CHECK(history[3].find("insert_once(Client{") != std::string::npos);
}

TEST_CASE("a store that keeps less of a client with a key than of one without fails") {
  enum class Loses : std::uint8_t { type, text, letter };
  struct Losing : MemoryStorage {
    explicit Losing(Loses what) : loses(what) {}
    KeyedInsertion insert_once(const Client& client, const IdempotencyKey& key) {
      ClientTexts::Array texts = client.texts();
      for (std::optional<Text>& text : texts) {
        if (loses == Loses::text && text) text = Text::parse(text->str().substr(0, text->str().find('\'')));
      }
      const auto type = loses == Loses::type ? ClientType::application : client.type();
      const auto done = MemoryStorage::insert_once(
          {client.id(), client.created_at(), client.ecosystem_id(), type, ClientTexts(std::move(texts))}, key);
      if (loses != Loses::letter || done.insertion() != Insertion::replayed) return done;
      const Client holder = *done.client();
      return KeyedInsertion::replayed({ClientId(holder.id().bytes()), holder.created_at(), holder.ecosystem_id(),
                                       holder.type(), ClientTexts(holder)});
    }
    Loses loses;
  };
  for (const Loses what : {Loses::type, Loses::text, Loses::letter}) {
    const auto failed = check_storage_contract([what] { return Losing(what); }).failed();
    REQUIRE(!failed.empty());
    CHECK(failed[0].id == (what == Loses::letter ? "key_is_replayed" : "key_inserts_as_insert"));
  }
}

TEST_CASE("a store that forgets more keys than have expired fails, and one that forgets a client with its key") {
  struct Clearing : MemoryStorage {
    explicit Clearing(bool client) : forgets_client(client) {}
    KeyedInsertion insert_once(const Client& client, const IdempotencyKey& key) {
      const std::lock_guard lock(mutex);
      if (client.created_at() == Timestamp::clamp_unix_millis(Timestamp::max_unix_millis)) cleared = true;
      if (cleared && !forgets_client && key.str() == "recent7") {
        return MemoryStorage::insert_once(client, *IdempotencyKey::parse("another"));
      }
      return MemoryStorage::insert_once(client, key);
    }
    std::optional<Client> find_client(ClientId id) {
      const std::lock_guard lock(mutex);
      auto found = MemoryStorage::find_client(id);
      const std::int64_t millis = found ? found->created_at().unix_millis() : 0;
      if (cleared && forgets_client && millis == Timestamp::min_unix_millis + 7) found.reset();
      return found;
    }
    std::mutex mutex;
    bool forgets_client;
    bool cleared = false;
  };
  for (const bool client : {false, true}) {
    const auto failed = check_storage_contract([client] { return Clearing(client); }).failed();
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].id == "expired_key_is_new");
  }
}

TEST_CASE("a history is linearizable if and only if a single thread could have observed it") {
  using History = detail::StorageHistory;
  using Verb = History::Verb;
  const auto is_linearizable = [](std::vector<History::Call> calls) {
    return History(std::move(calls)).is_linearizable();
  };
  const auto insert = [](std::uint8_t variant, Insertion result, std::uint64_t from, std::uint64_t to) {
    return History::Call{Verb::insert, 0, 0, variant, result, {}, from, to};
  };
  const auto find = [](std::uint8_t variant, std::uint64_t from, std::uint64_t to) {
    return History::Call{Verb::find, 0, 0, variant, {}, {}, from, to};
  };
  const auto add = [](EcosystemState result, std::uint64_t from, std::uint64_t to) {
    return History::Call{Verb::add, 0, 0, 0, {}, result, from, to};
  };
  const auto remove = [](EcosystemState result, std::uint64_t from, std::uint64_t to) {
    return History::Call{Verb::remove, 0, 0, 0, {}, result, from, to};
  };
  const auto active = EcosystemState::active;
  const auto added = add(active, 1, 2);

  CHECK(is_linearizable({}));
  CHECK(is_linearizable({added, insert(1, Insertion::inserted, 3, 4), find(1, 5, 6)}));
  CHECK_FALSE(is_linearizable({added, insert(1, Insertion::inserted, 3, 4), find(0, 5, 6)}));  // lost
  CHECK(is_linearizable({added, insert(1, Insertion::inserted, 3, 6), find(0, 4, 5)}));  // at the same time: either
  CHECK(is_linearizable({added, insert(1, Insertion::inserted, 3, 6), find(1, 4, 5)}));
  CHECK_FALSE(is_linearizable(
      {added, insert(1, Insertion::inserted, 3, 9), find(1, 4, 5), find(0, 6, 7)}));  // found and then lost
  CHECK(is_linearizable({added, insert(1, Insertion::inserted, 3, 9), find(0, 4, 5), find(1, 6, 7)}));
  CHECK_FALSE(
      is_linearizable({added, insert(1, Insertion::inserted, 3, 6), insert(2, Insertion::inserted, 4, 5)}));  // both
  CHECK(is_linearizable(
      {added, insert(1, Insertion::inserted, 3, 6), insert(2, Insertion::id_taken, 4, 5), find(1, 7, 8)}));
  CHECK_FALSE(is_linearizable(
      {added, insert(1, Insertion::inserted, 3, 6), insert(2, Insertion::id_taken, 4, 5), find(2, 7, 8)}));
  CHECK_FALSE(is_linearizable({added, insert(1, Insertion::id_taken, 3, 4)}));  // by no client
  CHECK_FALSE(is_linearizable({insert(1, Insertion::inserted, 1, 2)}));
  CHECK(is_linearizable({insert(1, Insertion::ecosystem_unknown, 1, 4), add(active, 2, 3)}));
  CHECK_FALSE(is_linearizable({added, insert(1, Insertion::ecosystem_unknown, 3, 4)}));
  CHECK_FALSE(is_linearizable({insert(1, Insertion::ecosystem_unknown, 1, 4), find(1, 2, 3)}));  // a dirty read
  CHECK(is_linearizable({added, remove(active, 3, 6), insert(1, Insertion::inserted, 4, 5)}));
  CHECK_FALSE(
      is_linearizable({added, remove(active, 3, 4), insert(1, Insertion::inserted, 5, 6)}));  // after the deletion
  CHECK(is_linearizable({added, remove(active, 3, 4), insert(1, Insertion::ecosystem_deleted, 5, 6)}));
  CHECK_FALSE(is_linearizable({added, remove(active, 3, 4), add(active, 5, 6)}));  // a deleted one is active again
  CHECK_FALSE(is_linearizable({remove(active, 1, 2)}));
  CHECK(is_linearizable({remove(EcosystemState::unknown, 1, 2), add(active, 3, 4)}));
  CHECK_FALSE(is_linearizable({find(History::unexpected, 1, 2)}));
}

TEST_CASE("a replay and a key that is refused are linearizable if and only if a client had the key by then") {
  using History = detail::StorageHistory;
  using Verb = History::Verb;
  const auto is_linearizable = [](std::vector<History::Call> calls) {
    calls.insert(calls.begin(), {Verb::add, 0, 0, 0, {}, EcosystemState::active, 1, 2});
    return History(std::move(calls)).is_linearizable();
  };
  const auto once = [](std::uint8_t id, std::uint8_t variant, Insertion result, std::uint64_t from, std::uint64_t to,
                       History::Holder holder = {}, std::uint8_t key = 0) {
    return History::Call{Verb::insert_once, id, 0, variant, result, {}, from, to, key, holder};
  };
  const auto in_other = [](History::Call call) {
    call.ecosystem = 1;
    return call;
  };
  const History::Call deleted{Verb::remove, 0, 0, 0, {}, EcosystemState::active, 5, 6};
  const auto inserted = once(0, 1, Insertion::inserted, 3, 4);
  const History::Holder first{0, 1};

  CHECK(is_linearizable({inserted, once(1, 1, Insertion::replayed, 5, 6, first)}));
  CHECK(is_linearizable({inserted, once(0, 1, Insertion::replayed, 5, 6, first)}));         // its own id
  CHECK_FALSE(is_linearizable({inserted, once(1, 1, Insertion::replayed, 5, 6, {1, 1})}));  // of another client
  CHECK_FALSE(is_linearizable({inserted, once(1, 1, Insertion::replayed, 5, 6, {0, 2})}));
  CHECK_FALSE(is_linearizable({inserted, once(1, 1, Insertion::inserted, 5, 6)}));  // two of a key
  CHECK_FALSE(is_linearizable({inserted, once(0, 1, Insertion::id_taken, 5, 6)}));  // the key counts before the id
  CHECK(is_linearizable({inserted, once(1, 2, Insertion::key_reused, 5, 6)}));
  CHECK_FALSE(is_linearizable({inserted, once(1, 2, Insertion::replayed, 5, 6, first)}));  // of another draft
  CHECK_FALSE(is_linearizable({inserted, once(1, 1, Insertion::key_reused, 5, 6)}));       // of the same draft
  CHECK_FALSE(is_linearizable({once(1, 1, Insertion::replayed, 3, 4, {1, 1})}));           // no client has the key
  CHECK_FALSE(is_linearizable({once(1, 1, Insertion::key_reused, 3, 4)}));
  CHECK(is_linearizable({once(0, 1, Insertion::inserted, 3, 6), once(1, 1, Insertion::replayed, 4, 5, first)}));
  CHECK_FALSE(is_linearizable({once(1, 1, Insertion::replayed, 3, 4, first), once(0, 1, Insertion::inserted, 5, 6)}));
  CHECK(is_linearizable({inserted, once(1, 1, Insertion::inserted, 5, 6, {}, 1)}));  // another key
  CHECK_FALSE(is_linearizable({inserted, once(1, 1, Insertion::replayed, 5, 6, first, 1)}));
  CHECK(is_linearizable({inserted, in_other(once(1, 1, Insertion::ecosystem_unknown, 5, 6))}));
  CHECK_FALSE(is_linearizable({inserted, in_other(once(1, 1, Insertion::replayed, 5, 6, first))}));
  CHECK(is_linearizable({inserted, deleted, once(1, 1, Insertion::replayed, 7, 8, first)}));
  CHECK_FALSE(is_linearizable({inserted, deleted, once(1, 1, Insertion::ecosystem_deleted, 7, 8)}));
  CHECK(is_linearizable({inserted, deleted, once(1, 1, Insertion::ecosystem_deleted, 7, 8, {}, 1)}));
  // A refusal keeps no key.
  CHECK(is_linearizable(
      {inserted, once(0, 2, Insertion::id_taken, 5, 6, {}, 1), once(1, 1, Insertion::inserted, 7, 8, {}, 1)}));
  // A plain insert neither has a key nor returns what only insert_once may.
  const History::Call plain{Verb::insert, 0, 0, 1, Insertion::inserted, {}, 3, 4};
  CHECK(is_linearizable({plain, once(1, 1, Insertion::inserted, 5, 6)}));
  CHECK_FALSE(is_linearizable({inserted, {Verb::insert, 0, 0, 1, Insertion::replayed, {}, 5, 6}}));
}

TEST_CASE("every rule has its own id and its own sentence, and rests on an earlier one") {
  std::set<std::string_view> ids{"", "*"};
  std::set<std::string_view> sentences;
  for (const ContractCheck& check : storage_checks) {
    CHECK(ids.contains(check.rests_on));
    CHECK(ids.insert(check.id).second);
    CHECK(sentences.insert(check.sentence).second);
  }
}
