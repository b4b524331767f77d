// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// An `HttpConnection` moves its deadline with nearly every read, and seldom reaches it. So its timer is set again only
// if it would expire too late; if it expires too early, it is set again then.

#include <droplit/detail/config.hpp>
#include <droplit/server/detail/server_types.hpp>

#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A deadline that is moved more often than it is reached. `Clock` is that of its timer.
template <class Clock>
class MovingDeadline {
 public:
  explicit MovingDeadline(const ServerExecutor& executor) : timer_(executor) {}

  /// Moves it. True if `async_wait` must be called.
  [[nodiscard]] bool move_to(typename Clock::time_point deadline) {
    deadline_ = deadline;
    if (armed_ && deadline >= timer_.expiry()) return false;
    arm();
    return true;
  }

  /// Calls `handler(error)` when the timer has expired.
  template <class Handler>
  void async_wait(Handler handler) {
    timer_.async_wait(std::move(handler));
  }

  /// To be called when the timer has expired. False if it was too early; then `async_wait` must be called again.
  [[nodiscard]] bool is_reached() {
    armed_ = Clock::now() < deadline_;
    if (armed_) arm();
    return !armed_;
  }

  void cancel() noexcept {
    try {
      timer_.cancel();
    } catch (...) {  // then it expires without effect
    }
  }

 private:
  void arm() {
    armed_ = true;
    timer_.expires_at(deadline_);
  }

  ServerTimer<ServerExecutor, Clock> timer_;
  typename Clock::time_point deadline_;
  bool armed_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
