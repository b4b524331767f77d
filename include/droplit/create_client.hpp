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
///       if (auto outcome = creation.begin(clock, ids)) co_return *outcome;
///       if (auto outcome = creation.settle(co_await store.insert(creation.client()))) co_return *outcome;
///     }
class Creation {
 public:
  /// How many ids are tried before it is a fault that they are all taken.
  static constexpr int max_tries = 4;

  explicit Creation(ClientDraft draft) noexcept : draft_(std::move(draft)) {}

  /// Makes the next client to insert; an outcome only if clock or ids failed.
  template <Clock C, IdSource I>
  std::optional<Outcome<Client>> begin(C& clock, I& ids) {
    auto now = detail::guarded<Timestamp>(FaultSource::clock, Fate::not_applied, [&] { return clock.now(); });
    if (!now) return Outcome<Client>(std::move(now).as_failure());
    auto id = detail::guarded<ClientId>(FaultSource::ids, Fate::not_applied,
                                        [&]() -> Outcome<ClientId> { return ids.next(now.assume_value()); });
    if (!id) return Outcome<Client>(std::move(id).as_failure());
    ++tries_;
    client_.emplace(id.assume_value(), now.assume_value(), draft_.ecosystem_id(), draft_.type(), draft_.name(),
                    draft_.description());
    return std::nullopt;
  }

  /// The client to insert, after a `begin` without an outcome.
  [[nodiscard]] const Client& client() const noexcept { return *client_; }

  /// What the store's word means; nothing if another id is to be tried.
  std::optional<Outcome<Client>> settle(Outcome<Insertion> insertion) {
    if (!insertion) return Outcome<Client>(std::move(insertion).as_failure());
    switch (insertion.assume_value()) {
      case Insertion::kept: return Outcome<Client>(*std::move(client_));
      case Insertion::ecosystem_deleted: return Outcome<Client>(ApiError::ecosystem_not_found(draft_.ecosystem_id()));
      case Insertion::ecosystem_unknown: return Outcome<Client>(ecosystem_invalid());
      case Insertion::id_taken: break;
    }
    if (tries_ < max_tries) return std::nullopt;
    return Outcome<Client>(Fault(FaultSource::ids, Fate::not_applied, "every id that was tried is taken"));
  }

 private:
  static ApiError ecosystem_invalid() {
    Findings findings;
    findings.ecosystem_id = Findings::Flaw::invalid;
    return *ApiError::from(std::move(findings));
  }

  ClientDraft draft_;
  std::optional<Client> client_;
  int tries_ = 0;
};

/// Creates a client in `storage`: the client as it is kept, the refusal that the store's word means, or a `Fault`.
///
/// Whatever a policy throws arrives as a `Fault`; out of `insert` it counts as maybe applied unless the store says
/// better. An id that is taken is replaced up to three times. As thread-safe as the policies are.
template <Storage S, Clock C, IdSource I>
Outcome<Client> create_client(S& storage, C& clock, I& ids, ClientDraft draft) {
  Creation creation(std::move(draft));
  for (;;) {
    if (auto failed = creation.begin(clock, ids)) return *std::move(failed);
    auto insertion = detail::guarded<Insertion>(FaultSource::storage, Fate::maybe_applied, [&]() -> Outcome<Insertion> {
      return storage.insert(creation.client());
    });
    if (auto settled = creation.settle(std::move(insertion))) return *std::move(settled);
  }
}

}  // namespace droplit
