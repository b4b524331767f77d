// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/id.hpp>

#include <concepts>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Whose token it is: nobody's, an account's, a server's, or one of a kind that may not create clients.
enum class PrincipalKind : std::uint8_t { none, account, server, other };

/// A policy that knows who calls and what they may touch.
///
/// Its two questions are asked once each per request, so that a token that is revoked meanwhile is judged once. A
/// failure is thrown; it becomes a `Fault` that was not applied.
template <class A>
concept Access = requires(const A& access, std::string_view token) {
  /// Who holds the token; the token is the bare value of the `authorization` field and is never empty. The time it
  /// takes must not tell how much of a wrong token is right. The holder is a value that outlives the token.
  { access.authenticate(token) } -> std::movable;
}
&&requires(const A& access, decltype(access.authenticate(std::string_view()))& holder, EcosystemId ecosystem) {
  /// Of what kind the holder is.
  { holder.kind() } -> std::convertible_to<PrincipalKind>;
  /// Whether the holder, an account or a server, may create clients in that ecosystem. Neither the answer nor the work
  /// may depend on whether the ecosystem exists.
  { access.authorize(holder, ecosystem) } -> std::convertible_to<bool>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
