// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What may happen to the bytes between a PostgresStorage and its server.
#pragma once

#include "postgres_site.hpp"
#include "proxy_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// A proxy between a store and its server that passes bytes on, and does something with those that a test chooses.
class Wire {
 public:
  enum Action {
    cut_before,       ///< the bytes never arrive
    cut_at_once,      ///< they arrive, and the connection ends
    cut_after,        ///< the statement runs, and its reply is lost
    cut_after_reply,  ///< the statement runs, its reply arrives, and the connection ends
    fall_silent,      ///< the bytes arrive, and nothing comes back any more
    arrive_late,      ///< they arrive after `then`, and all goes on
  };

  explicit Wire(std::string server) : socket_("6000", std::move(server)) {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) turn();
      for (Pair& each : pairs_) each.close();
    });
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() = default;  // which waits for the thread first

  [[nodiscard]] std::string conninfo() const { return socket_.conninfo(); }

  /// Does this once, when `text` is among a client's bytes; `then` runs after the action, before either side
  /// sees it, and may call this again.
  void when(
      std::string text, Action action, std::function<void()> then = [] {}, bool refuse_afterwards = false) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
    action_ = action;
    then_ = std::move(then);
    refuse_afterwards_ = refuse_afterwards;
  }

  [[nodiscard]] bool is_done() const {
    const std::lock_guard lock(mutex_);
    return text_.empty();
  }

  /// How often bytes came from a client.
  [[nodiscard]] int flights() const { return flights_; }

 private:
  struct Pair {
    int client;
    int server;
    bool cut = false;
    bool cut_after_reply = false;
    bool silent = false;
    std::function<void()> then = {};
    void close() {
      if (client >= 0) ::close(client), ::close(server);
      client = server = -1;
    }
  };

  void turn() {
    std::vector<pollfd> all{{socket_.fd(), POLLIN, 0}};
    for (const Pair& each : pairs_) {
      all.push_back({each.client, POLLIN, 0});
      all.push_back({each.server, POLLIN, 0});
    }
    if (::poll(all.data(), all.size(), 10) <= 0) return;
    std::size_t i = 1;
    for (Pair& each : pairs_) {
      if (all[i++].revents != 0) from_client(each);
      if (all[i++].revents != 0 && each.server >= 0) from_server(each);
    }
    pairs_.remove_if([](const Pair& each) { return each.client < 0; });
    if (all[0].revents == 0) return;
    const auto ends = socket_.accept();
    if (!ends) return;
    Pair pair{ends->first, ends->second};
    refusing_ ? pair.close() : pairs_.push_back(std::move(pair));
  }

  void from_client(Pair& pair) {
    std::array<char, 65536> buffer;
    const ssize_t n = ::read(pair.client, buffer.data(), buffer.size());
    if (n <= 0) return pair.close();
    ++flights_;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    std::unique_lock lock(mutex_);
    if (text_.empty() || bytes.find(text_) == std::string_view::npos)
      return test::ProxySocket::write_all(pair.server, bytes);
    text_.clear();
    refusing_ = refuse_afterwards_;
    const Action action = action_;
    pair.then = std::move(then_);
    lock.unlock();
    if (action == arrive_late) {
      pair.then();
      return test::ProxySocket::write_all(pair.server, bytes);
    }
    if (action != cut_before) test::ProxySocket::write_all(pair.server, bytes);
    pair.silent = action == fall_silent;
    pair.cut = action == cut_after;
    pair.cut_after_reply = action == cut_after_reply;
    if (pair.cut || pair.cut_after_reply) return;
    pair.then();
    if (!pair.silent) pair.close();
  }

  void from_server(Pair& pair) {
    std::array<char, 65536> buffer;
    const ssize_t n = ::read(pair.server, buffer.data(), buffer.size());
    if (pair.silent && n > 0) return;
    if (pair.cut) pair.then();
    if (pair.cut || n <= 0) return pair.close();
    test::ProxySocket::write_all(pair.client, {buffer.data(), static_cast<std::size_t>(n)});
    if (!pair.cut_after_reply) return;
    pair.then();
    pair.close();
  }

  test::ProxySocket socket_;
  std::list<Pair> pairs_;
  mutable std::mutex mutex_;
  std::string text_;
  Action action_ = cut_before;
  std::function<void()> then_;
  bool refuse_afterwards_ = false;
  bool refusing_ = false;
  std::atomic<int> flights_ = 0;
  std::jthread thread_;
};

/// A site whose store goes through a wire; the statement of an insert is known to its connection.
struct WiredSite {
  Site site;
  Wire wire{cluster().socket()};  // whose thread uses the site
  PostgresStorage storage;
  explicit WiredSite(PostgresOptions options = in(""))
      : storage((options.schema = site.schema, open(options, wire.conninfo()))) {
    const Insertion first = storage.insert(client(0)).value();  // throws if a short limit passes
    REQUIRE(first == Insertion::inserted);
  }
  std::string there(std::uint32_t n) {
    return site.ask("SELECT count(*) FROM @.clients WHERE id = '" + id(n).text() + "'");
  }
};
