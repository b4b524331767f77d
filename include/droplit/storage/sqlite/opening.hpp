// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What `SqliteStorage::open` and `inspect` do with a file before clients are kept in it: recognize it, refuse another
// program's, make the tables in a blank one, upgrade those of an older version, and switch WAL mode on. Of several
// processes that do so at the same time, one takes the steps, and the others wait and find them taken.

#include <droplit/storage/sqlite/handles.hpp>
#include <droplit/storage/sqlite/recognition.hpp>
#include <droplit/storage/sqlite/schema.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite {

class Opening {
 public:
  struct Opened {
    Database database;
    Files files;
  };

  /// `synchronous` is a setting of SQLite's pragma of that name; the limits are at most a day.
  static Outcome<Opened> run(const std::string& path, std::string_view synchronous,
                             std::chrono::milliseconds busy_timeout, std::chrono::milliseconds upgrade_timeout) {
    const auto absolute = absolute_path(path);
    if (!absolute) return absolute.as_failure();
    auto opened = open(absolute.assume_value(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (!opened) return std::move(opened).as_failure();
    Opening opening(std::move(opened).assume_value(), busy_timeout, upgrade_timeout);
    sqlite3* const database = opening.database_.get();
    if (sqlite3_db_readonly(database, "main") != 0) return make_fault("open", SQLITE_READONLY);
    const auto state = recognize(database);
    if (!state) return state.as_failure();
    if (state.assume_value() != StoreState::foreign) {
      const int failed = opening.set_up(synchronous, state.assume_value());
      if (failed == SQLITE_INTERRUPT) return make_fault("open", "the upgrade took longer than its limit");
      if (failed == SQLITE_ERROR && opening.state_ == StoreState::older) {
        return make_fault("open", "the upgrade does not fit the tables and indexes of the file");
      }
      if (failed != SQLITE_OK) return make_fault("open", failed);
    }
    if (opening.state_ != StoreState::current)
      return make_fault("open", "the file is another program's, or of a newer version");

    Files files(absolute.assume_value(), sqlite3_db_filename(database, "main"));
    int moved = 0;
    sqlite3_file_control(database, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (moved != 0 || !files.unmoved()) return make_fault("open", "the file was moved or replaced");
    return Opened{std::move(opening.database_), std::move(files)};
  }

  /// What `run` would find. Changes nothing; only `run` finds out whether the file can be written.
  static Outcome<StoreState> inspect(const std::string& path) {
    const auto absolute = absolute_path(path);
    if (!absolute) return absolute.as_failure();
    const std::string& name = absolute.assume_value();
    struct ::stat file {};
    if (::stat(name.c_str(), &file) != 0) {
      const bool missing = errno == ENOENT;
      const bool can_create = ::access(name.substr(0, name.rfind('/') + 1).c_str(), W_OK | X_OK) == 0;
      if (!missing || !can_create) return make_fault("open", "the file cannot be found or created");
      return StoreState::absent;
    }
    auto opened = open(name, SQLITE_OPEN_READONLY);
    if (!opened) return std::move(opened).as_failure();
    return recognize(opened.assume_value().get());
  }

 private:
  using Time = std::chrono::steady_clock;

  Opening(Database database, std::chrono::milliseconds busy_timeout, std::chrono::milliseconds upgrade_timeout) noexcept
      : database_(std::move(database)), busy_timeout_(busy_timeout), upgrade_timeout_(upgrade_timeout) {}

  static Outcome<Database> open(const std::string& name, int how) {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &opened, how | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    Database database(opened);
    if (code != SQLITE_OK) return make_fault("open", code);
    return database;
  }

  /// `recognized` is the state before SQLite read the file.
  int set_up(std::string_view synchronous, StoreState recognized) {
    set(SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
    set(SQLITE_DBCONFIG_DQS_DML, 0);
    // Without WAL mode reading waits for an upgrade too. At its end the file seems to be current, and has a journal.
    struct ::stat journal {};
    const char* const name = sqlite3_filename_journal(sqlite3_db_filename(database_.get(), "main"));
    const bool has_journal = ::stat(name, &journal) == 0 && journal.st_size != 0;
    const bool may_be_in_upgrade =
        recognized == StoreState::older || (recognized == StoreState::current && has_journal);
    wait_at_most(may_be_in_upgrade ? upgrade_timeout_ : busy_timeout_);
    int code = read_state();
    wait_at_most(busy_timeout_);
    if (code == SQLITE_OK && lacks_steps()) code = upgrade();
    if (code != SQLITE_OK || state_ != StoreState::current) return code;
    set(SQLITE_DBCONFIG_ENABLE_FKEY, 1);
    code = execute(std::string("PRAGMA synchronous = ").append(synchronous).c_str());
    if (code == SQLITE_OK) code = write_ahead();
    if (code == SQLITE_OK) code = read_state();  // the first read in this mode makes the log and its index
    return code == SQLITE_OK && state_ == StoreState::current ? sync_log() : code;
  }

  /// Syncs what a process had committed that died before it synced: what is replayed must be as durable as what is
  /// inserted.
  int sync_log() noexcept {
    sqlite3_file* log = nullptr;
    sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    const bool is_open = log != nullptr && log->pMethods != nullptr;
    return is_open ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : SQLITE_OK;
  }

  void set(int option, int value) noexcept {
    sqlite3_db_config(database_.get(), option, value, static_cast<int*>(nullptr));
  }

  void wait_at_most(std::chrono::milliseconds timeout) noexcept {
    sqlite3_busy_timeout(database_.get(), static_cast<int>(timeout.count()));
  }

  int execute(const char* sql) noexcept { return sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr); }

  [[nodiscard]] bool lacks_steps() const noexcept {
    return state_ == StoreState::absent || state_ == StoreState::older;
  }

  /// Reads whose file it is and its version, in one transaction.
  int read_state() noexcept {
    Statement statement;
    const int prepared = prepare(database_.get(),
                                 "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
                                 " FROM pragma_application_id, pragma_user_version",
                                 statement);
    if (prepared != SQLITE_OK) return prepared;
    StatementExecution row(statement);
    if (const int code = row.step(); code != SQLITE_ROW) return code == SQLITE_DONE ? SQLITE_ERROR : code;
    version_ = static_cast<std::size_t>(row.integer(1));
    state_ = state_of(row.integer(0), row.integer(1), row.integer(2) != 0);
    // Another program may have made a blank file its own meanwhile: its log stays as it is.
    const bool is_ours = state_ == StoreState::older || state_ == StoreState::current;
    set(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_ours ? 0 : 1);
    return SQLITE_OK;
  }

  /// Takes the steps that the file lacks, unless another process has taken them by then.
  int upgrade() {
    set(SQLITE_DBCONFIG_ENABLE_FKEY, 0);  // tables are replaced
    int code = sqlite3_create_function_v2(database_.get(), "pack_id", 1, SQLITE_UTF8, nullptr, pack_id_text, nullptr,
                                          nullptr, nullptr);
    wait_at_most(state_ == StoreState::absent ? busy_timeout_ : upgrade_timeout_);
    if (code == SQLITE_OK) code = execute("BEGIN IMMEDIATE");
    wait_at_most(busy_timeout_);
    if (code != SQLITE_OK) return code;
    Time::time_point end = Time::now() + upgrade_timeout_;
    const auto is_late = [](void* time) { return Time::now() < *static_cast<Time::time_point*>(time) ? 0 : 1; };
    sqlite3_progress_handler(database_.get(), 1000, is_late, &end);
    code = read_state();
    for (; code == SQLITE_OK && lacks_steps() && version_ != schema_version; ++version_) {
      code = execute(schema_steps[version_]);
    }
    sqlite3_progress_handler(database_.get(), 0, nullptr, nullptr);
    if (code == SQLITE_OK) code = read_state();
    if (code == SQLITE_OK) code = execute("COMMIT");
    return code;
  }

  /// WAL mode, which stays with the file. SQLite does not wait here for others who open it at the same time.
  int write_ahead() {
    const auto end = Time::now() + busy_timeout_;
    for (;;) {
      bool is_on = false;
      const auto read = [](void* out, int, char** mode, char**) {
        *static_cast<bool*>(out) = *mode != nullptr && std::string_view(*mode) == "wal";
        return 0;
      };
      const int code = sqlite3_exec(database_.get(), "PRAGMA journal_mode = WAL", read, &is_on, nullptr);
      if (code == SQLITE_OK) return is_on ? SQLITE_OK : SQLITE_CANTOPEN;
      if ((code & 0xFF) != SQLITE_BUSY || Time::now() >= end) return code;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  Database database_;
  std::chrono::milliseconds busy_timeout_;
  std::chrono::milliseconds upgrade_timeout_;
  StoreState state_ = StoreState::foreign;
  std::size_t version_ = 0;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite
