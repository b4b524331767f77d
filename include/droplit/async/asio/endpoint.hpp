// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/async/asio/create_client.hpp>
#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/clock.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/endpoint_base.hpp>
#include <droplit/detail/observation.hpp>
#include <droplit/exchange.hpp>
#include <droplit/http.hpp>
#include <droplit/id_source.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/observer.hpp>
#include <droplit/outcome.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>
#include <utility>

#pragma push_macro("emit")  // Qt's
#undef emit

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The endpoint "create a client" over a storage that suspends; its responses are those of an `Endpoint`, to the byte.
/// An `AsyncHandler`: a server runs its coroutines on the executor of each connection.
///
/// Holds references to its policies, which must outlive it. As thread-safe as they are: one endpoint may serve many
/// threads. Its observer is informed as that of an `Endpoint`; a request whose coroutine is destroyed before it has
/// responded finishes without a response.
template <AsyncStorage S, Access A, Clock C, IdSource I, Observer O = NoObserver>
class AsyncEndpoint : detail::EndpointBase<A, O> {
  using Base = detail::EndpointBase<A, O>;
  using Observation = detail::RequestObservation<O>;

 public:
  /// The endpoint that uses these policies; a temporary `access` does not compile.
  AsyncEndpoint(S& storage, const A& access, C& clock, I& ids, EndpointOptions options = {}, O& observer = no_observer)
      : Base(access, options, AsyncKeyedStorage<S>, observer), storage_(storage), clock_(clock), ids_(ids) {}

  AsyncEndpoint(S& storage, const A&& access, C& clock, I& ids, EndpointOptions options = {},
                O& observer = no_observer) = delete;

  /// That of "create a client", with its parameters if OPTIONS is served.
  using Base::route;

  /// The options, each within its range; without keys if the storage is not an `AsyncKeyedStorage`.
  [[nodiscard]] EndpointOptions options() const noexcept { return Base::options_; }

  /// Responds to a whole request, which need not outlive the call: it is judged at once. The coroutine that awaits the
  /// response may be cancelled: see `async_create_client`. Throws only if there is no memory for the shortest response,
  /// and then nothing was created.
  boost::asio::awaitable<Response> handle(const Request& request) {
    RequestHead head(request.method, request.target);
    for (const HeaderField field : request.fields) head.add(field.name, field.value);
    Observation observation(Base::observer_);
    Base::begin(observation, head);
    observation.receive(request.body.size());
    Exchange<A> exchange(Base::access_, Base::options_);
    auto draft = Base::judge(exchange, head, request.body);
    Response response;
    if (draft) {
      detail::reserve_for_fault(response);
      return created(std::move(draft).assume_value(), std::move(exchange).key(), std::move(response),
                     std::move(observation));
    }
    Base::refuse(head, draft, response);
    observation.finish(response, response.body.size());
    return refused(std::move(response));
  }

  /// One request after another in steps (see `AsyncHandler`).
  class Steps : Base::Steps {
   public:
    /// The steps of one connection's requests to `endpoint`, which must outlive them.
    explicit Steps(AsyncEndpoint& endpoint) : Base::Steps(endpoint), endpoint_(endpoint) {}

    ///@{
    /// As `AsyncHandler` says.
    using Base::Steps::body;
    using Base::Steps::finish;
    using Base::Steps::head;
    using Base::Steps::max_body;
    ///@}
    /// As `AsyncHandler` says.
    template <class Done>
    void complete(Response& response, Done done) {
      auto executor = done.get_executor();
      auto ended = [done = std::move(done)](const std::exception_ptr& error) mutable {
        if (!error) done();
      };
      auto creation = endpoint_.create(*std::exchange(this->draft_, std::nullopt), std::move(this->exchange_).key(),
                                       response, std::move(this->observation_));
      boost::asio::co_spawn(executor, std::move(creation),
                            boost::asio::bind_cancellation_slot(cancellation_.slot(), std::move(ended)));
    }
    /// As `AsyncHandler` says.
    void cancel() { cancellation_.emit(boost::asio::cancellation_type::terminal); }

   private:
    AsyncEndpoint& endpoint_;
    boost::asio::cancellation_signal cancellation_;
  };

 private:
  static boost::asio::awaitable<Response> refused(Response response) { co_return std::move(response); }

  boost::asio::awaitable<Response> created(ClientDraft draft, std::optional<IdempotencyKey> key, Response response,
                                           Observation observation) {
    auto creation = create(std::move(draft), std::move(key), response, std::move(observation));
    co_await std::move(creation);
    co_return std::move(response);
  }

  // Creates the client, under its key if there is one, and responds.
  boost::asio::awaitable<void> create(ClientDraft draft, std::optional<IdempotencyKey> key, Response& response,
                                      Observation observation) {
    if constexpr (AsyncKeyedStorage<S>) {
      if (key) {
        auto creation = async_create_client(storage_, clock_, ids_, std::move(draft), *std::move(key));
        const Outcome<KeyedClient> client = co_await std::move(creation);
        respond(client, response, observation);
        co_return;
      }
    }
    auto creation = async_create_client(storage_, clock_, ids_, std::move(draft));
    const Outcome<Client> client = co_await std::move(creation);
    respond(client, response, observation);
  }

  template <class T>
  static void respond(const Outcome<T>& outcome, Response& response, Observation& observation) {
    Base::respond(outcome, response);
    observation.finish(response, response.body.size());
  }

  S& storage_;
  C& clock_;
  I& ids_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI

#pragma pop_macro("emit")
