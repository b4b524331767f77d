// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Takes a request target apart and reads its query: what the order of checks (exchange.hpp) needs to distinguish this
// endpoint from others and to list the query fields, none of which is allowed.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/http/host.hpp>
#include <droplit/detail/name_list.hpp>
#include <droplit/detail/utf8.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A request target in its parts, not normalised.
struct RequestTarget {
  bool well_formed = true;  ///< no `#`, space or control character; other octets pass (ours); a valid authority
  std::string_view path;    ///< empty in other forms than origin and absolute
  std::optional<std::string_view> query;  ///< what follows the first `?`
};

constexpr RequestTarget split_target(std::string_view target) noexcept {
  RequestTarget parts;
  parts.well_formed = all_of(target, [](char c) { return is_visible(c) && c != '#'; });
  bool is_absolute = false;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::string_view authority = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(authority.size());
    parts.well_formed = parts.well_formed && is_host(authority);
    is_absolute = true;
    break;
  }
  const std::size_t mark = target.find('?');
  if (mark != std::string_view::npos) parts.query = target.substr(mark + 1);
  if (target.starts_with('/')) parts.path = target.substr(0, mark);
  if (is_absolute && parts.path.empty()) parts.path = "/";  // the same (RFC 9110, section 4.2.3)
  return parts;
}

/// `text` with each `%XX` replaced by its byte, once; broken escapes and `+` stay as they are.
inline std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const int byte = read_percent_escape(text);
    out += byte < 0 ? text[0] : static_cast<char>(byte);
    text.remove_prefix(byte < 0 ? 1 : 3);
  }
  return out;
}

/// The names of the fields of a query, each once and joined, or nothing if there is no field.
///
/// Fields are split at `&` and empty ones skipped; names are percent-decoded once, and what is then not UTF-8 becomes
/// U+FFFD (ours).
inline std::optional<std::string> join_query_fields(std::string_view query) {
  NameList names;
  while (!query.empty()) {
    std::string_view field = take_until(query, '&');
    if (!field.empty()) names.add(to_well_formed_utf8(percent_decode(take_until(field, '='))));
  }
  if (names.empty()) return std::nullopt;
  return names.join();
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
