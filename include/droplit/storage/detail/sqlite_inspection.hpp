// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Finds out whose a file of SQLite is without changing a byte of it or of its companions, for programs that check their
// settings and must not create or upgrade anything. Only the main file is read, as SQLite's `immutable=1` does: without
// locks, log and index. Whether a file can be written, and a rollback that is still to come, is found only by opening.

#include "sqlite_handles.hpp"

#include "../../detail/config.hpp"
#include "../../fault.hpp"
#include "../../outcome.hpp"
#include "../../storage.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

class SqliteInspection {
 public:
  static Outcome<StoreState> run(const std::string& path) {
    if (path.empty() || path.find('\0') != std::string::npos) return refused("the path is not that of a file");
    struct ::stat file {};
    if (::stat(path.c_str(), &file) != 0) {
      if (errno != ENOENT || !can_create_in(folder_of(path))) return refused("the file cannot be found or created");
      return StoreState::absent;
    }
    if (!S_ISREG(file.st_mode)) return refused("the path is not that of a file");
    if (file.st_size == 0) {  // with a log it is another program's, since ours writes this file first
      struct ::stat log {};
      const bool logged = ::stat((path + "-wal").c_str(), &log) == 0 && log.st_size != 0;
      return logged ? StoreState::foreign : StoreState::absent;
    }

    sqlite3* opened = nullptr;
    constexpr int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(uri_of(path).c_str(), &opened, flags, nullptr);
    const SqliteDatabase database(opened);
    SqliteStatement statement;
    if (code == SQLITE_OK) {
      code = sqlite_prepare(opened,
                            "SELECT (SELECT count(*) FROM sqlite_schema), application_id, user_version"
                            " FROM pragma_application_id, pragma_user_version",
                            statement);
    }
    if (code != SQLITE_OK) return sqlite_fault("inspect", code);
    SqliteRun row(statement);
    code = row.step();
    if (code != SQLITE_ROW) return sqlite_fault("inspect", code);
    if (row.number(0) == 0 && row.number(1) == 0 && row.number(2) == 0) return StoreState::absent;
    if (row.number(1) != application_id || row.number(2) < 1 || row.number(2) > version) return StoreState::foreign;
    return row.number(2) == version ? StoreState::current : StoreState::older;
  }

 private:
  static constexpr std::int64_t application_id = 0x64726F70;  // as SqliteOpening writes them
  static constexpr std::int64_t version = 1;

  static Fault refused(std::string_view why) {
    return {FaultSource::storage, Fate::not_applied, std::string("sqlite inspect: ").append(why)};
  }

  static std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
  }

  static bool can_create_in(const std::string& folder) { return ::access(folder.c_str(), W_OK | X_OK) == 0; }

  static std::string uri_of(const std::string& path) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string uri = path[0] == '/' ? "file://" : "file:";
    for (const char c : path) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/';
      if (plain) {
        uri += c;
      } else {
        const auto byte = static_cast<unsigned char>(c);
        uri.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
      }
    }
    return uri + "?immutable=1";
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
