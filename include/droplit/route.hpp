// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The requests that a handler takes: a method and a path. A route for GET also takes HEAD (RFC 9110, section 9.1).
struct Route {
  std::string_view method;  ///< such as `POST`; case counts
  /// `/livez`; or `/api/clients/{id}`, where the last segment may be any, but not empty.
  std::string_view path;
  /// Whether it is an operation of the API: the path may also begin with `/v0`, and end with one more `/` unless it
  /// ends with one already.
  bool operation = false;
  /// The parameters of an operation as OPTIONS lists them, a JSON object; OPTIONS is not served without them.
  std::string_view parameters = {};

  /// Whether `other`, the method of a request, is this route's.
  [[nodiscard]] constexpr bool has_method(std::string_view other) const noexcept {
    return other == method || (other == "HEAD" && method == "GET");
  }

  /// Whether OPTIONS is responded to where no route has it as its method.
  [[nodiscard]] constexpr bool serves_options() const noexcept { return operation && !parameters.empty(); }

  /// Whether `other`, the path of a request, is this route's. It is not percent-decoded.
  [[nodiscard]] constexpr bool has_path(std::string_view other) const noexcept {
    if (operation && other.starts_with("/v0/") && !path.starts_with("/v0/")) other.remove_prefix(3);
    if (operation && other.ends_with('/') && !path.ends_with('/')) other.remove_suffix(1);
    if (!path.ends_with('}')) return other == path;
    const std::string_view before = path.substr(0, path.rfind('{'));
    return other.size() > before.size() && other.starts_with(before) &&
           other.find('/', before.size()) == std::string_view::npos;
  }
};

/// The route of "create a client" (source: the page, and sibling pages of the same API).
inline constexpr Route create_client_route{"POST", "/api/clients", true};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
