// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What moves the bytes between a socket and an `HttpSession`; `BeastServer` makes one for each connection. Without a
// request it has no session: a `SessionPool` lends it one when bytes have arrived, until it waits again. All its work
// runs on its strand; only what may block runs on a store thread. While an async handler works, a `ResponseCallback`
// owns the connection.

#include <droplit/detail/config.hpp>
#include <droplit/handler.hpp>
#include <droplit/observer.hpp>
#include <droplit/server/detail/connection_host.hpp>
#include <droplit/server/detail/connection_io.hpp>
#include <droplit/server/detail/memory_budget.hpp>
#include <droplit/server/detail/response_callback.hpp>
#include <droplit/server/detail/server_types.hpp>
#include <droplit/server/detail/session_pool.hpp>
#include <droplit/server/server_options.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Moves the bytes of one connection between its socket and a session, and applies the deadlines. `Clock` is replaced
/// only in tests.
template <ServedHandler H, class Clock = std::chrono::steady_clock, Observer O = NoObserver>
class HttpConnection : public ConnectionIo<HttpConnection<H, Clock, O>, Clock> {
  using Io = ConnectionIo<HttpConnection, Clock>;

 public:
  using Host = ConnectionHost<HttpConnection, H, Clock, O>;

  /// The bytes of a connection that waits for a request: this object, and what Asio keeps for it.
  static constexpr std::uint64_t own_memory = 2'048;

