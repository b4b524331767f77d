// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What moves the bytes between a socket and an `HttpSession`; `BeastServer` makes one for each connection. Without a
// request it has no session: the first bytes of one are read into a small buffer of its own, and then a `SessionPool`
// lends it a session until it waits again. All its work runs on its strand; only what may block runs on a store thread.
// While an async handler works, a `ResponseCallback` owns the connection.

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

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
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
      if (self.last_) return self.close();
      self.await_request(true);
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
    this->post([](HttpConnection& self) { self.begin_request(self.first_count_, true); });
  }

  /// Ends gracefully if it is silent: it has waited for a request for `min_silence` and nothing has arrived.
  void evict() {
    this->post([](HttpConnection& self) {
      if (!self.is_waiting() || self.silent_since > Clock::now() - min_silence || self.has_unread()) return;
      self.evicted_ = true;
      self.cancel_read();  // another thread may have read a request already
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

  static constexpr std::size_t first_size = 256;  // as most requests; what is longer costs a call more

  [[nodiscard]] bool is_waiting() const noexcept { return state_ == State::reading && action_ == Action::request; }

  // Waits for a request; `fresh`: for the first byte.
  void await_request(bool fresh) {
    if (active_ && active_->is_unused()) empty_lines_ = host_.sessions.take_back(std::move(active_));
    const auto now = Clock::now();
    this->set_deadline(now + host_.options.idle_deadline);
    state_ = State::reading;
    action_ = Action::request;
    host_.connections.wait(*this, now, fresh);
    read(Active::first_read_size);
  }

  // The first bytes of a request are in `first_`; `is_next`: no other request waits for memory.
  void begin_request(std::size_t size, bool is_next) {
    if (state_ != State::reading || active_) return;
    if (is_next) active_ = host_.sessions.lend(last_, empty_lines_);
    if (!active_) {  // the other bytes wait in the kernel
      first_count_ = static_cast<std::uint16_t>(size);
      await_head();
      if (host_.connections.queue(*this)) this->pause(host_.memory_pause, [](HttpConnection& self) { self.retry(); });
      return;
    }
    if (action_ == Action::head) host_.leave_queue(*this);
    active_->begin({first_.data(), size}, size == first_.size(), this->socket());
    advance();
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
      case Action::request: return await_request(false);
      case Action::head: await_head(); break;
      case Action::body:
        if (action_ != action) active_->body_start = Clock::now();
        this->set_deadline(active_->body_start + body_time(host_.options, active_->session.body_size()));
        break;
      case Action::complete: action_ = action; return complete();
      default:
        action_ = action;
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

  // Reads at most so many bytes, into the session's buffer if there is one.
  void read(std::size_t size) {
    reading_ = true;
    if (!active_ || !active_->pacing.needs_pause()) return read_now(size);
    this->pause(ReadPacing::pause, [size](HttpConnection& self) { self.read_now(size); });
  }

  void read_now(std::size_t size) {
    const auto call = this->handler([](HttpConnection& self, ErrorCode error, std::size_t got) {
      self.reading_ = false;
      self.has_read(error, got);
    });
    if (!active_) return this->socket().async_read_some(boost::asio::buffer(first_), call);
    auto& buffer = active_->buffer;
    this->socket().async_read_some(buffer.prepare((std::min)(size, buffer.max_size() - buffer.size())), call);
  }

  void has_read(ErrorCode error, std::size_t size) {
    if (state_ == State::lingering) {
      dropped_ += static_cast<std::uint32_t>(size);
      if (error || dropped_ > host_.max_linger) return close();
      return read(Active::read_size);
    }
    if (state_ != State::reading) {  // the deadline has passed, and the response to that is being written
      if (error && error != boost::asio::error::eof) close();
      return;
    }
    if (std::exchange(evicted_, false) && error == boost::asio::error::operation_aborted) return leave();
    const bool is_next = action_ == Action::request && host_.connections.end_wait(*this);
    if (error && (error != boost::asio::error::eof || !active_)) return close();
    if (error) return act(active_->session.end());
    if (!active_) return begin_request(size, is_next);
    active_->pacing.has_read(size);
    active_->buffer.commit(size);
    advance();
  }

  // Writes the session's output. True if all was written; otherwise the rest is written asynchronously, then `next`
  // done.
  bool write(Action next) {
    const std::string_view output = active_->session.output();
    const auto size = this->write_some(output);
    if (!size) close();
    if (!size || *size == output.size()) return size.has_value();
    state_ = State::writing;
    this->set_deadline(Clock::now() + host_.options.write_deadline);
    Io::write(output.substr(*size), [next](HttpConnection& self) {
      if (next == Action::close) return self.linger();
      self.advance();
    });
    return false;
  }

  void linger() {
    if (state_ == State::closed || active_->session.output().empty()) return close();
    active_->buffer.clear();
    half_close();
  }

  // Makes room for another connection, unless a request has arrived meanwhile.
  void leave() {
    if (this->has_unread()) return read(Active::first_read_size);
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
    if (!reading_) read(Active::read_size);
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
  std::uint32_t dropped_ = 0;
  std::uint16_t first_count_ = 0;  // bytes in `first_`, while it is queued
  State state_ = State::working;
  Action action_ = Action::close;
  bool reading_ = false;
  bool evicted_ = false;           // the pending read was ended
  std::atomic<bool> last_{false};  // no further request is served
  std::array<char, first_size> first_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
