// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A file that an older version of the library made: what opening it keeps, while processes open it at once, are killed,
// or the disk or the power fails. And a newer version that upgrades a file which is open.
#include <droplit/storage/sqlite.hpp>

#include "support/catch.hpp"
#include "support/fault_vfs.hpp"
#include "support/power_cut.hpp"
#include "support/sqlite.hpp"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;
using test::Directory;
using test::DiskCall;
using test::FaultyDisk;
using test::in_child;
using test::PowerCut;
using test::Raw;
using test::sqlite_version_1;
namespace fs = std::filesystem;
using std::chrono::milliseconds;

namespace {

constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr EcosystemId deleted = "C594b89aea18568c408c3ad00"_ecosystem_id;
constexpr EcosystemId never = "C594b89aea18568c408c3ad11"_ecosystem_id;
const std::string current = std::to_string(detail::sqlite::schema_version);
const std::string newer = std::to_string(detail::sqlite::schema_version + 1);

/// A client of each kind: texts absent, empty, long and odd; ids with a letter; times before 1970.
Client client(std::uint32_t n) {
  static constexpr std::string_view letters = "azAZCc";
  std::string id = test::numbered_id(n).text();
  if (n % 7 < letters.size() && n % 3 == 0) id.insert(0, 1, letters[n % 7]);
  const auto text = [n](std::uint32_t kind) -> std::optional<Text> {
    switch (kind % 5) {
      case 0: return std::nullopt;
      case 1: return Text::parse("");
      case 2: return Text::parse("\xC3\xBC'; DROP TABLE clients; --\n");
      case 3: return Text::parse(std::string(n % 97 == 5 ? 6000 : 30, 'x'));
      default: return Text::parse(std::to_string(n));
    }
  };
  return {*ClientId::parse(id),
          Timestamp::clamp_unix_millis(1519829816941 + (n % 2 == 0 ? 1 : -1) * 3000000000000 * n),
          n % 4 == 1 ? deleted : home,
          n % 2 == 0 ? ClientType::server : ClientType::application,
          text(n),
          text(n / 5)};
}

/// Makes a file of version 1 with so many clients, by the file layer that is the default.
void make_version_1(const std::string& path, std::uint32_t clients) {
  const auto quoted = [](const std::optional<Text>& text) {
    if (!text) return std::string("NULL");
    std::string literal("'");
    for (const char c : text->str()) literal.append(c == '\'' ? 2 : 1, c);
    return literal += '\'';
  };
  std::string sql =
      "BEGIN; INSERT INTO ecosystems VALUES ('" + home.text() + "', 'active'), ('" + deleted.text() + "', 'deleted');";
  for (std::uint32_t n = 0; n != clients; ++n) {
    const Client c = client(n);
    sql += "INSERT INTO clients VALUES ('" + c.id().text() + "', " + std::to_string(c.created_at().unix_millis()) +
           ", '" + c.ecosystem_id().text() + "', '" + std::string(to_string(c.type())) + "', " + quoted(c.name()) +
           ", " + quoted(c.description()) + ");";
  }
  Raw raw(path);
  REQUIRE(raw.run(sqlite_version_1) == SQLITE_OK);
  REQUIRE(raw.run(sql + "COMMIT") == SQLITE_OK);
}

/// What a whole file of the current version with so many clients lacks; empty if nothing.
std::string missing(const std::string& path, std::uint32_t clients, const char* layer = nullptr) {
  {
    Raw raw(path, layer);
    if (raw.ask("PRAGMA user_version") != current + "|") return "the version";
    if (raw.ask("PRAGMA integrity_check") != "ok|") return "integrity";
    if (!raw.ask("PRAGMA foreign_key_check").empty()) return "a foreign key";
    if (raw.ask("SELECT count(*) FROM client") != std::to_string(clients) + "|") return "the number of clients";
  }
  const auto storage = SqliteStorage::open(path).value();
  for (std::uint32_t n = 0; n != clients; ++n) {
    if (storage.find_client(client(n).id()).value() != client(n)) return "client " + std::to_string(n);
  }
  const auto state = [&](EcosystemId id) { return storage.find_ecosystem(id).value().state(); };
  const bool right = state(home) == EcosystemState::active && state(deleted) == EcosystemState::deleted &&
                     state(never) == EcosystemState::unknown;
  return right ? "" : "the states";
}

std::string schema(const std::string& path) {
  return Raw(path).ask("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name");
}

Fault refusal(const std::string& path, const SqliteOptions& options = {}) {
  const auto opened = SqliteStorage::open(path, options);
  REQUIRE(opened.has_exception());
  CHECK(opened.exception().fate() == Fate::not_applied);
  return opened.exception();
}

}  // namespace

