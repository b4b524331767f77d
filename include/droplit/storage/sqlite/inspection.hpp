// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Finds out what `SqliteStorage::open` would do with a file, for programs that check their settings and must not create
// or upgrade anything. Nothing is changed; whether the file can be written is found only by opening.

#include <droplit/storage/sqlite/handles.hpp>
#include <droplit/storage/sqlite/owner.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline Outcome<StoreState> sqlite_inspect(const std::string& path) {
  const auto absolute = sqlite_absolute(path);
  if (!absolute) return absolute.as_failure();
  const std::string& name = absolute.assume_value();
  struct ::stat file {};
  if (::stat(name.c_str(), &file) != 0) {
    const bool missing = errno == ENOENT;
    const bool can_create = ::access(name.substr(0, name.rfind('/') + 1).c_str(), W_OK | X_OK) == 0;
    if (!missing || !can_create) return sqlite_refusal("the file cannot be found or created");
    return StoreState::absent;
  }

  sqlite3* opened = nullptr;
  constexpr int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(name.c_str(), &opened, flags, nullptr);
  const SqliteDatabase database(opened);
  if (code != SQLITE_OK) return sqlite_fault("open", code);
  auto owner = sqlite_owner(opened);
  if (!owner) return std::move(owner).as_failure();
  if (owner.assume_value() == SqliteOwner::foreign) return StoreState::foreign;
  if (SqliteFiles::have_other_names(sqlite3_db_filename(opened, "main"))) return sqlite_refusal(sqlite_other_name);
  return owner.assume_value() == SqliteOwner::ours ? StoreState::current : StoreState::absent;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
