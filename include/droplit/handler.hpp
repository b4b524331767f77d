// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>
#include <droplit/request_head.hpp>
#include <droplit/route.hpp>

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

// A member of that name that cannot be used is refused, since it would be ignored.

template <class H>
constexpr bool has_usable_limit() {
  if constexpr (requires(H & handler) { static_cast<void>(handler.max_body); }) {
    return requires(H & handler) {
      requires std::same_as<std::remove_cvref_t<decltype(handler.max_body)>, std::uint32_t>;
    };
  } else if constexpr (requires { &H::max_body; }) {
    return false;
  } else {
    return !requires(H & handler) { handler.max_body(); };
  }
}

/// What a server passes to `complete` of an `AsyncHandler`, as far as the handler may rely on it.
struct AnyDone {
  AnyDone(AnyDone&&) noexcept;
  void operator()() noexcept;
};

}  // namespace detail

/// Turns a request into a response: an `Endpoint`, a `Router`, an operation of a program's own.
///
/// A server reads at most `handler.max_body` bytes of a body, a `std::uint32_t`, 1 MiB if there is no such data member.
/// A member of that name that cannot be used so makes the type no handler.
template <class H>
concept Handler = detail::has_usable_limit<H>() && requires(H& handler, const Request& request) {
  /// The response to a whole request. Called by several threads at the same time if the server has them. A server
  /// responds with 500 to what it throws, or with 503 to a `Fault` that means that.
  ///
  /// The status is 200 to 599; any other is a fault, except 0, which closes the connection without a response. Servers
  /// and `LoopbackTransport` frame the message: they drop the fields `content-length`, `transfer-encoding`,
  /// `connection`, `date`, `host`, `expect` and `authorization`, and the body of a 204, 205 and 304, and write a
  /// `content-length` where the status allows one. The response to HEAD is that to GET; its body is not sent.
  { handler.handle(request) } -> std::convertible_to<Response>;
};

/// A handler that can also take a request in steps, while it arrives: then a server refuses a request before its body
/// was read, and never holds a whole body. `H::Steps` does that for one request after another, of one connection or of
/// several. Its responses are sent as they are: they have a status from 200 to 599 and the `content-length` of their
/// body.
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

/// A handler that responds later, such as a coroutine's: it suspends instead of blocking, so that a server needs no
/// store threads for it. Its steps are those of a `SteppedHandler`, except for `complete`, and its limit that of a
/// `Handler`. `server/` has such servers.
template <class H>
concept AsyncHandler = detail::has_usable_limit<H>() && std::constructible_from<typename H::Steps, H&> &&
    requires(typename H::Steps& steps, const RequestHead& head, std::string_view text, Response& response,
             detail::AnyDone done) {
  { steps.head(head, text, response) } -> std::same_as<bool>;
  { steps.body(text, response) } -> std::same_as<bool>;
  { steps.finish(text, response) } -> std::same_as<bool>;
  /// Must not block. Writes the response now or later, on any thread, and then calls `done()`. Steps, `response` and
  /// the server remain until then.
  ///
  /// `done` can be moved but not copied, and calls after the first do nothing. If it is destroyed without a call, which
  /// is how an exception ends, the response is a 500. A server ends only after the call or the destruction. While
  /// `done` exists, `done.get_executor()` is an executor of the server that runs one function of this connection at a
  /// time.
  ///
  /// A server calls `steps.cancel()`, if there is such a function, on that executor when the response cannot be sent
  /// any more: then `done` should be called soon. It may have been called before; `cancel` may be called again.
  { steps.complete(response, static_cast<detail::AnyDone&&>(done)) } -> std::same_as<void>;
  { steps.max_body() } -> std::convertible_to<std::uint32_t>;
};

/// What a server serves.
template <class H>
concept ServedHandler = Handler<H> || AsyncHandler<H>;

/// A handler with a `route`, which a `Router` can join with others. It gets the requests of its route alone: without a
/// router, too, other paths are responded to with 404, and other methods with 405. One with steps of its own must see
/// to that itself, as `Endpoint` does.
template <class H>
concept RoutedHandler = ServedHandler<H> && requires(const H& handler) {
  { handler.route } -> std::convertible_to<Route>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
