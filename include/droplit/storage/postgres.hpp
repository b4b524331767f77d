// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/postgres/connection.hpp>
#include <droplit/storage/postgres/handles.hpp>
#include <droplit/storage/postgres/inserter.hpp>
#include <droplit/storage/postgres/opening.hpp>
#include <droplit/storage/postgres/queries.hpp>
#include <droplit/storage/postgres/query_runner.hpp>
#include <droplit/storage/postgres/steps.hpp>

#include <droplit/batch_storage.hpp>
#include <droplit/checked_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/storage/detail/sql.hpp>
#include <droplit/store_stats.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The owner of the server's sessions.
enum class PostgresSessionMode : std::uint8_t {
  own,  ///< to the store, as long as a connection lasts: settings are made once, statements prepared once
  /// To a pooler, which hands them from program to program after each transaction (PgBouncer, `pool_mode =
  /// transaction`): settings are made in each transaction and end with it, statements have no names, and nothing of
  /// ours is left in the session. The schema must have been upgraded by an opening with `own`.
  pooled,
};

/// A value outside its range counts as the nearest one within it.
struct PostgresOptions {
  std::size_t connections = 8;                      ///< at most so many at a time; 1 to 10000
  std::chrono::milliseconds connect_timeout{2000};  ///< for one try to connect; 1 ms to 24 h
  /// For one operation with all its tries, 100 ms to 24 h. A quarter at most is spent before anything is sent; the
  /// server gives a statement two fifths and a lock three tenths, and a try is given up after a half.
  std::chrono::milliseconds timeout{5000};
  /// For an upgrade of the schema at opening, by this process or another, 100 ms to 24 h.
  std::chrono::milliseconds upgrade_timeout{std::chrono::minutes(10)};
  std::string schema = "droplit";  ///< lower-case letters, digits and underscores; made if it is not there
  PostgresSessionMode session = PostgresSessionMode::own;          ///< the owner of the sessions
  std::chrono::milliseconds max_key_age{detail::default_key_age};  ///< how long a key is remembered; 48 h to 100 years
};

/// Keeps clients in a database of PostgreSQL, which any number of processes may use at once.
///
/// Thread-safe and linearizable; an operation borrows one connection of a bounded pool. No operation takes longer than
/// its `timeout` (a host's name is looked up by the system, with its own limits), whatever the server does; after any
/// `Fault` it goes on working, and a server that is back is used again. Where a connection was lost while an insert was
/// under way, the same insert on a new connection finds out what became of it; only where that fails too is the `Fault`
/// a maybe-applied one. A child of `fork` must neither use nor destroy what its parent opened. A moved-from object may
/// only be assigned or destroyed.
class PostgresStorage {
 public:
  /// Connects, creates the tables in an empty schema, and upgrades those of an earlier version, while servers of that
  /// version go on. `conninfo` is libpq's, `key=value` pairs or a URI. A schema that is another program's or of a newer
  /// version is refused and left as it was, and so is a database that is not in UTF-8. The fate of a failure is that of
  /// clients: empty tables may have been made, or a part of an upgrade, which the next opening completes.
  static Outcome<PostgresStorage> open(const std::string& conninfo, const PostgresOptions& options = {}) {
    return detail::guarded<PostgresStorage>(FaultSource::storage, Fate::not_applied, [&]() -> Outcome<PostgresStorage> {
      auto opening = opening_of(conninfo, options);
      if (!opening) return std::move(opening).as_failure();
      auto opened = opening.assume_value().run();
      if (!opened) return std::move(opened).as_failure();
      detail::postgres::Queries queries{options.schema};
      const auto limit = detail::bounded_time(options.timeout, 100);
      const auto until = detail::postgres::Time::now() + limit;
      for (const detail::postgres::Statement* each : queries.statements()) {  // which checks that our tables are there
        const auto reply = opened.assume_value()->prepare(*each, until);
        if (reply.status != detail::postgres::QueryStatus::completed) return reply.fault("open");
      }
      const std::size_t connections = detail::bounded<std::size_t>(options.connections, 1, 10000);
      return PostgresStorage(std::unique_ptr<State>(
          new State{std::move(queries),
                    {opening.assume_value().target(), connections, limit, std::move(opened).assume_value()},
                    detail::bounded_key_age(options.max_key_age.count())}));
    });
  }

  /// Makes the ecosystem active if it never existed, and returns its state after that: a deleted one stays deleted.
  Outcome<EcosystemState> add_ecosystem(EcosystemId id) {
    return state_->runner.run<EcosystemState>(
        state_->queries.add_ecosystem, std::array{id.text().c_str()},
        [](const Row& row, bool) -> Settled<EcosystemState> { return row.state(); });
  }

