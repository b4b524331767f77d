// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What every transport refuses to send, because it would break the message's framing or speak for the transport. Used
// by the loopback and the libcurl transport.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/http/head_field.hpp>
#include <droplit/http.hpp>

#include <algorithm>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Whether a transport can write the request as it is: the method is a token, the target a path of printable ASCII
/// without a fragment, and no field is the transport's own. Any other is refused as not sent.
inline bool is_sendable(const Request& request) noexcept {
  return is_token(request.method) && request.target.starts_with('/') &&
         all_of(request.target, [](char c) { return c > ' ' && c < '\x7F' && c != '#'; }) &&
         std::none_of(request.fields.begin(), request.fields.end(),
                      [](HeaderField field) { return head_field(field.name).reserved; });
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
