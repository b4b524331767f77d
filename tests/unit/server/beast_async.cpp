// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server of a handler that responds later: from the same thread, from another one, twice, or never.
#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/observers.hpp"
#include "support/server_parties.hpp"
#include "support/socket.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using droplit::RequestHead;
using droplit::Response;
using droplit::ServerOptions;
using test::RawSocket;
using test::statuses;

/// Responds with what it was sent, when and how the target says.
class Echo {
 public:
  std::uint32_t max_body = 3'000'000;

  class Steps {
   public:
    explicit Steps(Echo& echo) : echo_(echo) { ++echo_.steps; }
    Steps(const Steps&) = delete;
    Steps& operator=(const Steps&) = delete;
    ~Steps() { --echo_.steps; }

    bool head(const RequestHead& head, std::string_view, Response& response) {
      target_ = head.target();
      body_.clear();
      if (target_ != "/refused") return true;
      write_response(response, 404, {}, {});
      return false;
    }
    bool body(std::string_view piece, Response&) {
      body_ += piece;
      return true;
    }
    bool finish(std::string_view piece, Response& response) { return body(piece, response); }

    template <class Done>
    void complete(Response& response, Done done) {
      if (target_ == "/throws") throw std::runtime_error("canary");
      if (target_ == "/dropped") return;
      write_response(response, 200, "text/plain", body_);
      if (target_ == "/status0") response.status = 0;
      if (target_ == "/later") {
        auto later = std::make_shared<Done>(std::move(done));
        return echo_.add([later] { (*later)(); });
      }
      if (target_ == "/thread") {
        std::thread([later = std::move(done)]() mutable { later(); }).detach();
        return;
      }
      done();
      if (target_ == "/twice") done();
      if (target_ == "/throws-after") throw std::runtime_error("canary");
    }

    void cancel() {
      ++echo_.cancelled;
      echo_.respond();
    }

    std::uint32_t max_body() const { return echo_.max_body; }

   private:
    Echo& echo_;
    std::string target_;
    std::string body_;
  };

  /// Waits until a response is due.
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !due_.empty(); });
  }

  /// Sends what is due.
  void respond() {
    for (const auto& done : take()) done();
  }

  /// Forgets what is due: those responses are never sent.
  void forget() { take(); }

  std::atomic<int> cancelled{0};
  std::atomic<int> steps{0};  // how many objects there are

 private:
  void add(std::function<void()> done) {
    const std::lock_guard lock(mutex_);
    due_.push_back(std::move(done));
    changed_.notify_all();
  }

  std::vector<std::function<void()>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(due_, {});
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> due_;
};

static_assert(droplit::AsyncHandler<Echo> && !droplit::Handler<Echo>);

/// Responds at once with a long body, on an executor that it keeps.
struct Long {
  struct Steps {
    explicit Steps(Long& handler) : owner(handler) {}
    bool head(const RequestHead&, std::string_view, Response&) { return true; }
    bool body(std::string_view, Response&) { return true; }
    bool finish(std::string_view, Response&) { return true; }
    template <class Done>
    void complete(Response& response, Done done) {
      owner.executor.set_value(done.get_executor());
      write_response(response, 200, "text/plain", std::string(size, 'x'));
      done();
    }
    void cancel() {}
    std::uint32_t max_body() const { return 0; }
    Long& owner;
  };
  static constexpr std::size_t size = 32U << 20;
  std::promise<boost::asio::any_io_executor> executor;
};

struct Running {
  explicit Running(ServerOptions options = {})
      : server(echo, std::move(options), observer), thread([this] {
          server.run();
          ended = true;
        }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    server.stop();
    echo.respond();
    join();
  }

  void join() {
    if (thread.joinable()) thread.join();
  }

  RawSocket connect() const { return RawSocket(server.port()); }

  /// How many requests have finished with a fault.
  int faults() const {
    int count = 0;
    for (const test::Event& event : observer.events()) count += event.finished && event.fault ? 1 : 0;
    return count;
  }

  Echo echo;
  test::Recording observer;
  droplit::BeastServer<Echo, test::Recording> server;
  std::atomic<bool> ended{false};
  std::thread thread;
};

std::string post(std::string_view target, std::string_view body = {}, std::string_view fields = {}) {
  return std::string("POST ")
      .append(target)
      .append(" HTTP/1.1\r\nHost: a\r\n")
      .append(fields)
      .append("Content-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\n\r\n")
      .append(body);
}

std::string responses_to(const Running& running, std::string_view bytes) {
  RawSocket socket = running.connect();
  socket.send(bytes);
  socket.finish_sending();
  return statuses(socket.receive_all());
}

ServerOptions with_threads(unsigned threads) {
  ServerOptions options;
  options.threads = threads;
  return options;
}

}  // namespace

TEST_CASE("an async handler responds at once, from a thread of its own, or later", "[server]") {
  for (const unsigned threads : {1U, 2U}) {
    Running running(with_threads(threads));
    RawSocket socket = running.connect();
    for (const char* const target : {"/now", "/thread", "/now"}) {
      const auto received = socket.ask(post(target, target));
      REQUIRE(received);
      CHECK(received->response.body == target);
    }
    socket.send(post("/later", "waits"));
    running.echo.wait();
    RawSocket other = running.connect();  // no thread waits
    CHECK(other.ask(post("/now"))->response.status == 200);
    CHECK(other.ask(post("/refused"))->response.status == 404);
    running.echo.respond();
    CHECK(socket.receive()->response.body == "waits");
    CHECK(running.faults() == 0);
  }
}

