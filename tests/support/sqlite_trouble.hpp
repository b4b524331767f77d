// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What may happen to a SqliteStorage: its disk, SQLite's memory or the power fails, or several threads insert while
// another one commits.
#pragma once

#include "asleep.hpp"
#include "catch.hpp"
#include "failures.hpp"
#include "fault_vfs.hpp"
#include "power_cut.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <latch>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

namespace test {

/// What the disk would hold if the process died now, or the power failed.
inline void leave(const FaultyDisk& disk, const std::filesystem::path& directory, PowerCut::Loss loss) {
  PowerCut cut;
  std::minstd_rand luck;
  for (const DiskEvent& each : disk.events) cut.apply(each);
  std::filesystem::create_directory(directory);
  cut.leave(directory, loss, luck);
}

/// SQLite's memory, in which an allocation may be made to fail, as long as it is; no connection is open then or now.
class FaultyMemory {
 public:
  FaultyMemory() {
    sqlite3_shutdown();
    REQUIRE(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &theirs) == SQLITE_OK);
    sqlite3_mem_methods mine = theirs;
    mine.xMalloc = [](int size) { return events.next() ? nullptr : theirs.xMalloc(size); };
    mine.xRealloc = [](void* old, int size) { return events.next() ? nullptr : theirs.xRealloc(old, size); };
    REQUIRE(sqlite3_config(SQLITE_CONFIG_MALLOC, &mine) == SQLITE_OK);
    REQUIRE(sqlite3_initialize() == SQLITE_OK);
  }
  FaultyMemory(const FaultyMemory&) = delete;
  FaultyMemory& operator=(const FaultyMemory&) = delete;
  ~FaultyMemory() {
    sqlite3_shutdown();
    sqlite3_config(SQLITE_CONFIG_MALLOC, &theirs);
    sqlite3_initialize();
  }

  static inline Events events;  ///< each allocation

 private:
  static inline sqlite3_mem_methods theirs;
};

/// The disk fails.
struct DiskTrouble {
  DiskTrouble(DiskFault kind, Failure failure) : fault(kind) {
    fault.nth = failure.nth - 1;
    fault.lasting = failure.is_lasting();
  }
  DiskFault fault;
  [[nodiscard]] bool lasts() const { return fault.lasting; }
  void begin(FaultyDisk& disk) const { disk.fail(fault); }
  void end(FaultyDisk& disk) const { disk.heal(); }
  [[nodiscard]] bool came(const FaultyDisk& disk) const { return disk.fired(); }
};

/// SQLite gets no memory.
struct MemoryTrouble {
  Failure failure;
  [[nodiscard]] bool lasts() const { return failure.is_lasting(); }
  void begin(FaultyDisk&) const {
    FaultyMemory::events.prepare(failure, Events::Of::all_threads);
    FaultyMemory::events.resume();
  }
  void end(FaultyDisk&) const { FaultyMemory::events.suspend(); }
  [[nodiscard]] bool came(const FaultyDisk&) const { return FaultyMemory::events.have_come(); }
};

/// Makes `size` calls that insert at the same time, each by a thread of its own: while the first waits in its sync, all
/// the others come together after it. Before any of them commits, `then` is called, in the sync of the first; `later`
/// before each sync of the log after that.
inline void insert_together(FaultyDisk& disk, std::size_t size, const std::function<void(std::size_t)>& insert,
                            const std::function<void()>& then, const std::function<void()>& later = nullptr) {
  std::latch others(static_cast<std::ptrdiff_t>(size) - 1);
  std::vector<pid_t> ids(size);
  std::latch first(1);
  std::atomic<bool> held = false;
  disk.before = [&](DiskCall call, std::string_view path) {
    if (call != DiskCall::sync || !path.ends_with("-wal")) return;
    if (held.exchange(true)) {
      if (later) later();
      return;
    }
    first.count_down();
    others.wait();
    // They go to the group, and sleep there: at three looks in a row, so that it is no shorter sleep on their way.
    // Where one comes back instead, the tests see it.
    for (int all = 0, looks = 0; all != 3000 && looks != 3; ++all) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      looks = std::all_of(ids.begin() + 1, ids.end(), is_asleep) ? looks + 1 : 0;
    }
    then();
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t != size; ++t) {
      for (int i = 0; t == 1 && i != 2000 && !first.try_wait(); ++i) {  // not without a limit, where no thread syncs
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      threads.emplace_back([&, t] {
        ids[t] = ::gettid();
        if (t != 0) others.count_down();
        insert(t);
      });
    }
  }
  disk.before = nullptr;
}

}  // namespace test
