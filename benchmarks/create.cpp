// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What does create_client cost over MemoryStorage, beside a store that keeps nothing and a hash map under a mutex
// written by hand?
#include "support/bench.hpp"
#include "support/job.hpp"
#include "support/policies.hpp"

#include <droplit/create_client.hpp>
#include <droplit/draft_parser.hpp>
#include <droplit/storage/memory.hpp>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace {

constexpr std::size_t most = std::size_t{1} << 16;  // clients in a store before it is made anew, untimed

/// What a program would write that needs no more: one map, one mutex, one known ecosystem.
struct HandMap {
  droplit::Insertion insert(const droplit::Client& client) {
    const std::lock_guard lock(mutex);
    if (!ecosystems.contains(client.ecosystem_id())) return droplit::Insertion::ecosystem_unknown;
    return clients.try_emplace(client.id(), client).second ? droplit::Insertion::inserted
                                                           : droplit::Insertion::id_taken;
  }
  void reserve(std::size_t size) { clients.reserve(size); }
  void add_ecosystem(droplit::EcosystemId id) { ecosystems.emplace(id, droplit::EcosystemState::active); }

  std::mutex mutex;
  std::unordered_map<droplit::EcosystemId, droplit::EcosystemState> ecosystems;
  std::unordered_map<droplit::ClientId, droplit::Client> clients;
};

/// A store with room for all the clients it gets, where it can be told.
template <class S>
std::unique_ptr<S> fresh() {
  auto storage = std::make_unique<S>();
  if constexpr (requires { storage->reserve(most); }) storage->reserve(most);
  if constexpr (requires { storage->add_ecosystem(policies::ecosystem); }) storage->add_ecosystem(policies::ecosystem);
  return storage;
}

template <class S>
void create(benchmark::State& state, const droplit::ClientDraft& draft) {
  auto storage = fresh<S>();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  std::size_t kept = 0;
  for (auto _ : state) {
    const auto client = create_client(*storage, clock, ids, draft);
    if (!client.has_value()) state.SkipWithError("not created");
    job::keep(client);
    if (++kept == most) {
      state.PauseTiming();
      storage = fresh<S>();
      kept = 0;
      state.ResumeTiming();
    }
  }
}

void add(std::string_view name, std::string_view body) {
  const droplit::ClientDraft draft = droplit::parse_draft(body).value();
  bench::add("create", name, "MemoryStorage",
             [draft](benchmark::State& state) { create<droplit::MemoryStorage>(state, draft); });
  bench::add("create", name, "a map by hand", [draft](benchmark::State& state) { create<HandMap>(state, draft); });
  bench::add("create", name, "keeps nothing",
             [draft](benchmark::State& state) { create<policies::Forgets>(state, draft); });
  bench::add("create", name, "copying the draft", [draft](benchmark::State& state) {
    for (auto _ : state) {
      const droplit::ClientDraft copy = draft;
      job::keep(copy);
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  add("W1", policies::w1);
  add("W2", policies::w2);
  return bench::run(argc, argv);
}