TEST_CASE("a file of version 1 is opened with everything in it, and is then as a new one") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1(path, 500);
  CHECK(SqliteStorage::inspect(path).value() == StoreState::older);
  CHECK(Raw(path).ask("PRAGMA user_version") == "1|");
  {
    SqliteStorage storage = SqliteStorage::open(path).value();
    CHECK(SqliteStorage::inspect(path).value() == StoreState::current);
    CHECK(storage.insert(client(3)).value() == Insertion::id_taken);
    CHECK(storage.insert(client(500)).value() == Insertion::inserted);
    CHECK(storage.insert(client(501)).value() == Insertion::ecosystem_deleted);
    CHECK(storage.add_ecosystem(deleted).value() == EcosystemState::deleted);
    CHECK(storage.find_client(client(501).id()).value() == std::nullopt);
  }
  CHECK(missing(path, 501) == "");
  SqliteStorage::open(directory / "new").value();
  CHECK(schema(path) == schema(directory / "new"));
  Raw raw(path);
  CHECK(raw.run("PRAGMA foreign_keys = ON") == SQLITE_OK);
  CHECK(raw.run("DELETE FROM ecosystem") == SQLITE_CONSTRAINT);
  CHECK(raw.run("UPDATE client SET ecosystem_id = x'00'") == SQLITE_CONSTRAINT);
}

TEST_CASE("a file of version 1 whose newest clients are in its log is opened with all of them") {
  const Directory directory;
  const std::string path = directory / "a";
  REQUIRE(in_child([&] {
            make_version_1(path, 20);
            sqlite3* left_open = nullptr;  // and killed: nothing moves the log into the file
            sqlite3_open(path.c_str(), &left_open);
            const char* const sql = "PRAGMA user_version; UPDATE ecosystems SET state = 'active'; ";
            return sqlite3_exec(left_open, sql, nullptr, nullptr, nullptr);
          }) == SQLITE_OK);
  REQUIRE(fs::file_size(path + "-wal") != 0);
  CHECK(SqliteStorage::inspect(path).value() == StoreState::older);
  SqliteStorage storage = SqliteStorage::open(path).value();
  CHECK(storage.find_client(client(19).id()).value() == client(19));
  CHECK(storage.find_ecosystem(deleted).value().state() == EcosystemState::active);
}

TEST_CASE("a server of version 1 that still has its upgraded file open fails at each statement, and claims nothing") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1(path, 8);
  Raw raw(path);
  // What version 1 prepared when it opened the file, word for word.
  constexpr auto statements = std::to_array<const char*>(
      {"SELECT state FROM ecosystems WHERE id = ?1",
       "INSERT INTO ecosystems (id, state) VALUES (?1, 'active') ON CONFLICT (id) DO NOTHING",
       "UPDATE ecosystems SET state = 'deleted' WHERE id = ?1",
       "SELECT created_at, ecosystem_id, type, name, description FROM clients WHERE id = ?1",
       "INSERT INTO clients (id, created_at, ecosystem_id, type, name, description)"
       " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING"});
  std::vector<detail::sqlite::Statement> prepared(statements.size());
  const auto run = [&](std::size_t i) {
    detail::sqlite::StatementExecution execution(prepared[i]);
    const std::string id = i < 3 ? home.text() : client(2).id().text();
    execution.bind(id);
    const std::string ecosystem = home.text();
    if (i == 4) execution.bind(0).bind(ecosystem).bind("server").bind("n").bind("d");
    return execution.step();
  };
  const std::array<int, 5> before{SQLITE_ROW, SQLITE_DONE, SQLITE_DONE, SQLITE_ROW, SQLITE_DONE};
  for (const bool upgraded : {false, true}) {
    if (upgraded) SqliteStorage::open(path).value();
    for (std::size_t i = 0; i != statements.size(); ++i) {
      CAPTURE(upgraded, statements[i]);
      if (!upgraded) REQUIRE(detail::sqlite::prepare(raw.get(), statements[i], prepared[i]) == SQLITE_OK);
      REQUIRE(raw.run("BEGIN IMMEDIATE") == SQLITE_OK);
      CHECK(run(i) == (upgraded ? SQLITE_ERROR : before[i]));
      if (upgraded) CHECK(std::string_view(sqlite3_errmsg(raw.get())).starts_with("no such table: "));
      REQUIRE(raw.run("ROLLBACK") == SQLITE_OK);
    }
  }
  CHECK(missing(path, 8) == "");
}

