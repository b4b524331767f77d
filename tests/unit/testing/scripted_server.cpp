// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/testing/scripted_server.hpp>

#include <droplit/testing/transport_contract.hpp>
#include <droplit/transport.hpp>

#include "support/catch.hpp"
#include "support/socket.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace droplit;
using namespace std::chrono_literals;
using test::RawSocket;

constexpr std::string_view token = "token";

/// How requests are written.
enum class Style { sized, chunked, expecting, kept };

/// The plainest transport over a socket, with its own server.
class SocketTransport {
 public:
  SocketTransport(TransportPeer& peer, Style style) : style_(style), server_(peer_script(peer)) {}

  void go_away() { server_.stop_listening(); }

  Outcome<Response> send(const Request& request) {
    if (!is_sendable(request)) return Fault(FaultSource::transport, Fate::not_sent, "cannot be written");
    try {
      if (!socket_) socket_.emplace(server_.port());
    } catch (const std::system_error&) {
      return Fault(FaultSource::transport, Fate::not_sent, "connect");
    }
    auto answer = exchange(request);
    if (!answer || style_ != Style::kept) socket_.reset();
    if (!answer) return Fault(FaultSource::transport, Fate::maybe_applied, "no answer");
    Response& response = answer->response;
    if (response.body.size() <= 1 << 20) return std::move(response);
    return Fault::unknown_response(response.status, "too long", response.body);
  }

 private:
  std::optional<test::WireResponse> exchange(const Request& request) {
    std::string head = request.method + ' ' + request.target + " HTTP/1.1\r\nhost: localhost\r\nauthorization: ";
    head.append(token).append("\r\n").append(request.fields.lines());
    if (style_ == Style::chunked) {
      socket_->send(head + "transfer-encoding: chunked\r\n\r\n");
      for (std::string_view rest = request.body; !rest.empty(); rest.remove_prefix(std::min(rest.size(), max_chunk))) {
        const std::string_view chunk = rest.substr(0, max_chunk);
        char size[8];
        const auto end = std::to_chars(size, size + sizeof size, chunk.size(), 16).ptr;
        socket_->send(std::string(size, end).append("\r\n").append(chunk).append("\r\n"));
      }
      return socket_->ask("0\r\n\r\n");
    }
    head += "content-length: " + std::to_string(request.body.size()) + "\r\n";
    if (style_ != Style::expecting) return socket_->ask(head + "\r\n" + request.body);
    const auto interim = socket_->ask(head + "expect: 100-continue\r\n\r\n");
    if (!interim || interim->response.status != 100) return std::nullopt;
    return socket_->ask(request.body);
  }

  static constexpr std::size_t max_chunk = 50'000;

  Style style_;
  ScriptedServer server_;
  std::optional<RawSocket> socket_;
};

