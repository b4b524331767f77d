// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The calls of several threads to one service, and whether one thread could have seen the same (Wing and Gong's search,
// which remembers where it was). Creates have keys that expire, tokens that are revoked, and stores that fail.
#pragma once

#include <droplit/ecosystem.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

/// At most 64 calls, to two ecosystems of two keys each.
class History {
 public:
  enum class Verb : std::uint8_t { create, add, remove, revoke, find };
  enum class Result : std::uint8_t {
    created,
    replayed,  ///< the client of the create `of`
    key_reused,
    not_found,  ///< the ecosystem was deleted
    invalid,    ///< it never existed
    unauthorized,
    not_applied,    ///< 503
    maybe_applied,  ///< 500
    done,           ///< of the others; of find: there
    absent,         ///< of find
  };

  static constexpr std::uint8_t no_key = 9;
  static constexpr std::int64_t key_age = 172'800'000;

  /// Times are ticks of one counter.
  struct Call {
    Verb verb{};
    std::uint8_t ecosystem = 0;
    std::uint8_t key = no_key;
    std::uint8_t variant = 0;  ///< of the draft
    std::int64_t created_at = 0;
    std::uint8_t of = 0;              ///< of find, and `replayed`: the number of a create's call
    droplit::EcosystemState state{};  ///< returned by add and remove
    Result result{};
    std::uint64_t invoked = 0;
    std::uint64_t returned = 0;
  };

  /// `newest`: the latest `created_at` of all creates of its store.
  explicit History(std::vector<Call> calls, std::int64_t newest = 0) : calls_(std::move(calls)), newest_(newest) {}

  /// Begins with a service that has no ecosystem.
  [[nodiscard]] bool is_linearizable() {
    visited_.clear();
    return revocation_holds() && search(0, {});
  }

  [[nodiscard]] std::string text() const {
    static constexpr const char* verbs[] = {"create", "add", "remove", "revoke", "find"};
    static constexpr const char* results[] = {"created",      "replayed",    "key_reused",    "not_found", "invalid",
                                              "unauthorized", "not_applied", "maybe_applied", "done",      "absent"};
    std::string out;
    for (std::size_t i = 0; i != calls_.size(); ++i) {
      const Call& call = calls_[i];
      out += std::to_string(i) + ": " + std::to_string(call.invoked) + "-" + std::to_string(call.returned) + " " +
             verbs[static_cast<std::size_t>(call.verb)] + " e" + std::to_string(call.ecosystem) + " k" +
             std::to_string(call.key) + " v" + std::to_string(call.variant) + " at " + std::to_string(call.created_at) +
             " -> " + results[static_cast<std::size_t>(call.result)] + " " + std::to_string(call.of) + "\n";
    }
    return out;
  }

 private:
  struct State {
    std::array<droplit::EcosystemState, 2> ecosystem{droplit::EcosystemState::unknown,
                                                     droplit::EcosystemState::unknown};
    std::uint64_t stored = 0;                             // which creates
    std::array<std::array<std::uint8_t, 2>, 2> holder{};  // the create that has the key, and 1; 0 if none
    auto operator<=>(const State&) const = default;
  };

  // A token is judged once, between the beginning and the end of a call.
  [[nodiscard]] bool revocation_holds() const {
    for (const Call& revoke : calls_) {
      if (revoke.verb != Verb::revoke) continue;
      for (const Call& call : calls_) {
        if (call.verb != Verb::create) continue;
        const bool refused = call.result == Result::unauthorized;
        if (refused ? call.returned < revoke.invoked : call.invoked > revoke.returned) return false;
      }
    }
    return true;
  }

  // Any create with a key may clear keys that have expired by its own time, also one of another history.
  [[nodiscard]] bool may_be_forgotten(const Call& call, const State& state) const {
    if (call.verb != Verb::create || call.key == no_key) return false;
    const std::uint8_t holder = state.holder[call.ecosystem][call.key];
    return holder != 0 && newest_ - calls_[holder - 1U].created_at > key_age;
  }

  bool search(std::uint64_t done, const State& state) {
    if (static_cast<std::size_t>(std::popcount(done)) == calls_.size()) return true;
    if (!visited_.emplace(done, state).second) return false;
    const auto is_done = [done](std::size_t i) { return (done >> i & 1) != 0; };
    std::uint64_t first_returned = UINT64_MAX;
    for (std::size_t i = 0; i != calls_.size(); ++i) {
      if (!is_done(i)) first_returned = std::min(first_returned, calls_[i].returned);
    }
    for (std::size_t i = 0; i != calls_.size(); ++i) {
      if (is_done(i) || calls_[i].invoked > first_returned) continue;
      const std::uint64_t next_done = done | std::uint64_t{1} << i;
      const Call& call = calls_[i];
      if (may_be_forgotten(call, state)) {
        State without = state;
        without.holder[call.ecosystem][call.key] = 0;
        if (search(done, without)) return true;
      }
      State next = state;
      const Result result = apply(i, next);
      if (call.result == result && search(next_done, next)) return true;
      if (call.result == Result::maybe_applied && (search(next_done, next) || search(next_done, state))) return true;
      const bool is_nothing = call.result == Result::not_applied || call.result == Result::unauthorized;
      if (is_nothing && search(next_done, state)) return true;
    }
    return false;
  }

  // What the call would return in this state, which becomes that after it. `absent` also for what cannot be.
  Result apply(std::size_t number, State& state) const {
    const Call& call = calls_[number];
    using enum droplit::EcosystemState;
    droplit::EcosystemState& ecosystem = state.ecosystem[call.ecosystem];
    switch (call.verb) {
      case Verb::revoke: return Result::done;
      case Verb::find: return (state.stored >> call.of & 1) != 0 ? Result::done : Result::absent;
      case Verb::add:
        if (ecosystem == unknown) ecosystem = active;
        return call.state == ecosystem ? Result::done : Result::absent;
      case Verb::remove: {
        const bool good = call.state == ecosystem;
        if (ecosystem == active) ecosystem = deleted;
        return good ? Result::done : Result::absent;
      }
      case Verb::create:
      default: break;
    }
    if (call.key != no_key) {
      std::uint8_t& holder = state.holder[call.ecosystem][call.key];
      if (holder != 0 && call.created_at - calls_[holder - 1U].created_at <= key_age) {
        if (calls_[holder - 1U].variant != call.variant) return Result::key_reused;
        return call.result != Result::replayed || call.of == holder - 1 ? Result::replayed : Result::absent;
      }
      if (ecosystem == active) holder = static_cast<std::uint8_t>(number + 1);
    }
    if (ecosystem == unknown) return Result::invalid;
    if (ecosystem == deleted) return Result::not_found;
    state.stored |= std::uint64_t{1} << number;
    return Result::created;
  }

  std::vector<Call> calls_;
  std::int64_t newest_;
  std::set<std::pair<std::uint64_t, State>> visited_;
};

}  // namespace test
