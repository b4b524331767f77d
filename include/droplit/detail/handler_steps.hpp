// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Servers and the router take each request in steps, but most handlers want it whole. `WholeSteps` gathers a request,
// within the handler's limit, and then calls `handle`; `StepsOf` is that for a handler without steps of its own.

#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Passes a fault to a handler that takes faults.
template <class H>
void report(H& handler, const Fault& fault) {
  if constexpr (requires { handler.report(fault); }) handler.report(fault);
}

/// The steps of a handler that takes whole requests.
template <Handler H>
class WholeSteps {
 public:
  explicit WholeSteps(H& handler) noexcept : handler_(handler) {}

  bool head(const RequestHead& head, std::string_view lines, Response& response) {
    request_ = Request{std::string(head.method()), std::string(head.target()), {}, {}};
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\r'));
      const std::size_t colon = line.find(':');
      request_.fields.add(line.substr(0, colon), line.substr(colon + 1));
      lines.remove_prefix(line.size() + 2);
    }
    return fits(head.announced_length().value_or(0), response);
  }

  bool body(std::string_view piece, Response& response) {
    if (!fits(request_.body.size() + piece.size(), response)) return false;
    request_.body += piece;
    return true;
  }

  bool finish(std::string_view last_piece, Response& response) { return body(last_piece, response); }

  void complete(Response& response) {
    const auto made = guarded<Response>(FaultSource::library, Fate::maybe_applied,
                                        [this]() -> Outcome<Response> { return handler_.handle(request_); });
    request_ = {};
    if (!made) {
      report(handler_, made.assume_exception());
      return write_response(response, made.assume_exception());
    }
    response = made.assume_value();  // a copy, so that memory that was reserved stays
    const bool may_have_body = response.status >= 200 && response.status != 204 && response.status != 304;
    if (may_have_body && response.fields.count("content-length") == 0) {
      response.fields.add("content-length", std::to_string(response.body.size()));
    }
  }

  [[nodiscard]] std::uint32_t max_body() const noexcept {
    if constexpr (requires { handler_.max_body; }) {
      return handler_.max_body;
    } else {
      return 1024 * 1024;
    }
  }

 private:
  bool fits(std::uint64_t size, Response& response) {
    if (size <= max_body()) return true;
    write_response(response, ApiError::of<ApiErrc::content_too_large>());
    return false;
  }

  H& handler_;
  Request request_;
};

template <class H>
struct ChooseSteps : std::type_identity<WholeSteps<H>> {};
template <SteppedHandler H>
struct ChooseSteps<H> : std::type_identity<typename H::Steps> {};

/// The steps of a handler: its own if it has any.
template <class H>
using StepsOf = typename ChooseSteps<H>::type;

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