/// What scripts saw, for the test.
template <class T>
class Seen {
 public:
  void add(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
  }
  std::vector<T> all() const {
    const std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<T> values_;
};

bool can_connect(std::uint16_t port) {
  try {
    RawSocket socket(port);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace

TEST_CASE("a transport over sockets keeps the contract, however it frames its requests") {
  for (const Style style : {Style::sized, Style::chunked, Style::expecting, Style::kept}) {
    CAPTURE(int(style));
    CHECK(check_transport_contract([style](TransportPeer& peer) { return SocketTransport(peer, style); }, token));
  }
}

TEST_CASE("requests of one connection come one after another, with every field as it was sent") {
  Seen<std::optional<Request>> seen;
  ScriptedServer server([&](ScriptedConnection& connection) {
    while (const auto request = connection.read_request()) {
      seen.add(request);
      connection.send(to_http({200, {}, "x", false}));
    }
    seen.add(std::nullopt);
  });
  RawSocket socket(server.port());
  const std::string first = "PUT /a?b HTTP/1.1\r\nHost: h\r\nX-Two:  1 \r\nx-two:\r\ncontent-length: 2\r\n\r\n\r\n";
  const std::string second = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
  const auto one = socket.ask(first + second);
  REQUIRE(one);
  CHECK(one->head == "HTTP/1.1 200 Scripted\r\ncontent-length: 1\r\n\r\n");
  CHECK(one->response.body == "x");
  REQUIRE(socket.receive());
  socket.finish_sending();
  CHECK(socket.closed());
  const auto all = seen.all();
  REQUIRE(all.size() == 3);
  CHECK(all[0]->method == "PUT");
  CHECK(all[0]->target == "/a?b");
  CHECK(all[0]->fields.lines() == "Host: h\r\nX-Two: 1\r\nx-two: \r\ncontent-length: 2\r\n");
  CHECK(all[0]->body == "\r\n");
  CHECK(all[1]->method == "GET");
  CHECK(all[1]->body.empty());
  CHECK_FALSE(all[2]);
  CHECK(server.accepted() == 1);
}

TEST_CASE("what is no request, or not a whole one, is not returned as one") {
  Seen<bool> seen;
  Seen<std::string> received;
  ScriptedServer server([&](ScriptedConnection& connection) {
    seen.add(connection.read_request().has_value());
    received.add(connection.received());
  });
  std::size_t sent = 0;
  for (const std::string_view bytes :
       {"", "POST / HTTP/1.1\r\nhost: h\r\n", "POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab", "POST /\r\n\r\n",
        "POST / HTTP/1.0\r\n\r\n", "POST HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nz\r\n\r\n"}) {
    RawSocket socket(server.port());
    socket.send(bytes);
    socket.finish_sending();
    socket.receive_all();
    CHECK(seen.all() == std::vector<bool>(++sent, false));
    CHECK(received.all().back() == bytes);
  }
}

TEST_CASE("a script closes, resets and sees who closes") {
  Seen<bool> seen;
  ScriptedServer server([&](ScriptedConnection& connection) {
    const auto request = connection.read_request();
    if (!request) return;
    if (request->target == "/close") connection.close();
    if (request->target == "/reset") connection.reset();
    if (request->target == "/open") seen.add(connection.wait_for_close(20ms));
    if (request->target == "/open") connection.send(to_http({204, {}, {}, true}));
    if (request->target == "/open") seen.add(connection.wait_for_close(10s));
  });
  const auto get = [](std::string_view target) { return "GET " + std::string(target) + " HTTP/1.1\r\n\r\n"; };
  RawSocket closed(server.port());
  CHECK_FALSE(closed.ask(get("/close")));
  CHECK(closed.ended());
  CHECK_FALSE(closed.was_reset());
  RawSocket reset(server.port());
  CHECK_FALSE(reset.ask(get("/reset")));
  CHECK(reset.was_reset());
  RawSocket open(server.port());
  const auto answer = open.ask(get("/open"));
  REQUIRE(answer);
  CHECK(answer->head == "HTTP/1.1 204 Scripted\r\nconnection: close\r\n\r\n");
  open.finish_sending();
  CHECK(open.closed());
  CHECK(seen.all() == std::vector<bool>{false, true});
  CHECK(server.accepted() == 3);
}

TEST_CASE("a peer that does not cease to send holds up no call of a script") {
  Seen<bool> seen;
  std::atomic<bool> ended = false;
  ScriptedServer server([&](ScriptedConnection& connection) {
    seen.add(connection.wait_for_close(20ms));        // after which there is more to read, all the time
    seen.add(connection.read_request().has_value());  // after 10 s, or 128 MiB
    ended = true;
  });
  RawSocket endless(server.port());
  const std::string piece(65536, 'x');
  while (!ended && endless.send(piece)) {
  }
  CHECK(seen.all() == std::vector<bool>{false, false});
}

TEST_CASE("a server that stops listening ends its connections, and no client can connect any more") {
  ScriptedServer server([](ScriptedConnection& connection) {
    while (connection.read_request()) connection.send(to_http({204, {}, {}, false}));
  });
  CHECK(server.url() == "http://127.0.0.1:" + std::to_string(server.port()));
  RawSocket idle(server.port());
  RawSocket busy(server.port());
  REQUIRE(idle.ask("GET / HTTP/1.1\r\n\r\n"));
  REQUIRE(busy.ask("GET / HTTP/1.1\r\n\r\n"));
  busy.send("GET / HTTP/1.1\r\n");
  server.stop_listening();
  CHECK(idle.closed());
  CHECK(busy.closed());
  CHECK_FALSE(can_connect(server.port()));
  server.stop_listening();
  CHECK(server.accepted() == 2);
}

TEST_CASE("a script may stop its server, and then no caller waits for a script any longer") {
  std::atomic<ScriptedServer*> self = nullptr;
  ScriptedServer server([&](ScriptedConnection& connection) {
    if (connection.read_request()) self.load()->stop_listening();
    connection.wait_for_close(10s);
  });
  self = &server;
  RawSocket waiting(server.port());
  RawSocket stopping(server.port());
  stopping.send("GET / HTTP/1.1\r\n\r\n");
  CHECK(stopping.closed());
  CHECK(waiting.closed());
  CHECK_FALSE(can_connect(server.port()));
}
