// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// two_servers SERVER CREATES: two processes of droplit-server over one PostgreSQL of the test's own. CREATES clients
// are created through both from many connections, while ecosystems are added and deleted one by one meanwhile,
// most of the creates being in the one that is about to be deleted. The load waits for no deletion, and no create that
// begins while a deletion is seen waiting for its lock passes that deletion. Then every response is compared with the
// rows. Status 0 if all was right.
#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/storage/postgres.hpp>
#include <droplit/transport/curl.hpp>

#include "support/postgres_cluster.hpp"
#include "support/server_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using droplit::ClientDraft;
using droplit::ClientId;
using droplit::ClientType;
using droplit::EcosystemId;
using droplit::EcosystemState;
using droplit::Text;
using Clock = std::chrono::steady_clock;

constexpr std::size_t lanes = 32;       // connections; the even ones are to the first server
constexpr std::size_t ecosystems = 40;  // of which so many are there at the same time, and are left in the end:
constexpr std::size_t window = 4;
constexpr std::size_t deletions = ecosystems - window;

test::Violations violations;

EcosystemId ecosystem(std::size_t number) {
  return EcosystemId({0x59, 0x4b, 0x89, 0xae, 0xa1, 0x85, 0x68, 0xc4, 0, 0, 0, static_cast<std::uint8_t>(number)});
}

/// What the request `number` of a lane asks for; its name says which one it is.
ClientDraft draft_of(std::size_t lane, std::size_t number, std::size_t home) {
  return {ecosystem(home), number % 2 == 0 ? ClientType::server : ClientType::application,
          Text::parse(std::to_string(lane) + "-" + std::to_string(number)),
          number % 5 == 0 ? std::nullopt : Text::parse("\xC3\xA9 '); -- " + std::to_string(number * 7919))};
}

/// A request and what became of it, as its caller knows.
struct Asked {
  std::size_t home;   ///< the number of its ecosystem
  bool gone;          ///< whose deletion had returned before the request began
  bool late;          ///< whose deletion had returned, or was seen waiting, before the request began
  int status = 0;     ///< 0: no response
  bool maybe = true;  ///< whether it may have been applied without a 201
  std::string row{};  ///< the client of a 201, as `row_of` writes it
};
using Journal = std::array<std::vector<Asked>, lanes>;

std::string row_of(const droplit::Client& client) {
  const auto text = [](const std::optional<Text>& t) { return t ? t->str() : std::string("NULL"); };
  return client.id().text() + '|' + std::to_string(client.created_at().unix_millis()) + '|' +
         client.ecosystem_id().text() + '|' + std::string(to_string(client.type())) + '|' + text(client.name()) + '|' +
         text(client.description()) + '|';
}

/// The load, and the deletions under it.
class Race {
 public:
  Race(droplit::PostgresStorage& storage, const std::string& conninfo, std::size_t creates)
      : storage_(storage), observer_(conninfo), creates_(creates) {
    for (std::size_t i = 0; i != window; ++i) add();
  }

  /// Creates all and returns how long that took.
  Clock::duration run(const std::array<std::string, 2>& urls) {
    const auto begin = Clock::now();
    std::vector<std::thread> threads;
    for (std::size_t lane = 0; lane != lanes; ++lane) {
      threads.emplace_back([this, lane, &url = urls[lane % 2]] { create(lane, url); });
    }
    std::thread remover([this] { remove(); });
    std::jthread observer([this](const std::stop_token& stop) { observe(stop); });
    for (std::thread& each : threads) each.join();
    const auto time = Clock::now() - begin;
    remover.join();
    return time;
  }

  [[nodiscard]] const Journal& journal() const noexcept { return journal_; }
  [[nodiscard]] std::size_t deleted() const noexcept { return deleted_; }
  [[nodiscard]] std::size_t seen() const noexcept { return seen_; }
  [[nodiscard]] std::size_t repeated() const noexcept { return repeated_; }
  [[nodiscard]] Clock::duration longest_deletion() const noexcept { return longest_; }

 private:
  void add() {
    const auto state = storage_.add_ecosystem(ecosystem(added_)).value();
    if (state != EcosystemState::active) throw std::runtime_error("an ecosystem that was never there is not active");
    ++added_;
  }

  // The creates that come before deletion number i, evenly over the load.
  [[nodiscard]] std::size_t creates_before(std::size_t i) const noexcept {
    return creates_ * (i + 1) / (deletions + 1);
  }

  // One by one.
  void remove() try {
    for (std::size_t i = 0; i != deletions; ++i) {
      while (next_ < creates_before(i)) std::this_thread::sleep_for(100us);
      doomed_ = i + 1;
      const auto begin = Clock::now();
      const EcosystemState before = remove(ecosystem(i));
      longest_ = std::max(longest_, Clock::now() - begin);
      deleted_ = i + 1;
      if (before != EcosystemState::active) violations.add("an ecosystem was not active before its deletion");
      add();
    }
  } catch (const std::exception& failure) {
    violations.add(std::string("a deletion failed: ") + failure.what());
  }

