// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/create_client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/parameter_list.hpp>
#include <droplit/detail/route_table.hpp>
#include <droplit/exchange.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The default `on_fault` policy: ignores faults.
struct IgnoreFaults {
  void operator()(const Fault&) const noexcept {}  ///< does nothing
};

/// The endpoint "create a client" (`POST /api/clients`): a request in, its response out, no I/O of its own.
///
/// Holds references to its policies, which must outlive it. As thread-safe as they are: one endpoint may serve many
/// threads. Every `Fault` is passed to `on_fault` before the response, a 500 or 503 without its text, is made; what
/// `on_fault` throws is dropped.
template <Storage S, Access A, Clock C, IdSource I, std::invocable<const Fault&> F = IgnoreFaults>
class Endpoint {
 public:
  /// That of "create a client", with its parameters if OPTIONS is served.
  const Route route;

  /// The endpoint that uses these policies; a temporary `access` does not compile.
  Endpoint(S& storage, const A& access, C& clock, I& ids, EndpointOptions options = {}, F on_fault = {})
      : route(with_parameters(options.serve_options)),
        storage_(storage),
        access_(access),
        clock_(clock),
        ids_(ids),
        options_(own(options)),
        on_fault_(std::move(on_fault)) {}

  Endpoint(S& storage, const A&& access, C& clock, I& ids, EndpointOptions options = {}, F on_fault = {}) = delete;

  /// Responds to a whole request. Throws only if there is no memory for the shortest response, and then nothing was
  /// created.
  Response handle(const Request& request) {
    Response response;
    handle(request, response);
    return response;
  }

  /// Responds to a whole request in `response`, whose memory is used again.
  void handle(const Request& request, Response& response) {
    RequestHead head(request.method, request.target);
    for (const HeaderField field : request.fields) head.add(field.name, field.value);
    handle(head, request.body, response);
  }

  /// Responds to a whole request of which only the head was taken apart. Head and body may be views of the response.
  void handle(const RequestHead& head, std::string_view body, Response& response) {
    std::optional<IdempotencyKey> key;
    auto draft = detail::guarded<ClientDraft>(FaultSource::library, Fate::not_applied, [&]() -> Outcome<ClientDraft> {
      Exchange<A> exchange(access_, options_);
      if (auto good = exchange.head(head); !good) return std::move(good).as_failure();
      if constexpr (KeyedStorage<S>) key = std::move(exchange).key();
      return exchange.draft(body);
    });
    if (is_other_method(draft)) return refuse_method(head, response);
    detail::reserve_for_fault(response);  // not before head and body were read
    if (!draft) return respond<Client>(std::move(draft).as_failure(), response);
    create(std::move(draft).assume_value(), key, response);
  }

  /// Passes a fault to `on_fault`; what that throws is dropped.
  void report(const Fault& fault) noexcept {
    static_cast<void>(detail::guarded<void>(FaultSource::library, Fate::maybe_applied, [&]() -> Outcome<void> {
      on_fault_(fault);
      return BOOST_OUTCOME_V2_NAMESPACE::success();
    }));
  }

  /// One request after another in steps (see `SteppedHandler`); an `Exchange`, and the storage after it.
  class Steps {
   public:
    /// The steps of one connection's requests to `endpoint`, which must outlive them.
    explicit Steps(Endpoint& endpoint) : endpoint_(endpoint), exchange_(endpoint.access_, endpoint.options_) {}

    ///@{
    /// As `SteppedHandler` says.
    bool head(const RequestHead& head, std::string_view, Response& response) {
      auto good = exchange_.head(head);
      if (!is_other_method(good)) return passes(std::move(good), response);
      endpoint_.refuse_method(head, response);
      return false;
    }
    bool body(std::string_view piece, Response& response) { return passes(exchange_.body(piece), response); }
    bool finish(std::string_view last_piece, Response& response) {
      auto draft = exchange_.draft(last_piece);
      if (draft) draft_ = std::move(draft).assume_value();
      return passes(std::move(draft), response);
    }
    void complete(Response& response) {
      endpoint_.create(*std::move(draft_), exchange_.key(), response);
      draft_.reset();
    }
    [[nodiscard]] std::uint32_t max_body() const noexcept { return endpoint_.options_.max_body; }
    ///@}

   private:
    template <class T>
    bool passes(Outcome<T>&& outcome, Response& response) {
      if (!outcome) endpoint_.template respond<Client>(std::move(outcome).as_failure(), response);
      return outcome.has_value();
    }

    Endpoint& endpoint_;
    Exchange<A> exchange_;
    std::optional<ClientDraft> draft_;
  };

  /// The options, each within its range; without keys if the storage is not a `KeyedStorage`.
  [[nodiscard]] EndpointOptions options() const noexcept { return options_; }

 private:
  static constexpr Route with_parameters(bool serve_options) noexcept {
    Route route = create_client_route;
    if (serve_options) route.parameters = detail::create_client_parameters;
    return route;
  }

  static constexpr EndpointOptions own(EndpointOptions options) noexcept {
    if constexpr (!KeyedStorage<S>) options.idempotency_keys = false;
    return detail::bounded(options);
  }

  template <class T>
  static bool is_other_method(const Outcome<T>& outcome) noexcept {
    return outcome.has_error() && outcome.assume_error().code() == ApiErrc::method_not_allowed;
  }

  // Responds to OPTIONS, or with 405 and the methods of the route.
  void refuse_method(const RequestHead& head, Response& response) {
    write(response, [&] { static_cast<void>(detail::find_route({&route, 1}, head, response)); });
  }

  // Creates the client, under its key if there is one, and responds.
  void create(ClientDraft&& draft, const std::optional<IdempotencyKey>& key, Response& response) {
    if constexpr (KeyedStorage<S>) {
      if (key) return respond(detail::drive(Creation(std::move(draft)), storage_, clock_, ids_, *key), response);
    }
    respond(detail::drive(Creation(std::move(draft)), storage_, clock_, ids_), response);
  }

  // Writes the response, after a fault was passed to `on_fault`. The failure of an earlier step is passed by
  // `.as_failure()`.
  template <class T>
  void respond(const Outcome<T>& outcome, Response& response) {
    if (outcome.has_exception()) report(outcome.assume_exception());
    write(response, [&] { write_response(response, outcome); });
  }

  // Lets `call` write the response; a 500 if that throws, for which `respond` has memory reserved.
  template <class Call>
  void write(Response& response, Call call) {
    const auto written = detail::guarded<void>(FaultSource::library, Fate::maybe_applied, [&]() -> Outcome<void> {
      call();
      return BOOST_OUTCOME_V2_NAMESPACE::success();
    });
    if (written) return;
    report(written.assume_exception());
    write_response(response, written.assume_exception());
  }

  S& storage_;
  const A& access_;
  C& clock_;
  I& ids_;
  EndpointOptions options_;
  [[no_unique_address]] F on_fault_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
