// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <thread>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

// The types of Boost.Asio that a server uses; without `any_io_executor`, whose calls are virtual.
using ServerExecutor = boost::asio::io_context::executor_type;
using ServerStrand = boost::asio::strand<ServerExecutor>;
using ServerSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, ServerExecutor>;
template <class Executor, class Clock = std::chrono::steady_clock>
using ServerTimer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;

/// Calls `attempt` until it does not throw, with pauses; it throws for lack of memory.
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
