// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What every check of the storage suite needs: the store under test, called so that a failure is a violation; values to
// call it with; and threads that begin at the same time. Texts are read off the table of fields, so that a new text
// field is checked without a change here. Base class of the suite.

#include <droplit/testing/detail/suite.hpp>

#include <droplit/client.hpp>
#include <droplit/client_texts.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The functions of a store of any type.
struct StorageCalls {
  std::function<Outcome<Insertion>(const Client&)> insert;
  std::function<Outcome<EcosystemState>(EcosystemId)> add_ecosystem;
  std::function<Outcome<EcosystemState>(EcosystemId)> delete_ecosystem;
  std::function<Outcome<std::optional<Client>>(ClientId)> find_client;
  std::function<void(bool)> fail = nullptr;  ///< null if the store has no such function
  std::function<void()> reopen = nullptr;    ///< likewise
};

/// The functions of `storage`, which must outlive the result.
template <class S>
StorageCalls storage_calls(S& storage) {
  StorageCalls calls{[&](const Client& client) { return storage.insert(client); },
                     [&](EcosystemId id) { return storage.add_ecosystem(id); },
                     [&](EcosystemId id) { return storage.delete_ecosystem(id); },
                     [&](ClientId id) { return storage.find_client(id); }};
  if constexpr (requires { storage.fail(true); }) calls.fail = [&](bool on) { storage.fail(on); };
  if constexpr (requires { storage.reopen(); }) calls.reopen = [&] { storage.reopen(); };
  return calls;
}

class StorageFixture : public Checks {
 public:
  explicit StorageFixture(StorageCalls storage) : storage_(std::move(storage)) {}

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

  static Client client(std::uint64_t n, ClientTexts given = texts(), EcosystemId in = ecosystem(1)) {
    return {id(n), time(), in, ClientType{}, std::move(given)};
  }

  // A call that fails is a violation, and returns nothing.
  std::optional<EcosystemState> add(EcosystemId e) { return call("add_ecosystem", storage_.add_ecosystem, e); }
  std::optional<EcosystemState> remove(EcosystemId e) { return call("delete_ecosystem", storage_.delete_ecosystem, e); }
  std::optional<Insertion> insert(const Client& c) { return call("insert", storage_.insert, c); }
  std::optional<Client> find(ClientId c) { return call("find_client", storage_.find_client, c).value_or(std::nullopt); }

  /// The outcome of one of the store's functions; what it throws as a fault.
  template <class F, class Argument>
  static typename F::result_type outcome_of(const F& function, const Argument& argument) {
    using Value = typename F::result_type::value_type;
    return guarded<Value>(FaultSource::storage, Fate::maybe_applied, [&] { return function(argument); });
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
        ++ready;
        while (ready != threads && !running.stopped) std::this_thread::yield();
        act(t);
      });
    }
    while (ready != threads) std::this_thread::yield();
  }

  const StorageCalls storage_;

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

  template <class F, class Argument>
  std::optional<typename F::result_type::value_type> call(std::string_view name, const F& function,
                                                          const Argument& argument) {
    auto outcome = outcome_of(function, argument);
    if (outcome) return std::move(outcome).assume_value();
    const std::string why = outcome.has_exception() ? outcome.assume_exception().what() : "it returned an ApiError";
    expect(false, std::string(name).append(" failed: ").append(why));
    return std::nullopt;
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
