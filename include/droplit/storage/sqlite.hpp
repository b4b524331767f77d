// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "detail/sqlite_handles.hpp"
#include "detail/sqlite_opening.hpp"

#include "../client.hpp"
#include "../client_type.hpp"
#include "../detail/guarded.hpp"
#include "../ecosystem.hpp"
#include "../fault.hpp"
#include "../id.hpp"
#include "../outcome.hpp"
#include "../storage.hpp"
#include "../text.hpp"
#include "../timestamp.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit {

/// What a commit outlives. Either way it outlives the end of the process, however that comes.
enum class SqliteDurability : std::uint8_t {
  full,    ///< also power loss and the end of the system
  normal,  ///< these not: the newest commits may then be gone, never only a part of one; much faster
};

struct SqliteOptions {
  SqliteDurability durability = SqliteDurability::full;
  std::chrono::milliseconds busy_timeout{2000};  ///< how long one operation waits for other threads and processes
};

/// Keeps clients in a file of SQLite, which several processes may use at once.
///
/// Thread-safe and linearizable. The threads of one object take turns on one connection, with a commit each (commits in
/// groups are still to come). Where it waited in vain, for a thread or for another process, the `Fault` is an
/// unavailable one; after any `Fault` it goes on working. A child of `fork` must neither use nor destroy what its
/// parent opened. A moved-from object may only be assigned or destroyed.
class SqliteStorage {
 public:
  /// Opens the file, or creates it, its directory being there. A file that is not ours, or has another version of our
  /// tables, is refused and left as it was.
  static Outcome<SqliteStorage> open(const std::string& path, SqliteOptions options = {}) {
    return detail::guarded<SqliteStorage>(FaultSource::storage, Fate::not_applied, [&]() -> Outcome<SqliteStorage> {
      using std::chrono::milliseconds;
      const auto patience = std::clamp(options.busy_timeout, milliseconds(0), milliseconds(std::chrono::hours(24)));
      const bool full = options.durability == SqliteDurability::full;
      auto opened = detail::SqliteOpening::run(path, full ? "FULL" : "NORMAL", patience);
      if (!opened) return std::move(opened).as_failure();
      auto connection = std::make_unique<Connection>(std::move(opened).assume_value(), patience);
      if (const int code = connection->prepare(); code != SQLITE_OK) return detail::sqlite_fault("open", code);
      return SqliteStorage(std::move(connection));
    });
  }

  /// Makes the ecosystem active if it was never there, and tells what it now is: a deleted one stays deleted.
  Outcome<EcosystemState> add_ecosystem(EcosystemId id) {
    return change<EcosystemState>("add_ecosystem", [&](Connection& c) -> Outcome<EcosystemState> {
      const Written<EcosystemId> key(id);
      if (const int code = detail::SqliteRun(c.add_ecosystem).bind(key).step(); code != SQLITE_DONE) {
        return detail::sqlite_fault("add_ecosystem", code);
      }
      return c.state(key, "add_ecosystem");
    });
  }

  /// Deletes the ecosystem for ever, and tells what it was before. Its clients stay; an unknown one stays unknown.
  Outcome<EcosystemState> delete_ecosystem(EcosystemId id) {
    return change<EcosystemState>("delete_ecosystem", [&](Connection& c) -> Outcome<EcosystemState> {
      const Written<EcosystemId> key(id);
      auto before = c.state(key, "delete_ecosystem");
      if (!before || before.assume_value() != EcosystemState::active) return before;
      const int code = detail::SqliteRun(c.delete_ecosystem).bind(key).step();
      if (code != SQLITE_DONE) return detail::sqlite_fault("delete_ecosystem", code);
      return before;
    });
  }

  [[nodiscard]] Outcome<Ecosystem> find_ecosystem(EcosystemId id) const {
    return look<Ecosystem>("find_ecosystem", [&](Connection& c) -> Outcome<Ecosystem> {
      auto state = c.state(Written<EcosystemId>(id), "find_ecosystem");
      if (!state) return std::move(state).as_failure();
      return Ecosystem(id, state.assume_value());
    });
  }

