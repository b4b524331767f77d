// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The SQL of each operation of a store, with the columns of a client read off the table of fields, and the one row that
// is its result. Each statement is a transaction of its own. Used by `PostgresStorage`, which gives the rows their
// meaning.

#include <droplit/storage/postgres/connection.hpp>
#include <droplit/storage/postgres/handles.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage/detail/sql.hpp>

#include <libpq-fe.h>

#include <array>
#include <cstddef>
#include <optional>
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

/// All operations of a store. Locks are taken before anything is decided: after a wait for a row's lock the row is read
/// again as it then is, and not as the statement first saw it.
struct Queries {
  static std::string parameters() {
    return sql::join_columns(", ", [](const sql::Column& column) {
      return '$' + column.number + (column.kind == sql::ColumnKind::created_at ? "::bigint" : "::text");
    });
  }

  static std::string columns_of(const std::string& row) {
    return sql::join_columns(", ", [&](const sql::Column& column) { return row + '.' + column.name; });
  }

  /// An ecosystem's deletion waits for this lock, and this lock waits for a deletion.
  static std::string insertion() {
    return "WITH ecosystem AS (SELECT state FROM @.ecosystems WHERE id = $3 FOR SHARE),"
           " inserted AS (INSERT INTO @.clients AS c (" +
           sql::column_names() + ") SELECT " + parameters() + " FROM ecosystem WHERE state = 'active' ";
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

  std::string schema;
  Query insert{"insert", true,
               Statement(0, schema,
                         insertion() + "ON CONFLICT (id) DO NOTHING RETURNING 1)"
                                       " SELECT (SELECT state FROM ecosystem), (SELECT count(*) FROM inserted)"),
               Statement(1, schema, insertion() + settlement())};
  Query add_ecosystem{"add_ecosystem", true,
                      Statement(2, schema,
                                "INSERT INTO @.ecosystems AS e (id, state) VALUES ($1, 'active')"
                                " ON CONFLICT (id) DO UPDATE SET state = e.state RETURNING state")};
  Query delete_ecosystem{"delete_ecosystem", true,
                         Statement(3, schema,
                                   "WITH before AS (SELECT state FROM @.ecosystems WHERE id = $1 FOR UPDATE),"
                                   " deleted AS (UPDATE @.ecosystems SET state = 'deleted'"
                                   " WHERE id = $1 AND (SELECT state FROM before) = 'active' RETURNING 1)"
                                   " SELECT (SELECT state FROM before), (SELECT count(*) FROM deleted)")};
  Query find_ecosystem{"find_ecosystem", false,
                       Statement(4, schema, "SELECT (SELECT state FROM @.ecosystems WHERE id = $1)")};
  Query find_client{"find_client", false,
                    Statement(5, schema, "SELECT " + sql::column_names() + " FROM @.clients WHERE id = $1")};

  [[nodiscard]] std::array<const Statement*, 6> statements() const noexcept {
    return {&insert.first,           &*insert.again,        &add_ecosystem.first,
            &delete_ecosystem.first, &find_ecosystem.first, &find_client.first};
  }
};

/// The one row of a result, which may be empty; views are valid as long as the result is.
class Row {
 public:
  Row(std::string_view operation, const PGresult* rows) noexcept : operation_(operation), rows_(rows) {}

  [[nodiscard]] bool is_empty() const noexcept { return PQntuples(rows_) == 0; }

  /// Absent if the column is null or not there.
  [[nodiscard]] std::optional<std::string_view> text(int column) const noexcept {
    if (is_empty() || column >= PQnfields(rows_) || PQgetisnull(rows_, 0, column) != 0) return std::nullopt;
    return std::string_view(PQgetvalue(rows_, 0, column), static_cast<std::size_t>(PQgetlength(rows_, 0, column)));
  }

  /// The number in a column; 0 if it contains no number.
  [[nodiscard]] std::int64_t number(int column) const noexcept { return sql::read_integer(*this, column).value_or(0); }

  /// An ecosystem's state in the first column; null is an ecosystem that never existed.
  [[nodiscard]] Outcome<EcosystemState> state() const {
    const auto word = text(0);
    const auto state = word ? sql::parse_state(*word) : EcosystemState::unknown;
    if (state && !is_empty()) return *state;
    return Fault(FaultSource::storage, Fate::maybe_applied, words(operation_, "a row that is no state"));
  }

 private:
  std::string_view operation_;
  const PGresult* rows_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
