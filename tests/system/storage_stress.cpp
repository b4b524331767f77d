// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/create_client.hpp>

#include <droplit/storage/memory.hpp>
#include <droplit/storage/sqlite.hpp>
#include <droplit/testing/storage_contract.hpp>

#include "support/catch.hpp"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;

namespace {

constexpr std::size_t threads = 200;
constexpr std::size_t ecosystems = 10;  // of which the even ones are deleted while clients are created in them

EcosystemId ecosystem(std::size_t n) {
  EcosystemId::Bytes bytes{};
  bytes[11] = static_cast<std::uint8_t>(n);
  return EcosystemId(bytes);
}

ClientDraft draft(std::size_t n) {
  return {ecosystem(n), ClientType::server, Text::parse("name"), Text::parse("description")};
}

/// Passes inserts on, and remembers per ecosystem which ids were ever asked for.
template <TestableStorage S>
class Watched {
 public:
  explicit Watched(S& storage) : storage_(storage) {}

  auto insert(const Client& client) {
    asked(client.ecosystem_id(), client.id());
    return storage_.insert(client);
  }

  std::vector<ClientId> asked(EcosystemId in, std::optional<ClientId> id = {}) {
    auto& [mutex, ids] = lists_.at(in.bytes()[11]);
    const std::lock_guard lock(mutex);
    if (!id) return ids;
    ids.push_back(*id);
    return {};
  }

 private:
  struct List {
    std::mutex mutex;
    std::vector<ClientId> ids;
  };
  S& storage_;
  std::array<List, ecosystems> lists_;
};

/// What the store answers in the end: so many threads may wait for their turn in vain.
template <class T, class Call>
T patiently(Call call) {
  for (;;) {
    Outcome<T> outcome = call();
    if (!outcome.has_exception() || outcome.exception().status() != 503) return std::move(outcome).value();
  }
}

template <TestableStorage S>
void two_hundred_threads(S& storage, std::size_t clients_of_a_thread) {
  const SystemClock clock;
  const ObjectIds ids;
  Watched<S> watched(storage);
  for (std::size_t e = 0; e != ecosystems; ++e) {
    REQUIRE(patiently<EcosystemState>([&] { return storage.add_ecosystem(ecosystem(e)); }) == EcosystemState::active);
  }

  struct Created {
    Client client;
    bool began_after_deletion;
  };
  std::array<std::atomic<bool>, ecosystems> deleted{};
  std::vector<std::vector<Created>> created(threads);
  const auto find = [&](ClientId id) {
    return patiently<std::optional<Client>>([&] { return storage.find_client(id); });
  };
  const std::size_t all = threads * clients_of_a_thread;
  const auto part = [all](std::size_t twelfths) { return all * twelfths / (ecosystems + 2); };
  std::atomic<std::size_t> begun = 0;
  std::atomic<std::size_t> enough = part(2);  // how many may begin before the next deletion has returned
  std::atomic<std::size_t> refused = 0;
  std::atomic<std::size_t> unexpected = 0;
  std::array<std::vector<ClientId>, ecosystems> left_by_deletion;  // who was there when it had returned
  {
    std::vector<std::jthread> running;
    for (std::size_t t = 0; t != threads; ++t) {
      running.emplace_back([&, t] {
        for (std::size_t n = 0; n != clients_of_a_thread; ++n) {
          const std::size_t e = (t + n) % ecosystems;
          while (begun >= enough) std::this_thread::yield();
          ++begun;
          for (;;) {
            const bool after = deleted[e];
            const auto outcome = create_client(watched, clock, ids, draft(e));
            if (outcome) {
              created[t].push_back({outcome.value(), after});
            } else if (outcome.has_error()) {
              ++(outcome.error() == ApiError::ecosystem_not_found(ecosystem(e)) ? refused : unexpected);
            } else if (outcome.exception().status() == 503) {
              continue;  // surely not kept: so many threads may wait for their turn in vain
            } else {
              ++unexpected;
            }
            break;
          }
        }
      });
    }
    for (std::size_t e = 0; e < ecosystems; e += 2) {
      while (begun < part(e + 1)) std::this_thread::yield();
      patiently<EcosystemState>([&] { return storage.delete_ecosystem(ecosystem(e)); });
      deleted[e] = true;
      for (const ClientId id : watched.asked(ecosystem(e))) {
        if (find(id)) left_by_deletion[e].push_back(id);
      }
      enough = e + 2 < ecosystems ? part(e + 4) : all + threads;
    }
  }

  CHECK(unexpected == 0);
  std::vector<ClientId> made;
  std::size_t after_deletion = 0;
  std::size_t lost = 0;
  for (const auto& mine : created) {
    for (const Created& each : mine) {
      made.push_back(each.client.id());
      after_deletion += each.began_after_deletion;
      lost += find(each.client.id()) != each.client;
    }
  }
  CHECK(after_deletion == 0);
  CHECK(lost == 0);
  CHECK(made.size() + refused == all);
  CHECK(refused > 0);

  std::sort(made.begin(), made.end());
  CHECK(std::adjacent_find(made.begin(), made.end()) == made.end());

  std::size_t there = 0;
  for (std::size_t e = 0; e != ecosystems; ++e) {
    std::vector<ClientId> at_the_end;
    for (const ClientId id : watched.asked(ecosystem(e))) {
      if (find(id)) at_the_end.push_back(id);
    }
    there += at_the_end.size();
    if (e % 2 != 0) continue;
    std::sort(at_the_end.begin(), at_the_end.end());
    std::sort(left_by_deletion[e].begin(), left_by_deletion[e].end());
    CHECK(at_the_end == left_by_deletion[e]);  // none came to stand in it afterwards
  }
  CHECK(there == made.size());  // none that nobody was told of
}

}  // namespace

TEST_CASE("two hundred threads leave none in a deleted ecosystem of a MemoryStorage, lose none and see no id twice") {
  for (int round = 0; round != 4; ++round) {
    MemoryStorage storage;
    two_hundred_threads(storage, 100);
  }
}

TEST_CASE("two hundred threads leave none in a deleted ecosystem of a SqliteStorage, lose none and see no id twice") {
  std::string directory = std::filesystem::temp_directory_path() / "droplit-XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  {
    SqliteStorage storage = SqliteStorage::open(directory + "/clients").value();
    two_hundred_threads(storage, 3);
  }
  std::filesystem::remove_all(directory);
}
