// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// SQLite's C handles as owners, its result codes as faults, one execution of a prepared statement, and the files of a
// database as they are on the disk. Used by all headers of this folder.

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/storage/detail/sql.hpp>
#include <droplit/text.hpp>

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite {

using Database = std::unique_ptr<sqlite3, sql::Deleter<sqlite3_close_v2>>;
using Statement = std::unique_ptr<sqlite3_stmt, sql::Deleter<sqlite3_finalize>>;

/// The failure of `operation`, in words of ours.
inline Fault make_fault(std::string_view operation, std::string_view why, Fate fate = Fate::not_applied) {
  return {FaultSource::storage, fate, std::string("sqlite ").append(operation).append(": ").append(why)};
}

/// The failure of `operation`, described by a result code of SQLite: the name of its family and its full number.
inline Fault make_fault(std::string_view operation, int code, Fate fate = Fate::not_applied) {
  constexpr std::array<std::string_view, 27> names{
      "OK",        "ERROR",      "INTERNAL", "PERM",     "ABORT", "BUSY",     "LOCKED",   "NOMEM", "READONLY",
      "INTERRUPT", "IOERR",      "CORRUPT",  "NOTFOUND", "FULL",  "CANTOPEN", "PROTOCOL", "EMPTY", "SCHEMA",
      "TOOBIG",    "CONSTRAINT", "MISMATCH", "MISUSE",   "NOLFS", "AUTH",     "FORMAT",   "RANGE", "NOTADB"};
  constexpr std::array transient{SQLITE_BUSY, SQLITE_LOCKED,   SQLITE_PROTOCOL, SQLITE_PERM,
                                 SQLITE_AUTH, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_FULL};
  const auto family = static_cast<std::size_t>(code & 0xFF);
  std::string what("sqlite ");
  what.append(operation).append(": SQLITE_").append(family < names.size() ? names[family] : "OTHER");
  what.append(" (").append(std::to_string(code)).append(")");
  const bool is_transient = std::find(transient.begin(), transient.end(), code & 0xFF) != transient.end();
  if (is_transient && fate == Fate::not_applied) return Fault::unavailable(FaultSource::storage, std::move(what));
  return {FaultSource::storage, fate, std::move(what)};
}

inline int prepare(sqlite3* database, std::string_view sql, Statement& out) noexcept {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  out.reset(statement);
  return code;
}

/// An id as a column contains it: its twelve bytes, after the letter if a client's id has one. Never allocates: every
/// standard library keeps so few bytes in the string itself.
inline std::string pack_id(const ClientId::Bytes& bytes, char letter = '\0') {
  std::string packed(letter != '\0' ? 1 : 0, letter);
  return packed.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// One execution of a prepared statement, which is reset and loses its parameters at the end. A bound text must live as
/// long.
class StatementExecution {
 public:
  explicit StatementExecution(const Statement& statement) noexcept : statement_(statement.get()) {}
  StatementExecution(const StatementExecution&) = delete;
  StatementExecution& operator=(const StatementExecution&) = delete;
  ~StatementExecution() {
    sqlite3_reset(statement_);
    if (bound_ != 0) sqlite3_clear_bindings(statement_);
  }

  StatementExecution& bind(std::string_view text) noexcept {
    return bound(sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), nullptr, SQLITE_UTF8));
  }
  StatementExecution& bind(std::int64_t number) noexcept {
    return bound(sqlite3_bind_int64(statement_, ++bound_, number));
  }
  StatementExecution& bind(const std::optional<Text>& text) noexcept {
    return text ? bind(text->str()) : bound(sqlite3_bind_null(statement_, ++bound_));
  }
  StatementExecution& bind(const ClientId& id) noexcept { return bind_bytes(pack_id(id.bytes(), id.letter())); }
  StatementExecution& bind(const EcosystemId& id) noexcept { return bind_bytes(pack_id(id.bytes())); }

  /// `SQLITE_ROW`, `SQLITE_DONE` or the code of a failure, including one to bind.
  int step() noexcept { return code_ == SQLITE_OK ? sqlite3_step(statement_) : code_; }

  std::int64_t integer(int column) noexcept { return sqlite3_column_int64(statement_, column); }

  /// A view until the next step; absent if the column is null, or if there was no memory for it.
  std::optional<std::string_view> text(int column) noexcept {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (data == nullptr) return std::nullopt;
    return std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }

 private:
  // At most two for one statement, which refers to their bytes here: a copy of SQLite's would be allocated.
  StatementExecution& bind_bytes(std::string&& bytes) noexcept {
    std::string& own = ids_[id_count_++ % ids_.size()];
    own = std::move(bytes);
    return bound(sqlite3_bind_blob64(statement_, ++bound_, own.data(), own.size(), SQLITE_STATIC));
  }
  StatementExecution& bound(int code) noexcept {
    if (code_ == SQLITE_OK) code_ = code;
    return *this;
  }

  sqlite3_stmt* statement_;
  std::array<std::string, 2> ids_;
  std::size_t id_count_ = 0;
  int bound_ = 0;
  int code_ = SQLITE_OK;
};

