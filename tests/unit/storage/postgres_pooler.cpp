// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A PostgresStorage whose sessions are a pooler's, with Debian's PgBouncer.
#include <droplit/storage/postgres.hpp>

#include <droplit/testing/storage_contract.hpp>

#include "support/catch.hpp"
#include "support/pgbouncer.hpp"
#include "support/postgres_site.hpp"
#include "support/postgres_version_1.hpp"
#include "support/postgres_wire.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;
using std::chrono::milliseconds;

namespace {

PostgresOptions pooled(PostgresOptions options) {
  options.session = PostgresSessionMode::pooled;
  return options;
}

ContractReport report_of(const std::string& conninfo, PostgresSessionMode mode) {
  return check_storage_contract([&] {
    PostgresOptions options = in(new_schema());
    options.session = mode;
    return open(options, conninfo);
  });
}

/// All that a session may have been left with; one line for each.
constexpr std::string_view left_behind =
    "SELECT name || '=' || setting FROM pg_settings WHERE source = 'session' OR name IN ('application_name',"
    " 'search_path', 'client_min_messages', 'statement_timeout', 'lock_timeout', 'default_transaction_isolation',"
    " 'client_encoding', 'TimeZone', 'DateStyle', 'standard_conforming_strings')"
    " UNION ALL SELECT 'prepared ' || statement FROM pg_prepared_statements"
    " UNION ALL SELECT 'lock ' || locktype FROM pg_locks WHERE pid = pg_backend_pid() AND mode LIKE '%Exclusive%'"
    " AND locktype <> 'virtualxid' ORDER BY 1";

/// Options with which a lock is waited for in vain, without a long wait.
PostgresOptions lock_limited(const std::string& schema, std::size_t connections) {
  return {.connections = connections,
          .connect_timeout = milliseconds(60000),
          .timeout = milliseconds(4000),
          .schema = schema};
}

/// Everything that a store does, faults among it.
void use(PostgresStorage& storage, PostgresSession& other, const std::string& schema) {
  storage.add_ecosystem(home).value();
  for (std::uint32_t n = 0; n != 10; ++n) CHECK(storage.insert(client(n)).value() == Insertion::inserted);
  CHECK(storage.insert(client(0)).value() == Insertion::id_taken);
  const IdempotencyKey key = IdempotencyKey::parse("k").value();
  CHECK(storage.insert_once(client(10), key).value().insertion() == Insertion::inserted);
  CHECK(storage.insert_once(client(11), key).value().insertion() == Insertion::replayed);
  CHECK(storage.find_client(id(1)).value() == client(1));
  CHECK(storage.find_ecosystem(home).value().state() == EcosystemState::active);
  CHECK(other.run("BEGIN; SELECT * FROM " + schema + ".ecosystems FOR UPDATE").empty());
  check_unavailable(storage.insert(client(11)));  // its lock's limit
  CHECK(other.run("COMMIT").empty());
  CHECK(storage.add_ecosystem(elsewhere).value() == EcosystemState::active);
  CHECK(storage.delete_ecosystem(elsewhere).value() == EcosystemState::active);
}

}  // namespace

TEST_CASE("through PgBouncer a PostgresStorage keeps the contract, pooled by transactions or a session of its own") {
  cluster();
  {
    const PgBouncer bouncer(cluster(), "transaction");
    CHECK(report_of(bouncer.conninfo(), PostgresSessionMode::pooled));
  }
  const PgBouncer bouncer(cluster(), "session", 20);
  CHECK(report_of(bouncer.conninfo(), PostgresSessionMode::own));
}

TEST_CASE("without a pooler a pooled PostgresStorage keeps the contract too") {
  CHECK(report_of(cluster().conninfo(), PostgresSessionMode::pooled));
}

TEST_CASE("a pooled PostgresStorage upgrades no schema, and opens it once a session of its own has upgraded it") {
  PostgresSession other(cluster().conninfo());
  const PgBouncer bouncer(cluster(), "transaction");
  const std::string schema = new_schema();
  REQUIRE(other.run(detail::postgres::with_schema(postgres_version_1::creation, schema)).empty());
  for (const std::string& conninfo : {bouncer.conninfo(), cluster().conninfo()}) {
    const Fault why = fault(PostgresStorage::open(conninfo, pooled(in(schema))));
    CHECK(why.what() == "postgres open: the schema is of an older version, and an upgrade needs a session of its own");
    CHECK(why.fate() == Fate::not_applied);
    CHECK(!why.status());
  }
  CHECK(PostgresStorage::inspect(bouncer.conninfo(), pooled(in(schema))).value() == StoreState::older);
  open(in(schema));
  CHECK(PostgresStorage::inspect(bouncer.conninfo(), pooled(in(schema))).value() == StoreState::current);
  PostgresStorage storage = open(pooled(in(schema)), bouncer.conninfo());
  storage.add_ecosystem(home).value();
  CHECK(storage.insert(client(1)).value() == Insertion::inserted);
}

