// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/http.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A server's end of a TCP connection, which does what its script says and nothing else. Every call ends within
/// 10 seconds, at once when the server stops, or when the peer has sent 128 MiB that were not read. POSIX only.
class ScriptedConnection {
 public:
  /// The unit of the times that calls take.
  using Duration = std::chrono::milliseconds;

  /// Takes the socket, which it closes.
  explicit ScriptedConnection(int fd) noexcept : fd_(fd) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ScriptedConnection(const ScriptedConnection&) = delete;
  ScriptedConnection& operator=(const ScriptedConnection&) = delete;
  ~ScriptedConnection() { close(); }

  /// Reads one whole request, its body by `content-length` or chunked without trailers. A peer that expects it gets 100
  /// Continue. Nothing if the peer ends before, is silent, or sends anything that is not HTTP/1.1.
  std::optional<Request> read_request() {
    const auto end = Clock::now() + timeout;
    const auto head = take_through("\r\n\r\n", end);
    if (!head) return std::nullopt;
    auto request = take_apart(*head);
    if (!request) return std::nullopt;
    const auto& fields = request->fields;
    if (detail::equals_ignoring_case(fields.get("expect"), "100-continue")) {
      if (!send("HTTP/1.1 100 Continue\r\n\r\n")) return std::nullopt;
    }
    if (detail::equals_ignoring_case(fields.get("transfer-encoding"), "chunked")) {
      if (!take_chunks(request->body, end)) return std::nullopt;
    } else if (fields.count("content-length") != 0) {
      const auto length = number(fields.get("content-length"), 10);
      if (!length || !take(request->body, *length, end)) return std::nullopt;
    }
    return request;
  }

  /// Sends all; false if the peer does not take it.
  bool send(std::string_view bytes) {
    const auto end = Clock::now() + timeout;
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (!wait(POLLOUT, end)) return false;
      } else if (errno != EINTR) {
        return false;
      }
    }
    return true;
  }

  /// The connection's socket, for a script that speaks another protocol. In the script's thread.
  [[nodiscard]] int fd() const noexcept { return fd_; }

  /// Every byte that was received so far, those of requests that were read included.
  [[nodiscard]] const std::string& received() const noexcept { return received_; }

  /// Whether there is more to read, or more arrives within `time`.
  bool wait_for_more(Duration time) { return received_.size() != taken_ || fill(end_of(time)); }

  /// Whether the peer closes or resets within `time`. What it sends before is appended to `received`.
  bool wait_for_close(Duration time) {
    const auto end = end_of(time);
    while (fill(end) && Clock::now() < end) {
    }
    return ended_;
  }

  /// Closes the connection.
  void close() {
    const std::lock_guard lock(mutex_);
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  /// Closes so that the peer is reset.
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  /// Ends the connection and the call that waits in it. From any thread.
  void stop() {
    const std::lock_guard lock(mutex_);
    if (fd_ >= 0) ::shutdown(fd_, SHUT_RDWR);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr Duration timeout{10000};
  static constexpr std::size_t max_unread = std::size_t{128} << 20;

  static Clock::time_point end_of(Duration time) { return Clock::now() + (std::min)(time, timeout); }

  static std::optional<std::size_t> number(std::string_view digits, int base) {
    std::size_t value = 0;
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || rest != digits.data() + digits.size() || value > 64 << 20) return std::nullopt;
    return value;
  }

  bool wait(short events, Clock::time_point end) {
    for (;;) {
      const auto left = std::chrono::ceil<Duration>(end - Clock::now()).count();
      pollfd one{fd_, events, 0};
      const int ready = ::poll(&one, 1, left > 0 ? static_cast<int>(left) : 0);
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }

  // Receives something; false at the end, after a reset or a timeout.
  bool fill(Clock::time_point end) {
    if (ended_ || fd_ < 0 || received_.size() - taken_ > max_unread || !wait(POLLIN, end)) return false;
    char piece[16384];
    const ssize_t size = ::recv(fd_, piece, sizeof piece, 0);
    if (size > 0) {
      received_.append(piece, static_cast<std::size_t>(size));
      return true;
    }
    ended_ = true;
    return false;
  }

  bool take(std::string& out, std::size_t size, Clock::time_point end) {
    while (received_.size() - taken_ < size) {
      if (!fill(end) || Clock::now() > end) return false;
    }
    out.append(received_, taken_, size);
    taken_ += size;
    return true;
  }

  std::optional<std::string> take_through(std::string_view mark, Clock::time_point end) {
    while (received_.find(mark, taken_) == std::string::npos) {
      if (!fill(end) || Clock::now() > end) return std::nullopt;
    }
    const std::size_t found = received_.find(mark, taken_);
    std::string out;
    take(out, found + mark.size() - taken_, end);
    return out;
  }

  bool take_chunks(std::string& body, Clock::time_point end) {
    for (;;) {
      const auto line = take_through("\r\n", end);
      if (!line) return false;
      const auto size = number(line->substr(0, line->size() - 2), 16);
      if (!size || !take(body, *size, end)) return false;
      const auto after = take_through("\r\n", end);  // of the last one: the end of the message, without trailers
      if (after != "\r\n") return false;
      if (*size == 0) return true;
    }
  }

  static std::optional<Request> take_apart(std::string_view head) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || !line.ends_with(" HTTP/1.1") || line.size() < space + 10) return {};
    Request request;
    request.method = line.substr(0, space);
    request.target = line.substr(space + 1, line.size() - space - 10);
    for (head.remove_prefix(line.size() + 2); head != "\r\n";) {
      const std::string_view field = head.substr(0, head.find("\r\n"));
      const std::size_t colon = field.find(':');
      if (colon == std::string_view::npos) return std::nullopt;
      if (!request.fields.add(field.substr(0, colon), field.substr(colon + 1))) return std::nullopt;
      head.remove_prefix(field.size() + 2);
    }
    return request;
  }

  std::string received_;
  std::size_t taken_ = 0;  // how much of it was read as requests
  bool ended_ = false;
  std::mutex mutex_;
  int fd_;  // changed under the mutex, and by the script's thread only
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
