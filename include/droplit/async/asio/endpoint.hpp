// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/async/asio/create_client.hpp>
#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/clock.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/route_table.hpp>
#include <droplit/endpoint.hpp>
#include <droplit/exchange.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/id_source.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>

#include <concepts>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The endpoint "create a client" over a storage that suspends; its responses are those of an `Endpoint`, to the byte.
/// An `AsyncHandler`: a server runs its coroutines on the executor of each connection.
///
/// Holds references to its policies, which must outlive it. As thread-safe as they are: one endpoint may serve many
/// threads. Every `Fault` is passed to `on_fault`; what that throws is dropped.
template <AsyncStorage S, Access A, Clock C, IdSource I, std::invocable<const Fault&> F = IgnoreFaults>
class AsyncEndpoint {
 public:
  /// That of "create a client", with its parameters if OPTIONS is served.
  const Route route;

  /// The endpoint that uses these policies; a temporary `access` does not compile.
  AsyncEndpoint(S& storage, const A& access, C& clock, I& ids, EndpointOptions options = {}, F on_fault = {})
      : route(with_parameters(options.serve_options)),
        storage_(storage),
        access_(access),
        clock_(clock),
        ids_(ids),
        options_(own(options)),
        on_fault_(std::move(on_fault)) {}

  AsyncEndpoint(S& storage, const A&& access, C& clock, I& ids, EndpointOptions options = {}, F on_fault = {}) = delete;

  /// Responds to a whole request, which need not outlive the call: it is judged at once. The coroutine that awaits the
  /// response may be cancelled: see `async_create_client`. Throws only if there is no memory for the shortest response,
  /// and then nothing was created.
  boost::asio::awaitable<Response> handle(const Request& request) {
    RequestHead head(request.method, request.target);
    for (const HeaderField field : request.fields) head.add(field.name, field.value);
    Response response;
    detail::reserve_for_fault(response);
    std::optional<IdempotencyKey> key;
    auto draft = detail::guarded<ClientDraft>(FaultSource::library, Fate::not_applied, [&]() -> Outcome<ClientDraft> {
      Exchange<A> exchange(access_, options_);
      if (auto good = exchange.head(head); !good) return std::move(good).as_failure();
      if constexpr (AsyncKeyedStorage<S>) key = std::move(exchange).key();
      return exchange.draft(request.body);
    });
    if (draft) return created(std::move(draft).assume_value(), std::move(key), std::move(response));
    if (is_other_method(draft)) {
      refuse_method(head, response);
    } else {
      respond<Client>(std::move(draft).as_failure(), response);
    }
    return refused(std::move(response));
  }

  /// Passes a fault to `on_fault`; what that throws is dropped.
  void report(const Fault& fault) noexcept {
    static_cast<void>(detail::guarded<void>(FaultSource::library, Fate::maybe_applied, [&]() -> Outcome<void> {
      on_fault_(fault);
      return BOOST_OUTCOME_V2_NAMESPACE::success();
    }));
  }

  /// One request after another in steps (see `AsyncHandler`).
  class Steps {
   public:
    /// The steps of one connection's requests to `endpoint`, which must outlive them.
    explicit Steps(AsyncEndpoint& endpoint) : endpoint_(endpoint), exchange_(endpoint.access_, endpoint.options_) {}

    ///@{
    /// As `AsyncHandler` says.
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
    template <class Done>
    void complete(Response& response, Done done) {
      auto executor = done.get_executor();
      auto ended = [done = std::move(done)](const std::exception_ptr& error) mutable {
        if (!error) done();
      };
      boost::asio::co_spawn(executor, endpoint_.create(*std::exchange(draft_, std::nullopt), exchange_.key(), response),
                            boost::asio::bind_cancellation_slot(cancellation_.slot(), std::move(ended)));
    }
    void cancel() { cancellation_.emit(boost::asio::cancellation_type::terminal); }
    [[nodiscard]] std::uint32_t max_body() const noexcept { return endpoint_.options_.max_body; }
    ///@}

   private:
    template <class T>
    bool passes(Outcome<T>&& outcome, Response& response) {
      if (!outcome) endpoint_.template respond<Client>(std::move(outcome).as_failure(), response);
      return outcome.has_value();
    }

    AsyncEndpoint& endpoint_;
    Exchange<A> exchange_;
    std::optional<ClientDraft> draft_;
    boost::asio::cancellation_signal cancellation_;
  };

  /// The options, each within its range; without keys if the storage is not an `AsyncKeyedStorage`.
  [[nodiscard]] EndpointOptions options() const noexcept { return options_; }

 private:
  static constexpr Route with_parameters(bool serve_options) noexcept {
    Route route = create_client_route;
    if (serve_options) route.parameters = detail::create_client_parameters;
    return route;
  }

  static constexpr EndpointOptions own(EndpointOptions options) noexcept {
    if constexpr (!AsyncKeyedStorage<S>) options.idempotency_keys = false;
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

  static boost::asio::awaitable<Response> refused(Response response) { co_return std::move(response); }

  boost::asio::awaitable<Response> created(ClientDraft draft, std::optional<IdempotencyKey> key, Response response) {
    auto creation = create(std::move(draft), std::move(key), response);
    co_await std::move(creation);
    co_return std::move(response);
  }

  // Creates the client, under its key if there is one, and responds.
  boost::asio::awaitable<void> create(ClientDraft draft, std::optional<IdempotencyKey> key, Response& response) {
    if constexpr (AsyncKeyedStorage<S>) {
      if (key) {
        auto creation = async_create_client(storage_, clock_, ids_, std::move(draft), *std::move(key));
        const Outcome<KeyedClient> client = co_await std::move(creation);
        respond(client, response);
        co_return;
      }
    }
    auto creation = async_create_client(storage_, clock_, ids_, std::move(draft));
    const Outcome<Client> client = co_await std::move(creation);
    respond(client, response);
  }

  // Writes the response, after a fault was passed to `on_fault`. The failure of an earlier step is passed by
  // `.as_failure()`.
  template <class T>
  void respond(const Outcome<T>& outcome, Response& response) {
    if (outcome.has_exception()) report(outcome.assume_exception());
    write(response, [&] { write_response(response, outcome); });
  }

  // Lets `call` write the response; a 500 if that throws, for which the response has memory reserved.
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
