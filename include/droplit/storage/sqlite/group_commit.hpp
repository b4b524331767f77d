// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The one lock around a store's connection. With full durability the disk's sync is what an insert costs, so threads
// that insert at the same time share a commit: the one that gets the lock is the leader and inserts for all that
// waited, its followers. Other operations take the lock alone. Used by `SqliteStorage`.
//
//   thread 1   insert: leader of 1             | commit |
//   thread 2      insert: waits ............... leader of 2, 3 | commit |
//   thread 3         insert: waits ............ follower       |        | done

#include <droplit/batch_storage.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/store_stats.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite {

/// Inserts of one thread that wait for their commit.
class PendingInserts {
 public:
  explicit PendingInserts(std::span<BatchInsert* const> inserts) noexcept : inserts_(inserts) {}

 private:
  friend class GroupCommit;
  enum class State : std::uint8_t { waiting, follower, done };
  std::span<BatchInsert* const> inserts_;
  PendingInserts* next_ = nullptr;
  State state_ = State::waiting;
  std::condition_variable changed_;
  std::optional<std::chrono::steady_clock::time_point> waits_since_;  // if the lock was not free
};

/// The lock; for `std::unique_lock` too. No wait is longer than its timeout. (Not a timed_mutex, whose steady clock g++
/// 12's ThreadSanitizer does not see.)
class GroupCommit {
 public:
  bool try_lock_for(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    if (is_locked_) {
      const auto since = Time::now();
      const bool unlocked = unlocked_.wait_for(lock, timeout, [this] { return !is_locked_; });
      add_wait(since, unlocked);
      if (!unlocked) return false;
    }
    is_locked_ = true;
    return true;
  }

  void unlock() noexcept {
    const std::lock_guard lock(mutex_);
    release();
  }

  /// Has `insert_all(std::span<BatchInsert* const>)`, which throws nothing, called under the lock by this thread or
  /// another one with these inserts among others, whose outcomes it sets. False, and not called, if the lock was not
  /// free for it within `timeout`.
  template <class InsertAll>
  bool run(PendingInserts& inserts, std::chrono::milliseconds timeout, InsertAll insert_all) {
    using State = PendingInserts::State;
    std::unique_lock lock(mutex_);
    enqueue(inserts);
    if (is_locked_) inserts.waits_since_ = Time::now();
    const auto can_go_on = [&] { return inserts.state_ != State::waiting || !is_locked_; };
    if (!inserts.changed_.wait_for(lock, timeout, can_go_on)) {
      remove(inserts);
      add_wait(*inserts.waits_since_, false);
      return false;
    }
    if (inserts.state_ != State::waiting) {
      inserts.changed_.wait(lock, [&] { return inserts.state_ == State::done; });
      return true;
    }
    is_locked_ = true;
    group_.swap(waiting_);
    PendingInserts* const first = std::exchange(first_waiting_, nullptr);
    last_link_ = &first_waiting_;
    for (PendingInserts* each = first; each != nullptr; each = each->next_) {
      each->state_ = State::follower;
      if (each->waits_since_) add_wait(*each->waits_since_, true);
    }
    groups_.add(group_.size());
    lock.unlock();
    insert_all(std::span<BatchInsert* const>(group_));
    lock.lock();
    for (PendingInserts* each = first; each != nullptr;) {
      PendingInserts& done = *std::exchange(each, each->next_);
      done.state_ = State::done;
      done.changed_.notify_one();  // under the lock: a follower that sees `done` destroys its inserts
    }
    group_.clear();
    release();
    return true;
  }

  /// What was counted. Waits for no operation.
  [[nodiscard]] StoreStats stats() const {
    const std::lock_guard lock(mutex_);
    StoreStats stats = stats_;
    stats.group_commits = groups_;
    return stats;
  }

 private:
  using Time = std::chrono::steady_clock;

  void add_wait(Time::time_point since, bool got) noexcept {
    stats_.add_wait(std::chrono::duration_cast<std::chrono::nanoseconds>(Time::now() - since).count(), got);
  }

  // Wakes one of either kind; the one that comes too late waits again.
  void release() noexcept {
    is_locked_ = false;
    unlocked_.notify_one();
    if (first_waiting_ != nullptr) first_waiting_->changed_.notify_one();
  }

  void enqueue(PendingInserts& inserts) {
    waiting_.insert(waiting_.end(), inserts.inserts_.begin(), inserts.inserts_.end());
    *last_link_ = &inserts;
    last_link_ = &inserts.next_;
  }

  void remove(PendingInserts& inserts) noexcept {
    const auto begin = std::search(waiting_.begin(), waiting_.end(), inserts.inserts_.begin(), inserts.inserts_.end());
    waiting_.erase(begin, begin + static_cast<std::ptrdiff_t>(inserts.inserts_.size()));
    PendingInserts** link = &first_waiting_;
    while (*link != &inserts) link = &(*link)->next_;
    *link = inserts.next_;
    if (last_link_ == &inserts.next_) last_link_ = link;
  }

  mutable std::mutex mutex_;
  std::condition_variable unlocked_;
  StoreStats stats_;
  GroupCommitStats groups_;
  PendingInserts* first_waiting_ = nullptr;
  PendingInserts** last_link_ = &first_waiting_;
  std::vector<BatchInsert*> waiting_;  // of all that wait
  std::vector<BatchInsert*> group_;    // the leader's alone while it holds the lock
  bool is_locked_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite
