// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The part of an `HttpConnection` that knows nothing of HTTP: its socket, its strand, its timers, and the completion
// handlers that keep it alive.

#include <droplit/detail/config.hpp>
#include <droplit/server/detail/connections.hpp>
#include <droplit/server/detail/moving_deadline.hpp>
#include <droplit/server/detail/server_types.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The base of `Connection`, which has `close()` and `expire()`. It lives as long as one of its asynchronous operations
/// is pending, whose handlers own it. They run on its strand, or without one if there is only one serving thread.
template <class Connection, class Clock>
class ConnectionIo : public std::enable_shared_from_this<Connection>, public ConnectionEntry<Clock> {
 public:
  using ErrorCode = boost::system::error_code;
  using OnEnd = std::function<void(ConnectionEntry<Clock>&)>;

  ConnectionIo(const ConnectionIo&) = delete;
  ConnectionIo& operator=(const ConnectionIo&) = delete;

  /// Where it runs; also the executor of what an async handler does for it.
  template <class Executor>
  [[nodiscard]] Executor executor() {
    if (strand_) return *strand_;
    return socket_.get_executor();
  }

  /// Calls `call(connection)` on the strand.
  template <class F>
  void post(F call) {
    boost::asio::post(socket_.get_executor(), handler(call));
  }

 protected:
  /// `on_end`: called when nothing of the connection uses the server any more, on any thread. It must live that long.
  ConnectionIo(ServerSocket socket, bool has_strand, const OnEnd& on_end)
      : end_{*this, on_end},
        socket_(std::move(socket)),
        strand_(has_strand ? std::make_unique<const ServerStrand>(socket_.get_executor()) : nullptr),
        deadline_(socket_.get_executor()) {}
  ~ConnectionIo() = default;

  /// A completion handler that calls `call(connection, arguments...)`. An exception, for lack of memory, closes the
  /// connection; dispatching is repeated until it succeeds, since a lost handler would leave the connection open.
  template <class F>
  auto handler(F call) {
    return [self = this->shared_from_this(), call](auto... arguments) {
      const auto run = [self, call, arguments...] {
        try {
          call(*self, arguments...);
        } catch (...) {
          self->close();
        }
      };
      if (!self->strand_) return run();
      until_done([&] { boost::asio::dispatch(*self->strand_, run); });
    };
  }

  ServerSocket& socket() noexcept { return socket_; }

  void set_up_socket() {
    ErrorCode ignored;
    socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
  }

  /// Calls `call(connection, error)` once there is something to read, or the end of the connection to be seen.
  template <class F>
  void await_input(F call) {
    socket_.async_wait(ServerSocket::wait_read, handler(call));
  }

  /// Ends that wait, with an error if there is nothing yet.
  void cancel_wait() {
    ErrorCode ignored;
    socket_.cancel(ignored);
  }

  /// Reads what has arrived; `would_block` if nothing has.
  std::size_t read_some(boost::asio::mutable_buffer buffer, ErrorCode& error) {
    return socket_.read_some(buffer, error);
  }

  /// The error that a read would have.
  ErrorCode peek() {
    std::array<char, 1> byte;
    ErrorCode error;
    socket_.receive(boost::asio::buffer(byte), ServerSocket::message_peek, error);
    return error;
  }

  /// Whether bytes wait in the kernel.
  bool has_unread() { return !peek(); }

  /// Writes what the kernel takes at once, and returns how much that is: nothing if the connection has failed, which
  /// the next write meets again.
  std::size_t write_some(std::string_view bytes) {
    ErrorCode ignored;
    return socket_.write_some(boost::asio::buffer(bytes.data(), bytes.size()), ignored);
  }

  /// Writes all of `bytes`, then calls `call(connection)`; closes the connection if that fails. Not by `async_write`,
  /// whose steps after the first would be begun by any thread.
  template <class F>
  void write(std::string_view bytes, F call) {
    socket_.async_write_some(boost::asio::buffer(bytes.data(), bytes.size()),
                             handler([bytes, call](Connection& connection, ErrorCode error, std::size_t size) {
                               ConnectionIo& self = connection;
                               if (error) return connection.close();
                               if (size != bytes.size()) return self.write(bytes.substr(size), call);
                               call(connection);
                             }));
  }

  void end_sending() {
    ErrorCode ignored;
    socket_.shutdown(ServerSocket::shutdown_send, ignored);
  }

  /// Closing resets, and drops what the kernel has not sent.
  void drop_unsent() {
    ErrorCode ignored;
    socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  }

  /// Calls `call(connection)` later; one call at a time.
  template <class F>
  void pause(std::chrono::milliseconds time, F call) {
    if (!pause_) pause_ = std::make_unique<ServerTimer<ServerExecutor, Clock>>(socket_.get_executor());
    pause_->expires_after(time);
    pause_->async_wait(handler([call](Connection& self, ErrorCode) { call(self); }));
  }

  /// Reads and drops what arrives, then closes: at the end of it, or after more than `most` bytes.
  void drop_input(std::size_t most) {
    await_input([most](Connection& self, ErrorCode error) {
      std::array<char, 16'384> dropped;
      const std::size_t size = error ? 0 : self.read_some(boost::asio::buffer(dropped), error);
      if ((error && error != boost::asio::error::would_block) || size > most) return self.close();
      self.drop_input(most - size);
    });
  }

  /// Has `expire` called when the deadline is reached, in place of the one before.
  void set_deadline(typename Clock::time_point deadline) {
    if (deadline_.move_to(deadline)) await_deadline();
  }

  void close_socket() noexcept {
    closed_ = true;
    ErrorCode ignored;
    socket_.close(ignored);
    deadline_.cancel();
    try {
      if (pause_) pause_->cancel();
    } catch (...) {  // then it ends by itself
    }
  }

 private:
  struct End {
    ConnectionEntry<Clock>& connection;
    const OnEnd& call;
    ~End() { call(connection); }
  };

  void await_deadline() {
    deadline_.async_wait(handler([](Connection& connection, ErrorCode error) {
      ConnectionIo& self = connection;
      if (error || self.closed_) return;
      if (self.deadline_.is_reached()) return connection.expire();
      self.await_deadline();
    }));
  }

  const End end_;  // destroyed after all others, which use the server
  ServerSocket socket_;
  const std::unique_ptr<const ServerStrand> strand_;  // null if there is only one serving thread
  MovingDeadline<Clock> deadline_;
  std::unique_ptr<ServerTimer<ServerExecutor, Clock>> pause_;
  bool closed_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
