// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The stores of simulated processes: the library's MemoryStorage, shared and as slow and faulty as a database on
// another machine; and the inserts of its PostgresStorage, over the simulated database.
#pragma once

#include <droplit/batch_storage.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/storage/postgres/inserter.hpp>
#include <droplit/storage/postgres/queries.hpp>
#include <droplit/storage/postgres/query_runner.hpp>

#include "database.hpp"
#include "server.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sim {

/// A client that is stored, and since when.
struct Stored {
  droplit::Client client;
  Nanos at;
};

/// A MemoryStorage that several processes share, and what was done in it.
class SharedMemory {
 public:
  explicit SharedMemory(std::chrono::milliseconds max_key_age) : memory(droplit::MemoryOptions{max_key_age}) {}

  droplit::MemoryStorage memory;
  std::vector<Stored> stored;
  unsigned trouble = 0;  ///< in a thousand calls
};

/// One process's access to it.
class MemoryAccess : public ProcessStore {
 public:
  explicit MemoryAccess(SharedMemory& shared) : shared_(shared) {}

  droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) override {
    return call<droplit::Insertion>([&] { return shared_.memory.insert(client); }, client);
  }
  droplit::Outcome<droplit::KeyedInsertion> insert_once(const droplit::Client& client,
                                                        const droplit::IdempotencyKey& key) override {
    return call<droplit::KeyedInsertion>([&] { return shared_.memory.insert_once(client, key); }, client);
  }

 private:
  static droplit::Insertion insertion(droplit::Insertion done) { return done; }
  static droplit::Insertion insertion(const droplit::KeyedInsertion& done) { return done.insertion(); }

  template <class T, class Call>
  droplit::Outcome<T> call(Call call, const droplit::Client& client) {
    using droplit::Fate, droplit::Fault, droplit::FaultSource;
    Random& random = scheduler().random();
    const Process& process = *scheduler().process();
    const auto fails = [&] { return random.below(1000) < shared_.trouble; };
    const bool is_slow = shared_.trouble != 0 && random.one_in(150);
    scheduler().sleep(is_slow ? 70 * second : random.between(30 * micro, 2 * milli));
    if (process.dead) return Fault::unavailable(FaultSource::storage, "killed");
    if (fails()) {
      switch (random.below(4)) {
        case 0: return Fault::unavailable(FaultSource::storage, "busy");
        case 1: return Fault(FaultSource::storage, Fate::not_applied, "broken");
        case 2: throw Fault::unavailable(FaultSource::storage, "busy");
        default: throw std::runtime_error("broken before");
      }
    }
    T done = call();
    scheduler().trace("insert", static_cast<std::uint64_t>(insertion(done)));
    if (insertion(done) == droplit::Insertion::inserted) shared_.stored.push_back({client, scheduler().now()});
    scheduler().sleep(random.between(30 * micro, 2 * milli));
    if (fails()) {
      if (random.one_in(2)) throw std::runtime_error("broken after");
      return Fault(FaultSource::storage, Fate::maybe_applied, "lost");
    }
    return done;
  }

  SharedMemory& shared_;
};

/// The library's way of inserting into PostgreSQL, with a pool of its own.
class PostgresAccess : public ProcessStore {
 public:
  PostgresAccess(bool pooled, std::chrono::milliseconds max_key_age)
      : queries_{.schema = "droplit"},
        runner_(target(pooled), 3, std::chrono::milliseconds(4000), nullptr),
        inserter_(queries_, runner_, max_key_age.count()) {}

  droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) override {
    droplit::BatchInsert one(client);
    inserter_.insert(one);
    if (!one.outcome) return std::move(one.outcome).as_failure();
    return one.outcome.assume_value().insertion();
  }
  droplit::Outcome<droplit::KeyedInsertion> insert_once(const droplit::Client& client,
                                                        const droplit::IdempotencyKey& key) override {
    droplit::BatchInsert one(client, &key);
    inserter_.insert(one);
    return std::move(one.outcome);
  }

 private:
  static droplit::detail::postgres::Target target(bool pooled) {
    using std::chrono::milliseconds;
    return {"", milliseconds(1000), milliseconds(1600), milliseconds(1200), pooled};
  }

  droplit::detail::postgres::Queries queries_;
  droplit::detail::postgres::QueryRunner runner_;
  droplit::detail::postgres::Inserter inserter_;
};

/// The clients in the database.
inline std::vector<Stored> stored_in(const Database& database) {
  std::vector<Stored> all;
  for (const Row& row : database.rows) {
    if (row.committed == 0) continue;
    const auto text = [&](std::size_t column) -> std::optional<droplit::Text> {
      return row.client[column] ? droplit::Text::parse(*row.client[column]) : std::nullopt;
    };
    all.push_back({droplit::Client(*droplit::ClientId::parse(*row.client[0]),
                                   *droplit::Timestamp::from_unix_millis(std::stoll(*row.client[1])),
                                   *droplit::EcosystemId::parse(*row.client[2]),
                                   *droplit::parse_client_type(*row.client[3]), text(4), text(5)),
                   row.at});
  }
  return all;
}

}  // namespace sim