TEST_CASE("a key is taken once in each ecosystem, and clients without a key are in no index of keys") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1(path, 8);
  SqliteStorage::open(path).value();
  Raw raw(path);
  CHECK(raw.run("UPDATE client SET idempotency_key = 'k' WHERE id = x'" + client(2).id().text() + "'") == SQLITE_OK);
  CHECK(raw.run("UPDATE client SET idempotency_key = 'k' WHERE id = x'" + client(1).id().text() + "'") == SQLITE_OK);
  CHECK(raw.run("UPDATE client SET idempotency_key = 'k' WHERE id = x'" + client(4).id().text() + "'") ==
        SQLITE_CONSTRAINT);
  const std::string by_key = raw.ask(
      "EXPLAIN QUERY PLAN SELECT * FROM client"
      " WHERE ecosystem_id = x'" +
      home.text().substr(1) + "' AND idempotency_key = 'k'");
  CHECK(by_key.find("INDEX clients_by_key (ecosystem_id=? AND idempotency_key=?)") != std::string::npos);
  const std::string by_age = raw.ask(
      "EXPLAIN QUERY PLAN UPDATE client SET idempotency_key = NULL"
      " WHERE idempotency_key IS NOT NULL AND created_at < 5");
  CHECK(by_age.find("INDEX keyed_clients_by_age (created_at<?)") != std::string::npos);
  CHECK(raw.ask("SELECT count(*) FROM client INDEXED BY clients_by_key WHERE idempotency_key IS NOT NULL") == "2|");
}

TEST_CASE("a client takes at most 125 bytes of the file") {
  const Directory directory;
  const std::string path = directory / "a";
  constexpr std::uint32_t clients = 20000;
  {
    SqliteStorage storage = SqliteStorage::open(path, {.durability = SqliteDurability::normal}).value();
    storage.add_ecosystem(home).value();
    for (std::uint32_t n = 0; n != clients; ++n) {
      const Client usual(test::numbered_id(n), Timestamp::clamp_unix_millis(1519829816941 + n), home,
                         n % 2 == 0 ? ClientType::server : ClientType::application, Text::parse("Lobby panel"),
                         Text::parse("Wall panel by the north entrance"));
      REQUIRE(storage.insert(usual).value() == Insertion::inserted);
    }
  }
  CHECK(fs::file_size(path) / clients <= 125);
}

TEST_CASE("an upgrade that meets an id which is not one changes nothing") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1(path, 20);
  const std::string before = schema(path);
  REQUIRE(Raw(path).run("UPDATE clients SET id = 'x' WHERE id = '" + client(4).id().text() + "'") == SQLITE_OK);
  CHECK(refusal(path).what() == "sqlite open: SQLITE_CORRUPT (11)");
  CHECK(schema(path) == before);
  CHECK(Raw(path).ask("PRAGMA user_version") == "1|");
  REQUIRE(Raw(path).run("UPDATE clients SET id = '" + client(4).id().text() + "' WHERE id = 'x'") == SQLITE_OK);
  SqliteStorage::open(path).value();
  CHECK(missing(path, 20) == "");
}

