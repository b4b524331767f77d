// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>
#include <droplit/request_head.hpp>

#include <concepts>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Turns a request into a response: an `Endpoint`, a `Router`, an operation of a program's own.
///
/// A server reads at most `handler.max_body` bytes of a body, 1 MiB if there is no such member, and passes faults to
/// `handler.report(fault)`, which must not throw, if there is such a function.
template <class H>
concept Handler = requires(H& handler, const Request& request) {
  /// The response to a whole request, its `content-length` included. Called by several threads at the same time if the
  /// server has them. A server responds with 500 to what it throws, or with 503 to a `Fault` that means that.
  { handler.handle(request) } -> std::convertible_to<Response>;
};

/// A handler that can also take a request in steps, while it arrives: then a server refuses a request before its body
/// was read, and never holds a whole body. `H::Steps` does that for the requests of one connection, one after another.
template <class H>
concept SteppedHandler = Handler<H> && std::constructible_from<typename H::Steps, H&> &&
    requires(typename H::Steps& steps, const RequestHead& head, std::string_view text, Response& response) {
  /// Begins a new request, whose field lines are `text`, each ended by CR LF. The views need not outlive the call.
  /// This and the next two: false if the request ends here, with `response`.
  { steps.head(head, text, response) } -> std::same_as<bool>;
  /// Takes a piece of the body.
  { steps.body(text, response) } -> std::same_as<bool>;
  /// Takes the last piece of the body, which may be empty or all of it. True if `complete` must be called.
  { steps.finish(text, response) } -> std::same_as<bool>;
  /// Does what may block, on any thread, and writes the response.
  { steps.complete(response) } -> std::same_as<void>;
  /// The longest body that is read, in bytes; of the request, once its head was taken.
  { steps.max_body() } -> std::convertible_to<std::uint32_t>;
};

/// The requests that a handler takes: a method and a path.
struct Route {
  std::string_view method;
  /// `/livez`; or `/api/clients/{id}`, where the last segment may be any, but not empty.
  std::string_view path;
  /// Whether it is an operation of the API: the path may also begin with `/v0` and end with one more `/`.
  bool operation = false;

  /// Whether `other`, the path of a request, is this route's. It is not percent-decoded.
  [[nodiscard]] constexpr bool has_path(std::string_view other) const noexcept {
    if (operation && other.starts_with("/v0/")) other.remove_prefix(3);
    if (operation && other.ends_with('/')) other.remove_suffix(1);
    if (!path.ends_with('}')) return other == path;
    const std::string_view before = path.substr(0, path.rfind('{'));
    return other.size() > before.size() && other.starts_with(before) &&
           other.find('/', before.size()) == std::string_view::npos;
  }
};

/// A handler with a `route`, which a `Router` can join with others.
template <class H>
concept RoutedHandler = Handler<H> && requires(const H& handler) {
  { handler.route } -> std::convertible_to<Route>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
