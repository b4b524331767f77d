// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/enum_name.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a store did with a client.
enum class Insertion : std::uint8_t {
  inserted,           ///< it is stored, as durably as the store promises
  ecosystem_deleted,  ///< nothing was stored: its ecosystem existed once
  ecosystem_unknown,  ///< nothing was stored: its ecosystem never existed
  id_taken,           ///< nothing was stored: another client has its id
  replayed,           ///< nothing was stored: a client of the same draft has its key (`insert_once` only)
  key_reused,         ///< nothing was stored: a client of another draft has its key (`insert_once` only)
};

/// The name of the enumerator.
constexpr std::string_view to_string(Insertion insertion) noexcept {
  return detail::enum_name(
      insertion, {"inserted", "ecosystem_deleted", "ecosystem_unknown", "id_taken", "replayed", "key_reused"});
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
  return detail::enum_name(state, {"absent", "older", "current", "foreign"});
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

/// What a store did with a client and a key: an insertion and, if it was `replayed`, the client that has the key.
class KeyedInsertion {
 public:
  /// What `insert` would have returned, or `key_reused`; for `replayed` the client is needed.
  KeyedInsertion(Insertion insertion) noexcept : insertion_(insertion) {}

  /// Nothing was stored: `client`, which is stored, has the key, and was created from the same draft.
  static KeyedInsertion replayed(Client client) noexcept {
    KeyedInsertion result(Insertion::replayed);
    result.client_ = std::move(client);
    return result;
  }

  [[nodiscard]] Insertion insertion() const noexcept { return insertion_; }  ///< what was done
  /// The client that has the key; nothing unless it is `replayed`.
  [[nodiscard]] const std::optional<Client>& client() const& noexcept { return client_; }
  [[nodiscard]] std::optional<Client> client() && noexcept { return std::move(client_); }

  bool operator==(const KeyedInsertion&) const = default;

 private:
  Insertion insertion_;
  std::optional<Client> client_;
};

template <>
struct detail::Print<KeyedInsertion> {
  static void append(std::string& out, const KeyedInsertion& done) {
    append_printed(out, done.insertion());
    if (done.client()) append_printed(out += ' ', *done.client());
  }
};

/// A storage that remembers the keys of creates.
///
/// A key belongs to its ecosystem, and is kept with the client in the same atomic step. It is remembered for a limit of
/// at least 48 hours: it is new again when the time of creation of the client to insert minus that of the client that
/// has it exceeds the limit. Neither refusals nor failures are remembered.
template <class S>
concept KeyedStorage = Storage<S> && requires(S& storage, const Client& client, const IdempotencyKey& key) {
  /// If the key is taken, whatever the state of the ecosystem: stores nothing, and returns `replayed` with the client
  /// that has it, if that is one of the same draft, or else `key_reused`. Otherwise does what `insert` does, and keeps
  /// the key with the client. Of several at the same time one inserts, and the others return what follows from that.
  { storage.insert_once(client, key) } -> std::convertible_to<Outcome<KeyedInsertion>>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
