// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/observation.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/observer.hpp>
#include <droplit/remote/creation.hpp>
#include <droplit/sleeper.hpp>
#include <droplit/transport.hpp>

#include <cstdint>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

/// Informs an observer of an attempt, which has been settled.
template <Observer O>
void finish(RequestObservation<O>& observation, const Outcome<Response>& response, const RemoteCreation& creation) {
  const Outcome<Client>& outcome = creation.outcome();
  const Fault* const fault = outcome.has_exception() ? &outcome.assume_exception() : nullptr;
  const auto code = outcome.has_error() ? std::optional(outcome.assume_error().code()) : std::nullopt;
  int status = 0;
  bool sent = true;
  if (response) {
    status = response.assume_value().status;
    observation.receive(response.assume_value().body.size());
  } else if (response.has_exception()) {  // of this attempt alone
    status = response.assume_exception().status().value_or(0);
    sent = response.assume_exception().fate() != Fate::not_sent;
  }
  observation.finish(status, code, fault, sent ? creation.request().body.size() : 0);
}

/// Drives `creation` until it is done, and returns what the transport returned last. A sleeper that throws counts as
/// the deadline: what is known by then is the outcome.
template <Transport T, Sleeper W, Observer O = NoObserver>
Outcome<Response> drive(RemoteCreation& creation, T& transport, W& sleeper, O& observer = no_observer) {
  const auto time_after = [&](auto call) {
    std::int64_t time = creation.deadline();
    static_cast<void>(thrown_by(FaultSource::library, Fate::maybe_applied, [&] {
      call();
      time = sleeper.now();
    }));
    return time;
  };
  RequestObservation<O> observation(observer);
  for (;;) {
    if constexpr (is_observed<O>) {
      observation.begin({.route = create_client_route.path,
                         .method = create_client_route.method,
                         .request_id = creation.request().fields.get("x-request-id"),
                         .attempt = creation.attempts() + 1});
    }
    auto response = guarded<Response>(FaultSource::transport, Fate::maybe_applied,
                                      [&]() -> Outcome<Response> { return transport.send(creation.request()); });
    std::uint32_t random_bits = 0;
    const std::int64_t now = time_after([&] {
      if (creation.attempts() + 1 < creation.max_attempts()) random_bits = sleeper.random_bits();
    });
    creation.settle(response, now, random_bits);
    if constexpr (is_observed<O>) finish(observation, response, creation);
    if (creation.step() == RemoteCreation::Step::wait) {
      creation.wake(time_after([&] { sleeper.sleep_until(creation.wait_until()); }));
    }
    if (creation.step() == RemoteCreation::Step::done) return response;
  }
}

}  // namespace detail

/// Creates a client at the service: the client, the refusal that a storage would have given here, or a `Fault` whose
/// fate says whether a client may have been created. Sent once, or as often as the policy says.
///
/// An exception of the transport is a `Fault`, maybe applied unless it says better. After one of the sleeper nothing is
/// sent again; before the first request it is passed on. As thread-safe as the policies are.
template <Transport T, Sleeper W = SystemSleeper>
Outcome<Client> create_client(T& transport, const ClientDraft& draft, const RetryPolicy& policy = {},
                              W&& sleeper = W()) {
  RemoteCreation creation(draft, policy, sleeper.now());
  static_cast<void>(detail::drive(creation, transport, sleeper));
  return std::move(creation).outcome();
}

/// The same with the fields as texts. What the contract refuses is refused here, before anything is sent, with every
/// violation at once.
template <Transport T, Sleeper W = SystemSleeper>
Outcome<Client> create_client(T& transport, const ClientParameters& parameters, const RetryPolicy& policy = {},
                              W&& sleeper = W()) {
  const auto draft = ClientDraft::make(parameters);
  if (!draft) return draft.as_failure();
  return create_client(transport, draft.assume_value(), policy, sleeper);
}

/// Creates a client at the service once for the key, if the service honours keys: a call that is repeated within 24
/// hours with the same draft, whatever became of the one before, gives the same client, replayed. With another draft it
/// is Idempotency Key Reused. Where the service does not honour keys, it is a `Fault`, maybe applied, also after a 201.
template <Transport T, Sleeper W = SystemSleeper>
Outcome<KeyedClient> create_client(T& transport, const ClientDraft& draft, const IdempotencyKey& key,
                                   const RetryPolicy& policy = {}, W&& sleeper = W()) {
  RemoteCreation creation(draft, key, KeyOrigin::brought, policy, sleeper.now());
  static_cast<void>(detail::drive(creation, transport, sleeper));
  return std::move(creation).keyed_outcome();
}

/// The same with the fields as texts.
template <Transport T, Sleeper W = SystemSleeper>
Outcome<KeyedClient> create_client(T& transport, const ClientParameters& parameters, const IdempotencyKey& key,
                                   const RetryPolicy& policy = {}, W&& sleeper = W()) {
  const auto draft = ClientDraft::make(parameters);
  if (!draft) return draft.as_failure();
  return create_client(transport, draft.assume_value(), key, policy, sleeper);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
