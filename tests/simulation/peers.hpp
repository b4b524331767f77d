// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Peers that a server must bear: slow, silent, greedy, malformed. Each knows what the server has to do to it, and by
// when.
#pragma once

#include "network.hpp"
#include "server.hpp"
#include "transport.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

/// The limits of the simulated servers.
inline droplit::ServerOptions server_options(std::uint16_t port) {
  using std::chrono::milliseconds;
  droplit::ServerOptions options;
  options.port = port;
  options.max_connections = 24;
  options.max_memory = 4 * 1024 * 1024;
  options.head_deadline = milliseconds(2'000);
  options.body_grace = milliseconds(2'000);
  options.body_rate = 1024;
  options.body_deadline = milliseconds(20'000);
  options.idle_deadline = milliseconds(10'000);
  options.write_deadline = milliseconds(3'000);
  options.linger_deadline = milliseconds(1'000);
  options.stop_grace = milliseconds(2'000);
  return options;
}

class Peer {
 public:
  Peer(Server& server, std::uint16_t port) : server_(server), port_(port) {}

  static constexpr std::size_t kinds = 11;

  void run(std::size_t kind) {
    switch (kind) {
      case 0: return slow_head();
      case 1: return slow_body();
      case 2: return never_reads();
      case 3: return long_body();
      case 4: return endless();
      case 5: return empty_lines();
      case 6: return crowd();
      case 7: return pipelines();
      case 8: return padded_chunks();
      case 9: return floods_memory();
      default: return raw();
    }
  }

 private:
  static constexpr Nanos slack = 1500 * milli;  // of a slow network

  std::shared_ptr<End> connect() {
    auto end = network().connect(port_);
    for (int i = 0; end && i != 30; ++i) {  // until it is accepted
      const auto peer = end->peer();
      if (peer && peer->owner != nullptr) return end;
      scheduler().sleep(10 * milli);
    }
    if (end) end->close();
    return nullptr;
  }

  static Random& random() noexcept { return scheduler().random(); }
  static Nanos now() noexcept { return scheduler().now(); }

  // Whether what is seen says something of the server.
  [[nodiscard]] bool counts(const std::shared_ptr<End>& end) const {
    const auto peer = end->peer();
    return server_.is_running() && !end->was_cut && peer && peer->owner == &server_.process;
  }
  void expect(bool good, const std::shared_ptr<End>& end, const char* what) const {
    if (!good && counts(end)) findings().add(what);
  }

  static bool is_over(const End& end) { return end.is_reset || end.has_end; }

  static bool send(const std::shared_ptr<End>& end, std::string_view bytes, Nanos until) {
    while (!bytes.empty()) {
      bytes.remove_prefix(end->send(bytes));
      if (bytes.empty()) return true;
      if (!scheduler().wait_for(end->waiters, until, [&] { return end->room() != 0 || end->is_reset; })) return false;
      if (end->is_reset) return false;
    }
    return true;
  }

  // One response, or what came of it.
  static std::string read_one(const std::shared_ptr<End>& end, Nanos until) {
    std::string text;
    for (;;) {
      const auto head = text.find("\r\n\r\n");
      const auto length = text.find("content-length: ");
      if (head != std::string::npos && length < head && text.size() >= head + 4 + std::stoul(text.substr(length + 16)))
        return text;
      const std::string more = read_some(end, until);
      if (more.empty()) return {};
      text += more;
    }
  }

  // All that comes until the server ends.
  static std::string read_all(const std::shared_ptr<End>& end, Nanos until) {
    std::string text;
    for (;;) {
      text += end->read(1 << 20);
      if (is_over(*end) && end->unread.empty()) return text;
      if (!scheduler().wait_for(end->waiters, until, [&] { return !end->unread.empty() || is_over(*end); }))
        return text;
    }
  }

  static std::string read_some(const std::shared_ptr<End>& end, Nanos until) {
    scheduler().wait_for(end->waiters, until, [&] { return !end->unread.empty() || is_over(*end); });
    return end->read(1 << 20);
  }

  static std::string good(std::string_view fields = {}) {
    return "POST /api/clients HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nauthorization: account\r\n" +
           std::string(fields);
  }

  // One byte a while: the deadline of a head is for the whole.
  void slow_head() {
    const auto end = connect();
    if (!end) return;
    const std::string head = "GET / HTTP/1.1\r\nhost: a\r\nx-long: " + std::string(400, 'x');
    const Nanos begin = now();
    for (const char c : head) {
      if (is_over(*end)) break;
      end->send({&c, 1});
      scheduler().sleep(100 * milli);
      if (now() - begin > 2 * second + 2 * slack) break;
    }
    ++requests_sent();
    expect(is_over(*end) || end->is_reset, end, "a head that trickles is waited for too long");
    end->close();
  }

  void slow_body() {
    const auto end = connect();
    if (!end) return;
    send(end, good("content-length: 5000\r\n\r\n"), now() + second);
    ++requests_sent();
    const Nanos begin = now();
    while (!is_over(*end) && now() - begin < 2 * second + 2 * slack) {
      end->send("  ");
      scheduler().sleep(50 * milli);
    }
    expect(is_over(*end), end, "a body that trickles is waited for too long");
    end->close();
  }

  void never_reads() {
    const auto end = connect();
    if (!end) return;
    end->window = 200;
    std::string many;
    for (int i = 0; i != 20; ++i) many += "OPTIONS /api/clients HTTP/1.1\r\nhost: a\r\n\r\n";
    requests_sent() += 20;
    send(end, many, now() + second);
    scheduler().wait_for(end->waiters, now() + 3 * second + slack, [&] { return end->is_reset; });
    expect(end->is_reset, end, "a peer that does not read is not reset");
    end->close();
  }

  // A body that is too long is refused before it was read, and the peer gets the refusal and then the end.
  void long_body() {
    const auto end = connect();
    if (!end) return;
    const std::size_t size = 300'000;
    send(end, good("content-length: " + std::to_string(size) + "\r\n\r\n"), now() + second);
    ++requests_sent();
    const Nanos begin = now();
    send(end, std::string(120'000, ' '), begin + 600 * milli);
    const std::string text = read_all(end, begin + 700 * milli);
    if (now() - begin < 900 * milli) {
      expect(text.starts_with("HTTP/1.1 413") || text.starts_with("HTTP/1.1 503"), end,
             "a body that is too long gets no 413");
      expect(end->has_end, end, "after the last response the server does not end its side");
    }
    end->close();
  }

  void endless() {
    const auto end = connect();
    if (!end) return;
    send(end, "POST / HTTP/2.7\r\n\r\n", now() + second);
    ++requests_sent();
    const std::string piece(32 * 1024, 'x');
    const Nanos until = now() + 900 * milli;
    std::size_t sent = 0;
    while (now() < until && !end->is_reset && sent < 3'000'000 && send(end, piece, until)) sent += piece.size();
    const auto peer = end->peer();
    expect(!peer || peer->received < 1'048'576 + 200'000, end,
           "what comes after the last response is read without a bound");
    end->close();
  }

  void empty_lines() {
    const auto end = connect();
    if (!end) return;
    for (int i = 0; i != 7 && !is_over(*end); ++i) {
      send(end, "\r\nGET /none HTTP/1.1\r\nhost: a\r\n\r\n", now() + second);
      ++requests_sent();
      const std::string text = read_one(end, now() + second);
      if (end->is_reset || text.empty() || text.starts_with("HTTP/1.1 503")) break;
      expect(text.starts_with("HTTP/1.1 404"), end, "an empty line before each request of a connection is refused");
      if (random().one_in(2)) scheduler().sleep(random().between(0, 50 * milli));
    }
    end->close();
  }

  // More connections than are served.
  void crowd() {
    std::vector<std::shared_ptr<End>> ends;
    for (int i = 0; i != 30; ++i) {
      if (auto end = network().connect(port_)) ends.push_back(std::move(end));
      if (!ends.empty() && random().one_in(2)) ends.back()->send("GE");
      scheduler().sleep(random().between(0, milli));
    }
    requests_sent() += ends.size();
    scheduler().sleep(random().between(second, 2 * second));
    if (server_.is_running() && server_.watch.most_open > 24)
      findings().add("more connections are served than allowed");
    for (const auto& end : ends) end->close();
  }

  void pipelines() {
    const auto end = connect();
    if (!end) return;
    std::string many;
    for (int i = 0; i != 120; ++i) many += "GET /none HTTP/1.1\r\nhost: a\r\n\r\n";
    requests_sent() += 120;
    send(end, many, now() + second);
    scheduler().sleep(50 * milli);
    read_some(end, now() + second);
    if (server_.watch.most_writes_in_turn > 4) findings().add("requests that are pipelined keep others waiting");
    end->close();
  }

  void padded_chunks() {
    const auto end = connect();
    if (!end) return;
    send(end, good("transfer-encoding: chunked\r\n\r\n"), now() + second);
    ++requests_sent();
    const bool padded = random().one_in(2);
    std::string body;
    for (int i = 0; i != 3000; ++i) body += padded ? "0000000000000001\r\n \r\n" : "1\r\n \r\n";
    send(end, body + "0\r\n\r\n", now() + second);
    const std::string text = read_one(end, now() + 2 * second);
    if (!end->is_reset && !text.empty()) {
      const bool is_400 = text.starts_with("HTTP/1.1 400");
      const bool closes = text.find("connection: close") != std::string::npos;
      if (!text.starts_with("HTTP/1.1 503")) {
        expect(is_400, end, "a blank body in chunks is not refused");
        expect(closes == padded, end, padded ? "framing without a bound is read" : "chunks of a byte are refused");
      }
    }
    end->close();
  }

  void floods_memory() {
    std::vector<std::shared_ptr<End>> ends;
    for (int i = 0; i != 20; ++i) {
      auto end = connect();
      if (!end) continue;
      send(end, good("content-length: 200000\r\n\r\n{"), now() + second);
      ends.push_back(std::move(end));
    }
    requests_sent() += ends.size();
    for (int i = 0; i != 10; ++i) {
      for (const auto& end : ends) end->send(std::string(10'000, ' '));
      scheduler().sleep(30 * milli);
    }
    scheduler().sleep(300 * milli);
    std::size_t held = 0;
    for (const auto& end : ends) {
      const auto peer = end->peer();
      if (peer && !is_over(*end) && !peer->is_closed) held += peer->received - peer->unread.size();
    }
    if (server_.is_running() && 5 * held > 4 * 1024 * 1024 + 5 * 24 * 20'000) {
      findings().add("long requests of many connections take more memory than allowed");
    }
    for (const auto& end : ends) end->close();
  }

  // Requests whose response is known.
  void raw() {
    struct Known {
      std::string body;
      const char* status;
    };
    const std::string eco = R"({"ecosystemId":"C594b89aea18568c408c3ad24")";
    const std::array<Known, 6> known{{
        {eco + R"(,"type":"server","name":"\uD800\uE000"})", "400"},
        {eco + R"(,"type":"server","name":"\uDC00"})", "400"},
        {eco + R"(,"type":"Server"})", "400"},
        {eco + R"(,"type":"server","name":"a\u0000b"})", "400"},
        {eco + R"(,"type":"server","name":7})", "400"},
        {eco + "}", "400"},
    }};
    const auto end = connect();
    if (!end) return;
    for (int i = 0; i != 6; ++i) {
      const Known& one = known[random().below(known.size())];
      send(end, good("content-length: " + std::to_string(one.body.size()) + "\r\n\r\n" + one.body), now() + second);
      ++requests_sent();
      const std::string text = read_one(end, now() + second);
      if (end->is_reset || text.empty() || text.starts_with("HTTP/1.1 503")) break;
      expect(text.substr(9, 3) == one.status, end, "a body is judged wrongly");
    }
    end->close();
  }

  Server& server_;
  std::uint16_t port_;
};

}  // namespace sim
