// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What droplit-server responds to those that watch it, and how it finds out.
#include "../../../docs/examples/server/probes.hpp"
#include "../../../docs/examples/server/metrics.hpp"

#include <droplit/router.hpp>
#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/failing_memory.hpp"
#include "support/server_parties.hpp"
#include "support/socket.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using server::Log;
using server::Probe;
using server::Readiness;

constexpr std::chrono::milliseconds forever = 1h;

droplit::Outcome<void> good() { return BOOST_OUTCOME_V2_NAMESPACE::success(); }

/// A store whose reads wait until they are let go.
class Gate {
 public:
  droplit::Outcome<void> read() {
    std::unique_lock lock(mutex_);
    ++reads_;
    ++at_once_;
    most_at_once_ = std::max(most_at_once_, at_once_);
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --at_once_;
    return good();
  }
  void open() { set(true); }
  void close() { set(false); }
  void await_reads(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reads_ >= count; });
  }
  int reads() {
    const std::lock_guard lock(mutex_);
    return reads_;
  }
  int most_at_once() {
    const std::lock_guard lock(mutex_);
    return most_at_once_;
  }

 private:
  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  int reads_ = 0;
  int at_once_ = 0;
  int most_at_once_ = 0;
  bool open_ = false;
};

std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

/// The port of a URL without a path.
std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

void await(const Readiness& readiness, bool ready) {
  while (readiness.is_ready() != ready) std::this_thread::sleep_for(1ms);
}

}  // namespace

TEST_CASE("a probe responds to GET and HEAD of its path, whatever the query") {
  bool good = false;
  const Probe alive("/livez");
  const Probe ready("/readyz", [&good] { return good; });
  droplit::Router router(alive, ready);
  const auto response = [&router](const char* method, const char* target) {
    return router.handle({method, target, {}, "a body"});
  };
  for (const char* method : {"GET", "HEAD"}) {
    const droplit::Response ok = response(method, "/livez?a=b");
    CHECK(ok.status == 200);
    CHECK(ok.body == "ok");
    CHECK(ok.fields.get("content-type") == "text/plain; charset=utf-8");
    CHECK(ok.fields.get("content-length") == "2");
    CHECK_FALSE(ok.close);
  }
  CHECK(response("GET", "/readyz").status == 503);
  CHECK(response("GET", "/readyz").body == "not ready");
  good = true;
  CHECK(response("GET", "/readyz?").status == 200);
  CHECK(response("GET", "/readyz").body == "ok");
  for (const char* method : {"POST", "PUT", "OPTIONS"}) {
    CHECK(response(method, "/readyz").status == 405);
    CHECK(response(method, "/livez").fields.get("allow") == "GET, HEAD");
  }
  for (const char* target : {"/livez/", "/v0/livez", "/readyz/", "/v0/readyz", "/livezz"}) {
    CHECK(response("GET", target).status == 404);
  }
}

TEST_CASE("a store is not ready before it was opened, is then, and not while a read takes too long") {
  Gate store;
  Readiness readiness(Log(-1), 1ms, 1ms);
  CHECK_FALSE(readiness.is_ready());
  readiness.begin([&store] { return store.read(); });
  store.await_reads(1);
  await(readiness, false);
  store.open();
  await(readiness, true);
  store.close();
  await(readiness, false);
  store.open();
  await(readiness, true);
  CHECK(store.most_at_once() == 1);
}

TEST_CASE("a read that failed or threw is not ready until one succeeds") {
  std::atomic<int> kind = 0;
  Readiness readiness(Log(-1), 1ms, forever);
  readiness.begin([&kind]() -> droplit::Outcome<void> {
    if (kind == 1) return droplit::Fault(droplit::FaultSource::storage, droplit::Fate::not_applied, {});
    if (kind == 2) throw std::runtime_error("a driver");
    if (kind == 3) throw 3;
    return good();
  });
  for (int each = 1; each != 4; ++each) {
    await(readiness, true);
    kind = each;
    await(readiness, false);
    kind = 0;
  }
  await(readiness, true);
}

