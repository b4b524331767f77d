// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/postgres/connection.hpp>
#include <droplit/storage/postgres/handles.hpp>
#include <droplit/storage/postgres/pool.hpp>
#include <droplit/storage/postgres/statements.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// One operation of a store, in as many tries as it takes.
struct PostgresTask {
  std::string_view name;
  const PostgresStatement& first;
  const PostgresStatement& again;  ///< where the first may have been applied
  bool changes;
};

/// What an answer means; nothing if it is to be asked for once more.
template <class T>
using PostgresSettled = std::optional<Outcome<T>>;

/// Carries tasks out over a pool, each within one time limit.
class PostgresWork {
 public:
  PostgresWork(PostgresTarget target, std::size_t connections, std::chrono::milliseconds limit,
               std::unique_ptr<PostgresConnection> first)
      : pool_(std::move(target), connections, std::move(first)), limit_(limit) {}

  /// Asks until `read(row, settling)` settles it; `settling` says that an earlier try may have been applied.
  ///
  /// Within the first quarter of the limit something must be under way. A try may take half of it, which is more than
  /// the server gives a statement, so that a server in order always answers; what is left is for settling.
  template <class T, class Read>
  Outcome<T> run(const PostgresTask& task, std::span<const char* const> values, Read read) {
    return guarded<T>(FaultSource::storage, Fate::maybe_applied, [&]() -> Outcome<T> {
      using Time = std::chrono::steady_clock;
      const PostgresTime begin = Time::now();
      const PostgresTime last_start = begin + limit_ / 4;
      const PostgresTime end = begin + limit_;
      PostgresPool::Lease lease = pool_.take(last_start);
      if (!lease) return postgres_away(task.name, postgres_limit("no connection was free", limit_ / 4));
      bool settling = false;
      int repeats = 0;
      for (PostgresPause pause;; pause.take(end)) {
        auto connection = lease.connection(task.name, settling ? end : last_start);
        const bool last = settling ? Time::now() >= end : repeats++ == most_repeats || Time::now() >= last_start;
        if (!connection) {
          if (!settling) return std::move(connection).as_failure();
        } else {
          const PostgresTime until = settling ? end : (std::min)(end, Time::now() + limit_ / 2);
          const PostgresReply reply = connection.assume_value()->run(settling ? task.again : task.first, values, until);
          switch (reply.end) {
            case PostgresEnd::answered:
              if (PostgresSettled<T> settled = read(PostgresRow(task.name, reply.rows.get()), settling)) {
                return *std::move(settled);
              }
              break;
            case PostgresEnd::refused:
              if (!settling && (last || !reply.state.is("40001", "40P01"))) {
                return postgres_refused(task.name, reply.state);
              }
              break;
            case PostgresEnd::unsent:
              if (!settling && last) return postgres_away(task.name, "the connection was lost", reply.state);
              break;
            case PostgresEnd::lost: settling = true; break;
            case PostgresEnd::unconfirmed:
              return Fault(FaultSource::storage, Fate::maybe_applied,
                           postgres_words(task.name, "committed, but no synchronous standby is known to have it"));
            default: break;
          }
        }
        if (settling && Time::now() >= end) return unsettled(task, postgres_limit("the server did not answer", limit_));
      }
    });
  }

  /// The fault of a task of which nobody can say whether it was applied.
  [[nodiscard]] static Fault unsettled(const PostgresTask& task, std::string_view why) {
    std::string words = postgres_words(task.name, why);
    if (!task.changes) return Fault::unavailable(FaultSource::storage, std::move(words));
    return {FaultSource::storage, Fate::maybe_applied, std::move(words)};
  }

 private:
  static constexpr int most_repeats = 4;

  PostgresPool pool_;
  std::chrono::milliseconds limit_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
