// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/sqlite/group.hpp>
#include <droplit/storage/sqlite/handles.hpp>
#include <droplit/storage/sqlite/opening.hpp>

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <sqlite3.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// An id as text, without allocating.
template <class Id>
class SqliteId {
 public:
  explicit SqliteId(Id id) noexcept : size_(static_cast<std::size_t>(id.write(text_.data()) - text_.data())) {}
  operator std::string_view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, Id::max_size> text_;
  std::size_t size_;
};

/// A text of a row, or nothing; not right if it is none that we wrote.
struct SqliteCell {
  bool right = true;
  std::optional<Text> text;
  SqliteCell(SqliteRun& run, int column) {
    if (run.is_null(column)) return;
    if (const auto bytes = run.text(column)) text = Text::parse(std::string(*bytes));
    right = text.has_value();
  }
};

/// What an operator should know and no operation fails for; called with a sentence.
using SqliteWarning = std::function<void(std::string_view)>;

/// A connection, its prepared statements and what they mean. One thread at a time.
struct SqliteConnection {
  SqliteConnection(SqliteOpening::Opened opened, std::chrono::milliseconds busy_timeout, SqliteWarning warning) noexcept
      : database(std::move(opened.database)),
        files(std::move(opened.files)),
        patience(busy_timeout),
        on_warning(std::move(warning)) {}

  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection() {  // the last one to close moves the log into the file, by way of the index
    if (files.index_was_cut()) sqlite3_db_config(database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }

  int prepare() noexcept {
    int code = SQLITE_OK;
    const auto make = [&](SqliteStatement& statement, std::string_view sql) {
      if (code == SQLITE_OK) code = sqlite_prepare(database.get(), sql, statement);
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

  Outcome<EcosystemState> state_of(std::string_view key, std::string_view operation) {
    SqliteRun run(find_ecosystem);
    const int code = run.bind(key).step();
    if (code == SQLITE_DONE) return EcosystemState::unknown;
    if (code != SQLITE_ROW) return sqlite_fault(operation, code);
    const auto word = run.text(0);
    if (word == to_string(EcosystemState::active)) return EcosystemState::active;
    if (word == to_string(EcosystemState::deleted)) return EcosystemState::deleted;
    return sqlite_fault(operation, word ? SQLITE_CORRUPT : SQLITE_NOMEM);
  }

  Outcome<Insertion> insert_client(const Client& client) {
    const SqliteId<EcosystemId> ecosystem(client.ecosystem_id());
    const auto state = state_of(ecosystem, "insert");
    if (!state) return state.as_failure();
    if (state.assume_value() == EcosystemState::deleted) return Insertion::ecosystem_deleted;
    if (state.assume_value() == EcosystemState::unknown) return Insertion::ecosystem_unknown;
    const SqliteId<ClientId> key(client.id());
    SqliteRun run(insert);
    run.bind(key).bind(client.created_at().unix_millis()).bind(ecosystem).bind(to_string(client.type()));
    const int code = run.bind(client.name()).bind(client.description()).step();
    if (code != SQLITE_DONE) return sqlite_fault("insert", code);
    return sqlite3_changes(database.get()) == 1 ? Insertion::inserted : Insertion::id_taken;
  }

  Outcome<std::optional<Client>> client(ClientId id) {
    const SqliteId<ClientId> key(id);
    SqliteRun run(find_client);
    const int code = run.bind(key).step();
    if (code == SQLITE_DONE) return std::optional<Client>();
    if (code != SQLITE_ROW) return sqlite_fault("find_client", code);
    const auto created_at = Timestamp::from_unix_millis(run.number(0));
    const auto ecosystem = EcosystemId::parse(run.text(1).value_or(std::string_view()));
    const auto type = parse_client_type(run.text(2).value_or(std::string_view()));
    const SqliteCell name(run, 3);
    const SqliteCell description(run, 4);
    if (!created_at || !ecosystem || !type || !name.right || !description.right) {
      if (sqlite3_errcode(database.get()) == SQLITE_NOMEM) return sqlite_fault("find_client", SQLITE_NOMEM);
      return Fault(FaultSource::storage, Fate::not_applied, "sqlite find_client: a row that is no client");
    }
    return std::optional<Client>(Client(id, *created_at, *ecosystem, *type, name.text, description.text));
  }

  // Waits for other processes until the deadline; but not where another thread just waited for them in vain, or a
  // queue of threads would wait one behind the other.
  int start(std::chrono::steady_clock::time_point deadline) noexcept {
    const auto now = std::chrono::steady_clock::now();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now);
    const bool waits = now >= hurried_until && left.count() > 0;
    sqlite3_busy_timeout(database.get(), waits ? static_cast<int>(left.count()) : 0);
    const int code = SqliteRun(begin).step();
    if (code == SQLITE_DONE) hurried_until = {};
    if (waits && (code & 0xFF) == SQLITE_BUSY)
      hurried_until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    return code;
  }

  // A name that the files got since they were opened is reported once.
  void warn_of_other_names() noexcept {
    if (!on_warning || !files.have_other_names()) return;
    const SqliteWarning warning = std::exchange(on_warning, nullptr);
    try {
      warning(std::string("sqlite: ").append(sqlite_other_name));
    } catch (...) {  // it is no failure of the operation
    }
  }

  SqliteDatabase database;  // outlives its statements
  SqliteFiles files;
  std::chrono::milliseconds patience;
  SqliteWarning on_warning;
  SqliteTurn turn;
  SqliteGroup group;
  std::chrono::steady_clock::time_point hurried_until{};
  SqliteStatement begin, commit, rollback, find_ecosystem, add_ecosystem, delete_ecosystem, find_client, insert;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
