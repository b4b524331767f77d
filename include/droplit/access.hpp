// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/id.hpp>

#include <concepts>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The owner of a token: unknown, an account, a server, or another one, which may not create clients. A value beyond
/// the enumerators counts as `other`.
enum class PrincipalKind : std::uint8_t { none, account, server, other };

/// A policy that authenticates the caller and authorizes it for an ecosystem.
///
/// Each function is called once per request, so that a token that is revoked meanwhile is checked once. A failure is
/// thrown; it becomes a `Fault` that was not applied.
template <class A>
concept Access = requires(const A& access, std::string_view token) {
  /// The holder of the token, which is the bare value of the `authorization` field and never empty. The time it takes
  /// must not depend on how many characters of an unknown token agree with a known one. The holder is a value that
  /// outlives the token.
  { access.authenticate(token) } -> std::movable;
}
&&requires(const A& access, decltype(access.authenticate(std::string_view()))& holder, EcosystemId ecosystem) {
  /// The kind of the holder.
  { holder.kind() } -> std::convertible_to<PrincipalKind>;
  /// True if the holder, an account or a server, may create clients in that ecosystem. Neither the result nor the time
  /// may depend on whether the ecosystem exists.
  { access.authorize(holder, ecosystem) } -> std::convertible_to<bool>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
