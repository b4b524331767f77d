// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// crash_keys SERVER STORE KILLS SECONDS [SEED]: creates clients through droplit-server, each call repeated under its
// idempotency key until it has a 201, while what keeps them is ended with SIGKILL at random moments. Then there is
// exactly one client for each key, and every 201 of a key has the same bytes.
//
// STORE is `sqlite`: the server is killed, within its start too, and started again on the same file. Or `postgres`: a
// PostgreSQL of the test's own is killed, within its start too, and started again under a server that goes on; now and
// then that one is killed too. Ends after KILLS kills, or SECONDS if these are not 0; with status 0 if all was as it
// must be.
#include <droplit/id.hpp>

#include "support/crash_main.hpp"
#include "support/crash_stores.hpp"
#include "support/keyed_load.hpp"
#include "support/server_process.hpp"

#include <signal.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace droplit::literals;
using Clock = std::chrono::steady_clock;

constexpr droplit::EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;

test::Violations violations;

struct Counts {
  std::size_t of_server = 0, in_start = 0, of_store = 0, crashes = 0, inspections = 0;
};

/// One server over one store, which are killed under a load.
class Crash {
 public:
  explicit Crash(const test::CrashRun& run)
      : program_(run.program),
        folder_(run.folder),
        store_(run.make_store()),
        random_(run.seed),
        is_sqlite_(run.is_sqlite()) {
    start_wholly();
  }

  void run(std::size_t kills, std::chrono::seconds limit) {
    const auto end = limit == 0s ? Clock::time_point::max() : Clock::now() + limit;
    test::KeyedLoad load({&address_}, home, book_, violations);
    while (killed() < kills && Clock::now() < end && violations.none()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2 + random_() % 200));
      if (is_sqlite_) {
        kill_server();
      } else {
        kill_store();
      }
      if (!server_) start();
    }
    if (!server_) start_wholly();
    load.finish();
    const int status = server_->end(SIGTERM).status;
    if (status != 0) violations.add("after SIGTERM the server ends with status " + std::to_string(status));
    server_.reset();
    inspect();
    if (book_.settled().size() != book_.keys()) violations.add("a key has no 201");
  }

  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }
  [[nodiscard]] const test::KeyedBook& book() const noexcept { return book_; }
  [[nodiscard]] std::size_t killed() const noexcept { return is_sqlite_ ? counts_.of_server : counts_.of_store; }

 private:
  bool start(std::chrono::milliseconds timeout) {
    std::vector<std::string> command{
        program_,         "--listen",  "127.0.0.1:0", "--access",           folder_ / "access.json", "--storage",
        store_->option(), "--threads", "2",           "--idempotency-keys", "--ecosystem",           home.text()};
    if (random_() % 3 == 0) command.insert(command.end(), {"--store-threads", "0"});
    server_.emplace(command, folder_ / "log");
    const auto url = server_->url(timeout);
    if (url) address_.set(*url);
    return url.has_value();
  }

  void start_wholly() {
    if (start(30s)) return;
    violations.add("the server does not start");
    throw std::runtime_error("no server");
  }

  /// Starts it, killing it now and then before it has started.
  void start() {
    while (random_() % 5 == 0 && !start(std::chrono::milliseconds(random_() % 60))) {
      ++counts_.in_start;
      end_server();
    }
    if (!server_) start_wholly();
  }

  void end_server() {
    const auto end = server_->end(SIGKILL);
    if (end.by_itself) violations.add("the server ended by itself, with status " + std::to_string(end.status));
    server_.reset();
    ++counts_.of_server;
  }

  void kill_server() {
    end_server();
    if (counts_.of_server % 4 == 0) inspect();
  }

  void kill_store() {
    counts_.of_store += store_->crash(random_);
    if (random_() % 8 == 0) end_server();
    if (++counts_.crashes % 2 == 0) inspect();
  }

  /// Compares what is in the store with what was answered until now.
  void inspect() {
    ++counts_.inspections;
    const auto settled = book_.settled();
    try {
      book_.compare(settled, store_->inspect());
    } catch (const std::exception& failure) {
      violations.add(failure.what());
    }
  }

  std::string program_;
  std::filesystem::path folder_;
  std::unique_ptr<test::Store> store_;
  std::mt19937 random_;
  bool is_sqlite_;
  test::ServerAddress address_;
  test::KeyedBook book_{violations};
  std::optional<test::ServerProcess> server_;
  Counts counts_;
};

}  // namespace

int main(int argc, char** argv) {
  return test::crash_main("crash_keys", argc, argv, violations, [](const test::CrashRun& run) {
    Crash crash(run);
    try {
      crash.run(run.kills, run.limit);
    } catch (const std::exception& failure) {
      violations.add(failure.what());
    }
    const bool something = crash.killed() != 0 && crash.book().replays() != 0 && crash.book().failures() != 0;
    if (violations.none() && !something) violations.add("nothing was killed, failed or replayed");
    const Counts& counts = crash.counts();
    std::printf(
        "kills: %zu of the server (%zu within its start), %zu of PostgreSQL (it was back %zu times);"
        " %zu inspections\n",
        counts.of_server, counts.in_start, counts.of_store, counts.crashes, counts.inspections);
    std::printf("%zu keys: %zu calls with a 201, %zu of them replays, %zu calls that failed\n", crash.book().keys(),
                crash.book().responses(), crash.book().replays(), crash.book().failures());
  });
}
