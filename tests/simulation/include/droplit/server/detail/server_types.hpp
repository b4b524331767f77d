// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Takes the place of the library's header of this name: the types of a server's sockets, timers and executors, made of
// the simulation's. An io_context is only a queue of handlers here.
#pragma once

#include <droplit/detail/config.hpp>

#include "simulation/network.hpp"
#include "simulation/server_watch.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The executor of an io_context, which wakes the process that runs it.
class SimExecutor {
 public:
  SimExecutor(const boost::asio::io_context::executor_type& inner) noexcept  // as the library converts
      : inner_(inner), watch_(sim::scheduler().process()->watch) {}

  template <class F>
  void execute(F call) const {
    watch_->poke();
    boost::asio::post(inner_, [watch = watch_, call = std::make_shared<F>(std::move(call))] {
      watch->begin_turn();
      (*call)();
    });
  }
  boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept { return inner_.context(); }
  static constexpr auto query(boost::asio::execution::blocking_t) noexcept {
    return boost::asio::execution::blocking_t(boost::asio::execution::blocking_t::never_t());
  }
  [[nodiscard]] sim::ServerWatch& watch() const noexcept { return *watch_; }
  bool operator==(const SimExecutor& other) const noexcept { return inner_ == other.inner_; }

 private:
  boost::asio::io_context::executor_type inner_;
  sim::ServerWatch* watch_;
};

/// A connected socket.
class SimSocket : public boost::asio::socket_base {
 public:
  using executor_type = SimExecutor;
  using ErrorCode = boost::system::error_code;
  using Handler = std::function<void(ErrorCode, std::size_t)>;

  explicit SimSocket(const executor_type& executor) : state_(std::make_shared<State>(executor)) {}
  SimSocket(SimSocket&&) noexcept = default;
  SimSocket& operator=(SimSocket&&) noexcept = default;
  ~SimSocket() {
    ErrorCode ignored;
    if (state_) close(ignored);
  }

  void assign(std::shared_ptr<sim::End> end) {
    state_->end = std::move(end);
    state_->end->on_change = [weak = std::weak_ptr<State>(state_)] {
      if (const auto state = weak.lock()) State::go_on(state);
    };
    state_->executor.watch().opened();
    state_->counted = true;
  }

