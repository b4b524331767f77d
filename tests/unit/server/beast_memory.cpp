// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server whose serving threads run out of memory now and then.
#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/failing_memory.hpp"
#include "support/failures.hpp"
#include "support/socket.hpp"
#include "support/test_server.hpp"

#include <atomic>
#include <chrono>
#include <new>
#include <string>
#include <thread>

namespace {

using droplit::ServerOptions;
using test::RawSocket;

const auto few = {1L, 3L};  // one alone may fail where those before it have taken something

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

bool has_response(RawSocket& socket) {
  const auto received = socket.receive();
  return received && received->response.status == 404;
}

void create(RawSocket& socket) {
  if (socket.send(test::post(test::good_body))) socket.receive();
}

/// Counts connections without an allocation of its own.
struct Counts : droplit::NoObserver {
  void connection_opened() noexcept { ++open; }
  void connection_closed() noexcept {
    if (--open < 0) negative = true;
  }
  std::atomic<int> open{0};
  std::atomic<bool> negative{false};
};

bool is_served(RawSocket& socket) { return socket.send(get) && has_response(socket); }

}  // namespace

TEST_CASE("whichever allocation fails, the server serves on, no more connections than it may", "[server]") {
  const unsigned store_threads = GENERATE(0u, 1u);
  CAPTURE(store_threads);
  memory::has_c = false;
  const auto serve = [&](test::Failure failure) {
    test::Parties parties;
    Counts counts;
    droplit::BeastServer server(parties.endpoint, ServerOptions{.store_threads = store_threads, .max_connections = 2},
                                counts);
    std::thread thread([&] { server.run(); });
    const auto connect = [&] { return RawSocket(server.port()); };
    memory::events.prepare(failure, test::Events::Of::other_threads);
    {
      RawSocket first = connect();
      REQUIRE(is_served(first));
      memory::events.resume();
      RawSocket second = connect();
      create(second);
      create(first);
      memory::events.suspend();
    }
    RawSocket first = connect();
    RawSocket second = connect();
    REQUIRE(is_served(first));
    REQUIRE(is_served(second));
    RawSocket third = connect();
    third.send(get);
    for (int i = 0; i != 50; ++i) {  // time enough to serve another
      REQUIRE(is_served(first));
      REQUIRE(is_served(second));
    }
    CHECK_FALSE(third.readable(RawSocket::Duration(0)));
    first.close();
    REQUIRE(has_response(third));
    server.stop();
    thread.join();
    CHECK(counts.open == 0);
    CHECK_FALSE(counts.negative);
    return memory::events.have_come();
  };
  CHECK(test::each_failure(serve, few) > 10);
}

TEST_CASE("whichever allocation fails, a stop ends the server", "[server]") {
  memory::has_c = false;
  const auto end = [](test::Failure failure) {
    test::Parties parties;
    droplit::BeastServer server(parties.endpoint, ServerOptions{.stop_grace = std::chrono::seconds(20)});
    std::thread thread([&] { server.run(); });
    RawSocket idle(server.port());
    RawSocket busy(server.port());
    CHECK(is_served(idle));
    CHECK(is_served(busy));
    busy.send(get.substr(0, 5));
    memory::events.prepare(failure, test::Events::Of::all_threads);
    memory::events.resume();
    server.stop();
    CHECK(idle.closed());  // long before the grace is over
    memory::events.suspend();
    busy.send(get.substr(5));
    const std::string last = test::statuses(busy.receive_all());
    CHECK((last == "404 close" || (last.empty() && memory::events.have_come())));
    thread.join();
    return memory::events.have_come();
  };
  CHECK(test::each_failure(end, few) > 4);
}
