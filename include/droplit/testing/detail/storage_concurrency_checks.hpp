// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The checks of the storage suite that use several threads: that inserts and deletions at the same time are atomic and
// linearizable. What they look for depends on timing, so that each repeats a short race; a run can miss a defect but
// reports none that is not there.

#include <droplit/testing/detail/storage_fixture.hpp>
#include <droplit/testing/detail/storage_history.hpp>

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/id.hpp>
#include <droplit/storage.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

class StorageConcurrencyChecks : public StorageFixture {
 public:
  using StorageFixture::StorageFixture;

  void one_of_an_id() {
    add(ecosystem(1));
    for (std::uint64_t round = 0; round != 8; ++round) {
      std::array<std::optional<Insertion>, 4> results;
      const auto variant = [round](std::size_t t) { return client(round, texts(std::to_string(t))); };
      at_once(results.size(), [&](std::size_t t) { results[t] = insert(variant(t)); });
      for (std::size_t t = 0; t != results.size(); ++t) {
        const bool is_inserted = results[t] == Insertion::inserted;
        expect(is_inserted || results[t] == Insertion::id_taken, "the others do not return id_taken", variant(t));
        expect(!is_inserted || find(id(round)) == variant(t), "another one is found", variant(t));
      }
      const auto inserted = std::count(results.begin(), results.end(), Insertion::inserted);
      expect(inserted == 1, inserted == 0 ? "none is inserted" : "several are inserted", variant(0));
    }
  }

  void deletion_is_final() {
    constexpr std::size_t writers = 4;
    constexpr std::size_t most = 64;
    for (std::uint64_t round = 0; round != 8; ++round) {
      const EcosystemId doomed = ecosystem(round);
      std::array<std::atomic<std::size_t>, writers> begun{};
      std::atomic<std::size_t> writing = writers;
      const auto found_clients = [&] {
        std::vector<Client> found;
        for (std::size_t writer = 0; writer != writers; ++writer) {
          for (std::size_t n = 0, end = begun[writer]; n != end; ++n) {
            const Client c = of_writer(round, writer, n);
            if (find(c.id()) == c) found.push_back(c);
          }
        }
        return found;
      };
      std::vector<Client> after_deletion;
      add(doomed);
      at_once(writers + 1, [&](std::size_t t) {
        if (t != writers) {
          while (begun[t] != most) {
            const std::size_t n = begun[t]++;
            if (insert(of_writer(round, t, n)) != Insertion::inserted) break;
          }
          --writing;
          return;
        }
        while (begun[0] < round && writing == writers) std::this_thread::yield();
        remove(doomed);
        after_deletion = found_clients();
      });
      for (const Client& each : found_clients()) {
        const bool was_found = std::find(after_deletion.begin(), after_deletion.end(), each) != after_deletion.end();
        expect(was_found, "a client is found later that was not found after it", each);
      }
    }
  }

  void none_is_lost() {
    constexpr std::size_t writers = 4;
    constexpr std::size_t each = 32;
    add(ecosystem(1));
    at_once(writers, [&](std::size_t t) {
      for (std::size_t n = 0; n != each; ++n) {
        const Client c = of_writer(1, t, n);
        expect(insert(c) == Insertion::inserted, "one is refused", c);
      }
    });
    for (std::size_t t = 0; t != writers; ++t) {
      for (std::size_t n = 0; n != each; ++n) {
        const Client c = of_writer(1, t, n);
        expect(find(c.id()) == c, "one is gone", c);
      }
    }
  }

  void history_is_linearizable() {
    using Verb = StorageHistory::Verb;
    run_histories(
        {Verb::insert, Verb::insert, Verb::insert, Verb::find, Verb::find, Verb::find, Verb::add, Verb::remove}, 4);
  }

  void one_of_a_key() {
    constexpr std::size_t threads = 32;
    add(ecosystem(1));
    for (std::uint64_t round = 0; round != 4; ++round) {
      begin_history();
      std::vector<std::optional<KeyedInsertion>> results(threads);
      const auto client_of = [round](std::size_t t) { return client(round << 32 | t); };
      at_once(threads, [&](std::size_t t) { results[t] = insert_once(client_of(t), key(std::to_string(round))); });
      const auto winner = std::find(results.begin(), results.end(), KeyedInsertion(Insertion::inserted));
      if (expect(winner != results.end(), "none inserts")) return;
      const auto first = static_cast<std::size_t>(winner - results.begin());
      for (std::size_t t = 0; t != threads; ++t) {
        const bool is_found = find(client_of(t).id()).has_value();
        expect(is_found == (t == first), t == first ? "the one that inserts is not found" : "several insert");
        expect(t == first || results[t] == KeyedInsertion::replayed(client_of(first)),
               "another one does not return its client, replayed");
      }
    }
  }

