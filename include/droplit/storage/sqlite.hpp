// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/sqlite/connection.hpp>
#include <droplit/storage/sqlite/group_commit.hpp>
#include <droplit/storage/sqlite/handles.hpp>
#include <droplit/storage/sqlite/opening.hpp>

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
#include <droplit/store_stats.hpp>

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a commit survives. Both survive the end of the process, a kill included.
enum class SqliteDurability : std::uint8_t {
  full,    ///< also power loss and the end of the system
  normal,  ///< these not: the newest commits may then be gone, never only a part of one; much faster
};

/// A value outside its range counts as the nearest one within it.
struct SqliteOptions {
  SqliteDurability durability = SqliteDurability::full;  ///< what a commit survives

  /// How long one operation waits for other threads and processes: 0 to 24 hours.
  std::chrono::milliseconds busy_timeout{2000};

  /// How long `open` may take to upgrade a file of an older version, and may wait before that for another process that
  /// does: 0 to 24 hours. An upgrade that is not complete by then is rolled back. Approximate: the time is not checked
  /// while SQLite drops a table or commits.
  std::chrono::milliseconds upgrade_timeout{std::chrono::minutes(10)};

  /// How long an idempotency key is remembered: 48 hours to 100 years.
  std::chrono::milliseconds max_key_age{detail::default_key_age};

  /// Called with one sentence for the log if one of the files gets a second name (a hard link) while it is open: once,
  /// by the thread whose operation noticed it, and within that operation. It must neither use the storage nor block.
  /// What it throws is ignored.
  std::function<void(std::string_view)> on_warning{};
};

/// Keeps clients in a file of SQLite, which several processes may use at once.
///
/// Thread-safe and linearizable. The threads of one object take turns on one connection; those that insert at the same
/// time share a commit, and with `full` durability its one fsync. Where an operation waited too long for a thread or
/// for another process, its `Fault` is an unavailable one; after any `Fault` the object goes on working, unless its
/// file was upgraded by a newer version of the library. A child of `fork` must neither use nor destroy what its parent
/// opened. A moved-from object may only be assigned or destroyed.
class SqliteStorage {
 public:
  /// Opens the file, or creates it in a directory that exists. A file of an older version is upgraded, and no older
  /// version can open it then. A file of another program, or of a newer version, is refused and left as it was, with
  /// the files beside it. A file with a second name is refused. The fate of a failure is that of clients: empty tables
  /// may have been made.
  static Outcome<SqliteStorage> open(const std::string& path, SqliteOptions options = {}) {
    return detail::guarded<SqliteStorage>(FaultSource::storage, Fate::not_applied, [&]() -> Outcome<SqliteStorage> {
      const auto busy_timeout = detail::bounded_time(options.busy_timeout, 0);
      const auto upgrade_timeout = detail::bounded_time(options.upgrade_timeout, 0);
      const bool normal = options.durability == SqliteDurability::normal;
      auto opened = detail::sqlite::Opening::run(path, normal ? "NORMAL" : "FULL", busy_timeout, upgrade_timeout);
      if (!opened) return std::move(opened).as_failure();
      const auto max_key_age = detail::bounded_key_age(options.max_key_age.count());
      auto connection = std::make_unique<Connection>(std::move(opened).assume_value(), busy_timeout, max_key_age,
                                                     std::move(options.on_warning));
      if (const int code = connection->prepare_all(); code != SQLITE_OK)
        return detail::sqlite::make_fault("open", code);
      return SqliteStorage(std::move(connection));
    });
  }

  /// Makes the ecosystem active if it never existed, and returns its state then: a deleted one stays deleted.
  Outcome<EcosystemState> add_ecosystem(EcosystemId id) {
    return in_transaction<EcosystemState>("add_ecosystem", [id](Connection& c) -> Outcome<EcosystemState> {
      const int code = detail::sqlite::StatementExecution(c.add_ecosystem).bind(id).step();
      if (code != SQLITE_DONE) return detail::sqlite::make_fault("add_ecosystem", code);
      return c.state_of(id, "add_ecosystem");
    });
  }

  /// Deletes the ecosystem permanently, and returns its state before. Its clients stay; an unknown one stays unknown.
  Outcome<EcosystemState> delete_ecosystem(EcosystemId id) {
    return in_transaction<EcosystemState>("delete_ecosystem", [id](Connection& c) -> Outcome<EcosystemState> {
      auto before = c.state_of(id, "delete_ecosystem");
      if (!before || before.assume_value() != EcosystemState::active) return before;
      const int code = detail::sqlite::StatementExecution(c.delete_ecosystem).bind(id).step();
      if (code != SQLITE_DONE) return detail::sqlite::make_fault("delete_ecosystem", code);
      return before;
    });
  }

