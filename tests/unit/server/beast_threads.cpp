// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// How a BeastServer starts and ends its threads, also where there are too few of them.
#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/socket.hpp"
#include "support/test_server.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include <cerrno>

#include <dlfcn.h>
#include <pthread.h>

namespace {

constexpr int any = std::numeric_limits<int>::max();
std::atomic<int> threads_left{any};

}  // namespace

// A sanitizer's, which a program that has it linked statically does not find next.
extern "C" [[gnu::weak]] decltype(pthread_create) __interceptor_pthread_create;

// In place of the system's: fails once as many threads were started as may be.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                              void* argument) noexcept {
  using Real = decltype(&pthread_create);
  static const Real next = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "pthread_create"));
  static const Real real = __interceptor_pthread_create != nullptr ? __interceptor_pthread_create : next;
  if (threads_left != any && threads_left-- <= 0) return EAGAIN;
  return real(thread, attributes, start, argument);
}

namespace {

using namespace std::chrono_literals;
using test::RawSocket;

using Server = droplit::BeastServer<test::TestEndpoint>;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace

TEST_CASE("where a thread cannot be started, the others end and `ready` is not called", "[server]") {
  constexpr int needed = 5;
  for (int most = 0; most <= needed; ++most) {
    CAPTURE(most);
    test::Parties parties;
    Server server(parties.endpoint, {.threads = 4, .store_threads = 2});
    bool called = false;
    const auto ready = [&] {
      called = true;
      server.stop();
    };
    threads_left = most;
    if (most == needed) {
      CHECK_NOTHROW(server.run(ready));
    } else {
      CHECK_THROWS_AS(server.run(ready), std::system_error);
    }
    threads_left = any;
    CHECK(called == (most == needed));
  }
}

TEST_CASE("what `ready` throws ends the threads and is thrown by `run`, and no connection was served", "[server]") {
  test::Parties parties;
  RawSocket early = [&] {
    Server server(parties.endpoint, {.threads = 3, .store_threads = 2});
    RawSocket socket(server.port());
    socket.send(get);
    CHECK_THROWS_AS(server.run([] { throw std::out_of_range("not ready"); }), std::out_of_range);
    CHECK_FALSE(socket.readable(0ms));
    return socket;
  }();
  CHECK(early.closed());
}

TEST_CASE("a connection made before `ready` has returned is served afterwards, in no new thread", "[server]") {
  test::Parties parties;
  Server server(parties.endpoint, {.threads = 2, .store_threads = 1});
  RawSocket early(server.port());
  early.send(get);
  std::thread::id caller;
  bool served = false;
  std::thread thread([&] {
    server.run([&] {
      caller = std::this_thread::get_id();
      served = early.readable(50ms);
      threads_left = 0;
    });
  });
  const auto own = thread.get_id();
  CHECK(early.receive()->response.status == 404);
  CHECK(early.ask(test::post(test::good_body))->response.status == 201);
  server.stop();
  thread.join();
  threads_left = any;
  CHECK(caller == own);
  CHECK_FALSE(served);
}
