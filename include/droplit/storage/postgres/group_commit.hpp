// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Gathers inserts of several threads while others are under way. Most of what a small insert costs is a round trip and
// a commit, so those that come meanwhile share the next ones: one of them, the leader, runs the whole group.
//
//   thread 1   leader of 1  | insert, commit |
//   thread 2     leader of 1   | insert, commit |
//   thread 3      joins a group . leader of 3, 4 | insert, commit |
//   thread 4          joins the group ........................... | done
//
// A group that takes long, since it waits for a lock or a slow disk, keeps no other insert for long: after a short time
// the next group starts beside it. Used by `PostgresStorage`.

#include <droplit/storage/postgres/batch.hpp>
#include <droplit/storage/postgres/handles.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/store_stats.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

class GroupCommit {
 public:
  /// `longest_wait`: for a group that is under way.
  explicit GroupCommit(std::chrono::milliseconds longest_wait) noexcept : longest_wait_(longest_wait) {}

  /// Has `run_all(std::span<PendingInsert* const>)`, which throws nothing, called by this thread or another one with
  /// `insert` among others. Throws only `std::bad_alloc`, before that.
  template <class RunAll>
  void run(PendingInsert& insert, RunAll run_all) {
    std::unique_lock lock(mutex_);
    if (!next_) next_ = std::make_shared<Group>();
    const std::shared_ptr<Group> group = next_;
    group->members.push_back(&insert);
    const auto can_go_on = [&] { return group->is_taken || running_ < most_running; };
    static_cast<void>(group->changed.wait_until(lock, Time::now() + longest_wait_, can_go_on));
    if (group->is_taken) {
      group->changed.wait(lock, [&] { return group->is_done; });
      return;
    }
    group->is_taken = true;
    next_.reset();
    ++running_;
    stats_.add(group->members.size());
    lock.unlock();
    run_all(std::span<PendingInsert* const>(group->members));
    lock.lock();
    --running_;
    group->is_done = true;
    const std::shared_ptr<Group> next = next_;
    lock.unlock();
    if (next) next->changed.notify_one();
    group->changed.notify_all();
  }

  /// Counts a group that was gathered elsewhere.
  void add(std::size_t size) {
    const std::lock_guard lock(mutex_);
    stats_.add(size);
  }

  /// What was counted. Waits for no operation.
  [[nodiscard]] GroupCommitStats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  /// While one group is at its commit, the next one is on its way.
  static constexpr int most_running = 2;

  struct Group {
    std::vector<PendingInsert*> members;
    std::condition_variable changed;
    bool is_taken = false;  // by its leader: no other insert joins it
    bool is_done = false;
  };

  std::chrono::milliseconds longest_wait_;
  mutable std::mutex mutex_;
  GroupCommitStats stats_;
  std::shared_ptr<Group> next_;  // absent if no insert waits
  int running_ = 0;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
