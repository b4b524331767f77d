// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Schemas of earlier versions, and servers of earlier versions that are running meanwhile.
#include <droplit/storage/postgres.hpp>

#include "support/catch.hpp"
#include "support/postgres_cluster.hpp"
#include "support/postgres_site.hpp"
#include "support/postgres_version_1.hpp"
#include "support/postgres_wire.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;
using std::chrono::milliseconds;

namespace {

namespace v1 = postgres_version_1;

/// A schema of version 1, which has `home` and the client 0, and sessions of other programs.
struct OldSite {
  std::string schema = new_schema();
  PostgresSession other{cluster().conninfo()};
  PostgresSession onlooker{cluster().conninfo()};  // outside of transactions, in which activities are cached

  OldSite() {
    REQUIRE(run(v1::creation).empty());
    REQUIRE(run("INSERT INTO @.ecosystems VALUES ('" + home.text() + "', 'active')").empty());
    REQUIRE(run("INSERT INTO @.clients VALUES ('" + id(0).text() + "', 0, '" + home.text() + "', 'server', 'n', 'd')")
                .empty());
  }

  std::string sql(std::string_view text) const { return detail::postgres::with_schema(text, schema); }
  std::string run(std::string_view text) { return other.run(sql(text)); }
  std::string ask(std::string_view text) { return onlooker.ask(sql(text)); }
  std::string versions() { return ask("SELECT version FROM @.droplit_versions ORDER BY version"); }

  /// The keys' indexes and whether they are valid.
  std::string indexes() {
    return ask(
        "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE c.relnamespace = '@'::regnamespace AND c.relname LIKE '%key%' AND NOT i.indisprimary ORDER BY 1");
  }

  void check_upgraded() {
    CHECK(versions() == all_versions());
    CHECK(indexes() == "clients_idempotency_key|t|clients_idempotency_key_age|t|");
    CHECK(ask("SELECT name FROM @.clients WHERE idempotency_key IS NULL AND id = '" + id(0).text() + "'") == "n|");
  }

  std::future<std::string> opening(PostgresOptions options = {}) {
    options.schema = schema;
    return std::async(std::launch::async, [options] {
      const auto storage = PostgresStorage::open(cluster().conninfo(), options);
      return storage ? std::string("open") : std::string(storage.exception().what());
    });
  }

  /// Waits until a statement of an opening that begins so is waiting for a lock, and returns its process.
  std::string await_waiting(std::string_view statement) {
    const std::string waiting =
        " FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'droplit' AND query LIKE '" +
        sql(statement) + "%'";
    onlooker.await("SELECT count(*)" + waiting, "1|");
    const std::string pid = onlooker.ask("SELECT pid" + waiting);
    return pid.substr(0, pid.find('|'));
  }

  void terminate(std::string_view statement) {
    std::string pid = await_waiting(statement);
    while (pid.empty()) pid = await_waiting(statement);  // it had just given the lock up
    onlooker.ask("SELECT pg_terminate_backend(" + pid + ")");
    onlooker.await("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid, "0|");
  }
};

/// What has been running since version 1 was the latest: its sessions know their statements.
class OldServer {
 public:
  explicit OldServer(OldSite& site) : site_(site) {
    check_opening();
    REQUIRE(session_.run(std::string(v1::settings)).empty());
    REQUIRE(session_.run("SET statement_timeout = 60000; SET lock_timeout = 60000").empty());  // for a busy machine
    for (const auto& [name, sql] : {std::pair("insert", v1::insert),
                                    {"insert_again", v1::insert_again},
                                    {"add_ecosystem", v1::add_ecosystem},
                                    {"delete_ecosystem", v1::delete_ecosystem},
                                    {"find_ecosystem", v1::find_ecosystem},
                                    {"find_client", v1::find_client}}) {
      session_.prepare(name, site.sql(sql));
    }
  }

  /// As a server of that version decides whether it may start.
  void check_opening() {
    CHECK(session_.ask(site_.sql(v1::opening[0])).ends_with("|1|"));
    CHECK(session_.ask(site_.sql(v1::opening[1])) == "1|1|");
  }

