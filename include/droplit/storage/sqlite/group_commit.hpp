// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The one lock around a store's connection. With full durability the disk's sync is what an insert costs, so threads
// that insert at the same time share a commit: the one that gets the lock is the leader and inserts for all that
// waited, its followers. Other operations take the lock alone. Used by `SqliteStorage`.
//
//   thread 1   insert: leader of 1             | commit |
//   thread 2      insert: waits ............... leader of 2, 3 | commit |
//   thread 3         insert: waits ............ follower       |        | done

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/store_stats.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite {

/// An insert that waits for its commit.
struct PendingInsert {
  explicit PendingInsert(const Client& new_client, const IdempotencyKey* new_key = nullptr) noexcept
      : client(new_client), key(new_key) {}

  const Client& client;
  const IdempotencyKey* key;     // null if the client is inserted without one
  std::optional<Client> holder;  // the client that has the key, if the outcome is `replayed`
  Outcome<Insertion> outcome = Fault(FaultSource::storage, Fate::maybe_applied, {});

 private:
  friend class GroupCommit;
  enum class State : std::uint8_t { waiting, follower, done };
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

  /// Has `insert_all(std::span<PendingInsert* const>)`, which throws nothing, called under the lock by this thread or
  /// another one with `insert` among others, which sets its outcome. False, and not called, if the lock was not free
  /// for it within `timeout`.
  template <class InsertAll>
  bool run(PendingInsert& insert, std::chrono::milliseconds timeout, InsertAll insert_all) {
    using State = PendingInsert::State;
    std::unique_lock lock(mutex_);
    waiting_.push_back(&insert);
    if (is_locked_) insert.waits_since_ = Time::now();
    const auto can_go_on = [&] { return insert.state_ != State::waiting || !is_locked_; };
    if (!insert.changed_.wait_for(lock, timeout, can_go_on)) {
      waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &insert));
      add_wait(*insert.waits_since_, false);
      return false;
    }
    if (insert.state_ != State::waiting) {
      insert.changed_.wait(lock, [&] { return insert.state_ == State::done; });
      return true;
    }
    is_locked_ = true;
    group_.swap(waiting_);
    for (PendingInsert* const each : group_) {
      each->state_ = State::follower;
      if (each->waits_since_) add_wait(*each->waits_since_, true);
    }
    groups_.add(group_.size());
    lock.unlock();
    insert_all(std::span<PendingInsert* const>(group_));
    lock.lock();
    for (PendingInsert* const each : group_) {
      each->state_ = State::done;
      each->changed_.notify_one();  // under the lock: a follower that sees `done` destroys its insert
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
    if (!waiting_.empty()) waiting_.front()->changed_.notify_one();
  }

  mutable std::mutex mutex_;
  std::condition_variable unlocked_;
  StoreStats stats_;
  GroupCommitStats groups_;
  std::vector<PendingInsert*> waiting_;
  std::vector<PendingInsert*> group_;  // the leader's alone while it holds the lock
  bool is_locked_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite
