// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The SQL of each operation of a store, with the columns of a client read off the table of fields, and the one row that
// is its result. Each statement is a transaction of its own. Used by `PostgresStorage`, which gives the rows their
// meaning.

#include <droplit/storage/postgres/cleared_keys.hpp>
#include <droplit/storage/postgres/connection.hpp>
#include <droplit/storage/postgres/handles.hpp>

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage/detail/sql.hpp>
#include <droplit/text.hpp>

#include <libpq-fe.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

/// One operation of a store.
struct Query {
  std::string_view name;
  bool changes;
  Statement first;
  std::optional<Statement> again = std::nullopt;  ///< instead of the first, if that may have been applied

  [[nodiscard]] const Statement& statement(bool settling) const noexcept { return settling && again ? *again : first; }
};

/// The parameters of an insertion: a client's columns, then those of `insert_once`. They refer to the client and the
/// key.
class Parameters {
 public:
  static constexpr std::size_t key_number = sql::column_count + 1;
  static constexpr std::size_t expiry_number = key_number + 1;
  static constexpr std::size_t from_number = expiry_number + 1;

  explicit Parameters(const Client& client)
      : id_(client.id().text()),
        created_at_(std::to_string(client.created_at().unix_millis())),
        ecosystem_id_(client.ecosystem_id().text()),
        type_(to_string(client.type())),
        values_{id_.c_str(), created_at_.c_str(), ecosystem_id_.c_str(), type_.c_str()} {
    auto* value = values_.data() + sql::first_text_column;
    for (const std::optional<Text>& text : client.texts()) *value++ = text ? text->str().c_str() : nullptr;
  }

  /// `max_key_age` is in milliseconds; `from` is of `ClearedKeys`.
  Parameters(const Client& client, const IdempotencyKey& key, std::int64_t max_key_age, std::int64_t from)
      : Parameters(client) {
    expiry_ = std::to_string(client.created_at().unix_millis() - max_key_age);
    from_ = std::to_string(from);
    values_[key_number - 1] = key.str().c_str();
    values_[expiry_number - 1] = expiry_.c_str();
    values_[from_number - 1] = from_.c_str();
    size_ = from_number;
  }
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;
  ~Parameters() = default;

  operator std::span<const char* const>() const noexcept { return std::span(values_).first(size_); }

 private:
  std::string id_;
  std::string created_at_;
  std::string ecosystem_id_;
  std::string type_;
  std::string expiry_;  // clients that are older do not have their keys any more
  std::string from_;    // where keys that have expired begin to be cleared
  std::array<const char*, from_number> values_;
  std::size_t size_ = sql::column_count;
};

/// The numbers of a batch's parameters: arrays with the columns of its clients come first.
struct BatchNumbers {
  static constexpr std::size_t keys = sql::column_count + 1;  ///< an array, with null for a client without one
  static constexpr std::size_t ecosystems = keys + 1;         ///< an array of those that the clients have
  static constexpr std::size_t expiry = ecosystems + 1;  ///< since when keys have not expired, for any of the clients
  static constexpr std::size_t from = expiry + 1;        ///< where keys that have expired begin to be cleared
  static constexpr std::size_t lock_timeout = from + 1;  ///< in milliseconds
};

/// All operations of a store. Locks are taken before anything is decided: after a wait for a row's lock the row is read
/// again as it then is, and not as the statement first saw it.
///
/// PostgreSQL lets shared locks of a row overtake one that waits to have the row alone, but not shared advisory locks.
/// So an ecosystem has both, and the advisory one is taken first: a deletion, or an addition, waits for the inserts
/// that are under way, and those that come later wait for it.
struct Queries {
  /// The advisory lock of the ecosystem whose id is `id`.
  [[nodiscard]] std::string lock_number(const std::string& id) const {
    std::uint64_t seed = 14695981039346656037U;  // FNV-1a of the schema's name, the same in every program
    for (const char c : schema) seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return "(hashtextextended(" + id + ", " + std::to_string(seed >> 1) + "))";
  }

  /// A condition for the row of the ecosystem `$number`, which is locked with the function before the row is.
  [[nodiscard]] std::string is_locked(const std::string& function, const std::string& number) const {
    return "id = $" + number + "::text AND " + function + lock_number('$' + number + "::text") + " IS NOT NULL";
  }

  static std::string parameters() {
    return sql::join_columns(", ", [](const sql::Column& column) {
      return '$' + column.number + (column.kind == sql::ColumnKind::created_at ? "::bigint" : "::text");
    });
  }

  static std::string columns_of(const std::string& row) {
    return sql::join_columns(", ", [&](const sql::Column& column) { return row + '.' + column.name; });
  }

  /// Takes their keys from the clients whose rows are in this part of a WITH.
  static std::string forgetting(const std::string& rows) {
    return "UPDATE @.clients SET idempotency_key = NULL WHERE EXISTS (SELECT FROM " + rows +
           ") AND ctid = ANY (ARRAY(SELECT ctid FROM " + rows + "))";
  }

  /// An ecosystem's deletion waits for this lock, and this lock waits for a deletion.
  [[nodiscard]] std::string insertion() const {
    return "WITH ecosystem AS (SELECT state FROM @.ecosystems WHERE " + is_locked("pg_advisory_xact_lock_shared", "3") +
           " FOR SHARE), inserted AS (INSERT INTO @.clients AS c (" + sql::column_names() + ") SELECT " + parameters() +
           " FROM ecosystem WHERE state = 'active' ";
  }

  /// The conflict waits for a commit that is still under way. The second count is for a client whose ecosystem was
  /// deleted after it.
  static std::string settlement() {
    const std::string is_equal = '(' + columns_of("c") + ") IS NOT DISTINCT FROM ";
    return "ON CONFLICT (id) DO UPDATE SET type = c.type WHERE " + is_equal + '(' + columns_of("EXCLUDED") +
           ") RETURNING 1) SELECT (SELECT state FROM ecosystem), (SELECT count(*) FROM inserted)"
           " + (SELECT count(*) FROM @.clients AS c WHERE id = $1::text AND " +
           is_equal + '(' + parameters() + "))";
  }

  /// The parts of a WITH run when others refer to them: the key's `owner` first; only without one the ecosystem; then
  /// the row that has the key expired, if this create meets one, for which it may wait; then the row of the client, for
  /// which it may wait too; only then, from `from` on, at most 8 more that have expired, for which it does not wait.
  /// What waits for a row of the client has no row that another create, or a batch, waits for.
  ///
  /// The owner is locked so that this transaction ends with a commit in the log, after that of the owner: what is
  /// replayed is as durable as what is inserted. All that is read is as it was when the statement began. So there may
  /// be a conflict with what was committed since: then nothing says why no row was inserted, and a second run sees it.
  [[nodiscard]] std::string keyed_insertion() const {
    const std::string key = '$' + std::to_string(Parameters::key_number);
    const std::string expiry = '$' + std::to_string(Parameters::expiry_number) + "::bigint";
    const std::string from = '$' + std::to_string(Parameters::from_number) + "::bigint";
    const auto one_of = [](const std::string& condition) {
      return " FROM @.clients WHERE " + condition + " ORDER BY idempotency_key LIMIT 1 ";
    };
    // As an ordered range, for which no other index but the key's is good (see `Target::settings`).
    const std::string has_key =
        "ecosystem_id = $3 AND idempotency_key BETWEEN " + key + " AND " + key + " AND created_at ";
    return "WITH owner AS (SELECT " + sql::column_names() + one_of(has_key + ">= " + expiry) +
           "FOR SHARE), ecosystem AS (SELECT state FROM @.ecosystems WHERE NOT EXISTS (SELECT FROM owner) AND " +
           is_locked("pg_advisory_xact_lock_shared", "3") +
           " FOR SHARE),"
           " met AS (SELECT ctid" +
           one_of(has_key + "< " + expiry + " AND (SELECT state FROM ecosystem) = 'active'") +
           "FOR UPDATE), freed AS (" + forgetting("met") + " RETURNING 1), inserted AS (INSERT INTO @.clients (" +
           sql::column_names() + ", idempotency_key) SELECT " + parameters() + ", " + key +
           "::text FROM ecosystem WHERE state = 'active' AND (SELECT count(*) FROM freed) >= 0"
           " ON CONFLICT DO NOTHING RETURNING 1), oldest AS (" +
           ClearedKeys::expired(from, expiry,
                                " AND EXISTS (SELECT FROM inserted) AND ctid <> ALL (ARRAY(SELECT ctid FROM met))") +
           "8 FOR UPDATE SKIP LOCKED), forgotten AS (" + forgetting("oldest") +
           "),"
           " namesake AS (SELECT (" +
           columns_of("c") + ") IS NOT DISTINCT FROM (" + parameters() +
           ") AS is_equal FROM @.clients AS c WHERE id = $1::text FOR SHARE)"
           " SELECT owner.*, (SELECT count(*) FROM inserted), (SELECT state FROM ecosystem),"
           " CASE WHEN (SELECT state FROM ecosystem) = 'deleted' THEN (SELECT state FROM @.ecosystems WHERE id = $3)"
           " END, CASE WHEN NOT EXISTS (SELECT FROM inserted) THEN (SELECT is_equal FROM namesake) END,"
           " CASE WHEN EXISTS (SELECT FROM inserted) THEN " +
           ClearedKeys::end_of("oldest", "8", expiry) +
           " END"
           " FROM (SELECT) AS one LEFT JOIN owner ON true";
  }

