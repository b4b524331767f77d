// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/sqlite/connection.hpp>
#include <droplit/storage/sqlite/group.hpp>
#include <droplit/storage/sqlite/handles.hpp>
#include <droplit/storage/sqlite/inspection.hpp>
#include <droplit/storage/sqlite/opening.hpp>

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a commit outlives. Either way it outlives the end of the process, however that comes.
enum class SqliteDurability : std::uint8_t {
  full,    ///< also power loss and the end of the system
  normal,  ///< these not: the newest commits may then be gone, never only a part of one; much faster
};

struct SqliteOptions {
  SqliteDurability durability = SqliteDurability::full;

  /// How long one operation waits for other threads and processes: 0 to 24 hours.
  std::chrono::milliseconds busy_timeout{2000};

  /// Called with one sentence for the log if one of the files gets a second name (a hard link) while it is open: once,
  /// by the thread whose operation noticed it, and within that operation. It must neither use the storage nor block.
  /// What it throws is ignored.
  std::function<void(std::string_view)> on_warning{};
};

/// Keeps clients in a file of SQLite, which several processes may use at once.
///
/// Thread-safe and linearizable. The threads of one object take turns on one connection; those that insert at the same
/// time share a commit, and with `full` durability its one fsync. Where it waited in vain, for a thread or for another
/// process, the `Fault` is an unavailable one; after any `Fault` it goes on working. A child of `fork` must neither use
/// nor destroy what its parent opened. A moved-from object may only be assigned or destroyed.
class SqliteStorage {
 public:
  /// Opens the file, or creates it in a directory that exists. A file of another program, or with another version of
  /// our tables, is refused and left as it was, with what lies beside it. A file with a second name is refused.
  /// The fate of a failure is that of clients: empty tables may have been made.
  static Outcome<SqliteStorage> open(const std::string& path, SqliteOptions options = {}) {
    return detail::guarded<SqliteStorage>(FaultSource::storage, Fate::not_applied, [&]() -> Outcome<SqliteStorage> {
      using std::chrono::milliseconds;
      const auto patience =
          detail::bounded(options.busy_timeout, milliseconds(0), milliseconds(detail::longest_millis));
      const bool normal = options.durability == SqliteDurability::normal;
      auto opened = detail::SqliteOpening::run(path, normal ? "NORMAL" : "FULL", patience);
      if (!opened) return std::move(opened).as_failure();
      auto connection =
          std::make_unique<Connection>(std::move(opened).assume_value(), patience, std::move(options.on_warning));
      if (const int code = connection->prepare(); code != SQLITE_OK) return detail::sqlite_fault("open", code);
      return SqliteStorage(std::move(connection));
    });
  }

  /// Makes the ecosystem active if it was never there, and tells what it now is: a deleted one stays deleted.
  Outcome<EcosystemState> add_ecosystem(EcosystemId id) {
    return change<EcosystemState>("add_ecosystem", [&](Connection& c) -> Outcome<EcosystemState> {
      const detail::SqliteId<EcosystemId> key(id);
      if (const int code = detail::SqliteRun(c.add_ecosystem).bind(key).step(); code != SQLITE_DONE) {
        return detail::sqlite_fault("add_ecosystem", code);
      }
      return c.state_of(key, "add_ecosystem");
    });
  }

  /// Deletes the ecosystem for ever, and tells what it was before. Its clients stay; an unknown one stays unknown.
  Outcome<EcosystemState> delete_ecosystem(EcosystemId id) {
    return change<EcosystemState>("delete_ecosystem", [&](Connection& c) -> Outcome<EcosystemState> {
      const detail::SqliteId<EcosystemId> key(id);
      auto before = c.state_of(key, "delete_ecosystem");
      if (!before || before.assume_value() != EcosystemState::active) return before;
      const int code = detail::SqliteRun(c.delete_ecosystem).bind(key).step();
      if (code != SQLITE_DONE) return detail::sqlite_fault("delete_ecosystem", code);
      return before;
    });
  }

  [[nodiscard]] Outcome<Ecosystem> find_ecosystem(EcosystemId id) const {
    return look<Ecosystem>("find_ecosystem", [&](Connection& c) -> Outcome<Ecosystem> {
      auto state = c.state_of(detail::SqliteId<EcosystemId>(id), "find_ecosystem");
      if (!state) return std::move(state).as_failure();
      return Ecosystem(id, state.assume_value());
    });
  }

  [[nodiscard]] Outcome<std::optional<Client>> find_client(ClientId id) const {
    return look<std::optional<Client>>("find_client", [&](Connection& c) { return c.client(id); });
  }

  /// Threads that insert at the same time share a commit. One may wait for a whole commit of others before its own
  /// begins, so for up to about twice `busy_timeout` where other processes keep the file busy.
  Outcome<Insertion> insert(const Client& client) {
    return detail::guarded<Insertion>(FaultSource::storage, Fate::not_applied, [&]() -> Outcome<Insertion> {
      detail::SqliteInsert mine(client);
      const auto all = [this](std::vector<detail::SqliteInsert*>& inserts) noexcept { insert_all(inserts); };
      if (!connection_->group.run(mine, connection_->patience, all)) return detail::sqlite_fault("insert", SQLITE_BUSY);
      return std::move(mine.outcome);
    });
  }

  /// Finds out what `open` would find at this path, and changes nothing, not even a companion of the file. Reads the
  /// main file without locks: what another process writes meanwhile may be missed.
  static Outcome<StoreState> inspect(const std::string& path) {
    return detail::guarded<StoreState>(FaultSource::storage, Fate::not_applied,
                                       [&] { return detail::sqlite_inspect(path); });
  }

 private:
  using Connection = detail::SqliteConnection;

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
      c.warn_of_other_names();
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

  // One commit for all; where a statement fails, one for each, so that every client gets what is its own.
  void insert_all(std::vector<detail::SqliteInsert*>& inserts) noexcept {
    bool one_failed = false;
    const auto done = change<bool>("insert", [&](Connection& c) -> Outcome<bool> {
      for (detail::SqliteInsert* const each : inserts) {
        each->outcome = c.insert_client(each->client);
        one_failed = !each->outcome.has_value();
        if (one_failed) return each->outcome.as_failure();
      }
      return true;
    });
    if (done) return;
    for (detail::SqliteInsert* const each : inserts) {
      if (one_failed && inserts.size() > 1) {
        each->outcome = change<Insertion>("insert", [&](Connection& c) { return c.insert_client(each->client); });
      } else {
        const bool refused = each->outcome.has_value() && each->outcome.assume_value() != Insertion::inserted;
        each->outcome = copy(done.assume_exception(), refused);
      }
    }
  }

  // Of a commit that failed; who was refused in it surely has nothing kept.
  static Fault copy(const Fault& fault, bool refused) noexcept {
    const Fate fate = refused ? Fate::not_applied : fault.fate();
    try {
      if (fate == fault.fate()) return fault;
      return {fault.source(), fate, fault.what()};
    } catch (...) {  // no memory for words: none, then
      return {fault.source(), fate, {}};
    }
  }

  std::unique_ptr<Connection> connection_;
};

static_assert(Storage<SqliteStorage>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
