// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/postgres/connection.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// How a schema becomes that of version 1, 2, ...: each step runs once, in one transaction with the steps after it.
inline constexpr std::array<std::string_view, 1> postgres_steps{
    "CREATE TABLE @.droplit_versions (version integer PRIMARY KEY);"
    "CREATE TABLE @.ecosystems ("
    " id text PRIMARY KEY,"
    " state text NOT NULL CHECK (state IN ('active', 'deleted'))"
    ");"
    "CREATE TABLE @.clients ("
    " id text PRIMARY KEY,"
    " created_at bigint NOT NULL,"
    " ecosystem_id text NOT NULL REFERENCES @.ecosystems (id),"
    " type text NOT NULL CHECK (type IN ('application', 'server')),"
    " name text,"
    " description text"
    ");"};

/// Connects to a database for `PostgresStorage` and makes its schema ours; one of anybody else is not written to.
class PostgresOpening {
 public:
  using Opened = std::unique_ptr<PostgresConnection>;

  /// `schema` is a plain name. Of several that open at the same time one takes the missing steps, and all get there.
  static Outcome<Opened> run(const PostgresTarget& target, const std::string& schema,
                             std::span<const std::string_view> steps, PostgresTime until) {
    auto connected = PostgresConnection::connect(target, "open", until);
    if (!connected) return connected;
    PostgresOpening opening(std::move(connected).assume_value(), schema, steps, until);
    std::optional<Fault> failure;
    for (PostgresPause pause;; pause.take(until)) {
      const std::size_t before = opening.version_;
      auto kind = opening.look();
      if (!kind) return std::move(kind).as_failure();
      switch (kind.assume_value()) {
        case Kind::ours: return std::move(opening.connection_);
        case Kind::foreign: return refused("the schema is another program's");
        case Kind::newer: return refused("the schema is of a newer version");
        case Kind::blank:
        case Kind::older:
        default: break;
      }
      if (failure && opening.version_ == before) return *std::move(failure);  // nobody else was quicker
      failure.reset();
      // Whoever is second waits for the first one's tables, or for its row in the table of versions, and then fails.
      const PostgresReply reply = opening.step();
      const bool met = reply.state.is("40001", "40P01", "55P03") && std::chrono::steady_clock::now() < until;
      if (reply.end == PostgresEnd::refused && !met) failure = postgres_refused("open", reply.state);
      if (!opening.connection_->is_ready()) {
        connected = PostgresConnection::connect(target, "open", until);
        if (!connected) return connected;
        opening.connection_ = std::move(connected).assume_value();
      }
    }
  }

  /// Finds out what `run` would find, and changes nothing.
  static Outcome<StoreState> inspect(const PostgresTarget& target, const std::string& schema,
                                     std::span<const std::string_view> steps, PostgresTime until) {
    auto connected = PostgresConnection::connect(target, "inspect", until);
    if (!connected) return std::move(connected).as_failure();
    auto kind = PostgresOpening(std::move(connected).assume_value(), schema, steps, until).look();
    if (!kind) return std::move(kind).as_failure();
    switch (kind.assume_value()) {
      case Kind::ours: return StoreState::current;
      case Kind::older: return StoreState::older;
      case Kind::blank: return StoreState::absent;
      default: return StoreState::foreign;  // or newer
    }
  }

 private:
  enum class Kind : std::uint8_t { ours, blank, older, newer, foreign };

  PostgresOpening(Opened connection, const std::string& schema, std::span<const std::string_view> steps,
                  PostgresTime until) noexcept
      : connection_(std::move(connection)), schema_(schema), steps_(steps), until_(until) {}

  static Fault refused(std::string_view why) {
    return {FaultSource::storage, Fate::not_applied, postgres_words("open", why)};
  }

  static std::size_t number(const PGresult* row, int column) noexcept {
    std::size_t value = 0;
    for (const char* c = PQgetvalue(row, 0, column); *c >= '0' && *c <= '9'; ++c) {
      value = (std::min)(value * 10 + static_cast<std::size_t>(*c - '0'), std::size_t{1'000'000'000});
    }
    return value;
  }

  /// One row of numbers.
  PostgresReply ask(std::string_view sql) {
    PostgresReply reply = connection_->script(postgres_sql(sql, schema_), until_);
    if (reply.end == PostgresEnd::answered && PQntuples(reply.rows.get()) != 1) reply.end = PostgresEnd::lost;
    return reply;
  }

  static Fault failed(const PostgresReply& reply) {
    if (reply.end == PostgresEnd::refused) return postgres_refused("open", reply.state);
    return postgres_away("open", "no answer from the server");
  }

  /// Whose schema it is.
  Outcome<Kind> look() {
    const PostgresReply there = ask(
        "SELECT (SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = '@'), count(*),"
        " count(CASE WHEN c.relname = 'droplit_versions' AND c.relkind IN ('r', 'p') THEN 1 END)"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '@'");
    if (there.end != PostgresEnd::answered) return failed(there);
    made_ = number(there.rows.get(), 0) != 0;
    version_ = 0;
    if (number(there.rows.get(), 1) == 0) return Kind::blank;
    if (number(there.rows.get(), 2) == 0) return Kind::foreign;
    const PostgresReply versions = ask("SELECT coalesce(max(version), 0), count(*) FROM @.droplit_versions");
    if (versions.end == PostgresEnd::refused && versions.state.is("42")) {
      return versions.state.is("42501") ? Outcome<Kind>(failed(versions)) : Kind::foreign;
    }
    if (versions.end != PostgresEnd::answered) return failed(versions);
    version_ = number(versions.rows.get(), 0);
    if (version_ == 0 || version_ != number(versions.rows.get(), 1)) return Kind::foreign;
    if (version_ > steps_.size()) return Kind::newer;
    return version_ == steps_.size() ? Kind::ours : Kind::older;
  }

  /// Takes the steps that are missing.
  PostgresReply step() {
    std::string sql = made_ ? "" : "CREATE SCHEMA @;";
    for (std::size_t i = version_; i != steps_.size(); ++i) {
      sql.append(steps_[i]).append("INSERT INTO @.droplit_versions (version) VALUES (");
      sql.append(std::to_string(i + 1)).append(");");
    }
    return connection_->script(postgres_sql(sql, schema_), until_);
  }

  Opened connection_;
  const std::string& schema_;
  std::span<const std::string_view> steps_;
  PostgresTime until_;
  bool made_ = false;
  std::size_t version_ = 0;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
