// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/id.hpp>

#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a store knows of an ecosystem: it is there, it once was there, or it never was.
enum class EcosystemState : std::uint8_t { active, deleted, unknown };

constexpr std::string_view to_string(EcosystemState state) noexcept {
  switch (state) {
    case EcosystemState::active: return "active";
    case EcosystemState::deleted: return "deleted";
    case EcosystemState::unknown:
    default: break;
  }
  return "unknown";
}

/// An ecosystem as a store sees it. A deleted one never becomes active again.
class Ecosystem {
 public:
  constexpr Ecosystem(EcosystemId id, EcosystemState state) noexcept : id_(id), state_(state) {}

  [[nodiscard]] constexpr EcosystemId id() const noexcept { return id_; }
  [[nodiscard]] constexpr EcosystemState state() const noexcept { return state_; }

  constexpr bool operator==(const Ecosystem&) const noexcept = default;

 private:
  EcosystemId id_;
  EcosystemState state_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
