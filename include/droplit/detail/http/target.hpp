// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/host.hpp>
#include <droplit/detail/name_list.hpp>
#include <droplit/detail/utf8.hpp>
#include <droplit/http.hpp>
#include <droplit/id.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A request target, taken apart and not normalised.
struct RequestTarget {
  bool well_formed = true;  ///< no `#`, space or control character; other octets pass (ours); a good authority
  std::string_view path;    ///< empty in other forms than origin and absolute
  std::optional<std::string_view> query;  ///< what stands behind the first `?`
};

constexpr RequestTarget split_target(std::string_view target) noexcept {
  RequestTarget parts;
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F || c == '#') parts.well_formed = false;
  }
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t authority_end = target.find_first_of("/?", scheme.size());
    if (!is_host(target.substr(scheme.size(), authority_end - scheme.size()))) parts.well_formed = false;
    target = authority_end == std::string_view::npos ? std::string_view() : target.substr(authority_end);
    break;
  }
  if (const std::size_t mark = target.find('?'); mark != std::string_view::npos) {
    parts.query = target.substr(mark + 1);
    target = target.substr(0, mark);
  }
  if (target.starts_with('/')) parts.path = target;
  return parts;
}

/// `text` with each `%XX` replaced by its byte, once; broken escapes stay as they are, and so does `+`.
inline std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && text.size() - i > 2;
    const int high = escape ? hex_value(text[i + 1]) : -1;
    const int low = escape ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

/// The names of the fields of a query, each once and joined, or nothing if there is no field: no field is allowed.
///
/// Fields are split at `&` and empty ones skipped; names are percent-decoded once, and what is then not UTF-8 becomes
/// U+FFFD (ours).
inline std::optional<std::string> join_query_fields(std::string_view query) {
  NameList names;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view field = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (!field.empty()) names.add(to_well_formed_utf8(percent_decode(field.substr(0, field.find('=')))));
  }
  if (names.empty()) return std::nullopt;
  return names.join();
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
