// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What every check of the storage suite needs: the store under test, called so that a failure is a violation and every
// call is logged; values to call it with; and threads that begin at the same time. Texts are read off the table of
// fields, so that a new text field is checked without a change here. Base class of the suite.

#include <droplit/testing/detail/storage_log.hpp>
#include <droplit/testing/detail/suite.hpp>

#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/client_texts.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The functions of a store of any type.
struct StorageCalls {
  std::function<Outcome<Insertion>(const Client&)> insert;
  std::function<Outcome<EcosystemState>(EcosystemId)> add_ecosystem;
  std::function<Outcome<EcosystemState>(EcosystemId)> delete_ecosystem;
  std::function<Outcome<std::optional<Client>>(ClientId)> find_client;
  // Null if the store has no such function.
  std::function<Outcome<KeyedInsertion>(const KeyedArgument&)> insert_once = nullptr;
  std::function<void(bool)> fail = nullptr;
  std::function<void()> reopen = nullptr;
  std::function<bool(std::size_t, const std::function<void()>&)> crash = nullptr;
  std::function<std::int64_t()> max_key_age = nullptr;  ///< in milliseconds
  std::function<void(std::span<BatchInsert* const>)> insert_all = nullptr;
};

/// The functions of `storage`, which must outlive the result.
template <class S>
StorageCalls storage_calls(S& storage) {
  // Else a function that is nearly right would count as absent.
  static_assert(
      KeyedStorage<S> || !requires { &S::insert_once; }, "insert_once is not as KeyedStorage has it");
  static_assert(
      BatchStorage<S> || !requires { &S::insert_all; }, "insert_all is not as BatchStorage has it");
  StorageCalls calls{[&](const Client& client) { return storage.insert(client); },
                     [&](EcosystemId id) { return storage.add_ecosystem(id); },
                     [&](EcosystemId id) { return storage.delete_ecosystem(id); },
                     [&](ClientId id) { return storage.find_client(id); }};
  if constexpr (KeyedStorage<S>) {
    calls.insert_once = [&](const KeyedArgument& keyed) { return storage.insert_once(keyed.client, keyed.key); };
  }
  if constexpr (requires { storage.fail(true); }) calls.fail = [&](bool on) { storage.fail(on); };
  if constexpr (requires { storage.reopen(); }) calls.reopen = [&] { storage.reopen(); };
  if constexpr (requires(const std::function<void()>& act) { storage.crash(std::size_t{}, act); }) {
    calls.crash = [&](std::size_t step, const std::function<void()>& act) { return storage.crash(step, act); };
  }
  if constexpr (requires { storage.max_key_age().count(); }) {
    calls.max_key_age = [&] {
      // Without <chrono>, which is large.
      using Unit = typename std::remove_cvref_t<decltype(storage.max_key_age())>::period;
      const std::int64_t count{storage.max_key_age().count()};
      return Unit::den % 1000 == 0 ? count / (Unit::den / 1000) * Unit::num : count * Unit::num * 1000 / Unit::den;
    };
  }
  if constexpr (BatchStorage<S>) {
    calls.insert_all = [&](std::span<BatchInsert* const> inserts) { storage.insert_all(inserts); };
  }
  return calls;
}

class StorageFixture : public Checks {
 public:
  explicit StorageFixture(StorageCalls storage) : storage_(std::move(storage)) {}

  /// When all threads of the check have ended.
  [[nodiscard]] CheckResult result() const {
    CheckResult result = Checks::result();
    if (!result.failure.empty()) result.history = log_.lines();
    return result;
  }

 protected:
  template <class T>
  static T nth(std::uint64_t n) {
    typename T::Bytes bytes{};
    for (std::size_t i = 0; i != 8; ++i) bytes[11 - i] = static_cast<std::uint8_t>(n >> (8 * i));
    return T(bytes);
  }
  static ClientId id(std::uint64_t n) { return nth<ClientId>(n); }
  static EcosystemId ecosystem(std::uint64_t n) { return nth<EcosystemId>(n); }
  static Timestamp time(std::int64_t millis = 0) { return *Timestamp::from_unix_millis(millis); }

