// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/outcome.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a store did with a client.
enum class Insertion : std::uint8_t {
  inserted,           ///< it is stored, as durably as the store promises
  ecosystem_deleted,  ///< nothing was stored: its ecosystem existed once
  ecosystem_unknown,  ///< nothing was stored: its ecosystem never existed
  id_taken,           ///< nothing was stored: another client has its id
};

/// The name of the enumerator.
constexpr std::string_view to_string(Insertion insertion) noexcept {
  return std::array<std::string_view, 4>{"inserted", "ecosystem_deleted", "ecosystem_unknown",
                                         "id_taken"}[static_cast<std::size_t>(insertion)];
}

template <>
struct detail::Print<Insertion> : PrintName<Insertion> {};

/// What is at the location of a durable store before it is opened.
enum class StoreState : std::uint8_t {
  absent,   ///< nothing, or an empty file or database: opening creates the store
  older,    ///< a store of an earlier version: opening upgrades it
  current,  ///< a store of this version: opening changes nothing
  foreign,  ///< another program's data, or a store of a newer version: opening refuses it
};

/// The name of the enumerator.
constexpr std::string_view to_string(StoreState state) noexcept {
  return std::array<std::string_view, 4>{"absent", "older", "current", "foreign"}[static_cast<std::size_t>(state)];
}

template <>
struct detail::Print<StoreState> : PrintName<StoreState> {};

/// A policy that stores clients.
///
/// A failure is thrown, or returned in an `outcome`, as a `Fault` that says whether the client may have been stored;
/// any other exception counts as maybe applied.
template <class S>
concept Storage = requires(S& storage, const Client& client) {
  /// Stores the client if and only if its ecosystem is active and its id is free, in one atomic step, and returns which
  /// of the four it was. A client must never be added to an ecosystem that was deleted before.
  { storage.insert(client) } -> std::convertible_to<Outcome<Insertion>>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
