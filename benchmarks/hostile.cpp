// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What can a peer make the server do for each byte that it sends? A server in this process, with one thread and a store
// that keeps nothing, is attacked over loopback in the ways of docs/server.md; what is measured is the processor time
// of its thread, the kernel's part included. Prints the table of that page.
#include "support/policies.hpp"

#include <droplit/endpoint.hpp>
#include <droplit/server/beast.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using Endpoint = droplit::Endpoint<policies::Forgets, policies::OneToken, droplit::SystemClock, droplit::ObjectIds>;

/// A server in a thread, whose processor time can be read.
class Server {
 public:
  Server() : endpoint_(storage_, access_, clock_, ids_), server_(endpoint_), thread_([this] { server_.run(); }) {
    ::pthread_getcpuclockid(thread_.native_handle(), &cpu_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    server_.stop();
    thread_.join();
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return server_.port(); }

  [[nodiscard]] double milliseconds() const {
    timespec time{};
    ::clock_gettime(cpu_, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  }

 private:
  policies::Forgets storage_;
  policies::OneToken access_;
  droplit::SystemClock clock_;
  droplit::ObjectIds ids_;
  Endpoint endpoint_;
  droplit::BeastServer<Endpoint> server_;
  std::thread thread_;
  clockid_t cpu_{};
};

class Socket {
 public:
  explicit Socket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
      throw std::system_error(errno, std::generic_category(), "connect");
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(fd_); }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return;  // it was refused before its end
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  /// Reads to the end of the connection. Returns the status of the first response.
  int status() {
    std::string first;
    char piece[65536];
    for (ssize_t size = 0; (size = ::recv(fd_, piece, sizeof piece, 0)) > 0;)
      if (first.size() < 12) first.append(piece, std::min<std::size_t>(static_cast<std::size_t>(size), 12));
    return first.size() < 12 ? 0 : std::atoi(first.c_str() + 9);
  }

  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

 private:
  int fd_;
};

std::string repeated(std::string_view text, std::size_t size) {
  std::string all;
  all.reserve(size + text.size());
  while (all.size() < size) all += text;
  return all;
}

std::string post(std::string_view body, std::string_view fields = {}, std::string_view query = {}) {
  std::string wire = std::string("POST /api/clients").append(query).append(" HTTP/1.1\r\nHost: a\r\nAuthorization: ");
  wire.append(policies::token).append("\r\nContent-Type: application/json\r\n").append(fields);
  if (fields.find("chunked") == fields.npos) wire += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return wire.append("\r\n").append(body);
}

std::string named(std::string_view value) {
  return R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":")" + std::string(value) + "\"}";
}

/// A create of 1 MiB in chunks of one byte, each with `size` before it.
std::string chunked(std::string_view size) {
  const std::string body = named(std::string(1'048'576 - named({}).size(), 'x'));
  std::string wire;
  for (const char byte : body) wire.append(size).append("\r\n").append(1, byte).append("\r\n");
  return post(wire + "0\r\n\r\n", "Transfer-Encoding: chunked\r\n");
}

std::string names(bool distinct) {
  std::string body = "{";
  for (unsigned i = 0; body.size() < 1'000'000; ++i) {
    std::array<char, 32> name{};
    const int size = std::snprintf(name.data(), name.size(), "\"%x\":0,", distinct ? i : i % 16);
    body.append(name.data(), static_cast<std::size_t>(size));
  }
  body.back() = '}';
  return body;
}

struct Attack {
  const char* name;
  std::string wire;       // of one request, or of `requests`
  int status;             // of the first
  unsigned requests = 1;  // in `wire`
  unsigned times = 5;
  bool bytewise = false;
  bool resets = false;
};