  void keyed_history_is_linearizable() {
    using Verb = StorageHistory::Verb;
    if (!asks_keys()) return;
    run_histories({Verb::insert_once, Verb::insert_once, Verb::insert_once, Verb::insert_once, Verb::insert, Verb::find,
                   Verb::add, Verb::add, Verb::remove},
                  2);
  }

 private:
  // Lets threads make such calls at the same time, to clients of so many variants.
  void run_histories(const std::vector<StorageHistory::Verb>& verbs, std::size_t variants) {
    using History = StorageHistory;
    constexpr std::size_t threads = 4;
    constexpr std::size_t calls_each = 6;
    std::minstd_rand random(1);
    const auto draw = [&random](std::size_t n) { return static_cast<std::uint8_t>(random() % n); };
    for (std::uint64_t round = 0; round != 48; ++round) {
      std::vector<History::Call> calls(threads * calls_each);
      for (std::size_t i = 0; i != calls.size(); ++i) {
        calls[i].verb = verbs[draw(verbs.size())];
        calls[i].id = draw(History::ids);
        calls[i].ecosystem = draw(History::ecosystems);
        calls[i].variant = static_cast<std::uint8_t>(1 + i / calls_each % variants);
        calls[i].key = draw(History::keys);
      }
      begin_history();
      std::atomic<std::uint64_t> tick = 0;
      at_once(threads, [&](std::size_t t) {
        for (std::size_t i = t * calls_each; i != (t + 1) * calls_each; ++i) {
          calls[i].invoked = ++tick;
          make(calls[i], round);
          calls[i].returned = ++tick;
        }
      });
      expect(History(std::move(calls)).is_linearizable(), "there is no order of the calls that explains their results");
    }
  }

  // A client in the ecosystem of this round.
  static Client of_writer(std::uint64_t round, std::size_t writer, std::size_t n) {
    return client(round << 32 | std::uint64_t{writer} << 16 | n, texts(), ecosystem(round));
  }

  // Makes a call and notes its result. Each round has ids and ecosystems of its own.
  void make(StorageHistory::Call& call, std::uint64_t round) {
    const EcosystemId e = ecosystem(1'000'000 + round * StorageHistory::ecosystems + call.ecosystem);
    const std::uint64_t n = first_id(round) + call.id;
    switch (call.verb) {
      case StorageHistory::Verb::insert:
        call.insertion = insert(client(n, texts_of(call.variant), e)).value_or(Insertion{});
        break;
      case StorageHistory::Verb::insert_once: {
        const KeyedInsertion done = insert_once(client(n, texts_of(call.variant), e), key(std::to_string(call.key)))
                                        .value_or(KeyedInsertion(Insertion{}));
        call.insertion = done.insertion();
        if (done.client()) call.holder = {id_in(round, done.client()->id()), variant_of(*done.client())};
        break;
      }
      case StorageHistory::Verb::add: call.state = add(e).value_or(EcosystemState{}); break;
      case StorageHistory::Verb::remove: call.state = remove(e).value_or(EcosystemState{}); break;
      case StorageHistory::Verb::find:
      default: {
        const auto found = find(id(n));
        call.variant = found ? variant_of(*found) : StorageHistory::absent;
      }
    }
  }

  static ClientTexts texts_of(std::uint8_t variant) { return texts(std::to_string(variant)); }

  static std::uint8_t variant_of(const Client& found) {
    for (std::uint8_t v = 1; v != 5; ++v) {
      if (found.texts() == texts_of(v).texts()) return v;
    }
    return StorageHistory::unexpected;
  }

  // The number of an id of this round.
  static std::uint8_t id_in(std::uint64_t round, ClientId found) {
    for (std::uint8_t i = 0; i != StorageHistory::ids; ++i) {
      if (found == id(first_id(round) + i)) return i;
    }
    return StorageHistory::unexpected;
  }
  static std::uint64_t first_id(std::uint64_t round) { return 1'000'000 + round * StorageHistory::ids; }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
