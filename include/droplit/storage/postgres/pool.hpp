// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/postgres/connection.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// At most so many connections, made when they are wanted, lent to one thread each.
class PostgresPool {
 public:
  /// The right to one connection, given back at the end whatever happens.
  class Lease {
   public:
    explicit Lease(PostgresPool* pool) noexcept : pool_(pool) {}
    Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), held_(std::move(other.held_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(std::move(held_));
    }

    explicit operator bool() const noexcept { return pool_ != nullptr; }

    /// A connection that can be used: the one at hand, or a new one in its place.
    Outcome<PostgresConnection*> connection(std::string_view operation, PostgresTime until) {
      if (!held_ || !held_->is_ready()) {
        held_.reset();
        auto made = PostgresConnection::connect(pool_->target_, operation, until);
        if (!made) return std::move(made).as_failure();
        held_ = std::move(made).assume_value();
      }
      return held_.get();
    }

   private:
    friend class PostgresPool;
    PostgresPool* pool_;
    std::unique_ptr<PostgresConnection> held_;
  };

  PostgresPool(PostgresTarget target, std::size_t size, std::unique_ptr<PostgresConnection> first)
      : target_(std::move(target)), free_(size) {
    idle_.reserve(size);
    idle_.push_back(std::move(first));
  }

  PostgresPool(const PostgresPool&) = delete;
  PostgresPool& operator=(const PostgresPool&) = delete;
  ~PostgresPool() = default;

  /// A lease, or none if all were lent until then.
  Lease take(PostgresTime until) {
    std::unique_lock lock(mutex_);
    const auto left = until - std::chrono::steady_clock::now();
    if (!returned_.wait_for(lock, left, [this] { return free_ != 0; })) return Lease(nullptr);
    --free_;
    Lease lease(this);
    if (!idle_.empty()) {
      lease.held_ = std::move(idle_.back());
      idle_.pop_back();
    }
    return lease;
  }

 private:
  void give_back(std::unique_ptr<PostgresConnection> connection) noexcept {
    if (connection && !connection->is_ready()) connection.reset();
    {
      const std::lock_guard lock(mutex_);
      ++free_;
      if (connection) idle_.push_back(std::move(connection));  // there is room: no more than were lent
    }
    returned_.notify_one();
  }

  PostgresTarget target_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::size_t free_;
  std::vector<std::unique_ptr<PostgresConnection>> idle_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