TEST_CASE("an upgrade takes no text for an id that only begins or ends like one") {
  const std::string digits = "594b89aea18568c408c3ad99";
  for (const std::string& id :
       {"'X" + digits + "'", "'CX" + digits + "'", "'C" + digits + "0'", "'C' || '" + digits + "' || char(0, 65)"}) {
    INFO(id);
    const Directory directory;
    const std::string path = directory / "a";
    make_version_1(path, 4);
    REQUIRE(Raw(path).run("INSERT INTO ecosystems VALUES (" + id + ", 'active')") == SQLITE_OK);
    CHECK(refusal(path).what() == "sqlite open: SQLITE_CORRUPT (11)");
    CHECK(Raw(path).ask("PRAGMA user_version") == "1|");
  }
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1(path, 4);
  REQUIRE(Raw(path).run("UPDATE clients SET id = '" + digits + "' || char(0, 65) WHERE id = '" + client(2).id().text() +
                        "'") == SQLITE_OK);
  CHECK(refusal(path).what() == "sqlite open: SQLITE_CORRUPT (11)");
}

TEST_CASE("views and triggers of another program do not stop an upgrade, and end with the tables they were of") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1(path, 20);
  REQUIRE(Raw(path).run("CREATE VIEW names AS SELECT name FROM clients; CREATE VIEW broken AS SELECT * FROM absent;"
                        "CREATE TRIGGER t AFTER INSERT ON clients BEGIN DELETE FROM ecosystems; END") == SQLITE_OK);
  SqliteStorage::open(path).value();
  CHECK(missing(path, 20) == "");
  CHECK(Raw(path).ask("SELECT count(*) FROM names") == "code 1");
  CHECK(Raw(path).ask("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'") == "0|");
}

TEST_CASE("an upgrade that meets tables or indexes of another program is refused in words, and changes nothing") {
  for (const char* const sql :
       {"CREATE TABLE client (id TEXT); INSERT INTO client VALUES ('theirs')", "CREATE VIEW client AS SELECT 'theirs'",
        "CREATE TABLE ecosystem (id TEXT)", "CREATE TABLE orders (id TEXT); CREATE INDEX clients_by_key ON orders (id)",
        "ALTER TABLE clients RENAME TO theirs", "ALTER TABLE clients RENAME COLUMN description TO theirs"}) {
    INFO(sql);
    const Directory directory;
    const std::string path = directory / "a";
    make_version_1(path, 20);
    REQUIRE(Raw(path).run(sql) == SQLITE_OK);
    const std::string before = schema(path);
    const Fault why = refusal(path);
    CHECK(why.what() == "sqlite open: the upgrade does not fit the tables and indexes of the file");
    CHECK(why.status() == std::nullopt);
    CHECK(schema(path) == before);
    CHECK(Raw(path).ask("PRAGMA user_version") == "1|");
  }
}

TEST_CASE("an upgrade goes on once the other program's table is gone") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1(path, 20);
  REQUIRE(Raw(path).run("CREATE TABLE client (id TEXT); INSERT INTO client VALUES ('theirs')") == SQLITE_OK);
  refusal(path);
  CHECK(Raw(path).ask("SELECT id FROM client") == "theirs|");
  REQUIRE(Raw(path).run("DROP TABLE client") == SQLITE_OK);
  SqliteStorage::open(path).value();
  CHECK(missing(path, 20) == "");
}

// ---- several at once, and limits ----

TEST_CASE("of several processes that open an older file at once, one upgrades it and all get it") {
  const Directory directory;
  make_version_1(directory / "alone", 2000);
  fs::copy_file(directory / "alone", directory / "a");
  REQUIRE(in_child([&] { return SqliteStorage::open(directory / "alone") ? 0 : 1; }) == 0);
  std::vector<pid_t> children;
  for (std::uint32_t p = 0; p != 6; ++p) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    auto opened = SqliteStorage::open(directory / "a", {.busy_timeout = std::chrono::seconds(60)});
    const bool done = opened && opened.assume_value().insert(client(2000 + 4 * p)).has_value();
    ::_exit(done ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  Raw raw(directory / "a");
  CHECK(raw.ask("PRAGMA schema_version") == Raw(directory / "alone").ask("PRAGMA schema_version"));  // counts changes
  CHECK(raw.ask("SELECT count(*) FROM client") == "2006|");
}

TEST_CASE("an upgrade has a limit of its own, after which the file is as before") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1(path, 3000);
  const std::string before = schema(path);
  for (const milliseconds limit : {milliseconds(0), milliseconds(-1), milliseconds::min()}) {
    CAPTURE(limit.count());
    CHECK(refusal(path, {.upgrade_timeout = limit}).what() == "sqlite open: the upgrade took longer than its limit");
    CHECK(schema(path) == before);
    CHECK(SqliteStorage::inspect(path).value() == StoreState::older);
  }
  fs::copy_file(path, directory / "b");
  for (const std::string name : {"a", "b"}) {
    const milliseconds limit = name == "a" ? milliseconds::max() : milliseconds(86'400'001);
    CHECK(SqliteStorage::open(directory / name, {.busy_timeout = milliseconds(0), .upgrade_timeout = limit}));
    CHECK(missing(directory / name, 3000) == "");
  }
}