  // Looks which deletions wait.
  void observe(const std::stop_token& stop) try {
    while (!stop.stop_requested()) {
      const std::size_t begun = doomed_;
      const std::string waiting = observer_.ask(
          "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND NOT granted");
      if (waiting != "0|" && doomed_ == begun && queued_ != begun) {
        queued_ = begun;
        ++seen_;
      }
      std::this_thread::sleep_for(200us);
    }
  } catch (const std::exception& failure) {
    violations.add(std::string("the observer failed: ") + failure.what());
  }

  EcosystemState remove(EcosystemId id) {
    for (int tries = 1;; ++tries) {
      const auto before = storage_.delete_ecosystem(id);
      const bool again = before.has_exception() && before.assume_exception().status() == 503 && tries != 20;
      if (!again) return before.value();
      ++repeated_;
    }
  }

  // Usually the ecosystem of the next deletion or of the last one, else any.
  static std::size_t pick(std::minstd_rand& random, std::size_t deleted, std::size_t added) {
    const auto what = random() % 10;
    if (what < 5 || deleted == 0) return deleted;
    if (what < 7) return deleted - 1;
    return what == 7 ? random() % deleted : deleted + random() % (added - deleted);
  }

  void create(std::size_t lane, const std::string& url) {
    droplit::CurlTransport transport("token", {.url = url, .proxy = "", .timeout = 60s});
    std::minstd_rand random(static_cast<unsigned>(lane + 1));
    std::vector<Asked>& mine = journal_[lane];
    for (;;) {
      if (next_++ >= creates_) break;
      const std::size_t queued = queued_;
      const std::size_t deleted = deleted_;  // read first: what was added since is no less active
      Asked asked{pick(random, deleted, added_), false, false};
      asked.gone = asked.home < deleted;
      asked.late = asked.gone || asked.home < queued;
      const ClientDraft draft = draft_of(lane, mine.size(), asked.home);
      const auto outcome = droplit::create_client(transport, draft);
      const std::string who = "request " + draft.name()->str() + ": ";
      if (outcome.has_value()) {
        asked.status = 201;
        asked.row = row_of(outcome.assume_value());
        if (asked.gone) violations.add(who + "201 in an ecosystem that was deleted before");
        if (asked.late && !asked.gone) violations.add(who + "201 in an ecosystem whose deletion was waiting before");
      } else if (outcome.has_error()) {
        asked.status = outcome.assume_error().status();
        asked.maybe = false;
        if (outcome.assume_error().code() != droplit::ApiErrc::ecosystem_not_found) {
          violations.add(who + "refused with " + std::to_string(asked.status));
        } else if (asked.home >= doomed_) {
          violations.add(who + "404 before the deletion began");
        }
      } else {
        const droplit::Fault& fault = outcome.assume_exception();
        asked.status = fault.status().value_or(0);
        asked.maybe = fault.fate() == droplit::Fate::maybe_applied;
        violations.add(who + "status " + std::to_string(asked.status) + ", " + fault.what());
      }
      mine.push_back(asked);
    }
  }

  droplit::PostgresStorage& storage_;
  PostgresSession observer_;
  const std::size_t creates_;
  Journal journal_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> added_{0};    // ecosystems that were added
  std::atomic<std::size_t> doomed_{0};   // those whose deletion had begun
  std::atomic<std::size_t> deleted_{0};  // those whose deletion had returned
  std::atomic<std::size_t> queued_{0};   // those whose deletion had been seen waiting, or had returned
  std::atomic<std::size_t> seen_{0};     // how many were seen waiting
  Clock::duration longest_{};            // what a deletion took
  std::size_t repeated_ = 0;             // deletions that did not get the lock in time
};

/// Compares the responses with the rows, of which each value ends with a bar.
void inspect(const Journal& journal, const std::string& rows) {
  std::map<std::string, std::size_t> by_name;  // how often
  std::set<std::string> ids;
  std::istringstream in(rows);
  std::array<std::string, 6> row;
  while (std::getline(in, row[0], '|')) {
    for (std::size_t i = 1; i != row.size(); ++i) std::getline(in, row[i], '|');
    const std::string& name = row[4];
    const auto dash = name.find('-');
    std::size_t lane = lanes;
    std::size_t number = 0;
    std::from_chars(name.data(), name.data() + dash, lane);
    std::from_chars(name.data() + dash + 1, name.data() + name.size(), number);
    if (dash == std::string::npos || lane >= lanes || number >= journal[lane].size()) {
      violations.add("a client that was not requested: " + name);
      continue;
    }
    const Asked& asked = journal[lane][number];
    if (++by_name[name] != 1) violations.add("two clients for one request: " + name);
    if (!ids.insert(row[0]).second) violations.add("two clients have one id: " + row[0]);
    if (asked.gone) violations.add("a client in an ecosystem that was deleted before: " + name);
    std::string whole;
    for (const std::string& cell : row) whole += cell + '|';
    const ClientDraft draft = draft_of(lane, number, asked.home);
    const std::string asked_for = '|' + draft.ecosystem_id().text() + '|' + std::string(to_string(draft.type())) + '|' +
                                  name + '|' + (draft.description() ? draft.description()->str() : "NULL") + '|';
    if (!whole.ends_with(asked_for)) violations.add("a client that is not as it was asked for: " + name);
    if (asked.status == 201 ? whole != asked.row : !asked.maybe) {
      violations.add("a client that differs from its response: " + name);
    }
  }
  for (std::size_t lane = 0; lane != lanes; ++lane) {
    for (std::size_t number = 0; number != journal[lane].size(); ++number) {
      const std::string name = std::to_string(lane) + "-" + std::to_string(number);
      if (journal[lane][number].status == 201 && !by_name.contains(name)) violations.add("a client is lost: " + name);
    }
  }
}

