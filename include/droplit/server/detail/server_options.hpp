// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../../detail/config.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a server listens on, and its limits. The limit of a body is the endpoint's (`EndpointOptions`).
struct ServerOptions {
  std::string host = "127.0.0.1";  ///< an IPv4 or IPv6 address, no name; `[::1]` is `::1`
  std::uint16_t port = 0;          ///< 0: one that is free, told by `BeastServer::port`
  unsigned threads = 1;            ///< those that serve, the one that calls `run` included
  unsigned store_threads = 0;  ///< those that ask the store, so that one that waits holds up no other request; 0: those
                               ///< that serve, which is best for a store that never waits
  std::uint32_t max_connections = 4096;
  std::uint32_t max_head = 16 * 1024;  ///< bytes of request line and fields

  std::chrono::milliseconds head_deadline{10'000};   ///< from the first byte of a head to its last
  std::chrono::milliseconds body_grace{10'000};      ///< for which a body may be slower than `body_rate`
  std::uint32_t body_rate = 1024;                    ///< bytes a second, on average; 0: any
  std::chrono::milliseconds body_deadline{60'000};   ///< for the whole body
  std::chrono::milliseconds idle_deadline{60'000};   ///< from one request to the next, and to the first
  std::chrono::milliseconds write_deadline{30'000};  ///< for the peer to take an answer
  std::chrono::milliseconds linger_deadline{2'000};  ///< for the peer to read the last answer
  std::chrono::milliseconds stop_grace{10'000};      ///< for what runs when `stop` is called
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