  /// The rows that were inserted, and the ecosystems with their states. An ecosystem that is being deleted, or locked
  /// by another program, is left out, so that no insert waits for another one's ecosystem; one that does not exist too.
  /// Rows with expired keys are only those for which nothing has to wait. Each ecosystem's row has the end of them: it
  /// is read after all rows were inserted.
  [[nodiscard]] std::string batch_insertion() const {
    const auto parameter = [](std::size_t number, const char* type) { return '$' + std::to_string(number) + type; };
    const std::string expiry = parameter(BatchNumbers::expiry, "::bigint");
    const std::string limit = "(SELECT 8 * count(idempotency_key) FROM inserted)";
    const std::string arrays = sql::join_columns(", ", [](const sql::Column& column) {
      return '$' + column.number + (column.kind == sql::ColumnKind::created_at ? "::bigint[]" : "::text[]");
    });
    return "WITH setting AS MATERIALIZED (SELECT set_config('lock_timeout', " +
           parameter(BatchNumbers::lock_timeout, "::text") +
           ", true) AS done),"
           " gate AS MATERIALIZED (SELECT id FROM setting, unnest(" +
           parameter(BatchNumbers::ecosystems, "::text[]") +
           ") AS id WHERE done IS NOT NULL AND pg_try_advisory_xact_lock_shared" + lock_number("id") +
           "), ecosystem AS MATERIALIZED (SELECT id, state FROM @.ecosystems WHERE id = ANY (ARRAY(SELECT id FROM gate))"
           " FOR SHARE SKIP LOCKED),"
           " inserted AS (INSERT INTO @.clients (" +
           sql::column_names() + ", idempotency_key) SELECT " + columns_of("c") + ", c.idempotency_key FROM unnest(" +
           arrays + ", " + parameter(BatchNumbers::keys, "::text[]") + ") WITH ORDINALITY AS c (" +
           sql::column_names() +
           ", idempotency_key, number) JOIN ecosystem AS e ON e.id = c.ecosystem_id WHERE e.state = 'active'"
           " ORDER BY c.number ON CONFLICT DO NOTHING RETURNING id, idempotency_key),"
           " oldest AS (" +
           ClearedKeys::expired(parameter(BatchNumbers::from, "::bigint"), expiry) + limit +
           " FOR UPDATE SKIP LOCKED),"
           " forgotten AS (" +
           forgetting("oldest") +
           ")"
           " SELECT id, NULL AS state, NULL::bigint FROM inserted UNION ALL SELECT id, state, " +
           ClearedKeys::end_of("oldest", limit, expiry) + " FROM ecosystem";
  }

