// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Whether a body is what its `content-type` and `content-encoding` fields must say it is, by the grammar of RFC 9110,
// sections 8.3 and 8.4. Used for requests (request_head.hpp, exchange.hpp) and for responses (response.hpp).

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Removes a token or a quoted string (RFC 9110, section 5.6.4) from the front of `text`. Returns whether its value is
/// `expected`, which is in lower case, compared without case; nothing if there is neither.
constexpr std::optional<bool> take_value(std::string_view& text, std::string_view expected) noexcept {
  if (!text.starts_with('"')) {
    const std::string_view token = take_token(text);
    if (token.empty()) return std::nullopt;
    return equals_ignoring_case(token, expected);
  }
  bool equal = true;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return equal && expected.empty();
    }
    if (text[i] == '\\') ++i;
    if (i == text.size() || !is_field_character(text[i])) return std::nullopt;
    equal = equal && expected.starts_with(ascii_lower(text[i]));
    if (equal) expected.remove_prefix(1);
  }
  return std::nullopt;
}

/// Whether a content-type field's value is the media type `type`/`subtype`, both in lower case. Parameters are allowed;
/// every `charset` must be utf-8 (ours).
constexpr bool is_content_type(std::string_view value, std::string_view type, std::string_view subtype) noexcept {
  value = trim(value);
  if (!equals_ignoring_case(take_token(value), type) || !value.starts_with('/')) return false;
  value.remove_prefix(1);
  if (!equals_ignoring_case(take_token(value), subtype)) return false;
  for (value = trim(value); !value.empty(); value = trim(value)) {
    if (!value.starts_with(';')) return false;
    value = trim(value.substr(1));
    if (value.empty() || value.starts_with(';')) continue;  // a parameter may be empty
    const std::string_view name = take_token(value);
    if (name.empty() || !value.starts_with('=')) return false;
    value.remove_prefix(1);
    const std::optional<bool> is_utf8 = take_value(value, "utf-8");
    if (!is_utf8 || (!*is_utf8 && equals_ignoring_case(name, "charset"))) return false;
  }
  return true;
}

/// Whether a content-encoding field's value names nothing but `identity`.
constexpr bool is_identity_encoding(std::string_view value) noexcept {
  while (!value.empty()) {
    const std::string_view coding = trim(take_until(value, ','));
    if (!coding.empty() && !equals_ignoring_case(coding, "identity")) return false;
  }
  return true;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
