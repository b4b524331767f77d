// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/storage.hpp>
#include <droplit/storage/memory/clients.hpp>
#include <droplit/storage/memory/keys.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The options of a `MemoryStorage`. A value outside its range counts as the nearest one within it.
struct MemoryOptions {
  /// How long an idempotency key is remembered: 48 hours to 100 years.
  std::chrono::milliseconds max_key_age{detail::default_key_age};
};

/// Keeps clients in memory, for as long as it lives: for tests, trials and caches.
///
/// Thread-safe and linearizable. Throws `std::bad_alloc`, and then nothing has changed.
class MemoryStorage {
 public:
  MemoryStorage() : MemoryStorage(MemoryOptions()) {}
  /// The same with options.
  explicit MemoryStorage(MemoryOptions options)
      : keys_(detail::bounded_key_age(std::int64_t{options.max_key_age.count()})) {}
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
    return insert_and(client, [](const PackedClient&) {});
  }

  /// Inserts the client and gives it the key, or returns why not, or the client that has the key.
  KeyedInsertion insert_once(const Client& client, const IdempotencyKey& key) {
    detail::memory::Keys::Entry entry(key);
    const std::lock_guard lock(mutex_);
    if (const PackedClient* const holder = keys_.find(client.ecosystem_id(), key, client.created_at())) {
      Client found = holder->unpack();
      if (!found.has_same_draft(client)) return Insertion::key_reused;
      return KeyedInsertion::replayed(std::move(found));
    }
    return insert_and(client, [&](const PackedClient& packed) { keys_.insert(std::move(entry), packed); });
  }

 private:
  using PackedClient = detail::memory::PackedClient;

  // Calls `then` with the client as it is kept, if it is.
  template <class Then>
  Insertion insert_and(const Client& client, Then then) {
    const EcosystemState found = state(client.ecosystem_id());
    if (found == EcosystemState::deleted) return Insertion::ecosystem_deleted;
    if (found == EcosystemState::unknown) return Insertion::ecosystem_unknown;
    const PackedClient* const packed = clients_.insert(client);
    if (packed == nullptr) return Insertion::id_taken;
    then(*packed);
    return Insertion::inserted;
  }

  EcosystemState state(EcosystemId id) const {
    const auto found = ecosystems_.find(id);
    return found == ecosystems_.end() ? EcosystemState::unknown : found->second;
  }

  mutable std::mutex mutex_;  // held for some tens of nanoseconds; with a key, for a few microseconds
  std::unordered_map<EcosystemId, EcosystemState> ecosystems_;
  detail::memory::Clients clients_;
  detail::memory::Keys keys_;
};

static_assert(KeyedStorage<MemoryStorage>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
