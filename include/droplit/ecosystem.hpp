// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/enum_name.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/id.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The state of an ecosystem in a store: it exists, it existed once, or it never existed.
enum class EcosystemState : std::uint8_t { active, deleted, unknown };

/// The name of the state.
constexpr std::string_view to_string(EcosystemState state) noexcept {
  return detail::enum_name(state, {"active", "deleted", "unknown"});
}

template <>
struct detail::Print<EcosystemState> : PrintName<EcosystemState> {};

/// An ecosystem in a store. A deleted one never becomes active again.
class Ecosystem {
 public:
  /// The ecosystem with this id, in this state.
  constexpr Ecosystem(EcosystemId id, EcosystemState state) noexcept : id_(id), state_(state) {}

  [[nodiscard]] constexpr EcosystemId id() const noexcept { return id_; }           ///< also of one that never existed
  [[nodiscard]] constexpr EcosystemState state() const noexcept { return state_; }  ///< when the store was asked

  constexpr bool operator==(const Ecosystem&) const noexcept = default;

 private:
  EcosystemId id_;
  EcosystemState state_;
};

template <>
struct detail::Print<Ecosystem> {
  static void append(std::string& out, const Ecosystem& ecosystem) {
    PrintedMembers members(out, "Ecosystem");
    members.add("id", ecosystem.id());
    members.add("state", ecosystem.state());
    members.end();
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
