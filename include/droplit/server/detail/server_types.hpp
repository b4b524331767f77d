// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../../detail/config.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

// What of Boost.Asio a server is made of; without `any_io_executor`, whose calls are virtual.
using ServerExecutor = boost::asio::io_context::executor_type;
using ServerStrand = boost::asio::strand<ServerExecutor>;
using ServerSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, ServerExecutor>;
template <class Executor, class Clock = std::chrono::steady_clock>
using ServerTimer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
