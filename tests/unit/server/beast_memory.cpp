// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server whose serving threads run out of memory now and then.
#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/socket.hpp"
#include "support/test_server.hpp"

#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <thread>

namespace {

using droplit::ServerOptions;
using test::RawSocket;

thread_local bool is_servers = true;         // whether this thread is one of the server's
std::atomic<std::int64_t> allocations{0};    // in such threads, while failures are due
std::atomic<std::int64_t> first_failure{0};  // the number of the first that fails; 0: none does
std::atomic<std::int64_t> failures{1};       // as many fail

bool may_allocate() noexcept {
  const std::int64_t first = first_failure;
  if (first == 0 || !is_servers) return true;
  const std::int64_t number = ++allocations;
  return number < first || number >= first + failures;
}

void* allocate(std::size_t size) noexcept { return may_allocate() ? std::malloc(size == 0 ? 1 : size) : nullptr; }

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

[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* const memory = allocate(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

// Asio's.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return may_allocate() ? ::memalign(alignment, size) : nullptr;
}

// Stops the server from a thread whose allocations fail, too: then nothing has changed, and it can be tried again.
template <class Server>
void stop(Server& server) {
  is_servers = true;
  for (bool stopped = false; !stopped;) {
    try {
      server.stop();
      stopped = true;
    } catch (const std::bad_alloc&) {
    }
  }
  is_servers = false;
}

TEST_CASE("whichever allocation fails, the server serves on, no more connections than it may", "[server]") {
  is_servers = false;
  const unsigned store_threads = GENERATE(0u, 1u);
  failures = GENERATE(1, 3);  // one alone may fail where those before it have taken something
  bool failed = true;
  for (std::int64_t n = 1; failed; ++n) {
    CAPTURE(store_threads, n);
    test::Parties parties;
    Counts counts;
    droplit::BeastServer server(parties.endpoint, ServerOptions{.store_threads = store_threads, .max_connections = 2},
                                counts);
    std::thread thread([&] { server.run(); });
    const auto connect = [&] { return RawSocket(server.port()); };
    {
      RawSocket first = connect();
      REQUIRE(is_served(first));
      allocations = 0;
      first_failure = n;
      RawSocket second = connect();
      create(second);
      create(first);
      first_failure = 0;
      failed = allocations >= n;
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
  }
}

TEST_CASE("whichever allocation fails, a stop ends the server", "[server]") {
  is_servers = false;
  failures = GENERATE(1, 3);
  bool failed = true;
  for (std::int64_t n = 1; failed; ++n) {
    CAPTURE(n);
    test::Parties parties;
    droplit::BeastServer server(parties.endpoint, ServerOptions{.stop_grace = std::chrono::milliseconds(50)});
    std::thread thread([&] { server.run(); });
    RawSocket idle(server.port());
    RawSocket busy(server.port());
    CHECK(is_served(idle));
    CHECK(is_served(busy));
    busy.send(get.substr(0, 5));
    allocations = 0;
    first_failure = n;
    stop(server);
    thread.join();
    first_failure = 0;
    failed = allocations >= n;
    CHECK(idle.closed());
    CHECK(busy.receive_all().empty());
    CHECK(busy.ended());
  }
}
