// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>

#include <concepts>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A policy that sends a request to the service and returns its response.
///
/// A failure is thrown, or returned, as a `Fault` whose fate says what became of the request: `not_sent` only where not
/// a byte of it can have reached the service, else `maybe_applied`. Any other exception counts as maybe applied.
template <class T>
concept Transport = requires(T& transport, const Request& request) {
  /// Sends the request once, with the token added, and returns the final response: no 1xx, no redirect followed, no
  /// repetition. A request that HTTP cannot express, or that has fields reserved for the transport (the token, and what
  /// frames the message), is a `Fault` that was not sent. A response longer than a limit, 1 MiB, is a `Fault` that is
  /// maybe applied and keeps the status.
  { transport.send(request) } -> std::convertible_to<Outcome<Response>>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
