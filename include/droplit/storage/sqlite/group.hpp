// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// An insert that waits for its commit.
struct SqliteInsert {
  explicit SqliteInsert(const Client& wanted) noexcept : client(wanted) {}

  const Client& client;
  Outcome<Insertion> outcome = Fault(FaultSource::storage, Fate::maybe_applied, {});

 private:
  friend class SqliteGroup;
  enum class State : std::uint8_t { waits, leads, led, done };
  State state_ = State::waits;
  std::condition_variable changed_;
};

/// Threads that insert at the same time, in one commit: one of them leads, and does it for all that came while the
/// leader before was busy.
class SqliteGroup {
 public:
  /// Sees to it that `work`, of this thread or another, is done with `insert` among others: its outcome is then set.
  /// False if it did not come to that within `patience`. `work(std::vector<SqliteInsert*>&)` throws nothing.
  template <class Work>
  bool run(SqliteInsert& insert, std::chrono::milliseconds patience, Work work) {
    using State = SqliteInsert::State;
    std::unique_lock lock(mutex_);
    waiting_.push_back(&insert);
    if (busy_) {
      if (!insert.changed_.wait_for(lock, patience, [&] { return insert.state_ != State::waits; })) {
        waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &insert));
        return false;
      }
      insert.changed_.wait(lock, [&] { return insert.state_ != State::led; });
      if (insert.state_ == State::done) return true;
    }
    busy_ = true;
    led_.swap(waiting_);
    for (SqliteInsert* const each : led_) each->state_ = State::led;
    lock.unlock();
    work(led_);
    lock.lock();
    for (SqliteInsert* const each : led_) {
      each->state_ = State::done;
      each->changed_.notify_one();  // under the lock: once it sees that, it is gone
    }
    led_.clear();
    busy_ = !waiting_.empty();
    if (busy_) {
      waiting_.front()->state_ = State::leads;
      waiting_.front()->changed_.notify_one();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::vector<SqliteInsert*> waiting_;
  std::vector<SqliteInsert*> led_;  // the leader's alone, while there is one
  bool busy_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
