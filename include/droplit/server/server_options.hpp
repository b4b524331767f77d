// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a server listens on, and its limits. A value outside its range counts as the nearest within it. The limit of a
/// body is the endpoint's (`EndpointOptions`).
struct ServerOptions {
  std::string host = "127.0.0.1";  ///< an IPv4 or IPv6 address, no name; `[::1]` is `::1`
  std::uint16_t port = 0;          ///< 0: one that is free, told by `BeastServer::port`
  unsigned threads = 1;            ///< those that serve, the one that calls `run` included; 1 to 1024
  unsigned store_threads = 0;  ///< those that ask the store, so that one that waits holds up no other request; 0: those
                               ///< that serve, which is best for a store that never waits; at most 1024
  std::uint32_t max_connections = 4096;           ///< at least 1
  std::uint32_t max_head = 16 * 1024;             ///< bytes of request line and fields; 1024 to 1048576
  std::uint64_t max_memory = 512 * 1024 * 1024U;  ///< bytes for all connections and what they read and write, as
                                                  ///< docs/server.md counts them; at least 4194304

  // Each of these is at most 24 hours, and at least 1 ms where no other least is given.
  std::chrono::milliseconds head_deadline{10'000};   ///< from the first byte of a head to its last
  std::chrono::milliseconds body_grace{10'000};      ///< for which a body may be slower than `body_rate`; at least 0
  std::uint32_t body_rate = 1024;                    ///< bytes a second, on average; 0: any
  std::chrono::milliseconds body_deadline{60'000};   ///< for the whole body
  std::chrono::milliseconds idle_deadline{60'000};   ///< from one request to the next, and to the first
  std::chrono::milliseconds write_deadline{30'000};  ///< for the peer to take an answer
  std::chrono::milliseconds linger_deadline{2'000};  ///< for the peer to read the last answer; at least 0
  std::chrono::milliseconds stop_grace{10'000};      ///< for what runs when `stop` is called; at least 0
};

namespace detail {

/// The options with every value within its range.
inline ServerOptions bounded(ServerOptions options) {
  using std::chrono::milliseconds;
  const auto duration = [](milliseconds& time, int least) {
    time = bounded(time, milliseconds(least), milliseconds(longest_millis));
  };
  options.threads = bounded(options.threads, 1U, 1024U);
  options.store_threads = bounded(options.store_threads, 0U, 1024U);
  options.max_connections = bounded<std::uint32_t>(options.max_connections, 1, UINT32_MAX);
  options.max_head = bounded<std::uint32_t>(options.max_head, 1024, 1024 * 1024);
  options.max_memory = bounded<std::uint64_t>(options.max_memory, 4 * 1024 * 1024, UINT64_MAX);
  duration(options.head_deadline, 1);
  duration(options.body_grace, 0);
  duration(options.body_deadline, 1);
  duration(options.idle_deadline, 1);
  duration(options.write_deadline, 1);
  duration(options.linger_deadline, 0);
  duration(options.stop_grace, 0);
  return options;
}

}  // namespace detail
}  // namespace droplit::inline DROPLIT_DETAIL_ABI
