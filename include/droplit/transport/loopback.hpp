// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/handler_steps.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/transport.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Passes requests straight to a handler, such as an `Endpoint` or a `Router`, without a socket or a thread, and
/// responds as a server of the handler does. So a program that uses the service can be tested with any storage.
///
/// Holds a reference to the handler, which must outlive it. As thread-safe as the handler is.
template <Handler H>
class LoopbackTransport {
 public:
  /// The longest body of a response that is accepted, in bytes.
  static constexpr std::size_t max_response = 1 << 20;

  /// `token`: the value of `authorization`.
  LoopbackTransport(H& handler, std::string token) : handler_(handler), token_(std::move(token)) {}

  /// Calls the handler, and returns its response as a client would receive it; or a `Fault`.
  Outcome<Response> send(Request request) {
    if (!is_sendable(request) || detail::trim(token_) != token_ || !request.fields.add("authorization", token_)) {
      return Fault(FaultSource::transport, Fate::not_sent, "the request is malformed");
    }
    Response response = detail::respond(handler_, request);
    if (response.status == 0) {
      return Fault(FaultSource::transport, Fate::maybe_applied, "the handler closed the connection");
    }
    if (request.method == "HEAD") response.body.clear();  // which no server sends
    response.code.reset();  // which no client receives
    response.fault.reset();
    if (response.body.size() > max_response) {
      return Fault::unknown_response(response.status, "the response is too long", response.body);
    }
    return response;
  }

 private:
  H& handler_;
  std::string token_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