TEST_CASE("who opens an older file waits for the one that upgrades it as long as an upgrade may take") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1(path, 20);
  Raw other(path);
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  const Fault fault = refusal(path, {.busy_timeout = std::chrono::seconds(10), .upgrade_timeout = milliseconds(0)});
  CHECK(fault.what() == "sqlite open: SQLITE_BUSY (5)");
  CHECK(fault.status() == 503);
  const std::jthread releasing([&] {
    std::this_thread::sleep_for(milliseconds(50));
    other.run("ROLLBACK");
  });
  CHECK(SqliteStorage::open(path, {.busy_timeout = milliseconds(0)}).has_value());
}

namespace {

/// Makes a file of version 1 that is not in WAL mode, as `VACUUM INTO` does: its readers wait for its writer.
void make_version_1_without_log(const std::string& path, std::uint32_t clients) {
  make_version_1(path, clients);
  REQUIRE(Raw(path).ask("PRAGMA journal_mode = DELETE") == "delete|");
}

/// More tries to lock a file than a `busy_timeout` of 2 s has room for. SQLite counts the time that it asks a disk to
/// sleep, and a `FaultyDisk` does not sleep.
constexpr int many_tries = 100;

}  // namespace

TEST_CASE("who opens an older file that is not in WAL mode waits for its upgrade as long as one may take") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1_without_log(path, 20);
  Raw other(path, "unix");
  SECTION("which has begun") { REQUIRE(other.run("BEGIN EXCLUSIVE") == SQLITE_OK); }
  SECTION("which is about to end") {
    SqliteStorage::open(path).value();
    REQUIRE(other.ask("PRAGMA journal_mode = DELETE") == "delete|");
    REQUIRE(other.run("BEGIN EXCLUSIVE; UPDATE client SET name = 'n'") == SQLITE_OK);
    REQUIRE(fs::file_size(path + "-journal") != 0);
  }
  FaultyDisk disk;
  int tries = 0;
  disk.before = [&](DiskCall call, std::string_view) {
    if (call == DiskCall::lock && ++tries == many_tries) other.run("ROLLBACK");
  };
  const auto storage = SqliteStorage::open(path);
  INFO((storage ? "" : storage.exception().what()));
  CHECK(storage.has_value());
  CHECK(tries > many_tries);
}

TEST_CASE("an empty journal is none: who opens a file beside one waits for no upgrade") {
  const Directory directory;
  const std::string path = directory / "a";
  { SqliteStorage::open(path).value(); }
  Raw other(path, "unix");
  REQUIRE(other.ask("PRAGMA journal_mode = DELETE") == "delete|");
  std::ofstream(path + "-journal").close();
  REQUIRE(other.run("BEGIN EXCLUSIVE") == SQLITE_OK);
  FaultyDisk disk;
  int tries = 0;
  disk.before = [&](DiskCall call, std::string_view) {
    if (call == DiskCall::lock && ++tries == 2) other.run("ROLLBACK");
  };
  CHECK(refusal(path, {.busy_timeout = milliseconds(0)}).what() == "sqlite open: SQLITE_BUSY (5)");
  CHECK(tries == 1);
}

