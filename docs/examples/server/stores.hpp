// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "command_line.hpp"

#include <droplit/async/batch_endpoint.hpp>
#include <droplit/async/batch_writer.hpp>
#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/endpoint.hpp>
#include <droplit/fault.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/storage/memory.hpp>
#if defined(DROPLIT_POSTGRES)
#include <droplit/storage/postgres.hpp>
#endif
#include <droplit/storage/sqlite.hpp>
#include <droplit/store_stats.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace server {

/// A store that is opened only when everything else of a start has succeeded. Nothing is inserted before.
template <class Store>
class LateStore {
 public:
  void open(std::unique_ptr<Store> opened) noexcept {
    store_ = std::move(opened);
    is_open_ = true;
  }
  [[nodiscard]] Store& get() const noexcept { return *store_; }

  droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) {
    if (!is_open_) return not_open();
    return store_->insert(client);
  }
  droplit::Outcome<droplit::KeyedInsertion> insert_once(
      const droplit::Client& client, const droplit::IdempotencyKey& key) requires droplit::KeyedStorage<Store> {
    if (!is_open_) return not_open();
    return store_->insert_once(client, key);
  }
  void insert_all(std::span<droplit::BatchInsert* const> inserts) noexcept requires droplit::BatchStorage<Store> {
    if (is_open_) store_->insert_all(inserts);  // or else they stay faults
  }

  /// What the store has counted; nothing if it counts nothing or is not open. By any thread.
  [[nodiscard]] std::optional<droplit::StoreStats> stats() const {
    if constexpr (droplit::CountingStorage<Store>) {
      if (is_open_) return store_->stats();
    }
    return std::nullopt;
  }

 private:
  // A peer came while --check ended.
  static droplit::Fault not_open() {
    return droplit::Fault::unavailable(droplit::FaultSource::storage, "the store is not open");
  }

  std::unique_ptr<Store> store_;
  std::atomic<bool> is_open_ = false;
};

/// The endpoint over a store, and what it inserts by: the store itself, on the server's store threads.
template <class Store, class Access, class Clock, class Ids>
class StoreEndpoint {
 public:
  StoreEndpoint(Store& store, const Access& access, Clock& clock, Ids& ids, const Options& options)
      : endpoint(store, access, clock, ids, options.endpoint), server_options(options.server) {}

  droplit::Endpoint<Store, Access, Clock, Ids> endpoint;
  droplit::ServerOptions server_options;
};

/// A store that inserts in batches does so on threads of a writer's, and the server needs none. One batch takes all
/// that wait, so that none waits for more than the batch under way and its own.
template <droplit::BatchStorage Store, class Access, class Clock, class Ids>
class StoreEndpoint<Store, Access, Clock, Ids> {
  droplit::BatchWriter<Store> writer_;

 public:
  StoreEndpoint(Store& store, const Access& access, Clock& clock, Ids& ids, const Options& options)
      : writer_(store, {.threads = options.server.store_threads, .max_batch = options.server.max_connections}),
        endpoint(writer_, access, clock, ids, options.endpoint),
        server_options(options.server) {
    server_options.store_threads = 0;
  }

  droplit::BatchEndpoint<Store, Access, Clock, Ids> endpoint;
  droplit::ServerOptions server_options;
};

/// How each kind of store is opened and inspected; both throw an error.
struct Memory {
  using Store = droplit::MemoryStorage;
  static std::unique_ptr<Store> open(const Options& options) { return std::make_unique<Store>(options.memory); }
  static droplit::StoreState inspect(const Options&) { return droplit::StoreState::current; }
};

struct Sqlite {
  using Store = droplit::SqliteStorage;
  static std::unique_ptr<Store> open(const Options& options) {
    return std::make_unique<Store>(Store::open(options.place, options.sqlite).value());
  }
  static droplit::StoreState inspect(const Options& options) { return Store::inspect(options.place).value(); }
};

#if defined(DROPLIT_POSTGRES)
struct Postgres {
  using Store = droplit::PostgresStorage;
  static std::unique_ptr<Store> open(const Options& options) {
    return std::make_unique<Store>(Store::open(options.place, options.postgres).value());
  }
  static droplit::StoreState inspect(const Options& options) {
    return Store::inspect(options.place, options.postgres).value();
  }
};
#endif

}  // namespace server
