// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// crash_keys SERVER STORE KILLS SECONDS [SEED]: creates clients through droplit-server, each call repeated under its
// idempotency key until it has a 201, while what keeps them is ended with SIGKILL at random moments. Then there is
// exactly one client for each key, and every 201 of a key has the same bytes.
//
// STORE is `sqlite`: the server is killed, within its start too, and started again on the same file. Or `postgres`: a
// PostgreSQL of the test's own is killed and started again under a server that goes on; now and then that one is killed
// too. Ends after KILLS kills, or SECONDS if these are not 0; with status 0 if all was as it must be.
#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/json.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/response.hpp>
#include <droplit/transport/curl.hpp>

#include "support/crash_main.hpp"
#include "support/crash_requests.hpp"
#include "support/crash_stores.hpp"
#include "support/server_process.hpp"

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace droplit::literals;
using Clock = std::chrono::steady_clock;
using test::lanes;

constexpr droplit::EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr auto longest_wait = 60s;  // for a 201, kills included

test::Violations violations;

/// What is known of the creates: for each key the bytes of its 201, once there is one. Two lanes call with each key.
class Book {
 public:
  using Name = std::pair<std::size_t, std::size_t>;  // lane / 2, number

  void ask(Name name) {
    const std::lock_guard lock(mutex_);
    bodies_[name];
  }

  void created(Name name, const std::string& body, std::optional<bool> replayed, const std::string& who) {
    const std::lock_guard lock(mutex_);
    std::string& known = bodies_.at(name);
    if (!known.empty() && body != known) violations.add(who + "201 with another body: " + body + " and " + known);
    if (!replayed) violations.add(who + "201 without idempotency-replayed");
    const bool is_first = replayed == false;
    if (is_first && !firsts_.insert({name, true}).second) violations.add(who + "created twice");
    known = body;
    ++responses_;
    replays_ += is_first ? 0 : 1;
  }

  void failed() { ++failures_; }

  /// Those that have a 201.
  [[nodiscard]] std::map<Name, std::string> settled() const {
    const std::lock_guard lock(mutex_);
    std::map<Name, std::string> settled;
    for (const auto& each : bodies_) {
      if (!each.second.empty()) settled.insert(each);
    }
    return settled;
  }

  [[nodiscard]] bool is_asked(Name name) const {
    const std::lock_guard lock(mutex_);
    return bodies_.contains(name);
  }
  [[nodiscard]] std::size_t keys() const {
    const std::lock_guard lock(mutex_);
    return bodies_.size();
  }
  [[nodiscard]] std::size_t responses() const noexcept { return responses_; }
  [[nodiscard]] std::size_t replays() const noexcept { return replays_; }
  [[nodiscard]] std::size_t failures() const noexcept { return failures_; }

 private:
  mutable std::mutex mutex_;
  std::map<Name, std::string> bodies_;
  std::map<Name, bool> firsts_;
  std::atomic<std::size_t> responses_{0};
  std::atomic<std::size_t> replays_{0};
  std::atomic<std::size_t> failures_{0};
};

/// Where the server listens now.
class Address {
 public:
  void set(std::string url) {
    const std::lock_guard lock(mutex_);
    url_ = std::move(url);
  }
  [[nodiscard]] std::string get() const {
    const std::lock_guard lock(mutex_);
    return url_;
  }

 private:
  mutable std::mutex mutex_;
  std::string url_;
};

