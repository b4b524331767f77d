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
#include <droplit/storage/memory/mutex.hpp>
#include <droplit/storage/memory/packed_client.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>  // has std::chrono::milliseconds; <chrono> would be a fiftieth of what a program costs to compile
#include <optional>
#include <string_view>
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
      : max_key_age_(detail::bounded_key_age(std::int64_t{options.max_key_age.count()})) {}
  MemoryStorage(const MemoryStorage&) = delete;
  MemoryStorage& operator=(const MemoryStorage&) = delete;
  ~MemoryStorage() {
    KeyParts* const parts = key_parts_.load(std::memory_order_acquire);
    if (parts != nullptr) parts->destroy(parts);
  }

  /// Makes the ecosystem active if it never existed, and returns its state then: a deleted one stays deleted.
  EcosystemState add_ecosystem(EcosystemId id) {
    const AllParts lock(parts_);
    return ecosystems_.try_emplace(id, EcosystemState::active).first->second;
  }

  /// Deletes the ecosystem permanently, and returns its state before. Its clients stay; an unknown one stays unknown.
  EcosystemState delete_ecosystem(EcosystemId id) {
    const AllParts lock(parts_);
    const auto found = ecosystems_.find(id);
    return found == ecosystems_.end() ? EcosystemState::unknown : std::exchange(found->second, EcosystemState::deleted);
  }

  /// The ecosystem, with its state now.
  [[nodiscard]] Ecosystem find_ecosystem(EcosystemId id) const {
    const std::lock_guard lock(parts_[std::hash<EcosystemId>()(id) % parts_.size()].mutex);
    return {id, state(id)};
  }

  /// The client that was inserted under this id, if there is one.
  [[nodiscard]] std::optional<Client> find_client(ClientId id) const {
    const detail::memory::Location location(id);
    const ClientPart& part = parts_[location.part];
    std::unique_lock lock(part.mutex);
    const PackedClient found = part.clients.find(id, location);
    lock.unlock();
    if (!found.has_value()) return std::nullopt;
    return found.unpack();
  }

  /// Inserts the client, or returns why it was not inserted.
  Insertion insert(const Client& client) {
    return insert_and(client, [](PackedClient) {});
  }

  /// Inserts the client and gives it the key, or returns why not, or the client that has the key.
  KeyedInsertion insert_once(const Client& client, const IdempotencyKey& key) {
    detail::memory::Keys::Entry entry(key);
    const std::size_t hash = std::hash<EcosystemId>()(client.ecosystem_id()) + std::hash<std::string_view>()(key.str());
    KeyPart& part = key_part(hash);
    const std::lock_guard lock(part.mutex);
    const PackedClient holder = part.keys.find(client.ecosystem_id(), key, client.created_at(), max_key_age_);
    if (!holder.has_value())
      return insert_and(client, [&](PackedClient packed) { part.keys.insert(std::move(entry), packed, max_key_age_); });
    Client found = holder.unpack();
    if (!found.has_same_draft(client)) return Insertion::key_reused;
    return KeyedInsertion::replayed(std::move(found));
  }

 private:
  using PackedClient = detail::memory::PackedClient;

  // Each part has cache lines of its own.
  struct alignas(128) ClientPart {
    mutable detail::memory::Mutex mutex;
    detail::memory::Clients clients;
  };
  struct alignas(128) KeyPart {
    detail::memory::Mutex mutex;  // locked before that of a part of the clients
    detail::memory::Keys keys;
  };
  // Made by the first key: a program that gives none has no code for them.
  struct KeyParts {
    std::array<KeyPart, 64> parts;
    void (*destroy)(KeyParts*) noexcept = [](KeyParts* self) noexcept { delete self; };
  };
  using ClientParts = std::array<ClientPart, detail::memory::Location::part_count>;

  // Locks all parts, and with them the ecosystems.
  class AllParts {
   public:
    explicit AllParts(ClientParts& parts) noexcept : parts_(parts) {
      for (ClientPart& part : parts_) part.mutex.lock();
    }
    ~AllParts() {
      for (ClientPart& part : parts_) part.mutex.unlock();
    }
    AllParts(const AllParts&) = delete;
    AllParts& operator=(const AllParts&) = delete;

   private:
    ClientParts& parts_;
  };

  // Calls `then` with the client as it is kept, if it is.
  template <class Then>
  Insertion insert_and(const Client& client, Then then) {
    const detail::memory::Location location(client.id());
    ClientPart& part = parts_[location.part];
    const std::lock_guard lock(part.mutex);  // until the client is in, so that it does not follow a deletion
    const EcosystemState found = state(client.ecosystem_id());
    if (found == EcosystemState::deleted) return Insertion::ecosystem_deleted;
    if (found == EcosystemState::unknown) return Insertion::ecosystem_unknown;
    const PackedClient packed = part.clients.insert(client, location);
    if (!packed.has_value()) return Insertion::id_taken;
    then(packed);
    return Insertion::inserted;
  }

  KeyPart& key_part(std::size_t hash) {
    KeyParts* parts = key_parts_.load(std::memory_order_acquire);
    if (parts == nullptr) {
      auto* const made = new KeyParts;
      if (key_parts_.compare_exchange_strong(parts, made, std::memory_order_acq_rel, std::memory_order_acquire)) {
        parts = made;
      } else {
        delete made;  // another thread was faster
      }
    }
    return parts->parts[hash % parts->parts.size()];
  }

  EcosystemState state(EcosystemId id) const {
    const auto found = ecosystems_.find(id);
    return found == ecosystems_.end() ? EcosystemState::unknown : found->second;
  }

  std::int64_t max_key_age_;
  std::unordered_map<EcosystemId, EcosystemState> ecosystems_;  // read with any part locked, written with all
  ClientParts parts_;
  std::atomic<KeyParts*> key_parts_{nullptr};
};

static_assert(KeyedStorage<MemoryStorage>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
