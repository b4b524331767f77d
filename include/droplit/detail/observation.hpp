// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What the endpoints, `HttpSession` and the SDK share to inform an observer of each request exactly once, whatever
// becomes of the request: a `RequestObservation` that has begun finishes at the latest when it is destroyed. With
// `NoObserver` all of it is empty.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/target.hpp>
#include <droplit/detail/http/trace_fields.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/observer.hpp>
#include <droplit/request_head.hpp>
#include <droplit/route.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

template <class O>
inline constexpr bool is_observed = !std::same_as<std::remove_const_t<O>, NoObserver>;

/// Calls `call(observer)`; what that throws is dropped.
template <Observer O, class Call>
void notify([[maybe_unused]] O& observer, [[maybe_unused]] Call call) noexcept {
  if constexpr (is_observed<O>) {
#if defined(__cpp_exceptions)
    try {
      call(observer);
    } catch (...) {
    }
#else
    call(observer);
#endif
  }
}

/// The routes of a handler: of a router all, of another one its own if it has one.
template <class H>
auto routes_of(const H& handler) {
  if constexpr (requires { std::span<const Route>(handler.routes()); }) {
    return std::span<const Route>(handler.routes());
  } else if constexpr (requires { Route(handler.route); }) {
    return std::array<Route, 1>{handler.route};
  } else {
    return std::array<Route, 0>{};
  }
}

/// What an observer may get of a request with this head: the path of its route, its method, and what identifies it.
inline RequestBegan describe(std::span<const Route> routes, const RequestHead& head) noexcept {
  RequestBegan began;
  if (!routes.empty() && head.target() == routes.front().path) {  // common case
    began.route = routes.front().path;
  } else {
    const RequestTarget target = split_target(head.target());
    const auto route = std::find_if(routes.begin(), routes.end(), [&target](const Route& one) {
      return target.well_formed && one.has_path(target.path);
    });
    if (route != routes.end()) began.route = route->path;
  }
  constexpr std::string_view all[] = {"POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE"};
  const auto* const known = std::find(std::begin(all), std::end(all), head.method());
  if (known != std::end(all)) began.method = *known;  // not a view of the request
  began.request_id = head.request_id();
  began.traceparent = head.traceparent();
  return began;
}

/// One request after another, as an observer is informed of them. Not thread-safe.
template <Observer O>
class RequestObservation {
 public:
  explicit RequestObservation(O& observer) noexcept : observer_(observer) {}
  /// Takes the request that has begun, if one has.
  RequestObservation(RequestObservation&& other) noexcept
      : observer_(other.observer_),
        event_(other.event_),
        start_(other.start_),
        begun_(std::exchange(other.begun_, false)) {
    event_.request_id = copy(other.event_.request_id, request_id_);
    event_.traceparent = copy(other.event_.traceparent, traceparent_);
  }
  RequestObservation& operator=(RequestObservation&&) = delete;
  ~RequestObservation() { abandon(); }

  /// Begins a request; one that has begun before is abandoned. Route and method must last; the other views need not.
  void begin(const RequestBegan& began) noexcept {
    abandon();
    event_ = {};
    static_cast<RequestBegan&>(event_) = began;
    event_.request_id = copy(began.request_id, request_id_);
    event_.traceparent = copy(began.traceparent, traceparent_);
    begun_ = true;
    start_.reset();
    notify(observer_, [this](O& observer) { start_ = static_cast<std::int64_t>(observer.now()); });
    notify(observer_, [this](O& observer) { observer.began(static_cast<const RequestBegan&>(event_)); });
  }

  /// Whether a request has begun and not finished.
  [[nodiscard]] bool begun() const noexcept { return begun_; }

  /// Counts bytes of the request that has begun.
  void receive(std::uint64_t bytes) noexcept { event_.bytes_received += bytes; }

  /// Finishes the request that has begun, if one has, with its response.
  void finish(const Response& response, std::uint64_t bytes_sent) noexcept {
    finish(response.status, response.code, response.fault ? &*response.fault : nullptr, bytes_sent);
  }
  void finish(int status, std::optional<ApiErrc> code, const Fault* fault, std::uint64_t bytes_sent) noexcept {
    if (!begun_) return;
    begun_ = false;
    event_.status = status;
    event_.code = code;
    event_.fault = fault;
    event_.bytes_sent = bytes_sent;
    notify(observer_, [this](O& observer) {
      const auto now = static_cast<std::int64_t>(observer.now());
      if (start_) event_.nanoseconds = now - *start_;
    });
    notify(observer_, [this](O& observer) { observer.finished(static_cast<const RequestFinished&>(event_)); });
  }

  /// Finishes the request without a response.
  void abandon() noexcept { finish(0, {}, nullptr, 0); }

 private:
  template <std::size_t size>
  static std::string_view copy(std::string_view text, char (&to)[size]) noexcept {
    return {to, text.copy(to, size)};
  }

  O& observer_;
  RequestFinished event_;
  std::optional<std::int64_t> start_;
  bool begun_ = false;
  char request_id_[max_request_id];
  char traceparent_[traceparent_size];
};

template <Observer O>
requires(!is_observed<O>) class RequestObservation<O> {
 public:
  constexpr explicit RequestObservation(O&) noexcept {}
  constexpr void begin(const RequestBegan&) noexcept {}
  [[nodiscard]] constexpr bool begun() const noexcept { return true; }
  constexpr void receive(std::uint64_t) noexcept {}
  constexpr void finish(const Response&, std::uint64_t) noexcept {}
  constexpr void finish(int, std::optional<ApiErrc>, const Fault*, std::uint64_t) noexcept {}
  constexpr void abandon() noexcept {}
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
