// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>

#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Whether only a transport itself may write this field, compared without case: it tells who calls, or frames the
/// message.
constexpr bool is_reserved_field(std::string_view name) noexcept {
  for (const std::string_view own :
       {"authorization", "host", "content-length", "transfer-encoding", "connection", "expect"}) {
    if (equals_ignoring_case(name, own)) return true;
  }
  return false;
}

/// Whether a transport can write the request onto the wire as it stands: the method is a token, the target a path of
/// printable ASCII without a fragment, and no field is the transport's own. Any other is refused as not sent.
inline bool is_sendable(const Request& request) noexcept {
  if (!is_token(request.method) || !request.target.starts_with('/')) return false;
  for (const char c : request.target) {
    if (c <= 0x20 || c >= 0x7F || c == '#') return false;  // nor any byte above ASCII, whatever the sign of char
  }
  for (const HeaderField field : request.fields) {
    if (is_reserved_field(field.name)) return false;
  }
  return true;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
