// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/id.hpp>

#include <cstddef>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Whether `text` is only unreserved characters, sub-delims, escapes and, if `colons`, colons: RFC 3986, appendix A.
constexpr bool is_registered_name(std::string_view text, bool colons = false) noexcept {
  for (std::size_t i = 0; i != text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return false;
      i += 2;
    } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c == ':' && colons) ||
                 std::string_view("-._~!$&'()*+,;=").find(c) != std::string_view::npos)) {
      return false;
    }
  }
  return true;
}

constexpr bool is_ipv4_address(std::string_view text) noexcept {
  for (int part = 0; part != 4; ++part) {
    const std::size_t dot = text.find('.');
    const std::string_view digits = text.substr(0, dot);
    if ((dot == std::string_view::npos) != (part == 3) || digits.empty() || digits.size() > 3) return false;
    int value = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    if (value > 255 || (digits.size() > 1 && digits[0] == '0')) return false;
    text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  }
  return true;
}

constexpr bool is_ipv6_address(std::string_view text) noexcept {
  int groups = 0;
  bool gap = false;
  if (text.starts_with("::")) {
    gap = true;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && is_ipv4_address(group)) {
      groups += 2;
      break;
    }
    if (group.empty() || group.size() > 4) return false;
    for (const char c : group) {
      if (hex_value(c) < 0) return false;
    }
    ++groups;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.starts_with(':')) {
      if (gap) return false;
      gap = true;
      text.remove_prefix(1);
    } else if (text.empty()) {
      return false;  // a colon with nothing behind it
    }
  }
  return gap ? groups < 8 : groups == 8;
}

/// Whether `value` is `uri-host [ ":" port ]` as RFC 9110, section 7.2, wants a Host field to be, and not empty: an
/// http URI without a host is invalid, and RFC 9112, section 3.3, lets us say so (ours).
constexpr bool is_host(std::string_view value) noexcept {
  std::string_view port;
  if (value.starts_with('[')) {
    const std::size_t end = value.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view literal = value.substr(1, end - 1);
    const bool future = literal.starts_with('v') || literal.starts_with('V');
    if (future) {
      const std::size_t dot = literal.find('.');
      if (dot == std::string_view::npos || dot < 2 || dot + 1 == literal.size()) return false;
      for (const char c : literal.substr(1, dot - 1)) {
        if (hex_value(c) < 0) return false;
      }
      if (literal.find('%') != std::string_view::npos || !is_registered_name(literal.substr(dot + 1), true))
        return false;
    } else if (!is_ipv6_address(literal)) {
      return false;
    }
    port = value.substr(end + 1);
    if (!port.empty() && port[0] != ':') return false;
  } else {
    const std::size_t colon = value.find(':');
    const std::string_view name = value.substr(0, colon);
    if (name.empty() || !is_registered_name(name)) return false;
    if (colon != std::string_view::npos) port = value.substr(colon);
  }
  for (std::size_t i = 1; i < port.size(); ++i) {
    if (port[i] < '0' || port[i] > '9') return false;
  }
  return true;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
