// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The sockets, timers and threads around an `HttpSession`, by Boost.Asio; `BeastServer` makes one for each connection.
// A connection lives as long as one of its asynchronous operations is pending: their handlers own it. All its work runs
// on its strand, or without one if there is only one serving thread; only what may block runs on a store thread. While
// an async handler works, a `ResponseCallback` owns the connection.

#include <droplit/detail/config.hpp>
#include <droplit/handler.hpp>
#include <droplit/observer.hpp>
#include <droplit/server/detail/http_session.hpp>
#include <droplit/server/detail/memory_budget.hpp>
#include <droplit/server/detail/moving_deadline.hpp>
#include <droplit/server/detail/read_pacing.hpp>
#include <droplit/server/detail/response_callback.hpp>
#include <droplit/server/detail/server_types.hpp>
#include <droplit/server/server_options.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Moves the bytes of one connection between its socket and its `HttpSession`, and applies the deadlines. `Clock` is
/// replaced only in tests.
template <ServedHandler H, class Clock = std::chrono::steady_clock, Observer O = NoObserver>
class HttpConnection : public std::enable_shared_from_this<HttpConnection<H, Clock, O>> {
 public:
  using OnEnd = std::function<void(HttpConnection&)>;

  /// The bytes of a connection beside those of its head and its requests: this object, and what is read at once.
  static constexpr std::uint64_t own_memory = 20'480;

  /// `store_threads`: where handlers may block; if null, on the serving threads. `memory`: its share of the server's.
  /// `on_end`: called when nothing of the connection uses the server any more, on any thread.
  HttpConnection(H& handler, const ServerOptions& options, boost::asio::thread_pool* store_threads, ServerSocket socket,
                 MemoryShare memory, OnEnd on_end, O& observer = no_observer)
      : end_{*this, std::move(on_end)},
        options_(options),
        store_threads_(store_threads),
        socket_(std::move(socket)),
        strand_(options.threads > 1 ? std::optional(ServerStrand(socket_.get_executor())) : std::nullopt),
        deadline_(socket_.get_executor()),
        pause_(socket_.get_executor()),
        session_(handler, options.max_head, store_threads != nullptr, std::move(memory), observer, options.request_ids),
        buffer_(std::size_t{options.max_head} + read_size) {}

  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void start() {
    post([](HttpConnection& self) {
      ErrorCode ignored;
      self.socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
      self.socket_.non_blocking(true, ignored);
      self.advance();
    });
  }

  /// Ends at once if no request has begun, otherwise after its response.
  void finish() {
    session_.finish();
    post([](HttpConnection& self) {
      if (self.state_ == State::reading && self.action_ == Action::request) self.close();
    });
  }

  /// Ends at once, or when an async handler calls back.
  void abort() {
    post([](HttpConnection& self) {
      self.session_.cancel();
      self.close();
    });
  }

 private:
  friend ResponseCallback<HttpConnection>;

  using Session = HttpSession<H, O>;
  using Action = typename Session::Action;
  using ErrorCode = boost::system::error_code;

  enum class State : std::uint8_t { working, reading, writing, lingering, closed };

  static constexpr std::size_t read_size = 16'384;       // the most that is read at once
  static constexpr std::size_t first_read_size = 4'096;  // enough for nearly every request
  static constexpr std::size_t max_linger = 1'048'576;   // bytes that are dropped after the last response

  // A completion handler that keeps this alive and runs `call` on the strand. An exception, for lack of memory, closes
  // the connection; dispatching is repeated until it succeeds, since a lost handler would leave the connection open.
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

  template <class F>
  void post(F call) {
    boost::asio::post(socket_.get_executor(), handler(call));
  }

  void advance() {
    for (;;) {
      if (state_ == State::closed) return;
      state_ = State::working;
      std::size_t used = 0;
      const Action action =
          session_.advance({static_cast<const char*>(buffer_.data().data()), buffer_.data().size()}, used);
      buffer_.consume(used);
      if (action != Action::write) return act(action);
      pacing_.has_responded();
      action_ = action;
      if (!write(Action::write)) return;
      if (buffer_.size() != 0) return post([](HttpConnection& self) { self.advance(); });  // other connections first
    }
  }

  void act(Action action) {
    const bool same = action == action_;
    action_ = action;
    switch (action) {
      case Action::request: set_deadline(Clock::now() + options_.idle_deadline); break;
      case Action::head:
        if (!same) set_deadline(Clock::now() + options_.head_deadline);
        break;
      case Action::body:
        if (!same) body_start_ = Clock::now();
        set_deadline(body_start_ + body_time(options_, session_.body_size()));
        break;
      case Action::complete: return complete();
      default:
        if (write(Action::close)) linger();
        return;
    }
    state_ = State::reading;
    read(action == Action::body ? read_size : first_read_size);
  }

