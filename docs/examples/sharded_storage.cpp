// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// One store over several, of which each has its share of the ecosystems; and the suite that checks it.
#include <droplit/storage/memory.hpp>
#include <droplit/testing/storage_contract.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

using namespace droplit;

// Of a client that is in every shard.
constexpr auto taken_id = "ffffffffffffffffffffffff"_client_id;
constexpr auto no_ecosystem = "Cffffffffffffffffffffffff"_ecosystem_id;

/// All of an ecosystem, its keys and its deletion too, is in the shard of its slot: the last byte of its id.
template <KeyedStorage Shard>
class ShardedStorage {
 public:
  explicit ShardedStorage(std::vector<std::unique_ptr<Shard>> shards) : shards_(std::move(shards)) {
    for (const auto& shard : shards_) {
      Outcome<EcosystemState>(shard->add_ecosystem(taken_.ecosystem_id())).value();
      Outcome<Insertion>(shard->insert(taken_)).value();  // id_taken, if it was there
    }
    for (std::size_t slot = 0; slot != slots_.size(); ++slot) route(slot, slot % shards_.size());
  }

  /// From the next call on the slot's ecosystems are in this shard; in none, while they are copied.
  void route(std::size_t slot, std::optional<std::size_t> shard) {
    slots_.at(slot) = shard ? shards_.at(*shard).get() : nullptr;
  }

  Outcome<Insertion> insert(const Client& client) {
    return insert<Insertion>(client, [](Shard& shard, const Client& each) { return shard.insert(each); });
  }
  Outcome<KeyedInsertion> insert_once(const Client& client, const IdempotencyKey& key) {
    return insert<KeyedInsertion>(client,
                                  [&](Shard& shard, const Client& each) { return shard.insert_once(each, key); });
  }
  Outcome<EcosystemState> add_ecosystem(EcosystemId id) {
    return in_shard<EcosystemState>(id, [&](Shard& shard) { return shard.add_ecosystem(id); });
  }
  Outcome<EcosystemState> delete_ecosystem(EcosystemId id) {
    return in_shard<EcosystemState>(id, [&](Shard& shard) { return shard.delete_ecosystem(id); });
  }
  Outcome<std::optional<Client>> find_client(ClientId id, const Shard* except = nullptr) {
    for (const auto& shard : shards_) {
      if (shard.get() == except) continue;
      Outcome<std::optional<Client>> found = shard->find_client(id);
      if (!found || found.value()) return found;
    }
    return std::optional<Client>();
  }

 private:
  template <class T, class Call>
  Outcome<T> in_shard(EcosystemId id, Call call) {
    Shard* const shard = slots_[id.bytes().back()];
    if (shard != nullptr) return call(*shard);
    return Fault::unavailable(FaultSource::storage, "the ecosystem is being moved");
  }

  // A shard knows the ids of its own clients only; no other process makes an id of this one (ObjectIds). Where another
  // shard has the id, this one is asked with an id that it has: so it still looks for key and ecosystem first.
  template <class T, class Call>
  Outcome<T> insert(const Client& client, Call call) {
    return in_shard<T>(client.ecosystem_id(), [&](Shard& shard) -> Outcome<T> {
      const std::lock_guard lock(ids_[client.id().bytes().back() % ids_.size()]);
      auto other = find_client(client.id(), &shard);
      if (!other) return std::move(other).as_failure();
      if (!other.value()) return call(shard, client);
      return call(shard, Client(taken_.id(), client.created_at(), client.ecosystem_id(), client.type(), client.name(),
                                client.description()));
    });
  }

  const Client taken_{taken_id, Timestamp::clamp_unix_millis(0), no_ecosystem, ClientType::server};
  std::vector<std::unique_ptr<Shard>> shards_;
  std::array<std::atomic<Shard*>, 256> slots_{};
  std::array<std::mutex, 64> ids_;
};

int main() {
  const auto report = check_storage_contract([] {
    std::vector<std::unique_ptr<MemoryStorage>> shards;  // or PostgresStorage, of one database each
    for (int i = 0; i != 3; ++i) shards.push_back(std::make_unique<MemoryStorage>());
    return ShardedStorage<MemoryStorage>(std::move(shards));
  });
  std::cout << report;
  return report ? 0 : 1;
}