  executor_type get_executor() const noexcept { return state_->executor; }
  template <class Option>
  void set_option(const Option& option, ErrorCode&) {
    if constexpr (std::is_same_v<Option, boost::asio::socket_base::linger>) state_->resets = option.enabled();
  }
  void non_blocking(bool, ErrorCode&) {}

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, ErrorCode& error) {
    error = state_->unreadable();
    const std::string bytes = error ? "" : state_->end->read(boost::asio::buffer_size(buffers));
    return boost::asio::buffer_copy(buffers, boost::asio::buffer(bytes));
  }
  /// Only to peek.
  template <class Buffers>
  std::size_t receive(const Buffers& buffers, message_flags, ErrorCode& error) {
    error = state_->unreadable();
    return boost::asio::buffer_copy(buffers, boost::asio::buffer(state_->end->unread));
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, ErrorCode& error) {
    std::string bytes(boost::asio::buffer_size(buffers), '\0');
    boost::asio::buffer_copy(boost::asio::buffer(bytes), buffers);
    if (state_->end->is_reset || state_->end->ends) {
      error = boost::asio::error::broken_pipe;
      return 0;
    }
    state_->executor.watch().wrote();
    const std::size_t size = state_->end->send(bytes);
    if (size == 0) error = boost::asio::error::would_block;
    return size;
  }

  /// Only to read.
  template <class F>
  void async_wait(wait_type, F handler) {
    state_->on_read = [shared = std::make_shared<F>(std::move(handler))](ErrorCode error, std::size_t) {
      (*shared)(error);
    };
    state_->waits = true;
    State::go_on(state_);
  }
  template <class Buffers, class F>
  void async_read_some(const Buffers& buffers, F handler) {
    const boost::asio::mutable_buffer buffer(*boost::asio::buffer_sequence_begin(buffers));
    state_->read_data = buffer.data();
    state_->read_size = buffer.size();
    state_->waits = false;
    state_->on_read = [shared = std::make_shared<F>(std::move(handler))](ErrorCode error, std::size_t size) {
      (*shared)(error, size);
    };
    State::go_on(state_);
  }
  template <class Buffers, class F>
  void async_write_some(const Buffers& buffers, F handler) {
    state_->to_write.assign(boost::asio::buffer_size(buffers), '\0');
    boost::asio::buffer_copy(boost::asio::buffer(state_->to_write), buffers);
    state_->on_write = [shared = std::make_shared<F>(std::move(handler))](ErrorCode error, std::size_t size) {
      std::move (*shared)(error, size);
    };
    State::go_on(state_);
  }

  void cancel(ErrorCode&) { state_->fail(boost::asio::error::operation_aborted); }
  void shutdown(shutdown_type, ErrorCode&) {
    state_->end->end_sending();
    state_->release();
  }
  void close(ErrorCode&) {
    state_->fail(boost::asio::error::operation_aborted);
    if (!state_->end) return;
    state_->release();
    state_->resets ? state_->end->abort() : state_->end->close();
  }

 private:
  struct State {
    explicit State(const SimExecutor& by) : executor(by) {}

    static void go_on(const std::shared_ptr<State>& self) {
      sim::End& end = *self->end;
      ErrorCode unreadable = self->unreadable();
      if (self->on_read && unreadable != boost::asio::error::would_block) {
        std::size_t size = 0;
        if (self->waits) {
          unreadable = {};
        } else if (!unreadable) {
          const std::string bytes = end.read(self->read_size);
          size = bytes.copy(static_cast<char*>(self->read_data), bytes.size());
        }
        self->complete(std::exchange(self->on_read, nullptr), unreadable, size);
      }
      if (self->on_write && (end.is_reset || end.room() != 0)) {
        ErrorCode error;
        if (end.is_reset) error = boost::asio::error::connection_reset;
        const std::size_t size = end.is_reset ? 0 : end.send(self->to_write);
        self->complete(std::exchange(self->on_write, nullptr), error, size);
      }
    }

    /// What a read would have for an error.
    [[nodiscard]] ErrorCode unreadable() const {
      if (end->is_reset) return boost::asio::error::connection_reset;
      if (!end->unread.empty()) return {};
      return end->has_end ? ErrorCode(boost::asio::error::eof) : boost::asio::error::would_block;
    }
    void complete(Handler handler, ErrorCode error, std::size_t size) {
      boost::asio::post(executor, [handler = std::move(handler), error, size] { handler(error, size); });
    }
    void fail(ErrorCode error) {
      if (on_read) complete(std::exchange(on_read, nullptr), error, 0);
      if (on_write) complete(std::exchange(on_write, nullptr), error, 0);
    }
    void release() {
      if (std::exchange(counted, false)) executor.watch().closed();
    }

    SimExecutor executor;
    std::shared_ptr<sim::End> end;
    void* read_data = nullptr;
    std::size_t read_size = 0;
    std::string to_write;
    Handler on_read;
    Handler on_write;
    bool waits = false;  // `on_read` shall read nothing
    bool resets = false;
    bool counted = false;
  };

  std::shared_ptr<State> state_;
};

/// A timer of the simulated time.
template <class Executor, class Clock>
class SimTimer {
 public:
  explicit SimTimer(const Executor& executor) : executor_(executor) {}
  SimTimer(const SimTimer&) = delete;
  SimTimer& operator=(const SimTimer&) = delete;
  ~SimTimer() { cancel(); }

  void expires_at(typename Clock::time_point time) {
    cancel();
    expiry_ = time;
  }
  template <class Duration>
  void expires_after(Duration time) {
    expires_at(Clock::now() + time);
  }
  [[nodiscard]] typename Clock::time_point expiry() const noexcept { return expiry_; }

  template <class F>
  void async_wait(F handler) {
    pending_ = std::make_shared<std::function<void(boost::system::error_code)>>(
        [executor = executor_, shared = std::make_shared<F>(std::move(handler))](boost::system::error_code error) {
          boost::asio::post(executor, [shared, error] { (*shared)(error); });
        });
    const auto wait = std::chrono::duration_cast<std::chrono::nanoseconds>(expiry_ - Clock::now()).count();
    sim::scheduler().after(wait > 0 ? wait : 0, [weak = std::weak_ptr(pending_)] {
      const auto pending = weak.lock();
      if (pending && *pending) std::exchange(*pending, nullptr)({});
    });
  }
  void cancel() {
    const auto pending = std::exchange(pending_, nullptr);
    if (pending && *pending) std::exchange(*pending, nullptr)(boost::asio::error::operation_aborted);
  }

 private:
  Executor executor_;
  typename Clock::time_point expiry_{};
  std::shared_ptr<std::function<void(boost::system::error_code)>> pending_;
};

using ServerExecutor = SimExecutor;
using ServerStrand = boost::asio::strand<ServerExecutor>;
using ServerSocket = SimSocket;
template <class Executor, class Clock = std::chrono::steady_clock>
using ServerTimer = SimTimer<Executor, Clock>;

/// As the library's.
template <class F>
void until_done(F attempt) {
  for (;;) {
    try {
      return attempt();
    } catch (...) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
