// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Several inserts as one statement, which is one round trip and one commit. A batch is only the fast way: it settles
// those whose result is certain, and leaves all others to the statement of one insert, in which every rule is. So it
// waits for no lock of an ecosystem (see `Queries::batch`), and a batch that failed or was lost settles none.
//
//   inserts --distinct ids--> one statement --+--> inserted; its ecosystem is deleted; its id is taken: settled
//                                             +--> anything else, such as a key that is taken: inserted alone
//                                             +--> lost: inserted alone, under the same id, as one that may be there
//
// Used by `PostgresStorage`.

#include <droplit/storage/postgres/cleared_keys.hpp>
#include <droplit/storage/postgres/connection.hpp>
#include <droplit/storage/postgres/handles.hpp>
#include <droplit/storage/postgres/queries.hpp>
#include <droplit/storage/postgres/query_runner.hpp>

#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/storage/detail/sql.hpp>
#include <droplit/text.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

/// An insert that may be a member of a batch.
struct PendingInsert {
  BatchInsert& insert;
  Begun begun = {};         ///< for the statement of one insert, if the batch does not settle it
  bool is_settled = false;  ///< the outcome is set
  bool may_wait = false;    ///< by itself it may wait for its ecosystem's lock
};

/// An array of PostgreSQL, written as a text.
class ArrayText {
 public:
  void add(std::optional<std::string_view> value) {
    text_ += text_.empty() ? '{' : ',';
    if (!value) {
      text_ += "NULL";
      return;
    }
    text_ += '"';
    for (const char c : *value) {
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
    text_ += '"';
  }
  const char* finish() {
    text_ += text_.empty() ? "{}" : "}";
    return text_.c_str();
  }

 private:
  std::string text_;
};

/// The parameters of a batch: an array for each column of its clients and one of their keys; the ecosystems; when keys
/// have expired for all of them, and where they begin to be cleared; and the longest wait for a lock.
class BatchParameters {
 public:
  BatchParameters(std::span<PendingInsert* const> inserts, std::int64_t max_key_age, std::int64_t from,
                  std::string lock_timeout)
      : from_(std::to_string(from)), lock_timeout_(std::move(lock_timeout)) {
    std::vector<EcosystemId> ecosystems;
    std::int64_t expiry = (std::numeric_limits<std::int64_t>::max)();
    for (const PendingInsert* const each : inserts) {
      const Client& client = each->insert.client;
      const IdempotencyKey* const key = each->insert.key;
      arrays_[0].add(client.id().text());
      arrays_[1].add(std::to_string(client.created_at().unix_millis()));
      arrays_[2].add(client.ecosystem_id().text());
      arrays_[3].add(to_string(client.type()));
      std::size_t i = sql::first_text_column;
      for (const std::optional<Text>& text : client.texts()) {
        arrays_[i++].add(text ? std::optional<std::string_view>(text->str()) : std::nullopt);
      }
      arrays_[keys].add(key != nullptr ? std::optional<std::string_view>(key->str()) : std::nullopt);
      const std::int64_t expired = client.created_at().unix_millis() - max_key_age;
      if (key != nullptr) expiry = (std::min)(expiry, expired);
      ecosystems.push_back(client.ecosystem_id());
    }
    std::sort(ecosystems.begin(), ecosystems.end());
    ecosystems.erase(std::unique(ecosystems.begin(), ecosystems.end()), ecosystems.end());
    for (const EcosystemId& each : ecosystems) arrays_[keys + 1].add(each.text());
    expiry_ = std::to_string(expiry);
    for (std::size_t i = 0; i != arrays_.size(); ++i) values_[i] = arrays_[i].finish();
    values_[BatchNumbers::expiry - 1] = expiry_.c_str();
    values_[BatchNumbers::from - 1] = from_.c_str();
    values_[BatchNumbers::lock_timeout - 1] = lock_timeout_.c_str();
  }
  BatchParameters(const BatchParameters&) = delete;
  BatchParameters& operator=(const BatchParameters&) = delete;
  ~BatchParameters() = default;

  operator std::span<const char* const>() const noexcept { return values_; }

 private:
  static constexpr std::size_t keys = BatchNumbers::keys - 1;

  std::array<ArrayText, keys + 2> arrays_;
  std::string expiry_;
  std::string from_;
  std::string lock_timeout_;
  std::array<const char*, BatchNumbers::lock_timeout> values_{};
};

/// Runs a batch once, and settles what it can.
class Batch {
 public:
  Batch(const Query& query, std::span<PendingInsert* const> inserts)
      : query_(query), by_id_(inserts.begin(), inserts.end()) {
    std::sort(by_id_.begin(), by_id_.end(),
              [](const PendingInsert* a, const PendingInsert* b) { return id_of(a) < id_of(b); });
    // A row of the result says no more than an id, so of several with one id all but one are left.
    const auto has_same_id = [](const PendingInsert* a, const PendingInsert* b) { return id_of(a) == id_of(b); };
    by_id_.erase(std::unique(by_id_.begin(), by_id_.end(), has_same_id), by_id_.end());
  }