TEST_CASE("what a pooled PostgresStorage did is not seen in the session that the next program gets") {
  const std::string encoding = GENERATE("UTF8", "LATIN1");
  PostgresSession other(cluster().conninfo());
  REQUIRE(other.run("ALTER DATABASE postgres SET client_encoding = " + encoding).empty());
  const PgBouncer bouncer(cluster(), "transaction");
  const auto backend = [&] { return PostgresSession(bouncer.conninfo()).ask("SELECT pg_backend_pid()"); };
  const std::string before = PostgresSession(bouncer.conninfo()).ask(std::string(left_behind));
  const std::string pid = backend();
  const std::string schema = new_schema();
  {
    PostgresStorage storage = open(pooled(lock_limited(schema, 2)), bouncer.conninfo());
    use(storage, other, schema);
    CHECK(PostgresSession(bouncer.conninfo()).ask(std::string(left_behind)) == before);  // beside it
    CHECK(backend() == pid);
  }
  CHECK(PostgresSession(bouncer.conninfo()).ask(std::string(left_behind)) == before);  // after it
  CHECK(backend() == pid);
  REQUIRE(other.run("ALTER DATABASE postgres RESET client_encoding").empty());
}

TEST_CASE("a session of a store's own is reset by PgBouncer before the next program gets it") {
  PostgresSession other(cluster().conninfo());
  const PgBouncer bouncer(cluster(), "session");
  const std::string before = PostgresSession(bouncer.conninfo()).ask(std::string(left_behind));
  const std::string schema = new_schema();
  {
    PostgresStorage storage = open(lock_limited(schema, 1), bouncer.conninfo());
    use(storage, other, schema);
  }
  CHECK(PostgresSession(bouncer.conninfo()).ask(std::string(left_behind)) == before);
}

TEST_CASE("what other programs left in a session, or the database's own settings, change nothing") {
  PostgresSession other(cluster().conninfo());
  const PgBouncer bouncer(cluster(), "transaction");
  const std::string schema = new_schema();
  PostgresStorage storage = open(pooled(in(schema)), bouncer.conninfo());
  storage.add_ecosystem(home).value();
  REQUIRE(other
              .run("CREATE SCHEMA bad_" + schema + "; SET search_path = bad_" + schema +
                   "; CREATE FUNCTION never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
                   "CREATE OPERATOR = (FUNCTION = never, LEFTARG = text, RIGHTARG = text); RESET search_path")
              .empty());
  std::uint32_t n = 0;
  for (const std::string& setting :
       {"search_path = bad_" + schema + ", pg_catalog", std::string("default_transaction_isolation = 'serializable'"),
        std::string("default_transaction_isolation = 'repeatable read'"), std::string("lock_timeout = 1"),
        std::string("TimeZone = 'Asia/Kathmandu'"), std::string("DateStyle = 'SQL, DMY'"),
        std::string("standard_conforming_strings = off"), std::string("client_encoding = 'LATIN1'"),
        std::string("bytea_output = 'escape'"), std::string("client_min_messages = 'error'"),
        std::string("plan_cache_mode = 'force_generic_plan'")}) {
    CAPTURE(setting);
    PostgresSession leaves(bouncer.conninfo());
    REQUIRE(leaves.run("SET " + setting).empty());
    const Client c(id(++n), Timestamp::clamp_unix_millis(Timestamp::min_unix_millis), home, {},
                   Text::parse("\\' \xC3\xA9"), Text::parse("\xF0\x9F\x90\x9D"));
    CHECK(storage.insert(c).value() == Insertion::inserted);
    CHECK(storage.insert(c).value() == Insertion::id_taken);
    CHECK(storage.find_client(id(n)).value() == c);
    CHECK(storage.find_ecosystem(elsewhere).value().state() == EcosystemState::unknown);
    CHECK(open(pooled(in(schema)), bouncer.conninfo()).find_client(id(n)).value() == c);
    const Client same(id(2000 + n), Timestamp::clamp_unix_millis(1), home, {}, c.name(), c.description());
    const IdempotencyKey key = IdempotencyKey::parse("k\\'" + setting.substr(0, setting.find(' '))).value();
    const Insertion first = storage.insert_once(same, key).value().insertion();
    CHECK((first == Insertion::inserted || first == Insertion::replayed));  // one setting comes twice
    CHECK(storage.insert_once(c, key).value().insertion() == Insertion::replayed);
    // a lock is waited for as long as ours says
    REQUIRE(other.run("BEGIN; SELECT * FROM " + schema + ".ecosystems FOR UPDATE").empty());
    auto inserting = std::async(std::launch::async, [&] { return storage.insert(client(1000 + n)); });
    other.await("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1|");
    std::this_thread::sleep_for(milliseconds(5));
    REQUIRE(other.run("COMMIT").empty());
    CHECK(inserting.get().value() == Insertion::inserted);
    REQUIRE(leaves.run("RESET ALL").empty());
  }
}

