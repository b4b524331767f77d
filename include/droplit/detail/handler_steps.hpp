// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Servers, the router and the loopback transport take each request in steps, but most handlers take it whole.
// `WholeSteps` checks its route, gathers it within the handler's limit, calls `handle` and makes sure that the response
// can be framed; `StepsOf` is that for a handler without steps of its own.

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/http/head_field.hpp>
#include <droplit/detail/route_table.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The steps of a handler that takes whole requests. Makes sure that its response can be framed. With `checks_route`,
/// refuses requests of other routes; within a router, none arrive.
template <Handler H, bool checks_route = RoutedHandler<H>>
class WholeSteps {
 public:
  explicit WholeSteps(H& handler) noexcept : handler_(handler) {}

  bool head(const RequestHead& head, std::string_view lines, Response& response) {
    if constexpr (checks_route) {
      const Route route = handler_.route;
      if (!find_route({&route, 1}, head, response)) return false;
    }
    request_ = Request{std::string(head.method()), std::string(head.target()), {}, {}};
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\r'));
      const std::size_t colon = line.find(':');
      request_.fields.add(line.substr(0, colon), line.substr(colon + 1));
      lines.remove_prefix(line.size() + 2);
    }
    const auto length = head.announced_length();
    return !length || fits(*length, response);
  }

  bool body(std::string_view piece, Response& response) {
    if (!fits(request_.body.size() + piece.size(), response)) return false;
    request_.body += piece;
    return true;
  }

  bool finish(std::string_view last_piece, Response& response) { return body(last_piece, response); }

  void complete(Response& response) {
    const auto made = guarded<void>(FaultSource::library, Fate::maybe_applied, [&]() -> Outcome<void> {
      const Response& own = handler_.handle(request_);
      if (own.status != 0 && (own.status < 200 || own.status > 599)) {
        return Fault(FaultSource::library, Fate::maybe_applied,
                     "a handler's response has the status " + std::to_string(own.status));
      }
      frame(own, response);
      return BOOST_OUTCOME_V2_NAMESPACE::success();
    });
    if (!made) write_response(response, made.assume_exception());
  }

  [[nodiscard]] std::uint32_t max_body() const noexcept {
    if constexpr (requires { handler_.max_body; }) {
      return handler_.max_body;
    } else {
      return 1024 * 1024;
    }
  }

 private:
  static bool is_framing(std::string_view name) noexcept {
    return head_field(name).reserved || equals_ignoring_case(name, "date");
  }

  // Copies a response, so that memory that was reserved in `out` stays, with the fields that frame it.
  static void frame(const Response& own, Response& out) {
    const bool has_length = own.status != 204 && own.status != 304;
    const bool has_body = has_length && own.status != 205;
    out.status = own.status;
    out.close = own.close;
    out.code = own.code;
    out.fault = own.fault;
    out.body.assign(own.body, 0, has_body ? own.body.npos : 0);
    out.fields.clear();
    for (const HeaderField field : own.fields) {
      if (!is_framing(field.name)) out.fields.add(field.name, field.value);
    }
    if (has_length) out.fields.add("content-length", std::to_string(out.body.size()));
  }

  bool fits(std::uint64_t size, Response& response) {
    if (size <= max_body()) return true;
    write_response(response, ApiError::of<ApiErrc::content_too_large>());
    return false;
  }

  H& handler_;
  Request request_;
};

template <class H, bool checks_route>
struct ChooseSteps : std::type_identity<WholeSteps<H, checks_route>> {};
template <class H, bool checks_route>
requires(SteppedHandler<H> || AsyncHandler<H>) struct ChooseSteps<H, checks_route>
    : std::type_identity<typename H::Steps> {
};

/// The steps of a handler: its own if it has any.
template <class H, bool checks_route = RoutedHandler<H>>
using StepsOf = typename ChooseSteps<H, checks_route>::type;

/// The response of a handler, in its steps, to a whole request.
template <Handler H>
Response respond(H& handler, const Request& request) {
  RequestHead head(request.method, request.target);
  for (const HeaderField field : request.fields) head.add(field.name, field.value);
  Response response;
  StepsOf<H> steps(handler);
  const bool due = steps.head(head, request.fields.lines(), response) && steps.finish(request.body, response);
  if (due) steps.complete(response);
  return response;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
