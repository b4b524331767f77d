// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/testing/storage_contract.hpp>

#include <droplit/storage/memory.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <set>
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
    const auto [at, added] = ecosystems_.try_emplace(id, EcosystemState::active);
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
    const auto at = ecosystems_.find(id);
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

  // For the two rules that need them.
  void fail(bool on) {
    const std::lock_guard lock(mutex_);
    failing_ = on;
  }
  void reopen() {
    const std::lock_guard lock(mutex_);
    if (broken("reopening_keeps_all")) clients_.clear();
  }

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

 private:
  bool broken(std::string_view rule) const { return rule_ == rule; }

  EcosystemState state_of(const Client& client) const {
    const auto at = ecosystems_.find(client.ecosystem_id());
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
  bool failing_ = false;
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

TEST_CASE("a store that violates one rule fails the check of that rule and no other") {
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
      text.str() ==
      "rules: 23, broken: 1, not checked: 6\n"
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
      "not checked: history_is_linearizable: it rests on all rules before it\n"
      "not checked: fault_changes_nothing: it rests on all rules before it\n"
      "not checked: reopening_keeps_all: it rests on all rules before it\n");
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

TEST_CASE("a store that changes one text of one field fails") {
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

TEST_CASE("a rule that needs a function is checked only if the store has it") {
  struct Plain {
    BrokenStorage store;
    Insertion insert(const Client& client) { return store.insert(client); }
    EcosystemState add_ecosystem(EcosystemId id) { return store.add_ecosystem(id); }
    EcosystemState delete_ecosystem(EcosystemId id) { return store.delete_ecosystem(id); }
    std::optional<Client> find_client(ClientId id) { return store.find_client(id); }
  };
  for (const std::string_view rule : {"reopening_keeps_all", "fault_changes_nothing"}) {
    const ContractReport report = check_storage_contract([rule] { return Plain{BrokenStorage(rule)}; });
    CHECK(report);
    REQUIRE(report.unchecked().size() == 2);
    CHECK(report.unchecked()[0].id == "fault_changes_nothing");
    CHECK(report.unchecked()[0].reason == "the store has no function fail(bool)");
    CHECK(report.unchecked()[1].id == "reopening_keeps_all");
    CHECK(report.unchecked()[1].reason == "the store has no function reopen()");
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

TEST_CASE("every rule has its own id and its own sentence, and rests on an earlier one") {
  std::set<std::string_view> ids{"", "*"};
  std::set<std::string_view> sentences;
  for (const ContractCheck& check : storage_checks) {
    CHECK(ids.contains(check.rests_on));
    CHECK(ids.insert(check.id).second);
    CHECK(sentences.insert(check.sentence).second);
  }
}
