// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/create_client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/endpoint_base.hpp>
#include <droplit/detail/observation.hpp>
#include <droplit/exchange.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/observer.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>

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
class Endpoint : detail::EndpointBase<A, O> {
  using Base = detail::EndpointBase<A, O>;

 public:
  /// The endpoint that uses these policies; a temporary `access` does not compile.
  Endpoint(S& storage, const A& access, C& clock, I& ids, EndpointOptions options = {}, O& observer = no_observer)
      : Base(access, options, KeyedStorage<S>, observer), storage_(storage), clock_(clock), ids_(ids) {}

  Endpoint(S& storage, const A&& access, C& clock, I& ids, EndpointOptions options = {},
           O& observer = no_observer) = delete;

  /// That of "create a client", with its parameters if OPTIONS is served.
  using Base::route;

  /// The options, each within its range; without keys if the storage is not a `KeyedStorage`.
  [[nodiscard]] EndpointOptions options() const noexcept { return Base::options_; }

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
    detail::RequestObservation<O> observation(Base::observer_);
    Base::begin(observation, head);
    observation.receive(body.size());
    Exchange<A> exchange(Base::access_, Base::options_);
    auto draft = Base::judge(exchange, head, body);
    if (draft) {
      detail::reserve_for_fault(response);  // not before head and body were read
      create(std::move(draft).assume_value(), exchange.key(), response);
    } else {
      Base::refuse(head, draft, response);
    }
    observation.finish(response, response.body.size());
  }

  /// One request after another in steps (see `SteppedHandler`); an `Exchange`, and the storage after it.
  class Steps : Base::Steps {
   public:
    /// The steps of one connection's requests to `endpoint`, which must outlive them.
    explicit Steps(Endpoint& endpoint) : Base::Steps(endpoint), endpoint_(endpoint) {}

    ///@{
    /// As `SteppedHandler` says.
    using Base::Steps::body;
    using Base::Steps::finish;
    using Base::Steps::head;
    using Base::Steps::max_body;
    ///@}
    /// As `SteppedHandler` says.
    void complete(Response& response) {
      endpoint_.create(*std::move(this->draft_), this->exchange_.key(), response);
      this->draft_.reset();
      this->observation_.finish(response, response.body.size());
    }

   private:
    Endpoint& endpoint_;
  };

 private:
  // Creates the client, under its key if there is one, and responds.
  void create(ClientDraft&& draft, const std::optional<IdempotencyKey>& key, Response& response) {
    if constexpr (KeyedStorage<S>) {
      if (key) return create_once(std::move(draft), *key, response);
    }
    Base::respond(detail::drive(Creation(std::move(draft)), storage_, clock_, ids_), response);
  }

  // Not inlined, so that a create without a key costs what it costs without this.
  DROPLIT_DETAIL_NOINLINE void create_once(ClientDraft&& draft, const IdempotencyKey& key,
                                           Response& response) requires KeyedStorage<S> {
    Base::respond(detail::drive(Creation(std::move(draft)), storage_, clock_, ids_, key), response);
  }

  S& storage_;
  C& clock_;
  I& ids_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
