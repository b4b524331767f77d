// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "client_draft.hpp"
#include "clock.hpp"
#include "detail/guarded.hpp"
#include "id_source.hpp"
#include "storage.hpp"

#include <optional>
#include <utility>

namespace droplit {

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
  static constexpr int max_tries = 4;

  explicit Creation(ClientDraft draft) noexcept : draft_(std::move(draft)) {}

  /// Makes the next client to insert; a failure only if clock or ids failed.
  template <Clock C, IdSource I>
  Outcome<void> begin(C& clock, I& ids) {
    auto now = detail::guarded<Timestamp>(FaultSource::clock, Fate::not_applied, [&] { return clock.now(); });
    if (!now) return std::move(now).as_failure();
    auto id = detail::guarded<ClientId>(FaultSource::ids, Fate::not_applied,
                                        [&]() -> Outcome<ClientId> { return ids.next(now.assume_value()); });
    if (!id) return std::move(id).as_failure();
    if (tries_++ == 0) {
      client_.emplace(id.assume_value(), now.assume_value(), draft_.ecosystem_id(), draft_.type(),
                      std::move(draft_).name(), std::move(draft_).description());
    } else {
      client_ = Client(id.assume_value(), now.assume_value(), draft_.ecosystem_id(), draft_.type(),
                       std::move(*client_).name(), std::move(*client_).description());
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  /// The client to insert, after a good `begin`.
  [[nodiscard]] const Client& client() const noexcept { return *client_; }

  /// Hears what the store did with it; whether there is an outcome now, or another id is to be tried.
  [[nodiscard]] bool settle(Outcome<Insertion> insertion) noexcept {
    insertion_ = std::move(insertion);
    return !insertion_.has_value() || insertion_.assume_value() != Insertion::id_taken || tries_ >= max_tries;
  }

  /// The outcome, once `settle` said that there is one.
  [[nodiscard]] Outcome<Client> outcome() && {
    if (!insertion_.has_value()) return std::move(insertion_).as_failure();
    switch (insertion_.assume_value()) {
      case Insertion::kept: return *std::move(client_);
      case Insertion::ecosystem_deleted: return ApiError::ecosystem_not_found(draft_.ecosystem_id());
      case Insertion::ecosystem_unknown: return *ApiError::from({.ecosystem_id = Findings::Flaw::invalid});
      case Insertion::id_taken: break;
    }
    return Fault(FaultSource::ids, Fate::not_applied, "every id that was tried is taken");
  }

 private:
  ClientDraft draft_;  // whose texts are the client's once there is one
  std::optional<Client> client_;
  Outcome<Insertion> insertion_ = Insertion::id_taken;
  int tries_ = 0;
};

/// Creates a client in `storage`: the client as it is kept, the refusal that the store's word means, or a `Fault`.
///
/// Whatever a policy throws arrives as a `Fault`; out of `insert` it counts as maybe applied unless the store says
/// better. An id that is taken is replaced up to three times. Throws nothing but `std::bad_alloc`, and then nothing was
/// kept. As thread-safe as the policies are.
template <Storage S, Clock C, IdSource I>
Outcome<Client> create_client(S& storage, C& clock, I& ids, ClientDraft draft) {
  Creation creation(std::move(draft));
  for (;;) {
    if (auto ready = creation.begin(clock, ids); !ready) return std::move(ready).as_failure();
    const bool settled = creation.settle(
        detail::guarded<Insertion>(FaultSource::storage, Fate::maybe_applied,
                                   [&]() -> Outcome<Insertion> { return storage.insert(creation.client()); }));
    if (settled) return std::move(creation).outcome();
  }
}

}  // namespace droplit
