// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// An async handler responds later, from any thread. `HttpConnection` gives it a `ResponseCallback` to call then, which
// keeps the connection alive meanwhile, and with it the server, whose `run` waits for all connections.

#include <droplit/detail/config.hpp>
#include <droplit/server/detail/server_types.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The `done` of `AsyncHandler`, for the request that a connection is waiting for. Owns the connection until it has
/// posted what follows, so that the server cannot end while another thread posts.
template <class Connection>
class ResponseCallback {
 public:
  using executor_type = boost::asio::any_io_executor;

  explicit ResponseCallback(std::shared_ptr<Connection> connection) noexcept : connection_(std::move(connection)) {}
  ResponseCallback(ResponseCallback&&) noexcept = default;
  ResponseCallback& operator=(ResponseCallback&& other) noexcept {
    std::swap(connection_, other.connection_);
    return *this;
  }
  ~ResponseCallback() {
    resume([](Connection& connection) { connection.abandon(); });
  }

  void operator()() noexcept {
    resume([](Connection& connection) { connection.advance(); });
  }

  /// Where the connection runs; before the call.
  [[nodiscard]] executor_type get_executor() const { return connection_->template executor<executor_type>(); }

 private:
  // Posts on the connection's own thread, too: the requests that a peer has pipelined must not pile up on the stack.
  template <class F>
  void resume(F call) noexcept {
    const auto connection = std::exchange(connection_, nullptr);
    if (connection) until_done([&] { connection->post(call); });
  }

  std::shared_ptr<Connection> connection_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
