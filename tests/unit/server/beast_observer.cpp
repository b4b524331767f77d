// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the observer of a BeastServer is informed of, over sockets and by several threads.
#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/observers.hpp"
#include "support/server_parties.hpp"
#include "support/socket.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using test::good_body;
using test::post;
using test::RawSocket;

/// A server that runs from here to the end of the block, or to `stop`.
template <class O>
struct Running {
  explicit Running(O& observer, droplit::ServerOptions options)
      : server(parties.endpoint, std::move(options), observer), thread([this] { server.run(); }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    parties.store.open();  // also where a test fails while an insert waits
    stop();
  }

  void stop() {
    server.stop();
    if (thread.joinable()) thread.join();
  }

  RawSocket connect() const { return RawSocket(server.port(), "127.0.0.1", 10s); }

  test::Parties parties;
  droplit::BeastServer<test::TestEndpoint, O> server;
  std::thread thread;
};

}  // namespace

TEST_CASE("a server's observer is informed once of each connection and of each request, whichever threads serve",
          "[server]") {
  constexpr int clients = 4;
  constexpr int requests = 50;
  for (const unsigned store_threads : {0U, 2U}) {
    CAPTURE(store_threads);
    test::Recording observer;
    std::vector<std::set<std::string>> sent(clients);
    {
      const Running running(observer, {.threads = 2, .store_threads = store_threads, .request_ids = true});
      std::vector<std::thread> threads;
      for (int i = 0; i != clients; ++i) {
        threads.emplace_back([&, i] {
          RawSocket socket = running.connect();
          for (int n = 0; n != requests; ++n) {
            const std::string id = std::to_string(i) + '-' + std::to_string(n);
            const auto response = socket.ask(post(good_body, "x-request-id: " + id + "\r\n"));
            if (response && response->response.fields.get("x-request-id") == id) {
              sent[static_cast<std::size_t>(i)].insert(id);
            }
          }
        });
      }
      for (auto& thread : threads) thread.join();
    }
    CHECK(observer.opened() == clients);
    CHECK(observer.closed() == clients);
    CHECK(observer.faults().empty());
    std::map<std::string, std::pair<int, int>> seen;
    for (const test::Event& event : observer.events()) {
      auto& [began, finished] = seen[event.request_id];
      ++(event.finished ? finished : began);
      if (event.finished) CHECK(event.status == 201);
    }
    CHECK(seen.size() == clients * requests);
    for (const auto& [id, times] : seen) {
      CAPTURE(id);
      CHECK(times == std::pair(1, 1));
      CHECK(sent[static_cast<std::size_t>(id[0] - '0')].contains(id));
    }
  }
}

TEST_CASE("a request that is in progress when its peer or the server ends is observed once", "[server]") {
  test::Recording observer;
  const std::string slow = R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"slow"})";
  {
    Running running(observer, {.store_threads = 2, .stop_grace = 0ms});
    RawSocket in_body = running.connect();
    in_body.send(post(good_body).substr(0, 150));
    RawSocket in_store = running.connect();
    in_store.send(post(slow));
    running.parties.store.wait_for_insert();
    RawSocket other = running.connect();
    REQUIRE(other.ask(post(good_body)));
    while (observer.events().size() < 4) std::this_thread::sleep_for(1ms);  // the head of the first is read
    running.server.stop();
    running.parties.store.open();
    running.stop();
  }
  CHECK(observer.opened() == 3);
  CHECK(observer.closed() == 3);
  int began = 0;
  std::multiset<int> statuses;
  for (const test::Event& event : observer.events()) {
    if (event.finished) {
      statuses.insert(event.status);
    } else {
      ++began;
    }
  }
  CHECK(began == 3);
  CHECK(statuses == std::multiset<int>{0, 201, 201});
}

TEST_CASE("a connection counts until its observer was informed of its end", "[server]") {
  struct Slow : droplit::NoObserver {
    void connection_opened() { ++opened; }
    void connection_closed() {
      const int before = opened;
      for (int i = 0; i != 300 && opened == before && before == 1; ++i) std::this_thread::sleep_for(1ms);
      if (opened != before) overlapped = true;
    }
    std::atomic<int> opened{0};
    std::atomic<bool> overlapped{false};
  };
  Slow observer;
  {
    const Running running(observer, {.threads = 2, .max_connections = 1});
    {
      RawSocket first = running.connect();
      REQUIRE(first.ask(post(good_body)));
    }
    RawSocket second = running.connect();
    REQUIRE(second.ask(post(good_body)));
  }
  CHECK(observer.opened == 2);
  CHECK_FALSE(observer.overlapped);
}

TEST_CASE("an observer that throws changes nothing of a server", "[server]") {
  test::Throwing observer;
  Running running(observer, {});
  RawSocket socket = running.connect();
  for (int i = 0; i != 2; ++i) {
    const auto response = socket.ask(post(good_body));
    REQUIRE(response);
    CHECK(response->response.status == 201);
    CHECK(response->response.fields.count("x-request-id") == 0);
  }
}

TEST_CASE("a connection that cannot be accepted for lack of descriptors is a fault that the observer is informed of",
          "[server]") {
  test::Recording observer;
  Running running(observer, {});
  REQUIRE(running.connect().ask(post(good_body)));  // it serves
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(socket >= 0);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(running.server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  for (int i = 0; i != 1000 && observer.faults().empty(); ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(connected == 0);
  REQUIRE_FALSE(observer.faults().empty());
  CHECK(observer.faults()[0].source() == droplit::FaultSource::library);
  CHECK(observer.faults()[0].fate() == droplit::Fate::not_applied);
  CHECK(observer.requests().size() == 1);
  ::close(socket);
  CHECK(running.connect().ask(post(good_body)));  // and serves again
}
