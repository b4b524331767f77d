// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/testing/scripted_connection.hpp>
#include <droplit/testing/transport_peer.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A server on 127.0.0.1 and a free port that runs a script for each connection, each in a thread of its own: for tests
/// of transports over real sockets, whatever a service may send them. Its functions are thread-safe. POSIX only.
///
/// A script must end when its connection has ended, and must not throw.
class ScriptedServer {
 public:
  /// What the server does with one connection.
  using Script = std::function<void(ScriptedConnection&)>;

  /// Listens. Throws `std::system_error` if that is not possible.
  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) fail("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd_, at, size) != 0 || ::getsockname(fd_, at, &size) != 0 || ::listen(fd_, 64) != 0) {
      const int error = errno;
      ::close(fd_);
      errno = error;
      fail("listen");
    }
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept(); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// Ends all connections and waits for their scripts.
  ~ScriptedServer() {
    stop_listening();
    for (Served& each : served_) each.running.join();
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }  ///< on 127.0.0.1
  /// The URL of the server; without a path.
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// How many connections were accepted.
  [[nodiscard]] std::size_t accepted() const noexcept { return accepted_; }

  /// Ends all connections and stops listening: no peer can connect any more. A script may call it too.
  void stop_listening() {
    const std::lock_guard stopping(stopping_);
    if (accepting_.joinable()) {
      stopped_ = true;
      ::shutdown(fd_, SHUT_RDWR);  // ends the accept
      accepting_.join();
      ::close(fd_);
    }
    const std::lock_guard lock(mutex_);
    for (Served& each : served_) each.connection.stop();
  }

 private:
  struct Served {
    explicit Served(int fd) : connection(fd) {}
    ScriptedConnection connection;
    std::atomic<bool> done = false;
    std::thread running;
  };

  [[noreturn]] static void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

  void accept() {
    for (;;) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) {
        if (stopped_) return;
        // Where no descriptor or memory is free, a client waits until one is.
        if (errno != EINTR && errno != ECONNABORTED) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        continue;
      }
      ++accepted_;
      const std::lock_guard lock(mutex_);
      served_.remove_if([](Served& each) {
        if (!each.done) return false;
        each.running.join();
        return true;
      });
      Served& served = served_.emplace_back(fd);
      served.running = std::thread([this, &served] {
        script_(served.connection);
        served.connection.close();
        served.done = true;
      });
    }
  }

  Script script_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> accepted_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex stopping_;
  std::mutex mutex_;
  std::list<Served> served_;
  std::thread accepting_;
};

/// The bytes of a response in HTTP/1.1, with a `content-length` if it has none.
inline std::string to_http(const Response& response) {
  std::string bytes = "HTTP/1.1 " + std::to_string(response.status) + " Scripted\r\n";
  bytes += response.fields.lines();
  if (response.fields.count("content-length") == 0 && response.status != 204 && response.status != 304) {
    bytes += "content-length: " + std::to_string(response.body.size()) + "\r\n";
  }
  if (response.close) bytes += "connection: close\r\n";
  return bytes + "\r\n" + response.body;
}

/// A script that serves the requests of a connection, one after another: each response is what `peer`, which must
/// outlive the server, returns. With it, `check_transport_contract` runs over real sockets.
inline ScriptedServer::Script peer_script(TransportPeer& peer) {
  return [&peer](ScriptedConnection& connection) {
    while (const auto request = connection.read_request()) {
      const auto response = peer.receive(*request);
      if (!response || !connection.send(to_http(*response)) || response->close) return;
    }
  };
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
