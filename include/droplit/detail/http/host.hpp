// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Whether a Host field, or the authority of an absolute target, is `uri-host [ ":" port ]` by the grammar of RFC 3986,
// section 3.2.2: a name, an IPv4 address (which is a name by that grammar) or an address in brackets. Used by the
// server's head parser and by target.hpp.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>

#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// For each byte whether it is `unreserved` or one of `sub-delims`.
inline constexpr auto name_characters = alphanumerics_and("-._~!$&'()*+,;=");

constexpr bool is_name_character(char c) noexcept { return name_characters[static_cast<unsigned char>(c)]; }

/// `reg-name`: name characters and whole escapes.
constexpr bool is_registered_name(std::string_view text) noexcept {
  while (!text.empty()) {
    const bool escape = read_percent_escape(text) >= 0;
    if (!escape && !is_name_character(text[0])) return false;
    text.remove_prefix(escape ? 3 : 1);
  }
  return true;
}

constexpr bool is_ipv4_address(std::string_view text) noexcept {
  for (int part = 1; part != 5; ++part) {
    if ((part == 4) != (text.find('.') == std::string_view::npos)) return false;
    const std::string_view digits = take_until(text, '.');
    if (parse_decimal(digits).value_or(256) > 255 || (digits.size() > 1 && digits[0] == '0')) return false;
  }
  return true;
}

/// Eight groups, or fewer and one gap; an IPv4 address at the end is two groups.
constexpr bool is_ipv6_address(std::string_view text) noexcept {
  int groups = 0;
  bool gap = text.starts_with("::");
  if (gap) text.remove_prefix(2);
  while (!text.empty()) {
    if (is_ipv4_address(text)) {
      groups += 2;
      break;
    }
    const bool is_last = text.find(':') == std::string_view::npos;
    const std::string_view group = take_until(text, ':');
    if (group.empty() || group.size() > 4 || !all_of(group, is_hex_digit)) return false;
    ++groups;
    if (is_last) break;
    if (text.empty() || (gap && text[0] == ':')) return false;  // a colon at the end, or a second gap
    if (text[0] == ':') {
      gap = true;
      text.remove_prefix(1);
    }
  }
  return gap ? groups < 8 : groups == 8;
}

/// `IPvFuture` without its `v`.
constexpr bool is_future_address(std::string_view text) noexcept {
  const std::string_view version = take_until(text, '.');
  return !version.empty() && all_of(version, is_hex_digit) && !text.empty() &&
         all_of(text, [](char c) { return is_name_character(c) || c == ':'; });
}

/// Whether `value` is `uri-host [ ":" port ]` as RFC 9110, section 7.2, defines a Host field, and not empty: an http
/// URI without a host is invalid, and RFC 9112, section 3.3, allows to refuse it (ours).
constexpr bool is_host(std::string_view value) noexcept {
  if (value.starts_with('[')) {
    value.remove_prefix(1);
    if (value.find(']') == std::string_view::npos) return false;
    const std::string_view address = take_until(value, ']');
    if (address.starts_with('v') || address.starts_with('V') ? !is_future_address(address.substr(1))
                                                             : !is_ipv6_address(address)) {
      return false;
    }
    if (!value.empty() && value[0] != ':') return false;
    return all_of(value.substr(value.empty() ? 0 : 1), is_digit);
  }
  const std::string_view name = take_until(value, ':');
  return !name.empty() && is_registered_name(name) && all_of(value, is_digit);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
