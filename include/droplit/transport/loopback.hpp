// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../endpoint.hpp"
#include "../transport.hpp"

#include <string>
#include <utility>

namespace droplit {

/// Carries requests straight into an `Endpoint`: no socket, no thread. With it, what a program does with the service
/// can be tested against any storage.
///
/// Holds a reference to the endpoint, which must outlive it. As thread-safe as the endpoint is.
template <class E>
class LoopbackTransport {
 public:
  /// `token` is who calls.
  LoopbackTransport(E& endpoint, std::string token) : endpoint_(endpoint), token_(std::move(token)) {}

  Outcome<Response> send(const Request& request) {
    RequestHead head(request.method, request.target);
    for (const HeaderField field : request.fields) head.add(field.name, field.value);
    head.add("authorization", token_);
    Response response;
    endpoint_.handle(head, request.body, response);
    return response;
  }

 private:
  E& endpoint_;
  std::string token_;
};

}  // namespace droplit