TEST_CASE("a statement_timeout that another program left in a session does not limit a store's statements") {
  Site site;
  CHECK(
      with_growing_limit(milliseconds(20), [&](milliseconds left) {  // our settings are made within it
        const PgBouncer bouncer(cluster(), "transaction");
        PostgresStorage storage = open(pooled(in(site.schema)), bouncer.conninfo());
        const std::uint32_t n = static_cast<std::uint32_t>(left.count());
        REQUIRE(
            PostgresSession(bouncer.conninfo()).run("SET statement_timeout = " + std::to_string(left.count())).empty());
        REQUIRE(site.run("BEGIN; SELECT * FROM @.ecosystems FOR UPDATE").empty());
        auto inserting = std::async(std::launch::async, [&] { return storage.insert(client(n)); });
        const auto is_done = [&](milliseconds wait) { return inserting.wait_for(wait) == std::future_status::ready; };
        const std::string waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        while (!is_done(milliseconds(1)) && site.onlooker.ask(waits) != "1|") {
        }
        is_done(left * 5 / 4);
        REQUIRE(site.run("COMMIT").empty());
        const std::string late = unless_value(inserting.get(), Insertion::inserted);
        return late.empty() ? unless_value(storage.find_client(id(n)), client(n)) : late;
      }) == "");
}

TEST_CASE("a pooled insert is one round trip, too, and its connection a round trip less") {
  WiredSite own;
  WiredSite shared(pooled(in("")));
  CHECK(own.wire.flights() > shared.wire.flights());  // so far they connected, and that is all
  for (WiredSite* each : {&own, &shared}) {
    const int before = each->wire.flights();
    for (std::uint32_t n = 1; n != 11; ++n) CHECK(each->storage.insert(client(n)).value() == Insertion::inserted);
    CHECK(each->wire.flights() - before == 10);
  }
}

TEST_CASE("a pooled insert whose connection is lost is found out about, and kept once") {
  const PgBouncer bouncer(cluster(), "transaction");
  for (const Wire::Action action : {Wire::cut_before, Wire::cut_at_once, Wire::cut_after}) {
    CAPTURE(action);
    Wire wire{bouncer.socket()};
    Site site;
    PostgresStorage storage = open(pooled(in(site.schema)), wire.conninfo());
    wire.when(id(1).text(), action);
    CHECK(storage.insert(client(1)).value() == Insertion::inserted);
    CHECK(wire.is_done());
    CHECK(site.count() == "1|");
    CHECK(storage.find_client(id(1)).value() == client(1));
  }
}

TEST_CASE("a pooled insert whose session at the server is ended by the operator is kept once all the same") {
  const PgBouncer bouncer(cluster(), "transaction");
  Site site;
  PostgresStorage storage = open(pooled(in(site.schema)), bouncer.conninfo());
  REQUIRE(site.run("BEGIN; SELECT * FROM @.ecosystems FOR UPDATE").empty());
  auto inserting = std::async(std::launch::async, [&] { return storage.insert(client(1)); });
  const std::string waits = " FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
  site.onlooker.await("SELECT count(*)" + waits, "1|");
  site.onlooker.ask("SELECT pg_terminate_backend(pid)" + waits);
  site.onlooker.await("SELECT count(*)" + waits, "1|");
  REQUIRE(site.run("COMMIT").empty());
  CHECK(inserting.get().value() == Insertion::inserted);
  CHECK(site.count() == "1|");
}

TEST_CASE("a pooled statement has its limits, and they are the server's to keep") {
  Site site;
  site.on_insert("PERFORM pg_sleep(60);");
  CHECK(with_growing_limit(milliseconds(1500), [&](milliseconds limit) {
          PostgresStorage storage = open(pooled(failing_after(limit, site.schema)));
          std::string late = unless_unavailable(storage.insert(client(1)), "postgres insert: SQLSTATE 57014");
          if (!late.empty()) return late;
          REQUIRE(site.run("BEGIN; LOCK TABLE @.clients").empty());
          late = unless_unavailable(storage.insert(client(2)), "postgres insert: SQLSTATE 55P03");
          REQUIRE(site.run("COMMIT").empty());
          return late;
        }) == "");
  CHECK(site.count() == "0|");
}
