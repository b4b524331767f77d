// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// How far an `HttpSession` has come with its request.

#include <droplit/detail/config.hpp>
#include <droplit/server/detail/head_check.hpp>

#include <cstdint>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The part of a request that is next.
enum class RequestPhase : std::uint8_t {
  start,      ///< nothing but empty lines has arrived
  head,       ///< its head
  body,       ///< its body
  drain,      ///< its body, which is dropped
  completed,  ///< none: the handler completes the response
};

/// What has arrived of a request. A new one for each.
struct RequestProgress {
  HeadScanner scanner;
  Framing framing;
  std::uint64_t body_size = 0;  ///< bytes that arrived
  int empty_lines = 0;          ///< before the request line
  bool to_head = false;         ///< a HEAD, whose response has no body
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