std::vector<Attack> attacks() {
  const std::string get = "GET / HTTP/1.1\r\nHost:a\r\n\r\n";
  const std::string small = post(policies::w2);
  std::vector<Attack> all;
  all.push_back({"a create, for comparison", repeated(small, small.size() * 2000), 201, 2000});
  all.push_back({"a body of 1 MB, in one piece", post(named(std::string(1'000'000, 'x'))), 201});
  all.push_back({"a head of 16 KiB in single bytes", post(policies::w2, "X: " + std::string(16'000, 'x') + "\r\n"), 201,
                 1, 2, true});
  all.push_back({"a body of 16 KiB in single bytes", post(named(std::string(16'000, 'x'))), 201, 1, 2, true});
  std::string fields;
  for (int i = 0; i != 95; ++i) fields += "a:\r\n";
  const std::string many = post(policies::w2, fields);
  all.push_back({"100 empty fields", repeated(many, many.size() * 500), 201, 500});
  all.push_back({"refusals, pipelined: 404", repeated(get, get.size() * 20'000), 404, 20'000});
  std::string nobody = post(policies::w2);
  nobody.replace(nobody.find(policies::token), policies::token.size(), "x");
  all.push_back({"refusals, pipelined: 401 with a body", repeated(nobody, nobody.size() * 5'000), 401, 5'000});
  all.push_back({"1 MiB in chunks of one byte", chunked("1"), 201});
  all.push_back({"the same, sizes padded as far as allowed", chunked("0001"), 201});
  all.push_back({"padded further, which is refused", chunked("0000000000000001"), 400});
  all.push_back({"1 MB of member names, all different", post(names(true)), 400});
  all.push_back({"1 MB of member names, all the same", post(names(false)), 400});
  all.push_back({"16 KB of query fields", post("{}", {}, "?" + repeated("a&b&cc&", 15'000)), 400});
  all.push_back({"16 KB of query bytes that are not UTF-8", post("{}", {}, "?" + repeated("\xff", 15'000)), 400});
  all.push_back({"1 MB of escapes \\u0001 in a name", post(named(repeated("\\u0001", 1'000'000))), 201});
  all.push_back({"1 MB of escapes \\\" in a name", post(named(repeated("\\\"", 1'000'000))), 201});
  all.push_back({"1 MB of escapes in a member's name", post("{\"" + repeated("\\u0001", 1'000'000) + "\":0}"), 400});
  all.push_back({"1 MB of [[[", post("{\"a\":" + repeated("[", 1'000'000)), 400});
  all.push_back({"1 MB of [],[],", post("{\"a\":[" + repeated("[],", 1'000'000) + "0]}"), 400});
  all.push_back({"1 MB of numbers", post("{\"a\":[" + repeated("1e9,", 1'000'000) + "0]}"), 400});
  all.push_back({"connecting and resetting", "", 0, 1, 2000, false, true});
  all.push_back({"a create, then a reset", small, 0, 1, 2000, false, true});
  all.push_back({"connecting and sending a byte that is not HTTP", "\x01", 400, 1, 2000});
  return all;
}

void play(const Server& server, const Attack& attack) {
  for (unsigned i = 0; i != attack.times; ++i) {
    Socket socket(server.port());
    std::thread sender([&] {  // responses are read meanwhile
      for (const char& byte : std::string_view(attack.wire).substr(0, attack.bytewise ? attack.wire.size() : 0)) {
        socket.send({&byte, 1});
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
      if (!attack.bytewise) socket.send(attack.wire);
      if (!attack.resets) socket.finish_sending();
    });
    if (attack.resets) {
      sender.join();
      socket.reset();
      continue;
    }
    const int status = socket.status();
    sender.join();
    if (status == attack.status) continue;
    std::fprintf(stderr, "%s: status %d\n", attack.name, status);
    std::exit(1);
  }
}

}  // namespace

int main() {
  std::puts("| what is sent | bytes a request | CPU ms a request | ns a byte |\n| --- | ---: | ---: | ---: |");
  for (const Attack& attack : attacks()) {
    const Server server;
    Attack once = attack;
    once.times = std::min(attack.times, 2U);
    play(server, once);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // for what still runs
    const double before = server.milliseconds();
    play(server, attack);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const double requests = static_cast<double>(attack.times) * attack.requests;
    const double each = (server.milliseconds() - before) / requests;
    const double bytes = static_cast<double>(attack.wire.size()) / attack.requests;
    std::printf("| %s | %.0f | %.4f | ", attack.name, bytes, each);
    if (bytes < 1) {
      std::puts("- |");
    } else {
      std::printf("%.1f |\n", each * 1e6 / bytes);
    }
    std::fflush(stdout);
  }
  return 0;
}
