// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_draft.hpp>
#include <droplit/clock.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/id_source.hpp>
#include <droplit/storage.hpp>

#include <optional>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

/// How many ids are tried before it is a fault that they are all taken.
inline constexpr int max_id_tries = 4;

/// The client that `draft` asks for, under a new id; a failure only if clock or ids failed. It has the draft's texts.
template <Clock C, IdSource I>
Outcome<Client> next_client(C& clock, I& ids, ClientDraft&& draft) {
  auto now = guarded<Timestamp>(FaultSource::clock, Fate::not_applied, [&] { return clock.now(); });
  if (!now) return std::move(now).as_failure();
  auto id = guarded<ClientId>(FaultSource::ids, Fate::not_applied,
                              [&]() -> Outcome<ClientId> { return ids.next(now.assume_value()); });
  if (!id) return std::move(id).as_failure();
  return Outcome<Client>(std::in_place_type<Client>, id.assume_value(), now.assume_value(), draft.ecosystem_id(),
                         draft.type(), static_cast<ClientTexts&&>(draft));
}

/// Makes the outcome of a client that was given to a store, the `tries`-th, and of what the store said; false if
/// another id is to be tried instead.
bool settle(Outcome<Client>& client, Outcome<Insertion>&& insertion, int tries);

#if defined(DROPLIT_DETAIL_DEFINES)
DROPLIT_DETAIL_INLINE bool settle(Outcome<Client>& client, Outcome<Insertion>&& insertion, int tries) {
  if (!insertion.has_value()) {
    client = std::move(insertion).as_failure();
    return true;
  }
  switch (insertion.assume_value()) {
    case Insertion::inserted: return true;
    case Insertion::ecosystem_deleted:
      client = ApiError::ecosystem_not_found(client.assume_value().ecosystem_id());
      return true;
    case Insertion::ecosystem_unknown: client = ApiError::ecosystem_invalid(); return true;
    case Insertion::id_taken:
    default: break;
  }
  if (tries < max_id_tries) return false;
  client = Fault(FaultSource::ids, Fate::not_applied, "every id that was tried is taken");
  return true;
}
#endif

inline ClientDraft draft_of(Client&& client) noexcept {
  return {client.ecosystem_id(), client.type(), static_cast<ClientTexts&&>(client)};
}

}  // namespace detail

/// The creation of one client as a machine without I/O, for stores that suspend: insert `client()` yourself, tell
/// `settle` what became of it, and do it again until there is an outcome.
///
///     for (;;) {
///       if (auto ready = creation.begin(clock, ids); !ready) co_return ready.as_failure();
///       if (creation.settle(co_await store.insert(creation.client()))) co_return std::move(creation).outcome();
///     }
class Creation {
 public:
  /// How many ids are tried before it is a fault that they are all taken.
  static constexpr int max_tries = detail::max_id_tries;

  explicit Creation(ClientDraft draft) noexcept : draft_(std::move(draft)) {}

  /// Makes the next client to insert; a failure only if clock or ids failed.
  template <Clock C, IdSource I>
  Outcome<void> begin(C& clock, I& ids) {
    if (client_ && client_->has_value()) draft_ = detail::draft_of(std::move(*client_).assume_value());
    client_.emplace(detail::next_client(clock, ids, std::move(draft_)));
    if (!*client_) return client_->as_failure();
    ++tries_;
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  /// The client to insert, after a good `begin` and until `settle`.
  [[nodiscard]] const Client& client() const& noexcept { return client_->assume_value(); }
  const Client& client() const&& = delete;

  /// Hears what the store did with it; whether there is an outcome now, or another id is to be tried. It may throw
  /// `std::bad_alloc`, but not where the client was kept.
  [[nodiscard]] bool settle(Outcome<Insertion> insertion) {
    return detail::settle(*client_, std::move(insertion), tries_);
  }

  /// The outcome, once `settle` said that there is one.
  [[nodiscard]] Outcome<Client> outcome() && { return *std::move(client_); }

 private:
  ClientDraft draft_;  // whose texts are the client's once there is one
  std::optional<Outcome<Client>> client_;
  int tries_ = 0;
};

/// Creates a client in `storage`: the client as it is kept, the refusal that the store's word means, or a `Fault`.
///
/// Whatever a policy throws arrives as a `Fault`; out of `insert` it counts as maybe applied unless the store says
/// better. An id that is taken is replaced up to three times. Throws nothing but `std::bad_alloc`, and then nothing was
/// kept. As thread-safe as the policies are.
template <Storage S, Clock C, IdSource I>
Outcome<Client> create_client(S& storage, C& clock, I& ids, ClientDraft draft) {
  Outcome<Client> client = detail::next_client(clock, ids, std::move(draft));
  for (int tries = 1; client.has_value(); ++tries) {
    auto insertion = detail::guarded<Insertion>(FaultSource::storage, Fate::maybe_applied, [&]() -> Outcome<Insertion> {
      return storage.insert(client.assume_value());
    });
    if (detail::settle(client, std::move(insertion), tries)) break;
    client = detail::next_client(clock, ids, detail::draft_of(std::move(client).assume_value()));
  }
  return client;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
