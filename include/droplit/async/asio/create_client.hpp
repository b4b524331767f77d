// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/clock.hpp>
#include <droplit/create_client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/fault.hpp>
#include <droplit/id_source.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

template <class T, class Result>
inline constexpr bool is_awaitable_of = false;
template <class T, class Result>
inline constexpr bool is_awaitable_of<boost::asio::awaitable<T>, Result> = std::convertible_to<T, Result>;

template <class T, class Result>
concept AwaitableOf = is_awaitable_of<T, Result>;

}  // namespace detail

/// A storage that suspends the coroutine that calls it instead of blocking a thread: `insert` returns an awaitable of
/// what that of a `Storage` returns, under the same rules. The client remains until the coroutine is resumed or
/// destroyed.
///
/// A call that is cancelled, or whose coroutine is destroyed, has stored the client whole or not at all. One that ends
/// with `operation_aborted` or another exception counts as maybe applied.
template <class S>
concept AsyncStorage = requires(S& storage, const Client& client) {
  { storage.insert(client) } -> detail::AwaitableOf<Outcome<Insertion>>;
};

/// The same for a `KeyedStorage`. The key, too, remains until the coroutine is resumed or destroyed.
template <class S>
concept AsyncKeyedStorage = AsyncStorage<S> && requires(S& storage, const Client& client, const IdempotencyKey& key) {
  { storage.insert_once(client, key) } -> detail::AwaitableOf<Outcome<KeyedInsertion>>;
};

namespace detail {

struct WithoutKey {};

/// Drives a creation to its outcome, under a key if there is one. Owns all that it was called with but the policies.
template <class Result, class S, class C, class I, class Key>
boost::asio::awaitable<Outcome<Result>> async_drive(Outcome<ClientDraft> draft, S& storage, C& clock, I& ids, Key key) {
  constexpr bool keyed = std::same_as<Key, IdempotencyKey>;
  using Done = std::conditional_t<keyed, KeyedInsertion, Insertion>;
  if (!draft) co_return std::move(draft).as_failure();
  Creation creation(std::move(draft).assume_value());
  for (bool settled = false; !settled && creation.begin(clock, ids);) {
    const boost::asio::cancellation_state cancellation = co_await boost::asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != boost::asio::cancellation_type::none) {
      co_return Fault::unavailable(FaultSource::library, "cancelled before the client was inserted");
    }
    Outcome<Done> insertion = Fault();
    try {
      auto pending = [&] {
        if constexpr (keyed) {
          return storage.insert_once(creation.client(), key);
        } else {
          return storage.insert(creation.client());
        }
      }();
      auto done = co_await std::move(pending);  // named, since g++ 12 destroys some temporaries of co_await twice
      insertion = std::move(done);
    } catch (...) {
      insertion = caught_fault(FaultSource::storage, Fate::maybe_applied);
    }
    if constexpr (keyed) {
      settled = creation.settle_once(std::move(insertion));
    } else {
      settled = creation.settle(std::move(insertion));
    }
  }
  if constexpr (keyed) {
    co_return std::move(creation).keyed_outcome();
  } else {
    co_return std::move(creation).outcome();
  }
}

}  // namespace detail

/// Creates a client in `storage`, as `create_client` does, without blocking a thread. The awaitable refers to the
/// policies alone, which must outlive it; what it returns is final when the coroutine resumes.
///
/// If the coroutine is cancelled while the storage works, the outcome is the storage's, or else a `Fault` that is maybe
/// applied; if it is cancelled before, a `Fault` that was not applied. Throws nothing but `std::bad_alloc`, and then
/// nothing was created.
template <AsyncStorage S, Clock C, IdSource I>
boost::asio::awaitable<Outcome<Client>> async_create_client(S& storage, C& clock, I& ids, ClientDraft draft) {
  return detail::async_drive<Client>(Outcome<ClientDraft>(std::move(draft)), storage, clock, ids, detail::WithoutKey());
}

/// The same with the fields as texts, which need not outlive the call: they are judged at once.
template <AsyncStorage S, Clock C, IdSource I>
boost::asio::awaitable<Outcome<Client>> async_create_client(S& storage, C& clock, I& ids,
                                                            const ClientParameters& parameters) {
  return detail::async_drive<Client>(ClientDraft::make(parameters), storage, clock, ids, detail::WithoutKey());
}

/// Creates a client once for the key, as `create_client` with a key does.
template <AsyncKeyedStorage S, Clock C, IdSource I>
boost::asio::awaitable<Outcome<KeyedClient>> async_create_client(S& storage, C& clock, I& ids, ClientDraft draft,
                                                                 IdempotencyKey key) {
  return detail::async_drive<KeyedClient>(Outcome<ClientDraft>(std::move(draft)), storage, clock, ids, std::move(key));
}

/// The same with the fields as texts, which need not outlive the call.
template <AsyncKeyedStorage S, Clock C, IdSource I>
boost::asio::awaitable<Outcome<KeyedClient>> async_create_client(S& storage, C& clock, I& ids,
                                                                 const ClientParameters& parameters,
                                                                 IdempotencyKey key) {
  return detail::async_drive<KeyedClient>(ClientDraft::make(parameters), storage, clock, ids, std::move(key));
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
