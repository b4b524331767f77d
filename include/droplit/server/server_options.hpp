// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The address and the limits of a server. A value outside its range counts as the nearest value within it. The limit
/// of a body is the handler's (`EndpointOptions`).
struct ServerOptions {
  std::string host = "127.0.0.1";  ///< an IPv4 or IPv6 address, not a name; `[::1]` is `::1`
  std::uint16_t port = 0;          ///< 0: any free port, see `BeastServer::port`
  unsigned threads = 1;            ///< serving threads, the one that calls `run` included; 1 to 1024
  unsigned store_threads = 0;  ///< threads on which handlers may block, so that a slow store delays no other request;
                               ///< 0: the serving threads, best for stores that never block; at most 1024
  std::uint32_t max_connections = 4096;           ///< at least 1
  std::uint32_t max_head = 16 * 1024;             ///< bytes of request line and fields; 1024 to 1048576
  std::uint64_t max_memory = 512 * 1024 * 1024U;  ///< bytes of all connections, their requests and responses, counted
                                                  ///< as in docs/server.md; at least 4194304

  /// Whether each response has a field `x-request-id`: the request's own if it is given once and has 1 to 128
  /// characters from 0x21 to 0x7E; otherwise 32 random hex digits. An observer is informed of it.
  bool request_ids = false;

  // Each of these is at most 24 hours, and at least 1 ms unless another minimum is given.
  std::chrono::milliseconds head_deadline{10'000};   ///< from the first byte of a head to its last
  std::chrono::milliseconds body_grace{10'000};      ///< how long a body may be slower than `body_rate`; at least 0
  std::uint32_t body_rate = 1024;                    ///< bytes per second, on average; 0: any
  std::chrono::milliseconds body_deadline{60'000};   ///< for a whole body
  std::chrono::milliseconds idle_deadline{60'000};   ///< from one request to the next, and to the first
  std::chrono::milliseconds write_deadline{30'000};  ///< for the peer to take a response
  std::chrono::milliseconds linger_deadline{2'000};  ///< for the peer to read the last response; at least 0
  std::chrono::milliseconds stop_grace{10'000};      ///< for requests in progress when `stop` is called; at least 0
};

namespace detail {

/// The options with every value within its range.
inline ServerOptions bounded(ServerOptions options) {
  options.threads = bounded(options.threads, 1U, 1024U);
  options.store_threads = bounded(options.store_threads, 0U, 1024U);
  options.max_connections = bounded<std::uint32_t>(options.max_connections, 1, UINT32_MAX);
  options.max_head = bounded<std::uint32_t>(options.max_head, 1024, 1024 * 1024);
  options.max_memory = bounded<std::uint64_t>(options.max_memory, 4 * 1024 * 1024, UINT64_MAX);
  using std::chrono::milliseconds;
  for (milliseconds* time :
       {&options.head_deadline, &options.body_deadline, &options.idle_deadline, &options.write_deadline}) {
    *time = bounded(*time, milliseconds(1), milliseconds(longest_millis));
  }
  for (milliseconds* time : {&options.body_grace, &options.linger_deadline, &options.stop_grace}) {
    *time = bounded(*time, milliseconds(0), milliseconds(longest_millis));
  }
  return options;
}

/// How long a body may take of which so many bytes have arrived.
inline std::chrono::milliseconds body_time(const ServerOptions& options, std::uint64_t size) {
  if (options.body_rate == 0) return options.body_deadline;
  const auto earned = std::chrono::milliseconds(size * 1000 / options.body_rate);
  return (std::min)(options.body_deadline, options.body_grace + earned);
}

}  // namespace detail
}  // namespace droplit::inline DROPLIT_DETAIL_ABI