  void run(QueryRunner& runner, std::int64_t max_key_age, ClearedKeys& cleared) {
    const Inserts sorted = by_key();
    const bool has_keys = sorted.back()->insert.key != nullptr;
    const std::int64_t from = has_keys ? cleared.next(by_id_.front()->begun.at) : 0;
    const BatchParameters values(sorted, max_key_age, from, std::to_string(runner.batch_lock_timeout().count()));
    for (PendingInsert* const each : by_id_) each->begun.settling = true;
    const Reply reply = runner.run_once(query_, values, by_id_.front()->begun.at);
    for (PendingInsert* const each : by_id_) each->begun.tried = reply.status != QueryStatus::unsent;
    switch (reply.status) {
      case QueryStatus::completed:
      case QueryStatus::unconfirmed:
        if (!read(reply.rows.get())) break;
        settle(reply.status == QueryStatus::completed);
        if (has_keys) cleared.add(from, cleared_);
        break;
      case QueryStatus::failed:
      case QueryStatus::unsent:
        for (PendingInsert* const each : by_id_) each->begun.settling = false;
        break;
      case QueryStatus::lost:
      default: break;
    }
  }

 private:
  using Inserts = std::vector<PendingInsert*>;

  static ClientId id_of(const PendingInsert* pending) noexcept { return pending->insert.client.id(); }

  /// In an order in which two batches with the same keys do not wait for each other.
  [[nodiscard]] Inserts by_key() const {
    Inserts sorted(by_id_);
    const auto key_of = [](const PendingInsert* pending) {
      const auto key =
          pending->insert.key != nullptr ? std::string_view(pending->insert.key->str()) : std::string_view();
      return std::tuple(key, pending->insert.client.ecosystem_id(), id_of(pending));
    };
    std::sort(sorted.begin(), sorted.end(),
              [&](const PendingInsert* a, const PendingInsert* b) { return key_of(a) < key_of(b); });
    return sorted;
  }

  /// False if the rows are not those of this batch.
  bool read(const PGresult* rows) {
    is_inserted_.assign(by_id_.size(), false);
    for (int i = 0; i != PQntuples(rows); ++i) {
      const Row row(query_.name, rows, i);
      const std::string_view id = row.text(0).value_or(std::string_view());
      if (row.text(1)) {
        const auto ecosystem = EcosystemId::parse(id);
        const auto state = row.state(1);
        if (!ecosystem || !state) return false;
        ecosystems_.emplace_back(*ecosystem, state.assume_value());
        cleared_ = sql::read_integer(row, 2);
        continue;
      }
      const auto client = ClientId::parse(id);
      if (!client) return false;
      const auto found =
          std::lower_bound(by_id_.begin(), by_id_.end(), *client,
                           [](const PendingInsert* pending, ClientId one) { return id_of(pending) < one; });
      if (found == by_id_.end() || id_of(*found) != *client) return false;
      is_inserted_[static_cast<std::size_t>(found - by_id_.begin())] = true;
    }
    return true;
  }

  /// Those that were not inserted certainly were not: they are left, as if they had not been in the batch.
  void settle(bool confirmed) {
    for (std::size_t i = 0; i != by_id_.size(); ++i) {
      PendingInsert& pending = *by_id_[i];
      const auto ecosystem = std::find_if(ecosystems_.begin(), ecosystems_.end(), [&](const Ecosystem& each) {
        return each.id() == pending.insert.client.ecosystem_id();
      });
      pending.may_wait = ecosystem == ecosystems_.end();
      const bool is_deleted = !pending.may_wait && ecosystem->state() == EcosystemState::deleted;
      if (is_inserted_[i]) {
        if (confirmed) pending.insert.outcome = Insertion::inserted;
        if (!confirmed) pending.insert.outcome = QueryRunner::unconfirmed(query_);
        pending.is_settled = true;
      } else if (confirmed && is_deleted && pending.insert.key == nullptr) {
        pending.is_settled = true;
        pending.insert.outcome = Insertion::ecosystem_deleted;
      } else {
        pending.begun.settling = false;
      }
    }
  }

  const Query& query_;
  Inserts by_id_;
  std::vector<bool> is_inserted_;      // of each of them
  std::vector<Ecosystem> ecosystems_;  // that exist, and were not locked
  std::optional<std::int64_t> cleared_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
