// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/server/detail/read_pacing.hpp>

#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/socket.hpp"
#include "support/test_server.hpp"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace {

using droplit::detail::ReadPacing;

std::uint16_t port_of(const sockaddr_in& address) { return ntohs(address.sin_port); }

/// The descriptor of the connection that this process accepted at `port`, or -1.
int accepted_socket(std::uint16_t port) {
  for (int fd = 0; fd != 1024; ++fd) {
    sockaddr_in here{};
    sockaddr_in there{};
    socklen_t size = sizeof here;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&here), &size) != 0 || port_of(here) != port) continue;
    size = sizeof there;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&there), &size) == 0) return fd;
  }
  return -1;
}

}  // namespace

TEST_CASE("of a head that comes in single bytes a server reads several at once, after the first", "[read_pacing]") {
  using namespace std::chrono_literals;
  droplit::ServerOptions options;
  options.head_deadline = 24h;
  options.max_head = 1'048'576;
  test::Parties parties;
  droplit::BeastServer<test::TestEndpoint> server(parties.endpoint, options);
  std::thread thread([&] { server.run(); });
  {
    test::RawSocket socket(server.port());
    CHECK(socket.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    const int accepted = accepted_socket(server.port());
    REQUIRE(accepted >= 0);
    socket.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    int samples = 0;
    int waiting = 0;
    for (int sent = 0; samples != 200 && sent != 1'000'000; ++sent) {
      const auto start = std::chrono::steady_clock::now();
      socket.send("x");
      std::this_thread::sleep_for(1ms);
      int unread = 0;
      REQUIRE(::ioctl(accepted, FIONREAD, &unread) == 0);
      if (std::chrono::steady_clock::now() - start > ReadPacing::pause / 2) continue;  // too late to see a pause
      ++samples;
      if (unread != 0) ++waiting;
    }
    CHECK(samples == 200);
    CHECK(waiting > 50);  // without pauses each byte is read at once
    const auto received = socket.ask("\r\n\r\n");
    REQUIRE(received);
    CHECK(received->response.status == 404);
  }
  server.stop();
  thread.join();
}

TEST_CASE("a request of which little is read each time gets pauses, until more is read or its response is written",
          "[read_pacing]") {
  ReadPacing pacing;
  for (const int large : {0, 0, 100}) {
    for (int i = 0; i != large; ++i) pacing.has_read(ReadPacing::small_read);
    for (unsigned i = 0; i != ReadPacing::max_small_reads; ++i) {
      CHECK_FALSE(pacing.needs_pause());
      pacing.has_read(ReadPacing::small_read - 1);
    }
    CHECK_FALSE(pacing.needs_pause());
    pacing.has_read(1);
    CHECK(pacing.needs_pause());
    pacing.has_read(ReadPacing::small_read);
    CHECK_FALSE(pacing.needs_pause());
    pacing.has_read(1);
    CHECK(pacing.needs_pause());
    pacing.has_responded();
    CHECK_FALSE(pacing.needs_pause());
  }
}
