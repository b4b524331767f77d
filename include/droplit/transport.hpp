// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "http.hpp"
#include "outcome.hpp"

#include <concepts>

namespace droplit {

/// A policy that carries a request to the service and brings its answer back.
///
/// A failure is thrown, or returned, as a `Fault` whose fate says what became of the request: `not_sent` only where not
/// a byte of it can have reached the service, else `maybe_applied`. Any other exception counts as maybe applied.
template <class T>
concept Transport = requires(T& transport, const Request& request) {
  /// Sends the request once and gives the final answer to it: no 1xx, no redirect followed, no repetition by itself. A
  /// request that cannot be written onto the wire as it stands is refused as not sent.
  { transport.send(request) } -> std::convertible_to<Outcome<Response>>;
};

}  // namespace droplit
