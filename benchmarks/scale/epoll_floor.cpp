// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The least that a server of one thread can cost: an epoll loop that takes whatever arrives for one request, without
// reading it, and sends a fixed 201 of the length of the real one. It prints its URL, and serves until it is killed.
// With an argument it asks for each request to be waited for, as Asio does: one system call more.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(EXIT_FAILURE);
}

void watch(int poll, int fd, int operation = EPOLL_CTL_ADD) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(poll, operation, fd, &event) != 0) fail("epoll_ctl");
}

void accept_one(int poll, int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  watch(poll, fd);
}

std::string response() {
  const std::string_view body =
      R"({"id":"0123456789abcdef01234567","ecosystemId":"C594b89aea18568c408c3ad24","name":"Lobby Server 01",)"
      R"("type":"server","createdAt":"2026-01-01T00:00:00.000Z"})";
  return "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n" + std::string(body);
}

}  // namespace

int main(int argc, char**) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const where = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, where, size) != 0 || ::listen(listener, SOMAXCONN) != 0 ||
      ::getsockname(listener, where, &size) != 0) {
    fail("listen");
  }
  std::printf("listening on http://127.0.0.1:%u\n", static_cast<unsigned>(::ntohs(address.sin_port)));
  std::fflush(stdout);
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(poll, listener);
  const std::string out = response();
  std::array<epoll_event, 128> events;
  std::array<char, 16'384> in;
  for (;;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        accept_one(poll, listener);
      } else if (::recv(fd, in.data(), in.size(), 0) <= 0 || ::send(fd, out.data(), out.size(), MSG_NOSIGNAL) < 0) {
        ::close(fd);
      } else if (argc > 1) {
        watch(poll, fd, EPOLL_CTL_MOD);
      }
    }
  }
}
