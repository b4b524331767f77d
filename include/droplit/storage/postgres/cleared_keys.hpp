// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// How far the keys that have expired are cleared. A key that is cleared leaves its entry in the index by age for as
// long as any session has an older snapshot, such as that of `pg_dump`, and what reads the index from its old end reads
// all those entries. So a statement that clears keys begins where the one before it has ended. That leaves out what was
// locked then and what came late, so once in a while one statement begins at the old end. Used by `Queries` and
// `Inserter`.
//
//   created_at   | cleared: entries that may remain | expired | has its key |
//                | all                              | from    | the expiry of a statement

#include <droplit/storage/postgres/handles.hpp>

#include <droplit/detail/config.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

/// Where the next statement begins to clear keys, as a `created_at` in milliseconds. Thread-safe, and never waits. Each
/// store has its own: it reads once what another one has cleared.
class ClearedKeys {
 public:
  /// From the old end.
  static constexpr std::int64_t all = (std::numeric_limits<std::int64_t>::min)();

  /// `period`: between two statements that begin at the old end.
  explicit ClearedKeys(Time::duration period = std::chrono::minutes(1)) noexcept : period_(period) {}

  /// For a statement that is about to run. The first one, and then one in each period, gets `all`, whatever becomes of
  /// it: if it takes longer than the server allows, the others do not.
  [[nodiscard]] std::int64_t next(Deadline now) noexcept {
    Time::rep due = due_.load();
    const bool is_due = now.time_since_epoch().count() >= due;
    if (is_due && due_.compare_exchange_strong(due, (now + period_).time_since_epoch().count())) return all;
    return from_.load();
  }

  /// After a statement that began at `from`. `end`: what is older has no expired key any more, unless it was locked;
  /// absent if the statement inserted no client with a key, and so cleared none.
  ///
  /// Of statements that began at the same place the first to end counts. So while one begins at the old end, another
  /// one that has begun further on does not hide what the first one has left.
  void add(std::int64_t from, std::optional<std::int64_t> end) noexcept {
    if (from == all) {
      if (end) from_.store(*end);
      if (!end) due_.store(at_once);
    } else if (end && (*end > from || from == nowhere)) {
      from_.compare_exchange_strong(from, *end);
    }
  }

  // ---- in statements ----

  /// The rows whose keys have expired, oldest first; a limit follows.
  static std::string expired(const std::string& from, const std::string& expiry, const std::string& condition = {}) {
    return "SELECT ctid, created_at FROM @.clients WHERE idempotency_key IS NOT NULL AND created_at >= " + from +
           " AND created_at < " + expiry + condition + " ORDER BY created_at LIMIT ";
  }

  /// The end of these rows: if there are less than the limit, it is the expiry, since nothing else has expired.
  static std::string end_of(const std::string& rows, const std::string& limit, const std::string& expiry) {
    return "(SELECT CASE WHEN count(*) < " + limit + " THEN " + expiry + " ELSE max(created_at) END FROM " + rows + ')';
  }

 private:
  static constexpr Time::rep at_once = (std::numeric_limits<Time::rep>::min)();
  static constexpr std::int64_t nowhere = (std::numeric_limits<std::int64_t>::max)();

  Time::duration period_;
  std::atomic<Time::rep> due_{at_once};
  std::atomic<std::int64_t> from_{nowhere};  // until a statement has ended
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
