// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Determines which program a database belongs to, for `Opening`, before SQLite reads it. Reading a file through SQLite
// changes it: a transaction that was cut off is rolled back, the index of a log is made or rebuilt. So the first page
// is read here as SQLite's "Database File Format" describes it: in the main file, and in the frames of its log (-wal).
//
// A process that closes a file loses all of its POSIX locks on it, those of SQLite's connections too. The main file is
// therefore read by the very descriptor that SQLite opened. The log, on which SQLite takes no lock, is read through
// SQLite's file layer as a file of type MAIN_DB, which that layer closes only when this process has no lock on it. The
// journal and the index are not opened.

#include <droplit/storage/sqlite/handles.hpp>
#include <droplit/storage/sqlite/schema.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite {

/// The big-endian number of four bytes.
inline std::uint32_t read_number(std::span<const unsigned char> bytes, std::size_t at) noexcept {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
         std::uint32_t{bytes[at + 3]};
}

/// The beginning of the first page: the header of the file, and that of the table of all tables.
struct FirstPage {
  std::array<unsigned char, 108> bytes{};

  [[nodiscard]] StoreState state() const noexcept {
    const bool has_tables = bytes[100] != 13 || bytes[103] != 0 || bytes[104] != 0;  // 13: a leaf
    return state_of(read_number(bytes, 68), read_number(bytes, 60), has_tables);
  }
};

/// A log, and the first page as it contains it.
class Log {
 public:
  Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() {
    if (file_ && file()->pMethods != nullptr) file()->pMethods->xClose(file());
  }

  /// Reads the log of this name, which may be absent, up to its last commit. Other processes may write it meanwhile.
  int read(sqlite3_vfs* layer, const char* path) {
    struct ::stat status {};
    if (::stat(path, &status) != 0 || status.st_size == 0) return SQLITE_OK;  // for SQLite too, empty is absent
    if (!S_ISREG(status.st_mode)) return SQLITE_CANTOPEN;
    file_ = std::make_unique<std::byte[]>(static_cast<std::size_t>(layer->szOsFile));
    const int code = layer->xOpen(layer, path, file(), SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READONLY, nullptr);
    if (code != SQLITE_OK) return ::stat(path, &status) != 0 ? SQLITE_OK : code;  // deleted by its last user
    const int end = read_frames();
    return end == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : end;
  }

  bool has_commits = false;
  std::optional<FirstPage> first_page;  ///< as of the last commit; empty if no commit changed it

 private:
  // Of `Database File Format`, 4.2: words are added in pairs, in the order of bytes that the log's header names.
  struct Checksum {
    bool big_endian;
    std::uint32_t first = 0;
    std::uint32_t second = 0;

    void add(std::span<const unsigned char> bytes) noexcept {
      for (std::size_t i = 0; i != bytes.size(); i += 8) {
        first += word(bytes, i) + second;
        second += word(bytes, i + 4) + first;
      }
    }
    [[nodiscard]] bool is_at(std::span<const unsigned char> bytes, std::size_t at) const noexcept {
      return read_number(bytes, at) == first && read_number(bytes, at + 4) == second;
    }

   private:
    [[nodiscard]] std::uint32_t word(std::span<const unsigned char> bytes, std::size_t at) const noexcept {
      const std::uint32_t number = read_number(bytes, at);
      return big_endian ? number : number >> 24 | (number >> 8 & 0xFF00) | (number << 8 & 0xFF0000) | number << 24;
    }
  };

  sqlite3_file* file() noexcept { return reinterpret_cast<sqlite3_file*>(file_.get()); }

  int read(std::span<unsigned char> bytes, sqlite3_int64 at) noexcept {
    return file()->pMethods->xRead(file(), bytes.data(), static_cast<int>(bytes.size()), at);
  }

  int read_frames() {
    std::array<unsigned char, 32> head{};
    if (const int code = read(head, 0); code != SQLITE_OK) return code;
    const std::uint32_t magic = read_number(head, 0);
    const std::uint32_t page_size = read_number(head, 8);
    Checksum checksum{(magic & 1U) != 0};
    checksum.add(std::span(head).first(24));
    const bool is_log = (magic & ~1U) == 0x377F0682 && checksum.is_at(head, 24);
    if (!is_log || !std::has_single_bit(page_size) || page_size < 512 || page_size > 65536) return SQLITE_OK;
    if (read_number(head, 4) != 3007000) return SQLITE_CANTOPEN;

    constexpr std::size_t frame_head = 24;
    std::vector<unsigned char> frame(frame_head + page_size);
    const auto page = std::span(frame).subspan(frame_head);
    std::optional<FirstPage> found;
    for (sqlite3_int64 at = head.size();; at += static_cast<sqlite3_int64>(frame.size())) {
      if (const int code = read(frame, at); code != SQLITE_OK) return code;
      checksum.add(std::span(frame).first(8));
      checksum.add(page);
      const bool same_salt = std::equal(head.begin() + 16, head.begin() + 24, frame.begin() + 8);
      if (!same_salt || !checksum.is_at(frame, 16)) return SQLITE_OK;  // the end of what was committed
      if (read_number(frame, 0) == 1) {
        found.emplace();
        std::copy_n(page.begin(), found->bytes.size(), found->bytes.begin());
      }
      if (read_number(frame, 4) == 0) continue;
      has_commits = true;
      first_page = found;
    }
  }

  std::unique_ptr<std::byte[]> file_;
};

/// The absolute path of a database, which need not exist. SQLite then takes no name for one of its own, such as
/// `:memory:` or a URI. Refused where the path is that of another kind of file.
inline Outcome<std::string> absolute_path(const std::string& path) {
  struct ::stat found {};
  const bool regular = ::stat(path.c_str(), &found) != 0 || S_ISREG(found.st_mode);
  if (!regular || path.empty() || path.find('\0') != std::string::npos) {
    return make_fault("open", "the path is not that of a file");
  }
  if (path[0] == '/') return path;
  std::array<char, PATH_MAX> folder{};
  if (::getcwd(folder.data(), folder.size()) == nullptr) return make_fault("open", "there is no working directory");
  return std::string(folder.data()).append("/").append(path);
}

/// The state of the file that `database` was opened for and has not read yet. Changes neither the file nor those beside
/// it. Refused if the file may be ours and has a second name, or one of those beside it has.
inline Outcome<StoreState> recognize(sqlite3* database) {
  sqlite3_file* file = nullptr;
  sqlite3_vfs* layer = nullptr;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  sqlite3_file_control(database, "main", SQLITE_FCNTL_VFS_POINTER, &layer);
  const char* const path = sqlite3_db_filename(database, "main");

  // The order allows other processes to write meanwhile: a transaction that is committed during the first reads is in
  // what is read later.
  struct ::stat status {};
  int writer = 0;
  const bool journal = ::stat(sqlite3_filename_journal(path), &status) == 0 && status.st_size != 0;
  int code = journal ? file->pMethods->xCheckReservedLock(file, &writer) : SQLITE_OK;
  Log log;
  if (code == SQLITE_OK) code = log.read(layer, sqlite3_filename_wal(path));
  sqlite3_int64 size = 0;
  if (code == SQLITE_OK) code = file->pMethods->xFileSize(file, &size);
  FirstPage page;  // stays blank if the file is empty
  if (code == SQLITE_OK) code = file->pMethods->xRead(file, page.bytes.data(), static_cast<int>(page.bytes.size()), 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return make_fault("open", code);

  StoreState state = StoreState::absent;
  if (size != 0) {
    constexpr std::string_view magic("SQLite format 3\0", 16);
    if (!std::equal(magic.begin(), magic.end(), page.bytes.begin())) return make_fault("open", SQLITE_NOTADB);
    state = page.state();
    if (state != StoreState::foreign && log.first_page) state = log.first_page->state();
    if (state == StoreState::absent && journal && writer == 0) {
      return make_fault("open", "a transaction in the file was cut off; open it with its own program first");
    }
  } else if (log.has_commits) {  // SQLite would delete the log
    return make_fault("open", "the file is empty, but its log (-wal) is not");
  }
  if (state != StoreState::foreign && Files::have_other_names(path)) return make_fault("open", has_other_name);
  return state;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite
