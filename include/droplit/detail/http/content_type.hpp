// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>

#include <cstddef>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

struct QuotedString {
  bool well_formed = false;
  bool matches = false;
};

/// Takes a quoted string, RFC 9110 section 5.6.4, from the front of `text`, and tells whether, unescaped, it is
/// `expected` without case; that is in lower case.
constexpr QuotedString take_quoted_string(std::string_view& text, std::string_view expected) noexcept {
  QuotedString result{false, true};
  std::size_t at = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      text.remove_prefix(i + 1);
      return {true, result.matches && at == expected.size()};
    }
    if (c == '\\') {
      if (++i == text.size()) return {};
      c = text[i];
    }
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) return {};
    if (at == expected.size() || ascii_lower(c) != expected[at]) {
      result.matches = false;
    } else {
      ++at;
    }
  }
  return {};
}

constexpr std::string_view take_token(std::string_view& text) noexcept {
  std::size_t size = 0;
  while (size != text.size() && is_token_character(text[size])) ++size;
  const std::string_view token = text.substr(0, size);
  text.remove_prefix(size);
  return token;
}

/// Whether a content-type field's value is the media type `type`/`subtype`, both in lower case, by the grammar of RFC
/// 9110, section 8.3.1. Parameters are allowed; every `charset` must be utf-8 (ours).
constexpr bool is_content_type(std::string_view value, std::string_view type, std::string_view subtype) noexcept {
  value = trim(value);
  if (!equals_ignoring_case(take_token(value), type) || !value.starts_with('/')) return false;
  value.remove_prefix(1);
  if (!equals_ignoring_case(take_token(value), subtype)) return false;
  for (value = trim(value); !value.empty(); value = trim(value)) {
    if (!value.starts_with(';')) return false;
    value = trim(value.substr(1));
    if (value.empty() || value.starts_with(';')) continue;  // an empty parameter is fine
    const std::string_view name = take_token(value);
    if (name.empty() || !value.starts_with('=')) return false;
    const bool charset = equals_ignoring_case(name, "charset");
    value.remove_prefix(1);
    constexpr std::string_view utf8 = "utf-8";
    if (value.starts_with('"')) {
      const QuotedString quoted = take_quoted_string(value, utf8);
      if (!quoted.well_formed || (charset && !quoted.matches)) return false;
    } else {
      const std::string_view token = take_token(value);
      if (token.empty() || (charset && !equals_ignoring_case(token, utf8))) return false;
    }
  }
  return true;
}

/// Whether a content-encoding field's value names nothing but `identity`.
constexpr bool is_identity_encoding(std::string_view value) noexcept {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view coding = trim(value.substr(0, comma));
    if (!coding.empty() && !equals_ignoring_case(coding, "identity")) return false;
    value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
  }
  return true;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
