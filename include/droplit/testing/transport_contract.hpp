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
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

inline constexpr std::array<ContractCheck, 16> transport_checks{{
    // clang-format off
    {"request_arrives", "A request arrives with its method, target and body.", ""},
    {"request_line_arrives", "Methods and targets arrive as they stand: query, escapes, dots and slashes.", "request_arrives"},
    {"bodies_arrive", "Bodies arrive byte for byte, up to 1 MiB and whatever is in them.", "request_arrives"},
    {"fields_arrive", "Fields arrive once with their values, and without one there is no content-type.", "request_arrives"},
    {"token_arrives", "The token, and nothing else, stands in the authorization field, once in each request.", "request_arrives"},
    {"sent_once", "Whatever the answer is, one request arrives.", "request_arrives"},
    {"answers_arrive", "Answers come back with their status, body and fields, known to the contract or not.", "sent_once"},
    {"answer_bodies_arrive", "Bodies of answers come back byte for byte, up to 1 MiB.", "answers_arrive"},
    {"redirect_is_not_followed", "A redirect comes back as it is, and nobody follows it.", "answers_arrive"},
    {"goes_on", "After a lost answer, a long one and a refusal the next answer comes back.", "answers_arrive"},
    {"long_response_is_bounded", "An answer beyond 1 MiB becomes a fault that is maybe applied and knows the status.", "goes_on"},
    {"lost_response_is_maybe_applied", "Where the answer is lost the request is maybe applied.", "goes_on"},
    {"lost_response_is_not_repeated", "Where the answer is lost the request is not sent again.", "goes_on"},
    {"unwritable_is_not_sent", "A method or target that cannot be written as it stands is refused as not sent.", "goes_on"},
    {"own_fields_are_not_sent", "Fields that are the transport's own, in whatever case, are refused as not sent.", "unwritable_is_not_sent"},
    {"unreachable_is_not_sent", "Where nobody can be reached the request is not sent.", ""},
    // clang-format on
}};

/// Runs the behaviour suite over transports that `make(peer)` gives, a new one for each check, and tells which rules
/// are broken: none, if the transport keeps its promise.
///
/// Every request of such a transport must end in `TransportPeer::hear`, and `token` must be who it says is calling. Its
/// `void go_away()`, if it has one, is called before its first request; from then on nobody can be reached. Without it
/// `unreachable_is_not_sent` is left out.
template <std::invocable<TransportPeer&> Make>
requires Transport<std::invoke_result_t<Make&, TransportPeer&>> std::vector<FailedCheck> check_transport_contract(
    Make make, std::string_view token) {
  return detail::run_suite<transport_checks>(
      [&] { return detail::TransportChecks<std::invoke_result_t<Make&, TransportPeer&>>(make, token); });
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