  /// Texts of which `text(i)` is the one at this place in `ClientTexts`.
  template <class F>
  static ClientTexts texts_by(F text) {
    ClientTexts::Array array;
    for (std::size_t i = 0; i != array.size(); ++i) array[i] = text(i);
    return ClientTexts(std::move(array));
  }

  /// Texts that differ from field to field, and for each `mark`.
  static ClientTexts texts(std::string_view mark = {}) {
    return texts_by(
        [mark](std::size_t i) { return Text::parse(std::string(client_fields[first_text + i].name).append(mark)); });
  }

  /// Texts that do not survive being handled as numbers, lines or C strings, or are long.
  static std::vector<std::string> awkward_values() {
    return {"\xF0\x9F\x90\x9D \xF4\x8F\xBF\xBF \xEF\xBB\xBF \xE2\x82\xAC",
            "e\xCC\x81 \xC3\xA9",
            "'); DROP TABLE clients; --",
            "\"%s%n\" \\0 $1 ?1 :name",
            " \t\r\n\x01\x1F\x7F ",
            "  \n",
            "NULL",
            "0012",
            std::string(100 << 10, 'n'),
            std::string((100 << 10) + 1, 'd')};
  }

  /// Texts with each value in each field.
  static std::vector<ClientTexts> each_in_each_field(const std::vector<std::string>& values) {
    std::vector<ClientTexts> all;
    for (std::size_t n = 0; n != values.size(); ++n) {
      all.push_back(texts_by([&](std::size_t i) { return Text::parse(values[(n + i) % values.size()]); }));
    }
    return all;
  }

  static Client client(std::uint64_t n, ClientTexts given = texts(), EcosystemId in = ecosystem(1)) {
    return {id(n), time(), in, ClientType{}, std::move(given)};
  }

  /// Another create of the same draft.
  static Client repeated(const Client& c, std::uint64_t n, std::int64_t millis = 0) {
    return {id(n), time(millis), c.ecosystem_id(), c.type(), ClientTexts(c)};
  }

  static IdempotencyKey key(std::string_view text = "key") { return *IdempotencyKey::parse(text); }

  /// Returns whether the rule is broken. `about`: the client whose calls explain the violation; all calls if absent.
  bool expect(bool is_met, std::string_view violation, const std::optional<Client>& about = {}) {
    if (Checks::expect(is_met, violation)) log_.end(about);
    return !is_met;
  }

  /// The calls before this explain no violation after it.
  void begin_history() noexcept { log_.begin(); }

  // A call that fails is a violation, and returns nothing.
  std::optional<EcosystemState> add(EcosystemId e) { return value_of("add_ecosystem", try_add(e)); }
  std::optional<EcosystemState> remove(EcosystemId e) { return value_of("delete_ecosystem", try_remove(e)); }
  std::optional<Insertion> insert(const Client& c) { return value_of("insert", try_insert(c)); }
  std::optional<KeyedInsertion> insert_once(const Client& c, const IdempotencyKey& k) {
    return value_of("insert_once", try_insert_once(c, k));
  }
  std::optional<Client> find(ClientId c) {
    return value_of("find_client", call("find_client", storage_.find_client, c)).value_or(std::nullopt);
  }

  // A call that may fail.
  Outcome<EcosystemState> try_add(EcosystemId e) { return call("add_ecosystem", storage_.add_ecosystem, e); }
  Outcome<EcosystemState> try_remove(EcosystemId e) { return call("delete_ecosystem", storage_.delete_ecosystem, e); }
  Outcome<Insertion> try_insert(const Client& c) { return call("insert", storage_.insert, c); }
  Outcome<KeyedInsertion> try_insert_once(const Client& c, const IdempotencyKey& k) {
    return call("insert_once", storage_.insert_once, KeyedArgument{c, k});
  }

