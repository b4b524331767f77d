// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/socket.hpp"
#include "support/test_server.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using droplit::ServerOptions;
using test::good_body;
using test::post;
using test::RawSocket;
using test::statuses;

using Server = droplit::BeastServer<test::TestEndpoint>;

const std::string slow_body = R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"slow"})";
const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

ServerOptions with_threads(unsigned threads) {
  ServerOptions options;
  options.threads = threads;
  return options;
}

/// A server that runs from here to the end of the block, or to `stop`.
struct Running {
  explicit Running(ServerOptions options = with_threads(2), std::uint32_t max_body = 1024 * 1024)
      : parties(max_body), server(parties.endpoint, options), thread([this] {
          server.run();
          ended = true;
        }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    parties.store.open();
    server.stop();
    join();
  }

  void join() {
    if (thread.joinable()) thread.join();
  }

  RawSocket connect(RawSocket::Duration timeout = 10s) const { return RawSocket(server.port(), "127.0.0.1", timeout); }

  /// What the server sends to `bytes` and a half-close.
  std::string responses_to(std::string_view bytes) const {
    RawSocket socket = connect();
    socket.send(bytes);
    socket.finish_sending();
    return statuses(socket.receive_all());
  }

  test::Parties parties;
  Server server;
  std::atomic<bool> ended{false};
  std::thread thread;
};

int status(const std::optional<test::WireResponse>& received) { return received ? received->response.status : 0; }

/// A request whose response is about a megabyte.
std::string post_for_much() { return post("{\"" + std::string(1'000'000, 'x') + "\":0}"); }

}  // namespace

TEST_CASE("a created client is a 201, byte for byte", "[server]") {
  const Running running;
  RawSocket socket = running.connect();
  const auto received =
      socket.ask(post(R"({"type":"server","ecosystemId":"C0123456789ABCDEF01234567","name":"a","description":"b"})"));
  REQUIRE(received);
  std::string head = received->head;
  const std::size_t date = head.find("date: ");
  REQUIRE(date != std::string::npos);
  CHECK(head.substr(date + 31, 6) == " GMT\r\n");
  head.erase(date + 6, 29);
  CHECK(head == "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 159\r\ndate: \r\n\r\n");
  CHECK(received->response.body ==
        R"({"createdAt":"2018-02-28T15:16:58.941Z","description":"b","ecosystemId":"C0123456789abcdef01234567",)"
        R"("id":"000000000000000000000001","name":"a","type":"server"})");
  CHECK(status(socket.ask(get)) == 404);
}

TEST_CASE("`url` and `port` are where the server listens, on IPv6 too", "[server]") {
  ServerOptions options;
  options.host = "[::1]";
  test::Parties parties;
  std::optional<Server> server;
  try {
    server.emplace(parties.endpoint, options);
  } catch (const std::system_error& error) {
    WARN("no IPv6 here: " << error.what());
    return;
  }
  CHECK(server->url() == "http://[::1]:" + std::to_string(server->port()));
  std::thread thread([&] { server->run(); });
  CHECK(status(RawSocket(server->port(), "::1").ask(post(good_body))) == 201);
  server->stop();
  thread.join();
}

TEST_CASE("an address that cannot be bound is an exception that names it", "[server]") {
  test::Parties parties;
  const Server first(parties.endpoint);
  CHECK(first.url() == "http://127.0.0.1:" + std::to_string(first.port()));
  ServerOptions options;
  options.port = first.port();
  CHECK_THROWS_AS(Server(parties.endpoint, options), std::system_error);
  options.host = "no.address";
  CHECK_THROWS_WITH(Server(parties.endpoint, options), Catch::Contains("no.address"));
}

TEST_CASE("requests in one piece, cut at every byte and byte by byte get the same response", "[server]") {
  const Running running;
  for (const std::string& request :
       {post(good_body), test::post_chunked("10;a=b\r\n" + good_body.substr(0, 16) + "\r\n" +
                                            test::chunk(good_body.substr(16)) + "0\r\nX: y\r\n\r\n")}) {
    RawSocket socket = running.connect();
    for (std::size_t cut = 1; cut < request.size(); ++cut) {
      CAPTURE(cut);
      REQUIRE(socket.send(std::string_view(request).substr(0, cut)));
      if (cut % 8 == 0) std::this_thread::sleep_for(1ms);  // else both may be read at once
      REQUIRE(status(socket.ask(std::string_view(request).substr(cut))) == 201);
    }
    for (const char& byte : request) REQUIRE(socket.send({&byte, 1}));
    CHECK(status(socket.receive()) == 201);
  }
}

