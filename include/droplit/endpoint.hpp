// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/create_client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/observation.hpp>
#include <droplit/detail/parameter_list.hpp>
#include <droplit/detail/route_table.hpp>
#include <droplit/exchange.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/observer.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The endpoint "create a client" (`POST /api/clients`): a request in, its response out, no I/O of its own.
///
/// Holds references to its policies, which must outlive it. As thread-safe as they are: one endpoint may serve many
/// threads. Its observer is informed of each request, whose response says nothing of a `Fault`. In a `BeastServer`, the
/// server is given the observer instead, which sees more; an observer of both would see each request twice.
template <Storage S, Access A, Clock C, IdSource I, Observer O = NoObserver>
class Endpoint {
 public:
  /// That of "create a client", with its parameters if OPTIONS is served.
  const Route route;

  /// The endpoint that uses these policies; a temporary `access` does not compile.
  Endpoint(S& storage, const A& access, C& clock, I& ids, EndpointOptions options = {}, O& observer = no_observer)
      : route(with_parameters(options.serve_options)),
        storage_(storage),
        access_(access),
        clock_(clock),
        ids_(ids),
        options_(own(options)),
        observer_(observer) {}

  Endpoint(S& storage, const A&& access, C& clock, I& ids, EndpointOptions options = {},
           O& observer = no_observer) = delete;

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
    detail::RequestObservation<O> observation(observer_);
    if constexpr (detail::is_observed<O>) {
      observation.begin(detail::describe({&route, 1}, head));
      observation.receive(body.size());
    }
    std::optional<IdempotencyKey> key;
    auto draft = detail::guarded<ClientDraft>(FaultSource::library, Fate::not_applied, [&]() -> Outcome<ClientDraft> {
      Exchange<A> exchange(access_, options_);
      if (auto good = exchange.head(head); !good) return std::move(good).as_failure();
      if (options_.idempotency_keys) key = std::move(exchange).key();
      return exchange.draft(body);
    });
    if (is_other_method(draft)) {
      refuse_method(head, response);
    } else {
      detail::reserve_for_fault(response);  // not before head and body were read
      if (draft) {
        create(std::move(draft).assume_value(), key, response);
      } else {
        respond<Client>(std::move(draft).as_failure(), response);
      }
    }
    observation.finish(response, response.body.size());
  }

  /// One request after another in steps (see `SteppedHandler`); an `Exchange`, and the storage after it.
  class Steps {
   public:
    /// The steps of one connection's requests to `endpoint`, which must outlive them.
    explicit Steps(Endpoint& endpoint)
        : endpoint_(endpoint), exchange_(endpoint.access_, endpoint.options_), observation_(endpoint.observer_) {}

    ///@{
    /// As `SteppedHandler` says.
    bool head(const RequestHead& head, std::string_view, Response& response) {
      if constexpr (detail::is_observed<O>) observation_.begin(detail::describe({&endpoint_.route, 1}, head));
      auto good = exchange_.head(head);
      if (!is_other_method(good)) return passes(std::move(good), response);
      endpoint_.refuse_method(head, response);
      observation_.finish(response, response.body.size());
      return false;
    }
    bool body(std::string_view piece, Response& response) {
      observation_.receive(piece.size());
      return passes(exchange_.body(piece), response);
    }
    bool finish(std::string_view last_piece, Response& response) {
      observation_.receive(last_piece.size());
      auto draft = exchange_.draft(last_piece);
      if (draft) draft_ = std::move(draft).assume_value();
      return passes(std::move(draft), response);
    }
    void complete(Response& response) {
      endpoint_.create(*std::move(draft_), exchange_.key(), response);
      draft_.reset();
      observation_.finish(response, response.body.size());
    }
    [[nodiscard]] std::uint32_t max_body() const noexcept { return endpoint_.options_.max_body; }
    ///@}

   private:
    template <class T>
    bool passes(Outcome<T>&& outcome, Response& response) {
      if (outcome) return true;
      endpoint_.template respond<Client>(std::move(outcome).as_failure(), response);
      observation_.finish(response, response.body.size());
      return false;
    }

    Endpoint& endpoint_;
    Exchange<A> exchange_;
    std::optional<ClientDraft> draft_;
    [[no_unique_address]] detail::RequestObservation<O> observation_;
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
      if (key) return create_once(std::move(draft), *key, response);
    }
    respond(detail::drive(Creation(std::move(draft)), storage_, clock_, ids_), response);
  }

  // Not inlined, so that a create without a key costs what it costs without this.
  DROPLIT_DETAIL_NOINLINE void create_once(ClientDraft&& draft, const IdempotencyKey& key,
                                           Response& response) requires KeyedStorage<S> {
    respond(detail::drive(Creation(std::move(draft)), storage_, clock_, ids_, key), response);
  }

  // Writes the response. The failure of an earlier step is passed by `.as_failure()`.
  template <class T>
  void respond(const Outcome<T>& outcome, Response& response) {
    write(response, [&] { write_response(response, outcome); });
  }

  // Lets `call` write the response; a 500 if that throws, for which `respond` has memory reserved.
  template <class Call>
  void write(Response& response, Call call) {
    const auto written = detail::guarded<void>(FaultSource::library, Fate::maybe_applied, [&]() -> Outcome<void> {
      call();
      return BOOST_OUTCOME_V2_NAMESPACE::success();
    });
    if (!written) write_response(response, written.assume_exception());
  }

  S& storage_;
  const A& access_;
  C& clock_;
  I& ids_;
  EndpointOptions options_;
  O& observer_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