TEST_CASE(
    "readers of a file that is not in WAL mode are waited for no longer than others, whatever an upgrade may take") {
  const Directory directory;
  const std::string path = directory / "a";
  std::string table = "client";
  SECTION("by an upgrade") {
    make_version_1_without_log(path, 20);
    table = "clients";
  }
  SECTION("beside a journal, as an upgrade has one") {
    { SqliteStorage::open(path).value(); }
    Raw other(path);
    REQUIRE(other.ask("PRAGMA journal_mode = DELETE; PRAGMA journal_mode = PERSIST") == "delete|persist|");
    REQUIRE(other.run("INSERT INTO ecosystem VALUES (x'000000000000000000000000', 'active')") == SQLITE_OK);
    REQUIRE(fs::file_size(path + "-journal") != 0);
  }
  Raw reader(path, "unix");
  REQUIRE(reader.run("BEGIN; SELECT count(*) FROM " + table) == SQLITE_OK);
  FaultyDisk disk;
  int tries = 0;
  disk.before = [&](DiskCall call, std::string_view) {
    if (call == DiskCall::lock && ++tries == many_tries) reader.run("ROLLBACK");
  };
  CHECK(refusal(path, {.busy_timeout = milliseconds(0)}).what() == "sqlite open: SQLITE_BUSY (5)");
  CHECK(tries < many_tries);
}

TEST_CASE("at whichever call an older file is upgraded by another store, the opening goes on with what that has made") {
  constexpr std::uint32_t clients = 20;
  const Directory directory;
  const bool has_log = GENERATE(true, false);
  long n = 0;
  for (bool upgraded = true; upgraded; ++n) {
    CAPTURE(has_log, n);
    const std::string path = directory / std::to_string(n);
    if (has_log) make_version_1(path, clients);
    if (!has_log) make_version_1_without_log(path, clients);
    upgraded = false;
    {
      FaultyDisk disk;
      long call = 0;
      std::function<void(DiskCall, std::string_view)> upgrade = [&](DiskCall kind, std::string_view) {
        const bool locks = kind == DiskCall::lock || kind == DiskCall::shm_lock;
        if (!locks || call++ != n) return;
        upgraded = true;
        const auto before = std::exchange(disk.before, {});
        SqliteStorage::open(path, {.busy_timeout = milliseconds(0)}).has_value();  // cannot where this one has begun
        disk.before = before;
      };
      disk.before = upgrade;
      const auto storage = SqliteStorage::open(path);
      disk.before = {};
      INFO((storage ? "" : storage.exception().what()));
      CHECK(storage.has_value());
    }
    CHECK(missing(path, clients) == "");
  }
  CHECK(n > 5);
}

TEST_CASE("with an upgrade_timeout of 0, an upgrade that another process has begun is not waited for at all") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1_without_log(path, 20);
  Raw other(path, "unix");
  REQUIRE(other.run("BEGIN EXCLUSIVE") == SQLITE_OK);
  FaultyDisk disk;
  int tries = 0;
  disk.before = [&](DiskCall call, std::string_view) {
    if (call == DiskCall::lock && ++tries == 2) other.run("ROLLBACK");
  };
  CHECK(refusal(path, {.upgrade_timeout = milliseconds(0)}).what() == "sqlite open: SQLITE_BUSY (5)");
  CHECK(tries == 1);
}

TEST_CASE("of several processes that open an older file that is not in WAL mode at once, all get it") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1_without_log(path, 20);
  std::array<int, 2> news{};  // a byte of each process that has come to where it waits
  std::array<int, 2> go{};    // closed when they may go on
  REQUIRE(::pipe(news.data()) == 0);
  REQUIRE(::pipe(go.data()) == 0);
  const auto wait_here = [&] {
    char byte = 'w';
    if (::write(news[1], &byte, 1) != 1) ::_exit(2);
    if (::read(go[0], &byte, 1) != 0) ::_exit(3);
  };
  std::vector<pid_t> children;
  for (int p = 0; p != 4; ++p) {
    children.push_back(::fork());
    if (children.back() == 0) {
      ::close(go[1]);
      ::close(news[0]);
      FaultyDisk disk;
      int tries = 0;
      bool has_waited = false;
      disk.before = [&](DiskCall call, std::string_view of) {
        const bool is_lock = call == DiskCall::lock || call == DiskCall::shm_lock;
        // From here on the processes contend, and a try has to last a while.
        if (has_waited && is_lock) std::this_thread::sleep_for(milliseconds(1));
        // The first one stops in its commit; the others when they have tried to read for longer than `busy_timeout`.
        const bool is_here = p == 0 ? call == DiskCall::write && of == path : is_lock && ++tries > 10000;
        if (is_here && !std::exchange(has_waited, true)) wait_here();
      };
      const SqliteOptions options{.busy_timeout = std::chrono::minutes(10), .upgrade_timeout = std::chrono::hours(24)};
      const bool is_open = SqliteStorage::open(path, options).has_value();
      if (!has_waited && ::write(news[1], "e", 1) != 1) ::_exit(2);
      ::_exit(is_open && has_waited ? 0 : 1);
    }
    char byte = 0;
    REQUIRE(::read(news[0], &byte, 1) == 1);
    CHECK(byte == 'w');
  }
  ::close(go[1]);
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  for (const int end : {news[0], news[1], go[0]}) ::close(end);
  CHECK(missing(path, 20) == "");
}

