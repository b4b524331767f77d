// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Runs the operations of a store over a pool of connections, each within one time limit and in as many tries as that
// allows. After a lost connection it does not know whether a change was applied, so it queries again until the server
// has replied. Used by `PostgresStorage`.
//
//   0        1/4                     limit
//   |  start  |        settle          |     a try: 1/2; the server's limit of a statement: 2/5, of a lock: 3/10

#include <droplit/storage/postgres/connection.hpp>
#include <droplit/storage/postgres/handles.hpp>
#include <droplit/storage/postgres/queries.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>
#include <droplit/store_stats.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

/// At most so many connections, made when they are first needed and lent to one thread each.
class Pool {
 public:
  /// The right to one connection, given back at the end in every case.
  class Lease {
   public:
    /// Waits until then for one to be free.
    Lease(Pool& pool, Deadline until) : pool_(pool) {
      std::unique_lock lock(pool.mutex_);
      holds_ = !pool.free_.empty();
      if (!holds_) {
        const auto since = Time::now();
        holds_ = pool.returned_.wait_until(lock, until, [&] { return !pool.free_.empty(); });
        pool.stats_.add_wait(std::chrono::duration_cast<std::chrono::nanoseconds>(Time::now() - since).count(), holds_);
      }
      if (!holds_) return;
      connection_ = std::move(pool.free_.back());
      pool.free_.pop_back();
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (!holds_) return;
      if (connection_ && !connection_->is_idle()) connection_.reset();  // the next lease asks more
      const std::lock_guard lock(pool_.mutex_);  // there is room: no more are given back than were lent
      pool_.free_.insert(connection_ ? pool_.free_.end() : pool_.free_.begin(), std::move(connection_));
      pool_.returned_.notify_one();
    }

    /// False if all were lent for too long.
    explicit operator bool() const noexcept { return holds_; }

    /// A connection that can be used.
    Outcome<Connection*> connection(std::string_view operation, Deadline until) {
      return Connection::ensure(connection_, pool_.target_, operation, until);
    }

   private:
    Pool& pool_;
    bool holds_ = false;
    std::unique_ptr<Connection> connection_;
  };

  /// `size` is 1 at least.
  Pool(Target target, std::size_t size, std::unique_ptr<Connection> first)
      : target_(std::move(target)), free_(size - 1) {
    free_.push_back(std::move(first));
  }

  /// What was counted. Waits for no operation.
  [[nodiscard]] StoreStats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  Target target_;
  mutable std::mutex mutex_;
  StoreStats stats_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> free_;  // null is one that is yet to be made; those that are made are last
};

/// What a row means; absent if no client was stored and the query is to be run once more.
template <class T>
using Settled = std::optional<Outcome<T>>;

/// Since when an operation runs, and what a batch has done for it.
struct Begun {
  Deadline at = Time::now();
  bool tried = false;     ///< without a result, so that it may start later than others
  bool settling = false;  ///< the batch may have been applied
};

class QueryRunner {
 public:
  QueryRunner(Target target, std::size_t connections, std::chrono::milliseconds limit,
              std::unique_ptr<Connection> first)
      : pool_(std::move(target), connections, std::move(first)), limit_(limit) {}

  /// Runs the query until `read(row, settling)` settles it; `settling`: an earlier try may have been applied.
  ///
  /// A try must have been sent within the first quarter of the limit. It may take half of the limit, which is more than
  /// the server gives a statement, so that a working server always replies; the rest is for settling.
  template <class T, class Read>
  Outcome<T> run(const Query& query, std::span<const char* const> values, Read read, Begun begun = {}) {
    return guarded<T>(FaultSource::storage, Fate::maybe_applied, [&]() -> Outcome<T> {
      bool settling = begun.settling;
      const Deadline end = begun.at + limit_;
      const auto start_limit = begun.tried ? limit_ / 2 : limit_ / 4;
      const Deadline last_start = begun.at + start_limit;
      if (!settling && Time::now() > last_start) return unavailable(query.name, within("not begun", start_limit));
      Pool::Lease lease(pool_, settling ? end : last_start);
      if (!lease && settling) return unsettled(query, within("no connection was free", limit_));
      if (!lease) return unavailable(query.name, within("no connection was free", start_limit));
      int tries = 0;
      for (Backoff backoff;; backoff.sleep(end)) {
        if (settling && Time::now() >= end) return unsettled(query, within("the server did not answer", limit_));
        auto connection = lease.connection(query.name, settling ? end : last_start);
        if (!connection && !settling) return std::move(connection).as_failure();
        if (connection) {
          const bool is_last = ++tries == most_tries || Time::now() >= last_start;
          const Deadline until = settling ? end : (std::min)(end, Time::now() + limit_ / 2);
          const Reply reply = connection.assume_value()->run(query.statement(settling), values, until);
          switch (reply.status) {
            case QueryStatus::completed:
              if (Settled<T> settled = read(Row(query.name, reply.rows.get()), settling)) return *std::move(settled);
              if (!settling && is_last) return unavailable(query.name, "too much was changed meanwhile");
              break;
            case QueryStatus::failed:
              if (!settling && (is_last || !reply.state.is("40001", "40P01"))) return reply.fault(query.name);
              break;
            case QueryStatus::unsent:
              if (!settling && is_last) return reply.fault(query.name);
              break;
            case QueryStatus::unconfirmed: return unconfirmed(query);
            case QueryStatus::lost:
            default: settling = true;
          }
        }
      }
    });
  }

  /// Runs the query once, in the part of the limit, which began at `begun`, that is before the half.
  Reply run_once(const Query& query, std::span<const char* const> values, Deadline begun) {
    const Deadline now = Time::now();
    const Deadline last_start = (std::min)(now + limit_ / 8, begun + limit_ / 4);
    Reply reply;
    reply.status = QueryStatus::unsent;
    if (now > last_start) return reply;
    Pool::Lease lease(pool_, last_start);
    if (!lease) return reply;
    auto connection = lease.connection(query.name, last_start);
    if (connection) reply = connection.assume_value()->run(query.first, values, Time::now() + limit_ / 4);
    return reply;
  }

  /// A batch that waits longer for a lock is given up, so that those of its inserts that need not wait do not.
  [[nodiscard]] std::chrono::milliseconds batch_lock_timeout() const noexcept { return limit_ / 20; }

  /// How long an insert waits for others, so that it can share a batch; then it goes on beside them.
  [[nodiscard]] std::chrono::milliseconds longest_group_wait() const noexcept {
    return (std::min)(std::chrono::milliseconds(20), limit_ / 16);
  }

  /// The fault of a query that may have been applied.
  [[nodiscard]] static Fault unsettled(const Query& query, std::string_view why) {
    if (!query.changes) return unavailable(query.name, why);
    return {FaultSource::storage, Fate::maybe_applied, words(query.name, why)};
  }

  /// The fault of a query that was applied, and may be lost with its server.
  [[nodiscard]] static Fault unconfirmed(const Query& query) {
    return {FaultSource::storage, Fate::maybe_applied,
            words(query.name, "committed, but no synchronous standby is known to have it")};
  }

  /// What the pool has counted.
  [[nodiscard]] StoreStats stats() const { return pool_.stats(); }

 private:
  static constexpr int most_tries = 5;

  Pool pool_;
  std::chrono::milliseconds limit_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
