// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>

#include <concepts>
#include <cstdint>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a store did with a client.
enum class Insertion : std::uint8_t {
  inserted,           ///< it is there, as durable as the store promises
  ecosystem_deleted,  ///< nothing was kept: its ecosystem existed once
  ecosystem_unknown,  ///< nothing was kept: its ecosystem never existed
  id_taken,           ///< nothing was kept: another client has its id
};

/// What a durable store finds at its place before it is opened.
enum class StoreState : std::uint8_t {
  absent,   ///< nothing, or an empty place: opening creates the store
  older,    ///< ours, of an earlier version: opening upgrades it
  current,  ///< ours, of this version: opening changes nothing
  foreign,  ///< another program's, or of a newer version: opening refuses it
};

/// A policy that keeps clients.
///
/// A failure is thrown, or returned in an `outcome`, as a `Fault` that says whether the client may have been kept; any
/// other exception counts as maybe applied.
template <class S>
concept Storage = requires(S& storage, const Client& client) {
  /// Keeps the client if and only if its ecosystem is active and its id is free, in one atomic step, and says which it
  /// was. No client may ever stand in an ecosystem that was deleted before it.
  { storage.insert(client) } -> std::convertible_to<Outcome<Insertion>>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
