// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A PostgreSQL that fails over, under two processes of droplit-server: a primary and a synchronous standby, set up by
// docs/examples/replication.sh. DROPLIT_LONG=1 has 20 failovers of each kind.
#include <droplit/client.hpp>
#include <droplit/fault.hpp>
#include <droplit/json.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/storage/postgres.hpp>
#include <droplit/transport/curl.hpp>

#include "support/catch.hpp"
#include "support/crash_requests.hpp"
#include "support/crash_stores.hpp"
#include "support/keyed_load.hpp"
#include "support/program.hpp"
#include "support/replication.hpp"
#include "support/server_process.hpp"

#include <signal.h>
#include <stdlib.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace droplit::literals;
using Clock = std::chrono::steady_clock;

constexpr droplit::EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;     // of the creates with a key
constexpr droplit::EcosystemId keyless = "C594b89aea18568c408c3ad25"_ecosystem_id;  // of those without

std::vector<droplit::Client> read_clients(PostgresSession& session, droplit::EcosystemId ecosystem) {
  std::istringstream in(
      session.ask("SELECT id, created_at, ecosystem_id, type, name, description FROM droplit.clients WHERE ecosystem_id"
                  " = '" +
                  ecosystem.text() + "'"));
  std::vector<droplit::Client> clients;
  for (test::Cells cells; std::getline(in, cells[0].emplace(), '|'); clients.push_back(test::client_of(cells))) {
    for (std::size_t i = 1; i != cells.size(); ++i) {
      std::getline(in, cells[i].emplace(), '|');
      if (cells[i] == "NULL") cells[i].reset();
    }
  }
  return clients;
}

/// Callers without keys, two for each server, who take each outcome as it is.
class KeylessLoad {
 public:
  KeylessLoad(const std::vector<const test::ServerAddress*>& addresses, test::Violations& violations,
              std::chrono::milliseconds pause)
      : violations_(violations), pause_(pause) {
    for (std::size_t lane = 0; lane != lanes; ++lane) {
      threads_.emplace_back([this, lane, url = addresses[lane % 2]->get()] { run(lane, url); });
    }
  }
  KeylessLoad(const KeylessLoad&) = delete;
  KeylessLoad& operator=(const KeylessLoad&) = delete;
  ~KeylessLoad() { finish(); }

  void finish() {
    stop_ = true;
    for (std::thread& each : threads_) each.join();
    threads_.clear();
  }

  /// Compares the outcomes with what is stored.
  void compare(const std::vector<droplit::Client>& clients) {
    std::set<std::pair<std::size_t, std::size_t>> found;
    for (const droplit::Client& client : clients) {
      const auto place = test::lane_and_number(client.name()->str());
      if (!place || !found.insert(*place).second) violations_.add("a client that was not requested, or twice");
      const Asked& asked = asked_.at(place->first).at(place->second);
      const bool is_equal = asked.body.empty() || asked.body == droplit::to_json(client);
      if (!asked.maybe || !is_equal)
        violations_.add("a client that differs from its response: " + client.name()->str());
    }
    for (std::size_t lane = 0; lane != lanes; ++lane) {
      for (std::size_t number = 0; number != asked_[lane].size(); ++number) {
        if (asked_[lane][number].body.empty() || found.contains({lane, number})) continue;
        violations_.add("a client that was answered is lost: " + std::to_string(lane) + "-" + std::to_string(number));
      }
    }
  }

 private:
  static constexpr std::size_t lanes = 4;
  /// What became of a request: the 201's client, or whether it may have been applied.
  struct Asked {
    std::string body;
    bool maybe;
  };

  void run(std::size_t lane, const std::string& url) {
    droplit::CurlTransport transport("crash-token", {.url = url, .proxy = "", .timeout = 60s});
    for (std::size_t number = 0; !stop_ && violations_.none(); ++number) {
      const auto outcome = droplit::create_client(transport, test::draft_of(lane, number, keyless));
      Asked asked{"", true};
      if (outcome.has_value()) {
        asked.body = droplit::to_json(outcome.assume_value());
      } else if (outcome.has_error()) {
        violations_.add("refused with " + std::to_string(outcome.assume_error().status()));
      } else {
        asked.maybe = outcome.assume_exception().fate() == droplit::Fate::maybe_applied;
        std::this_thread::sleep_for(pause_);
      }
      asked_[lane].push_back(std::move(asked));
    }
  }

  test::Violations& violations_;
  std::chrono::milliseconds pause_;
  std::atomic<bool> stop_{false};
  std::array<std::vector<Asked>, lanes> asked_;
  std::vector<std::thread> threads_;
};

enum class Way { direct, pgbouncer, pgpool };

