// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// One run of an operation whose events may fail, and what must hold after it; the same for every function of a store.
#pragma once

#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include "support/failures.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace test {

using namespace droplit;

template <class T>
bool equal(const T& a, const T& b) {
  return a == b;
}
/// Not by `==`, which clang finds ambiguous for outcomes of one type.
template <class T>
bool equal(const Outcome<T>& a, const Outcome<T>& b) {
  if (a.has_value() != b.has_value() || a.has_error() != b.has_error()) return false;
  if (a.has_value()) return a.assume_value() == b.assume_value();
  if (a.has_error()) return a.assume_error() == b.assume_error();
  return a.assume_exception().what() == b.assume_exception().what();
}

/// The calls of one run.
class Trial {
 public:
  /// `flaws`: what did not hold is added to it.
  Trial(Events& events, Failure failure, std::vector<std::string>& flaws, Events::Of threads = Events::Of::this_thread)
      : events_(events), flaws_(flaws) {
    events_.prepare(failure, threads);
  }

  /// Calls while events may fail. Nothing if it threw that there is no memory, or no thread.
  template <class Call>
  auto operator()(Call call) -> std::optional<decltype(call())> {
    std::optional<decltype(call())> result;
    events_.resume();
    try {
      result.emplace(call());
      events_.suspend();
    } catch (const std::bad_alloc&) {
      events_.suspend();
    } catch (const std::system_error&) {  // no thread
      events_.suspend();
    } catch (...) {
      events_.suspend();
      expect(false, "throws nothing but that there is no memory");
    }
    return result;
  }

  /// Calls `make`, whose result is the same in each run that does not throw, and after one that did.
  template <class Make>
  void makes(Make make) {
    const auto expected = make();
    const auto made = (*this)(make);
    if (!made && !came()) expect(false, "a run without a failure succeeds");
    if (made) expect(equal(*made, expected), "what is made without an exception is whole");
    expect(equal(make(), expected), "what follows a failure is as before");
  }

  /// Whether an event failed.
  [[nodiscard]] bool came() const noexcept { return events_.have_come(); }

  void expect(bool holds, const char* what) {
    if (!holds) flaws_.emplace_back(what);
  }

 private:
  Events& events_;
  std::vector<std::string>& flaws_;
};

template <class T>
Outcome<T> outcome_of(Outcome<T> outcome) {
  return outcome;
}
inline Outcome<Insertion> outcome_of(Insertion insertion) { return insertion; }
inline Outcome<KeyedInsertion> outcome_of(KeyedInsertion insertion) { return insertion; }
inline Outcome<EcosystemState> outcome_of(EcosystemState state) { return state; }
inline Outcome<std::optional<Client>> outcome_of(std::optional<Client> client) { return client; }
inline Outcome<Ecosystem> outcome_of(Ecosystem ecosystem) { return ecosystem; }

inline ClientId id_number(std::uint32_t n) {
  const auto byte = [n](int shift) { return static_cast<std::uint8_t>(n >> shift); };
  return ClientId({0, 0, 0, 0, 0, 0, 0, 0, byte(24), byte(16), byte(8), byte(0)});
}