static_assert(sql::Row<StatementExecution>);

/// Why a database with two names is refused, or reported.
inline constexpr std::string_view has_other_name =
    "the file has another name, a hard link; a server that opens it by that name loses clients;"
    " `find MOUNT -xdev -samefile FILE` lists the names of it, its -wal and its -shm";

/// The files of a database in WAL mode: itself, its log and the log's index. What is written after one of them was
/// renamed, deleted or replaced is not in the database that others find under its name. An emptied database and an
/// index that shrank, which is mapped into memory and must not be read then, count as replaced. (The log may shrink,
/// and by VACUUM the database.)
class Files {
 public:
  /// Those that now have the names of an open database. `path` is absolute, and `resolved` if it is a link.
  Files(const std::string& path, const std::string& resolved)
      : names_{path, resolved + "-wal", resolved + "-shm"},
        first_{status(resolved), status(names_[1]), status(names_[2])} {}

  /// Whether one of them has more than one name. They may be absent.
  [[nodiscard]] static bool have_other_names(const std::string& resolved) {
    const Files files(resolved, resolved);
    return std::any_of(files.first_.begin(), files.first_.end(),
                       [](const FileInfo& file) { return file.st_nlink > 1; });
  }

  /// Whether all of them exist, and each is the same file as at first.
  [[nodiscard]] bool unmoved() noexcept {
    for (std::size_t i = 0; i != names_.size(); ++i) {
      const FileInfo now = status(names_[i]);
      if (!is_same(now, first_[i]) || (i == 0 && now.st_size == 0)) return false;
      if (i == index && now.st_size < first_[i].st_size) return false;
      other_names_ = other_names_ || now.st_nlink > 1;
    }
    return true;
  }

  /// Whether `unmoved` has seen one of them with more than one name.
  [[nodiscard]] bool have_other_names() const noexcept { return other_names_; }

  /// Whether the index was cut short, so that closing must not read it either.
  [[nodiscard]] bool index_was_cut() const noexcept {
    const FileInfo now = status(names_[index]);
    return is_same(now, first_[index]) && now.st_size < first_[index].st_size;
  }

 private:
  using FileInfo = struct ::stat;
  static constexpr std::size_t index = 2;

  /// If there is no such file, it has 0 links, and nothing else is set.
  [[nodiscard]] static FileInfo status(const std::string& name) noexcept {
    FileInfo found;
    if (::stat(name.c_str(), &found) != 0) found.st_nlink = 0;
    return found;
  }

  [[nodiscard]] static bool is_same(const FileInfo& a, const FileInfo& b) noexcept {
    return a.st_nlink != 0 && b.st_nlink != 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
  }

  std::array<std::string, 3> names_;
  std::array<FileInfo, 3> first_;
  bool other_names_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite
