// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/handler.hpp>
#include <droplit/observer.hpp>
#include <droplit/server/detail/connections.hpp>
#include <droplit/server/detail/server_types.hpp>
#include <droplit/server/detail/session_pool.hpp>
#include <droplit/server/server_options.hpp>

#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <cstddef>
#include <functional>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// What all `HttpConnection`s of a server share.
template <class Connection, ServedHandler H, class Clock, Observer O>
struct ConnectionHost {
  static constexpr std::size_t max_linger = 1'048'576;          ///< bytes that are dropped after the last response
  static constexpr std::chrono::milliseconds memory_pause{10};  ///< between tries of the first request that is queued

  const ServerOptions& options;
  boost::asio::thread_pool* store_threads;  ///< where handlers may block; if null, on the serving threads
  SessionPool<H, Clock, O>& sessions;
  Connections<Connection, Clock>& connections;

  /// Called when an evicted connection has left its place, on any thread.
  std::function<void()> on_leave;

  /// Called when nothing of a connection uses the server any more but what this uses, on any thread.
  std::function<void(ConnectionEntry<Clock>&)> on_end;

  /// The connection needs no memory for a request; the one that is queued after it tries to have some.
  void leave_queue(Connection& connection) noexcept {
    if (const auto next = connections.leave_queue(connection)) until_done([&] { next->retry(); });
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