  std::string schema;
  Query batch{"insert_all", true, Statement(7, schema, batch_insertion())};
  Query insert{"insert", true,
               Statement(0, schema,
                         insertion() + "ON CONFLICT (id) DO NOTHING RETURNING 1 AS one)"
                                       " SELECT state, (SELECT one FROM inserted) FROM ecosystem"),
               Statement(1, schema, insertion() + settlement())};
  Query insert_once{"insert_once", true, Statement(6, schema, keyed_insertion())};
  Query add_ecosystem{
      "add_ecosystem", true,
      Statement(2, schema,
                "WITH met AS MATERIALIZED (SELECT FROM @.ecosystems WHERE " + is_locked("pg_advisory_xact_lock", "1") +
                    ") INSERT INTO @.ecosystems AS e (id, state)"
                    " SELECT $1::text, 'active' WHERE (SELECT count(*) FROM met) >= 0"
                    " ON CONFLICT (id) DO UPDATE SET state = e.state RETURNING state")};
  Query delete_ecosystem{
      "delete_ecosystem", true,
      Statement(3, schema,
                "WITH before AS (SELECT state FROM @.ecosystems WHERE " + is_locked("pg_advisory_xact_lock", "1") +
                    " FOR UPDATE),"
                    " deleted AS (UPDATE @.ecosystems SET state = 'deleted'"
                    " WHERE id = $1 AND (SELECT state FROM before) = 'active' RETURNING 1)"
                    " SELECT (SELECT state FROM before), (SELECT count(*) FROM deleted)")};
  Query find_ecosystem{"find_ecosystem", false,
                       Statement(4, schema, "SELECT (SELECT state FROM @.ecosystems WHERE id = $1)")};
  Query find_client{"find_client", false,
                    Statement(5, schema, "SELECT " + sql::column_names() + " FROM @.clients WHERE id = $1")};

  [[nodiscard]] std::array<const Statement*, 8> statements() const noexcept {
    return {&insert.first,           &*insert.again,        &insert_once.first, &add_ecosystem.first,
            &delete_ecosystem.first, &find_ecosystem.first, &find_client.first, &batch.first};
  }
};

/// A row of a result, which may be empty; views are valid as long as the result is.
class Row {
 public:
  Row(std::string_view operation, const PGresult* rows, int number = 0) noexcept
      : operation_(operation), rows_(rows), number_(number) {}

  [[nodiscard]] bool is_empty() const noexcept { return PQntuples(rows_) <= number_; }

  /// Whether the result has columns, but not this row.
  [[nodiscard]] bool is_absent() const noexcept { return is_empty() && PQnfields(rows_) != 0; }

  /// Absent if the column is null or not there.
  [[nodiscard]] std::optional<std::string_view> text(int column) const noexcept {
    if (is_empty() || column >= PQnfields(rows_) || PQgetisnull(rows_, number_, column) != 0) return std::nullopt;
    return std::string_view(PQgetvalue(rows_, number_, column),
                            static_cast<std::size_t>(PQgetlength(rows_, number_, column)));
  }

  /// The number in a column; 0 if it contains no number.
  [[nodiscard]] std::int64_t number(int column) const noexcept { return sql::read_integer(*this, column).value_or(0); }

  /// An ecosystem's state in a column; null is an ecosystem that never existed.
  [[nodiscard]] Outcome<EcosystemState> state(int column = 0) const {
    const auto word = text(column);
    const auto state = word ? sql::parse_state(*word) : EcosystemState::unknown;
    if (state && !is_empty()) return *state;
    return Fault(FaultSource::storage, Fate::maybe_applied, words(operation_, "a row that is no state"));
  }

 private:
  std::string_view operation_;
  const PGresult* rows_;
  int number_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