  /// The ecosystem, with its state now.
  [[nodiscard]] Outcome<Ecosystem> find_ecosystem(EcosystemId id) const {
    return run_read<Ecosystem>("find_ecosystem", [id](Connection& c) -> Outcome<Ecosystem> {
      auto state = c.state_of(id, "find_ecosystem");
      if (!state) return std::move(state).as_failure();
      return Ecosystem(id, state.assume_value());
    });
  }

  /// The client that was inserted under this id, if there is one.
  [[nodiscard]] Outcome<std::optional<Client>> find_client(ClientId id) const {
    return run_read<std::optional<Client>>("find_client", [id](Connection& c) { return c.client(id); });
  }

  /// Threads that insert at the same time share a commit. One may wait for a whole commit of others before its own
  /// begins, so for up to about twice `busy_timeout` where other processes keep the file busy.
  Outcome<Insertion> insert(const Client& client) {
    BatchInsert mine(client);
    insert_one(mine);
    if (!mine.outcome) return std::move(mine.outcome).as_failure();
    return mine.outcome.assume_value().insertion();
  }

  /// The same under a key. A replay's client is in the file: it was, or the shared commit has put it there.
  Outcome<KeyedInsertion> insert_once(const Client& client, const IdempotencyKey& key) {
    BatchInsert mine(client, &key);
    insert_one(mine);
    return std::move(mine.outcome);
  }

  /// The same for many, which share one commit, also with those of other threads.
  void insert_all(std::span<BatchInsert* const> inserts) noexcept {
    if (inserts.empty()) return;
    const auto run = detail::guarded<void>(FaultSource::storage, Fate::not_applied, [&]() -> Outcome<void> {
      const auto all = [this](std::span<BatchInsert* const> group) noexcept { commit_all(group, busy_deadline()); };
      PendingInserts mine(inserts);
      if (connection_->lock.run(mine, connection_->busy_timeout, all)) return BOOST_OUTCOME_V2_NAMESPACE::success();
      return detail::sqlite::make_fault("insert", SQLITE_BUSY);
    });
    if (run) return;
    for (BatchInsert* const each : inserts) each->outcome = copy(run.assume_exception(), Fate::not_applied);
  }

