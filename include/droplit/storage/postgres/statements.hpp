// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/postgres/connection.hpp>
#include <droplit/storage/postgres/handles.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>
#include <droplit/text.hpp>

#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// What a store asks of its server, each a transaction of its own. Locks are taken before anything is decided: a row
/// that had to be waited for is read again when the lock is there, as it is then and not as the statement first saw it.
struct PostgresStatements {
  explicit PostgresStatements(std::string_view schema)
      : insert(0, postgres_sql(std::string(home).append(kept).append("ON CONFLICT (id) DO NOTHING RETURNING 1)"
                                                                     " SELECT (SELECT state FROM home),"
                                                                     " (SELECT count(*) FROM kept)"),
                               schema)),
        insert_again(1, postgres_sql(std::string(home).append(kept).append(again), schema)),
        add_ecosystem(2, postgres_sql("INSERT INTO @.ecosystems AS e (id, state) VALUES ($1, 'active')"
                                      " ON CONFLICT (id) DO UPDATE SET state = e.state RETURNING state",
                                      schema)),
        delete_ecosystem(3, postgres_sql("WITH before AS (SELECT state FROM @.ecosystems WHERE id = $1 FOR UPDATE),"
                                         " deleted AS (UPDATE @.ecosystems SET state = 'deleted'"
                                         " WHERE id = $1 AND (SELECT state FROM before) = 'active' RETURNING 1)"
                                         " SELECT (SELECT state FROM before), (SELECT count(*) FROM deleted)",
                                         schema)),
        find_ecosystem(4, postgres_sql("SELECT (SELECT state FROM @.ecosystems WHERE id = $1)", schema)),
        find_client(5, postgres_sql("SELECT created_at, ecosystem_id, type, name, description"
                                    " FROM @.clients WHERE id = $1",
                                    schema)) {}

  [[nodiscard]] std::array<const PostgresStatement*, 6> all() const noexcept {
    return {&insert, &insert_again, &add_ecosystem, &delete_ecosystem, &find_ecosystem, &find_client};
  }

  PostgresStatement insert;
  PostgresStatement insert_again;  ///< where an earlier try may have kept the client: then it says kept, too
  PostgresStatement add_ecosystem;
  PostgresStatement delete_ecosystem;
  PostgresStatement find_ecosystem;
  PostgresStatement find_client;

 private:
  // Whoever deletes the ecosystem waits for this lock, and this one for whoever does.
  static constexpr const char* home = "WITH home AS (SELECT state FROM @.ecosystems WHERE id = $3 FOR SHARE), ";
  static constexpr const char* kept =
      "kept AS (INSERT INTO @.clients AS c (id, created_at, ecosystem_id, type, name, description)"
      " SELECT $1::text, $2::bigint, $3::text, $4::text, $5::text, $6::text FROM home WHERE state = 'active' ";
  // The key makes it wait for a commit still in flight. The last count is for a client whose ecosystem was deleted
  // since.
  static constexpr const char* again =
      "ON CONFLICT (id) DO UPDATE SET type = c.type WHERE c.created_at = EXCLUDED.created_at"
      " AND c.ecosystem_id = EXCLUDED.ecosystem_id AND c.type = EXCLUDED.type"
      " AND c.name IS NOT DISTINCT FROM EXCLUDED.name AND c.description IS NOT DISTINCT FROM EXCLUDED.description"
      " RETURNING 1)"
      " SELECT (SELECT state FROM home), (SELECT count(*) FROM kept) + (SELECT count(*) FROM @.clients"
      " WHERE id = $1::text AND created_at = $2::bigint AND ecosystem_id = $3::text AND type = $4::text"
      " AND name IS NOT DISTINCT FROM $5::text AND description IS NOT DISTINCT FROM $6::text)";
};

/// The one row of an answer, or none.
class PostgresRow {
 public:
  PostgresRow(std::string_view operation, const PGresult* rows) noexcept : operation_(operation), rows_(rows) {}

  [[nodiscard]] std::string_view operation() const noexcept { return operation_; }
  [[nodiscard]] bool is_none() const noexcept { return PQntuples(rows_) == 0; }

  /// A view while the answer lives; nothing if it is null or not there.
  [[nodiscard]] std::optional<std::string_view> text(int column) const noexcept {
    if (is_none() || column >= PQnfields(rows_) || PQgetisnull(rows_, 0, column) != 0) return std::nullopt;
    return std::string_view(PQgetvalue(rows_, 0, column), static_cast<std::size_t>(PQgetlength(rows_, 0, column)));
  }

  [[nodiscard]] std::optional<std::int64_t> number(int column) const noexcept {
    const auto digits = text(column);
    std::int64_t value = 0;
    if (!digits) return std::nullopt;
    const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
    if (error != std::errc() || end != digits->data() + digits->size()) return std::nullopt;
    return value;
  }

  /// Whether the column is null or a text, which is then put into `out`.
  bool text_into(int column, std::optional<Text>& out) const {
    const auto bytes = text(column);
    if (bytes) out = Text::parse(std::string(*bytes));
    return !bytes || out;
  }

  /// An ecosystem's state in the first column; null is one that never was.
  [[nodiscard]] Outcome<EcosystemState> state() const {
    const auto word = text(0);
    if (!word && !is_none()) return EcosystemState::unknown;
    if (word == to_string(EcosystemState::active)) return EcosystemState::active;
    if (word == to_string(EcosystemState::deleted)) return EcosystemState::deleted;
    return Fault(FaultSource::storage, Fate::maybe_applied, postgres_words(operation_, "a row that is no state"));
  }

 private:
  std::string_view operation_;
  const PGresult* rows_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
