// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// soak SERVER FOLDER SECONDS: creates clients at 60 % of the highest rate for so long, beside 200 slow connections.
// Tokens are revoked and given back, and so is the file of the store. Held: no 5xx while the store is there, no token
// counts after it was revoked, the server's memory and descriptors do not grow, and nothing that was acknowledged is
// lost.
#include "support/server_process.hpp"
#include "support/socket.hpp"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>

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
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t callers = 16;
constexpr std::size_t slow_connections = 200;
constexpr seconds long_enough{300};  // for what is filled once, as SQLite's cache, to be full after a sixth of it
constexpr seconds patience{60};      // for what must happen; a limit against hanging

using Id = std::array<char, 24>;

std::string request(std::string_view token) {
  const std::string body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"Lobby panel"})";
  return "POST /api/clients HTTP/1.1\r\nhost: localhost\r\nauthorization: " + std::string(token) +
         "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// The id of a 201.
std::optional<Id> created(std::string_view response) {
  constexpr std::string_view before = R"("id":")";
  const std::size_t at = response.find(before);
  if (!response.starts_with("HTTP/1.1 201") || at == std::string_view::npos) return std::nullopt;
  Id id{};
  response.substr(at + before.size()).copy(id.data(), id.size());
  return id;
}

class Soak {
 public:
  Soak(const std::string& server, fs::path folder, seconds length)
      : folder_(std::move(folder)), length_(length), server_(prepared(server), (folder_ / "log").string()) {
    const std::string url = server_.url(patience).value();
    const std::string digits = url.substr(url.rfind(':') + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), port_);
  }

  bool run() {
    const std::size_t descriptors = open_descriptors();
    const double highest = rate(milliseconds(length_) / 20, 0);
    std::printf("highest rate: %.0f creates a second, from %zu connections\n", highest, callers);
    const auto begin = Clock::now();
    std::atomic<bool> ended = false;
    std::jthread slow([&] { be_slow(ended); });
    std::jthread change([&] { change_things(ended); });
    std::jthread watch([&] { watch_memory(ended, begin); });
    const double reached = rate(length_, highest * 0.6);
    ended = true;
    slow.join();
    change.join();
    watch.join();
    std::printf(
        "%.0f creates a second for %lld s; the store was away %zu times, %zu tokens were revoked; %zu slow requests\n",
        reached, static_cast<long long>(length_.count()), outages_ / 2, revoked_, slow_done_);
    std::printf("memory: %lld KiB after a sixth of the time, %lld KiB at the end\n",
                static_cast<long long>(memory_before_ / 1024), static_cast<long long>(memory_after_ / 1024));
    const int limit = length_ < long_enough ? 8 : 2;
    if (memory_after_ - memory_before_ > limit << 20)
      wrong_.add("memory grew by more than " + std::to_string(limit) + " MiB");
    if (outages_ == 0 || revoked_ == 0 || slow_done_ == 0) wrong_.add("the time was too short for anything to happen");
    await("the descriptors of the server to be as many as before", [&] { return open_descriptors() <= descriptors; });
    const auto end = server_.end(SIGTERM);
    if (end.by_itself || end.forced || end.status != 0) wrong_.add("the server did not end as it should");
    look_for_the_acknowledged();
    return wrong_.none();
  }

 private:
  std::vector<std::string> prepared(const std::string& server) {
    write_tokens(true);
    return {server, folder_.string()};
  }

  // The file is replaced in one step.
  void write_tokens(bool with_guest) const {
    const fs::path written = folder_ / "access.new";
    std::ofstream(written) << R"({"tokens": [{"token": "owner", "kind": "account"})"
                           << (with_guest ? R"(, {"token": "guest", "kind": "account"})" : "") << "]}";
    fs::permissions(written, fs::perms::owner_read | fs::perms::owner_write);
    fs::rename(written, folder_ / "access.json");
  }

  void await(const std::string& what, const std::function<bool()>& holds) {
    for (const auto end = Clock::now() + patience; !holds(); std::this_thread::sleep_for(milliseconds(20))) {
      if (Clock::now() < end) continue;
      return wrong_.add("waited in vain for " + what);
    }
  }

  [[nodiscard]] std::size_t open_descriptors() const {
    const fs::directory_iterator list("/proc/" + std::to_string(server_.id()) + "/fd");
    return static_cast<std::size_t>(std::distance(fs::begin(list), fs::end(list)));
  }

  // Bytes that are the process's own.
  [[nodiscard]] std::int64_t memory() const {
    std::ifstream status("/proc/" + std::to_string(server_.id()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8)) * 1024;
    }
    throw std::runtime_error("no RssAnon of the server");
  }

  // Creates from all callers, `wanted` a second or as fast as can be; returns how many a second were made.
  double rate(milliseconds length, double wanted) {
    const auto begin = Clock::now();
    std::atomic<std::size_t> made = 0;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i != callers; ++i) {
      threads.emplace_back([&, i] {
        try {
          made += create(begin, begin + length, wanted / static_cast<double>(callers), acknowledged_[i]);
        } catch (const std::exception& error) {
          wrong_.add(error.what());
        }
      });
    }
    threads.clear();
    return static_cast<double>(made) / std::chrono::duration<double>(Clock::now() - begin).count();
  }

  std::size_t create(Clock::time_point begin, Clock::time_point end, double wanted, std::vector<Id>& ids) {
    const std::string bytes = request("owner");
    std::optional<test::RawSocket> socket;
    std::size_t made = 0;
    while (Clock::now() < end) {
      if (wanted > 0) {
        std::this_thread::sleep_until(begin + std::chrono::duration_cast<Clock::duration>(
                                                  std::chrono::duration<double>(static_cast<double>(made) / wanted)));
      }
      if (!socket) socket.emplace(port_, "127.0.0.1", patience);
      const std::size_t outage = outages_;
      const auto response = socket->ask(bytes);
      if (!response) throw std::runtime_error("a create got no response");
      ++made;
      judge(response->head + response->response.body, outage, ids);
      if (response->response.close) socket.reset();
    }
    return made;
  }

  // A 201, or a failure while the store was away: at the beginning, or at some time since.
  void judge(const std::string& response, std::size_t outage, std::vector<Id>& ids) {
    if (const auto id = created(response)) {
      ids.push_back(*id);
    } else if (!response.starts_with("HTTP/1.1 50") || (outage % 2 == 0 && outages_ == outage)) {
      wrong_.add("instead of a 201 came " + response.substr(0, 80));
    }
  }

  struct Slow {
    std::optional<test::RawSocket> socket;
    std::size_t sent = 0;
    std::size_t outage = 0;
  };

  // A third sends a request byte by byte, a third begins one and falls silent, a third sends nothing.
  void be_slow(const std::atomic<bool>& ended) {
    std::vector<Slow> all(slow_connections);
    const std::string bytes = request("owner");
    while (!ended) {
      for (std::size_t i = 0; i != all.size(); ++i) {
        Slow& one = all[i];
        try {
          step(one, i % 3, bytes);
        } catch (const std::system_error&) {  // no connection just now: at the next turn
          one.socket.reset();
        }
      }
      std::this_thread::sleep_for(milliseconds(20));
    }
  }

  void step(Slow& one, std::size_t kind, const std::string& bytes) {
    if (!one.socket) {
      one.socket.emplace(port_, "127.0.0.1", patience);
      one.sent = 0;
      one.outage = outages_;
    }
    const std::size_t last = kind == 0 ? bytes.size() : kind == 1 ? 20 : 0;
    if (one.sent < last) {
      one.socket->send(bytes.substr(one.sent, 1));
      ++one.sent;
    }
    if (!one.socket->readable(milliseconds(0))) return;
    if (const auto response = one.socket->receive()) {
      ++slow_done_;
      if (kind == 0) {
        judge(response->head + response->response.body, one.outage, slow_acknowledged_);
      } else if (response->response.status != 408) {
        wrong_.add("half a request got " + response->head);
      }
    } else if (kind == 0 && one.sent != 0) {
      wrong_.add("a slow request got no response");
    }
    one.socket.reset();
  }

  void change_things(const std::atomic<bool>& ended) {
    const auto pause = [&](milliseconds length) {
      for (const auto end = Clock::now() + length; !ended && Clock::now() < end;)
        std::this_thread::sleep_for(milliseconds(10));
    };
    for (std::size_t turn = 0; !ended; ++turn) {
      pause(milliseconds(500));
      change_tokens();
      pause(milliseconds(500));
      if (turn % 4 == 0) take_the_store_away();
    }
  }

  [[nodiscard]] std::string guest() {
    test::RawSocket socket(port_, "127.0.0.1", patience);
    const std::size_t outage = outages_;
    const auto response = socket.ask(request("guest"));
    if (!response) return "nothing";
    if (response->response.status != 401) judge(response->head + response->response.body, outage, guest_acknowledged_);
    return response->head.substr(9, 3);
  }

  void change_tokens() {
    write_tokens(false);
    ::kill(server_.id(), SIGHUP);
    await("a revoked token to be refused", [&] { return guest() == "401"; });
    ++revoked_;
    for (int i = 0; i != 5; ++i) {
      if (guest() != "401") wrong_.add("a revoked token counts again");
    }
    write_tokens(true);
    ::kill(server_.id(), SIGHUP);
    await("a token that was given back", [&] { return guest() == "201"; });
  }

  void take_the_store_away() {
    const fs::path file = folder_ / "clients.db";
    const fs::path away = folder_ / "away.db";
    ++outages_;
    fs::rename(file, away);
    await("the store to be missed", [&] { return guest().starts_with('5'); });
    fs::rename(away, file);
    await("the store to be back", [&] { return guest() == "201"; });
    ++outages_;
  }

  void watch_memory(const std::atomic<bool>& ended, Clock::time_point begin) {
    const auto first = begin + length_ / 6;
    std::this_thread::sleep_until(first);
    memory_before_ = memory();
    for (; !ended; std::this_thread::sleep_for(milliseconds(100))) memory_after_ = memory();
  }

  void look_for_the_acknowledged() {
    std::vector<Id> ids = slow_acknowledged_;
    ids.insert(ids.end(), guest_acknowledged_.begin(), guest_acknowledged_.end());
    for (const auto& each : acknowledged_) ids.insert(ids.end(), each.begin(), each.end());
    std::sort(ids.begin(), ids.end());
    if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) wrong_.add("an id was given twice");
    sqlite3* opened = nullptr;
    sqlite3_stmt* prepared = nullptr;
    const int code = sqlite3_open_v2((folder_ / "clients.db").c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
    const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> database(opened, sqlite3_close);
    if (code != SQLITE_OK || sqlite3_prepare_v2(opened, "SELECT lower(hex(id)) FROM client ORDER BY id", -1, &prepared,
                                                nullptr) != SQLITE_OK) {
      return wrong_.add("the file cannot be read");
    }
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(prepared, sqlite3_finalize);
    std::size_t found = 0;
    std::size_t rows = 0;
    for (; sqlite3_step(prepared) == SQLITE_ROW; ++rows) {
      const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, 0));
      while (found != ids.size() && std::string_view(ids[found].data(), ids[found].size()) == text) ++found;
    }
    std::printf("%zu clients were acknowledged, of which %zu are among the %zu in the file\n", ids.size(), found, rows);
    if (found != ids.size()) wrong_.add("an acknowledged client is not there");
  }

  fs::path folder_;
  seconds length_;
  test::Violations wrong_;
  test::ServerProcess server_;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> outages_ = 0;  // odd while the store is away
  std::size_t revoked_ = 0;
  std::size_t slow_done_ = 0;
  std::int64_t memory_before_ = 0;
  std::int64_t memory_after_ = 0;
  std::array<std::vector<Id>, callers> acknowledged_;
  std::vector<Id> slow_acknowledged_;
  std::vector<Id> guest_acknowledged_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw std::invalid_argument("usage: soak SERVER FOLDER SECONDS");
    return Soak(argv[1], argv[2], seconds(std::stoi(argv[3]))).run() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
