// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/id.hpp>
#include <droplit/storage.hpp>
#include <droplit/storage/memory/clients.hpp>

#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Keeps clients in memory, for as long as it lives: for tests, trials and caches.
///
/// Thread-safe and linearizable. Throws `std::bad_alloc`, and then nothing has changed.
class MemoryStorage {
 public:
  MemoryStorage() = default;
  MemoryStorage(const MemoryStorage&) = delete;
  MemoryStorage& operator=(const MemoryStorage&) = delete;

  /// Makes the ecosystem active if it never existed, and returns its state then: a deleted one stays deleted.
  EcosystemState add_ecosystem(EcosystemId id) {
    const std::lock_guard lock(mutex_);
    return ecosystems_.try_emplace(id, EcosystemState::active).first->second;
  }

  /// Deletes the ecosystem permanently, and returns its state before. Its clients stay; an unknown one stays unknown.
  EcosystemState delete_ecosystem(EcosystemId id) {
    const std::lock_guard lock(mutex_);
    const auto found = ecosystems_.find(id);
    return found == ecosystems_.end() ? EcosystemState::unknown : std::exchange(found->second, EcosystemState::deleted);
  }

  /// The ecosystem, with its state now.
  [[nodiscard]] Ecosystem find_ecosystem(EcosystemId id) const {
    const std::lock_guard lock(mutex_);
    return {id, state(id)};
  }

  /// The client that was inserted under this id, if there is one.
  [[nodiscard]] std::optional<Client> find_client(ClientId id) const {
    const std::lock_guard lock(mutex_);
    return clients_.find(id);
  }

  /// Inserts the client, or returns why it was not inserted.
  Insertion insert(const Client& client) {
    const std::lock_guard lock(mutex_);
    const EcosystemState found = state(client.ecosystem_id());
    if (found == EcosystemState::deleted) return Insertion::ecosystem_deleted;
    if (found == EcosystemState::unknown) return Insertion::ecosystem_unknown;
    return clients_.insert(client) ? Insertion::inserted : Insertion::id_taken;
  }

 private:
  EcosystemState state(EcosystemId id) const {
    const auto found = ecosystems_.find(id);
    return found == ecosystems_.end() ? EcosystemState::unknown : found->second;
  }

  mutable std::mutex mutex_;  // held for some tens of nanoseconds
  std::unordered_map<EcosystemId, EcosystemState> ecosystems_;
  detail::memory::Clients clients_;
};

static_assert(Storage<MemoryStorage>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
