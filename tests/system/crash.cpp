// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// crash SERVER STORE KILLS SECONDS [SEED]: creates clients through droplit-server, ends what keeps them with SIGKILL at
// random moments, and looks each time whether what was answered is there and nothing else is.
//
// STORE is `sqlite`: the server is killed, within its start too, and started again on the same file. Or `postgres`: a
// PostgreSQL of the test's own is killed (its first process, a session or all at once), within its start too, and
// started again under a server that goes on; now and then that one is killed too. Ends after KILLS kills, or SECONDS if
// these are not 0; with status 0 if all was right.
#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/storage/sqlite.hpp>
#include <droplit/transport/curl.hpp>

#include "support/crash_main.hpp"
#include "support/crash_requests.hpp"
#include "support/crash_stores.hpp"
#include "support/server_process.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
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
using droplit::Timestamp;
using Clock = std::chrono::steady_clock;
using Random = std::mt19937;

using test::as_client;
using test::draft_of;
using test::lane_and_number;
using test::lanes;

test::Violations violations;

int from(Random& random, int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); }

// ---- what is asked for ----------------------------------------------------------------------------------------------

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
  std::size_t of_server = 0, in_start = 0, of_store = 0, crashes = 0, lives = 0, deletions = 0, inspections = 0,
              requests = 0, found = 0;
  std::array<std::size_t, ends.size()> ended{};
};

class Crash {
 public:
  explicit Crash(const test::CrashRun& run)
      : program_(run.program),
        folder_(run.folder),
        store_(run.make_store()),
        random_(run.seed),
        is_sqlite_(run.is_sqlite()) {
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
    counts_.of_store += store_->crash(random_);
    ++counts_.crashes;
    if (!load.await_created(lanes, 30s)) violations.add("no 201 though the store is back");
    const int what = from(random_, 0, 7);
    if (what > 1) return;
    load.expect_end();
    if (what == 0) {
      kill_server();
    } else {
      stop_server();
    }
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
  std::unique_ptr<test::Store> store_;
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

}  // namespace

int main(int argc, char** argv) {
  return test::crash_main("crash", argc, argv, violations, [](const test::CrashRun& run) {
    Crash crash(run);
    try {
      crash.run(run.kills, run.limit);
    } catch (const std::exception& failure) {
      violations.add(failure.what());
    }
    const Counts& counts = crash.counts();
    const bool something = crash.killed() != 0 && counts.ended[0] != 0;
    if (violations.none() && !something) violations.add("nothing was killed or nothing created");
    std::printf("kills: %zu of the server (%zu within its start), %zu of PostgreSQL (it was back %zu times)\n",
                counts.of_server, counts.in_start, counts.of_store, counts.crashes);
    std::printf("%zu stores, %zu deletions of ecosystems, %zu inspections\n", counts.lives, counts.deletions,
                counts.inspections);
    std::printf("%zu requests:", counts.requests);
    for (std::size_t i = 0; i != ends.size(); ++i) std::printf(" %zu %s,", counts.ended[i], ends[i]);
    std::printf(" %zu of these found\n", counts.found);
  });
}
