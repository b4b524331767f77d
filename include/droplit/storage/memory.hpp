// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../client.hpp"
#include "../ecosystem.hpp"
#include "../id.hpp"
#include "../storage.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

namespace droplit {

/// Keeps clients in memory, for as long as it lives: for tests, trials and caches.
///
/// Thread-safe and linearizable. Where memory runs out, `std::bad_alloc` is thrown and the store is as it was.
class MemoryStorage {
 public:
  MemoryStorage() = default;
  MemoryStorage(const MemoryStorage&) = delete;
  MemoryStorage& operator=(const MemoryStorage&) = delete;

  /// Makes the ecosystem active if it was never there, and tells what it now is: a deleted one stays deleted.
  EcosystemState add_ecosystem(EcosystemId id) {
    return change([&] { return ecosystems_.try_emplace(id, EcosystemState::active).first->second; });
  }

  /// Deletes the ecosystem for ever, and tells what it was before. Its clients stay; an unknown one stays unknown.
  EcosystemState delete_ecosystem(EcosystemId id) {
    return change([&] {
      const auto found = ecosystems_.find(id);
      return found == ecosystems_.end() ? EcosystemState::unknown
                                        : std::exchange(found->second, EcosystemState::deleted);
    });
  }

  [[nodiscard]] Ecosystem find_ecosystem(EcosystemId id) const {
    const auto lock = read();
    return {id, state(id)};
  }

  [[nodiscard]] std::optional<Client> find_client(ClientId id) const {
    const Shard& shard = shards_[index(id)];
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.clients.find(id);
    if (found == shard.clients.end()) return std::nullopt;
    return found->second;
  }

  Insertion insert(const Client& client) {
    const auto lock = read();  // to the end, so that no deletion comes between the look and the deed
    switch (state(client.ecosystem_id())) {
      case EcosystemState::deleted: return Insertion::ecosystem_deleted;
      case EcosystemState::unknown: return Insertion::ecosystem_unknown;
      case EcosystemState::active: break;
    }
    Shard& shard = shards_[index(client.id())];
    const std::lock_guard shard_lock(shard.mutex);
    return shard.clients.try_emplace(client.id(), client).second ? Insertion::kept : Insertion::id_taken;
  }

 private:
  // Many, so that one that grows does not hold up all the others.
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::unordered_map<ClientId, Client> clients;
  };

  static std::size_t index(ClientId id) noexcept { return std::hash<ClientId>{}(id) / 7 % std::tuple_size_v<Shards>; }

  EcosystemState state(EcosystemId id) const {
    const auto found = ecosystems_.find(id);
    return found == ecosystems_.end() ? EcosystemState::unknown : found->second;
  }

  // A shared_mutex may let readers pass a waiting writer for ever; here they queue behind it at the gate.
  std::shared_lock<std::shared_mutex> read() const {
    if (changes_.load(std::memory_order_relaxed) != 0) {
      const std::lock_guard wait(gate_);
    }
    return std::shared_lock(mutex_);
  }

  template <class Change>
  EcosystemState change(Change act) {
    struct Announced {
      std::atomic<int>& count;
      explicit Announced(std::atomic<int>& changes) noexcept : count(changes) { ++count; }
      Announced(const Announced&) = delete;
      Announced& operator=(const Announced&) = delete;
      ~Announced() { --count; }
    };
    const Announced announced(changes_);
    const std::lock_guard gate(gate_);
    const std::lock_guard lock(mutex_);
    return act();
  }

  using Shards = std::array<Shard, 64>;

  mutable std::mutex gate_;
  mutable std::shared_mutex mutex_;
  std::atomic<int> changes_{0};  // at work or waiting
  std::unordered_map<EcosystemId, EcosystemState> ecosystems_;
  Shards shards_;
};

static_assert(Storage<MemoryStorage>);

}  // namespace droplit
