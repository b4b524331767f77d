// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server that has as many connections as it may have, and peers that keep theirs without a use.
#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/socket.hpp"
#include "support/test_server.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using droplit::ServerOptions;
using test::good_body;
using test::post;
using test::RawSocket;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr RawSocket::Duration patience{60'000};

class Running {
 public:
  explicit Running(ServerOptions options)
      : server_(parties.endpoint, std::move(options)), thread_([this] { server_.run(); }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    server_.stop();
    thread_.join();
  }

  [[nodiscard]] RawSocket connect() const { return RawSocket(server_.port(), "127.0.0.1", patience); }

  test::Parties parties;

 private:
  droplit::BeastServer<test::TestEndpoint> server_;
  std::thread thread_;
};

bool is_served(RawSocket& socket) {
  const auto received = socket.ask(get);
  return received && received->response.status == 404;
}

/// Connections that send nothing. Each that the server closes is closed and made anew.
class SilentPeers {
 public:
  SilentPeers(const Running& server, std::size_t count) : server_(server) {
    for (std::size_t i = 0; i != count; ++i) connect();
  }
  SilentPeers(const SilentPeers&) = delete;
  SilentPeers& operator=(const SilentPeers&) = delete;
  ~SilentPeers() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    ::close(poll_);
  }

  void renew() {
    thread_ = std::thread([this] {
      std::array<epoll_event, 64> events;
      while (!stop_) {
        const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 10);
        for (int i = 0; i < count; ++i) {
          sockets_.erase(events[static_cast<std::size_t>(i)].data.fd);
          connect();
          ++renewed;
        }
      }
    });
  }

  std::atomic<int> renewed{0};

 private:
  void connect() {
    RawSocket socket = server_.connect();
    const int fd = socket.native_handle();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    event.data.fd = fd;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
    sockets_.emplace(fd, std::move(socket));
  }

  const Running& server_;
  const int poll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::unordered_map<int, RawSocket> sockets_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace

TEST_CASE("the oldest peer that never sent a byte makes room, then the one that is idle longest", "[server]") {
  const unsigned threads = GENERATE(1u, 3u);
  const Running running({.threads = threads, .max_connections = 4, .head_deadline = 60s});
  RawSocket idle_longest = running.connect();
  CHECK(is_served(idle_longest));
  RawSocket silent_longest = running.connect();
  RawSocket silent = running.connect();
  RawSocket begun = running.connect();
  CHECK(is_served(begun));  // all are accepted
  const std::string request = post(good_body);
  begun.send(request.substr(0, 10));
  std::this_thread::sleep_for(1'100ms);  // all are silent for long enough, so that the order alone decides
  std::vector<RawSocket> newcomers;
  for (RawSocket* const next : {&silent_longest, &silent, &idle_longest}) {
    newcomers.push_back(running.connect());
    CHECK(is_served(newcomers.back()));
    CHECK(next->closed());
    for (RawSocket& newcomer : newcomers) CHECK(is_served(newcomer));
  }
  begun.send(request.substr(10));
  const auto response = begun.receive();
  REQUIRE(response);
  CHECK(response->response.status == 201);
}

TEST_CASE("silent peers cannot lock others out, at the limit of connections and at that of memory", "[server]") {
  const bool by_memory = GENERATE(false, true);
  ServerOptions options{.max_connections = by_memory ? 1'000'000u : 64u, .max_head = 1024};
  if (by_memory) options.max_memory = 4 * 1024 * 1024;
  const Running running(options);
  const SilentPeers silent(running, by_memory ? 256 : 64);
  std::vector<RawSocket> served;
  for (int i = 0; i != 20; ++i) {
    served.push_back(running.connect());
    CHECK(served.back().ask(post(good_body))->response.status == 201);
  }
  for (RawSocket& socket : served) CHECK(is_served(socket));
}

TEST_CASE("4,096 silent peers, renewed as fast as they are evicted, do not cost a client its request", "[server]") {
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
  REQUIRE(files.rlim_max >= 10'000);
  const Running running({.threads = 2});
  SilentPeers silent(running, 4'096);
  {
    RawSocket newcomer = running.connect();
    CHECK(newcomer.ask(post(good_body))->response.status == 201);
  }
  silent.renew();
  for (int i = 0; i < 20 || silent.renewed < 2'000; ++i) {
    RawSocket honest = running.connect();
    const auto response = honest.ask(post(good_body));
    REQUIRE(response);
    CHECK(response->response.status == 201);
  }
}
