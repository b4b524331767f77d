// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Connects to a database for `PostgresStorage` and brings its schema to the latest version. A schema that another
// program made is not written to. Of several processes that open at the same time one takes the missing steps; the
// others wait for it without an open transaction, since a build of an index waits for all transactions. A process that
// is killed meanwhile leaves a schema of the version before, and the next opening takes its steps again:
//
//   absent --create, one transaction---------------------------------------------------> current
//   older ---lock--> for each step: its SQL, each index (invalid: drop; none: build), its row of versions --> current

#include <droplit/storage/postgres/connection.hpp>
#include <droplit/storage/postgres/handles.hpp>
#include <droplit/storage/postgres/queries.hpp>
#include <droplit/storage/postgres/steps.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

class Opening {
 public:
  /// `schema` is a plain name. An upgrade, another process's included, may last `upgrade_timeout` from when it is found
  /// to be needed; all else ends before `until`.
  Opening(Target target, std::string schema, std::span<const Step> all_steps, Deadline until,
          std::chrono::milliseconds upgrade_timeout) noexcept
      : target_(std::move(target)),
        schema_(std::move(schema)),
        steps_(all_steps),
        until_(until),
        upgrade_timeout_(upgrade_timeout) {}

  [[nodiscard]] const Target& target() const noexcept { return target_; }

  /// A connection to a database whose schema is ours, of the latest version. Once only.
  Outcome<std::unique_ptr<Connection>> run() {
    std::optional<Fault> failure;
    bool upgrading = false;
    for (Backoff backoff(std::chrono::seconds(1));; backoff.sleep(until_)) {
      if (Time::now() >= until_) return late();
      const std::int64_t before = version_;
      auto found = inspect("open");
      if (!found) {
        const bool is_late = upgrading && Time::now() >= until_ && found.assume_exception().status();
        return is_late ? late() : std::move(found).assume_exception();
      }
      if (found.assume_value() == StoreState::current) return std::move(connection_);
      if (found.assume_value() == StoreState::foreign) {
        return refused("open", version_ != 0 ? "the schema is of a newer version" : "the schema is another program's");
      }
      if (failure && version_ == before) return *std::move(failure);  // no other process took a step
      failure.reset();
      const bool is_older = found.assume_value() == StoreState::older;
      if (is_older && target_.pooled) {
        return refused("open", "the schema is of an older version, and an upgrade needs a session of its own");
      }
      if (is_older && !std::exchange(upgrading, true)) until_ = Time::now() + upgrade_timeout_;
      // Fails if another process has made the same meanwhile, or if the wait for its locks is too long.
      const bool done = is_older ? upgrade() : create();
      const bool again = reply_.status != QueryStatus::failed || reply_.state.is("40001", "40P01", "55P03", "57014");
      if (!done && !again) failure = reply_.fault("open");
    }
  }

  /// Whose schema it is; changes nothing.
  Outcome<StoreState> inspect(std::string_view operation) {
    auto connected = Connection::ensure(connection_, target_, operation, until_);
    if (!connected) return std::move(connected).as_failure();
    return read_state(operation);
  }

 private:
  /// More than PostgreSQL's `deadlock_timeout`, after which autovacuum gives way, and less than the 1.5 s that creates
  /// of other servers wait for a lock by default: they queue after the change of a table, which waits for transactions.
  static constexpr int table_lock_timeout = 1200;
  static constexpr int no_lock_timeout = 0;

  static Fault late() { return unavailable("open", "the schema was not ready before the time limit"); }

