// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/text.hpp>

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

struct SqliteClose {
  void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
};
using SqliteDatabase = std::unique_ptr<sqlite3, SqliteClose>;

struct SqliteFinalize {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using SqliteStatement = std::unique_ptr<sqlite3_stmt, SqliteFinalize>;

/// The failure of `operation` in words of ours: a result code of SQLite, by the name of its family and its full number.
inline Fault sqlite_fault(std::string_view operation, int code, Fate fate = Fate::not_applied) {
  constexpr std::array<std::string_view, 27> names{
      "OK",        "ERROR",      "INTERNAL", "PERM",     "ABORT", "BUSY",     "LOCKED",   "NOMEM", "READONLY",
      "INTERRUPT", "IOERR",      "CORRUPT",  "NOTFOUND", "FULL",  "CANTOPEN", "PROTOCOL", "EMPTY", "SCHEMA",
      "TOOBIG",    "CONSTRAINT", "MISMATCH", "MISUSE",   "NOLFS", "AUTH",     "FORMAT",   "RANGE", "NOTADB"};
  const auto family = static_cast<std::size_t>(code & 0xFF);
  std::string what("sqlite ");
  what.append(operation).append(": SQLITE_").append(family < names.size() ? names[family] : "OTHER");
  what.append(" (").append(std::to_string(code)).append(")");
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
      if (fate == Fate::not_applied) return Fault::unavailable(FaultSource::storage, std::move(what));
      break;
    default: break;
  }
  return {FaultSource::storage, fate, std::move(what)};
}

inline int sqlite_prepare(sqlite3* database, std::string_view sql, SqliteStatement& out) noexcept {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  out.reset(statement);
  return code;
}

/// One run of a prepared statement, which is reset and forgets its parameters at the end. What is bound must live as
/// long.
class SqliteRun {
 public:
  explicit SqliteRun(const SqliteStatement& statement) noexcept : statement_(statement.get()) {}
  SqliteRun(const SqliteRun&) = delete;
  SqliteRun& operator=(const SqliteRun&) = delete;
  ~SqliteRun() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  SqliteRun& bind(std::string_view text) noexcept {
    return bound(sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), nullptr, SQLITE_UTF8));
  }
  SqliteRun& bind(std::int64_t number) noexcept { return bound(sqlite3_bind_int64(statement_, ++bound_, number)); }
  SqliteRun& bind(const std::optional<Text>& text) noexcept {
    return text ? bind(text->str()) : bound(sqlite3_bind_null(statement_, ++bound_));
  }

  /// `SQLITE_ROW`, `SQLITE_DONE` or what went wrong, in the binding too.
  int step() noexcept { return code_ == SQLITE_OK ? sqlite3_step(statement_) : code_; }

  std::int64_t number(int column) noexcept { return sqlite3_column_int64(statement_, column); }

  bool is_null(int column) noexcept { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

  /// A view until the next step; nothing if the column holds no text, or there was no memory for it.
  std::optional<std::string_view> text(int column) noexcept {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (data == nullptr) return std::nullopt;
    return std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }

 private:
  SqliteRun& bound(int code) noexcept {
    if (code_ == SQLITE_OK) code_ = code;
    return *this;
  }

  sqlite3_stmt* statement_;
  int bound_ = 0;
  int code_ = SQLITE_OK;
};

/// One at a time, and no waiting without end. (Not a timed_mutex, whose steady clock g++ 12's ThreadSanitizer does not
/// see.)
class SqliteTurn {
 public:
  /// Whether the turn came within `patience`; then it must be ended.
  bool begin(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!free_.wait_for(lock, patience, [this] { return !taken_; })) return false;
    taken_ = true;
    return true;
  }

  void end() noexcept {
    {
      const std::lock_guard lock(mutex_);
      taken_ = false;
    }
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;
};

/// Why a database with two names is refused, or reported.
inline constexpr std::string_view sqlite_other_name =
    "the file has another name, a hard link; a server that opens it by that name loses clients;"
    " `find MOUNT -xdev -samefile FILE` lists the names of it, its -wal and its -shm";

/// The files of a database in WAL mode: itself, its log and the log's index. What is written while one of them was
/// renamed, deleted or replaced is not in the database that others find under its name. An emptied database and an
/// index that shrank, which is mapped into memory and must not be touched then, count as replaced.
class SqliteFiles {
 public:
  SqliteFiles() = default;

  /// Those that now are under the names of an open database. `path` is absolute, and `resolved` if it is a link.
  SqliteFiles(const std::string& path, const std::string& resolved)
      : names_{path, resolved + "-wal", resolved + "-shm"}, files_{look(resolved, 0), look(1), look(2)} {}

  /// Whether one of them has more than one name. They need not be there.
  [[nodiscard]] static bool have_other_names(const std::string& resolved) {
    const SqliteFiles files(resolved, resolved);
    return std::any_of(files.files_.begin(), files.files_.end(), [](const File& file) { return file.names > 1; });
  }

  /// Whether all of them are there, and none is another file than at first.
  [[nodiscard]] bool unmoved() noexcept {
    for (std::size_t i = 0; i != names_.size(); ++i) {
      const File now = look(i);
      if (!files_[i].there || !now.is_still(files_[i])) return false;
      other_names_ = other_names_ || now.names > 1;
    }
    return true;
  }

  /// Whether `unmoved` has seen one of them with more than one name.
  [[nodiscard]] bool have_other_names() const noexcept { return other_names_; }

  /// Whether the index was cut short, so that closing must not look into it either.
  [[nodiscard]] bool index_was_cut() const noexcept {
    const File now = look(2);
    return now.there && now.number == files_[2].number && now.least < files_[2].least;
  }

 private:
  struct File {
    bool there = false;
    dev_t device{};
    ino_t number{};
    nlink_t names{};
    off_t least = 0;  // the log, and by VACUUM the database, may shrink; nothing else does

    [[nodiscard]] bool is_still(const File& before) const noexcept {
      return there && device == before.device && number == before.number && least >= before.least;
    }
  };

  [[nodiscard]] File look(std::size_t i) const noexcept { return look(names_[i], i); }

  [[nodiscard]] static File look(const std::string& name, std::size_t i) noexcept {
    struct stat status;
    if (::stat(name.c_str(), &status) != 0) return {};
    const off_t least = i == 0 ? (status.st_size != 0 ? 1 : 0) : i == 1 ? 0 : status.st_size;
    return {true, status.st_dev, status.st_ino, status.st_nlink, least};
  }

  std::array<std::string, 3> names_;
  std::array<File, 3> files_;
  bool other_names_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
