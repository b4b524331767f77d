// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server's options at their extremes, and what reaches the bounds that they set.
#include <droplit/server/server_options.hpp>

#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/socket.hpp"
#include "support/test_server.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using droplit::ServerOptions;
using std::chrono::milliseconds;
using test::RawSocket;

struct Running {
  explicit Running(const ServerOptions& options)
      : server(parties.endpoint, options), thread([this] { server.run(); }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    parties.store.open();
    server.stop();
    thread.join();
  }

  test::Parties parties;
  droplit::BeastServer<test::TestEndpoint> server;
  std::thread thread;
};

int status(const std::optional<test::WireResponse>& received) { return received ? received->response.status : 0; }

template <class Value>
constexpr Value most = std::numeric_limits<Value>::max();

struct Duration {
  milliseconds ServerOptions::*field;
  milliseconds least;
};
const Duration durations[] = {
    {&ServerOptions::head_deadline, 1ms}, {&ServerOptions::body_grace, 0ms},     {&ServerOptions::body_deadline, 1ms},
    {&ServerOptions::idle_deadline, 1ms}, {&ServerOptions::write_deadline, 1ms}, {&ServerOptions::linger_deadline, 0ms},
    {&ServerOptions::stop_grace, 0ms},
};

}  // namespace

TEST_CASE("an option outside its range counts as the nearest value within it", "[server_options]") {
  const auto bounded = [](auto field, auto value) {
    ServerOptions options;
    options.*field = value;
    return droplit::detail::bounded(options).*field;
  };
  for (const auto& [field, low] : durations) {
    CHECK(bounded(field, milliseconds::min()) == low);
    CHECK(bounded(field, -1ms) == low);
    CHECK(bounded(field, 0ms) == low);
    CHECK(bounded(field, 1ms) == 1ms);
    CHECK(bounded(field, 24h) == 24h);
    CHECK(bounded(field, 24h + 1ms) == 24h);
    CHECK(bounded(field, milliseconds::max()) == 24h);
  }
  CHECK(bounded(&ServerOptions::threads, 0U) == 1);
  CHECK(bounded(&ServerOptions::threads, most<unsigned>) == 1024);
  CHECK(bounded(&ServerOptions::store_threads, 0U) == 0);
  CHECK(bounded(&ServerOptions::store_threads, most<unsigned>) == 1024);
  CHECK(bounded(&ServerOptions::max_connections, 0U) == 1);
  CHECK(bounded(&ServerOptions::max_connections, most<std::uint32_t>) == most<std::uint32_t>);
  CHECK(bounded(&ServerOptions::max_head, 0U) == 1024);
  CHECK(bounded(&ServerOptions::max_head, most<std::uint32_t>) == 1'048'576);
  CHECK(bounded(&ServerOptions::max_memory, std::uint64_t{0}) == 4'194'304);
  CHECK(bounded(&ServerOptions::max_memory, most<std::uint64_t>) == most<std::uint64_t>);
  CHECK(bounded(&ServerOptions::body_rate, 0U) == 0);
  CHECK(bounded(&ServerOptions::body_rate, most<std::uint32_t>) == most<std::uint32_t>);
}

TEST_CASE("what is within the range stays", "[server_options]") {
  const ServerOptions options;
  const ServerOptions same = droplit::detail::bounded(options);
  for (const auto& [field, low] : durations) CHECK(same.*field == options.*field);
  CHECK(same.threads == options.threads);
  CHECK(same.store_threads == options.store_threads);
  CHECK(same.max_connections == options.max_connections);
  CHECK(same.max_head == options.max_head);
  CHECK(same.max_memory == options.max_memory);
  CHECK(same.body_rate == options.body_rate);
  CHECK(same.host == options.host);
}

