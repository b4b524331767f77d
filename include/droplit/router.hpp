// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/handler_steps.hpp>
#include <droplit/detail/http/target.hpp>
#include <droplit/detail/route_table.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/request_head.hpp>
#include <droplit/route.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The last segment of a request's path, which a route's `{...}` matched. It is not percent-decoded.
inline std::string_view path_parameter(const Request& request) noexcept {
  std::string_view path = detail::split_target(request.target).path;
  if (path.ends_with('/')) path.remove_suffix(1);
  return path.substr(path.rfind('/') + 1);
}
std::string_view path_parameter(const Request&&) = delete;

/// Joins handlers by path and method: each request goes to the first that has both in its route. Responds itself with
/// 404 to other paths, with the parameters of operations to OPTIONS, and with 405 and `allow` to other methods. It is a
/// handler, too; an `AsyncHandler` if one of them is, and then the others must not block.
///
///     Router router(endpoint, get_client);
///     BeastServer server(router);
///
/// Holds references to the handlers, which must outlive it. As thread-safe as they are. The busiest handler should be
/// the first, which is found fastest.
template <RoutedHandler... H>
requires(sizeof...(H) != 0) class Router {
 public:
  /// Joins these handlers; where two have the same route, the first is used.
  explicit Router(H&... handlers) : handlers_(handlers...), routes_{handlers.route...} {}

  /// Responds to a whole request. Throws only for lack of memory.
  Response handle(const Request& request) requires(Handler<H>&&...) { return detail::respond(*this, request); }

  /// The routes of the handlers, in their order.
  [[nodiscard]] std::span<const Route> routes() const noexcept { return routes_; }

  /// One request after another in steps (see `SteppedHandler`).
  class Steps {
   public:
    /// The steps of one connection's requests to `router`, which must outlive them.
    explicit Steps(Router& router)
        : router_(router),
          all_(std::apply([](H&... handler) { return std::tuple<detail::StepsOf<H, false>...>(handler...); },
                          router.handlers_)) {}

    ///@{
    /// As `SteppedHandler` says, by the handler that has the route.
    bool head(const RequestHead& head, std::string_view lines, Response& response) {
      chosen_ = detail::find_route(router_.routes_, head, response);
      return chosen_ && with_chosen([&](auto& steps) { return steps.head(head, lines, response); });
    }
    bool body(std::string_view piece, Response& response) {
      return with_chosen([&](auto& steps) { return steps.body(piece, response); });
    }
    bool finish(std::string_view last_piece, Response& response) {
      return with_chosen([&](auto& steps) { return steps.finish(last_piece, response); });
    }
    void complete(Response& response) requires(Handler<H>&&...) {
      with_chosen([&](auto& steps) { steps.complete(response); });
    }
    ///@}
    ///@{
    /// As `AsyncHandler` says, by the handler that has the route.
    template <class Done>
    void complete(Response& response, Done done) requires(AsyncHandler<H> || ...) {
      with_chosen([&](auto& steps) {
        if constexpr (requires { steps.complete(response, static_cast<Done&&>(done)); }) {
          steps.complete(response, static_cast<Done&&>(done));
        } else {
          steps.complete(response);
          done();
        }
      });
    }
    void cancel() requires(AsyncHandler<H> || ...) {
      with_chosen([](auto& steps) {
        if constexpr (requires { steps.cancel(); }) steps.cancel();
      });
    }
    ///@}
    /// Of a request without a route: what any handler takes.
    [[nodiscard]] std::uint32_t max_body() {
      if (chosen_) return with_chosen(max_body_of);
      return std::apply([](auto&... steps) { return (std::max)({max_body_of(steps)...}); }, all_);
    }

   private:
    static constexpr auto max_body_of = [](auto& steps) { return static_cast<std::uint32_t>(steps.max_body()); };

    template <std::size_t I = 0, class Call>
    auto with_chosen(Call call) {
      if constexpr (I + 1 != sizeof...(H)) {
        if (*chosen_ != I) return with_chosen<I + 1>(call);
      }
      return call(std::get<I>(all_));
    }

    Router& router_;
    std::tuple<detail::StepsOf<H, false>...> all_;
    std::optional<std::size_t> chosen_;
  };

 private:
  std::tuple<H&...> handlers_;
  std::array<Route, sizeof...(H)> routes_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
