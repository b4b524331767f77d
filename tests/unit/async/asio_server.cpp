// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// An async endpoint in a server, on the server's own threads.
#include <droplit/async/asio.hpp>

#include <droplit/server/beast.hpp>
#include "support/async.hpp"
#include "support/catch.hpp"
#include "support/observers.hpp"
#include "support/server_parties.hpp"
#include "support/socket.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace droplit;
namespace asio = boost::asio;
using test::good_body, test::post, test::RawSocket, test::statuses;

namespace {

/// A store that never responds, unless it is cancelled.
struct Hanging {
  std::atomic<int> inserts{0};

  asio::awaitable<Insertion> insert(const Client&) {
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::steady_clock::time_point::max());
    ++inserts;
    co_await timer.async_wait(asio::use_awaitable);
    co_return Insertion::inserted;
  }
};

/// What an endpoint needs beside a store.
struct Others {
  test::Tokens tokens;
  FixedClock clock{*Timestamp::parse("2018-02-28T15:16:58.941Z")};
  test::CountingIds ids;
};

template <class H>
struct Running {
  Running(H& handler, ServerOptions options) : server(handler, std::move(options)), thread([this] { server.run(); }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    server.stop();
    thread.join();
  }
  BeastServer<H> server;
  std::thread thread;
};

ServerOptions with_threads(unsigned threads) {
  ServerOptions options;
  options.threads = threads;
  return options;
}

const std::string slow_body = R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"slow"})";

}  // namespace

TEST_CASE("creates that wait for a store keep no serving thread", "[server]") {
  for (const unsigned count : {1U, 2U}) {
    test::Store storage;
    asio::thread_pool threads(1);
    auto store = blocking_store(storage, threads.get_executor());
    Others others;
    AsyncEndpoint endpoint(store, others.tokens, others.clock, others.ids);
    Running running(endpoint, with_threads(count));
    std::vector<RawSocket> waiting;
    for (int i = 0; i != 20; ++i) {
      waiting.emplace_back(running.server.port());
      waiting.back().send(post(slow_body));
    }
    storage.wait_for_insert();
    RawSocket other(running.server.port());
    CHECK(other.ask(post("{}"))->response.status == 400);
    storage.open();
    for (RawSocket& socket : waiting) CHECK(socket.receive()->response.status == 201);
    CHECK(storage.kept == 20);
    CHECK(other.ask(post(good_body) + post(good_body))->response.status == 201);
  }
}

TEST_CASE("a server that stops cancels the store of an async endpoint after the grace", "[server]") {
  for (const unsigned count : {1U, 2U}) {
    Hanging store;
    Others others;
    test::Recording observer;
    AsyncEndpoint endpoint(store, others.tokens, others.clock, others.ids, {}, observer);
    ServerOptions options = with_threads(count);
    options.stop_grace = std::chrono::milliseconds(0);
    Running running(endpoint, options);
    RawSocket socket(running.server.port());
    socket.send(post(good_body));
    while (store.inserts == 0) std::this_thread::yield();
    running.server.stop();
    CHECK(socket.receive_all().empty());
    running.server.stop();
    running.thread.join();
    running.thread = std::thread([] {});
    REQUIRE(observer.requests().size() == 1);
    REQUIRE(observer.requests()[0].fault);
    CHECK(observer.requests()[0].fault->fate() == Fate::maybe_applied);
  }
}

TEST_CASE("a server of an async endpoint may be destroyed before the threads of its store", "[server]") {
  test::Store storage;
  asio::thread_pool threads(2);
  auto store = blocking_store(storage, threads.get_executor());
  Others others;
  AsyncEndpoint endpoint(store, others.tokens, others.clock, others.ids);
  for (int round = 0; round != 40; ++round) {
    Running running(endpoint, with_threads(1 + static_cast<unsigned>(round) % 2));
    RawSocket socket(running.server.port());
    socket.send(post(good_body) + post(good_body));
    if (round % 4 == 0) socket.receive();
  }
  CHECK(storage.kept > 0);
}
