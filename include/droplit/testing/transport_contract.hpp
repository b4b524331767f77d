// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/testing/contract_check.hpp>
#include <droplit/testing/detail/suite.hpp>
#include <droplit/testing/detail/transport_checks.hpp>
#include <droplit/testing/transport_peer.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/transport.hpp>

#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The rules of the suite; each row is a `ContractCheck`.
inline constexpr auto transport_checks = std::to_array<detail::Check<detail::TransportChecks>>({
    // clang-format off
    {{"request_arrives", "A request arrives with its method, target and body.", ""}, &detail::TransportChecks::request_arrives},
    {{"request_line_arrives", "Methods and targets arrive unchanged: query, escapes, dots and slashes.", "request_arrives"}, &detail::TransportChecks::request_line_arrives},
    {{"bodies_arrive", "Bodies arrive byte for byte, up to 1 MiB and whatever their bytes.", "request_arrives"}, &detail::TransportChecks::bodies_arrive},
    {{"fields_arrive", "Fields arrive once with their values, and no content-type is added.", "request_arrives"}, &detail::TransportChecks::fields_arrive},
    {{"token_arrives", "The token is the value of the authorization field, once in each request.", "request_arrives"}, &detail::TransportChecks::token_arrives},
    {{"sent_once", "One request arrives, whatever the response.", "request_arrives"}, &detail::TransportChecks::sent_once},
    {{"responses_arrive", "Responses come back with their status, body and fields, known to the contract or not.", "sent_once"}, &detail::TransportChecks::responses_arrive},
    {{"response_bodies_arrive", "Bodies of responses come back byte for byte, up to 1 MiB.", "responses_arrive"}, &detail::TransportChecks::response_bodies_arrive},
    {{"redirect_is_not_followed", "A redirect comes back and is not followed.", "responses_arrive"}, &detail::TransportChecks::redirect_is_not_followed},
    {{"recovers", "After a lost response, a long one and a refused request the next response comes back.", "responses_arrive"}, &detail::TransportChecks::recovers},
    {{"long_response_is_bounded", "A response beyond 1 MiB becomes a fault that is maybe applied and has the status.", "recovers"}, &detail::TransportChecks::long_response_is_bounded},
    {{"lost_response_is_maybe_applied", "A request whose response is lost is maybe applied.", "recovers"}, &detail::TransportChecks::lost_response_is_maybe_applied},
    {{"lost_response_is_not_repeated", "A request whose response is lost is not sent again.", "recovers"}, &detail::TransportChecks::lost_response_is_not_repeated},
    {{"unwritable_is_not_sent", "A method or target that cannot be written unchanged is refused as not sent.", "recovers"}, &detail::TransportChecks::unwritable_is_not_sent},
    {{"reserved_fields_are_not_sent", "Fields that only the transport may set, in any case, are refused as not sent.", "unwritable_is_not_sent"}, &detail::TransportChecks::reserved_fields_are_not_sent},
    {{"unreachable_is_not_sent", "A request is not sent where no server can be reached.", ""}, &detail::TransportChecks::unreachable_is_not_sent},
    // clang-format on
});

/// Runs the behaviour suite over the transports that `make(peer)` returns, a new one for each check. The report
/// is true if the transport is correct.
///
/// Every request of such a transport must end in `TransportPeer::receive`, with `token` in its authorization field. If
/// the transport has `void go_away()`, this is called before its first request; from then on no server can be reached.
/// Without it `unreachable_is_not_sent` is not checked, and the report says so.
template <std::invocable<TransportPeer&> Make>
requires Transport<std::invoke_result_t<Make&, TransportPeer&>> ContractReport
check_transport_contract(Make make, std::string_view token) {
  return detail::run_suite(transport_checks, [&](auto check) {
    TransportPeer peer;
    decltype(auto) transport = make(peer);
    detail::TransportChecks checks(detail::transport_calls(transport), peer, token);
    (checks.*check)();
    return checks.result();
  });
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