  /// Reads one row of an index, and so finds out whether the file can be used now.
  [[nodiscard]] Outcome<void> check() const {
    const auto found = find_ecosystem(EcosystemId({}));
    if (!found) return found.as_failure();
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  /// What was counted since it was opened: groups of inserts, failed ones too, and waits for other threads.
  [[nodiscard]] StoreStats stats() const { return connection_->lock.stats(); }

  /// Returns what `open` would find at this path, and changes nothing, not even a companion of the file. Reads the main
  /// file without locks: what another process writes meanwhile may be missed.
  static Outcome<StoreState> inspect(const std::string& path) {
    return detail::guarded<StoreState>(FaultSource::storage, Fate::not_applied,
                                       [&] { return detail::sqlite::Opening::inspect(path); });
  }

 private:
  using Connection = detail::sqlite::Connection;
  using PendingInserts = detail::sqlite::PendingInserts;

  struct Rollback {
    void operator()(Connection* c) const noexcept {
      if (sqlite3_get_autocommit(c->database.get()) == 0) detail::sqlite::StatementExecution(c->rollback).step();
    }
  };

  explicit SqliteStorage(std::unique_ptr<Connection> connection) noexcept : connection_(std::move(connection)) {}

  static Fault moved(std::string_view operation, Fate fate) {
    return detail::sqlite::make_fault(operation, "the file was moved or replaced", fate);
  }

  /// Runs `work` while this thread has the lock, which it takes before unless it `has_lock`.
  template <class T, class Work>
  Outcome<T> with_connection(std::string_view operation, Work work, bool has_lock = false) const {
    return detail::guarded<T>(FaultSource::storage, Fate::maybe_applied, [&]() -> Outcome<T> {
      Connection& c = *connection_;
      std::unique_lock lock(c.lock, std::defer_lock);
      if (!has_lock && !lock.try_lock_for(c.busy_timeout)) return detail::sqlite::make_fault(operation, SQLITE_BUSY);
      if (!c.files.unmoved()) return moved(operation, Fate::not_applied);
      c.warn_of_other_names();
      c.wait_until = busy_deadline();
      return work(c);
    });
  }

  /// Runs `work`, which reads the tables of this version.
  template <class T, class Work>
  Outcome<T> run_read(std::string_view operation, Work work) const {
    return with_connection<T>(operation, [&](Connection& c) -> Outcome<T> {
      Outcome<T> found = work(c);
      if (auto failed = c.check_version(operation)) return *std::move(failed);
      return found;
    });
  }

  using Deadline = std::chrono::steady_clock::time_point;

  // How long a transaction that begins now waits for another process.
  [[nodiscard]] Deadline busy_deadline() const noexcept {
    return std::chrono::steady_clock::now() + connection_->busy_timeout;
  }

  /// Runs `work` in a transaction, which is committed if it changed anything and else rolled back.
  template <class T, class Work>
  Outcome<T> in_transaction(std::string_view operation, Work work) {
    return in_transaction<T>(operation, std::move(work), busy_deadline(), false);
  }
  template <class T, class Work>
  Outcome<T> in_transaction(std::string_view operation, Work work, Deadline deadline, bool has_lock) {
    const auto transaction = [&](Connection& c) -> Outcome<T> {
      const std::unique_ptr<Connection, Rollback> no_transaction_is_left(&c);
      if (auto failed = c.start(operation, deadline)) return *std::move(failed);
      const auto changes = sqlite3_total_changes64(c.database.get());
      Outcome<T> outcome = work(c);
      if (!outcome || sqlite3_total_changes64(c.database.get()) == changes) return outcome;
      if (!c.files.unmoved()) return moved(operation, Fate::not_applied);
      // Only BUSY proves that nothing was written: after any other failure a recovery may find the commit in the log.
      const int code = detail::sqlite::StatementExecution(c.commit).step();
      const Fate fate = (code & 0xFF) == SQLITE_BUSY ? Fate::not_applied : Fate::maybe_applied;
      if (code != SQLITE_DONE) return detail::sqlite::make_fault(operation, code, fate);
      if (!c.files.unmoved()) return moved(operation, Fate::maybe_applied);
      return outcome;
    };
    return with_connection<T>(operation, transaction, has_lock);
  }

  void insert_one(BatchInsert& insert) noexcept {
    BatchInsert* const one = &insert;
    insert_all({&one, 1});
  }

  // Under the lock. One commit for all; where a statement fails, one for each half, so that every client has its own
  // outcome, and a single failure costs few commits.
  void commit_all(std::span<BatchInsert* const> inserts, Deadline deadline) noexcept {
    bool failed = false;
    const auto together = [&](Connection& c) -> Outcome<void> {
      failed = true;  // also where it throws
      auto inserted = c.insert_clients(inserts);
      failed = !inserted;
      return inserted;
    };
    const auto done = in_transaction<void>("insert", together, deadline, true);
    if (done) return;
    if (const std::size_t half = inserts.size() / 2; failed && half != 0) {
      commit_all(inserts.first(half), deadline);
      return commit_all(inserts.subspan(half), deadline);
    }
    for (BatchInsert* const each : inserts) {
      // A client that was refused was not stored, whether or not the commit succeeded. One that was replayed may be of
      // this commit.
      const Fault& fault = done.assume_exception();
      const auto is_refusal = [](Insertion i) { return i != Insertion::inserted && i != Insertion::replayed; };
      const bool refused = each->outcome.has_value() && is_refusal(each->outcome.assume_value().insertion());
      each->outcome = copy(fault, refused ? Fate::not_applied : fault.fate());
    }
  }

  // With another fate, it is none of an unavailable storage. A lack of memory is a fault of that fate.
  static Outcome<KeyedInsertion> copy(const Fault& fault, Fate fate) noexcept {
    return detail::guarded<KeyedInsertion>(fault.source(), fate, [&]() -> Outcome<KeyedInsertion> {
      if (fate == fault.fate()) return fault;
      return Fault(fault.source(), fate, fault.what());
    });
  }

  std::unique_ptr<Connection> connection_;
};

static_assert(KeyedStorage<SqliteStorage> && BatchStorage<SqliteStorage>);
static_assert(CheckedStorage<SqliteStorage> && CountingStorage<SqliteStorage>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