TEST_CASE("an upgrade that lasts longer than others are waited for leaves the rest of an opening its own time") {
  const Directory directory;
  const std::string path = directory / "a";
  make_version_1_without_log(path, 20);
  Raw writer(path, "unix");
  FaultyDisk disk;
  const milliseconds busy_timeout(1000);
  bool was_slow = false;
  bool is_upgraded = false;
  int locks = 0;
  disk.before = [&](DiskCall call, std::string_view of) {
    if (call == DiskCall::write && of == path && !std::exchange(was_slow, true)) {
      std::this_thread::sleep_for(busy_timeout);
    }
    if (call == DiskCall::remove && of.ends_with("-journal")) is_upgraded = true;
    if (!is_upgraded || call != DiskCall::lock) return;
    // The switch to WAL mode, where SQLite does not wait for another writer.
    ++locks;
    if (locks == 1) CHECK(writer.run("BEGIN IMMEDIATE") == SQLITE_OK);
    if (locks == 8) CHECK(writer.run("ROLLBACK") == SQLITE_OK);
  };
  const auto storage = SqliteStorage::open(path, {.busy_timeout = busy_timeout});
  INFO((storage ? "" : storage.exception().what()));
  CHECK(storage.has_value());
  CHECK(was_slow);
  CHECK(locks >= 8);
}

// ---- a newer version ----

TEST_CASE("a store whose file a newer version upgraded says so at each operation, and nothing is applied or found") {
  const Directory directory;
  const std::string path = directory / "a";
  SqliteStorage storage = SqliteStorage::open(path).value();
  SqliteStorage idle = SqliteStorage::open(path).value();
  storage.add_ecosystem(home).value();
  CHECK(storage.insert(client(2)).value() == Insertion::inserted);
  REQUIRE(Raw(path).run("BEGIN; ALTER TABLE client ADD COLUMN added TEXT; PRAGMA user_version = " + newer +
                        "; COMMIT") == SQLITE_OK);
  const auto check = [](const auto& outcome) {
    REQUIRE(outcome.has_exception());
    CHECK(outcome.exception().fate() == Fate::not_applied);
    CHECK(!outcome.exception().status());
    CHECK(outcome.exception().what().ends_with(": the file was upgraded by a newer version, restart"));
  };
  for (int times = 0; times != 2; ++times) {
    check(storage.find_client(client(2).id()));
    check(storage.find_client(client(4).id()));
    check(storage.find_ecosystem(home));
    check(storage.insert(client(4)));
    check(storage.add_ecosystem(deleted));
    check(storage.delete_ecosystem(home));
    check(idle.insert(client(4)));
  }
  std::array<std::optional<Outcome<Insertion>>, 8> outcomes;
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t t = 0; t != outcomes.size(); ++t) {
      threads.emplace_back([&, t] { outcomes[t] = storage.insert(client(8 + 4 * t)); });
    }
  }
  for (const auto& each : outcomes) check(each.value());
  CHECK(refusal(path).what() == "sqlite open: the file is another program's, or of a newer version");
  CHECK(Raw(path).ask("SELECT count(*) FROM client") == "1|");
}

// ---- kills, power cuts and disks that fail ----

