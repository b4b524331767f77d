// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/storage.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// What several threads asked one store at the same time, and were told; and whether there is an order of it all, one
/// after the other and none before it was asked or after it was told, in which a single thread would have been told the
/// same. (Wing and Gong's search, which remembers where it has been.) At most 64 calls.
class StorageHistory {
 public:
  static constexpr std::size_t ecosystems = 2;
  static constexpr std::size_t ids = 3;
  static constexpr std::uint8_t nobody = 0;     ///< a call of `find` that found none
  static constexpr std::uint8_t stranger = 99;  ///< one that found what nobody inserted

  enum class Verb : std::uint8_t { insert, add, remove, find };

  /// One call. Times are ticks of one counter.
  struct Call {
    Verb verb{};
    std::uint8_t id = 0;         ///< of insert and find
    std::uint8_t ecosystem = 0;  ///< of insert, add and remove
    std::uint8_t variant = 0;    ///< of the client: inserted, 1 and up, or found
    Insertion insertion{};       ///< told by insert
    EcosystemState state{};      ///< told by add and remove
    std::uint64_t invoked = 0;
    std::uint64_t returned = 0;
  };

  explicit StorageHistory(std::vector<Call> calls) : calls_(std::move(calls)) {}

  /// Whether there is such an order, from a store that knows neither these ecosystems nor these ids.
  [[nodiscard]] bool is_linearizable() {
    seen_.clear();
    return search(0, {});
  }

 private:
  struct State {
    std::array<EcosystemState, ecosystems> ecosystem{EcosystemState::unknown, EcosystemState::unknown};
    std::array<std::uint8_t, ids> kept{};
    auto operator<=>(const State&) const = default;
  };

  bool search(std::uint64_t done, const State& state) {
    if (done == (calls_.size() == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << calls_.size()) - 1)) return true;
    if (!seen_.emplace(done, state).second) return false;
    std::uint64_t first_returned = ~std::uint64_t{0};
    for (std::size_t i = 0; i != calls_.size(); ++i) {
      if ((done >> i & 1) == 0) first_returned = (std::min)(first_returned, calls_[i].returned);
    }
    for (std::size_t i = 0; i != calls_.size(); ++i) {
      if ((done >> i & 1) != 0 || calls_[i].invoked > first_returned) continue;
      State next = state;
      if (happens(calls_[i], next) && search(done | std::uint64_t{1} << i, next)) return true;
    }
    return false;
  }

  // Whether a store in this state would have told that; the state after it.
  static bool happens(const Call& call, State& state) noexcept {
    EcosystemState& ecosystem = state.ecosystem[call.ecosystem];
    std::uint8_t& kept = state.kept[call.id];
    switch (call.verb) {
      case Verb::find: return kept == call.variant;
      case Verb::add:
        if (ecosystem == EcosystemState::unknown) ecosystem = EcosystemState::active;
        return call.state == ecosystem;
      case Verb::remove: {
        const EcosystemState before = ecosystem;
        if (ecosystem == EcosystemState::active) ecosystem = EcosystemState::deleted;
        return call.state == before;
      }
      case Verb::insert:
      default: break;
    }
    switch (call.insertion) {
      case Insertion::inserted: {
        const bool free = kept == nobody;
        kept = call.variant;
        return free && ecosystem == EcosystemState::active;
      }
      case Insertion::ecosystem_deleted: return ecosystem == EcosystemState::deleted;
      case Insertion::ecosystem_unknown: return ecosystem == EcosystemState::unknown;
      case Insertion::id_taken:  // also where the ecosystem is not active: either answer is right
      default: break;
    }
    return kept != nobody;
  }

  std::vector<Call> calls_;
  std::set<std::pair<std::uint64_t, State>> seen_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
