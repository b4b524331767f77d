// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What an `HttpSession`, which has no I/O, asks of the `HttpConnection` around it.

#include <droplit/detail/config.hpp>

#include <cstdint>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// What must be done next.
enum class SessionAction : std::uint8_t {
  request,   ///< feed bytes; nothing of a next request has arrived
  head,      ///< feed bytes; a head has begun
  body,      ///< feed bytes; a body is incomplete
  write,     ///< write `output`, then call `advance`
  complete,  ///< call `complete`, on any thread, then `advance`; only if the session `suspends` or is async
  close,     ///< write `output`, which may be empty, then close
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
