// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/sendable.hpp>
#include <droplit/endpoint.hpp>
#include <droplit/transport.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Carries requests straight into an `Endpoint`, or whatever else answers a whole request by `handle(request)`: no
/// socket, no thread. With it, what a program does with the service can be tested against any storage.
///
/// Holds a reference to the endpoint, which must outlive it. As thread-safe as the endpoint is.
template <class E>
class LoopbackTransport {
 public:
  /// The longest body of an answer that is taken, in bytes.
  static constexpr std::size_t max_response = 1 << 20;

  /// `token` is who calls.
  LoopbackTransport(E& endpoint, std::string token) : endpoint_(endpoint), token_(std::move(token)) {}

  Outcome<Response> send(Request request) {
    if (!detail::is_sendable(request) || detail::trim(token_) != token_ ||
        !request.fields.add("authorization", token_)) {
      return Fault(FaultSource::transport, Fate::not_sent, "the request cannot be sent as it stands");
    }
    Response response = endpoint_.handle(request);
    if (response.body.size() > max_response) {
      return Fault::unknown_response(response.status, "the answer is too long", response.body);
    }
    return response;
  }

 private:
  E& endpoint_;
  std::string token_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
