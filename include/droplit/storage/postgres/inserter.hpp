// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The ways of an insert: alone, by the statement in which every rule is; or in a batch, of a group of threads or of a
// caller that has several. What a batch does not settle is inserted alone. Used by `PostgresStorage`.

#include <droplit/storage/postgres/batch.hpp>
#include <droplit/storage/postgres/cleared_keys.hpp>
#include <droplit/storage/postgres/group_commit.hpp>
#include <droplit/storage/postgres/queries.hpp>
#include <droplit/storage/postgres/query_runner.hpp>

#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/storage/detail/sql.hpp>
#include <droplit/store_stats.hpp>
#include <droplit/text.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

/// Thread-safe. `max_key_age` is in milliseconds; queries and runner must outlive it.
class Inserter {
 public:
  Inserter(const Queries& queries, QueryRunner& runner, std::int64_t max_key_age) noexcept
      : queries_(queries), runner_(runner), max_key_age_(max_key_age), groups_(runner.longest_group_wait()) {}

  /// Together with inserts of other threads, if there are any.
  void insert(BatchInsert& insert) noexcept {
    PendingInsert pending{insert};
    static_cast<void>(thrown_by(FaultSource::storage, Fate::not_applied, [&] {
      groups_.run(pending, [&](std::span<PendingInsert* const> group) noexcept {
        if (group.size() != 1) return run_batch(group);
        insert_alone(pending);
        pending.is_settled = true;
      });
    }));
    if (!pending.is_settled) insert_alone(pending);
  }

  void insert_all(std::span<BatchInsert* const> inserts) noexcept {
    const Begun begun;
    for (std::size_t done = 0; done != inserts.size();) {
      const auto part = inserts.subspan(done, (std::min)(inserts.size() - done, most_in_batch));
      done += part.size();
      insert_part(part, begun);
    }
  }

  [[nodiscard]] GroupCommitStats stats() const { return groups_.stats(); }

 private:
  static constexpr std::size_t most_in_batch = 256;
  static constexpr std::size_t most_bytes_in_batch = std::size_t{1} << 20;  // of texts, but for the last client

  void insert_part(std::span<BatchInsert* const> inserts, const Begun& begun) noexcept {
    std::vector<PendingInsert> all;
    static_cast<void>(thrown_by(FaultSource::storage, Fate::not_applied, [&] {
      std::vector<PendingInsert*> pending;
      pending.reserve(inserts.size());
      all.reserve(inserts.size());
      for (BatchInsert* const each : inserts) pending.push_back(&all.emplace_back(PendingInsert{*each, begun}));
      groups_.add(inserts.size());
      run_batch(pending);
    }));
    for (const bool may_wait : {false, true}) {  // those that wait come last
      for (const PendingInsert& each : all) {
        if (!each.is_settled && each.may_wait == may_wait) insert_alone(each);
      }
    }
    for (BatchInsert* const each : inserts.subspan(all.size())) insert_alone({*each, begun});  // no memory
  }

  /// As several batches if there is too much for one: a connection keeps the memory of its longest statement. Leaves
  /// what is alone in its batch.
  void run_batch(std::span<PendingInsert* const> inserts) noexcept {
    while (!inserts.empty()) {
      std::size_t size = 0;
      for (std::size_t bytes = 0; size != inserts.size() && bytes < most_bytes_in_batch; ++size) {
        for (const std::optional<Text>& text : inserts[size]->insert.client.texts())
          bytes += text ? text->str().size() : 0;
      }
      const auto part = inserts.first(size);
      inserts = inserts.subspan(size);
      if (size == 1) continue;
      static_cast<void>(thrown_by(FaultSource::storage, Fate::not_applied,
                                  [&] { Batch(queries_.batch, part).run(runner_, max_key_age_, cleared_); }));
    }
  }

  void insert_alone(const PendingInsert& pending) noexcept {
    BatchInsert& insert = pending.insert;
    const Fate fate = pending.begun.settling ? Fate::maybe_applied : Fate::not_applied;
    insert.outcome = guarded<KeyedInsertion>(FaultSource::storage, fate, [&]() -> Outcome<KeyedInsertion> {
      if (insert.key != nullptr) return insert_alone(insert.client, *insert.key, pending.begun);
      auto outcome = insert_alone(insert.client, pending.begun);
      if (!outcome) return std::move(outcome).as_failure();
      return KeyedInsertion(outcome.assume_value());
    });
  }

  Outcome<Insertion> insert_alone(const Client& client, const Begun& begun) {
    const Query& query = queries_.insert;
    bool was_deleted = false;
    const auto read = [&](const Row& row, bool settling) -> Settled<Insertion> {
      const Outcome<EcosystemState> state = row.is_absent() ? EcosystemState::unknown : row.state();
      if (!state) return state.as_failure();
      if (row.number(1) != 0) return Insertion::inserted;
      if (state.assume_value() == EcosystemState::active) return Insertion::id_taken;
      if (state.assume_value() == EcosystemState::unknown) {
        if (!settling) return Insertion::ecosystem_unknown;
        // The lost try may yet reach the server, after the ecosystem was added.
        return runner_.unsettled(query, "an earlier try may yet run");
      }
      // The lost try inserted the client before the deletion or never will. If this query began before that insertion,
      // one that begins now sees it.
      if (settling && !std::exchange(was_deleted, true)) return std::nullopt;
      return Insertion::ecosystem_deleted;
    };
    return runner_.run<Insertion>(query, Parameters(client), read, begun);
  }

  Outcome<KeyedInsertion> insert_alone(const Client& client, const IdempotencyKey& key, const Begun& begun) {
    const Query& query = queries_.insert_once;
    const std::int64_t from = cleared_.next(begun.at);
    const auto read = [&](const Row& row, bool settling) -> Settled<KeyedInsertion> {
      constexpr int first = sql::column_count;  // after those of the client that has the key
      const bool is_inserted = row.number(first) != 0;
      const bool is_equal = row.text(first + 3) == "t";
      cleared_.add(from, sql::read_integer(row, first + 4));
      if (is_inserted || (settling && is_equal)) return KeyedInsertion(Insertion::inserted);
      if (row.text(0)) {
        std::optional<Client> owner = sql::read_client(row);
        if (!owner && settling) return runner_.unsettled(query, "a row that is no client");
        if (!owner) return refused(query.name, "a row that is no client");
        if (!owner->has_same_draft(client)) return KeyedInsertion(Insertion::key_reused);
        return KeyedInsertion::replayed(*std::move(owner));
      }
      const auto state = row.state(first + 1);
      if (!state) return state.as_failure();
      switch (state.assume_value()) {
        case EcosystemState::unknown:
          if (settling) return runner_.unsettled(query, "an earlier try may yet run");
          return KeyedInsertion(Insertion::ecosystem_unknown);
        case EcosystemState::deleted:
          // If it was active when the query began, one with the key may have been inserted since, before the deletion.
          if (row.text(first + 2) == to_string(EcosystemState::active)) return std::nullopt;
          return KeyedInsertion(Insertion::ecosystem_deleted);
        case EcosystemState::active:
        default:
          // Without another client of its id, the conflict was with one that has been committed since the query began.
          if (!row.text(first + 3)) return std::nullopt;
          return KeyedInsertion(Insertion::id_taken);
      }
    };
    return runner_.run<KeyedInsertion>(query, Parameters(client, key, max_key_age_, from), read, begun);
  }

  const Queries& queries_;
  QueryRunner& runner_;
  std::int64_t max_key_age_;
  ClearedKeys cleared_;
  GroupCommit groups_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
