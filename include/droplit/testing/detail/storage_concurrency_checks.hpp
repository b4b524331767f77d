// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/testing/detail/storage_fixture.hpp>
#include <droplit/testing/detail/storage_history.hpp>

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/id.hpp>
#include <droplit/storage.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The checks with several threads.
template <class S>
class StorageConcurrencyChecks : public StorageFixture<S> {
  using Fixture = StorageFixture<S>;

 protected:
  template <class Make>
  explicit StorageConcurrencyChecks(Make& make) : Fixture(make) {}

  using Fixture::add, Fixture::at_once, Fixture::client, Fixture::ecosystem, Fixture::expect, Fixture::find,
      Fixture::id, Fixture::insert, Fixture::remove, Fixture::text;

  void one_of_an_id() {
    add(ecosystem(1));
    for (std::uint64_t round = 0; round != 8; ++round) {
      std::array<std::optional<Insertion>, 4> said;
      at_once(said.size(), [&](std::size_t t) { said[t] = insert(client(round, text(std::to_string(t)), text("d"))); });
      std::size_t kept = 0;
      for (std::size_t t = 0; t != said.size(); ++t) {
        expect(said[t] == Insertion::inserted || said[t] == Insertion::id_taken, "the others do not say id_taken");
        if (said[t] != Insertion::inserted) continue;
        ++kept;
        expect(find(id(round)) == client(round, text(std::to_string(t)), text("d")), "another one is found");
      }
      expect(kept == 1, kept == 0 ? "none is kept" : "several are kept");
    }
  }

  void deletion_is_final() {
    constexpr std::size_t writers = 4;
    constexpr std::uint64_t most = 64;
    for (std::uint64_t round = 0; round != 8; ++round) {
      const EcosystemId doomed = ecosystem(round);
      const auto nth = [&](std::size_t writer, std::uint64_t n) {
        return Client(id(round << 32 | writer << 16 | n), *Timestamp::from_unix_millis(0), doomed, {}, text("n"),
                      text("d"));
      };
      const auto stands = [this](const Client& c) { return find(c.id()) == c; };
      std::array<std::atomic<std::uint64_t>, writers> begun{};
      std::array<std::uint64_t, writers> there{};  // how many of a writer's clients the deletion left, bit by bit
      std::atomic<std::size_t> writing = writers;
      add(doomed);
      at_once(writers + 1, [&](std::size_t t) {
        if (t != writers) {
          while (begun[t] != most) {
            const std::uint64_t n = begun[t]++;
            if (insert(nth(t, n)) != Insertion::inserted) break;
          }
          --writing;
          return;
        }
        while (begun[0] < round && writing == writers) std::this_thread::yield();
        remove(doomed);
        for (std::size_t writer = 0; writer != writers; ++writer) {
          for (std::uint64_t n = 0, end = begun[writer]; n != end; ++n) {
            there[writer] |= std::uint64_t{stands(nth(writer, n))} << n;
          }
        }
      });
      for (std::size_t writer = 0; writer != writers; ++writer) {
        for (std::uint64_t n = 0; n != begun[writer]; ++n) {
          const bool was_there = (there[writer] >> n & 1) != 0;
          expect(was_there || !stands(nth(writer, n)), "a client was not there after it, and then it was");
        }
      }
    }
  }

  void none_is_lost() {
    add(ecosystem(1));
    const auto nth = [](std::size_t writer, std::uint64_t n) { return client(writer << 16 | n); };
    at_once(4, [&](std::size_t t) {
      for (std::uint64_t n = 0; n != 32; ++n) expect(insert(nth(t, n)) == Insertion::inserted, "one is refused");
    });
    for (std::size_t t = 0; t != 4; ++t) {
      for (std::uint64_t n = 0; n != 32; ++n) expect(find(nth(t, n).id()) == nth(t, n), "one is gone");
    }
  }

  void history_has_an_order() {
    using History = StorageHistory;
    constexpr std::size_t threads = 4;
    constexpr std::size_t calls_each = 6;
    std::uint64_t random = 0x9E3779B97F4A7C15;
    const auto draw = [&random](std::uint64_t n) {  // of xorshift64
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      return static_cast<std::uint8_t>((random >> 33) % n);
    };
    for (std::uint64_t round = 0; round != 48; ++round) {
      std::array<std::array<History::Call, calls_each>, threads> calls;
      for (std::size_t t = 0; t != threads; ++t) {
        for (auto& call : calls[t]) {
          const std::array<History::Verb, 8> verbs{History::Verb::insert, History::Verb::insert, History::Verb::insert,
                                                   History::Verb::find,   History::Verb::find,   History::Verb::find,
                                                   History::Verb::add,    History::Verb::remove};
          call.verb = verbs[draw(verbs.size())];
          call.id = draw(History::ids);
          call.ecosystem = draw(History::ecosystems);
          call.variant = static_cast<std::uint8_t>(t + 1);
        }
      }
      std::atomic<std::uint64_t> tick = 0;
      at_once(threads, [&](std::size_t t) {
        for (auto& call : calls[t]) {
          call.invoked = ++tick;
          make(call, round);
          call.returned = ++tick;
        }
      });
      std::vector<History::Call> all;
      for (const auto& each : calls) all.insert(all.end(), each.begin(), each.end());
      expect(History(std::move(all)).is_linearizable(), "there is no order in which that could have been told");
    }
  }

 private:
  // Makes a call and notes what is told. Each round has ids and ecosystems of its own.
  void make(StorageHistory::Call& call, std::uint64_t round) {
    const EcosystemId e = ecosystem(1'000'000 + round * StorageHistory::ecosystems + call.ecosystem);
    const auto variant = [&](std::uint8_t v) {
      return Client(id(1'000'000 + round * StorageHistory::ids + call.id), *Timestamp::from_unix_millis(0), e, {},
                    text(std::to_string(v)), text("d"));
    };
    switch (call.verb) {
      case StorageHistory::Verb::insert: call.insertion = insert(variant(call.variant)).value_or(Insertion{}); break;
      case StorageHistory::Verb::add: call.state = add(e).value_or(EcosystemState{}); break;
      case StorageHistory::Verb::remove: call.state = remove(e).value_or(EcosystemState{}); break;
      case StorageHistory::Verb::find:
      default: {
        const auto found = find(variant(0).id());
        call.variant = found ? StorageHistory::stranger : StorageHistory::nobody;
        for (std::uint8_t v = 1; found && v != 5; ++v) {
          if (found->name() == text(std::to_string(v))) call.variant = v;
        }
      }
    }
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