/// Callers that never give up: eight connections that create clients one after the other until `finish`.
class Load {
 public:
  Load(const Address& address, Book& book) : address_(address), book_(book) {
    for (std::size_t lane = 0; lane != lanes; ++lane) threads_.emplace_back([this, lane] { run(lane); });
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() { finish(); }

  /// Ends when each lane has its 201.
  void finish() {
    stop_ = true;
    for (std::thread& each : threads_) each.join();
    threads_.clear();
  }

 private:
  /// A key of any characters, which the number of the request makes the only one.
  static std::string key_of(Book::Name name) {
    std::string key = std::to_string(name.first) + "-" + std::to_string(name.second) + ":";
    std::minstd_rand random(static_cast<unsigned>(1 + name.first + name.second * lanes));
    for (auto n = random() % 60; n != 0; --n) key += static_cast<char>(0x21 + random() % 94);
    return key;
  }

  void run(std::size_t lane) {
    std::minstd_rand random(static_cast<unsigned>(1 + lane));
    for (std::size_t number = 0; !stop_ && violations.none(); ++number) {
      create({lane / 2, number});
      // The 201 is the same later too, whatever was killed since.
      if (random() % 3 == 0) create({lane / 2, random() % (number + 1)});
    }
  }

  void create(Book::Name name) {
    const auto draft = test::draft_of(name.first, name.second, home);
    const droplit::RemoteCreation creation(draft, {}, 0);
    droplit::Request request = creation.request();
    request.fields.add("idempotency-key", key_of(name));
    const std::string who = "request " + draft.name()->str() + ": ";
    book_.ask(name);  // before it is sent: it may be found whatever happens
    std::optional<droplit::CurlTransport> transport;
    std::string url;
    for (const auto end = Clock::now() + longest_wait; violations.none();) {
      if (Clock::now() > end) return violations.add(who + "no 201, however often it was repeated");
      if (!transport || url != address_.get()) {
        url = address_.get();
        transport.emplace("crash-token", droplit::CurlOptions{.url = url, .proxy = "", .timeout = 30s});
      }
      const auto response = transport->send(request);
      const int status = response ? response.assume_value().status : 0;
      if (status == 201) {
        const droplit::Response& created = response.assume_value();
        return book_.created(name, created.body, droplit::read_replayed(created), who);
      }
      if (status != 0 && status != 500 && status != 503) violations.add(who + "answered " + std::to_string(status));
      book_.failed();
      std::this_thread::sleep_for(2ms);
    }
  }

  const Address& address_;
  Book& book_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

struct Counts {
  std::size_t of_server = 0, in_start = 0, of_store = 0, inspections = 0;
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
    Load load(address_, book_);
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
  [[nodiscard]] const Book& book() const noexcept { return book_; }
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
    store_->crash(random_);
    ++counts_.of_store;
    if (random_() % 8 == 0) end_server();
    if (counts_.of_store % 4 == 0) inspect();
  }

  /// Compares what is in the store with what was answered until now.
  void inspect() {
    ++counts_.inspections;
    std::map<Book::Name, std::string> settled = book_.settled();
    std::map<Book::Name, std::string> found;
    std::vector<droplit::Client> clients;
    try {
      clients = store_->inspect();
    } catch (const std::exception& failure) {
      return violations.add(failure.what());
    }
    for (const droplit::Client& client : clients) {
      const std::string name = client.name() ? client.name()->str() : "";
      const auto place = test::lane_and_number(name);
      if (!place || !book_.is_asked(*place)) {
        violations.add("a client that was not requested: " + name);
        continue;
      }
      if (!found.emplace(*place, droplit::to_json(client)).second) violations.add("two clients for one key: " + name);
    }
    for (const auto& [name, body] : settled) {
      const std::string who = std::to_string(name.first) + "-" + std::to_string(name.second);
      const auto there = found.find(name);
      if (there == found.end()) violations.add("a client that was answered is lost: " + who);
      if (there != found.end() && there->second != body) violations.add("a client is not as it was answered: " + who);
    }
  }

  std::string program_;
  std::filesystem::path folder_;
  std::unique_ptr<test::Store> store_;
  std::mt19937 random_;
  bool is_sqlite_;
  Address address_;
  Book book_;
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
    std::printf("kills: %zu of the server (%zu within its start), %zu of PostgreSQL; %zu inspections\n",
                counts.of_server, counts.in_start, counts.of_store, counts.inspections);
    std::printf("%zu keys: %zu calls with a 201, %zu of them replays, %zu calls that failed\n", crash.book().keys(),
                crash.book().responses(), crash.book().replays(), crash.book().failures());
  });
}