  /// Whose schema it is; needs a connection.
  Outcome<StoreState> read_state(std::string_view operation) {
    const bool done = run(
        "SELECT (SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = '@'), count(*),"
        " count(CASE WHEN c.relname = 'droplit_versions' AND c.relkind IN ('r', 'p') THEN 1 END)"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '@'");
    if (!done) return reply_.fault(operation);
    const Row counts = row();
    has_schema_ = counts.number(0) != 0;
    version_ = 0;
    if (counts.number(1) == 0) return StoreState::absent;
    if (counts.number(2) == 0) return StoreState::foreign;
    if (!run("SELECT coalesce(max(version), 0), count(*) FROM @.droplit_versions")) {
      const bool is_other_table = reply_.state.is("42") && !reply_.state.is("42501");
      if (reply_.status == QueryStatus::failed && is_other_table) return StoreState::foreign;
      return reply_.fault(operation);
    }
    if (row().number(0) == row().number(1)) version_ = row().number(0);
    const auto latest = static_cast<std::int64_t>(steps_.size());
    if (version_ == 0 || version_ > latest) return StoreState::foreign;
    return version_ == latest ? StoreState::current : StoreState::older;
  }

  /// Runs a script and keeps its reply; whether it was completed.
  bool run(std::string_view sql) {
    reply_ = connection_->script(with_schema(sql, schema_), until_);
    return reply_.status == QueryStatus::completed;
  }

  [[nodiscard]] Row row() const { return {"open", reply_.rows.get()}; }

  bool create() {
    std::string sql = has_schema_ ? "" : "CREATE SCHEMA @;";
    for (std::size_t i = 0; i != steps_.size(); ++i) {
      sql += steps_[i].sql;
      for (const Index& index : steps_[i].indexes) sql += creation(index, "");
      sql += recording(i + 1);
    }
    return run(sql);
  }

  /// Takes the missing steps, if no other process is about to. The end of the session frees the lock, so all of it uses
  /// one connection; if that is lost, `run` starts again.
  bool upgrade() {
    const bool done = run("SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('droplit.@', 0))");
    if (!done || row().text(0) != "t") return done;
    const auto found = read_state("open");  // another process may have taken the steps
    const bool upgraded = found && found.assume_value() == StoreState::older && take_steps();
    connection_.reset();
    return upgraded;
  }

  bool take_steps() {
    for (auto i = static_cast<std::size_t>(version_); i != steps_.size(); ++i) {
      if (!change(steps_[i].sql, table_lock_timeout)) return false;
      for (const Index& index : steps_[i].indexes) {
        if (!build(index)) return false;
      }
      if (!run(recording(i + 1))) return false;
    }
    return true;
  }

  /// Builds an index until it exists and is valid; a build that was cut off has left an invalid one. Fails if another
  /// index has its name: of another table, or not as unique.
  bool build(const Index& index) {
    const std::string name(index.name);
    const std::string find =
        "SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass('@." + name +
        "') AND indrelid = pg_catalog.to_regclass('" + index.table +
        "') AND indisunique = " + (index.is_unique ? "true" : "false");
    while (run(find)) {
      if (row().text(0) == "t") return true;
      const std::string sql = row().is_empty() ? creation(index, "CONCURRENTLY ") : "DROP INDEX CONCURRENTLY @." + name;
      if (!change(sql, no_lock_timeout)) return false;
    }
    return false;
  }

  /// Runs a part of an upgrade, which may take all the time that is left; `lock_timeout` is in milliseconds.
  bool change(std::string_view sql, int lock_timeout) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Time::now()).count();
    return left > 0 && run("SET statement_timeout = " + std::to_string(left)) &&
           run("SET lock_timeout = " + std::to_string(lock_timeout)) && run(sql);
  }

  static std::string creation(const Index& index, const char* how) {
    return std::string(index.is_unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ") + how + index.name + " ON " +
           index.table + ' ' + index.rows + ';';
  }

  static std::string recording(std::size_t version) {
    return "INSERT INTO @.droplit_versions (version) VALUES (" + std::to_string(version) + ");";
  }

  Target target_;
  std::string schema_;
  std::span<const Step> steps_;
  Deadline until_;
  std::chrono::milliseconds upgrade_timeout_;
  std::unique_ptr<Connection> connection_;
  Reply reply_;
  bool has_schema_ = false;
  std::int64_t version_ = 0;  // 0 if there are no tables, or not ours
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
