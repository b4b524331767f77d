// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A proxy between a PostgresStorage and its server that knows where each message of their protocol ends.
#pragma once

#include "failures.hpp"
#include "postgres_site.hpp"
#include "proxy_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace test {

/// Passes messages on, in both directions, but for those that fail: each message of either side is an event.
class Messages {
 public:
  /// What becomes of a message that fails.
  enum class Fault : std::uint8_t {
    cut,    ///< it does not arrive, and its connection ends, for the server too
    error,  ///< the store reads that the server is ending, and that its connection ended
    stall,  ///< neither it nor a later one arrives, and the connection stays open
  };

  explicit Messages(Events& events) : events_(events), socket_("6002", cluster().socket()) {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) turn();
      for (Pair& each : pairs_) each.close();
    });
  }
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;
  ~Messages() = default;  // which waits for the thread first

  [[nodiscard]] std::string conninfo() const { return socket_.conninfo(); }

  std::atomic<Fault> fault{Fault::cut};

 private:
  // What came from one side and was not passed on yet.
  struct Side {
    int fd;
    std::string bytes = {};
    bool has_types = true;  // a client's first message has none
  };
  struct Pair {
    Side client;
    Side server;
    bool stalls = false;

    void close() {
      if (client.fd >= 0) ::close(client.fd);
      if (server.fd >= 0) ::close(server.fd);
      client.fd = server.fd = -1;
    }
  };

  void turn() {
    std::vector<pollfd> all{{socket_.fd(), POLLIN, 0}};
    for (const Pair& each : pairs_) {
      all.push_back({each.client.fd, POLLIN, 0});
      all.push_back({each.server.fd, POLLIN, 0});
    }
    if (::poll(all.data(), all.size(), 10) <= 0) return;
    std::size_t i = 1;
    for (Pair& each : pairs_) {
      if (all[i++].revents != 0) pass(each, each.client, each.server);
      if (all[i++].revents != 0 && each.server.fd >= 0) pass(each, each.server, each.client);
    }
    pairs_.remove_if([](const Pair& each) { return each.client.fd < 0; });
    if (all[0].revents == 0) return;
    if (const auto ends = socket_.accept()) pairs_.push_back({{ends->first, {}, false}, {ends->second}});
  }

  // The size of the first message, if it is there whole; otherwise 0.
  static std::size_t message_size(const Side& from) noexcept {
    const std::size_t type = from.has_types ? 1 : 0;
    if (from.bytes.size() < type + 4) return 0;
    std::size_t size = type;
    std::size_t length = 0;
    for (std::size_t i = 0; i != 4; ++i) length = length << 8 | static_cast<unsigned char>(from.bytes[type + i]);
    size += length;
    return size <= from.bytes.size() ? size : 0;
  }

  void pass(Pair& pair, Side& from, Side& to) {
    std::array<char, 65536> buffer;
    const ssize_t n = ::read(from.fd, buffer.data(), buffer.size());
    if (n <= 0) return pair.close();
    if (pair.stalls) return;
    from.bytes.append(buffer.data(), static_cast<std::size_t>(n));
    std::string whole;
    for (;;) {
      const std::size_t size = message_size(from);
      if (size == 0) break;
      if (events_.next()) {
        ProxySocket::write_all(to.fd, whole);
        return fail(pair);
      }
      whole += from.bytes.substr(0, size);
      from.bytes.erase(0, size);
      from.has_types = true;
    }
    ProxySocket::write_all(to.fd, whole);
  }

  void fail(Pair& pair) {
    if (fault == Fault::stall) {
      pair.stalls = true;
      return;
    }
    if (fault == Fault::error) {
      using namespace std::string_literals;
      const std::string fields = "SFATAL\0VFATAL\0C57P01\0Mterminating connection\0RProcessInterrupts\0\0"s;
      const auto size = static_cast<unsigned>(fields.size() + 4);
      ProxySocket::write_all(
          pair.client.fd, "E"s + '\0' + '\0' + static_cast<char>(size >> 8) + static_cast<char>(size & 255) + fields);
    }
    pair.close();
  }

  Events& events_;
  ProxySocket socket_;
  std::list<Pair> pairs_;
  std::jthread thread_;
};

}  // namespace test