TEST_CASE("pipelined requests get their responses in order", "[server]") {
  const Running running;
  std::string wire;
  std::string expected;
  const std::pair<std::string, std::string_view> mix[] = {{post(good_body), "201"},
                                                          {get, "404"},
                                                          {post(good_body, {}, "unknown"), "401"},
                                                          {post("{}"), "400"},
                                                          {post(good_body, {}, "client"), "403"},
                                                          {post(std::string(40'000, ' ')), "400"}};
  for (std::size_t i = 0; i != 300; ++i) {
    const auto& [request, expected_status] = mix[(i * 7 + i / 11) % std::size(mix)];
    wire += request;
    expected.append(i == 0 ? "" : " ").append(expected_status);
  }
  CHECK(running.responses_to(wire) == expected);
}

TEST_CASE("a peer that expects 100 Continue gets it or the refusal", "[server]") {
  const Running running(with_threads(2), 1000);
  const std::string request = post(good_body, "Expect: 100-continue\r\n");
  const std::size_t head = request.size() - good_body.size();

  RawSocket waits = running.connect();
  CHECK(status(waits.ask(request.substr(0, head))) == 100);
  CHECK(status(waits.ask(good_body)) == 201);
  CHECK(status(waits.ask(get)) == 404);

  RawSocket hastes = running.connect();
  CHECK(status(hastes.ask(request)) == 201);

  for (const auto& [refused, code] : {std::pair(post(std::string(1001, ' '), "Expect: 100-continue\r\n"), 413),
                                      std::pair(post(good_body, "Expect: 100-continue\r\n", "unknown"), 401)}) {
    RawSocket socket = running.connect();
    const auto received = socket.ask(refused.substr(0, refused.find("\r\n\r\n") + 4));
    CHECK(status(received) == code);
    CHECK((received && received->response.close));
    CHECK(socket.closed());
  }
  CHECK(running.parties.store.kept == 2);
}

TEST_CASE("a response before the end of a long body can be read", "[server]") {
  const Running running;
  RawSocket announced = running.connect();
  REQUIRE(
      announced.send("POST /api/clients HTTP/1.1\r\nHost: a\r\nAuthorization: account\r\n"
                     "Content-Length: 100000000\r\n\r\n"));
  announced.send(std::string(600'000, ' '));
  CHECK(status(announced.receive()) == 413);
  CHECK(announced.closed());
  CHECK_FALSE(announced.was_reset());

  RawSocket chunked = running.connect();
  std::string wire = test::post_chunked("");
  for (int i = 0; i != 30; ++i) wire += test::chunk(std::string(50'000, ' '));
  chunked.send(wire);
  CHECK(status(chunked.receive()) == 413);
  CHECK(chunked.closed());
  CHECK_FALSE(chunked.was_reset());
}

TEST_CASE("a slow peer gets 408 or is disconnected, and a silent one is disconnected", "[server]") {
  ServerOptions options = with_threads(1);
  options.head_deadline = 150ms;
  options.idle_deadline = 300ms;
  options.body_grace = 150ms;
  options.body_rate = 1'000'000;
  options.body_deadline = 400ms;
  const Running running(options);

  RawSocket silent = running.connect();
  RawSocket idle = running.connect();
  CHECK(status(idle.ask(get)) == 404);
  RawSocket head = running.connect();
  head.send("POST /api/clients HTTP/1.1\r\nHo");
  RawSocket body = running.connect();
  body.send(post(good_body).substr(0, post(good_body).size() - 1));
  RawSocket refused = running.connect();
  refused.send(post(good_body, {}, "unknown").substr(0, 150));

  CHECK(status(running.connect().ask(post(good_body))) == 201);  // meanwhile
  for (RawSocket* slow : {&head, &body, &refused}) {
    CHECK(statuses(slow->receive_all()) == "408 close");
    CHECK_FALSE(slow->was_reset());
  }
  CHECK(silent.closed());
  CHECK(idle.closed());
  CHECK_FALSE(idle.was_reset());
  CHECK(running.parties.store.kept == 1);
}

TEST_CASE("a head or body that trickles has a deadline for all of it", "[server]") {
  ServerOptions options;
  options.head_deadline = 200ms;
  options.body_grace = 10s;
  options.body_deadline = 200ms;
  const Running running(options);
  const std::string request = post(std::string(1000, ' '));
  for (const std::size_t begun : {std::size_t{1}, request.size() - 1000}) {
    RawSocket socket = running.connect();
    socket.send(request.substr(0, begun));
    for (std::size_t at = begun; !socket.readable(5ms) && at != request.size(); ++at)
      socket.send(request.substr(at, 1));
    CHECK(status(socket.receive()) == 408);
  }
}

TEST_CASE("a peer that does not read delays no other, and is disconnected", "[server]") {
  ServerOptions options = with_threads(1);
  options.write_deadline = 300ms;
  const Running running(options);
  RawSocket deaf = running.connect(3s);
  deaf.receive_slowly();
  const std::string much = post_for_much();
  std::thread sender([&] {
    for (int i = 0; i != 20 && deaf.send(much); ++i) {
    }
  });
  for (int i = 0; i != 20; ++i) CHECK(status(running.connect().ask(post(good_body))) == 201);
  sender.join();
  CHECK(deaf.receive_all().size() < 20 * much.size());
  CHECK(deaf.ended());
  CHECK(status(running.connect().ask(get)) == 404);
}

TEST_CASE("a long response to a slow reader is complete", "[server]") {
  const Running running;
  RawSocket socket = running.connect();
  socket.receive_slowly();
  for (int i = 0; i != 3; ++i) {
    REQUIRE(socket.send(post_for_much()));
    const auto received = socket.receive();
    REQUIRE(status(received) == 400);
    CHECK(received->response.body.size() > 1'000'000);
  }
  CHECK(status(socket.ask(get)) == 404);
}

TEST_CASE("a peer that half-closes after a request receives the response, and within a request nothing is stored",
          "[server]") {
  const Running running;
  CHECK(running.responses_to(post(good_body)) == "201");
  CHECK(running.parties.store.kept == 1);
  const std::string request = post(good_body);
  for (std::size_t cut = 1; cut < request.size(); cut += 13) {
    CAPTURE(cut);
    CHECK(running.responses_to(request.substr(0, cut)) == "400 close");
  }
  CHECK(running.responses_to(request.substr(0, request.size() - 1)) == "400 close");
  CHECK(running.parties.store.kept == 1);
}

TEST_CASE("what is not HTTP gets 400 and a close", "[server]") {
  const Running running;
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 11),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("SSH-2.0-OpenSSH_9.2p1\r\n"),
        std::string("\0\xFF\x80 binary", 10), std::string("GET /\r\n\r\n"), std::string(100'000, '\x01')}) {
    RawSocket socket = running.connect();
    socket.send(bytes);
    CHECK(statuses(socket.receive_all()) == "400 close");
  }
}

TEST_CASE("peers that reset at any moment disturb no other", "[server]") {
  const Running running;
  const std::string request = post_for_much();
  for (int i = 0; i != 60; ++i) {
    RawSocket socket = running.connect();
    socket.send(request.substr(0, i % 3 == 0 ? request.size() : i % 3 == 1 ? 500'000 : 20));
    if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(i % 5));
    socket.reset();
  }
  CHECK(status(running.connect().ask(post(good_body))) == 201);
}

TEST_CASE("more connections than allowed wait for their turn", "[server]") {
  ServerOptions options = with_threads(2);
  options.max_connections = 3;
  const Running running(options);
  std::vector<RawSocket> sockets;
  for (int i = 0; i != 12; ++i) {
    sockets.push_back(running.connect());
    sockets.back().send(post(good_body));
  }
  for (RawSocket& socket : sockets) {
    CHECK(status(socket.receive()) == 201);
    socket.close();
  }
  CHECK(running.parties.store.kept == 12);
}

TEST_CASE("there are never more connections than allowed", "[server]") {
  ServerOptions options = with_threads(2);
  options.max_connections = 2;
  const Running running(options);
  RawSocket first = running.connect();
  RawSocket second = running.connect();
  CHECK(status(first.ask(get)) == 404);
  CHECK(status(second.ask(get)) == 404);
  RawSocket third = running.connect();
  third.send(get);
  for (int i = 0; i != 50; ++i) {  // time enough to serve another
    CHECK(status(first.ask(get)) == 404);
    CHECK(status(second.ask(get)) == 404);
  }
  CHECK_FALSE(third.readable(0ms));
  first.close();
  CHECK(status(third.receive()) == 404);
}

TEST_CASE("a store that blocks delays no other request if there are store threads", "[server]") {
  ServerOptions options = with_threads(1);
  options.store_threads = 2;
  Running running(options);
  RawSocket waits = running.connect();
  waits.send(post(slow_body) + post(good_body) + get);
  running.parties.store.wait_for_insert();
  RawSocket other = running.connect();
  CHECK(status(other.ask(post(good_body))) == 201);
  CHECK(status(other.ask(get)) == 404);
  CHECK_FALSE(waits.readable(50ms));
  running.parties.store.open();
  CHECK(status(waits.receive()) == 201);  // in the order of the requests
  CHECK(status(waits.receive()) == 201);
  CHECK(status(waits.receive()) == 404);
  CHECK(running.parties.store.kept == 3);
}

TEST_CASE("a peer that leaves while the store works, and a policy that throws there, affect no other", "[server]") {
  ServerOptions options = with_threads(1);
  options.store_threads = 1;
  Running running(options);
  RawSocket gone = running.connect();
  gone.send(post(slow_body));
  running.parties.store.wait_for_insert();
  gone.reset();
  running.parties.store.open();
  RawSocket socket = running.connect();
  const auto received =
      socket.ask(post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"broken"})"));
  REQUIRE(status(received) == 500);
  CHECK(status(socket.ask(post(good_body))) == 201);
  CHECK(running.parties.store.kept == 2);
}

TEST_CASE("a stop lets requests in progress end, ends idle connections, and accepts no more", "[server]") {
  ServerOptions options = with_threads(2);
  options.store_threads = GENERATE(0u, 1u);
  Running running(options);
  RawSocket idle = running.connect();
  CHECK(status(idle.ask(get)) == 404);
  RawSocket busy = running.connect();
  busy.send(post(slow_body) + get);
  running.parties.store.wait_for_insert();
  running.server.stop();
  running.server.stop();
  CHECK(idle.closed());
  const auto refused = [&] {
    for (int i = 0; i != 100; ++i) {
      try {
        RawSocket socket = running.connect();
      } catch (const std::system_error&) {
        return true;
      }
      std::this_thread::sleep_for(10ms);
    }
    return false;
  };
  CHECK(refused());
  CHECK_FALSE(running.ended);
  running.parties.store.open();
  CHECK(statuses(busy.receive_all()) == "201 close");
  busy.close();
  running.join();
  CHECK(running.ended);
  CHECK(running.parties.store.kept == 1);
}

TEST_CASE("a stop waits for a peer no longer than its grace", "[server]") {
  ServerOptions options;
  options.stop_grace = 100ms;
  Running running(options);
  RawSocket socket = running.connect();
  socket.send(post(good_body).substr(0, 30));
  std::this_thread::sleep_for(20ms);
  running.server.stop();
  running.join();
  CHECK(running.ended);
  CHECK(socket.receive_all().empty());
}

TEST_CASE("a server that was stopped before it ran ends at once, and one that never ran can be destroyed", "[server]") {
  test::Parties parties;
  Server server(parties.endpoint);
  server.stop();
  server.run();
  Server never(parties.endpoint);
  const RawSocket waits(never.port());
}

TEST_CASE("a policy that throws turns its request into a 500, and other requests are not affected", "[server]") {
  const Running running;
  RawSocket socket = running.connect();
  for (const std::string& request :
       {post(good_body, {}, "throws"),
        post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"broken"})")}) {
    const auto received = socket.ask(request);
    REQUIRE(status(received) == 500);
    CHECK(received->response.body == R"({"errorType":"Internal Server Error"})");
    CHECK(status(socket.ask(post(good_body))) == 201);
  }
}

TEST_CASE("many connections on many threads each get their own responses", "[server]") {
  const Running running(with_threads(4));
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int i = 0; i != 8; ++i) {
    clients.emplace_back([&] {
      RawSocket socket = running.connect();
      for (int request = 0; request != 100; ++request) {
        if (status(socket.ask(request % 2 == 0 ? post(good_body) : get)) == (request % 2 == 0 ? 201 : 404)) ++right;
      }
    });
  }
  for (auto& client : clients) client.join();
  CHECK(right == 800);
  CHECK(running.parties.store.kept == 400);
}
