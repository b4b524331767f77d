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
#include <droplit/detail/http/target.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Passes a fault to a handler that takes faults.
template <class H>
void report(H& handler, const Fault& fault) {
  if constexpr (requires { handler.report(fault); }) handler.report(fault);
}

/// The index of the route that a request goes to: the first that has its path and method. Without one, writes the
/// response.
inline std::optional<std::size_t> find_route(std::span<const Route> routes, const RequestHead& head,
                                             Response& response) {
  const Route& first = routes.front();
  if (head.target() == first.path && head.method() == first.method && !head.length_malformed()) return 0;  // fast
  const RequestTarget target = split_target(head.target());
  if (head.length_malformed() || !target.well_formed) {
    write_response(response, ApiError::of<ApiErrc::bad_request>());
    return std::nullopt;
  }
  std::set<std::string_view> methods;  // of the routes that have the path
  for (std::size_t i = 0; i != routes.size(); ++i) {
    if (!routes[i].has_path(target.path)) continue;
    if (routes[i].method == head.method()) return i;
    methods.insert(routes[i].method);
  }
  if (methods.empty()) {
    write_response(response, ApiError::of<ApiErrc::not_found>());
    return std::nullopt;
  }
  std::string allow;
  for (const std::string_view method : methods) allow.append(allow.empty() ? "" : ", ").append(method);
  write_response(response, ApiError::of<ApiErrc::method_not_allowed>(), allow);
  return std::nullopt;
}

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
    const auto made = guarded<Response>(FaultSource::library, Fate::maybe_applied, [this]() -> Outcome<Response> {
      Response own = handler_.handle(request_);
      if (own.status == 0 || (own.status >= 200 && own.status <= 599)) return own;
      return Fault(FaultSource::library, Fate::maybe_applied,
                   "a handler's response has the status " + std::to_string(own.status));
    });
    request_ = {};
    if (!made) {
      report(handler_, made.assume_exception());
      return write_response(response, made.assume_exception());
    }
    const Response& own = made.assume_value();  // copied, so that memory that was reserved stays
    const bool has_length = own.status != 204 && own.status != 304;
    const bool has_body = has_length && own.status != 205;
    response.status = own.status;
    response.close = own.close;
    response.body.assign(own.body, 0, has_body ? own.body.npos : 0);
    response.fields.clear();
    for (const HeaderField field : own.fields) {
      if (!is_framing(field.name)) response.fields.add(field.name, field.value);
    }
    if (has_length) response.fields.add("content-length", std::to_string(response.body.size()));
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
template <SteppedHandler H, bool checks_route>
struct ChooseSteps<H, checks_route> : std::type_identity<typename H::Steps> {};

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
