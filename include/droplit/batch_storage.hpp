// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <concepts>
#include <span>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// One insert of a batch, and what became of it.
struct BatchInsert {
  /// Refers to the client and, if there is one, to the key: both must remain until the batch is done.
  explicit BatchInsert(const Client& new_client, const IdempotencyKey* new_key = nullptr) noexcept
      : client(new_client), key(new_key) {}
  explicit BatchInsert(const Client&& new_client, const IdempotencyKey* new_key = nullptr) = delete;

  const Client& client;       ///< what is inserted
  const IdempotencyKey* key;  ///< null if the client is inserted without one
  /// Set by the storage.
  Outcome<KeyedInsertion> outcome = Fault(FaultSource::storage, Fate::maybe_applied, {});
};

/// A storage that can insert several clients for the price of one commit.
template <class S>
concept BatchStorage = Storage<S> && requires(S& storage, std::span<BatchInsert* const> inserts) {
  /// Does for each, in any order, what `insert` would, or for one with a key what `insert_once` would, and sets its
  /// outcome. Clients of one batch may have the same id or key. What can be refused or can fail for one alone does not
  /// change the outcome of another; where the commit fails, it fails for all that depend on it. Throws nothing.
  { storage.insert_all(inserts) }
  noexcept->std::same_as<void>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
