// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/server/detail/http_session.hpp>
#include <droplit/server/detail/memory_budget.hpp>
#include <droplit/server/detail/read_pacing.hpp>
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
#include <thread>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Moves the bytes of one connection between its socket and its `HttpSession`, and keeps the time. It lives as long as
/// something is under way, all of which but the making and the end happens on its strand, or on the one thread that
/// serves, which needs none. `Clock` is another one only in tests.
template <class E, class Clock = std::chrono::steady_clock>
class HttpConnection : public std::enable_shared_from_this<HttpConnection<E, Clock>> {
 public:
  using OnEnd = std::function<void(HttpConnection&)>;

  /// The bytes that it has beside those of its head and its requests: itself, and what is read at once.
  static constexpr std::uint64_t own_memory = 20'480;

  /// `store_threads`: where the store is asked; without, where all else happens. `memory`: what it has of the server's.
  HttpConnection(E& endpoint, const ServerOptions& options, boost::asio::thread_pool* store_threads,
                 ServerSocket socket, MemoryShare memory, OnEnd on_end)
      : options_(options),
        store_threads_(store_threads),
        socket_(std::move(socket)),
        strand_(options.threads > 1 ? std::optional(ServerStrand(socket_.get_executor())) : std::nullopt),
        timer_(socket_.get_executor()),
        pause_(socket_.get_executor()),
        session_(endpoint, options.max_head, store_threads != nullptr, std::move(memory)),
        buffer_(std::size_t{options.max_head} + read_size),
        on_end_(std::move(on_end)) {}

  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection() { on_end_(*this); }

  void start() {
    post([](HttpConnection& self) {
      ErrorCode ignored;
      self.socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
      self.socket_.non_blocking(true, ignored);
      self.advance();
    });
  }

  /// Ends at once if no request is under way, else after its answer.
  void finish() {
    session_.finish();
    post([](HttpConnection& self) {
      if (self.state_ == State::reading && self.want_ == Action::request) self.close();
    });
  }

  /// Ends at once.
  void abort() {
    post([](HttpConnection& self) { self.close(); });
  }

 private:
  using Session = HttpSession<E>;
  using Action = typename Session::Action;
  using ErrorCode = boost::system::error_code;

  enum class State : std::uint8_t { working, reading, writing, lingering, closed };

  static constexpr std::size_t read_size = 16'384;       // the most that is read at once
  static constexpr std::size_t first_read_size = 4'096;  // enough for nearly every request
  static constexpr std::size_t max_linger = 1'048'576;   // bytes that are dropped for the last answer's sake

  // A handler that keeps this alive, for any thread that serves. What `call` throws, for lack of memory, ends the
  // connection; a strand without memory is asked again, since a lost handler would leave the connection open.
  template <class F>
  auto handler(F call) {
    return [self = this->shared_from_this(), call](auto... arguments) mutable {
      if (!self->strand_) return self->run(call, arguments...);
      until_done([&] {
        boost::asio::dispatch(*self->strand_, [self, call, arguments...] { self->run(call, arguments...); });
      });
    };
  }

  template <class F, class... Arguments>
  void run(F call, Arguments... arguments) {
    try {
      call(*this, arguments...);
    } catch (...) {
      close();
    }
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
      const Action want =
          session_.advance({static_cast<const char*>(buffer_.data().data()), buffer_.data().size()}, used);
      buffer_.consume(used);
      if (want != Action::write) return act(want);
      pacing_.has_answered();
      want_ = want;
      if (!write(Action::write)) return;
      if (buffer_.size() != 0) return post([](HttpConnection& self) { self.advance(); });  // others come first
    }
  }

  void act(Action want) {
    const bool same = want == want_;
    want_ = want;
    switch (want) {
      case Action::request: set_deadline(Clock::now() + options_.idle_deadline); break;
      case Action::head:
        if (!same) set_deadline(Clock::now() + options_.head_deadline);
        break;
      case Action::body:
        if (!same) body_start_ = Clock::now();
        set_deadline(body_deadline());
        break;
      case Action::store: return store();
      default:
        if (write(Action::close)) linger();
        return;
    }
    state_ = State::reading;
    read(want == Action::body ? read_size : first_read_size);
  }

  void store() {
    state_ = State::working;
    boost::asio::post(*store_threads_, [self = this->shared_from_this()] {
      self->session_.store();
      until_done([&self] { self->post([](HttpConnection& connection) { connection.advance(); }); });
    });
  }

  typename Clock::time_point body_deadline() const {
    auto time = options_.body_deadline;
    if (options_.body_rate != 0) {
      const auto earned = std::chrono::milliseconds(session_.body_size() * 1000 / options_.body_rate);
      time = (std::min)(time, options_.body_grace + earned);
    }
    return body_start_ + time;
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
      if (error || (dropped_ += size) > max_linger) return close();
      return read(read_size);
    }
    if (state_ != State::reading) {  // its time ran out meanwhile, and that is being answered
      if (error && error != boost::asio::error::eof) close();
      return;
    }
    if (error == boost::asio::error::eof) return act(session_.end());
    if (error) return close();
    buffer_.commit(size);
    advance();
  }

  // Writes the session's output; true if that is done, else it goes on by itself and then does what `next` says.
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
                               next == Action::close ? self.linger() : self.advance();
                             }));
    return false;
  }

  // Closing at once, with unread bytes, would be a reset, and the peer might lose the answer.
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

  // The timer is only set anew when it would ring too late; ringing too early it looks again.
  void set_deadline(typename Clock::time_point deadline) {
    deadline_ = deadline;
    if (!armed_ || deadline < timer_.expiry()) arm();
  }

  void arm() {
    armed_ = true;
    timer_.expires_at(deadline_);
    timer_.async_wait(handler([](HttpConnection& self, ErrorCode error) {
      if (error || self.state_ == State::closed) return;
      Clock::now() < self.deadline_ ? self.arm() : self.expire();
    }));
  }

  void expire() {
    armed_ = false;
    if (state_ == State::working) return set_deadline(Clock::now() + options_.idle_deadline);  // waits for its turn
    if (state_ == State::reading) return act(session_.expire());
    if (state_ == State::writing) {  // whoever does not read shall not keep our memory in the kernel either
      ErrorCode ignored;
      socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    }
    close();
  }

  void close() noexcept {
    state_ = State::closed;
    ErrorCode ignored;
    socket_.close(ignored);
    try {
      timer_.cancel();
    } catch (...) {  // then it rings in vain
    }
  }

  const ServerOptions& options_;
  boost::asio::thread_pool* const store_threads_;
  ServerSocket socket_;
  const std::optional<ServerStrand> strand_;
  ServerTimer<ServerExecutor, Clock> timer_;  // for the deadline
  ServerTimer<ServerExecutor, Clock> pause_;
  ReadPacing pacing_;
  Session session_;
  boost::beast::flat_buffer buffer_;
  OnEnd on_end_;
  typename Clock::time_point deadline_;
  typename Clock::time_point body_start_;
  std::size_t dropped_ = 0;
  State state_ = State::working;
  Action want_ = Action::close;
  bool reading_ = false;
  bool armed_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
