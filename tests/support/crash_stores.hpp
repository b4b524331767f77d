// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Stores of a droplit-server that tests kill: the option that names them, how they crash themselves, and what they
// contain.
#pragma once

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/id.hpp>
#include <droplit/storage/sqlite.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#if defined(DROPLIT_POSTGRES)
#include <droplit/storage/postgres.hpp>

#include "postgres_cluster.hpp"
#include "postgres_version_1.hpp"
#endif

#include <signal.h>
#include <sqlite3.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace test {

/// A store under the server. What it cannot do is thrown.
class Store {
 public:
  virtual ~Store() = default;
  virtual std::string option() const = 0;  ///< for --storage
  virtual void renew() = 0;                ///< an empty one from now on
  /// Crashes by itself and is back; returns how often it was killed, 0 if only the server can be.
  virtual std::size_t crash(std::mt19937& random) = 0;
  /// Every client that is there, the integrity being checked.
  virtual std::vector<droplit::Client> inspect() = 0;
  /// The same as the library's own store finds it.
  virtual std::optional<droplit::Client> find(droplit::ClientId id) = 0;
};

/// The cells of a row of `clients`, in the order of the schema; a null one is absent.
using Cells = std::array<std::optional<std::string>, 6>;

inline droplit::Client client_of(const Cells& cells) {
  const auto text = [&](std::size_t i) { return cells[i].value_or(std::string()); };
  const auto id = droplit::ClientId::parse(text(0));
  std::int64_t millis = droplit::Timestamp::max_unix_millis + 1;
  const std::string digits = text(1);
  std::from_chars(digits.data(), digits.data() + digits.size(), millis);
  const auto created_at = droplit::Timestamp::from_unix_millis(millis);
  const auto ecosystem = droplit::EcosystemId::parse(text(2));
  const auto type = droplit::parse_client_type(text(3));
  const auto name = cells[4] ? droplit::Text::parse(*cells[4]) : std::nullopt;
  const auto description = cells[5] ? droplit::Text::parse(*cells[5]) : std::nullopt;
  if (!id || !created_at || !ecosystem || !type || cells[4].has_value() != name.has_value() ||
      cells[5].has_value() != description.has_value()) {
    throw std::runtime_error("a row that is no client: " + text(0) + " " + text(4));
  }
  return {*id, *created_at, *ecosystem, *type, name, description};
}

/// A file of SQLite. It is read in a copy of file and log, so that it is the server that recovers them.
class SqliteFile : public Store {
 public:
  explicit SqliteFile(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::string option() const override { return "sqlite:" + file().string(); }
  void renew() override { ++number_; }
  std::size_t crash(std::mt19937&) override { return 0; }

  std::vector<droplit::Client> inspect() override {
    storage_.reset();
    std::filesystem::remove_all(copy().parent_path());
    std::filesystem::create_directory(copy().parent_path());
    for (const char* const part : {"", "-wal"}) {
      if (std::filesystem::exists(file().string() + part)) {
        std::filesystem::copy_file(file().string() + part, copy().string() + part);
      }
    }
    storage_.emplace(droplit::SqliteStorage::open(copy()).value());
    std::vector<droplit::Client> clients;
    const auto check = [](const Cells& row) {
      if (row[0] != "ok") throw std::runtime_error("integrity: " + row[0].value_or("?"));
    };
    run("PRAGMA integrity_check", check);
    run("SELECT 'a foreign key' FROM pragma_foreign_key_check", check);
    run("SELECT hex(id), created_at, 'C' || hex(ecosystem_id), type, name, description FROM client",
        [&](const Cells& row) { clients.push_back(client_of(row)); });
    return clients;
  }

  std::optional<droplit::Client> find(droplit::ClientId id) override {
    return storage_.value().find_client(id).value();
  }

 private:
  std::filesystem::path file() const { return folder_ / ("store" + std::to_string(number_) + ".db"); }
  std::filesystem::path copy() const { return folder_ / "look" / "copy.db"; }

  template <class Each>
  void run(const std::string& sql, Each each) const {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(copy().c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
    const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> database(opened, sqlite3_close);
    sqlite3_stmt* prepared = nullptr;
    if (code != SQLITE_OK || sqlite3_prepare_v2(opened, sql.c_str(), -1, &prepared, nullptr) != SQLITE_OK) {
      throw std::runtime_error("sqlite cannot read: " + std::string(sqlite3_errmsg(opened)));
    }
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(prepared, sqlite3_finalize);
    int step = sqlite3_step(prepared);
    for (; step == SQLITE_ROW; step = sqlite3_step(prepared)) {
      Cells row;
      for (int i = 0; i != sqlite3_column_count(prepared); ++i) {
        if (sqlite3_column_type(prepared, i) == SQLITE_NULL) continue;
        const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(prepared, i));
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(prepared, i));
        row[static_cast<std::size_t>(i)] = size != 0 ? std::string(bytes, size) : std::string();
      }
      each(row);
    }
    if (step != SQLITE_DONE) throw std::runtime_error("sqlite cannot read: " + std::string(sqlite3_errmsg(opened)));
  }

  std::filesystem::path folder_;
  int number_ = 0;
  std::optional<droplit::SqliteStorage> storage_;
};

#if defined(DROPLIT_POSTGRES)
/// A database in a cluster of the test's own.
class PostgresDatabase : public Store {
 public:
  PostgresDatabase() { renew(); }

  std::string option() const override {
    return "postgresql:///" + name() + "?host=" + cluster_.folder().string() +
           "&port=5432&user=droplit&sslmode=disable&gssencmode=disable";
  }

  void renew() override {
    storage_.reset();
    ++number_;
    run("postgres", "CREATE DATABASE " + name());
    run(name(), "CREATE EXTENSION amcheck");
    // Every other database has the tables of version 1, which the first start upgrades.
    if (number_ % 2 == 0) return;
    run(name(), droplit::detail::postgres::with_schema(postgres_version_1::creation, "droplit"));
  }

  std::size_t crash(std::mt19937& random) override {
    const auto up_to = [&](unsigned most) { return std::chrono::milliseconds(random() % (most + 1)); };
    const auto kind = random() % 4;
    if (kind == 0) {
      crash_session(random);
      return 1;
    }
    kind == 1 ? cluster_.stop_immediately() : cluster_.kill();
    std::size_t kills = 1;
    for (auto more = random() % 6; more != 0; --more) {  // while it starts and recovers, or just after
      std::this_thread::sleep_for(up_to(50));
      if (cluster_.kill_in_start(up_to(300))) ++kills;
    }
    std::this_thread::sleep_for(up_to(100));
    cluster_.start();
    return kills;
  }

  std::vector<droplit::Client> inspect() override {
    storage_.emplace(droplit::PostgresStorage::open(cluster_.conninfo(name())).value());
    PostgresSession session(cluster_.conninfo(name()));
    session.ask(
        "SELECT bt_index_check(index => c.oid, heapallindexed => true) FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid"
        " WHERE t.relnamespace = 'droplit'::regnamespace");
    const std::string damage = session.ask(
        "SELECT v.* FROM pg_class c, verify_heapam(c.oid) v"
        " WHERE c.relnamespace = 'droplit'::regnamespace AND c.relkind = 'r'");
    if (!damage.empty()) throw std::runtime_error("integrity: " + damage);
    return read("SELECT id, created_at, ecosystem_id, type, name, description FROM droplit.clients");
  }

  std::optional<droplit::Client> find(droplit::ClientId id) override {
    return storage_.value().find_client(id).value();
  }

 private:
  std::string name() const { return "life" + std::to_string(number_); }

  void run(const std::string& database, const std::string& sql) const {
    const std::string state = PostgresSession(cluster_.conninfo(database)).run(sql);
    if (!state.empty()) throw std::runtime_error(sql + ": " + state);
  }

  // One session dies, and the first process ends all others for it.
  void crash_session(std::mt19937& random) {
    PostgresSession session(cluster_.conninfo());
    std::vector<pid_t> sessions;
    std::istringstream answer(session.ask("SELECT pid FROM pg_stat_activity WHERE datname = '" + name() + "'"));
    for (std::string pid; std::getline(answer, pid, '|');) sessions.push_back(std::stoi(pid));
    if (sessions.empty()) throw std::runtime_error("the server has no session");
    ::kill(sessions[random() % sessions.size()], SIGKILL);
    await([&] { return !session.run("SELECT 1").empty(); });
    await([&] { return PQping(cluster_.conninfo().c_str()) == PQPING_OK; });
  }

  template <class Condition>
  static void await(Condition condition) {
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60); !condition();
         std::this_thread::sleep_for(std::chrono::milliseconds(5))) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("PostgreSQL does not come back");
    }
  }

  std::vector<droplit::Client> read(const std::string& sql) const {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(cluster_.conninfo(name()).c_str()),
                                                                  PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> rows(PQexec(connection.get(), sql.c_str()), PQclear);
    if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
    std::vector<droplit::Client> clients;
    for (int row = 0; row != PQntuples(rows.get()); ++row) {
      Cells cells;
      for (int i = 0; i != PQnfields(rows.get()); ++i) {
        if (PQgetisnull(rows.get(), row, i) != 0) continue;
        cells[static_cast<std::size_t>(i)].emplace(PQgetvalue(rows.get(), row, i),
                                                   static_cast<std::size_t>(PQgetlength(rows.get(), row, i)));
      }
      clients.push_back(client_of(cells));
    }
    return clients;
  }

  PostgresCluster cluster_;
  int number_ = 0;
  std::optional<droplit::PostgresStorage> storage_;
};
#endif

/// The store of this name, whose files are in `folder`.
inline std::unique_ptr<Store> make_store(std::string_view name, const std::filesystem::path& folder) {
  if (name == "sqlite") return std::make_unique<SqliteFile>(folder);
#if defined(DROPLIT_POSTGRES)
  if (name == "postgres") return std::make_unique<PostgresDatabase>();
#endif
  throw std::runtime_error("STORE is sqlite, or postgres if that was built");
}

}  // namespace test