  /// False, and the rule is not checked, if the store remembers no keys.
  bool asks_keys() {
    if (!has_keys()) skip("the store has no function insert_once(client, key)");
    return has_keys();
  }
  [[nodiscard]] bool has_fail() const noexcept { return storage_.fail != nullptr; }
  [[nodiscard]] bool has_reopen() const noexcept { return storage_.reopen != nullptr; }
  [[nodiscard]] bool has_crash() const noexcept { return storage_.crash != nullptr; }
  [[nodiscard]] bool has_max_key_age() const noexcept { return storage_.max_key_age != nullptr; }
  [[nodiscard]] bool has_insert_all() const noexcept { return storage_.insert_all != nullptr; }
  [[nodiscard]] bool has_keys() const noexcept { return storage_.insert_once != nullptr; }

  /// The store's limit, in milliseconds.
  [[nodiscard]] std::int64_t max_key_age() const { return storage_.max_key_age(); }

  void fail(bool on) {
    const std::uint64_t invoked = log_.tick();
    storage_.fail(on);
    log_.add({"fail", on, {}, invoked, log_.tick()});
  }
  void reopen() {
    const std::uint64_t invoked = log_.tick();
    storage_.reopen();
    log_.add({"reopen", {}, {}, invoked, log_.tick()});
  }
  bool crash(std::size_t step, const std::function<void()>& act) {
    const std::uint64_t invoked = log_.tick();
    const bool crashed = storage_.crash(step, act);
    log_.add({"crash", step, {}, invoked, log_.tick()});
    return crashed;
  }

  void insert_all(std::span<BatchInsert* const> inserts) {
    const std::uint64_t invoked = log_.tick();
    storage_.insert_all(inserts);
    log_.add({"insert_all", inserts.size(), {}, invoked, log_.tick()});
  }

  void comes_back(const Client& c) {
    add(c.ecosystem_id());
    expect(insert(c) == Insertion::inserted, "it is refused");
    expect(find(c.id()) == c, "it is not found, or differs");
  }

  /// Calls `act(0)` to `act(threads - 1)`, each on a thread of its own, when all threads have started.
  template <class Act>
  static void at_once(std::size_t threads, Act act) {
    std::atomic<std::size_t> ready = 0;
    Running running;
    for (std::size_t t = 0; t != threads; ++t) {
      running.threads.emplace_back([&ready, &running, &act, threads, t] {
        StorageLog::this_thread() = t + 1;
        ++ready;
        while (ready != threads && !running.stopped) std::this_thread::yield();
        act(t);
      });
    }
    while (ready != threads) std::this_thread::yield();
  }

 private:
  // Joins its threads when it is destroyed; std::jthread is experimental in libc++ 19.
  struct Running {
    Running() = default;
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
      stopped = true;  // if a thread could not be started, the others do not wait for it
      for (std::thread& thread : threads) thread.join();
    }

    std::atomic<bool> stopped = false;
    std::vector<std::thread> threads;
  };

  // The outcome of one of the store's functions; what it throws as a fault.
  template <class F, class Argument>
  typename F::result_type call(const char* name, const F& function, const Argument& argument) {
    using Value = typename F::result_type::value_type;
    const std::uint64_t invoked = log_.tick();
    auto outcome = guarded<Value>(FaultSource::storage, Fate::maybe_applied, [&] { return function(argument); });
    const std::uint64_t returned = log_.tick();
    log_.add({name, argument, outcome, invoked, returned});
    return outcome;
  }

  template <class T>
  std::optional<T> value_of(std::string_view name, Outcome<T>&& outcome) {
    if (outcome) return std::move(outcome).assume_value();
    const std::string why = outcome.has_exception() ? outcome.assume_exception().what() : "it returned an ApiError";
    expect(false, std::string(name).append(" failed: ").append(why));
    return std::nullopt;
  }

  const StorageCalls storage_;
  StorageLog log_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
