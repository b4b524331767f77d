// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What proxies between a PostgresStorage and its server share: where they listen, and the way to the server.
#pragma once

#include "postgres_site.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace test {

/// A Unix socket in the cluster's folder, where a proxy listens, gone with the object.
class ProxySocket {
 public:
  ProxySocket(std::string port, std::string server) : port_(std::move(port)), server_(std::move(server)) {
    ::unlink(path().c_str());
    const sockaddr_un address = named(path());
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd_, 64) == 0);
  }
  ProxySocket(const ProxySocket&) = delete;
  ProxySocket& operator=(const ProxySocket&) = delete;
  ~ProxySocket() {
    ::close(fd_);
    ::unlink(path().c_str());
  }

  [[nodiscard]] int fd() const noexcept { return fd_; }

  [[nodiscard]] std::string conninfo() const {
    std::string text = cluster().conninfo();
    return text.replace(text.find("port=5432"), 9, "port=" + port_);
  }

  /// The next client's connection and one of its own to the server. Absent if the server is not there: then the
  /// client's is closed.
  [[nodiscard]] std::optional<std::pair<int, int>> accept() const {
    const int client = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = named(server_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {{client, server}};
    ::close(client);
    ::close(server);
    return std::nullopt;
  }

  static void write_all(int to, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

 private:
  static sockaddr_un named(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    return address;
  }

  [[nodiscard]] std::string path() const { return cluster().folder() / (".s.PGSQL." + port_); }

  std::string port_;
  std::string server_;
  int fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

}  // namespace test