  static constexpr std::chrono::milliseconds min_silence{1'000};  ///< before it can be evicted

  /// `memory`: its share of the server's, which has `own_memory` already.
  HttpConnection(Host& host, ServerSocket socket, MemoryShare memory)
      : Io(std::move(socket), host.options.threads > 1, host.on_end), host_(host), memory_(std::move(memory)) {}

  void start() {
    this->post([](HttpConnection& self) {
      self.set_up_socket();
      self.last_ ? self.close() : self.await_request();
    });
  }

  /// Ends at once if no request has begun, otherwise after its response.
  void finish() {
    last_ = true;
    this->post([](HttpConnection& self) {
      if (self.is_waiting()) self.close();
    });
  }

  /// Ends at once, or when an async handler calls back.
  void abort() {
    this->post([](HttpConnection& self) {
      if (self.active_) self.active_->session.cancel();
      self.close();
    });
  }

  /// Tries to begin its request, which is the next one for which there will be memory.
  void retry() {
    this->post([](HttpConnection& self) { self.begin_request(true); });
  }

  /// Ends gracefully if it is silent: it has waited for a request for `min_silence` and nothing has arrived.
  void evict() {
    this->post([](HttpConnection& self) {
      if (!self.is_waiting() || self.silent_since > Clock::now() - min_silence || self.has_unread()) return;
      self.cancel_wait();  // another thread may have seen a request already
    });
  }

 private:
  friend Io;
  friend ResponseCallback<HttpConnection>;
  using Active = ActiveSession<H, Clock, O>;
  using Session = HttpSession<H, O>;
  using Action = typename Session::Action;
  using typename Io::ErrorCode;

  enum class State : std::uint8_t { working, reading, writing, lingering, closed };

  [[nodiscard]] bool is_waiting() const noexcept { return state_ == State::reading && action_ == Action::request; }

  void await_request() {
    if (active_) give_back();
    state_ = State::reading;
    action_ = Action::request;
    const auto now = Clock::now();
    this->set_deadline(now + host_.options.idle_deadline);
    wait(now);
  }

  void wait(typename Clock::time_point since) {
    host_.connections.wait(*this, since, fresh_);
    this->await_input([](HttpConnection& self, ErrorCode error) {
      if (!self.is_waiting()) return;
      if (error) return error == boost::asio::error::operation_aborted ? self.leave() : self.close();
      self.begin_request(self.host_.connections.end_wait(self));
    });
  }

  // Begins the request of which something has arrived. `is_next`: no other one waits for memory.
  void begin_request(bool is_next) {
    if (state_ != State::reading || active_) return;
    if (is_next) active_ = host_.sessions.lend(last_, empty_lines_);
    ErrorCode error;
    const std::size_t size = active_ ? this->read_some(active_->buffer.prepare(Active::first_read_size), error) : 0;
    if (!active_) error = this->peek();
    if (!error && !active_) return await_memory();
    if (action_ == Action::head) host_.leave_queue(*this);
    if (error && active_) give_back();
    if (error == boost::asio::error::would_block) return wait(this->silent_since);
    if (error) return close();
    fresh_ = false;
    has_read(error, size);
  }

  void give_back() { empty_lines_ = host_.sessions.take_back(std::move(active_)); }

  // The request, of which something has arrived, waits in the kernel.
  void await_memory() {
    await_head();
    if (host_.connections.queue(*this)) this->pause(host_.memory_pause, [](HttpConnection& self) { self.retry(); });
  }

  void advance() {
    for (;;) {
      if (state_ == State::closed) return;
      state_ = State::working;
      std::size_t used = 0;
      const Action action = active_->session.advance(active_->unread(), used);
      active_->buffer.consume(used);
      if (action != Action::write) return act(action);
      active_->pacing.has_responded();
      action_ = action;
      if (!write(Action::write)) return;
      if (active_->buffer.size() != 0)
        return this->post([](HttpConnection& self) { self.advance(); });  // other connections first
    }
  }

  void act(Action action) {
    switch (action) {
      case Action::request: return await_request();
      case Action::head: await_head(); break;
      case Action::body:
        if (action_ != action) active_->body_start = Clock::now();
        this->set_deadline(active_->body_start + body_time(host_.options, active_->session.body_size()));
        break;
      case Action::complete: return complete();
      default:
        if (write(Action::close)) linger();
        return;
    }
    action_ = action;
    state_ = State::reading;
    read(action == Action::body ? Active::read_size : Active::first_read_size);
  }

  void await_head() {
    if (action_ != Action::head) this->set_deadline(Clock::now() + host_.options.head_deadline);
    action_ = Action::head;
  }

  void complete() {
    if constexpr (Session::is_async) {
      active_->session.complete(ResponseCallback<HttpConnection>(this->shared_from_this()));
    } else {
      boost::asio::post(*host_.store_threads, [self = this->shared_from_this()] {
        self->active_->session.complete();
        until_done([&self] { self->post([](HttpConnection& connection) { connection.advance(); }); });
      });
    }
  }

  void abandon() {
    if (state_ != State::closed) act(active_->session.abandon());
  }

  void read(std::size_t size) {
    reading_ = true;
    if (!active_->pacing.needs_pause()) return read_now(size);
    this->pause(ReadPacing::pause, [size](HttpConnection& self) { self.read_now(size); });
  }

  void read_now(std::size_t size) {
    this->socket().async_read_some(active_->buffer.prepare(size),  // which has room: at most a head is kept
                                   this->handler([](HttpConnection& self, ErrorCode error, std::size_t got) {
                                     self.reading_ = false;
                                     self.has_read(error, got);
                                   }));
  }

  void has_read(ErrorCode error, std::size_t size) {
    if (state_ == State::lingering) return error ? close() : this->drop_input(host_.max_linger - size);
    if (state_ != State::reading) return;  // the deadline has passed, and the response to that is being written
    if (error == boost::asio::error::eof) return act(active_->session.end());
    if (error) return close();
    active_->pacing.has_read(size);
    active_->buffer.commit(size);
    advance();
  }

  // Writes the session's output. True if all was written; otherwise the rest is written asynchronously, then `next`
  // done.
  bool write(Action next) {
    const std::string_view output = active_->session.output();
    const std::size_t size = this->write_some(output);
    if (size == output.size()) return true;
    state_ = State::writing;
    this->set_deadline(Clock::now() + host_.options.write_deadline);
    Io::write(output.substr(size), [next](HttpConnection& self) {
      if (next == Action::close) return self.linger();
      self.advance();
    });
    return false;
  }

  void linger() {
    if (state_ == State::closed || active_->session.output().empty()) return close();
    half_close();
  }

  // Makes room for another connection, unless a request has arrived meanwhile.
  void leave() {
    if (this->has_unread()) return begin_request(host_.connections.end_wait(*this));
    memory_.give_back();
    if (const auto too_many = host_.connections.linger(*this)) too_many->abort();
    half_close();
    host_.on_leave();
  }

  // Closing while bytes are unread sends a reset, and the peer might lose the response. So they are read and dropped.
  void half_close() {
    this->end_sending();
    state_ = State::lingering;
    this->set_deadline(Clock::now() + host_.options.linger_deadline);
    if (!reading_) this->drop_input(host_.max_linger);
  }

  void expire() {
    if (state_ == State::working) return this->set_deadline(Clock::now() + host_.options.idle_deadline);
    if (state_ == State::reading && active_) return act(active_->session.expire());
    if (state_ == State::reading && action_ == Action::head) return refuse();
    if (state_ == State::writing) this->drop_unsent();  // memory of the kernel
    close();
  }

  // There was no memory for the request in time.
  void refuse() {
    host_.leave_queue(*this);
    const std::string response = host_.sessions.refusal();
    if (this->write_some(response) != response.size()) return close();
    half_close();
  }

  void close() noexcept {
    state_ = State::closed;
    host_.leave_queue(*this);
    this->close_socket();
  }

  Host& host_;
  MemoryShare memory_;
  std::unique_ptr<Active> active_;  // null while nothing of a request has arrived
  int empty_lines_ = 0;             // before the next request, while it is null
  State state_ = State::working;
  Action action_ = Action::close;
  bool reading_ = false;           // into the session's buffer
  bool fresh_ = true;              // not a byte has arrived
  std::atomic<bool> last_{false};  // no further request is served
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
