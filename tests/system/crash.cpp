// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// crash SERVER STORE KILLS SECONDS [SEED]: creates clients through droplit-server, ends what keeps them with SIGKILL at
// random moments, and looks each time whether what was answered is there and nothing else is.
//
// STORE is `sqlite`: the server is killed, within its start too, and started again on the same file. Or `postgres`: a
// PostgreSQL of the test's own is killed (its first process, a session or all at once) and started again under a server
// that goes on; now and then that one is killed too. Ends after KILLS kills, or SECONDS if these are not 0; with status
// 0 if all was right.
#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/storage/sqlite.hpp>
#include <droplit/transport/curl.hpp>

#if defined(DROPLIT_POSTGRES)
#include <droplit/storage/postgres.hpp>

#include "support/postgres_cluster.hpp"
#include "support/postgres_version_1.hpp"
#include "support/server_process.hpp"
#endif

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using droplit::Client;
using droplit::ClientDraft;
using droplit::ClientId;
using droplit::ClientType;
using droplit::EcosystemId;
using droplit::Fate;
using droplit::Text;
using droplit::Timestamp;
using Clock = std::chrono::steady_clock;
using Random = std::mt19937;

constexpr std::size_t lanes = 8;  // connections

test::Violations violations;

int from(Random& random, int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); }

// ---- what is asked for ----------------------------------------------------------------------------------------------

/// A text that only this request has: seldom absent, empty or long, else of odd pieces.
std::optional<Text> description_of(std::size_t lane, std::size_t number) {
  static const std::array<std::string_view, 8> pieces{
      "Lobby panel", "\"\\", "\n\x01\x7F", "\xC3\xA9", "\xE2\x80\xA8", "\xF0\x9F\x98\x80", "e\xCC\x81", "'); --"};
  if (number % 11 == 3) return std::nullopt;
  std::minstd_rand random(static_cast<unsigned>(1 + number * lanes + lane));
  std::string text;
  for (auto n = number % 11 == 7 ? 0 : number % 97 == 5 ? 3000 + random() % 9000 : random() % 12; n != 0; --n) {
    text += pieces[random() % pieces.size()];
  }
  return Text::parse(std::move(text));
}

/// The request `number` of a lane; its name contains the number.
ClientDraft draft_of(std::size_t lane, std::size_t number, EcosystemId ecosystem) {
  return {ecosystem, number % 2 == 0 ? ClientType::server : ClientType::application,
          Text::parse("\xC3\xBC" + std::to_string(lane) + "-" + std::to_string(number)), description_of(lane, number)};
}

std::optional<std::pair<std::size_t, std::size_t>> lane_and_number(std::string_view name) {
  std::size_t lane = 0;
  std::size_t number = 0;
  if (!name.starts_with("\xC3\xBC")) return std::nullopt;
  const char* const end = name.data() + name.size();
  const auto first = std::from_chars(name.data() + 2, end, lane);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, number);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return std::pair(lane, number);
}

Client as_client(const ClientDraft& draft, ClientId id, Timestamp created_at) {
  return {id, created_at, draft.ecosystem_id(), draft.type(), draft.name(), draft.description()};
}

/// A request and what became of it, as its caller knows.
struct Asked {
  enum class End : std::uint8_t { created, refused, not_sent, not_applied, maybe_applied };
  EcosystemId ecosystem;
  bool gone;  ///< the ecosystem was deleted before
  End end = End::maybe_applied;
  ClientId id{ClientId::Bytes{}};
  Timestamp created_at = Timestamp::clamp_unix_millis(0);
};
constexpr std::array<const char*, 5> ends{"created", "refused", "not sent", "not applied", "maybe applied"};

/// Each lane belongs to one thread, and to this one while none runs.
using Journal = std::array<std::vector<Asked>, lanes>;

// ---- where it is kept -----------------------------------------------------------------------------------------------

/// A store under the server. What it cannot do is thrown.
class Store {
 public:
  virtual ~Store() = default;
  virtual std::string option() const = 0;  ///< for --storage
  virtual void renew() = 0;                ///< an empty one from now on
  /// Crashes by itself and is back; false if only the server can be killed.
  virtual bool crash(Random& random) = 0;
  /// Every client that is there, the integrity being checked.
  virtual std::vector<Client> inspect() = 0;
  /// The same as the library's own store finds it.
  virtual std::optional<Client> find(ClientId id) = 0;
};

/// The cells of a row of `clients`, in the order of the schema; a null one is absent.
using Cells = std::array<std::optional<std::string>, 6>;

Client client_of(const Cells& cells) {
  const auto text = [&](std::size_t i) { return cells[i].value_or(std::string()); };
  const auto id = ClientId::parse(text(0));
  std::int64_t millis = Timestamp::max_unix_millis + 1;
  const std::string digits = text(1);
  std::from_chars(digits.data(), digits.data() + digits.size(), millis);
  const auto created_at = Timestamp::from_unix_millis(millis);
  const auto ecosystem = EcosystemId::parse(text(2));
  const auto type = droplit::parse_client_type(text(3));
  const auto name = cells[4] ? Text::parse(*cells[4]) : std::nullopt;
  const auto description = cells[5] ? Text::parse(*cells[5]) : std::nullopt;
  if (!id || !created_at || !ecosystem || !type || cells[4].has_value() != name.has_value() ||
      cells[5].has_value() != description.has_value()) {
    throw std::runtime_error("a row that is no client: " + text(0) + " " + text(4));
  }
  return {*id, *created_at, *ecosystem, *type, name, description};
}

/// A file of SQLite. Looked at in a copy of file and log, so that it is the server that recovers them.
class SqliteFile : public Store {
 public:
  explicit SqliteFile(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::string option() const override { return "sqlite:" + file().string(); }
  void renew() override { ++number_; }
  bool crash(Random&) override { return false; }

  std::vector<Client> inspect() override {
    storage_.reset();
    std::filesystem::remove_all(copy().parent_path());
    std::filesystem::create_directory(copy().parent_path());
    for (const char* const part : {"", "-wal"}) {
      if (std::filesystem::exists(file().string() + part)) {
        std::filesystem::copy_file(file().string() + part, copy().string() + part);
      }
    }
    storage_.emplace(droplit::SqliteStorage::open(copy()).value());
    std::vector<Client> clients;
    const auto check = [](const Cells& row) {
      if (row[0] != "ok") throw std::runtime_error("integrity: " + row[0].value_or("?"));
    };
    run("PRAGMA integrity_check", check);
    run("SELECT 'a foreign key' FROM pragma_foreign_key_check", check);
    run("SELECT hex(id), created_at, 'C' || hex(ecosystem_id), type, name, description FROM client",
        [&](const Cells& row) { clients.push_back(client_of(row)); });
    return clients;
  }

  std::optional<Client> find(ClientId id) override { return storage_.value().find_client(id).value(); }

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

  bool crash(Random& random) override {
    const int kind = from(random, 0, 3);
    if (kind == 0) {
      crash_session(random);
      return true;
    }
    kind == 1 ? cluster_.stop_immediately() : cluster_.kill();
    std::this_thread::sleep_for(std::chrono::milliseconds(from(random, 0, 200)));
    cluster_.start();
    return true;
  }

  std::vector<Client> inspect() override {
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

  std::optional<Client> find(ClientId id) override { return storage_.value().find_client(id).value(); }

 private:
  std::string name() const { return "life" + std::to_string(number_); }

  void run(const std::string& database, const std::string& sql) const {
    const std::string state = PostgresSession(cluster_.conninfo(database)).run(sql);
    if (!state.empty()) throw std::runtime_error(sql + ": " + state);
  }

  // One session dies, and the first process ends all others for it.
  void crash_session(Random& random) {
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
    for (const auto end = Clock::now() + 60s; !condition(); std::this_thread::sleep_for(5ms)) {
      if (Clock::now() > end) throw std::runtime_error("PostgreSQL does not come back");
    }
  }

  std::vector<Client> read(const std::string& sql) const {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(cluster_.conninfo(name()).c_str()),
                                                                  PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> rows(PQexec(connection.get(), sql.c_str()), PQclear);
    if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
    std::vector<Client> clients;
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

// ---- who is killed, and who asks ------------------------------------------------------------------------------------

/// Where clients may be created and where they no longer may.
struct Ecosystems {
  EcosystemId active;
  std::vector<EcosystemId> deleted;
};

/// Eight connections that create clients one after the other, until this is destroyed or the server is gone.
class Load {
 public:
  Load(const std::string& url, const Ecosystems& ecosystems, Journal& journal, bool is_sqlite)
      : transport_("crash-token", {.url = url, .proxy = "", .timeout = 30s}),
        ecosystems_(ecosystems),
        is_sqlite_(is_sqlite) {
    for (std::size_t lane = 0; lane != lanes; ++lane) {
      threads_.emplace_back([this, lane, &mine = journal[lane]] { run(lane, mine); });
    }
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() {
    stop_ = true;
    for (std::thread& each : threads_) each.join();
  }

  /// From now on the server may be gone.
  void expect_end() noexcept { server_ends_ = true; }

  /// Waits until so many requests that began from now on were answered with 201.
  bool await_created(std::size_t more, std::chrono::seconds timeout) {
    ++epoch_;
    fresh_ = 0;
    for (const auto end = Clock::now() + timeout; fresh_ < more; std::this_thread::sleep_for(2ms)) {
      if (Clock::now() > end) return false;
    }
    return true;
  }

 private:
  void run(std::size_t lane, std::vector<Asked>& mine) {
    int failures = 0;
    while (!stop_ && failures != 3) {
      const std::size_t number = mine.size();
      const auto& deleted = ecosystems_.deleted;
      const bool gone = !deleted.empty() && number % 10 == 0;
      Asked asked{gone ? deleted[number / 10 % deleted.size()] : ecosystems_.active, gone};
      mine.push_back(asked);  // before it is sent: it may be found whatever happens
      const ClientDraft draft = draft_of(lane, number, asked.ecosystem);
      const std::size_t epoch = epoch_;
      const auto outcome = droplit::create_client(transport_, draft);
      const std::string who = "request " + draft.name()->str() + ": ";
      if (outcome.has_value()) {
        const Client& client = outcome.assume_value();
        asked.end = Asked::End::created;
        asked.id = client.id();
        asked.created_at = client.created_at();
        if (gone) violations.add(who + "201 in a deleted ecosystem");
        if (client != as_client(draft, client.id(), client.created_at())) violations.add(who + "201 of another client");
        if (epoch == epoch_) ++fresh_;
      } else if (outcome.has_error()) {
        asked.end = Asked::End::refused;
        const bool right = gone && outcome.assume_error().code() == droplit::ApiErrc::ecosystem_not_found;
        if (!right) violations.add(who + "refused with " + std::to_string(outcome.assume_error().status()));
      } else {
        failures += record(outcome.assume_exception(), who, asked);
      }
      mine.back() = asked;
    }
  }

  // Tells whether the server was not there.
  bool record(const droplit::Fault& fault, const std::string& who, Asked& asked) {
    switch (fault.fate()) {
      case Fate::not_sent: asked.end = Asked::End::not_sent; break;
      case Fate::not_applied: asked.end = Asked::End::not_applied; break;
      case Fate::maybe_applied: asked.end = Asked::End::maybe_applied; break;
    }
    const int status = fault.status().value_or(0);
    if (status == 0) {
      if (!server_ends_) violations.add(who + "no answer, though the server goes on: " + fault.what());
      return true;
    }
    if (status != 503 && (status != 500 || is_sqlite_)) violations.add(who + "answered " + std::to_string(status));
    std::this_thread::sleep_for(2ms);
    return false;
  }

  droplit::CurlTransport transport_;
  const Ecosystems& ecosystems_;
  const bool is_sqlite_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> server_ends_{false};
  std::atomic<std::size_t> epoch_{0};
  std::atomic<std::size_t> fresh_{0};
  std::vector<std::thread> threads_;
};

// ---- the lives of stores --------------------------------------------------------------------------------------------

struct Counts {
  std::size_t of_server = 0, in_start = 0, of_store = 0, lives = 0, deletions = 0, inspections = 0, requests = 0,
              found = 0;
  std::array<std::size_t, ends.size()> ended{};
};

class Crash {
 public:
  Crash(std::string program, std::filesystem::path folder, std::unique_ptr<Store> store, bool is_sqlite, unsigned seed)
      : program_(std::move(program)),
        folder_(std::move(folder)),
        store_(std::move(store)),
        random_(seed),
        is_sqlite_(is_sqlite) {
    std::ofstream(folder_ / "access.json") << R"({"tokens":[{"token":"crash-token","kind":"account"}]})";
    begin_life();
  }

  void run(std::size_t kills, std::chrono::seconds limit) {
    const auto end = limit == 0s ? Clock::time_point::max() : Clock::now() + limit;
    std::size_t in_life = 0;
    while (killed() < kills && Clock::now() < end && violations.none()) {
      if (in_life++ == 20) {
        end_life();
        store_->renew();
        begin_life();
        in_life = 1;
      }
      round();
      inspect();
    }
    end_life();
    server_.reset();
  }

  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

  /// How often what keeps the clients was killed.
  [[nodiscard]] std::size_t killed() const noexcept { return is_sqlite_ ? counts_.of_server : counts_.of_store; }

 private:
  static EcosystemId ecosystem(std::size_t number) {
    return EcosystemId({0x59, 0x4b, 0x89, 0xae, 0xa1, 0x85, 0x68, 0xc4, 0, 0, static_cast<std::uint8_t>(number >> 8),
                        static_cast<std::uint8_t>(number)});
  }

  void begin_life() {
    ++counts_.lives;
    for (auto& lane : journal_) lane.clear();
    ecosystems_ = {ecosystem(0), {}};
  }

  /// Repeats every ecosystem's history: a deleted ecosystem stays deleted though it is made again.
  bool start(std::chrono::milliseconds timeout) {
    const bool deletes = retiring_ || (!journal_[0].empty() && from(random_, 0, 3) == 0);
    retiring_ = deletes;
    const EcosystemId next = ecosystem(ecosystems_.deleted.size() + 1);
    std::vector<std::string> command{program_,    "--listen",       "127.0.0.1:0", "--access", folder_ / "access.json",
                                     "--storage", store_->option(), "--threads",   "2"};
    if (counts_.lives % 3 == 0) command.insert(command.end(), {"--store-threads", "0"});
    for (const EcosystemId each : ecosystems_.deleted) command.insert(command.end(), {"--ecosystem", each.text()});
    command.insert(command.end(), {"--ecosystem", ecosystems_.active.text()});
    if (deletes) {
      command.insert(command.end(), {"--delete-ecosystem", ecosystems_.active.text(), "--ecosystem", next.text()});
    }
    server_.emplace(command, folder_ / "log");
    const auto url = server_->url(timeout);
    if (!url) return false;
    url_ = *url;
    retiring_ = false;
    if (deletes) {
      ++counts_.deletions;
      ecosystems_.deleted.push_back(std::exchange(ecosystems_.active, next));
    }
    return true;
  }

  void start_wholly() {
    if (start(30s)) return;
    violations.add("the server does not start");
    throw std::runtime_error("no server");
  }

  int end_server(int signal) {
    const auto end = server_->end(signal);
    if (end.by_itself) violations.add("the server ended by itself, with status " + std::to_string(end.status));
    if (end.forced) violations.add("the server does not end");
    return end.status;
  }

  void kill_server() {
    const int status = end_server(SIGKILL);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) violations.add("the server was ended by something else");
    server_.reset();
    ++counts_.of_server;
  }

  void stop_server() {
    const int status = end_server(SIGTERM);
    if (status != 0) violations.add("after SIGTERM the server ends with status " + std::to_string(status));
    server_.reset();
  }

  void round() {
    if (!server_ && from(random_, 0, 4) == 0) {
      if (!start(std::chrono::milliseconds(from(random_, 0, 60)))) {
        ++counts_.in_start;
        return kill_server();
      }
    } else if (!server_) {
      start_wholly();
    }
    Load load(url_, ecosystems_, journal_, is_sqlite_);
    std::this_thread::sleep_for(std::chrono::milliseconds(from(random_, 2, 300)));
    if (is_sqlite_) {
      load.expect_end();
      return kill_server();
    }
    store_->crash(random_);
    ++counts_.of_store;
    if (!load.await_created(lanes, 30s)) violations.add("no 201 though the store is back");
    const int what = from(random_, 0, 7);
    if (what > 1) return;
    load.expect_end();
    what == 0 ? kill_server() : stop_server();
  }

  void end_life() {
    if (!server_) start_wholly();
    {
      Load load(url_, ecosystems_, journal_, is_sqlite_);
      std::this_thread::sleep_for(50ms);
      load.expect_end();
      stop_server();
    }
    inspect();
    for (const auto& lane : journal_) {
      counts_.requests += lane.size();
      for (const Asked& asked : lane) ++counts_.ended[static_cast<std::size_t>(asked.end)];
    }
    counts_.found += found_;
  }

  static std::int64_t seconds_of(ClientId id) {
    std::int64_t seconds = 0;
    for (std::size_t i = 0; i != 4; ++i) seconds = seconds * 256 + id.bytes()[i];
    return seconds;
  }

  void inspect() {
    ++counts_.inspections;
    found_ = 0;
    std::array<std::vector<bool>, lanes> seen;
    for (std::size_t lane = 0; lane != lanes; ++lane) seen[lane].resize(journal_[lane].size());
    std::vector<Client> clients;
    try {
      clients = store_->inspect();
    } catch (const std::exception& failure) {
      return violations.add(failure.what());
    }
    for (const Client& client : clients) {
      const std::string name = client.name() ? client.name()->str() : "";
      const auto place = lane_and_number(name);
      if (!place || place->first >= lanes || place->second >= journal_[place->first].size()) {
        violations.add("a client that was not requested: " + name);
        continue;
      }
      const auto [lane, number] = *place;
      const Asked& asked = journal_[lane][number];
      if (seen[lane][number]) violations.add("two clients for one request: " + name);
      seen[lane][number] = true;
      if (client != as_client(draft_of(lane, number, asked.ecosystem), client.id(), client.created_at())) {
        violations.add("a client that is not as it was asked for: " + name);
      }
      if (seconds_of(client.id()) != client.created_at().unix_millis() / 1000) {
        violations.add("an id with another's time: " + name);
      }
      if (asked.gone) violations.add("a client in an ecosystem that was deleted before: " + name);
      if (asked.end == Asked::End::created) {
        if (client.id() != asked.id || client.created_at() != asked.created_at) {
          violations.add("a client that is not as it was answered: " + name);
        }
      } else if (asked.end == Asked::End::maybe_applied) {
        ++found_;
      } else {
        violations.add(std::string("a client whose request was ") + ends[static_cast<std::size_t>(asked.end)] + ": " +
                       name);
      }
    }
    look_for_lost(seen);
  }

  void look_for_lost(const std::array<std::vector<bool>, lanes>& seen) {
    for (std::size_t lane = 0; lane != lanes; ++lane) {
      for (std::size_t number = 0; number != journal_[lane].size(); ++number) {
        const Asked& asked = journal_[lane][number];
        if (asked.end != Asked::End::created) continue;
        const std::string name = std::to_string(lane) + "-" + std::to_string(number);
        if (!seen[lane][number]) violations.add("a client that was answered is lost: " + name);
        if (number + 3 < journal_[lane].size()) continue;  // the last ones as the library's own store sees them, too
        if (store_->find(asked.id) != as_client(draft_of(lane, number, asked.ecosystem), asked.id, asked.created_at)) {
          violations.add("a client that was answered is not found: " + name);
        }
      }
    }
  }

  std::string program_;
  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
  Random random_;
  bool is_sqlite_;
  Journal journal_;
  Ecosystems ecosystems_{ecosystem(0), {}};
  bool retiring_ = false;  // a deletion was asked for, and it is not known whether it came to pass
  std::optional<test::ServerProcess> server_;
  std::string url_;
  std::size_t found_ = 0;
  Counts counts_;
};

std::unique_ptr<Store> make_store(std::string_view name, const std::filesystem::path& folder) {
  if (name == "sqlite") return std::make_unique<SqliteFile>(folder);
#if defined(DROPLIT_POSTGRES)
  if (name == "postgres") return std::make_unique<PostgresDatabase>();
#endif
  throw std::runtime_error("STORE is sqlite, or postgres if that was built");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5 || argc > 6) throw std::runtime_error("usage: crash SERVER STORE KILLS SECONDS [SEED]");
  const unsigned seed = argc == 6 ? static_cast<unsigned>(std::stoul(argv[5])) : std::random_device()();
  std::printf("crash: %s, seed %u\n", argv[2], seed);
  std::fflush(stdout);

  std::string folder = std::filesystem::temp_directory_path() / "droplit-crash-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary directory");
  Counts counts;
  try {
    Crash crash(argv[1], folder, make_store(argv[2], folder), argv[2] == std::string_view("sqlite"), seed);
    try {
      crash.run(std::stoul(argv[3]), std::chrono::seconds(std::stoul(argv[4])));
    } catch (const std::exception& failure) {
      violations.add(failure.what());
    }
    counts = crash.counts();
    const bool something = crash.killed() != 0 && counts.ended[0] != 0;
    if (violations.none() && !something) violations.add("nothing was killed or nothing created");
  } catch (const std::exception& failure) {
    violations.add(failure.what());
  }

  std::printf("kills: %zu of the server (%zu within its start), %zu of PostgreSQL\n", counts.of_server, counts.in_start,
              counts.of_store);
  std::printf("%zu stores, %zu deletions of ecosystems, %zu inspections\n", counts.lives, counts.deletions,
              counts.inspections);
  std::printf("%zu requests:", counts.requests);
  for (std::size_t i = 0; i != ends.size(); ++i) std::printf(" %zu %s,", counts.ended[i], ends[i]);
  std::printf(" %zu of these found\n", counts.found);
  if (violations.none()) {
    std::filesystem::remove_all(folder);
    return 0;
  }
  std::printf("files and log: %s\n", folder.c_str());
  return 1;
} catch (const std::exception& failure) {
  std::fprintf(stderr, "crash: %s\n", failure.what());
  return 2;
}
