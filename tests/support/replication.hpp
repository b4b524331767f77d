// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A primary and a synchronous standby, as docs/examples/replication.sh sets them up.
#pragma once

#include "postgres_cluster.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace test {

/// Waits until the condition is true.
template <class Condition>
void await(const std::string& what, Condition condition) {
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60); !condition();
       std::this_thread::sleep_for(std::chrono::milliseconds(5))) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain: " + what);
  }
}

/// A port of the loopback that is free. None of those that the system gives to outgoing connections: such a one could
/// take the port of a server that is down.
inline std::uint16_t free_port() {
  static std::mt19937 random{std::random_device()()};
  for (;;) {
    const auto port = static_cast<std::uint16_t>(10000 + random() % 20000);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    if (is_free) return port;
  }
}

/// The nodes `a` and `b`, of which one is the primary, and the poolers. All are gone with the object. Used by the main
/// thread.
class Replication {
 public:
  using Node = std::string;

  /// Begins with the primary `a`.
  Replication() {
    for (const char* each : {"a", "b", "pgbouncer", "pgpool"}) {
      const std::uint16_t port = free_port();
      ports_[each] = port;
      ::setenv((std::string("PORT_") + each).c_str(), std::to_string(port).c_str(), 1);
    }
    // A copy, which the servers' user can read.
    const auto source = std::filesystem::path(DROPLIT_TEST_DATA) / "../../docs/examples/replication.sh";
    std::filesystem::copy_file(source, script());
    std::filesystem::permissions(script(), std::filesystem::perms{0755});
    call({"init", "a"});
    run("a");
    join("b");
    run("b");
    await_standby();
  }
  Replication(const Replication&) = delete;
  Replication& operator=(const Replication&) = delete;
  ~Replication() {
    for (auto& [name, pid] : running_) {
      PostgresHome::signal_all(pid, SIGCONT);
      ::kill(pid, name == "pgpool" ? SIGINT : SIGQUIT);
      PostgresHome::wait(pid);
    }
  }

  [[nodiscard]] const Node& primary() const noexcept { return primary_; }
  [[nodiscard]] Node standby() const { return primary_ == "a" ? "b" : "a"; }

  /// For another program's session with this node, or with a pooler.
  [[nodiscard]] std::string conninfo(const std::string& name) const {
    return "host=127.0.0.1 port=" + std::to_string(ports_.at(name)) +
           " user=droplit dbname=postgres sslmode=disable gssencmode=disable";
  }
  /// For a store, whichever node is the primary.
  [[nodiscard]] std::string uri() const {
    return "postgresql:///postgres?host=127.0.0.1,127.0.0.1&port=" + std::to_string(ports_.at("a")) + "," +
           std::to_string(ports_.at("b")) +
           "&target_session_attrs=read-write&user=droplit&sslmode=disable&gssencmode=disable";
  }
  /// For a store, through a pooler.
  [[nodiscard]] std::string uri(const std::string& pooler) const {
    return "postgresql://droplit@127.0.0.1:" + std::to_string(ports_.at(pooler)) +
           "/postgres?sslmode=disable&gssencmode=disable";
  }

  /// Starts a node or a pooler and waits until it accepts connections.
  void run(const std::string& name) {
    const bool is_node = name.size() == 1;
    await(name + " accepts no connections: " + home_.log(), [&] {
      if (!running_.contains(name)) {
        running_[name] = home_.spawn(is_node ? command({"run", name}) : command({name}));
      }
      if (::waitpid(running_[name], nullptr, WNOHANG) != 0) running_.erase(name);  // what used its port has not ended
      return running_.contains(name) && PQping(conninfo(name).c_str()) == PQPING_OK;
    });
  }

  /// Ends a node with SIGKILL; only its first process, which the others notice, or all at once.
  void kill(const Node& node, bool all) {
    const pid_t pid = running_.at(node);
    running_.erase(node);
    all ? PostgresHome::signal_all(pid, SIGKILL) : static_cast<void>(::kill(pid, SIGKILL));
    PostgresHome::wait(pid);
  }
  void stop(const Node& node) {
    const pid_t pid = running_.at(node);
    running_.erase(node);
    ::kill(pid, SIGINT);
    PostgresHome::wait(pid);
  }
  void pause(const Node& node) { PostgresHome::signal_all(running_.at(node), SIGSTOP); }
  void resume(const Node& node) { PostgresHome::signal_all(running_.at(node), SIGCONT); }

  /// The standby becomes the primary.
  void promote() {
    call({"promote", standby()});
    primary_ = standby();
  }
  /// The standby was promoted by something else.
  void await_promotion() {
    try {
      await("promotion",
            [&] { return PostgresSession(conninfo(standby())).ask("SELECT pg_is_in_recovery()") == "f|"; });
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(error.what() + (":\n" + log()));
    }
    primary_ = standby();
  }
  /// Makes the node, which does not run, a standby of the primary; anew if `afresh`.
  void join(const Node& node, bool afresh = false) {
    if (afresh) std::filesystem::remove_all(home_.folder() / node);
    call({"join", node});
  }
  void route(const Node& node) { call({"route", node}); }

  /// Waits until the standby counts for the primary's commits, and pgpool-II, if it runs, would promote it.
  void await_standby() {
    PostgresSession(conninfo(primary_))
        .await("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'", "1|");
    if (!running_.contains("pgpool")) return;
    await("pgpool-II uses both nodes", [&] {
      try {
        return PostgresSession(conninfo("pgpool")).ask("SHOW pool_nodes").find("|down|") == std::string::npos;
      } catch (const std::runtime_error&) {
        return false;  // it ends sessions while it changes what it uses
      }
    });
  }

  [[nodiscard]] std::string log() const { return home_.log(); }

 private:
  [[nodiscard]] std::string script() const { return home_.folder() / "replication.sh"; }

  [[nodiscard]] std::vector<std::string> command(const std::vector<std::string>& words) const {
    std::vector<std::string> all{"/bin/sh", script(), home_.folder()};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }

  void call(const std::vector<std::string>& words) const {
    const int status = PostgresHome::wait(home_.spawn(command(words)));
    if (status != 0) throw std::runtime_error("replication.sh " + words[0] + " failed: " + log());
  }

  PostgresHome home_;
  std::map<std::string, std::uint16_t> ports_;
  std::map<std::string, pid_t> running_;
  Node primary_ = "a";
};

}  // namespace test