/// Two processes of droplit-server, which reach the nodes in one way and are never started again.
class Fleet {
 public:
  Fleet(const test::Replication& nodes, Way way) {
    std::string name = std::filesystem::temp_directory_path() / "droplit-fleet-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    folder_ = name;
    std::ofstream(folder_ / "access.json") << R"({"tokens":[{"token":"crash-token","kind":"account"}]})";
    const std::string uri = way == Way::direct ? nodes.uri() : nodes.uri(way == Way::pgpool ? "pgpool" : "pgbouncer");
    std::vector<std::string> command{test::program_paths().at("droplit-server"),
                                     "--listen",
                                     "127.0.0.1:0",
                                     "--access",
                                     folder_ / "access.json",
                                     "--storage",
                                     uri,
                                     "--idempotency-keys",
                                     "--ecosystem",
                                     home.text()};
    if (way == Way::pgbouncer) command.insert(command.end(), {"--postgres-session", "pooled"});
    for (std::size_t i = 0; i != addresses_.size(); ++i) {
      servers_[i].emplace(command, folder_ / "log");
      addresses_[i].set(servers_[i]->url(60s).value());
    }
  }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;
  ~Fleet() {
    for (auto& each : servers_) each.reset();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::vector<const test::ServerAddress*> addresses() const { return {&addresses_[0], &addresses_[1]}; }

  void stop(test::Violations& violations) {
    for (auto& each : servers_) {
      const auto end = each->end(SIGTERM);
      if (end.by_itself || end.status != 0) violations.add("a server ended with status " + std::to_string(end.status));
    }
  }

 private:
  std::filesystem::path folder_;
  std::array<std::optional<test::ServerProcess>, 2> servers_;
  std::array<test::ServerAddress, 2> addresses_;
};

long long millis(Clock::duration duration) {
  return static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

/// Fails over so often, under a load, and checks what is there then.
void fail_over(Way way, int failovers) {
  test::Violations violations;
  test::Replication nodes;
  {
    auto storage = droplit::PostgresStorage::open(nodes.uri()).value();
    for (const droplit::EcosystemId each : {home, keyless}) storage.add_ecosystem(each).value();
  }
  if (way == Way::pgbouncer) {
    nodes.route(nodes.primary());
    nodes.run("pgbouncer");
  }
  if (way == Way::pgpool) nodes.run("pgpool");
  Fleet fleet(nodes, way);
  test::KeyedBook book(violations);
  // pgpool-II fails over only when it has replaced its processes that could not reach the primary. Where callers do not
  // wait as long as `retry-after` says, a busy machine never gets there.
  const std::chrono::milliseconds pause = way == Way::pgpool ? 1s : 2ms;
  test::KeyedLoad load(fleet.addresses(), home, book, violations, pause);
  KeylessLoad other_load(fleet.addresses(), violations, pause);
  std::mt19937 random{std::random_device()()};
  for (int i = 0; i != failovers && violations.none(); ++i) {
    const auto before = Clock::now();
    test::await("creates", [&] { return book.created_since(before) == test::lanes || !violations.none(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 500));
    const std::string dead = nodes.primary();
    const auto killed = Clock::now();
    nodes.kill(dead, random() % 2 == 0);
    way == Way::pgpool ? nodes.await_promotion() : nodes.promote();
    if (way == Way::pgbouncer) nodes.route(nodes.primary());
    const auto promoted = Clock::now();
    book.forbid();  // the new primary has no standby
    nodes.join(dead, i % 3 == 2);
    book.allow();
    nodes.run(dead);
    const auto joined = Clock::now();
    const auto await_service = [&](std::size_t callers) {
      test::await("service", [&] { return book.created_since(killed) >= callers || !violations.none(); });
      return millis(Clock::now() - killed);
    };
    const auto first = await_service(1);
    const auto all = await_service(test::lanes);
    nodes.await_standby();
    std::printf("failover %d: ms until promoted %lld, a standby %lld, a 201 %lld, all callers have one %lld\n", i + 1,
                millis(promoted - killed), millis(joined - killed), first, all);
    std::fflush(stdout);
  }
  load.finish();
  other_load.finish();
  fleet.stop(violations);
  PostgresSession session(nodes.conninfo(nodes.primary()));
  book.compare(book.settled(), read_clients(session, home));
  other_load.compare(read_clients(session, keyless));
  std::printf("%zu keys: %zu calls with a 201, %zu of them replays, %zu that failed\n", book.keys(), book.responses(),
              book.replays(), book.failures());
  CHECK(book.settled().size() == book.keys());
  CHECK(book.replays() != 0);
  CHECK(violations.none());
}

droplit::Client client(std::uint8_t number) {
  return {droplit::ClientId({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number}),
          droplit::Timestamp::clamp_unix_millis(1),
          home,
          droplit::ClientType::server,
          droplit::Text::parse("n"),
          std::nullopt};
}

droplit::IdempotencyKey key(const std::string& text) { return droplit::IdempotencyKey::parse(text).value(); }

/// A store that gives up soon.
droplit::PostgresStorage open(const test::Replication& nodes) {
  auto storage = droplit::PostgresStorage::open(nodes.uri(), {.connect_timeout = 5s, .timeout = 1s}).value();
  storage.add_ecosystem(home).value();
  return storage;
}

/// Nothing was acknowledged: it is a fault that may have been applied.
template <class T>
void check_unknown(const droplit::Outcome<T>& outcome) {
  REQUIRE(outcome.has_exception());
  INFO(outcome.exception().what());
  CHECK(outcome.exception().fate() == droplit::Fate::maybe_applied);
}

// Of the store's sessions.
const std::string waits_for_standby =
    " FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'droplit'";

int failovers(int in_short) { return ::getenv("DROPLIT_LONG") != nullptr ? 20 : in_short; }

}  // namespace

TEST_CASE("a failover loses no client that was acknowledged, and repeats none") {
  fail_over(Way::direct, failovers(2));
}

TEST_CASE("the same through PgBouncer, which a reload points at the new primary") {
  fail_over(Way::pgbouncer, failovers(1));
}

TEST_CASE("the same through pgpool-II, which promotes the standby by itself") { fail_over(Way::pgpool, failovers(1)); }

TEST_CASE("without its standby a primary acknowledges neither creates nor replays, also of what it has committed") {
  test::Replication nodes;
  auto storage = open(nodes);
  CHECK(storage.insert_once(client(1), key("first")).value() == droplit::Insertion::inserted);
  const std::string old_primary = nodes.primary();
  const std::string standby = nodes.standby();
  PostgresSession session(nodes.conninfo(old_primary));
  nodes.stop(standby);

  // Both are committed, and wait. The waits are cancelled, as by an operator who sees them hang.
  check_unknown(storage.insert_once(client(2), key("second")));
  check_unknown(storage.insert(client(3)));
  session.await("SELECT count(pg_cancel_backend(pid))" + waits_for_standby, "0|");
  session.await("SELECT count(*) FROM droplit.clients", "3|");

  // A fault of any fate: one that meets a lock of those that were given up before is surely not applied.
  CHECK(storage.insert_once(client(1), key("first")).has_exception());   // a replay of what the standby has
  CHECK(storage.insert_once(client(4), key("first")).has_exception());   // by another try
  CHECK(storage.insert_once(client(2), key("second")).has_exception());  // of what it has not, the same try
  CHECK(storage.insert_once(client(5), key("second")).has_exception());  // and another one
  CHECK(storage.insert(client(3)).has_exception());                      // the same without a key
  CHECK(storage.delete_ecosystem(home).has_exception());
  CHECK(storage.add_ecosystem(home).has_exception());
  // Those that were given up still wait at the server, and end when there is a standby.
  CHECK(session.ask("SELECT count(*) > 0" + waits_for_standby) == "t|");

  SECTION("a standby that is back ends the waits, and what waits then is acknowledged") {
    droplit::PostgresStorage patient =
        droplit::PostgresStorage::open(nodes.uri(), {.timeout = 60s}).value();  // a limit that only a hang reaches
    const std::string waiting = session.ask("SELECT count(*)" + waits_for_standby);
    std::optional<droplit::Outcome<droplit::KeyedInsertion>> replayed;
    std::thread caller([&] { replayed = patient.insert_once(client(6), key("first")); });
    session.await("SELECT count(*) = 1 + " + waiting.substr(0, waiting.size() - 1) + waits_for_standby, "t|");
    nodes.run(standby);
    caller.join();
    CHECK(replayed->value() == droplit::KeyedInsertion::replayed(client(1)));
    session.await("SELECT count(*)" + waits_for_standby, "0|");
  }
  SECTION("a failover then loses what was not acknowledged, and only that, and the same store goes on") {
    nodes.kill(old_primary, true);
    nodes.run(standby);
    nodes.promote();
    check_unknown(storage.insert_once(client(6), key("third")));  // the new primary has no standby either
    nodes.join(old_primary);
    nodes.run(old_primary);
    nodes.await_standby();
    CHECK(storage.insert_once(client(7), key("first")).value() == droplit::KeyedInsertion::replayed(client(1)));
    CHECK(storage.insert_once(client(8), key("second")).value() == droplit::Insertion::inserted);
    CHECK_FALSE(storage.find_client(client(3).id()).value());
  }
}

TEST_CASE("an old primary that comes back writable acknowledges nothing, though it is listed first") {
  test::Replication nodes;
  auto storage = open(nodes);
  nodes.kill("a", true);
  nodes.promote();
  nodes.run("a");  // as no operator should
  PostgresSession stale(nodes.conninfo("a"));
  CHECK(stale.ask("SELECT pg_is_in_recovery()") == "f|");
  check_unknown(storage.insert_once(client(1), key("first")));
  CHECK(stale.ask("SELECT count(*) > 0" + waits_for_standby) == "t|");  // it was reached, and waits

  nodes.stop("a");
  nodes.join("a");
  nodes.run("a");
  nodes.await_standby();
  CHECK(storage.insert_once(client(2), key("first")).value() == droplit::Insertion::inserted);
  CHECK_FALSE(storage.find_client(client(1).id()).value());
}
