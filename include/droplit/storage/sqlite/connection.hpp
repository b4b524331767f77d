// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The open connection of a `SqliteStorage`: its prepared statements and what each of them means, the lock that lets one
// thread at a time use it, and the files it belongs to. All but the lock is for the thread that has the lock.

#include <droplit/storage/detail/sql.hpp>
#include <droplit/storage/sqlite/group_commit.hpp>
#include <droplit/storage/sqlite/handles.hpp>
#include <droplit/storage/sqlite/opening.hpp>
#include <droplit/storage/sqlite/schema.hpp>

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>

#include <sqlite3.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite {

struct Connection {
  Connection(Opening::Opened opened, std::chrono::milliseconds timeout,
             std::function<void(std::string_view)> warning) noexcept
      : database(std::move(opened.database)),
        files(std::move(opened.files)),
        busy_timeout(timeout),
        on_warning(std::move(warning)) {}

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {  // the last one to close moves the log into the file, by way of the index
    if (files.index_was_cut()) sqlite3_db_config(database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }

  int prepare_all() {
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
    make(insert,
         "INSERT INTO client (" + sql::column_names() + ") VALUES (" + placeholders + ") ON CONFLICT (id) DO NOTHING");
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

  Outcome<Insertion> insert_client(const Client& client) {
    const auto state = state_of(client.ecosystem_id(), "insert");
    if (!state) return state.as_failure();
    if (state.assume_value() == EcosystemState::deleted) return Insertion::ecosystem_deleted;
    if (state.assume_value() == EcosystemState::unknown) return Insertion::ecosystem_unknown;
    StatementExecution execution(insert);
    execution.bind(client.id()).bind(client.created_at().unix_millis());
    execution.bind(client.ecosystem_id()).bind(to_string(client.type()));
    for (const std::optional<Text>& text : client.texts()) execution.bind(text);
    if (const int code = execution.step(); code != SQLITE_DONE) return make_fault("insert", code);
    return sqlite3_changes(database.get()) == 1 ? Insertion::inserted : Insertion::id_taken;
  }

  Outcome<std::optional<Client>> client(ClientId id) {
    StatementExecution row(find_client);
    const int code = row.bind(id).step();
    if (code == SQLITE_DONE) return std::optional<Client>();
    if (code != SQLITE_ROW) return make_fault("find_client", code);
    auto found = sql::read_client(row);
    if (sqlite3_errcode(database.get()) == SQLITE_NOMEM) return make_fault("find_client", SQLITE_NOMEM);
    if (!found) return make_fault("find_client", "a row that is not a client");
    return found;
  }

  /// Begins a transaction in which writing is safe. Waits for other processes until the deadline, but not where another
  /// thread has just waited too long for them: else each thread of a queue would wait as long again.
  std::optional<Fault> start(std::string_view operation, std::chrono::steady_clock::time_point deadline) {
    const auto now = std::chrono::steady_clock::now();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now);
    const bool waits = now >= fail_fast_until && left.count() > 0;
    sqlite3_busy_timeout(database.get(), waits ? static_cast<int>(left.count()) : 0);
    if (const int code = StatementExecution(begin).step(); code != SQLITE_DONE) {
      const bool in_vain = waits && (code & 0xFF) == SQLITE_BUSY;
      if (in_vain) fail_fast_until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
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
  std::function<void(std::string_view)> on_warning;  // for what no operation fails for
  GroupCommit lock;
  std::chrono::steady_clock::time_point fail_fast_until{};
  Statement begin, commit, rollback, read_version, find_ecosystem, add_ecosystem, delete_ecosystem, find_client, insert;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite
