// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The open connection of a `SqliteStorage`: its prepared statements and what each of them means, the lock that lets one
// thread at a time use it, and the files it belongs to. All but the lock is for the thread that has the lock.

#include <droplit/storage/detail/sql.hpp>
#include <droplit/storage/sqlite/group_commit.hpp>
#include <droplit/storage/sqlite/handles.hpp>
#include <droplit/storage/sqlite/opening.hpp>
#include <droplit/storage/sqlite/schema.hpp>

#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite {

struct Connection {
  using Time = std::chrono::steady_clock;

  Connection(Opening::Opened opened, std::chrono::milliseconds timeout, std::int64_t key_age,
             std::function<void(std::string_view)> warning) noexcept
      : database(std::move(opened.database)),
        files(std::move(opened.files)),
        busy_timeout(timeout),
        max_key_age(key_age),
        on_warning(std::move(warning)) {
    wait_until = Time::now() + busy_timeout;
    sqlite3_busy_handler(database.get(), wait_for_others, this);
    sqlite3_wal_hook(database.get(), copy_log, this);
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {  // the last one to close moves the log into the file, by way of the index
    if (files.index_was_cut()) sqlite3_db_config(database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }

  int prepare_all() {
    const std::string key_number = "?" + std::to_string(sql::column_count + 1);
    const std::string placeholders = sql::join_columns(", ", [](const sql::Column& c) { return "?" + c.number; });
    const std::string as_texts = sql::join_columns(", ", [](const sql::Column& c) -> std::string {
      const bool is_client_id = c.kind == sql::ColumnKind::client_id;
      if (is_client_id) return "CAST(substr(id, 1, length(id) - 12) AS TEXT) || lower(hex(substr(id, -12)))";
      return c.kind == sql::ColumnKind::ecosystem_id ? "'C' || lower(hex(" + c.name + "))" : c.name;
    });
    int code = SQLITE_OK;
    const auto make = [&](Statement& statement, std::string_view sql) {
      if (code == SQLITE_OK) code = prepare(database.get(), sql, statement);
    };
    make(begin, "BEGIN IMMEDIATE");
    make(commit, "COMMIT");
    make(rollback, "ROLLBACK");
    make(read_version, "PRAGMA user_version");
    make(find_ecosystem, "SELECT state FROM ecosystem WHERE id = ?1");
    make(add_ecosystem, "INSERT INTO ecosystem (id, state) VALUES (?1, 'active') ON CONFLICT (id) DO NOTHING");
    make(delete_ecosystem, "UPDATE ecosystem SET state = 'deleted' WHERE id = ?1");
    make(find_client, "SELECT " + as_texts + " FROM client WHERE id = ?1");
    make(insert, "INSERT INTO client (" + sql::column_names() + ", idempotency_key) VALUES (" + placeholders + ", " +
                     key_number + ") ON CONFLICT DO NOTHING");
    make(find_key, "SELECT " + as_texts + " FROM client WHERE ecosystem_id = ?1 AND idempotency_key = ?2");
    make(forget_key,
         "UPDATE client SET idempotency_key = NULL"
         " WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM client WHERE id = ?2)");
    make(forget_oldest_keys,
         "UPDATE client SET idempotency_key = NULL WHERE id IN (SELECT id FROM client"
         " WHERE idempotency_key IS NOT NULL AND created_at < ?1 ORDER BY created_at LIMIT ?2)");
    return code;
  }

  Outcome<EcosystemState> state_of(EcosystemId id, std::string_view operation) {
    StatementExecution row(find_ecosystem);
    const int code = row.bind(id).step();
    if (code == SQLITE_DONE) return EcosystemState::unknown;
    if (code != SQLITE_ROW) return make_fault(operation, code);
    const auto word = row.text(0);
    if (!word) return make_fault(operation, SQLITE_NOMEM);
    const auto state = sql::parse_state(*word);
    return state ? Outcome<EcosystemState>(*state) : make_fault(operation, SQLITE_CORRUPT);
  }

  /// Inserts all that can be, in their order, and sets their outcomes. For each that is inserted with a key, at most
  /// eight keys that are expired are cleared, the oldest first. After a fault nothing of it may be kept.
  Outcome<void> insert_clients(std::span<BatchInsert* const> inserts) {
    std::optional<Ecosystem> ecosystem;  // that of the insert before
    std::int64_t keys = 0;
    std::int64_t newest = Timestamp::min_unix_millis;
    for (BatchInsert* const each : inserts) {
      const EcosystemId id = each->client.ecosystem_id();
      if (!ecosystem || ecosystem->id() != id) {
        auto state = state_of(id, "insert");
        if (!state) return state.as_failure();
        ecosystem.emplace(id, state.assume_value());
      }
      const auto changes = sqlite3_total_changes64(database.get());
      each->outcome = insert_client(*each, ecosystem->state());
      if (!each->outcome) return each->outcome.as_failure();
      // More than the client's row: a trigger of another program may have changed the ecosystem.
      const bool is_inserted = each->outcome.assume_value().insertion() == Insertion::inserted;
      if (sqlite3_total_changes64(database.get()) - changes > (is_inserted ? 1 : 0)) ecosystem.reset();
      if (each->key == nullptr || !is_inserted) continue;
      ++keys;
      newest = (std::max)(newest, each->client.created_at().unix_millis());
    }
    if (keys == 0) return BOOST_OUTCOME_V2_NAMESPACE::success();
    const int code = StatementExecution(forget_oldest_keys).bind(newest - max_key_age).bind(8 * keys).step();
    if (code != SQLITE_DONE) return make_fault("insert", code);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  Outcome<std::optional<Client>> client(ClientId id) {
    StatementExecution row(find_client);
    return read_client(row.bind(id), "find_client");
  }

  /// Begins a transaction in which writing is safe. Waits for other processes until the deadline, but not where another
  /// thread has just waited too long for them: else each thread of a queue would wait as long again.
  std::optional<Fault> start(std::string_view operation, std::chrono::steady_clock::time_point deadline) {
    const auto now = Time::now();
    const bool waits = now >= fail_fast_until && now < deadline;
    wait_until = waits ? deadline : now;
    if (const int code = StatementExecution(begin).step(); code != SQLITE_DONE) {
      const bool in_vain = waits && (code & 0xFF) == SQLITE_BUSY;
      if (in_vain) fail_fast_until = Time::now() + std::chrono::seconds(1);
      return make_fault(operation, code);
    }
    fail_fast_until = {};
    return check_version(operation);
  }

  /// A fault if the file has the tables of a newer version. Outside of a transaction it is called after a read:
  /// versions only grow, so what was read is then of this version too.
  std::optional<Fault> check_version(std::string_view operation) {
    StatementExecution row(read_version);
    if (const int code = row.step(); code != SQLITE_ROW) return make_fault(operation, code);
    if (row.integer(0) != schema_version)
      return make_fault(operation, "the file was upgraded by a newer version, restart");
    return std::nullopt;
  }

  /// Reports a name that the files got since they were opened, once.
  void warn_of_other_names() noexcept {
    if (!on_warning || !files.have_other_names()) return;
    const auto warning = std::exchange(on_warning, nullptr);
    try {
      warning(std::string("sqlite: ").append(has_other_name));
    } catch (...) {  // not a failure of the operation
    }
  }

  Database database;  // outlives its statements
  Files files;
  std::chrono::milliseconds busy_timeout;
  std::int64_t max_key_age;                          // milliseconds
  std::function<void(std::string_view)> on_warning;  // for what no operation fails for
  GroupCommit lock;
  Time::time_point wait_until;  // how long SQLite waits for other processes
  Time::time_point fail_fast_until{};
  Statement begin, commit, rollback, read_version, find_ecosystem, add_ecosystem, delete_ecosystem, find_client, insert;

 private:
  /// Whether SQLite shall try again to lock the file. It tries often: another process that writes all the time lets go
  /// of it only for microseconds, and SQLite's own handler comes to try ten times a second.
  static int wait_for_others(void* connection, int tries) noexcept {
    if (Time::now() >= static_cast<const Connection*>(connection)->wait_until) return 0;
    std::this_thread::sleep_for(std::chrono::microseconds(200 + 100 * (tries % 9)));
    return 1;
  }

  /// After a commit, as SQLite's own does, copies a log of 4 MB into the file. While another process writes, that never
  /// copies all of it, so that the log would grow without a limit: beyond 16 MB others are kept from writing meanwhile.
  /// Where a reader keeps the log from beginning anew, that is waited for shortly, and not again before a quarter more.
  /// The commit is done in any case.
  static int copy_log(void* connection, sqlite3* database, const char* name, int pages) noexcept {
    constexpr int most = 4000;
    Connection& self = *static_cast<Connection*>(connection);
    if (pages < most) self.whole_from = most;
    if (pages < 1000) return SQLITE_OK;
    const bool whole = pages >= self.whole_from;
    if (whole) self.wait_until = Time::now() + std::chrono::milliseconds(50);
    const int mode = whole ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    const int code = sqlite3_wal_checkpoint_v2(database, name, mode, nullptr, nullptr);
    const bool in_vain = whole && code != SQLITE_OK && Time::now() >= self.wait_until;  // not where another one copies
    if (in_vain) self.whole_from = pages + pages / 4;
    return SQLITE_OK;
  }

  /// The client of the only row, if there is one.
  Outcome<std::optional<Client>> read_client(StatementExecution& row, std::string_view operation) {
    const int code = row.step();
    if (code == SQLITE_DONE) return std::optional<Client>();
    if (code != SQLITE_ROW) return make_fault(operation, code);
    auto found = sql::read_client(row);
    if (sqlite3_errcode(database.get()) == SQLITE_NOMEM) return make_fault(operation, SQLITE_NOMEM);
    if (!found) return make_fault(operation, "a row that is not a client");
    return found;
  }

  /// Inserts the client, with its key if it has one, or returns why it was not inserted.
  Outcome<KeyedInsertion> insert_client(const BatchInsert& pending, EcosystemState state) {
    const Client& client = pending.client;
    const bool is_active = state == EcosystemState::active;
    if (is_active) {  // first, since most keys are new
      auto inserted = insert_row(pending);
      if (!inserted) return std::move(inserted).as_failure();
      if (inserted.assume_value() == Insertion::inserted) return Insertion::inserted;
    }
    if (pending.key != nullptr) {
      auto found = find_holder(client.ecosystem_id(), *pending.key);
      if (!found) return std::move(found).as_failure();
      if (std::optional<Client>& holder = found.assume_value()) {
        const std::int64_t age = client.created_at().unix_millis() - holder->created_at().unix_millis();
        if (age > max_key_age && is_active) return take_key(pending, holder->id());
        if (age <= max_key_age) {
          if (!client.has_same_draft(*holder)) return Insertion::key_reused;
          return KeyedInsertion::replayed(*std::move(holder));
        }
      }
    }
    switch (state) {
      case EcosystemState::deleted: return Insertion::ecosystem_deleted;
      case EcosystemState::unknown: return Insertion::ecosystem_unknown;
      default: return Insertion::id_taken;
    }
  }

  /// Inserts the client unless its id or its key is taken, which is `id_taken`.
  Outcome<Insertion> insert_row(const BatchInsert& pending) {
    const Client& client = pending.client;
    StatementExecution execution(insert);
    execution.bind(client.id()).bind(client.created_at().unix_millis());
    execution.bind(client.ecosystem_id()).bind(to_string(client.type()));
    for (const std::optional<Text>& text : client.texts()) execution.bind(text);
    if (pending.key != nullptr) execution.bind(pending.key->str());  // else it stays null
    if (const int code = execution.step(); code != SQLITE_DONE) return make_fault("insert", code);
    return sqlite3_changes(database.get()) == 1 ? Insertion::inserted : Insertion::id_taken;
  }

  /// The client that has the key, expired or not. A lack of memory for it is a failure as any other.
  Outcome<std::optional<Client>> find_holder(EcosystemId ecosystem, const IdempotencyKey& key) {
    return guarded<std::optional<Client>>(FaultSource::storage, Fate::not_applied, [&] {
      StatementExecution row(find_key);
      return read_client(row.bind(ecosystem).bind(key.str()), "insert");
    });
  }

  /// Inserts the client with the key of an expired one, which loses it; nothing is changed if the id is taken.
  Outcome<KeyedInsertion> take_key(const BatchInsert& pending, ClientId holder) {
    const int code = StatementExecution(forget_key).bind(holder).bind(pending.client.id()).step();
    if (code != SQLITE_DONE) return make_fault("insert", code);
    auto inserted = insert_row(pending);
    if (!inserted) return std::move(inserted).as_failure();
    return inserted.assume_value();
  }

  Statement find_key, forget_key, forget_oldest_keys;
  int whole_from = 0;  // from how many pages on the log is copied as a whole
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite
