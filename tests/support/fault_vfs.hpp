// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

/// What SQLite asks of its file layer; `any` is each of the others.
enum class DiskCall : std::uint8_t {
  any,
  open,
  remove,
  access,
  path,
  read,
  write,
  truncate,
  sync,
  size,
  lock,
  unlock,
  reserved,
  shm_map,
  shm_lock
};

/// The call number `nth` of a kind, counted from 0, fails, and if it is `lasting` all that follow.
struct DiskFault {
  DiskCall call = DiskCall::any;
  int code = SQLITE_OK;  ///< OK: the I/O error of the call
  long nth = 0;
  bool lasting = false;
};

/// A change of the files: created, removed, written, truncated to `at`, synced; the latter and the removal of a file
/// with its directory if `directory`.
struct DiskEvent {
  DiskCall call = DiskCall::any;
  std::string path;
  std::int64_t at = 0;
  std::string bytes;
  bool directory = false;
  bool failed = false;  ///< a sync: what it has stored is unknown
};

/// SQLite's own file layer, in which calls may be made to fail, and the default one as long as it is. A write that
/// fails has written half of its bytes. Nothing waits: neither is anything really synced, for no test here outlives the
/// system, nor does SQLite sleep while it waits for a lock.
class FaultyDisk {
 public:
  FaultyDisk() : real_(sqlite3_vfs_find("unix")), vfs_(*real_) {
    vfs_.pNext = nullptr;
    vfs_.zName = "faulty";
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    vfs_.xAccess = access;
    vfs_.xFullPathname = path;
    vfs_.xSleep = [](sqlite3_vfs*, int micros) { return micros; };
    if (sqlite3_vfs_register(&vfs_, 1) != SQLITE_OK) throw std::runtime_error("no file layer");
  }
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;
  ~FaultyDisk() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }

  void fail(DiskFault fault) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    fired_ = false;
  }
  void heal() {
    const std::lock_guard lock(mutex_);
    fault_.reset();
  }
  /// Whether a call failed since the last `fail`.
  [[nodiscard]] bool fired() const {
    const std::lock_guard lock(mutex_);
    return fired_;
  }
  [[nodiscard]] long count(DiskCall call) const {
    const std::lock_guard lock(mutex_);
    return counts_[static_cast<std::size_t>(call)];
  }

  /// To be called before each call, by the thread that makes it; `path` is empty where a call has none. It and the next
  /// are set while no thread uses the disk.
  std::function<void(DiskCall, std::string_view path)> before;
  bool recording = false;
  std::vector<DiskEvent> events;  ///< what was changed while recording

 private:
  struct File {  // what SQLite holds; the real one is in memory after it
    sqlite3_file base;
    FaultyDisk* disk;
    const char* path;  // SQLite's, as long as the file is open; null for a temporary file
    bool syncs_directory;

    sqlite3_file* real() noexcept { return reinterpret_cast<sqlite3_file*>(this + 1); }
    const sqlite3_io_methods& methods() noexcept { return *real()->pMethods; }
  };

  static File& of(sqlite3_file* file) noexcept { return *reinterpret_cast<File*>(file); }
  static FaultyDisk& of(sqlite3_vfs* vfs) noexcept { return *static_cast<FaultyDisk*>(vfs->pAppData); }

  static int code_of(DiskCall call) noexcept {
    switch (call) {
      case DiskCall::any: break;
      case DiskCall::open:
      case DiskCall::path: return SQLITE_CANTOPEN;
      case DiskCall::remove: return SQLITE_IOERR_DELETE;
      case DiskCall::access: return SQLITE_IOERR_ACCESS;
      case DiskCall::read: return SQLITE_IOERR_READ;
      case DiskCall::write: return SQLITE_IOERR_WRITE;
      case DiskCall::truncate: return SQLITE_IOERR_TRUNCATE;
      case DiskCall::sync: return SQLITE_IOERR_FSYNC;
      case DiskCall::size: return SQLITE_IOERR_FSTAT;
      case DiskCall::lock: return SQLITE_IOERR_LOCK;
      case DiskCall::unlock: return SQLITE_IOERR_UNLOCK;
      case DiskCall::reserved: return SQLITE_IOERR_CHECKRESERVEDLOCK;
      case DiskCall::shm_map: return SQLITE_IOERR_SHMMAP;
      case DiskCall::shm_lock: return SQLITE_IOERR_SHMLOCK;
    }
    return SQLITE_IOERR;
  }

  /// The code with which this call fails, or OK.
  int failure(DiskCall call, const char* path) {
    if (before) before(call, path != nullptr ? path : "");
    const std::lock_guard lock(mutex_);
    ++counts_[static_cast<std::size_t>(call)];
    ++counts_[static_cast<std::size_t>(DiskCall::any)];
    if (!fault_ || (fault_->call != DiskCall::any && fault_->call != call)) return SQLITE_OK;
    if (fault_->nth > 0) {
      --fault_->nth;
      return SQLITE_OK;
    }
    fired_ = true;
    const int code = fault_->code != SQLITE_OK ? fault_->code : code_of(call);
    if (!fault_->lasting) fault_.reset();
    return code;
  }

  void record(DiskEvent event) {
    if (!recording) return;
    const std::lock_guard lock(mutex_);
    events.push_back(std::move(event));
  }

  static int open(sqlite3_vfs* self, const char* path, sqlite3_file* file, int flags, int* out) {
    FaultyDisk& disk = of(self);
    file->pMethods = nullptr;
    if (const int code = disk.failure(DiskCall::open, path); code != SQLITE_OK) return code;
    constexpr int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    File& mine = of(file);
    mine.disk = &disk;
    mine.path = path;
    mine.syncs_directory = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & journals) != 0;  // as SQLite's own does
    const bool is_new = path != nullptr && !std::filesystem::exists(path);
    const int code = disk.real_->xOpen(disk.real_, path, mine.real(), flags, out);
    if (mine.real()->pMethods != nullptr) file->pMethods = &methods();
    if (is_new && std::filesystem::exists(path)) disk.record({DiskCall::open, path, 0, {}});
    return code;
  }

  static int remove(sqlite3_vfs* self, const char* path, int sync_directory) {
    FaultyDisk& disk = of(self);
    int code = disk.failure(DiskCall::remove, path);
    if (code == SQLITE_OK) code = disk.real_->xDelete(disk.real_, path, 0);
    if (code == SQLITE_OK) disk.record({DiskCall::remove, path, 0, {}, sync_directory != 0});
    return code;
  }

  static int access(sqlite3_vfs* self, const char* path, int what, int* out) {
    const int code = of(self).failure(DiskCall::access, path);
    return code != SQLITE_OK ? code : of(self).real_->xAccess(of(self).real_, path, what, out);
  }

  static int path(sqlite3_vfs* self, const char* name, int size, char* out) {
    const int code = of(self).failure(DiskCall::path, name);
    return code != SQLITE_OK ? code : of(self).real_->xFullPathname(of(self).real_, name, size, out);
  }

  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
    File& f = of(file);
    int code = f.disk->failure(DiskCall::write, f.path);
    if (code != SQLITE_OK) size /= 2;
    const int written = f.methods().xWrite(f.real(), data, size, at);
    if (written == SQLITE_OK && f.path != nullptr && f.disk->recording) {
      const std::string_view bytes(static_cast<const char*>(data), static_cast<std::size_t>(size));
      f.disk->record({DiskCall::write, f.path, at, std::string(bytes)});
    }
    return code != SQLITE_OK ? code : written;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    File& f = of(file);
    int code = f.disk->failure(DiskCall::truncate, f.path);
    if (code == SQLITE_OK) code = f.methods().xTruncate(f.real(), size);
    if (code == SQLITE_OK && f.path != nullptr) f.disk->record({DiskCall::truncate, f.path, size, {}});
    return code;
  }

  static int sync(sqlite3_file* file, int) {
    File& f = of(file);
    const int code = f.disk->failure(DiskCall::sync, f.path);
    const bool failed = code != SQLITE_OK;
    if (f.path != nullptr) f.disk->record({DiskCall::sync, f.path, 0, {}, f.syncs_directory && !failed, failed});
    if (!failed) f.syncs_directory = false;
    return code;
  }

  static int shm_lock(sqlite3_file* file, int at, int n, int how) {
    File& f = of(file);
    if ((how & SQLITE_SHM_LOCK) != 0) {  // a failed unlock leaves the lock
      if (const int code = f.disk->failure(DiskCall::shm_lock, f.path); code != SQLITE_OK) return code;
    }
    return f.methods().xShmLock(f.real(), at, n, how);
  }

  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
    File& f = of(file);
    const int code = f.disk->failure(DiskCall::shm_map, f.path);
    if (code == SQLITE_OK) return f.methods().xShmMap(f.real(), page, size, extend, out);
    *out = nullptr;
    return code;
  }

  static int unlock(sqlite3_file* file, int to) {  // is done, whatever it says
    File& f = of(file);
    const int code = f.disk->failure(DiskCall::unlock, f.path);
    const int unlocked = f.methods().xUnlock(f.real(), to);
    return code != SQLITE_OK ? code : unlocked;
  }

  /// Passes a call on unless it fails.
  template <DiskCall call, auto method, class... Args>
  static int pass(sqlite3_file* file, Args... args) {
    File& f = of(file);
    if constexpr (call != DiskCall::any) {
      if (const int code = f.disk->failure(call, f.path); code != SQLITE_OK) return code;
    }
    return (f.methods().*method)(f.real(), args...);
  }

  static const sqlite3_io_methods& methods() {
    using M = sqlite3_io_methods;
    constexpr DiskCall always = DiskCall::any;
    static const M all{3,
                       pass<always, &M::xClose>,
                       pass<DiskCall::read, &M::xRead, void*, int, sqlite3_int64>,
                       write,
                       truncate,
                       sync,
                       pass<DiskCall::size, &M::xFileSize, sqlite3_int64*>,
                       pass<DiskCall::lock, &M::xLock, int>,
                       unlock,
                       pass<DiskCall::reserved, &M::xCheckReservedLock, int*>,
                       pass<always, &M::xFileControl, int, void*>,
                       pass<always, &M::xSectorSize>,
                       pass<always, &M::xDeviceCharacteristics>,
                       shm_map,
                       shm_lock,
                       [](sqlite3_file* file) { of(file).methods().xShmBarrier(of(file).real()); },
                       pass<always, &M::xShmUnmap, int>,
                       pass<always, &M::xFetch, sqlite3_int64, int, void**>,
                       pass<always, &M::xUnfetch, sqlite3_int64, void*>};
    return all;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  mutable std::mutex mutex_;
  std::optional<DiskFault> fault_;
  bool fired_ = false;
  std::array<long, 15> counts_{};
};

}  // namespace test
