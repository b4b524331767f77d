// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/sqlite/handles.hpp>
#include <droplit/storage/sqlite/owner.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Opens a file for `SqliteStorage`, or makes it one; a file of another program is not changed.
class SqliteOpening {
 public:
  struct Opened {
    SqliteDatabase database;
    SqliteFiles files;
  };

  /// `synchronous` is a setting of SQLite's pragma of that name; `patience` is at most a day.
  static Outcome<Opened> run(const std::string& path, std::string_view synchronous,
                             std::chrono::milliseconds patience) {
    const auto absolute = sqlite_absolute(path);
    if (!absolute) return absolute.as_failure();
    sqlite3* opened = nullptr;
    constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(absolute.assume_value().c_str(), &opened, flags, nullptr);
    SqliteOpening opening(opened, patience);
    if (code != SQLITE_OK) return sqlite_fault("open", code);
    if (sqlite3_db_readonly(opened, "main") != 0) return sqlite_fault("open", SQLITE_READONLY);
    const auto owner = sqlite_owner(opened);
    if (!owner) return owner.as_failure();
    const std::string resolved = sqlite3_db_filename(opened, "main");
    if (owner.assume_value() != Owner::foreign) {
      if (SqliteFiles::have_other_names(resolved)) return sqlite_refusal(sqlite_other_name);
      if (const int failed = opening.prepare(synchronous); failed != SQLITE_OK) return sqlite_fault("open", failed);
    }
    if (opening.owner_ != Owner::ours) return sqlite_refusal("the file is another program's, or of another version");

    SqliteFiles files(absolute.assume_value(), resolved);
    int moved = 0;
    sqlite3_file_control(opened, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (moved != 0 || !files.unmoved()) return sqlite_refusal("the file was moved or replaced");
    return Opened{std::move(opening.database_), std::move(files)};
  }

 private:
  using Time = std::chrono::steady_clock;
  using Owner = SqliteOwner;

  // The first transaction writes all of it, so that a file is either blank or ours.
  static constexpr const char* schema =
      "CREATE TABLE ecosystems ("
      " id TEXT PRIMARY KEY NOT NULL,"
      " state TEXT NOT NULL CHECK (state IN ('active', 'deleted'))"
      ") STRICT, WITHOUT ROWID;"
      "CREATE TABLE clients ("
      " id TEXT PRIMARY KEY NOT NULL,"
      " created_at INTEGER NOT NULL,"
      " ecosystem_id TEXT NOT NULL REFERENCES ecosystems (id),"
      " type TEXT NOT NULL CHECK (type IN ('application', 'server')),"
      " name TEXT,"
      " description TEXT"
      ") STRICT;"
      "PRAGMA application_id = 0x64726F70;"
      "PRAGMA user_version = 1;";

  SqliteOpening(sqlite3* database, std::chrono::milliseconds patience) noexcept
      : database_(database), end_(Time::now() + patience) {
    if (database == nullptr) return;  // there was no memory for one
    sqlite3_busy_timeout(database, static_cast<int>(patience.count()));
  }

  int prepare(std::string_view synchronous) {
    set(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1);  // another program may have been quicker to make it its own
    set(SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
    set(SQLITE_DBCONFIG_DQS_DML, 0);
    set(SQLITE_DBCONFIG_DQS_DDL, 0);
    if (const int code = recognise(); code != SQLITE_OK) return code;
    if (owner_ == Owner::blank) {
      if (const int code = create(); code != SQLITE_OK) return code;
    }
    if (owner_ != Owner::ours) return SQLITE_OK;
    set(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0);
    if (const int code = execute("PRAGMA foreign_keys = ON"); code != SQLITE_OK) return code;
    const std::string setting = std::string("PRAGMA synchronous = ").append(synchronous);
    if (const int code = execute(setting.c_str()); code != SQLITE_OK) return code;
    if (const int code = write_ahead(); code != SQLITE_OK) return code;
    return recognise();  // a first look in this mode makes the log and its index
  }

  void set(int option, int value) noexcept {
    sqlite3_db_config(database_.get(), option, value, static_cast<int*>(nullptr));
  }

  int execute(const char* sql) noexcept { return sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr); }

  /// Reads whose file it is, in one transaction.
  int recognise() noexcept {
    SqliteStatement statement;
    const int prepared = sqlite_prepare(database_.get(),
                                        "SELECT (SELECT count(*) FROM sqlite_schema), application_id, user_version"
                                        " FROM pragma_application_id, pragma_user_version",
                                        statement);
    if (prepared != SQLITE_OK) return prepared;
    SqliteRun run(statement);
    if (const int code = run.step(); code != SQLITE_ROW) return code == SQLITE_DONE ? SQLITE_ERROR : code;
    const bool blank = run.number(0) == 0 && run.number(1) == 0 && run.number(2) == 0;
    const bool ours = run.number(1) == sqlite_application_id && run.number(2) == sqlite_version;
    owner_ = ours ? Owner::ours : blank ? Owner::blank : Owner::foreign;
    return SQLITE_OK;
  }

  /// Makes a blank file ours, unless another process is quicker.
  int create() noexcept {
    if (const int code = execute("BEGIN IMMEDIATE"); code != SQLITE_OK) return code;
    int code = recognise();
    if (code == SQLITE_OK && owner_ == Owner::blank) {
      code = execute(schema);
      if (code == SQLITE_OK) code = recognise();
    }
    if (code == SQLITE_OK) code = execute("COMMIT");
    if (sqlite3_get_autocommit(database_.get()) == 0) execute("ROLLBACK");
    return code;
  }

  /// WAL mode, which stays with the file. SQLite does not wait here for others who open it at the same time.
  int write_ahead() {
    for (;;) {
      SqliteStatement statement;
      int code = sqlite_prepare(database_.get(), "PRAGMA journal_mode = WAL", statement);
      if (code == SQLITE_OK) {
        SqliteRun run(statement);
        code = run.step();
        if (code == SQLITE_ROW) {
          if (run.text(0) != "wal") return SQLITE_CANTOPEN;
          code = run.step();  // only now it is committed
          if (code == SQLITE_DONE) return SQLITE_OK;
        }
      }
      if ((code & 0xFF) != SQLITE_BUSY || Time::now() >= end_) return code == SQLITE_DONE ? SQLITE_CANTOPEN : code;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  SqliteDatabase database_;
  Time::time_point end_;
  Owner owner_ = Owner::foreign;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