  std::string insert(std::uint32_t n, const std::string& statement = "insert") {
    return session_.execute(statement, {id(n).text(), std::to_string(n), home.text(), "server", "n", "d"});
  }

  /// Whether all that it does goes as ever, beside no other program; `n`: of a client that is not there.
  void check_all(std::uint32_t n) {
    CHECK(insert(n) == "active|1|");
    CHECK(insert(n) == "active|0|");
    CHECK(insert(n, "insert_again") == "active|2|");  // counted in both of its ways
    CHECK(session_.execute("find_client", {id(n).text()}) == std::to_string(n) + '|' + home.text() + "|server|n|d|");
    EcosystemId::Bytes bytes{};
    bytes[11] = static_cast<std::uint8_t>(n);
    const std::string one = EcosystemId(bytes).text();
    CHECK(session_.execute("add_ecosystem", {one}) == "active|");
    CHECK(session_.execute("find_ecosystem", {one}) == "active|");
    CHECK(session_.execute("delete_ecosystem", {one}) == "active|1|");
    CHECK(session_.execute("delete_ecosystem", {one}) == "deleted|0|");
  }

 private:
  OldSite& site_;
  PostgresSession session_{cluster().conninfo()};
};

std::size_t count_in_log(std::string_view text) {
  const std::string log = cluster().log();
  std::size_t count = 0;
  for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("of several that open a schema of version 1 at the same time one upgrades it, and all get it") {
  cluster().stop_fast();
  cluster().start({"log_statement=ddl"});
  {
    OldSite site;
    OldServer server(site);
    const std::size_t before = count_in_log("EXISTS idempotency_key text");
    std::atomic<bool> stop = false;
    std::uint32_t created = 0;
    std::string wrong;
    std::jthread load([&] {
      while (!stop && wrong.empty()) {
        const std::string row = server.insert(++created);
        if (row != "active|1|") wrong = row;
      }
    });
    std::vector<std::future<std::string>> openings;
    for (int i = 0; i != 8; ++i) openings.push_back(site.opening());
    for (auto& each : openings) CHECK(each.get() == "open");
    stop = true;
    load.join();
    CHECK(wrong.empty());
    CHECK(site.ask("SELECT count(*) FROM @.clients") == std::to_string(created + 1) + "|");
    site.check_upgraded();
    CHECK(count_in_log("EXISTS idempotency_key text") == before + 1);
    CHECK(count_in_log("deadlock detected") == 0);
  }
  cluster().stop_fast();
  cluster().start();
}

TEST_CASE("an upgraded schema is a new one") {
  const auto describe = [](OldSite& site, const std::string& schema) {
    std::string found = site.onlooker.ask(
        "SELECT relname, attname, atttypid::regtype, attnotnull, attnum FROM pg_attribute JOIN pg_class ON oid = attrelid"
        " WHERE relnamespace = '" +
        schema + "'::regnamespace AND attnum > 0 ORDER BY 1, 5");
    found += site.onlooker.ask("SELECT replace(indexdef, schemaname, '@') FROM pg_indexes WHERE schemaname = '" +
                               schema + "' ORDER BY 1");
    return found;
  };
  OldSite old;
  CHECK(old.opening().get() == "open");
  const std::string schema = new_schema();
  open(in(schema));
  CHECK(describe(old, old.schema) == describe(old, schema));
  CHECK(describe(old, schema)
            .find("CREATE UNIQUE INDEX clients_idempotency_key ON @.clients USING btree (ecosystem_id,"
                  " idempotency_key) WHERE (idempotency_key IS NOT NULL)|") != std::string::npos);
  CHECK(describe(old, schema)
            .find("CREATE INDEX clients_idempotency_key_age ON @.clients USING btree (created_at) WHERE"
                  " (idempotency_key IS NOT NULL)|") != std::string::npos);
}

TEST_CASE("a server of version 1 goes on while the schema is upgraded and afterwards, and may start until then") {
  OldSite site;
  OldServer server(site);
  std::future<std::string> opening;  // after a failure the sessions that it waits for end first
  PostgresSession writer(cluster().conninfo());
  PostgresSession reader(cluster().conninfo());

  // The change of the table waits for this transaction, and the server's creates wait for the change: it gives way.
  REQUIRE(writer.run(site.sql("BEGIN; INSERT INTO @.clients SELECT 'x', 0, id, 'server' FROM @.ecosystems")).empty());
  REQUIRE(reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ").empty());
  REQUIRE(reader.run(site.sql("SELECT 1 FROM @.ecosystems")).empty());
  opening = site.opening();
  for (std::uint32_t n = 1; n != 4; ++n) {
    site.await_waiting("ALTER TABLE @.clients ADD COLUMN");
    server.check_all(n);
  }
  OldServer(site).check_all(4);
  CHECK(site.versions() == "1|");
  REQUIRE(writer.run("ROLLBACK").empty());

  // The builds of the indexes wait for this transaction, and no create waits for them.
  site.await_waiting("CREATE UNIQUE INDEX CONCURRENTLY");
  server.check_all(5);
  OldServer(site).check_all(6);
  CHECK(site.versions() == "1|");
  REQUIRE(reader.run("COMMIT").empty());

  CHECK(opening.get() == "open");
  server.check_all(7);
  CHECK(site.ask("SELECT count(*) FROM @.clients") == "8|");
  site.check_upgraded();
}

TEST_CASE("an upgrade whose session is ended in the middle of a statement goes on, and builds what is invalid anew") {
  OldSite site;
  std::future<std::string> opening;
  PostgresSession holder(cluster().conninfo());
  const std::string column = "ALTER TABLE @.clients ADD COLUMN idempotency_key text";
  const std::string unique =
      "CREATE UNIQUE INDEX clients_idempotency_key ON @.clients (ecosystem_id, idempotency_key)"
      " WHERE idempotency_key IS NOT NULL";
  const std::string snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM @.ecosystems";
  std::string holds = snapshot;
  std::string statement;
  bool leaves_invalid = false;
  SECTION("the change of the table") {
    holds = "BEGIN; UPDATE @.clients SET name = name";
    statement = "ALTER TABLE";
  }
  SECTION("the build of the first index") {
    statement = "CREATE UNIQUE INDEX CONCURRENTLY";
    leaves_invalid = true;
  }
  SECTION("the build of the second index") {
    REQUIRE(site.run(column).empty());
    REQUIRE(site.run(unique).empty());
    statement = "CREATE INDEX CONCURRENTLY";
    leaves_invalid = true;
  }
  SECTION("the removal of an invalid index") {
    REQUIRE(site.run(column).empty());
    REQUIRE(site.run(unique).empty());
    REQUIRE(site.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '@.clients_idempotency_key'::regclass")
                .empty());
    holds = "BEGIN; ALTER INDEX @.clients_idempotency_key SET (fillfactor = 90)";
    statement = "DROP INDEX CONCURRENTLY";
    leaves_invalid = true;
  }
  REQUIRE(holder.run(site.sql(holds)).empty());
  opening = site.opening();
  for (int tries = 0; tries != 3; ++tries) {
    site.terminate(statement);
    CHECK(site.versions() == "1|");
    CHECK((site.indexes().find("|f|") != std::string::npos) == leaves_invalid);
  }
  REQUIRE(holder.run("ROLLBACK").empty());
  CHECK(opening.get() == "open");
  site.check_upgraded();
}

TEST_CASE("an upgrade whose process ends at any statement is completed by the next opening") {
  for (const std::string statement : {"pg_try_advisory_lock", "ADD COLUMN", "UNIQUE INDEX CONCURRENTLY",
                                      "CREATE INDEX CONCURRENTLY", "(version) VALUES"}) {
    for (const Wire::Action action : {Wire::cut_before, Wire::cut_at_once, Wire::cut_after}) {
      CAPTURE(statement, action);
      OldSite site;
      {
        Wire wire(cluster().socket());
        wire.when(
            statement, action, [] {}, true);
        PostgresOptions options = in(site.schema);
        options.connect_timeout = milliseconds(60000);
        const auto failed = PostgresStorage::open(wire.conninfo(), options);
        CHECK(wire.is_done());
        check_unavailable(failed);
      }
      CHECK(site.opening(in("")).get() == "open");
      site.check_upgraded();
    }
  }
}

TEST_CASE("an upgrade that does not end in time is unavailable, and so is waiting for one; the next opening goes on") {
  OldSite site;
  PostgresSession holder(cluster().conninfo());
  REQUIRE(holder.run(site.sql("BEGIN; UPDATE @.clients SET name = name")).empty());
  for (const auto limit : {milliseconds::min(), milliseconds(0), milliseconds(300)}) {
    std::vector<std::future<std::string>> openings;
    for (int i = 0; i != 2; ++i) openings.push_back(site.opening({.upgrade_timeout = limit}));
    for (auto& each : openings) CHECK(each.get() == "postgres open: the schema was not ready before the time limit");
  }
  CHECK(site.versions() == "1|");
  REQUIRE(holder.run("ROLLBACK").empty());
  CHECK(site.opening({.upgrade_timeout = milliseconds::max()}).get() == "open");
  site.check_upgraded();
}

TEST_CASE("an upgrade whose limit passes while its server is silent says so, whatever it was waiting for") {
  for (const std::string silent : {"application_name", "set_config", "pg_namespace", "max(version)"}) {
    CAPTURE(silent);
    OldSite site;
    std::string what;
    bool done = false;
    for (milliseconds limit(200); !done; limit *= 2) {  // a busy machine needs a longer one to come so far
      Wire wire(cluster().socket());
      wire.when("pg_try_advisory_lock", Wire::cut_before, [&] { wire.when(silent, Wire::fall_silent); });
      PostgresOptions options = in(site.schema);
      options.connect_timeout = milliseconds(60000);
      options.upgrade_timeout = limit;
      const auto opened = PostgresStorage::open(wire.conninfo(), options);
      done = wire.is_done();
      check_unavailable(opened);
      what = fault(opened).what();
    }
    CHECK(what == "postgres open: the schema was not ready before the time limit");
    CHECK(site.versions() == "1|");
  }
}

TEST_CASE("a server that falls silent during an opening or an inspection did not answer, and lost no connection") {
  Site site;
  for (const std::string silent : {"set_config", "pg_namespace", "FOR SHARE", "inspected"}) {
    CAPTURE(silent);
    const bool is_inspection = silent == "inspected";
    Outcome<StoreState> outcome = StoreState::absent;
    bool done = false;
    for (milliseconds limit(100); !done; limit *= 2) {  // a busy machine needs a longer one to come so far
      const PostgresOptions options{.connect_timeout = limit, .timeout = limit, .schema = site.schema};
      Wire wire(cluster().socket());
      wire.when(is_inspection ? "pg_namespace" : silent, Wire::fall_silent);
      if (is_inspection) {
        outcome = PostgresStorage::inspect(wire.conninfo(), options);
      } else {
        const auto opened = PostgresStorage::open(wire.conninfo(), options);
        outcome = fault(opened);
      }
      done = wire.is_done();
    }
    check_unavailable(outcome);
    CHECK(fault(outcome).what() == (is_inspection ? "postgres inspect: no answer before the time limit"
                                                  : "postgres open: no answer before the time limit"));
  }
  Wire wire(cluster().socket());
  wire.when("pg_namespace", Wire::cut_before);
  CHECK(PostgresStorage::inspect(wire.conninfo(), in(site.schema)).exception().what() ==
        "postgres inspect: the connection was lost");
}

TEST_CASE("an upgrade needs the rights of the owner, and without them nothing is changed") {
  OldSite site;
  REQUIRE(site.run("CREATE ROLE no_owner LOGIN; GRANT USAGE ON SCHEMA @ TO no_owner;"
                   "GRANT SELECT, INSERT, UPDATE ON @.clients, @.ecosystems TO no_owner;"
                   "GRANT SELECT ON @.droplit_versions TO no_owner")
              .empty());
  const std::string conninfo = cluster().conninfo() + " user=no_owner";
  const Fault why = fault(PostgresStorage::open(conninfo, in(site.schema)));
  CHECK(why.what() == "postgres open: SQLSTATE 42501");
  REQUIRE(site.run("REVOKE SELECT ON @.droplit_versions FROM no_owner").empty());
  CHECK(fault(PostgresStorage::open(conninfo, in(site.schema))).what() == "postgres open: SQLSTATE 42501");
  CHECK(fault(PostgresStorage::inspect(conninfo, in(site.schema))).what() == "postgres inspect: SQLSTATE 42501");
  REQUIRE(site.run("GRANT SELECT ON @.droplit_versions TO no_owner").empty());
  CHECK(why.fate() == Fate::not_applied);
  CHECK(!why.status());
  CHECK(site.versions() == "1|");
  CHECK(site.opening().get() == "open");
  CHECK(open(in(site.schema), conninfo).insert(client(1)).value() == Insertion::inserted);
}

TEST_CASE("later steps are taken once, by whichever of several that open at the same time, or not at all") {
  using detail::postgres::Step;
  std::vector<Step> steps(detail::postgres::steps.begin(), detail::postgres::steps.end());
  const std::size_t present = steps.size();
  steps.push_back({"ALTER TABLE @.clients ADD COLUMN more text; UPDATE @.ecosystems SET id = id || 'x';"});
  steps.push_back({"CREATE TABLE @.more (a integer); INSERT INTO @.more VALUES (1);"});
  const detail::postgres::Target target{cluster().conninfo(), milliseconds(60000), milliseconds(60000),
                                        milliseconds(60000)};
  const auto opening = [&](const std::string& schema, std::span<const Step> all) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const auto opened = detail::postgres::Opening(target, schema, all, until, milliseconds(60000)).run();
    return opened ? std::string() : opened.exception().what();
  };
  const std::string newer = "postgres open: the schema is of a newer version";
  Site site;
  std::vector<std::future<std::string>> all;
  for (std::size_t i = 0; i != 8; ++i) {
    const auto some = std::span<const Step>(steps).first(i % 4 == 0 ? present + 1 : present + 2);
    all.push_back(std::async(std::launch::async, opening, site.schema, some));
  }
  for (auto& each : all) {
    const std::string what = each.get();
    INFO(what);
    CHECK((what.empty() || what == newer));
  }
  CHECK(opening(site.schema, steps).empty());
  CHECK(opening(site.schema, std::span<const Step>(steps).first(1)) == newer);
  CHECK(site.ask("SELECT id FROM @.ecosystems") == home.text() + "x|");
  CHECK(site.ask("SELECT * FROM @.more") == "1|");
  const std::string versions = all_versions() + std::to_string(present + 1) + '|' + std::to_string(present + 2) + '|';
  CHECK(site.ask("SELECT version FROM @.droplit_versions ORDER BY version") == versions);
  const std::string fresh = new_schema();
  CHECK(opening(fresh, steps).empty());
  CHECK(site.other.ask("SELECT version FROM " + fresh + ".droplit_versions ORDER BY version") == versions);

  steps.resize(present);
  steps.push_back({"CREATE TABLE @.half (a integer); SELECT 1 / 0;"});
  Site other;
  CHECK(opening(other.schema, steps) == "postgres open: SQLSTATE 22012");
  CHECK(other.ask("SELECT to_regclass('@.half')") == "NULL|");
  steps.back() = {"ALTER TABLE @.droplit_versions ADD CHECK (version = 0) NOT VALID"};
  CHECK(opening(other.schema, steps) == "postgres open: SQLSTATE 23514");  // of the version's row
  CHECK(other.ask("SELECT version FROM @.droplit_versions ORDER BY version") == all_versions());
}

TEST_CASE("an upgrade whose session ends when it has its lock goes on only after it has the lock again") {
  using detail::postgres::Step;
  std::vector<Step> steps(detail::postgres::steps.begin(), detail::postgres::steps.end());
  steps.push_back(
      {"CREATE TABLE @.mine AS SELECT count(*) AS locks FROM pg_catalog.pg_locks"
       " WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid();"});
  Site site;
  Wire wire(cluster().socket());
  wire.when("pg_try_advisory_lock", Wire::cut_after_reply);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const detail::postgres::Target target{wire.conninfo(), milliseconds(60000), milliseconds(60000), milliseconds(60000)};
  CHECK(detail::postgres::Opening(target, site.schema, steps, until, milliseconds(60000)).run().has_value());
  CHECK(wire.is_done());
  CHECK(site.ask("SELECT locks FROM @.mine") == "1|");
}

TEST_CASE("a session that upgraded a schema hinders no later upgrade, and has the limits of others") {
  using detail::postgres::Step;
  std::vector<Step> steps(detail::postgres::steps.begin(), detail::postgres::steps.end());
  Site site;
  const detail::postgres::Target target{cluster().conninfo(), milliseconds(60000), milliseconds(50000),
                                        milliseconds(40000)};
  std::vector<std::unique_ptr<detail::postgres::Connection>> kept;
  for (const char* const sql : {"CREATE TABLE @.one (a integer)", "CREATE TABLE @.two (a integer)"}) {
    steps.push_back({sql});
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    auto opened = detail::postgres::Opening(target, site.schema, steps, until, milliseconds(60000)).run();
    REQUIRE(opened);
    kept.push_back(std::move(opened).assume_value());
    const auto limits =
        kept.back()->script("SELECT current_setting('statement_timeout') || current_setting('lock_timeout')", until);
    CHECK(detail::postgres::Row("open", limits.rows.get()).text(0).value_or("") == "50s40s");
  }
}

TEST_CASE("an upgrade takes no other index for its own, and does not remove it") {
  OldSite site;
  REQUIRE(site.run("ALTER TABLE @.clients ADD COLUMN idempotency_key text").empty());
  std::string index;
  SECTION("one that is not unique") { index = "INDEX clients_idempotency_key ON @.clients (ecosystem_id)"; }
  SECTION("one of another table") { index = "UNIQUE INDEX clients_idempotency_key ON @.ecosystems (state)"; }
  SECTION("a unique one") { index = "UNIQUE INDEX clients_idempotency_key_age ON @.clients (created_at)"; }
  REQUIRE(site.run("CREATE " + index).empty());
  CHECK(site.opening().get() == "postgres open: SQLSTATE 42P07");
  CHECK(site.versions() == "1|");
  const std::string name = index.substr(index.find("clients_"), index.find(" ON ") - index.find("clients_"));
  REQUIRE(site.run("DROP INDEX @." + name).empty());
  CHECK(site.opening().get() == "open");
  site.check_upgraded();
}

TEST_CASE("an opening that gets its turn when another one has upgraded takes no step again") {
  using detail::postgres::Step;
  std::vector<Step> steps(detail::postgres::steps.begin(), detail::postgres::steps.end());
  steps.push_back({"CREATE TABLE IF NOT EXISTS @.more (a integer); INSERT INTO @.more VALUES (1);"});
  Site site;
  const auto opening = [&](const std::string& conninfo) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const detail::postgres::Target target{conninfo, milliseconds(60000), milliseconds(60000), milliseconds(60000)};
    return detail::postgres::Opening(target, site.schema, steps, until, milliseconds(60000)).run().has_value();
  };
  bool first = false;
  Wire wire(cluster().socket());
  wire.when("pg_try_advisory_lock", Wire::arrive_late, [&] { first = opening(cluster().conninfo()); });
  CHECK(opening(wire.conninfo()));
  CHECK(first);
  CHECK(wire.is_done());
  CHECK(site.ask("SELECT count(*) FROM @.more") == "1|");
}
