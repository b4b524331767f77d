// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>

#include <concepts>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A policy that carries a request to the service and brings its answer back.
///
/// A failure is thrown, or returned, as a `Fault` whose fate says what became of the request: `not_sent` only where not
/// a byte of it can have reached the service, else `maybe_applied`. Any other exception counts as maybe applied.
template <class T>
concept Transport = requires(T& transport, const Request& request) {
  /// Sends the request once and gives the final answer to it: no 1xx, no redirect followed, no repetition by itself. It
  /// adds who calls. A request that cannot be written onto the wire as it stands, or brings fields that are the
  /// transport's own (who calls, and what frames the message), is refused as not sent. An answer longer than a bound of
  /// its own, 1 MiB, is a `Fault` that is maybe applied and keeps the status.
  { transport.send(request) } -> std::convertible_to<Outcome<Response>>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