/// How many requests, of all lanes or of those to one server, are like this.
std::size_t count(const Journal& journal, const std::function<bool(const Asked&)>& like, std::size_t first = 0,
                  std::size_t step = 1) {
  std::size_t all = 0;
  for (std::size_t lane = first; lane < lanes; lane += step) {
    all += static_cast<std::size_t>(std::count_if(journal[lane].begin(), journal[lane].end(), like));
  }
  return all;
}

void race(const std::string& program, std::size_t creates, const std::filesystem::path& folder) {
  std::ofstream(folder / "access.json") << R"({"tokens":[{"token":"token","kind":"account"}]})";
  PostgresCluster cluster;
  cluster.stop_fast();
  cluster.start({"track_commit_timestamp=on"});
  auto storage = droplit::PostgresStorage::open(cluster.conninfo(), {.connections = 1, .timeout = 60s}).value();
  Race load(storage, cluster.conninfo(), creates);
  // Each of its connections may wait for the store at the same time, and has a connection of the pool then.
  const std::vector<std::string> command{
      program,
      "--listen",
      "127.0.0.1:0",
      "--access",
      folder / "access.json",
      "--store-threads",
      std::to_string(lanes / 2),
      "--postgres-timeout",
      "60s",  // a limit that only a hang reaches
      "--storage",
      "postgresql:///postgres?host=" + cluster.folder().string() + "&port=5432&user=droplit&sslmode=disable"};
  test::ServerProcess one(command, folder / "log");
  test::ServerProcess two(command, folder / "log");
  const auto time = load.run({one.url(30s).value(), two.url(30s).value()});
  for (test::ServerProcess* each : {&one, &two}) {
    if (const int status = each->end(SIGTERM).status; status != 0) {
      violations.add("a server ends with " + std::to_string(status));
    }
  }

  const Journal& journal = load.journal();
  PostgresSession session(cluster.conninfo());
  inspect(journal, session.ask("SELECT id, created_at, ecosystem_id, type, name, description FROM droplit.clients"));
  const std::string late = session.ask(
      "SELECT c.name FROM droplit.clients c JOIN droplit.ecosystems e ON e.id = c.ecosystem_id WHERE e.state = 'deleted'"
      " AND pg_xact_commit_timestamp(c.xmin) > pg_xact_commit_timestamp(e.xmin)");
  if (!late.empty()) violations.add("clients that were kept after their ecosystem's deletion: " + late.substr(0, 200));
  const auto created = [](const Asked& asked) { return asked.status == 201; };
  const auto missed = [](const Asked& asked) { return asked.status == 404 && !asked.gone; };
  const auto gone = [](const Asked& asked) { return asked.gone; };
  const std::size_t by_first = count(journal, created, 0, 2);
  const std::size_t by_second = count(journal, created, 1, 2);
  if (by_first == 0 || by_second == 0) violations.add("a server created nothing");
  if (count(journal, gone) == 0) violations.add("nothing was asked for in a deleted ecosystem");
  if (load.seen() == 0) violations.add("no deletion was seen waiting");
  if (load.repeated() != 0) violations.add("a deletion did not get its lock in time");
  if (load.deleted() != deletions) violations.add("not all were deleted that should be");

  const auto millis = [](auto duration) {
    return static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  };
  std::printf("%zu created by the first server and %zu by the second, in %lld ms\n", by_first, by_second, millis(time));
  std::printf("404: %zu begun after the deletion had returned, %zu that met it on the way\n", count(journal, gone),
              count(journal, missed));
  std::printf(
      "%zu ecosystems deleted, in %lld ms at the most, %zu were seen waiting; deadlocks that PostgreSQL met: %s\n",
      load.deleted(), millis(load.longest_deletion()), load.seen(),
      session.ask("SELECT sum(deadlocks) FROM pg_stat_database").c_str());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::runtime_error("usage: two_servers SERVER CREATES");
  std::string folder = std::filesystem::temp_directory_path() / "droplit-two-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary directory");
  try {
    race(argv[1], std::stoul(argv[2]), folder);
  } catch (const std::exception& failure) {
    violations.add(failure.what());
  }
  if (violations.none()) {
    std::filesystem::remove_all(folder);
    return 0;
  }
  std::printf("the servers' log: %s/log\n", folder.c_str());
  return 1;
} catch (const std::exception& failure) {
  std::fprintf(stderr, "two_servers: %s\n", failure.what());
  return 2;
}