  [[nodiscard]] Outcome<std::optional<Client>> find_client(ClientId id) const {
    using Found = Outcome<std::optional<Client>>;
    return look<std::optional<Client>>("find_client", [&](Connection& c) -> Found {
      const Written<ClientId> key(id);
      detail::SqliteRun run(c.find_client);
      const int code = run.bind(key).step();
      if (code == SQLITE_DONE) return Found(std::optional<Client>());
      if (code != SQLITE_ROW) return detail::sqlite_fault("find_client", code);
      const auto created_at = Timestamp::from_unix_millis(run.number(0));
      const auto ecosystem = EcosystemId::parse(run.text(1).value_or(std::string_view()));
      const auto type = parse_client_type(run.text(2).value_or(std::string_view()));
      const auto name = Cell(run, 3);
      const auto description = Cell(run, 4);
      if (!created_at || !ecosystem || !type || !name.right || !description.right) {
        if (sqlite3_errcode(c.database.get()) == SQLITE_NOMEM) return detail::sqlite_fault("find_client", SQLITE_NOMEM);
        return Fault(FaultSource::storage, Fate::not_applied, "sqlite find_client: a row that is no client");
      }
      return Found(Client(id, *created_at, *ecosystem, *type, name.text, description.text));
    });
  }

  Outcome<Insertion> insert(const Client& client) {
    return change<Insertion>("insert", [&](Connection& c) -> Outcome<Insertion> {
      const Written<EcosystemId> ecosystem(client.ecosystem_id());
      const auto state = c.state(ecosystem, "insert");
      if (!state) return state.as_failure();
      if (state.assume_value() == EcosystemState::deleted) return Insertion::ecosystem_deleted;
      if (state.assume_value() == EcosystemState::unknown) return Insertion::ecosystem_unknown;
      const Written<ClientId> key(client.id());
      detail::SqliteRun run(c.insert);
      run.bind(key).bind(client.created_at().unix_millis()).bind(ecosystem).bind(to_string(client.type()));
      const int code = run.bind(client.name()).bind(client.description()).step();
      if (code != SQLITE_DONE) return detail::sqlite_fault("insert", code);
      return sqlite3_changes(c.database.get()) == 1 ? Insertion::kept : Insertion::id_taken;
    });
  }

 private:
  // An id as text, without allocating.
  template <class Id>
  class Written {
   public:
    explicit Written(Id id) noexcept : size_(static_cast<std::size_t>(id.write(text_.data()) - text_.data())) {}
    operator std::string_view() const noexcept { return {text_.data(), size_}; }

   private:
    std::array<char, Id::max_size> text_;
    std::size_t size_;
  };

  struct Cell {
    bool right = true;
    std::optional<Text> text;
    Cell(detail::SqliteRun& run, int column) {
      if (run.is_null(column)) return;
      if (const auto bytes = run.text(column)) text = Text::parse(std::string(*bytes));
      right = text.has_value();
    }
  };

  struct Connection {
    Connection(detail::SqliteOpening::Opened opened, std::chrono::milliseconds busy_timeout) noexcept
        : database(std::move(opened.database)), files(std::move(opened.files)), patience(busy_timeout) {}

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() {  // the last one to close moves the log into the file, by way of the index
      if (files.index_was_cut()) sqlite3_db_config(database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    }

    int prepare() noexcept {
      int code = SQLITE_OK;
      const auto make = [&](detail::SqliteStatement& statement, std::string_view sql) {
        if (code == SQLITE_OK) code = detail::sqlite_prepare(database.get(), sql, statement);
      };
      make(begin, "BEGIN IMMEDIATE");
      make(commit, "COMMIT");
      make(rollback, "ROLLBACK");
      make(find_ecosystem, "SELECT state FROM ecosystems WHERE id = ?1");
      make(add_ecosystem, "INSERT INTO ecosystems (id, state) VALUES (?1, 'active') ON CONFLICT (id) DO NOTHING");
      make(delete_ecosystem, "UPDATE ecosystems SET state = 'deleted' WHERE id = ?1");
      make(find_client, "SELECT created_at, ecosystem_id, type, name, description FROM clients WHERE id = ?1");
      make(insert,
           "INSERT INTO clients (id, created_at, ecosystem_id, type, name, description)"
           " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING");
      return code;
    }

    Outcome<EcosystemState> state(std::string_view key, std::string_view operation) {
      detail::SqliteRun run(find_ecosystem);
      const int code = run.bind(key).step();
      if (code == SQLITE_DONE) return EcosystemState::unknown;
      if (code != SQLITE_ROW) return detail::sqlite_fault(operation, code);
      const auto word = run.text(0);
      if (word == to_string(EcosystemState::active)) return EcosystemState::active;
      if (word == to_string(EcosystemState::deleted)) return EcosystemState::deleted;
      return detail::sqlite_fault(operation, word ? SQLITE_CORRUPT : SQLITE_NOMEM);
    }

    // Waits for other processes until the deadline; but not where another thread just waited for them in vain, or a
    // queue of threads would wait one behind the other.
    int start(std::chrono::steady_clock::time_point deadline) noexcept {
      const auto now = std::chrono::steady_clock::now();
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now);
      const bool waits = now >= hurried_until && left.count() > 0;
      sqlite3_busy_timeout(database.get(), waits ? static_cast<int>(left.count()) : 0);
      const int code = detail::SqliteRun(begin).step();
      if (code == SQLITE_DONE) hurried_until = {};
      if (waits && (code & 0xFF) == SQLITE_BUSY)
        hurried_until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
      return code;
    }

