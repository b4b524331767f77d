// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/storage/postgres.hpp>

#include <droplit/create_client.hpp>
#include <droplit/testing/storage_contract.hpp>

#include "support/catch.hpp"
#include "support/postgres_cluster.hpp"
#include "support/postgres_peer.hpp"
#include "support/postgres_site.hpp"
#include "support/postgres_wire.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iterator>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace droplit;
using std::chrono::milliseconds;

namespace {

static_assert(!std::is_copy_constructible_v<PostgresStorage>);
static_assert(std::is_nothrow_move_constructible_v<PostgresStorage>);
static_assert(std::is_nothrow_move_assignable_v<PostgresStorage>);
static_assert(!std::is_default_constructible_v<PostgresStorage>);
static_assert(!Storage<const PostgresStorage>);
static_assert(TestableStorage<PostgresStorage>);

std::string refusal(const std::string& conninfo, const PostgresOptions& options) {
  const Fault why = fault(PostgresStorage::open(conninfo, options));
  CHECK(why.fate() == Fate::not_applied);
  CHECK(why.what().starts_with("postgres open: "));
  return why.what();
}

std::string no_answer_within(milliseconds limit) {
  return "postgres insert: the server did not answer within " + std::to_string(limit.count()) + " ms";
}

}  // namespace

// ---- the contract ----

TEST_CASE("a PostgresStorage keeps the contract of storages") {
  CHECK(check_storage_contract([] { return open(in(new_schema())); }));
}

TEST_CASE("two stores in one database keep the contract together") {
  struct Pair {
    std::string schema;
    PostgresStorage a;
    PostgresStorage b;
    std::atomic<unsigned> turn = 0;
    explicit Pair(const std::string& name) : schema(name), a(open(in(name))), b(open(in(name))) {}
    PostgresStorage& next() { return ++turn % 2 == 0 ? a : b; }
    void reopen() {
      a = open(in(schema));
      b = open(in(schema));
    }
    static milliseconds max_key_age() { return PostgresOptions().max_key_age; }
    auto insert(const Client& c) { return next().insert(c); }
    auto insert_once(const Client& c, const IdempotencyKey& k) { return next().insert_once(c, k); }
    auto add_ecosystem(EcosystemId e) { return next().add_ecosystem(e); }
    auto delete_ecosystem(EcosystemId e) { return next().delete_ecosystem(e); }
    auto find_client(ClientId c) { return next().find_client(c); }
  };
  CHECK(check_storage_contract([] { return Pair(new_schema()); }));
}

TEST_CASE("what was kept is there when the database is opened again, and a PostgresStorage can be moved") {
  Site site;
  site.storage.add_ecosystem(elsewhere).value();
  CHECK(site.storage.insert(client(1)).value() == Insertion::inserted);
  site.storage.delete_ecosystem(elsewhere).value();
  PostgresStorage again = open(in(site.schema));
  site.storage = std::move(again);
  CHECK(site.storage.find_client(id(1)).value() == client(1));
  CHECK(site.storage.find_client(id(2)).value() == std::nullopt);
  CHECK(site.storage.find_ecosystem(home).value() == Ecosystem(home, EcosystemState::active));
  CHECK(site.storage.find_ecosystem(elsewhere).value() == Ecosystem(elsewhere, EcosystemState::deleted));
  CHECK(site.storage.insert(client(1)).value() == Insertion::id_taken);
}

TEST_CASE("the columns are what they are said to be, and texts that look like SQL are texts") {
  Site site;
  const std::vector<std::string> texts{"'; DROP TABLE clients; --",
                                       "\"id\"",
                                       "$1",
                                       ":id",
                                       "\\'; SELECT 1",
                                       "E'\\x00'",
                                       "NULL",
                                       "'||(SELECT state FROM ecosystems)||'",
                                       "%s%n",
                                       "\\",
                                       "\\N",
                                       "$$",
                                       "1e3",
                                       "\xEF\xBF\xBF"};
  std::uint32_t n = 0;
  for (const std::string& text : texts) {
    const Client c(id(++n), Timestamp::clamp_unix_millis(-5), home, {}, Text::parse(text), Text::parse(text));
    CHECK(site.storage.insert(c).value() == Insertion::inserted);
    CHECK(site.storage.find_client(c.id()).value() == c);
    CHECK(site.ask("SELECT count(*) FROM @.clients WHERE convert_to(name, 'UTF8') = '\\x" + [&] {
      std::string hex;
      for (const char b : text) {
        hex += "0123456789abcdef"[static_cast<unsigned char>(b) >> 4];
        hex += "0123456789abcdef"[b & 15];
      }
      return hex;
    }() + "' AND description = name") == "1|");
  }
  const Client bare(id(0), Timestamp::clamp_unix_millis(7), home, ClientType::server);
  CHECK(site.storage.insert(bare).value() == Insertion::inserted);
  CHECK(site.count() == std::to_string(texts.size() + 1) + "|");
  CHECK(site.ask("SELECT id, created_at, ecosystem_id, type, name, description FROM @.clients WHERE created_at = 7") ==
        "000000000000000000000000|7|C594b89aea18568c408c3ad24|server|NULL|NULL|");
  CHECK(site.ask("SELECT * FROM @.droplit_versions ORDER BY version") == all_versions());
  CHECK(site.run("DELETE FROM @.ecosystems") == "23503");
}

TEST_CASE("an insert is one round trip") {
  WiredSite p;
  const int before = p.wire.flights();
  for (std::uint32_t n = 1; n != 11; ++n) CHECK(p.storage.insert(client(n)).value() == Insertion::inserted);
  CHECK(p.wire.flights() - before == 10);
}

// ---- opening ----

TEST_CASE("an invalid connection string or name of a schema is refused, and no fault repeats it") {
  for (const std::string conninfo :
       {"canary", "host=localhost canary=1", "postgres://canary:canary@[", "host='canary"}) {
    CHECK(refusal(conninfo, {}) == "postgres open: the connection string cannot be read");
  }
  CHECK(refusal(std::string("dbname=a\0b", 10), {}) == "postgres open: the connection string cannot be read");
  for (const std::string schema : {"", "a b", "A", "a;b", "\"a\"", "0a", "9a", "a.b", "\xC3\xA9"}) {
    CHECK(refusal(cluster().conninfo(), in(schema)) == "postgres open: no name of a schema");
  }
  CHECK(refusal(cluster().conninfo(), in(std::string(64, 'a'))) == "postgres open: no name of a schema");
}