TEST_CASE("however often a probe is called, the store is read at most once a period") {
  Gate store;
  store.open();
  Readiness readiness(Log(-1), forever, forever);
  readiness.begin([&store] { return store.read(); });
  store.await_reads(1);
  await(readiness, true);
  for (int i = 0; i != 10'000; ++i) CHECK_FALSE(!readiness.is_ready());
  CHECK(store.reads() == 1);
}

TEST_CASE("the log has one line for each change, without a driver's words") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const Log log(ends[1]);
  std::atomic<int> kind = 0;
  std::atomic<int> reads = 0;
  {
    Readiness readiness(log, 1ms, forever);
    readiness.begin([&]() -> droplit::Outcome<void> {
      ++reads;
      if (kind == 1)
        return droplit::Fault(droplit::FaultSource::storage, droplit::Fate::not_applied, "sqlite find: code 10");
      if (kind == 2) throw std::runtime_error("canary");
      return good();
    });
    const auto change = [&](int to, bool ready) {
      kind = to;
      await(readiness, ready);
      const int before = reads;
      while (reads < before + 3) std::this_thread::sleep_for(1ms);
    };
    change(1, false);
    change(0, true);
    change(2, false);
  }
  CHECK(log.drain(forever));
  std::string text;
  for (pollfd one{ends[0], POLLIN, 0}; ::poll(&one, 1, 0) == 1;) {
    char c = 0;
    REQUIRE(::read(ends[0], &c, 1) == 1);
    text += c;
  }
  CHECK(text ==
        "droplit-server: not ready: the store does not answer: sqlite find: code 10\n"
        "droplit-server: ready again: the store answers\n"
        "droplit-server: not ready: the store does not answer: an exception\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("a store that fails is not ready where there is no memory to say so") {
  memory::has_c = false;
  std::atomic<bool> lacks_memory = false;
  Readiness readiness(Log(-1), 1ms, forever);
  readiness.begin([&lacks_memory]() -> droplit::Outcome<void> {
    memory::events.suspend();
    if (!lacks_memory) return good();
    memory::events.prepare({1, test::from_then_on});
    memory::events.resume();
    return droplit::Fault(droplit::FaultSource::storage, droplit::Fate::not_applied, {});
  });
  await(readiness, true);
  lacks_memory = true;
  await(readiness, false);
  lacks_memory = false;
  await(readiness, true);
}

TEST_CASE("its end waits for no period") {
  Readiness never(Log(-1), forever, forever);
  Readiness reading(Log(-1), forever, forever);
  reading.begin(good);
}

TEST_CASE("a store that hangs, and holds all of its threads, does not hold a probe up", "[server]") {
  test::Parties parties;
  const Probe alive("/livez");
  const Probe ready("/readyz", [] { return false; });
  droplit::Router router(parties.endpoint, alive, ready);
  droplit::BeastServer server(router, {.store_threads = 1});
  std::thread thread([&server] { server.run(); });
  {
    test::RawSocket creates(server.port());
    creates.send(test::post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"slow"})"));
    parties.store.wait_for_insert();
    test::RawSocket asks(server.port());
    for (const auto& [target, status] : {std::pair("/livez", 200), std::pair("/readyz", 503)}) {
      const auto received = asks.ask(get(target));
      CHECK(received);
      if (received) CHECK(received->response.status == status);
    }
    parties.store.open();
    CHECK(creates.receive());
  }
  server.stop();
  thread.join();
}

TEST_CASE("the metrics are served to 16 connections at a time", "[server]") {
  const droplit::Prometheus counts;
  server::MetricsServer metrics(counts, {}, Log(-1));
  metrics.start();
  std::vector<test::RawSocket> sockets;
  for (unsigned i = 0; i != 16; ++i) {
    sockets.emplace_back(port_of(metrics.url()));
    REQUIRE(sockets.back().ask(get("/metrics")));
  }
  test::RawSocket another(port_of(metrics.url()));
  another.send(get("/metrics"));
  for (int i = 0; i != 50; ++i) REQUIRE(sockets.front().ask(get("/metrics")));  // time enough to serve another
  CHECK_FALSE(another.readable(test::RawSocket::Duration(0)));
  sockets.pop_back();
  const auto received = another.receive();
  REQUIRE(received);
  CHECK(received->response.status == 200);
}