TEST_CASE("a kill at any moment of an upgrade loses no client", "[slow]") {
  constexpr std::uint32_t clients = 4000;
  const Directory directory;
  const std::string original = directory / "original";
  make_version_1(original, clients);
  // Counts the calls of the disk, and dies in the one that `last` names.
  const auto upgrade = [](const std::string& path, long last, long* calls) {
    FaultyDisk disk;
    disk.before = [&](DiskCall, std::string_view) {
      if (last-- == 0) ::kill(::getpid(), SIGKILL);
      ++*calls;
    };
    return SqliteStorage::open(path).has_value();
  };
  long all = 0;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  fs::copy_file(original, directory / "counted");
  REQUIRE(in_child([&] {
            const bool done = upgrade(directory / "counted", -1, &all);
            return done && ::write(ends[1], &all, sizeof all) == sizeof all ? 0 : 1;
          }) == 0);
  REQUIRE(::read(ends[0], &all, sizeof all) == sizeof all);
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE(all > 200);

  std::mt19937 random(2018);
  int kept_older = 0;
  for (int round = 0; round != 40; ++round) {
    // Half of them near the end, where the commit is.
    const long last = std::uniform_int_distribution<long>(round % 2 == 0 ? 0 : all - 40, all - 1)(random);
    CAPTURE(round, last);
    const std::string path = directory / std::to_string(round);
    fs::copy_file(original, path);
    long calls = 0;
    REQUIRE(in_child([&] { return upgrade(path, last, &calls) ? 0 : 1; }) == -1);
    if (SqliteStorage::inspect(path).value() == StoreState::older) ++kept_older;
    REQUIRE(SqliteStorage::open(path));
    REQUIRE(missing(path, clients) == "");
    fs::remove(path);
  }
  CHECK(kept_older > 5);
  CHECK(kept_older < 40);
}

TEST_CASE("a power cut at any write of an upgrade loses no client") {
  constexpr std::uint32_t clients = 60;
  std::vector<test::DiskEvent> events;
  std::size_t made = 0;
  {
    const Directory directory;
    FaultyDisk disk;
    disk.recording = true;
    make_version_1(directory / "a", clients);
    made = disk.events.size();
    SqliteStorage::open(directory / "a").value();
    events = std::move(disk.events);
  }
  PowerCut cut;
  std::minstd_rand luck(2018);
  std::size_t older = 0;
  std::size_t images = 0;
  for (std::size_t i = 0; i != events.size(); ++i) {
    cut.apply(events[i]);
    if (i + 1 < made) continue;
    for (const auto loss :
         {PowerCut::Loss::nothing, PowerCut::Loss::all, PowerCut::Loss::later, PowerCut::Loss::some}) {
      CAPTURE(i, static_cast<int>(loss));
      const Directory directory;
      cut.leave(directory.path(), loss, luck);
      ++images;
      if (SqliteStorage::inspect(directory / "a").value() == StoreState::older) ++older;
      REQUIRE(SqliteStorage::open(directory / "a"));
      REQUIRE(missing(directory / "a", clients) == "");
    }
  }
  CHECK(images > 80);
  CHECK(older > 20);
  CHECK(older < images);
}

TEST_CASE(
    "whichever call of the disk fails in an upgrade, opening is a fault or a store, and the next one is a store") {
  constexpr std::uint32_t clients = 60;
  const Directory directory;
  make_version_1(directory / "original", clients);
  long n = 0;
  int failed = 0;
  for (bool fired = true; fired; ++n) {
    CAPTURE(n);
    const std::string path = directory / std::to_string(n);
    fs::copy_file(directory / "original", path);
    FaultyDisk disk;
    disk.fail({DiskCall::any, SQLITE_OK, n});
    {
      const auto opened = SqliteStorage::open(path);
      fired = disk.fired();
      disk.heal();
      if (opened.has_exception()) {
        CHECK(opened.exception().fate() == Fate::not_applied);
        CHECK(opened.exception().what() != "sqlite open: SQLITE_ERROR (1)");  // the disk's own
      }
      failed += opened.has_exception() ? 1 : 0;
      CHECK((fired || opened.has_value()));
    }
    REQUIRE(SqliteStorage::open(path));
    CHECK(missing(path, clients) == "");
    fs::remove(path);
  }
  CHECK(n > 60);
  CHECK(failed > 20);
}
