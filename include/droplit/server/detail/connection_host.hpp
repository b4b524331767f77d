// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/handler.hpp>
#include <droplit/observer.hpp>
#include <droplit/server/detail/connections.hpp>
#include <droplit/server/detail/session_pool.hpp>
#include <droplit/server/server_options.hpp>

#include <boost/asio/thread_pool.hpp>

#include <functional>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// What all `HttpConnection`s of a server share.
template <class Connection, ServedHandler H, class Clock, Observer O>
struct ConnectionHost {
  const ServerOptions& options;
  boost::asio::thread_pool* store_threads;  ///< where handlers may block; if null, on the serving threads
  SessionPool<H, Clock, O>& sessions;
  Connections<Connection, Clock>& connections;

  /// Called when an evicted connection has left its place, on any thread.
  std::function<void()> on_leave;

  /// Called when nothing of a connection uses the server any more but what this uses, on any thread.
  std::function<void(ConnectionEntry<Clock>&)> on_end;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
