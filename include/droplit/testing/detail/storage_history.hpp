// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Decides whether what several threads observed of one store is linearizable: whether there is an order of all calls in
// which one thread would have observed the same, and in which no call comes before one that had returned when it was
// invoked. It is Wing and Gong's search, which remembers the states that it has visited. Used by the concurrency checks
// of the storage suite.

#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/storage.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The calls of several threads to one store, and what they returned. At most 64 calls.
class StorageHistory {
 public:
  static constexpr std::size_t ecosystems = 2;
  static constexpr std::size_t ids = 3;
  static constexpr std::size_t keys = 2;          ///< of each ecosystem
  static constexpr std::uint8_t absent = 0;       ///< the variant of a `find` that found no client
  static constexpr std::uint8_t unexpected = 99;  ///< the variant of one that found a client that no call inserted

  enum class Verb : std::uint8_t { insert, insert_once, add, remove, find };

  /// A client: its id and its variant.
  struct Holder {
    std::uint8_t id = 0;
    std::uint8_t variant = absent;
    auto operator<=>(const Holder&) const = default;
  };

  /// One call. Times are ticks of one counter.
  struct Call {
    Verb verb{};
    std::uint8_t id = 0;         ///< of the inserts and find
    std::uint8_t ecosystem = 0;  ///< of all but find
    std::uint8_t variant = 0;    ///< of the client that was inserted, 1 and up, or found
    Insertion insertion{};       ///< returned by the inserts
    EcosystemState state{};      ///< returned by add and remove
    std::uint64_t invoked = 0;
    std::uint64_t returned = 0;
    std::uint8_t key = 0;  ///< of insert_once
    Holder holder{};       ///< returned by insert_once with `replayed`
  };

  explicit StorageHistory(std::vector<Call> calls) : calls_(std::move(calls)) {}

  /// Whether the calls are linearizable, beginning with a store that has none of these ecosystems and ids.
  [[nodiscard]] bool is_linearizable() {
    visited_.clear();
    return search(0, {});
  }

 private:
  struct State {
    std::array<EcosystemState, ecosystems> ecosystem{EcosystemState::unknown, EcosystemState::unknown};
    std::array<std::uint8_t, ids> client{};  // its variant
    std::array<std::array<Holder, keys>, ecosystems> holder{};
    auto operator<=>(const State&) const = default;
  };

  // Whether the calls that are not in `done`, a set of bits, can follow in this state.
  bool search(std::uint64_t done, const State& state) {
    const auto is_done = [done](std::size_t i) { return (done >> i & 1) != 0; };
    if (static_cast<std::size_t>(std::popcount(done)) == calls_.size()) return true;
    if (!visited_.emplace(done, state).second) return false;
    std::uint64_t first_returned = UINT64_MAX;
    for (std::size_t i = 0; i != calls_.size(); ++i) {
      if (!is_done(i)) first_returned = (std::min)(first_returned, calls_[i].returned);
    }
    for (std::size_t i = 0; i != calls_.size(); ++i) {
      if (is_done(i) || calls_[i].invoked > first_returned) continue;
      State next = state;
      if (can_follow(calls_[i], next) && search(done | std::uint64_t{1} << i, next)) return true;
    }
    return false;
  }

  // Whether a store in this state returns what the call returned; changes the state to that after the call.
  static bool can_follow(const Call& call, State& state) noexcept {
    EcosystemState& ecosystem = state.ecosystem[call.ecosystem];
    std::uint8_t& client = state.client[call.id];
    switch (call.verb) {
      case Verb::find: return client == call.variant;
      case Verb::add:
        if (ecosystem == EcosystemState::unknown) ecosystem = EcosystemState::active;
        return call.state == ecosystem;
      case Verb::remove: {
        const EcosystemState before = ecosystem;
        if (ecosystem == EcosystemState::active) ecosystem = EcosystemState::deleted;
        return call.state == before;
      }
      case Verb::insert_once: {
        Holder& holder = state.holder[call.ecosystem][call.key];
        if (holder.variant == call.variant) return call.insertion == Insertion::replayed && call.holder == holder;
        if (holder.variant != absent) return call.insertion == Insertion::key_reused;
        if (call.insertion == Insertion::inserted) holder = {call.id, call.variant};
        break;
      }
      case Verb::insert:
      default: break;
    }
    if (call.insertion == Insertion::replayed || call.insertion == Insertion::key_reused) return false;
    if (call.insertion == Insertion::id_taken) return client != absent;  // in an ecosystem that is not active, too
    if (call.insertion == Insertion::ecosystem_deleted) return ecosystem == EcosystemState::deleted;
    if (call.insertion == Insertion::ecosystem_unknown) return ecosystem == EcosystemState::unknown;
    return std::exchange(client, call.variant) == absent && ecosystem == EcosystemState::active;
  }

  std::vector<Call> calls_;
  std::set<std::pair<std::uint64_t, State>> visited_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