  /// Deletes the ecosystem permanently, and returns its state before that. Its clients stay; an unknown one stays
  /// unknown.
  Outcome<EcosystemState> delete_ecosystem(EcosystemId id) {
    const Query& query = state_->queries.delete_ecosystem;
    const auto read = [&](const Row& row, bool settling) -> Settled<EcosystemState> {
      auto before = row.state();
      // The lost try may have deleted it, or may yet reach the server.
      const bool known = !settling || !before || before.assume_value() == EcosystemState::active;
      return known ? before : state_->runner.unsettled(query, "an earlier try may have deleted it, or may yet");
    };
    return state_->runner.run<EcosystemState>(query, std::array{id.text().c_str()}, read);
  }

  /// The ecosystem, with its state now.
  [[nodiscard]] Outcome<Ecosystem> find_ecosystem(EcosystemId id) const {
    const auto read = [id](const Row& row, bool) -> Settled<Ecosystem> {
      auto state = row.state();
      if (!state) return std::move(state).as_failure();
      return Ecosystem(id, state.assume_value());
    };
    return state_->runner.run<Ecosystem>(state_->queries.find_ecosystem, std::array{id.text().c_str()}, read);
  }

  /// The client that was inserted under this id, if there is one.
  [[nodiscard]] Outcome<std::optional<Client>> find_client(ClientId id) const {
    using Found = Outcome<std::optional<Client>>;
    const auto read = [](const Row& row, bool) -> Settled<std::optional<Client>> {
      auto client = detail::sql::read_client(row);
      if (!client && !row.is_empty()) return Found(detail::postgres::refused("find_client", "a row that is no client"));
      return Found(std::move(client));
    };
    return state_->runner.run<std::optional<Client>>(state_->queries.find_client, std::array{id.text().c_str()}, read);
  }

  /// Inserts the client, or returns why it was not inserted. Threads that insert at the same time share statements and
  /// commits.
  Outcome<Insertion> insert(const Client& client) {
    BatchInsert one(client);
    state_->inserter.insert(one);
    if (!one.outcome) return std::move(one.outcome).as_failure();
    return one.outcome.assume_value().insertion();
  }

  /// Inserts the client with the key, or returns why it was not inserted. What is replayed has been committed, with the
  /// server's guarantees for a commit of this operation.
  Outcome<KeyedInsertion> insert_once(const Client& client, const IdempotencyKey& key) {
    BatchInsert one(client, &key);
    state_->inserter.insert(one);
    return std::move(one.outcome);
  }

  /// Does for each what `insert` or `insert_once` would, by one statement for each 256 of them, or fewer if their
  /// texts are long. All together take no longer than `timeout`.
  void insert_all(std::span<BatchInsert* const> inserts) noexcept { state_->inserter.insert_all(inserts); }

  /// Reads one row of an index, and so finds out whether the server can be used now.
  [[nodiscard]] Outcome<void> check() const {
    const auto found = find_ecosystem(EcosystemId({}));
    if (!found) return found.as_failure();
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  /// What was counted since it was opened: groups of inserts, and waits for one of the connections.
  [[nodiscard]] StoreStats stats() const {
    StoreStats stats = state_->runner.stats();
    stats.group_commits = state_->inserter.stats();
    return stats;
  }

  /// Finds out what `open` would find in this database, and changes nothing.
  static Outcome<StoreState> inspect(const std::string& conninfo, const PostgresOptions& options = {}) {
    return detail::guarded<StoreState>(FaultSource::storage, Fate::not_applied, [&]() -> Outcome<StoreState> {
      auto opening = opening_of(conninfo, options);
      if (!opening) return std::move(opening).as_failure();
      return opening.assume_value().inspect("inspect");
    });
  }

 private:
  using Query = detail::postgres::Query;
  using Row = detail::postgres::Row;
  template <class T>
  using Settled = detail::postgres::Settled<T>;

  struct State {
    detail::postgres::Queries queries;
    detail::postgres::QueryRunner runner;
    std::int64_t max_key_age;  // milliseconds
    detail::postgres::Inserter inserter{queries, runner, max_key_age};
  };

  explicit PostgresStorage(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

  static Outcome<detail::postgres::Opening> opening_of(const std::string& conninfo, const PostgresOptions& options) {
    const std::string& schema = options.schema;
    const bool plain = schema.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    if (!plain || schema.empty() || schema.size() > 63 || schema[0] <= '9') {
      return detail::postgres::refused("open", "no name of a schema");
    }
    if (!detail::postgres::Connection::can_read(conninfo)) {
      return detail::postgres::refused("open", "the connection string cannot be read");
    }
    const auto limit = detail::bounded_time(options.timeout, 100);
    const auto connect_timeout = detail::bounded_time(options.connect_timeout, 1);
    const bool pooled = options.session == PostgresSessionMode::pooled;
    return detail::postgres::Opening({conninfo, connect_timeout, limit * 2 / 5, limit * 3 / 10, pooled}, schema,
                                     detail::postgres::steps, detail::postgres::Time::now() + connect_timeout + limit,
                                     detail::bounded_time(options.upgrade_timeout, 100));
  }

  std::unique_ptr<State> state_;
};

static_assert(KeyedStorage<PostgresStorage> && BatchStorage<PostgresStorage>);
static_assert(CheckedStorage<PostgresStorage> && CountingStorage<PostgresStorage>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
