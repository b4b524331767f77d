// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_draft.hpp>
#include <droplit/clock.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/id_source.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/storage.hpp>

#include <optional>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The creation of one client as a machine without I/O, for stores that suspend: insert `client()` and pass the result
/// to `settle`, until there is an outcome.
///
///     while (creation.begin(clock, ids) && !creation.settle(co_await store.insert(creation.client()))) {
///     }
///     co_return std::move(creation).outcome();
///
/// A failure of clock, ids or store is the outcome, as is a lack of memory; nothing here throws.
class Creation {
 public:
  /// How many ids are tried; if all are taken, it is a fault.
  static constexpr int max_tries = 4;

  /// The creation of the client that this draft asks for; `begin` comes next.
  explicit Creation(ClientDraft&& draft) noexcept
      : client_(ClientId(ClientId::Bytes{}), Timestamp::clamp_unix_millis(0), draft.ecosystem_id(), draft.type(),
                static_cast<ClientTexts&&>(draft)) {}

  /// Gives the client its time and a new id; false if clock or ids failed. A `begin` that failed may be repeated.
  template <Clock C, IdSource I>
  [[nodiscard]] bool begin(C& clock, I& ids) noexcept {
    FaultSource source = FaultSource::clock;
    result_ = detail::guarded<void>(source, Fate::not_applied, [&]() -> Outcome<void> {
      client_.created_at_ = clock.now();
      source = FaultSource::ids;
      Outcome<ClientId> id = ids.next(client_.created_at_);
      if (!id) return std::move(id).as_failure();
      client_.id_ = id.assume_value();
      ++tries_;
      return BOOST_OUTCOME_V2_NAMESPACE::success();
    });
    return result_.has_value();
  }

  /// The client to insert, after a `begin` that returned true.
  [[nodiscard]] const Client& client() const& noexcept { return client_; }
  const Client& client() const&& = delete;

  /// Takes what the store did with the client: true if that is the outcome, false if another id is to be tried.
  [[nodiscard]] bool settle(Outcome<Insertion> insertion) noexcept {
    if (insertion.has_value()) {
      if (insertion.assume_value() == Insertion::inserted) return true;
      if (insertion.assume_value() == Insertion::id_taken && tries_ < max_tries) return false;
    }
    result_ = detail::guarded<void>(FaultSource::library, Fate::not_applied, [&]() -> Outcome<void> {
      if (!insertion) return std::move(insertion).as_failure();
      switch (insertion.assume_value()) {
        case Insertion::ecosystem_deleted: return ApiError::ecosystem_not_found(client_.ecosystem_id());
        case Insertion::ecosystem_unknown: return ApiError::ecosystem_invalid();
        case Insertion::replayed:
        case Insertion::key_reused:
          return Fault(FaultSource::storage, Fate::maybe_applied, "insert returned what only insert_once may");
        default: return Fault(FaultSource::ids, Fate::not_applied, "every id that was tried is taken");
      }
    });
    return true;
  }

  /// The same for what the store did with the client and a key, an `Outcome<KeyedInsertion>`: a replay's outcome is the
  /// client that is stored. A template, as the next but one, so that only programs with keys compile it.
  template <class Result = KeyedInsertion>
  [[nodiscard]] bool settle_once(Outcome<Result> insertion) noexcept {
    if (!insertion) return settle(std::move(insertion).as_failure());
    KeyedInsertion& done = insertion.assume_value();
    switch (done.insertion()) {
      case Insertion::replayed:
        replayed_ = done.client().has_value();
        if (!replayed_) return settle(Insertion::replayed);
        client_ = *std::move(done).client();
        return true;
      case Insertion::key_reused: result_ = ApiError::idempotency_key_reused(); return true;
      default: return settle(done.insertion());
    }
  }

  /// The client as it was inserted, or why it was not; once `begin` returned false or `settle` true.
  [[nodiscard]] Outcome<Client> outcome() && noexcept {
    if (!result_) return std::move(result_).as_failure();
    return std::move(client_);
  }

  /// The same after `settle_once`.
  template <class Result = KeyedClient>
  [[nodiscard]] Outcome<Result> keyed_outcome() && noexcept {
    if (!result_) return std::move(result_).as_failure();
    return Result{std::move(client_), replayed_};
  }

 private:
  Client client_;
  Outcome<void> result_ = BOOST_OUTCOME_V2_NAMESPACE::success();  // why the client is not created
  int tries_ = 0;
  bool replayed_ = false;
};

namespace detail {

/// Drives a creation to its outcome.
template <Storage S, Clock C, IdSource I>
Outcome<Client> drive(Creation&& creation, S& storage, C& clock, I& ids) noexcept {
  const auto insert = [&]() -> Outcome<Insertion> { return storage.insert(creation.client()); };
  while (creation.begin(clock, ids) &&
         !creation.settle(guarded<Insertion>(FaultSource::storage, Fate::maybe_applied, insert))) {
  }
  return std::move(creation).outcome();
}

/// Drives a creation under a key to its outcome.
template <KeyedStorage S, Clock C, IdSource I>
Outcome<KeyedClient> drive(Creation&& creation, S& storage, C& clock, I& ids, const IdempotencyKey& key) noexcept {
  const auto insert = [&]() -> Outcome<KeyedInsertion> { return storage.insert_once(creation.client(), key); };
  while (creation.begin(clock, ids) &&
         !creation.settle_once(guarded<KeyedInsertion>(FaultSource::storage, Fate::maybe_applied, insert))) {
  }
  return std::move(creation).keyed_outcome();
}

}  // namespace detail

/// Creates a client in `storage`: the client as it is stored, the refusal that follows from the state of its ecosystem,
/// or a `Fault`.
///
/// An exception of a policy is a `Fault`; one of `insert` counts as maybe applied unless the store says better. An id
/// that is taken is replaced up to three times. Throws nothing. As thread-safe as the policies are.
template <Storage S, Clock C, IdSource I>
Outcome<Client> create_client(S& storage, C& clock, I& ids, ClientDraft draft) noexcept {
  return detail::drive(Creation(std::move(draft)), storage, clock, ids);
}

/// The same with the fields as texts: the client, or the refusal with every violation at once. Throws nothing but
/// `std::bad_alloc`, and then nothing was created.
template <Storage S, Clock C, IdSource I>
Outcome<Client> create_client(S& storage, C& clock, I& ids, const ClientParameters& parameters) {
  auto draft = ClientDraft::make(parameters);
  if (!draft) return std::move(draft).as_failure();
  return detail::drive(Creation(std::move(draft).assume_value()), storage, clock, ids);
}

/// Creates a client in `storage` once for the key: a call that is repeated with the same draft, whatever became of the
/// one before, gives the same client, replayed. With another draft it is Idempotency Key Reused. Throws nothing.
template <KeyedStorage S, Clock C, IdSource I>
Outcome<KeyedClient> create_client(S& storage, C& clock, I& ids, ClientDraft draft,
                                   const IdempotencyKey& key) noexcept {
  return detail::drive(Creation(std::move(draft)), storage, clock, ids, key);
}

/// The same with the fields as texts. Throws nothing but `std::bad_alloc`, and then nothing was created.
template <KeyedStorage S, Clock C, IdSource I>
Outcome<KeyedClient> create_client(S& storage, C& clock, I& ids, const ClientParameters& parameters,
                                   const IdempotencyKey& key) {
  auto draft = ClientDraft::make(parameters);
  if (!draft) return std::move(draft).as_failure();
  return detail::drive(Creation(std::move(draft).assume_value()), storage, clock, ids, key);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