TEST_CASE("a SQLSTATE is five digits and capital letters, and nothing else is one") {
  using detail::postgres::SqlState;
  for (const std::string code : {"00000", "57P01", "XX000", "ZZZZZ"}) CHECK(SqlState::parse(code).code == code);
  for (const std::string text : {"", "0000", "000000", "57p01", "57 01", "57P0/", "57P0:", "57P0@", "57P0["}) {
    CHECK(SqlState::parse(text).code.empty());
  }
}

TEST_CASE(
    "the advisory lock of an ecosystem has the same number in every version, since servers of two run at a time") {
  const detail::postgres::Queries queries{"droplit"};
  CHECK(queries.lock_number("$1") == "(hashtextextended($1, 4883276810785479798))");  // half of FNV-1a of "droplit"
}

TEST_CASE("a schema may be named by a word of SQL, or have a name of 63 letters") {
  for (const std::string& schema :
       {std::string("order"), std::string("user"), std::string("select"), std::string("_"), std::string(63, 'a')}) {
    CAPTURE(schema);
    CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::absent);
    {
      PostgresStorage storage = open(in(schema));
      storage.add_ecosystem(home).value();
      CHECK(storage.insert(client(1)).value() == Insertion::inserted);
      CHECK(storage.insert_once(client(2), *IdempotencyKey::parse("k")).value() == Insertion::inserted);
      CHECK(storage.insert_once(client(3), *IdempotencyKey::parse("k")).value() == KeyedInsertion::replayed(client(2)));
      CHECK(storage.delete_ecosystem(home).value() == EcosystemState::active);
    }
    CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::current);
    CHECK(open(in(schema)).find_client(id(2)).value() == client(2));
  }
}

TEST_CASE("a connection string that is empty or blank leaves everything to the environment") {
  const std::array<std::pair<const char*, std::string>, 4> environment{
      {{"PGHOST", cluster().folder()}, {"PGPORT", "5432"}, {"PGUSER", "droplit"}, {"PGDATABASE", "postgres"}}};
  for (const auto& [name, value] : environment) ::setenv(name, value.c_str(), 1);
  for (const std::string conninfo : {"", " ", " \t\n\v\f\r "}) {
    CHECK(PostgresStorage::inspect(conninfo, in(new_schema())).value() == StoreState::absent);
  }
  for (const auto& [name, value] : environment) ::unsetenv(name);
}

TEST_CASE("options outside of their ranges count as the nearest value within them") {
  const auto limits = [](const PostgresOptions& options) {
    PostgresPeer peer({{PostgresPeer::row({"active"}) + PostgresPeer::complete() + PostgresPeer::ready()}});
    PostgresStorage storage = PostgresStorage::open(peer.conninfo(), options).value();
    storage.add_ecosystem(home).value();
    return peer.notes().at(0);
  };
  const auto set = [](const std::string& statement, const std::string& lock) {
    std::string sql = "SELECT ";
    for (const auto& [name, value] : {std::pair<std::string, std::string>("search_path", "pg_catalog"),
                                      {"client_min_messages", "warning"},
                                      {"statement_timeout", statement},
                                      {"lock_timeout", lock},
                                      {"default_transaction_isolation", "read committed"},
                                      {"enable_seqscan", "off"},
                                      {"enable_sort", "off"},
                                      {"jit", "off"}}) {
      sql += (sql.size() > 7 ? ", " : "") + ("pg_catalog.set_config('" + name + "', '" + value + "', false)");
    }
    return sql;
  };
  for (const auto timeout : {milliseconds::min(), milliseconds(-1), milliseconds(0), milliseconds(99)}) {
    PostgresPeer peer;
    CHECK(PostgresStorage::open(peer.conninfo(), {.timeout = timeout}).has_value());
    CHECK(peer.notes().at(0) == set("40", "30"));
  }
  CHECK(limits({.timeout = milliseconds::max()}) == set("34560000", "25920000"));
  CHECK(limits({.connect_timeout = milliseconds::max()}) == set("2000", "1500"));
  for (const std::size_t connections : {std::size_t{0}, SIZE_MAX}) {
    CHECK(limits({.connections = connections}) == set("2000", "1500"));
  }
  for (const auto timeout : {milliseconds::min(), milliseconds(-1), milliseconds(0)}) {  // 1 ms, which may do
    const auto opened =
        PostgresStorage::open(cluster().conninfo(), {.connect_timeout = timeout, .schema = new_schema()});
    if (!opened) check_unavailable(opened);
  }
}

TEST_CASE("a store makes as many connections as it may, and no more") {
  for (const std::size_t connections : {PostgresOptions().connections, std::size_t{0}, std::size_t{2}}) {
    CAPTURE(connections);
    const std::size_t most = std::max<std::size_t>(connections, 1);
    PostgresOptions options = in("");
    options.connections = connections;
    Site site(options);
    REQUIRE(site.run("BEGIN; SELECT * FROM @.ecosystems FOR UPDATE").empty());
    std::vector<std::future<Outcome<EcosystemState>>> deletions;
    for (std::size_t i = 0; i != most + 2; ++i) {
      deletions.push_back(std::async(std::launch::async, [&] { return site.storage.delete_ecosystem(home); }));
    }
    site.await_waiting(static_cast<int>(most));
    std::this_thread::sleep_for(milliseconds(50));  // in which one more would connect
    REQUIRE(site.run("COMMIT").empty());
    for (auto& each : deletions) CHECK(each.get());
    site.onlooker.await("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'droplit'",
                        std::to_string(most) + "|");
  }
  CHECK(PostgresOptions().connections == 8);
}