  void complete() {
    state_ = State::working;
    if constexpr (Session::is_async) {
      session_.complete(ResponseCallback<HttpConnection>(this->shared_from_this()));
    } else {
      boost::asio::post(*store_threads_, [self = this->shared_from_this()] {
        self->session_.complete();
        until_done([&self] { self->post([](HttpConnection& connection) { connection.advance(); }); });
      });
    }
  }

  void abandon() {
    if (state_ != State::closed) act(session_.abandon());
  }

  void read(std::size_t size) {
    reading_ = true;
    if (!pacing_.needs_pause()) return read_now(size);
    pause_.expires_after(ReadPacing::pause);
    pause_.async_wait(handler([size](HttpConnection& self, ErrorCode) { self.read_now(size); }));
  }

  void read_now(std::size_t size) {
    const auto room = buffer_.prepare((std::min)(size, buffer_.max_size() - buffer_.size()));
    socket_.async_read_some(room, handler([](HttpConnection& self, ErrorCode error, std::size_t got) {
                              self.reading_ = false;
                              self.pacing_.has_read(got);
                              self.has_read(error, got);
                            }));
  }

  void has_read(ErrorCode error, std::size_t size) {
    if (state_ == State::lingering) {
      dropped_ += size;
      if (error || dropped_ > max_linger) return close();
      return read(read_size);
    }
    if (state_ != State::reading) {  // the deadline has passed, and the response to that is being written
      if (error && error != boost::asio::error::eof) close();
      return;
    }
    if (error == boost::asio::error::eof) return act(session_.end());
    if (error) return close();
    buffer_.commit(size);
    advance();
  }

  // Writes the session's output. True if all was written; otherwise the rest is written asynchronously, then `next`
  // done.
  bool write(Action next) {
    const std::string_view output = session_.output();
    ErrorCode error;
    const std::size_t size =
        output.empty() ? 0 : socket_.write_some(boost::asio::buffer(output.data(), output.size()), error);
    if (error && error != boost::asio::error::would_block) {
      close();
      return false;
    }
    if (size == output.size()) return true;
    state_ = State::writing;
    set_deadline(Clock::now() + options_.write_deadline);
    boost::asio::async_write(socket_, boost::asio::buffer(output.data() + size, output.size() - size),
                             handler([next](HttpConnection& self, ErrorCode failed, std::size_t) {
                               if (failed) return self.close();
                               if (next == Action::close) return self.linger();
                               self.advance();
                             }));
    return false;
  }

  // Closing while bytes are unread sends a reset, and the peer might lose the response. So they are read and dropped.
  void linger() {
    if (state_ == State::closed) return;
    if (session_.output().empty()) return close();
    ErrorCode ignored;
    socket_.shutdown(ServerSocket::shutdown_send, ignored);
    state_ = State::lingering;
    buffer_.clear();
    set_deadline(Clock::now() + options_.linger_deadline);
    if (!reading_) read(read_size);
  }

  void set_deadline(typename Clock::time_point deadline) {
    if (deadline_.move_to(deadline)) await_deadline();
  }

  void await_deadline() {
    deadline_.async_wait(handler([](HttpConnection& self, ErrorCode error) {
      if (error || self.state_ == State::closed) return;
      if (self.deadline_.is_reached()) return self.expire();
      self.await_deadline();
    }));
  }

  void expire() {
    if (state_ == State::working) return set_deadline(Clock::now() + options_.idle_deadline);
    if (state_ == State::reading) return act(session_.expire());
    if (state_ == State::writing) {  // a peer that does not read must not keep memory of the kernel either
      ErrorCode ignored;
      socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    }
    close();
  }

  void close() noexcept {
    state_ = State::closed;
    ErrorCode ignored;
    socket_.close(ignored);
    deadline_.cancel();
  }

  struct End {
    HttpConnection& connection;
    OnEnd call;
    ~End() { call(connection); }
  };

  const End end_;  // destroyed after all others, which use the server
  const ServerOptions& options_;
  boost::asio::thread_pool* const store_threads_;
  ServerSocket socket_;
  const std::optional<ServerStrand> strand_;
  MovingDeadline<Clock> deadline_;
  ServerTimer<ServerExecutor, Clock> pause_;
  ReadPacing pacing_;
  Session session_;
  boost::beast::flat_buffer buffer_;
  typename Clock::time_point body_start_;
  std::size_t dropped_ = 0;
  State state_ = State::working;
  Action action_ = Action::close;
  bool reading_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
