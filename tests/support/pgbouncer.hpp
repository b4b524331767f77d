// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A PgBouncer before a test's own PostgreSQL.
#pragma once

#include "postgres_cluster.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

/// Listens in the cluster's folder, on a Unix socket only, as the cluster's user, since PgBouncer refuses root as well.
/// Where it has one session at the server for all its clients each gets what the others left. Gone with the object.
class PgBouncer {
 public:
  PgBouncer(const PostgresCluster& cluster, const std::string& pool_mode, int sessions = 1) : cluster_(cluster) {
    const std::filesystem::path folder = cluster.folder();
    const std::filesystem::path program = "/usr/sbin/pgbouncer";
    if (!std::filesystem::exists(program)) throw std::runtime_error("PgBouncer is not installed");
    std::ofstream(folder / "users.txt") << "\"droplit\" \"\"\n";
    std::ofstream(folder / "pgbouncer.ini")
        << "[databases]\n* = host=" << folder.string() << " port=5432\n"
        << "[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = " << folder.string()
        << "\nauth_type = trust\nauth_file = " << (folder / "users.txt").string() << "\npool_mode = " << pool_mode
        << "\ndefault_pool_size = " << sessions << "\nserver_tls_sslmode = disable\n";
    server_ = cluster.spawn({program, folder / "pgbouncer.ini"});
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (PQping(conninfo().c_str()) != PQPING_OK) {
      if (std::chrono::steady_clock::now() > limit)
        throw std::runtime_error("PgBouncer does not start: " + cluster.log());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  PgBouncer(const PgBouncer&) = delete;
  PgBouncer& operator=(const PgBouncer&) = delete;
  ~PgBouncer() {
    ::kill(server_, SIGTERM);
    PostgresCluster::wait(server_);
  }

  [[nodiscard]] std::string conninfo() const {
    std::string text = cluster_.conninfo();
    return text.replace(text.find("port=5432"), 9, "port=6432");
  }

  [[nodiscard]] std::string socket() const { return cluster_.folder() / ".s.PGSQL.6432"; }

 private:
  const PostgresCluster& cluster_;
  pid_t server_;
};