TEST_CASE("programs that the process starts inherit none of a store's connections") {
  const auto descriptors = [] {
    std::set<int> all;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
      all.insert(std::stoi(each.path().filename()));
    }
    std::erase_if(all, [](int each) { return ::fcntl(each, F_GETFD) < 0; });  // the iterator's own
    return all;
  };
  cluster();
  const std::set<int> before = descriptors();
  PostgresStorage storage = open(in(new_schema()));
  storage.add_ecosystem(home).value();
  int opened = 0;
  for (const int each : descriptors()) {
    if (before.contains(each)) continue;
    ++opened;
    CHECK((::fcntl(each, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(opened == 1);
}

TEST_CASE("where there is no server, no database or no such user the opening is unavailable, with the server's code") {
  const std::string there = cluster().conninfo("canary");
  CHECK(refusal(there, {}) == "postgres open: no connection to the server, SQLSTATE 3D000");
  CHECK(refusal(there + " user=canary", {}) == "postgres open: no connection to the server, SQLSTATE 28000");
  CHECK(refusal("host=/nowhere/canary dbname=canary", {}) == "postgres open: no connection to the server");
  CHECK(refusal("host=127.0.0.1 port=1 dbname=canary password=canary", {}) ==
        "postgres open: no connection to the server");
  check_unavailable(PostgresStorage::open(there));
}

TEST_CASE("a URI is as good as pairs") {
  const std::string uri = "postgresql:///postgres?user=droplit&port=5432&host=" + cluster().folder().string();
  CHECK(open(in(new_schema()), uri).add_ecosystem(home).value() == EcosystemState::active);
}

TEST_CASE("stores that open one new database at the same time all get it") {
  for (int round = 0; round != 4; ++round) {
    const std::string schema = new_schema();
    if (round % 2 == 1) REQUIRE(PostgresSession(cluster().conninfo()).run("CREATE SCHEMA " + schema).empty());
    std::vector<std::future<std::string>> opened;
    for (std::uint32_t n = 0; n != 8; ++n) {
      opened.push_back(std::async(std::launch::async, [&schema, n]() -> std::string {
        auto storage = PostgresStorage::open(cluster().conninfo(), in(schema));
        if (!storage) return storage.exception().what();
        const auto added = storage.assume_value().add_ecosystem(home);
        if (!added) return added.exception().what();
        const auto inserted = storage.assume_value().insert(client(n));
        return inserted.has_value() && inserted.assume_value() == Insertion::inserted ? "kept" : "not kept";
      }));
    }
    for (auto& each : opened) CHECK(each.get() == "kept");
    PostgresSession observer(cluster().conninfo());
    CHECK(observer.ask("SELECT count(*) FROM " + schema + ".clients") == "8|");
    CHECK(observer.ask("SELECT * FROM " + schema + ".droplit_versions ORDER BY version") == all_versions());
  }
}

TEST_CASE("a schema that is not ours, or of a newer version, is refused and left as it was") {
  const std::string schema = new_schema();
  PostgresSession other(cluster().conninfo());
  const auto sql = [&](std::string_view text) {
    REQUIRE(other.run(detail::postgres::with_schema(text, schema)).empty());
  };
  std::string why = "postgres open: the schema is another program's";
  sql("CREATE SCHEMA @");
  SECTION("another program's table") { sql("CREATE TABLE @.t (a integer); INSERT INTO @.t VALUES (1)"); }
  SECTION("another program's view") { sql("CREATE VIEW @.v AS SELECT 1"); }
  SECTION("tables with our names") { sql("CREATE TABLE @.clients (id text); CREATE TABLE @.ecosystems (id text)"); }
  SECTION("another program's table of versions") { sql("CREATE TABLE @.droplit_versions (a text)"); }
  SECTION("another program's view of our latest version") {
    sql("CREATE VIEW @.droplit_versions AS SELECT generate_series(1, " +
        std::to_string(detail::postgres::steps.size()) + ") AS version");
  }
  SECTION("an empty table of versions") { sql("CREATE TABLE @.droplit_versions (version integer)"); }
  SECTION("versions that leave one out") {
    sql("CREATE TABLE @.droplit_versions (version integer); INSERT INTO @.droplit_versions VALUES (1), (3)");
  }
  SECTION("a newer version of our tables") {
    sql("DROP SCHEMA @");
    open(in(schema)).add_ecosystem(home).value();
    sql("INSERT INTO @.droplit_versions SELECT max(version) + 1 FROM @.droplit_versions");
    sql("ALTER TABLE @.clients ADD COLUMN more text");
    why = "postgres open: the schema is of a newer version";
  }
  SECTION("our mark without our tables") {
    sql("CREATE TABLE @.droplit_versions (version integer); INSERT INTO @.droplit_versions VALUES (1)");
    why = "postgres open: SQLSTATE 42P01";
  }
  const auto whole = [&] {
    return other.ask(detail::postgres::with_schema(
        "SELECT c.oid, c.xmin, c.relname, (SELECT string_agg(attname || a.xmin::text, ',' ORDER BY attnum)"
        " FROM pg_attribute a WHERE attrelid = c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname = '@' ORDER BY c.oid",
        schema));
  };
  const std::string before = whole();
  REQUIRE(!before.empty());
  CHECK(refusal(cluster().conninfo(), in(schema)) == why);
  CHECK(whole() == before);
}

TEST_CASE("a database that is not in UTF-8 is refused and left empty") {
  PostgresSession other(cluster().conninfo());
  for (const std::string encoding : {"LATIN1", "SQL_ASCII"}) {
    REQUIRE(other.run("CREATE DATABASE odd_" + encoding + " ENCODING '" + encoding + "' TEMPLATE template0").empty());
    const std::string there = cluster().conninfo(encoding == "LATIN1" ? "odd_latin1" : "odd_sql_ascii");
    CHECK(refusal(there, {}) == "postgres open: the database's encoding is not UTF8");
    CHECK(PostgresSession(there).ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'droplit'") == "0|");
  }
}

TEST_CASE("a database's own settings change nothing") {
  PostgresSession other(cluster().conninfo());
  REQUIRE(other.run("CREATE DATABASE odd").empty());
  for (const std::string setting :
       {"search_path = nowhere", "TimeZone = 'Asia/Kathmandu'", "DateStyle = 'SQL, DMY'",
        "standard_conforming_strings = off", "client_encoding = 'LATIN1'", "statement_timeout = 5000",
        "lock_timeout = 5000", "default_transaction_isolation = 'serializable'", "bytea_output = 'escape'",
        "lc_messages = 'C'"}) {
    REQUIRE(other.run("ALTER DATABASE odd SET " + setting).empty());
  }
  PostgresStorage storage = open({}, cluster().conninfo("odd") + " client_encoding=LATIN1");
  storage.add_ecosystem(home).value();
  const Client c(id(1), Timestamp::clamp_unix_millis(Timestamp::min_unix_millis), home, {}, Text::parse("\\' \xC3\xA9"),
                 Text::parse("\xF0\x9F\x90\x9D"));
  CHECK(storage.insert(c).value() == Insertion::inserted);
  CHECK(storage.find_client(id(1)).value() == c);
  CHECK(PostgresSession(cluster().conninfo("odd") + " client_encoding=UTF8").ask("SELECT name FROM droplit.clients") ==
        "\\' \xC3\xA9|");
}

TEST_CASE("a row that is no client is a fault") {
  Site site;
  site.storage.insert(client(1)).value();
  REQUIRE(site.run("ALTER TABLE @.clients DROP CONSTRAINT clients_type_check, DROP CONSTRAINT"
                   " clients_ecosystem_id_fkey")
              .empty());
  for (const std::string change : {"created_at = 1::bigint << 62", "type = 'other'", "ecosystem_id = 'C'"}) {
    CAPTURE(change);
    REQUIRE(site.run("UPDATE @.clients SET " + change).empty());
    CHECK(fault(site.storage.find_client(id(1))).what() == "postgres find_client: a row that is no client");
    REQUIRE(site.run("DELETE FROM @.clients").empty());
    REQUIRE(site.storage.insert(client(1)).value() == Insertion::inserted);
  }
}

TEST_CASE("a row that is no state is a fault") {
  PostgresPeer peer({3, {PostgresPeer::row({"other"}) + PostgresPeer::complete() + PostgresPeer::ready()}});
  PostgresStorage storage = open(in("s"), peer.conninfo());
  CHECK(fault(storage.add_ecosystem(home)).what() == "postgres add_ecosystem: a row that is no state");
  CHECK(fault(storage.find_ecosystem(home)).what() == "postgres find_ecosystem: a row that is no state");
  CHECK(fault(storage.delete_ecosystem(home)).what() == "postgres delete_ecosystem: a row that is no state");
}

// ---- deletion against creation ----

TEST_CASE("an insert that meets a deletion waits for it, and follows it if it is committed") {
  for (const std::string ending : {"COMMIT", "ROLLBACK"}) {
    Site site;
    REQUIRE(site.run("BEGIN; UPDATE @.ecosystems SET state = 'deleted'").empty());
    auto inserting = std::async(std::launch::async, [&] { return site.storage.insert(client(1)).value(); });
    site.await_waiting(1);
    REQUIRE(site.run(ending).empty());
    CHECK(inserting.get() == (ending == "COMMIT" ? Insertion::ecosystem_deleted : Insertion::inserted));
    CHECK(site.count() == (ending == "COMMIT" ? "0|" : "1|"));
  }
}

TEST_CASE("a deletion that meets an insert waits for it, the store's own and another program's") {
  for (const bool own : {true, false}) {
    Site site;
    PostgresSession second(cluster().conninfo());
    PostgresSession third(cluster().conninfo() + " application_name=droplit");
    // Another one has the id, and may yet give it up: so the insert waits, with its ecosystem's lock.
    REQUIRE(second
                .run(site.sql("BEGIN; INSERT INTO @.clients SELECT '" + id(1).text() + "', 0, '" + home.text() +
                              "', 'server'"))
                .empty());
    auto inserting = std::async(std::launch::async, [&] { return site.storage.insert(client(1)).value(); });
    site.await_waiting(1);
    auto deleting = std::async(std::launch::async, [&] {
      if (own) return site.storage.delete_ecosystem(home).value() == EcosystemState::active;
      return third.run(site.sql("UPDATE @.ecosystems SET state = 'deleted'")).empty();
    });
    site.await_waiting(2);
    REQUIRE(second.run("ROLLBACK").empty());
    CHECK(inserting.get() == Insertion::inserted);
    CHECK(deleting.get());
    CHECK(site.count() == "1|");
    CHECK(site.storage.insert(client(2)).value() == Insertion::ecosystem_deleted);
  }
}

TEST_CASE("of two deletions at the same time one says that it was active") {
  Site site;
  REQUIRE(site.run("BEGIN; UPDATE @.ecosystems SET state = 'deleted'").empty());
  auto deleting = std::async(std::launch::async, [&] { return site.storage.delete_ecosystem(home).value(); });
  site.await_waiting(1);
  REQUIRE(site.run("COMMIT").empty());
  CHECK(deleting.get() == EcosystemState::deleted);
}

TEST_CASE("an ecosystem that is added by two is active for both, and a deletion of one that is being added sees it") {
  Site site;
  REQUIRE(site.run("BEGIN; INSERT INTO @.ecosystems VALUES ('" + elsewhere.text() + "', 'active')").empty());
  auto adding = std::async(std::launch::async, [&] { return site.storage.add_ecosystem(elsewhere).value(); });
  site.await_waiting(1);
  CHECK(site.storage.delete_ecosystem(elsewhere).value() == EcosystemState::unknown);
  REQUIRE(site.run("COMMIT").empty());
  CHECK(adding.get() == EcosystemState::active);
  CHECK(site.storage.delete_ecosystem(elsewhere).value() == EcosystemState::active);
  CHECK(site.storage.delete_ecosystem(elsewhere).value() == EcosystemState::deleted);
  CHECK(site.storage.add_ecosystem(elsewhere).value() == EcosystemState::deleted);
}

TEST_CASE("many threads over few connections leave none in a deleted ecosystem, lose none and see no id twice") {
  Site site;
  constexpr std::size_t threads = 32;
  constexpr std::size_t of_a_thread = 60;
  constexpr std::size_t ecosystems = 6;
  const auto ecosystem = [](std::size_t n) {
    EcosystemId::Bytes bytes{};
    bytes[11] = static_cast<std::uint8_t>(n);
    return EcosystemId(bytes);
  };
  for (std::size_t e = 0; e != ecosystems; ++e) site.storage.add_ecosystem(ecosystem(e)).value();
  const SystemClock clock;
  const ObjectIds ids;
  std::array<std::atomic<bool>, ecosystems> deleted{};
  std::array<std::string, ecosystems> left_by_deletion;
  std::vector<std::vector<Client>> made(threads);
  std::atomic<std::size_t> begun = 0;
  std::atomic<std::size_t> refused = 0;
  std::atomic<std::size_t> wrong = 0;
  {
    std::vector<std::jthread> running;
    for (std::size_t t = 0; t != threads; ++t) {
      running.emplace_back([&, t] {
        for (std::size_t n = 0; n != of_a_thread; ++n) {
          const std::size_t e = (t + n) % ecosystems;
          ++begun;
          const bool after = deleted[e];
          const ClientDraft draft(ecosystem(e), ClientType::server, Text::parse("n"), {});
          const auto outcome = create_client(site.storage, clock, ids, draft);
          if (outcome) {
            made[t].push_back(outcome.value());
            wrong += after;
          } else if (outcome.has_error() && outcome.error() == ApiError::ecosystem_not_found(ecosystem(e))) {
            ++refused;
          } else {
            ++wrong;
          }
        }
      });
    }
    for (std::size_t e = 0; e < ecosystems; e += 2) {
      while (begun < threads * of_a_thread * (e + 1) / (ecosystems + 1)) std::this_thread::yield();
      if (site.storage.delete_ecosystem(ecosystem(e)).value() != EcosystemState::active) ++wrong;
      deleted[e] = true;
      left_by_deletion[e] =
          site.ask("SELECT count(*) FROM @.clients WHERE ecosystem_id = '" + ecosystem(e).text() + "'");
    }
  }
  CHECK(wrong == 0);
  CHECK(refused > 0);
  std::set<std::string> different;
  std::size_t lost = 0;
  for (const auto& mine : made) {
    for (const Client& each : mine) {
      different.insert(each.id().text());
      lost += site.storage.find_client(each.id()).value() != each;
    }
  }
  CHECK(lost == 0);
  CHECK(different.size() + refused == threads * of_a_thread);
  CHECK(site.count() == std::to_string(different.size()) + "|");
  for (std::size_t e = 0; e < ecosystems; e += 2) {
    CHECK(left_by_deletion[e] ==
          site.ask("SELECT count(*) FROM @.clients WHERE ecosystem_id = '" + ecosystem(e).text() + "'"));
  }
  CHECK(site.ask("SELECT count(*) < 10 FROM pg_stat_activity WHERE application_name = 'droplit'") == "t|");
}

// ---- what the server says ----

TEST_CASE("what surely was not kept is unavailable or a plain fault, by the server's code and in no other words") {
  Site site;
  site.on_insert(
      "EXECUTE format('DO $d$ BEGIN RAISE EXCEPTION USING MESSAGE = ''canary'', ERRCODE = %L; END $d$',"
      " NEW.description);");
  const auto refused = [](const std::string& code) {
    return Client(id(1), Timestamp::clamp_unix_millis(1), home, {}, Text::parse("canary"), Text::parse(code));
  };
  const auto said = [&](const std::string& code) { return fault(site.storage.insert(refused(code))); };
  for (const std::string code : {"53100", "53200", "53300", "25006", "57014", "55P03", "40001", "40P01"}) {
    const Fault why = said(code);
    CHECK(why.what() == "postgres insert: SQLSTATE " + code);
    CHECK(why.fate() == Fate::not_applied);
    CHECK(why.status() == 503);
  }
  for (const std::string code : {"XX000", "23514", "42501", "58030"}) {
    const Fault why = said(code);
    CHECK(why.what() == "postgres insert: SQLSTATE " + code);
    CHECK(why.fate() == Fate::not_applied);
    CHECK(!why.status());
  }
  for (const std::string code : {"40003", "08007", "57P03"}) {  // who says so does not know
    CHECK(with_growing_limit(milliseconds(1500), [&](milliseconds limit) {
            PostgresStorage storage = open(failing_after(limit, site.schema));
            return unless_unknown(storage.insert(refused(code)), no_answer_within(limit));
          }) == "");
  }
  CHECK(site.count() == "0|");
  REQUIRE(site.run("DROP TRIGGER trap ON @.clients").empty());
  CHECK(site.storage.insert(client(1)).value() == Insertion::inserted);
}

TEST_CASE("a conflict is tried again under the same id, and a few times only") {
  for (const int conflicts : {3, 1000}) {
    for (const std::string code : {"40001", "40P01"}) {
      Site site;
      site.on_insert("IF nextval('@.tries') <= " + std::to_string(conflicts) +
                     " THEN RAISE EXCEPTION USING ERRCODE = '" + code + "'; END IF;");
      const auto outcome = site.storage.insert(client(1));
      if (conflicts == 3) {
        CHECK(outcome.value() == Insertion::inserted);
        CHECK(site.ask("SELECT last_value FROM @.tries") == "4|");
        CHECK(site.storage.find_client(id(1)).value() == client(1));
      } else {
        check_unavailable(outcome);
        CHECK(site.ask("SELECT last_value FROM @.tries") == "5|");
      }
    }
  }
}

TEST_CASE("an error of the commit itself is an error, though its rows had come") {
  Site site;
  site.on_insert("");
  REQUIRE(site.run("CREATE FUNCTION @.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING"
                   " ERRCODE = '53100'; END $$")
              .empty());
  REQUIRE(site.run("CREATE CONSTRAINT TRIGGER late AFTER INSERT ON @.clients DEFERRABLE INITIALLY DEFERRED FOR EACH"
                   " ROW EXECUTE FUNCTION @.late()")
              .empty());
  const auto outcome = site.storage.insert(client(1));
  check_unavailable(outcome);
  CHECK(outcome.exception().what() == "postgres insert: SQLSTATE 53100");
  CHECK(site.count() == "0|");
}

TEST_CASE("statements that the server forgets are prepared again, and sent as texts where it always forgets") {
  Site site;
  site.on_insert("EXECUTE 'DEALLOCATE ALL';");
  for (std::uint32_t n = 0; n != 10; ++n) {
    CHECK(site.storage.insert(client(n)).value() == Insertion::inserted);
    CHECK(site.storage.find_client(id(n)).value() == client(n));
  }
  CHECK(site.count() == "10|");
}

TEST_CASE("a lock that is held is waited for, and then it is unavailable; when it is free all works again") {
  CHECK(with_growing_limit(milliseconds(1500), [](milliseconds limit) {
          Site site(failing_after(limit, ""));
          REQUIRE(site.run("BEGIN; SELECT * FROM @.ecosystems FOR UPDATE").empty());
          std::string late = unless_unavailable(site.storage.insert(client(1)), "postgres insert: SQLSTATE 55P03");
          late += unless_unavailable(site.storage.delete_ecosystem(home), "postgres delete_ecosystem: SQLSTATE 55P03");
          late += unless_unavailable(site.storage.add_ecosystem(home), "postgres add_ecosystem: SQLSTATE 55P03");
          if (!late.empty()) return late;  // what was late may yet run
          const Ecosystem active(home, EcosystemState::active);
          late += unless_value(site.storage.find_ecosystem(home), active);  // readers do not wait
          REQUIRE(site.run("COMMIT").empty());
          return late + unless_value(site.storage.insert(client(1)), Insertion::inserted);
        }) == "");
}

TEST_CASE("where all connections are lent for too long it is unavailable, and each is given back on every path") {
  const auto insert_together = [](Site& site, std::uint32_t count) {
    std::vector<std::future<Outcome<Insertion>>> inserting;
    for (std::uint32_t n = 0; n != count; ++n) {
      inserting.push_back(std::async(std::launch::async, [&site, n] { return site.storage.insert(client(n)); }));
    }
    std::vector<Outcome<Insertion>> outcomes;
    for (auto& each : inserting) outcomes.push_back(each.get());
    return outcomes;
  };
  CHECK(with_growing_limit(milliseconds(1500), [&](milliseconds limit) {
          const std::string none_free =
              "postgres insert: no connection was free within " + std::to_string(limit.count() / 4) + " ms";
          Site site(failing_after(limit, "", 2));
          REQUIRE(site.run("BEGIN; SELECT * FROM @.ecosystems FOR UPDATE").empty());
          std::string late;
          int waited_for_one = 0;
          for (const auto& each : insert_together(site, 12)) {
            const Fault why = fault(each);
            if (why.fate() == Fate::maybe_applied) {
              late += why.what() + "; ";
              continue;
            }
            check_unavailable(each);
            waited_for_one += why.what() == none_free;
          }
          if (waited_for_one == 0 || waited_for_one == 12) late += std::to_string(waited_for_one) + " of 12 waited; ";
          if (!late.empty()) return late;  // what was late may yet run
          site.onlooker.await("SELECT count(*) < 3 FROM pg_stat_activity WHERE application_name = 'droplit'", "t|");
          REQUIRE(site.run("COMMIT").empty());
          for (int round = 0; round != 3 && late.empty(); ++round) {
            const Insertion expected = round == 0 ? Insertion::inserted : Insertion::id_taken;
            for (const auto& each : insert_together(site, 2)) late += unless_value(each, expected);
          }
          return late;
        }) == "");
}

// ---- connections that are lost ----

TEST_CASE("an insert whose connection is lost is found out about, and kept once") {
  for (const Wire::Action action : {Wire::cut_before, Wire::cut_at_once, Wire::cut_after}) {
    CAPTURE(action);
    WiredSite p;
    p.wire.when(id(1).text(), action);
    CHECK(p.storage.insert(client(1)).value() == Insertion::inserted);
    CHECK(p.wire.is_done());
    CHECK(p.there(1) == "1|");
    CHECK(p.storage.find_client(id(1)).value() == client(1));
    CHECK(p.storage.insert(client(1)).value() == Insertion::id_taken);
  }
}

TEST_CASE("an insert whose server falls silent is found out about within the limit, and kept once") {
  CHECK(with_growing_limit(milliseconds(1500), [](milliseconds limit) {
          WiredSite p(failing_after(limit, ""));
          p.wire.when(id(1).text(), Wire::fall_silent);
          const std::string late = unless_value(p.storage.insert(client(1)), Insertion::inserted);
          CHECK((!late.empty() || (p.wire.is_done() && p.there(1) == "1|")));
          return late;
        }) == "");
}

TEST_CASE("an insert whose reply is lost returns whether its id was taken by another client") {
  WiredSite p;
  for (const auto& [name, description] : {std::pair{"n", "other"}, {"other", "d"}}) {
    const Client same_id(id(0), Timestamp::clamp_unix_millis(0), home, ClientType::server, Text::parse(name),
                         Text::parse(description));
    p.wire.when(id(0).text(), Wire::cut_after);
    CHECK(p.storage.insert(same_id).value() == Insertion::id_taken);
  }
  const Client without(id(0), Timestamp::clamp_unix_millis(0), home, ClientType::server, {}, Text::parse("d"));
  p.wire.when(id(0).text(), Wire::cut_after);
  CHECK(p.storage.insert(without).value() == Insertion::id_taken);
  CHECK(p.storage.find_client(id(0)).value() == client(0));
}

TEST_CASE("an insert that was lost, and whose ecosystem is deleted then, was kept if it was before that") {
  for (const Wire::Action action : {Wire::cut_before, Wire::cut_after}) {
    WiredSite p;
    p.wire.when(id(1).text(), action, [&] { p.site.storage.delete_ecosystem(home).value(); });
    CHECK(p.storage.insert(client(1)).value() ==
          (action == Wire::cut_after ? Insertion::inserted : Insertion::ecosystem_deleted));
    CHECK(p.there(1) == (action == Wire::cut_after ? "1|" : "0|"));
  }
}

TEST_CASE("an insert that was lost and is still under way is waited for by the one that settles it") {
  for (const std::string ending : {"ROLLBACK", "COMMIT"}) {
    WiredSite p;
    PostgresSession second(cluster().conninfo());
    REQUIRE(second
                .run(p.site.sql("BEGIN; INSERT INTO @.clients SELECT '" + id(1).text() + "', 0, '" + home.text() +
                                "', 'server'"))
                .empty());
    p.wire.when(id(1).text(), Wire::cut_at_once);
    auto inserting = std::async(std::launch::async, [&] { return p.storage.insert(client(1)).value(); });
    p.site.await_waiting(2);
    REQUIRE(second.run(ending).empty());
    CHECK(inserting.get() == (ending == "COMMIT" ? Insertion::id_taken : Insertion::inserted));
    CHECK(p.there(1) == "1|");
  }
}

TEST_CASE("an insert that was lost, and cannot be found out about, may have been applied") {
  for (const Wire::Action action : {Wire::cut_before, Wire::cut_after}) {
    CHECK(with_growing_limit(milliseconds(1500), [&](milliseconds limit) {
            WiredSite p(failing_after(limit, ""));
            p.wire.when(
                id(1).text(), action, [] {}, true);
            const std::string late = unless_unknown(p.storage.insert(client(1)), no_answer_within(limit));
            if (late.empty()) CHECK(p.there(1) == (action == Wire::cut_after ? "1|" : "0|"));
            return late;
          }) == "");
  }
  WiredSite p;  // what was lost could yet run, and find an ecosystem that was added meanwhile
  const Client nowhere(id(1), Timestamp::clamp_unix_millis(0), elsewhere, {});
  p.wire.when(id(1).text(), Wire::cut_at_once);
  CHECK(fault(p.storage.insert(nowhere)).fate() == Fate::maybe_applied);
  CHECK(p.storage.insert(nowhere).value() == Insertion::ecosystem_unknown);
}

TEST_CASE("looking, adding and deleting outlive a lost connection, and only who deleted may stay unknown") {
  WiredSite p;
  const auto after = [&](EcosystemId e, Wire::Action action) { p.wire.when(e.text(), action); };
  p.wire.when(id(0).text(), Wire::cut_after);
  CHECK(p.storage.find_client(id(0)).value() == client(0));
  after(home, Wire::cut_before);
  CHECK(p.storage.find_ecosystem(home).value().state() == EcosystemState::active);
  after(elsewhere, Wire::cut_after);
  CHECK(p.storage.add_ecosystem(elsewhere).value() == EcosystemState::active);
  after(elsewhere, Wire::cut_before);
  CHECK(p.storage.delete_ecosystem(elsewhere).value() == EcosystemState::active);
  after(home, Wire::cut_after);
  CHECK(fault(p.storage.delete_ecosystem(home)).fate() == Fate::maybe_applied);
  CHECK(p.storage.find_ecosystem(home).value().state() == EcosystemState::deleted);
  CHECK(with_growing_limit(milliseconds(1500), [](milliseconds limit) {
          WiredSite refused(failing_after(limit, ""));
          refused.wire.when(
              id(0).text(), Wire::cut_before, [] {}, true);
          const std::string what =
              "postgres find_client: the server did not answer within " + std::to_string(limit.count()) + " ms";
          return unless_unavailable(refused.storage.find_client(id(0)), what);
        }) == "");
}

TEST_CASE("an insert whose session is ended by the operator is kept once all the same") {
  Site site;
  REQUIRE(site.run("BEGIN; SELECT * FROM @.ecosystems FOR UPDATE").empty());
  auto inserting = std::async(std::launch::async, [&] { return site.storage.insert(client(1)).value(); });
  for (int i = 0; i != 2; ++i) {
    site.await_waiting(1);
    const std::string first = site.onlooker.ask(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'droplit' AND"
        " wait_event_type = 'Lock'");
    const std::string pid = first.substr(0, first.size() - 1);
    site.onlooker.ask("SELECT pg_terminate_backend(" + pid + ")");
    site.onlooker.await("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid, "0|");
  }
  site.await_waiting(1);
  REQUIRE(site.run("COMMIT").empty());
  CHECK(inserting.get() == Insertion::inserted);
  CHECK(site.count() == "1|");
}

TEST_CASE("sessions that were ended while they were idle are replaced, and no operation fails") {
  Site site;
  for (std::uint32_t n = 0; n != 5; ++n) {
    site.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'droplit'");
    site.onlooker.await("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'droplit'", "0|");
    CHECK(site.storage.insert(client(n)).value() == Insertion::inserted);
  }
}

// ---- servers that come and go ----

TEST_CASE("a server that was stopped is unavailable, and when it is back the first request works") {
  Site site(in(""));  // what is not there is refused at once
  for (const bool fast : {true, false}) {
    if (fast) {
      cluster().stop_fast();
    } else {
      cluster().stop_immediately();
    }
    const auto outcome = site.storage.insert(client(1));
    check_unavailable(outcome);
    CHECK(outcome.exception().what() == "postgres insert: no connection to the server");
    check_unavailable(site.storage.find_client(id(1)));
    check_unavailable(site.storage.add_ecosystem(home));
    check_unavailable(PostgresStorage::open(cluster().conninfo(), in(site.schema)));
    cluster().start();
    CHECK(site.storage.insert(client(fast ? 1 : 2)).value() == Insertion::inserted);
  }
}

TEST_CASE("an insert that waits while its server is shut down is found out about when the server is back in time") {
  const std::vector<std::string> settings{"max_prepared_transactions=1"};
  for (const bool back : {true, false}) {
    cluster().stop_fast();
    cluster().start(settings);
    Site site(back ? in("") : failing_fast(""));
    // A session's lock could be free before the server ends the insert.
    REQUIRE(site.run("BEGIN; SELECT * FROM @.ecosystems FOR UPDATE; PREPARE TRANSACTION 'lasting'").empty());
    auto inserting = std::async(std::launch::async, [&] { return site.storage.insert(client(1)); });
    site.await_waiting(1);
    cluster().stop_fast();
    if (!back) CHECK(fault(inserting.get()).fate() == Fate::maybe_applied);
    cluster().start(settings);
    PostgresSession session(cluster().conninfo());
    const auto count = [&] { return session.ask(site.sql("SELECT count(*) FROM @.clients")); };
    CHECK(count() == "0|");
    REQUIRE(session.run("ROLLBACK PREPARED 'lasting'").empty());
    if (back) CHECK(inserting.get().value() == Insertion::inserted);
    if (back) CHECK(count() == "1|");
    CHECK(site.storage.insert(client(2)).value() == Insertion::inserted);
  }
}

TEST_CASE("while a server is killed and started again every result is true, and then all works") {
  Site site(failing_fast(""));
  struct Results {
    std::atomic<int> kept = 0;
    std::vector<std::uint32_t> acknowledged;
    std::vector<std::uint32_t> surely_not;
    std::string wrong;
  };
  std::array<Results, 4> results;
  std::atomic<bool> stop = false;
  {
    std::vector<std::jthread> running;
    for (std::uint32_t t = 0; t != results.size(); ++t) {
      running.emplace_back([&, t] {
        for (std::uint32_t n = t << 24; !stop; ++n) {
          const auto outcome = site.storage.insert(client(n));
          if (outcome) {
            if (outcome.value() != Insertion::inserted) results[t].wrong = "another result";
            results[t].acknowledged.push_back(n);
            ++results[t].kept;
          } else if (outcome.exception().fate() == Fate::not_applied) {
            if (outcome.exception().status() != 503) results[t].wrong = outcome.exception().what();
            results[t].surely_not.push_back(n);
            std::this_thread::sleep_for(milliseconds(5));
          } else if (outcome.exception().fate() != Fate::maybe_applied) {
            results[t].wrong = "sent, for all one knows";
          }
        }
      });
    }
    const auto all_go_on = [&] {
      for (Results& each : results) {
        const int before = each.kept;
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (each.kept < before + 5 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
        CHECK(each.kept >= before + 5);
      }
    };
    for (int round = 0; round != 3; ++round) {
      all_go_on();
      round == 0 ? cluster().kill() : round == 1 ? cluster().stop_immediately() : cluster().stop_fast();
      cluster().start();
    }
    all_go_on();
    stop = true;
  }
  std::size_t refused = 0;
  for (const Results& each : results) {
    CHECK(each.wrong.empty());
    refused += each.surely_not.size();
    std::size_t gone = 0;
    std::size_t there = 0;
    for (const std::uint32_t n : each.acknowledged) gone += site.storage.find_client(id(n)).value() != client(n);
    for (const std::uint32_t n : each.surely_not) there += site.storage.find_client(id(n)).value().has_value();
    CHECK(gone == 0);
    CHECK(there == 0);
  }
  CHECK(refused > 0);
}

TEST_CASE("a server that is stopped meets a time limit, with the right fate; when it goes on all works") {
  Site site(failing_fast(""));
  const auto begin = std::chrono::steady_clock::now();
  cluster().pause();
  const auto opening = PostgresStorage::open(cluster().conninfo(), failing_fast(site.schema));
  const auto asked = site.storage.insert(client(1));  // on a connection that was there
  const auto anew = site.storage.insert(client(2));   // on one that the server does not accept
  const auto found = site.storage.find_client(id(1));
  cluster().resume();
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  check_unavailable(opening);
  CHECK(fault(asked).fate() == Fate::maybe_applied);
  check_unavailable(anew);
  check_unavailable(found);
  CHECK(site.storage.insert(client(3)).value() == Insertion::inserted);
  CHECK(site.storage.find_client(id(2)).value() == std::nullopt);
  const auto settled = site.storage.insert(client(1)).value();
  CHECK((settled == Insertion::inserted || settled == Insertion::id_taken));
}

TEST_CASE("a server that refuses connections or changes is unavailable until it accepts them") {
  Site site;
  cluster().stop_fast();
  cluster().start({"max_connections=4", "superuser_reserved_connections=0", "max_wal_senders=0", "autovacuum=off"});
  {
    std::vector<PostgresSession> many;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (many.size() != 4) {
      try {
        many.emplace_back(cluster().conninfo());
      } catch (const std::runtime_error&) {  // the session by which its start was awaited may not have ended yet
        if (std::chrono::steady_clock::now() > end) throw;
        std::this_thread::sleep_for(milliseconds(10));
      }
    }
    const auto outcome = site.storage.insert(client(1));
    check_unavailable(outcome);
    CHECK(outcome.exception().what() == "postgres insert: no connection to the server, SQLSTATE 53300");
  }
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  Outcome<Insertion> outcome = site.storage.insert(client(1));
  while (!outcome && std::chrono::steady_clock::now() < limit) outcome = site.storage.insert(client(1));
  CHECK(outcome.value() == Insertion::inserted);
  cluster().stop_fast();
  cluster().start({"default_transaction_read_only=on"});
  CHECK(fault(site.storage.insert(client(2))).what() == "postgres insert: SQLSTATE 25006");
  check_unavailable(site.storage.insert(client(2)));
  check_unavailable(site.storage.delete_ecosystem(home));
  CHECK(site.storage.find_client(id(1)).value() == client(1));
  cluster().stop_fast();
  cluster().start();
  CHECK(site.storage.insert(client(2)).value() == Insertion::inserted);
}

TEST_CASE("an inspection says what opening would find, and changes nothing") {
  const std::string schema = new_schema();
  PostgresSession other(cluster().conninfo());
  const auto inspect = [&](const PostgresOptions& options) {
    return PostgresStorage::inspect(cluster().conninfo(), options);
  };
  CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::absent);
  CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::absent);  // still
  REQUIRE(other.run("CREATE SCHEMA " + schema).empty());
  CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::absent);
  open(in(schema)).add_ecosystem(home).value();
  CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::current);
  REQUIRE(other.run("DELETE FROM " + schema + ".droplit_versions WHERE version > 1").empty());
  CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::older);
  CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::older);  // still
  REQUIRE(other.run("INSERT INTO " + schema + ".droplit_versions SELECT generate_series(2, 99)").empty());
  CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::foreign);
  REQUIRE(other.run("DROP TABLE " + schema + ".droplit_versions").empty());
  CHECK(PostgresStorage::inspect(cluster().conninfo(), in(schema)).value() == StoreState::foreign);
  CHECK(inspect(in("A")).exception().what() == "postgres open: no name of a schema");
  CHECK(PostgresStorage::inspect("canary", {}).exception().what() ==
        "postgres open: the connection string cannot be read");
}