TEST_CASE("store threads are not used for an async handler", "[server]") {
  ServerOptions options;
  options.store_threads = 1;
  Running running(options);
  CHECK(responses_to(running, post("/now") + post("/thread")) == "200 200");
}

TEST_CASE("pipelined requests to an async handler are responded to in order, however many", "[server]") {
  Running running(with_threads(2));
  std::string wire;
  std::string expected;
  for (int i = 0; i != 3000; ++i) {
    wire += post(i % 3 == 0 ? "/thread" : i % 3 == 1 ? "/now" : "/refused", std::to_string(i));
    expected += i % 3 == 2 ? " 404" : " 200";
  }
  CHECK(responses_to(running, wire) == expected.substr(1));
}

TEST_CASE("what an async handler does a second time is ignored", "[server]") {
  Running running;
  CHECK(responses_to(running, post("/twice") + post("/throws-after") + post("/twice") + post("/now")) ==
        "200 200 200 200");
  CHECK(running.faults() == 0);
}

TEST_CASE("an async handler that throws or drops its callback has a 500, which is observed, and no next request",
          "[server]") {
  for (const char* const target : {"/throws", "/dropped"}) {
    Running running;
    CHECK(responses_to(running, post(target) + post("/now")) == "500 close");
    CHECK(running.faults() == 1);
  }
  Running running;
  RawSocket socket = running.connect();
  socket.send(post("/later"));
  running.echo.wait();
  running.echo.forget();
  CHECK(socket.receive()->response.status == 500);
  CHECK(responses_to(running, post("/status0") + post("/now")).empty());
}

TEST_CASE("a peer that closes while an async handler works loses only its own connection", "[server]") {
  ServerOptions options;
  options.max_connections = 1;
  Running running(options);
  for (int round = 0; round != 3; ++round) {
    {
      RawSocket socket = running.connect();
      socket.send(post("/later"));
      running.echo.wait();
    }
    running.echo.respond();
  }
  CHECK(responses_to(running, post("/now")) == "200");
}

TEST_CASE("100 Continue comes before an async handler is called", "[server]") {
  Running running;
  RawSocket socket = running.connect();
  socket.send("POST /thread HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  CHECK(socket.receive()->response.status == 100);
  CHECK(socket.ask("abc")->response.body == "abc");
}

TEST_CASE("the response of an async handler counts as memory", "[server]") {
  ServerOptions options;
  options.max_memory = 4 * 1024 * 1024;
  Running running(options);
  CHECK(responses_to(running, post("/thread", std::string(500'000, 'x'))) == "200");
  CHECK(responses_to(running, post("/thread", std::string(700'000, 'x'))) == "503 close");
  CHECK(running.faults() == 1);
}

TEST_CASE("a server that is stopped waits for an async handler, and after the grace cancels it", "[server]") {
  {
    Running running;
    RawSocket socket = running.connect();
    socket.send(post("/later"));
    running.echo.wait();
    running.server.stop();
    CHECK_FALSE(running.ended);
    running.echo.respond();
    CHECK(statuses(socket.receive_all()) == "200 close");
    running.join();
    CHECK(running.echo.cancelled == 0);
  }
  ServerOptions options;
  options.stop_grace = 0ms;
  Running running(options);
  RawSocket socket = running.connect();
  socket.send(post("/later"));
  running.echo.wait();
  RawSocket idle = running.connect();
  running.server.stop();
  running.join();  // because `cancel` calls back
  CHECK(running.echo.cancelled == 1);
  CHECK(socket.receive_all().empty());
}

TEST_CASE("no steps of a handler remain when `run` has returned", "[server]") {
  for (const unsigned threads : {1u, 3u}) {
    Running running(with_threads(threads));
    RawSocket socket = running.connect();
    CHECK(socket.ask(post("/"))->response.status == 200);
    CHECK(running.echo.steps != 0);
    running.server.stop();
    running.join();
    CHECK(running.echo.steps == 0);
  }
}

TEST_CASE("a server may be destroyed while other threads call back", "[server]") {
  for (int round = 0; round != 50; ++round) {
    Running running(with_threads(1 + static_cast<unsigned>(round) % 2));
    RawSocket socket = running.connect();
    socket.send(post("/thread") + post("/thread"));
    if (round % 3 == 0) socket.receive();
  }
}

TEST_CASE("no step of a long write is begun while the connection is busy elsewhere", "[server]") {
  Long handler;
  droplit::BeastServer server(handler, ServerOptions{.threads = 2, .max_memory = std::uint64_t{1} << 30});
  std::thread thread([&] { server.run(); });
  RawSocket socket(server.port());
  socket.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  boost::asio::any_io_executor executor = handler.executor.get_future().get();
  std::promise<void> blocked;
  std::promise<void> release;
  boost::asio::post(executor, [&] {
    blocked.set_value();
    release.get_future().wait();
  });
  blocked.get_future().wait();
  // One step may be under way, and takes what the kernel has room for.
  std::string received;
  while (!socket.ended() && socket.readable(200ms)) received += socket.receive_all(200ms);
  CHECK(received.size() < Long::size);
  release.set_value();
  received += socket.receive_all();
  CHECK(received.size() > Long::size);
  server.stop();
  thread.join();
  executor = {};
}
