// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A PostgresStorage in a schema of its own, beside sessions that look on.
#pragma once

#include <droplit/storage/postgres.hpp>

#include "catch.hpp"
#include "postgres_cluster.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

using namespace droplit;
using std::chrono::milliseconds;

inline constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
inline constexpr EcosystemId elsewhere = "C594b89aea18568c408c3ad00"_ecosystem_id;

/// One server for all tests, which the first one starts. Those that stop it start it again.
inline PostgresCluster& cluster() {
  static PostgresCluster one;
  return one;
}

inline std::string new_schema() {
  static int n = 0;
  cluster();  // by the main thread, then
  return "s" + std::to_string(n++);
}

inline ClientId id(std::uint32_t n) {
  ClientId::Bytes bytes{};
  for (std::size_t i = 0; i != 4; ++i) bytes[11 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  return ClientId(bytes);
}

inline Client client(std::uint32_t n) {
  return {id(n), Timestamp::clamp_unix_millis(n), home, ClientType::server, Text::parse("n"), Text::parse("d")};
}

inline PostgresStorage open(const PostgresOptions& options, const std::string& conninfo = cluster().conninfo()) {
  return PostgresStorage::open(conninfo, options).value();
}

/// The rows of `droplit_versions` in a schema of the latest version, in their order.
inline std::string all_versions() {
  std::string rows;
  for (std::size_t i = 1; i <= detail::postgres::steps.size(); ++i) rows += std::to_string(i) + '|';
  return rows;
}

inline PostgresOptions in(const std::string& schema) {
  return {.connect_timeout = milliseconds(60000), .timeout = milliseconds(60000), .schema = schema};
}

inline PostgresOptions failing_after(milliseconds limit, const std::string& schema, std::size_t connections = 8) {
  return {.connections = connections, .connect_timeout = limit * 2 / 3, .timeout = limit, .schema = schema};
}

inline PostgresOptions failing_fast(const std::string& schema) { return failing_after(milliseconds(1500), schema); }

/// A store in a schema of its own, which has `home`, and another program that looks on.
struct Site {
  std::string schema = new_schema();
  PostgresStorage storage;
  PostgresSession other{cluster().conninfo()};
  PostgresSession onlooker{cluster().conninfo()};  // outside of transactions, in which activities are cached
  explicit Site(PostgresOptions options = in("")) : storage((options.schema = schema, open(options))) {
    storage.add_ecosystem(home).value();
  }
  std::string sql(std::string_view text) const { return detail::postgres::with_schema(text, schema); }
  std::string run(std::string_view text) { return other.run(sql(text)); }
  std::string ask(std::string_view text) { return other.ask(sql(text)); }
  std::string count() { return ask("SELECT count(*) FROM @.clients"); }
  /// Waits until so many statements of stores are waiting for locks.
  void await_waiting(int number) {
    onlooker.await(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'droplit' AND wait_event_type = 'Lock'",
        std::to_string(number) + "|");
  }
  /// Has each insert of a row run this first.
  void on_insert(std::string_view plpgsql) {
    REQUIRE(run("CREATE SEQUENCE @.tries").empty());
    REQUIRE(run("CREATE FUNCTION @.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + std::string(plpgsql) +
                " RETURN NEW; END $$")
                .empty());
    REQUIRE(run("CREATE TRIGGER trap BEFORE INSERT ON @.clients FOR EACH ROW EXECUTE FUNCTION @.trap()").empty());
  }
};

template <class T>
Fault fault(const Outcome<T>& outcome) {
  REQUIRE(outcome.has_exception());
  CHECK(outcome.exception().source() == FaultSource::storage);
  return outcome.exception();
}

template <class T>
void check_unavailable(const Outcome<T>& outcome) {
  const Fault why = fault(outcome);
  INFO(why.what());
  CHECK(why.fate() == Fate::not_applied);
  CHECK(why.status() == 503);
  CHECK(why.retry_after() == 1);
}

/// Runs `attempt(limit)` until it returns that nothing was late, each time with four times the limit, below a minute: a
/// busy machine needs a longer one. Returns what was late in the last attempt.
template <class Attempt>
std::string with_growing_limit(milliseconds limit, Attempt attempt) {
  std::string late;
  do {
    try {
      late = attempt(limit);
    } catch (const std::exception& error) {  // of an opening, or of what else the attempt needs first
      late = error.what();
    }
    limit *= 4;
  } while (!late.empty() && limit < std::chrono::minutes(1));
  return late;
}

/// The fault that came of an operation instead of this value. Another value is an error at once.
template <class T, class Value>
std::string unless_value(const Outcome<T>& outcome, const Value& value) {
  if (!outcome) return fault(outcome).what() + "; ";
  CHECK(outcome.assume_value() == value);
  return "";
}

/// The fault that came of an operation instead of the one with these words, which says that it may have been applied.
template <class T>
std::string unless_unknown(const Outcome<T>& outcome, const std::string& what) {
  const Fault why = fault(outcome);
  if (why.what() != what) return why.what() + "; ";
  CHECK(why.fate() == Fate::maybe_applied);
  CHECK(!why.status());
  return "";
}

/// The fault that came of an operation instead of the one with these words, which says that it is unavailable.
template <class T>
std::string unless_unavailable(const Outcome<T>& outcome, const std::string& what) {
  const Fault why = fault(outcome);
  if (why.what() != what) return why.what() + "; ";
  check_unavailable(outcome);
  return "";
}
