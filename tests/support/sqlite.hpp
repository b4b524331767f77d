// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/id.hpp>

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace test {

/// A directory that exists as long as the object; in memory if the system has such.
class Directory {
 public:
  Directory() {
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    std::string name = (memory ? "/dev/shm" : std::filesystem::temp_directory_path()) / "droplit-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  std::vector<std::string> list() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) names.push_back(entry.path().filename());
    return names;
  }

 private:
  std::filesystem::path path_;
};

/// Another program's connection, by the file layer that is the default or by the one of this name. If it cannot be
/// opened, its statements fail.
class Raw {
 public:
  explicit Raw(const std::string& path, const char* layer = nullptr) {
    sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, layer);
    if (db_ != nullptr) sqlite3_busy_timeout(db_, 5000);
  }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  ~Raw() { sqlite3_close_v2(db_); }

  int run(const std::string& sql) { return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr); }

  /// All cells of all rows, each followed by `|`; `code` and a number if it failed.
  std::string ask(const std::string& sql) {
    std::string rows;
    const auto append = [](void* out, int count, char** values, char**) {
      for (int i = 0; i != count; ++i) {
        static_cast<std::string*>(out)->append(values[i] != nullptr ? values[i] : "NULL").append("|");
      }
      return 0;
    };
    const int code = sqlite3_exec(db_, sql.c_str(), append, &rows, nullptr);
    return code == SQLITE_OK ? rows : "code " + std::to_string(code);
  }

  sqlite3* get() { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

inline droplit::ClientId numbered_id(std::uint32_t n) {
  droplit::ClientId::Bytes bytes{};
  for (std::size_t i = 0; i != 4; ++i) bytes[11 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  return droplit::ClientId(bytes);
}

/// What a child process, forked while there is one thread and no connection, returns; -1 if it ended otherwise.
inline int in_child(const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 99;
    try {
      status = act();
    } catch (...) {
    }
    ::_exit(status);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// What version 1 of the library executed in a new file, word for word. It never changes.
inline constexpr const char* sqlite_version_1 =
    "BEGIN IMMEDIATE;"
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
    "PRAGMA user_version = 1;"
    "COMMIT;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA journal_mode = WAL;";

}  // namespace test