TEST_CASE("a server whose deadlines are as long as possible serves, one option after the other", "[server_options]") {
  const std::string request = test::post(test::good_body);
  const auto served = [&](const ServerOptions& options) {
    const Running running(options);
    RawSocket socket(running.server.port());
    socket.send(std::string_view(request).substr(0, 20));
    std::this_thread::sleep_for(5ms);  // else head and body may be read at once, and no deadline is set for them
    socket.send(std::string_view(request).substr(20, request.size() - 30));
    std::this_thread::sleep_for(5ms);
    CHECK(status(socket.ask(std::string_view(request).substr(request.size() - 10))) == 201);
    CHECK(status(socket.ask(request)) == 201);
    CHECK(test::statuses(RawSocket(running.server.port()).ask("\x01")->head) == "400 close");
  };
  for (const Duration& duration : durations) {
    ServerOptions options;
    options.*duration.field = milliseconds::max();
    served(options);
  }
  ServerOptions options;
  for (const Duration& duration : durations) options.*duration.field = milliseconds::max();
  options.body_rate = most<std::uint32_t>;
  options.max_connections = most<std::uint32_t>;
  options.max_head = most<std::uint32_t>;
  options.max_memory = most<std::uint64_t>;
  served(options);
}

TEST_CASE("a server whose options are all as small as can be starts, serves its one connection and stops",
          "[server_options]") {
  ServerOptions options;
  for (const Duration& duration : durations) options.*duration.field = milliseconds::min();
  options.threads = options.store_threads = options.max_connections = options.max_head = options.body_rate = 0;
  options.max_memory = 0;
  const Running running(options);
  RawSocket(running.server.port()).receive_all();  // with a response or without, it ends
  options.idle_deadline = options.write_deadline = 10s;
  const Running patient(options);
  CHECK(status(RawSocket(patient.server.port()).ask(test::post(test::good_body))) == 201);
  CHECK(status(RawSocket(patient.server.port()).ask(test::post(test::good_body))) == 201);
}

TEST_CASE("connections and requests beyond the bound of all memory wait for their turn", "[server_options]") {
  ServerOptions options;
  options.max_memory = 0;  // 4 MiB, in which there is room for 256 connections and fewer than 100 requests
  options.head_deadline = 10min;
  const Running running(options);
  const std::string request = test::post(test::good_body);
  const std::size_t cut = 20;  // what has begun a request is not closed for a newcomer
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i != 300; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(running.server.port(), "127.0.0.1", 60'000ms));
    sockets.back()->send(std::string_view(request).substr(0, cut));
  }
  sockets.back()->send(std::string_view(request).substr(cut));
  CHECK_FALSE(sockets.back()->readable(50ms));
  for (const auto& socket : sockets) {
    if (socket != sockets.back()) socket->send(std::string_view(request).substr(cut));
  }
  for (const auto& socket : sockets) {
    CHECK(status(socket->receive()) == 201);
    socket->close();
  }
  CHECK(running.parties.store.kept == 300);
}

TEST_CASE("long bodies beyond the bound of all memory get 503 and a close, while short ones are served",
          "[server_options]") {
  ServerOptions options;
  options.max_memory = 0;  // 4 MiB; three quarters of it are enough for one body of 0.5 MB
  options.store_threads = 1;
  Running running(options);
  const auto much = [](const std::string& name) {
    return test::post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","description":")" +
                      std::string(500'000, 'x') + R"(","name":")" + name + "\"}");
  };
  RawSocket holds(running.server.port());
  holds.send(much("slow"));
  running.parties.store.wait_for_insert();
  RawSocket refused(running.server.port());
  const auto received = refused.ask(much("a"));
  REQUIRE(status(received) == 503);
  CHECK(received->response.fields.get("retry-after") == "1");
  CHECK(received->response.body.empty());
  CHECK(refused.closed());
  refused.close();
  CHECK(status(RawSocket(running.server.port()).ask(test::post("{}"))) == 400);
  CHECK(running.parties.store.kept == 0);
  running.parties.store.open();
  CHECK(status(holds.receive()) == 201);
  int again = 0;  // as soon as what was refused has ended
  for (int i = 0; i != 1000 && again != 201; ++i) {
    again = status(RawSocket(running.server.port()).ask(much("b")));
    if (again != 201) std::this_thread::sleep_for(10ms);
  }
  CHECK(again == 201);
  CHECK(running.parties.store.kept == 2);
}