    detail::SqliteDatabase database;  // outlives its statements
    detail::SqliteFiles files;
    std::chrono::milliseconds patience;
    detail::SqliteTurn turn;
    std::chrono::steady_clock::time_point hurried_until{};
    detail::SqliteStatement begin, commit, rollback, find_ecosystem, add_ecosystem, delete_ecosystem, find_client,
        insert;
  };

  struct EndTurn {
    void operator()(detail::SqliteTurn* turn) const noexcept { turn->end(); }
  };

  // Whatever happens, no transaction is left open.
  struct Rollback {
    Connection& connection;
    explicit Rollback(Connection& c) noexcept : connection(c) {}
    Rollback(const Rollback&) = delete;
    Rollback& operator=(const Rollback&) = delete;
    ~Rollback() {
      if (sqlite3_get_autocommit(connection.database.get()) == 0) detail::SqliteRun(connection.rollback).step();
    }
  };

  explicit SqliteStorage(std::unique_ptr<Connection> connection) noexcept : connection_(std::move(connection)) {}

  static Fault moved(std::string_view operation, Fate fate) {
    return {FaultSource::storage, fate,
            std::string("sqlite ").append(operation).append(": the file was moved or replaced")};
  }

  /// Runs `work` when it is this thread's turn.
  template <class T, class Work>
  Outcome<T> look(std::string_view operation, Work work) const {
    return detail::guarded<T>(FaultSource::storage, Fate::maybe_applied, [&]() -> Outcome<T> {
      Connection& c = *connection_;
      if (!c.turn.begin(c.patience)) return detail::sqlite_fault(operation, SQLITE_BUSY);
      const std::unique_ptr<detail::SqliteTurn, EndTurn> ending(&c.turn);
      if (!c.files.unmoved()) return moved(operation, Fate::not_applied);
      return work(c);
    });
  }

  /// Runs `work` in a transaction, which is committed if it changed anything and else rolled back.
  template <class T, class Work>
  Outcome<T> change(std::string_view operation, Work work) {
    const auto deadline = std::chrono::steady_clock::now() + connection_->patience;
    return look<T>(operation, [&](Connection& c) -> Outcome<T> {
      const int begun = c.start(deadline);
      if (begun != SQLITE_DONE) return detail::sqlite_fault(operation, begun);
      const Rollback rollback(c);
      const auto changes = sqlite3_total_changes64(c.database.get());
      Outcome<T> outcome = work(c);
      if (!outcome || sqlite3_total_changes64(c.database.get()) == changes) return outcome;
      if (!c.files.unmoved()) return moved(operation, Fate::not_applied);
      // Only BUSY proves that nothing was written: after any other failure a recovery may find the commit in the log.
      const int code = detail::SqliteRun(c.commit).step();
      const Fate fate = (code & 0xFF) == SQLITE_BUSY ? Fate::not_applied : Fate::maybe_applied;
      if (code != SQLITE_DONE) return detail::sqlite_fault(operation, code, fate);
      if (!c.files.unmoved()) return moved(operation, Fate::maybe_applied);
      return outcome;
    });
  }

  std::unique_ptr<Connection> connection_;
};

static_assert(Storage<SqliteStorage>);

}  // namespace droplit
