// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What may happen to the bytes between a PostgresStorage and its server.
#pragma once

#include "postgres_site.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
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

  explicit Wire(std::string server) : server_(std::move(server)), path_(cluster().folder() / ".s.PGSQL.6000") {
    ::unlink(path_.c_str());
    listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = named(path_);
    REQUIRE(::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listening_, 16) == 0);
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) turn();
      for (Pair& each : pairs_) each.close();
    });
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() {
    thread_.request_stop();
    thread_.join();
    ::close(listening_);
    ::unlink(path_.c_str());
  }

  [[nodiscard]] std::string conninfo() const {
    std::string text = cluster().conninfo();
    return text.replace(text.find("port=5432"), 9, "port=6000");
  }

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

  static sockaddr_un named(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size() + 1);
    return address;
  }

  static void write_all(int to, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  void turn() {
    std::vector<pollfd> all{{listening_, POLLIN, 0}};
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
    const int client = ::accept(listening_, nullptr, nullptr);
    const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = named(server_);
    Pair pair{client, server};
    const bool there = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    there && !refusing_ ? pairs_.push_back(pair) : pair.close();
  }

  void from_client(Pair& pair) {
    std::array<char, 65536> buffer;
    const ssize_t n = ::read(pair.client, buffer.data(), buffer.size());
    if (n <= 0) return pair.close();
    ++flights_;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    std::unique_lock lock(mutex_);
    if (text_.empty() || bytes.find(text_) == std::string_view::npos) return write_all(pair.server, bytes);
    text_.clear();
    refusing_ = refuse_afterwards_;
    const Action action = action_;
    pair.then = std::move(then_);
    lock.unlock();
    if (action == arrive_late) {
      pair.then();
      return write_all(pair.server, bytes);
    }
    if (action != cut_before) write_all(pair.server, bytes);
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
    write_all(pair.client, {buffer.data(), static_cast<std::size_t>(n)});
    if (!pair.cut_after_reply) return;
    pair.then();
    pair.close();
  }

  std::string server_;
  std::string path_;
  int listening_ = -1;
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
  Wire wire{cluster().socket()};
  Site site;
  PostgresStorage storage;
  explicit WiredSite(PostgresOptions options = in(""))
      : storage((options.schema = site.schema, open(options, wire.conninfo()))) {
    REQUIRE(storage.insert(client(0)).value() == Insertion::inserted);
  }
  std::string there(std::uint32_t n) {
    return site.ask("SELECT count(*) FROM @.clients WHERE id = '" + id(n).text() + "'");
  }
};
