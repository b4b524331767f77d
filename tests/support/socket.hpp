// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/http.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace test {

/// A response as it came over a socket.
struct WireResponse {
  std::string head;            ///< status line and fields, the empty line included
  droplit::Response response;  ///< the same taken apart; `close` says that it had `connection: close`
};

/// A TCP connection that sends the bytes it is given and no others. Every call ends within `timeout`.
class RawSocket {
 public:
  using Duration = std::chrono::milliseconds;

  explicit RawSocket(std::uint16_t port, std::string_view host = "127.0.0.1", Duration timeout = Duration(10000))
      : timeout_(timeout) {
    const bool six = host.find(':') != std::string_view::npos;
    fd_ = ::socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) fail("socket");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_storage address{};
    socklen_t size = 0;
    if (six) {
      auto& to = reinterpret_cast<sockaddr_in6&>(address);
      to.sin6_family = AF_INET6;
      to.sin6_port = htons(port);
      ::inet_pton(AF_INET6, std::string(host).c_str(), &to.sin6_addr);
      size = sizeof to;
    } else {
      auto& to = reinterpret_cast<sockaddr_in&>(address);
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      ::inet_pton(AF_INET, std::string(host).c_str(), &to.sin_addr);
      size = sizeof to;
    }
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
      const int error = errno;
      ::close(std::exchange(fd_, -1));
      errno = error;
      fail("connect");
    }
  }

  RawSocket(RawSocket&& other) noexcept
      : timeout_(other.timeout_),
        received_(std::move(other.received_)),
        fd_(std::exchange(other.fd_, -1)),
        reset_(other.reset_) {}
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket() { close(); }

  /// Sends all; false if the peer does not take it.
  bool send(std::string_view bytes) {
    const auto end = Clock::now() + timeout_;
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (!wait(POLLOUT, end)) return false;
      } else if (errno != EINTR) {
        return false;
      }
    }
    return true;
  }

  /// Reads one whole response, which must have a `content-length`; a 1xx has no body. Nothing if the peer closes,
  /// resets or is silent before its end. `to_head` for the response to a HEAD, which has no body either.
  std::optional<WireResponse> receive(bool to_head = false) {
    const auto end = Clock::now() + timeout_;
    while (received_.find("\r\n\r\n") == std::string::npos) {
      if (!fill(end)) return std::nullopt;
    }
    const std::size_t head_size = received_.find("\r\n\r\n") + 4;
    WireResponse answer;
    answer.head = received_.substr(0, head_size);
    if (!take_apart(answer)) return std::nullopt;
    std::size_t length = 0;
    const std::string_view announced = answer.response.fields.get("content-length");
    std::from_chars(announced.data(), announced.data() + announced.size(), length);
    if (to_head || answer.response.status < 200) length = 0;
    while (received_.size() < head_size + length) {
      if (!fill(end)) return std::nullopt;
    }
    answer.response.body = received_.substr(head_size, length);
    received_.erase(0, head_size + length);
    return answer;
  }

  /// Sends and reads the answer.
  std::optional<WireResponse> ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }

  /// Everything until the peer closes or resets, or the timeout expires.
  std::string receive_all() { return receive_all(timeout_); }
  std::string receive_all(Duration timeout) {
    const auto end = Clock::now() + timeout;
    while (fill(end)) {
    }
    return std::exchange(received_, {});
  }

  /// Whether the peer closes, or resets, without another byte.
  bool closed() {
    if (!received_.empty()) return false;
    const bool more = fill(Clock::now() + timeout_);
    return !more && ended_;
  }

  /// Whether a byte comes, or the end, within `time`.
  bool readable(Duration time) { return !received_.empty() || wait(POLLIN, Clock::now() + time); }

  [[nodiscard]] int native_handle() const noexcept { return fd_; }

  /// Whether the peer's end was seen while receiving.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  /// Whether it was a reset, which nothing that was sent had announced.
  [[nodiscard]] bool was_reset() const noexcept { return reset_; }

  /// Half-close: the peer reads an end, and its response can still be received.
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  /// Makes the kernel take little for us, so that a peer that sends us much must wait. Before the peer sends.
  void receive_slowly() {
    const int size = 65536;  // with much less the loopback's large packets come at 5 a second
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }

  /// Closes so that the peer gets a reset.
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[noreturn]] static void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

  bool wait(short events, Clock::time_point end) {
    for (;;) {
      const auto left = std::chrono::duration_cast<Duration>(end - Clock::now()).count();
      pollfd one{fd_, events, 0};
      const int ready = ::poll(&one, 1, left > 0 ? static_cast<int>(left) : 0);
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }

  // Receives something; false at the end, after a reset or a timeout.
  bool fill(Clock::time_point end) {
    if (ended_ || !wait(POLLIN, end)) return false;
    char piece[16384];
    const ssize_t size = ::recv(fd_, piece, sizeof piece, 0);
    if (size > 0) {
      received_.append(piece, static_cast<std::size_t>(size));
      return true;
    }
    ended_ = true;
    reset_ = size < 0;
    return false;
  }

  static bool take_apart(WireResponse& answer) {
    std::string_view rest = answer.head;
    if (!rest.starts_with("HTTP/1.1 ") || rest.size() < 12) return false;
    std::from_chars(rest.data() + 9, rest.data() + 12, answer.response.status);
    rest.remove_prefix(rest.find("\r\n") + 2);
    while (rest != "\r\n") {
      const std::string_view line = rest.substr(0, rest.find("\r\n"));
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos ||
          !answer.response.fields.add(line.substr(0, colon), droplit::detail::trim(line.substr(colon + 1)))) {
        return false;
      }
      rest.remove_prefix(line.size() + 2);
    }
    answer.response.close = answer.response.fields.get("connection") == "close";
    return true;
  }

  Duration timeout_;
  std::string received_;  // and not yet taken
  int fd_ = -1;
  bool ended_ = false;
  bool reset_ = false;
};

}  // namespace test