/// Every function of an open store, each while events may fail. `witness`, which may be the same, says what is kept.
/// The clients are numbered from `first_number` on.
template <class S>
void use(Trial& trial, S& storage, S& witness, std::size_t size, EcosystemId home, std::uint32_t first_number = 1) {
  const auto client = [&](std::uint32_t n) {
    return Client(id_number(first_number + n), Timestamp::clamp_unix_millis(n), home, ClientType::server,
                  Text::parse(std::string(size, 'n')), Text::parse(std::string(60, 'd')));
  };
  const auto key = [](std::uint32_t n) {
    return *IdempotencyKey::parse("a-key-that-is-too-long-to-lie-within-a-string-" + std::to_string(n));
  };
  const auto find = [&](const Client& wanted) { return outcome_of(witness.find_client(wanted.id())).value(); };
  // Whether what an insert returned is what is there; then the same insert succeeds.
  const auto judge = [&](const Client& inserted, const std::optional<Outcome<KeyedInsertion>>& outcome, auto again) {
    const auto found = find(inserted);
    trial.expect(!found || *found == inserted, "a client is there whole or not");
    if (!outcome) {
      trial.expect(!found, "a client is there whose insert threw");
    } else if (outcome->has_value()) {
      trial.expect(found.has_value(), "what was inserted is there");
    } else if (outcome->exception().fate() == Fate::not_applied) {
      trial.expect(!found, "a client is there that was surely not kept");
    }
    const auto second = again().value();
    const bool may_come_late = outcome && !outcome->has_value() && outcome->exception().fate() == Fate::maybe_applied;
    const bool inserted_now = second == KeyedInsertion(Insertion::inserted);
    trial.expect(may_come_late || inserted_now != found.has_value(), "the same insert succeeds when the cause is gone");
    trial.expect(find(inserted) == inserted, "what was inserted again is there");
  };

  trial([&] { return outcome_of(storage.add_ecosystem(home)); });
  trial.expect(outcome_of(witness.add_ecosystem(home)).value() == EcosystemState::active, "the ecosystem is there");

  const Client plain = client(1);
  const auto insert = [&](S& to, const Client& one) -> Outcome<KeyedInsertion> {
    auto outcome = outcome_of(to.insert(one));
    if (!outcome) return std::move(outcome).as_failure();
    return KeyedInsertion(outcome.value());
  };
  judge(plain, trial([&] { return insert(storage, plain); }), [&] { return insert(witness, plain); });

  const Client keyed = client(2);
  const IdempotencyKey own = key(2);
  const auto insert_once = [&](S& to) { return outcome_of(to.insert_once(keyed, own)); };
  judge(keyed, trial([&] { return insert_once(storage); }), [&] { return insert_once(witness); });
  const auto replayed = trial([&] { return outcome_of(storage.insert_once(client(3), own)); });
  if (replayed && replayed->has_value()) trial.expect(replayed->value().client() == keyed, "a key is replayed");
  trial.expect(!find(client(3)), "what has the key of another is not kept");

  if constexpr (BatchStorage<S>) {
    const Client first = client(4);
    const Client second = client(5);
    const IdempotencyKey other = key(5);
    BatchInsert one(first);
    BatchInsert two(second, &other);
    trial([&] {
      std::array<BatchInsert*, 2> both{&one, &two};
      storage.insert_all(both);
      return 0;
    });
    judge(first, one.outcome, [&] { return insert(witness, first); });
    judge(second, two.outcome, [&] { return witness.insert_once(second, other); });
  }

  const auto found = trial([&] { return outcome_of(storage.find_client(plain.id())); });
  if (found && found->has_value()) trial.expect(found->value() == plain, "what is found is whole");
  const auto state = trial([&] { return outcome_of(storage.find_ecosystem(home)); });
  if (state && state->has_value()) trial.expect(state->value().state() == EcosystemState::active, "it is active");
  if constexpr (requires { storage.stats(); }) trial([&] { return storage.stats(); });

  const auto deleted = trial([&] { return outcome_of(storage.delete_ecosystem(home)); });
  const auto now = outcome_of(witness.find_ecosystem(home)).value().state();
  if (deleted && deleted->has_value()) {
    trial.expect(now == EcosystemState::deleted, "what was deleted is");
  } else if (!deleted || deleted->exception().fate() == Fate::not_applied) {
    trial.expect(now == EcosystemState::active, "what was surely not deleted is active");
  }
  bool works = false;  // soon, at the latest
  for (int i = 0; i != 50 && !works; ++i) works = outcome_of(storage.find_client(plain.id())).has_value();
  trial.expect(works, "the store works again");
}

}  // namespace test
