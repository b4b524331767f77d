// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Finds the route of a request among those that are served, and responds where there is none: 400, 404, 405 with
// `allow`, and OPTIONS. The router asks for the routes of its handlers, a handler that is served alone for its own.

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/http/target.hpp>
#include <droplit/error.hpp>
#include <droplit/http.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Responds to a request whose path routes have, but whose method none of them has: to OPTIONS, if one of them serves
/// it, with their parameters; otherwise with 405.
inline void respond_without_method(std::span<const Route> routes, std::string_view path, std::string_view method,
                                   Response& response) {
  std::vector<std::string_view> methods;  // sorted
  const auto add = [&methods](std::string_view added) {
    const auto at = std::lower_bound(methods.begin(), methods.end(), added);
    if (at == methods.end() || *at != added) methods.insert(at, added);
  };
  bool serves_options = false;
  for (const Route& route : routes) {
    if (!route.has_path(path)) continue;
    add(route.method);
    if (route.method == "GET") add("HEAD");
    if (route.serves_options()) serves_options = true;
  }
  if (serves_options) add("OPTIONS");
  std::string allow;
  for (const std::string_view each : methods) allow.append(allow.empty() ? "" : ", ").append(each);
  if (!serves_options || method != "OPTIONS") {
    return write_response(response, ApiError::of<ApiErrc::method_not_allowed>(), allow);
  }
  std::string body;
  for (const std::string_view each : methods) {
    for (const Route& route : routes) {
      if (route.method != each || !route.has_path(path) || !route.serves_options()) continue;
      body.append(body.empty() ? "{\"" : ",\"").append(each).append("\":").append(route.parameters);
      break;
    }
  }
  body += '}';
  response.status = 200;
  response.close = false;
  response.code.reset();
  response.fault.reset();
  response.fields.clear();
  response.fields.add("content-type", "application/json");
  response.fields.add("allow", allow);
  response.fields.add("content-length", std::to_string(body.size()));
  response.body = body;  // copied, so that memory that was reserved stays
}

/// The index of the route that a request goes to: the first that has its path and method. Without one, writes the
/// response. Views in `head` may be of the response.
inline std::optional<std::size_t> find_route(std::span<const Route> routes, const RequestHead& head,
                                             Response& response) {
  const Route& first = routes.front();
  if (head.target() == first.path && head.method() == first.method && !head.length_malformed()) return 0;  // fast
  const RequestTarget target = split_target(head.target());
  if (head.length_malformed() || !target.well_formed) {
    write_response(response, ApiError::of<ApiErrc::bad_request>());
    return std::nullopt;
  }
  bool has_path = false;
  for (std::size_t i = 0; i != routes.size(); ++i) {
    if (!routes[i].has_path(target.path)) continue;
    if (routes[i].has_method(head.method())) return i;
    has_path = true;
  }
  if (has_path) {
    respond_without_method(routes, target.path, head.method(), response);
  } else {
    write_response(response, ApiError::of<ApiErrc::not_found>());
  }
  return std::nullopt;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
