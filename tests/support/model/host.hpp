// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A host and a port as an independent model, written from RFC 3986, section 3.2.2, over copies of the parts of a text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace model {

/// Whether a text is `uri-host [ ":" port ]` of RFC 9110, section 7.2, with a host that is not empty.
class Host {
 public:
  static bool is_valid(const std::string& text) {
    const bool is_literal = text.starts_with('[');
    const std::size_t bracket = text.rfind(']');
    if (is_literal && bracket == std::string::npos) return false;
    const std::size_t end = is_literal ? bracket + 1 : std::min(text.find(':'), text.size());
    if (end != text.size() && (text[end] != ':' || !has_only(text.substr(end + 1), digits))) return false;
    return is_literal ? is_address(text.substr(1, end - 2)) : is_name(text.substr(0, end));
  }

 private:
  static inline const std::string digits = "0123456789";
  static inline const std::string hex = digits + "abcdefABCDEF";
  static inline const std::string unreserved = hex + "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ-._~";
  static inline const std::string plain = unreserved + "!$&'()*+,;=";  // or one of sub-delims

  static bool has_only(const std::string& text, const std::string& characters) {
    return text.find_first_not_of(characters) == std::string::npos;
  }

  static std::vector<std::string> split(const std::string& text, char mark) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
      if (c == mark) parts.emplace_back();
      if (c != mark) parts.back() += c;
    }
    return parts;
  }

  // reg-name, where two hex digits follow each percent sign. IPv4 addresses are names too.
  static bool is_name(const std::string& text) {
    const std::vector<std::string> parts = split(text, '%');
    for (std::size_t i = 0; i != parts.size(); ++i) {
      if (!has_only(parts[i], plain)) return false;
      if (i != 0 && (parts[i].size() < 2 || !has_only(parts[i].substr(0, 2), hex))) return false;
    }
    return !text.empty();
  }

  // IPv6address, or IPvFuture: "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
  static bool is_address(const std::string& text) {
    if (!text.starts_with('v') && !text.starts_with('V')) return is_ipv6(text);
    const std::size_t dot = std::min(text.find('.'), text.size());
    return dot > 1 && has_only(text.substr(1, dot - 1), hex) && dot + 1 < text.size() &&
           has_only(text.substr(dot + 1), plain + ":");
  }

  // Eight groups of 16 bits, of which a `::` is at least one.
  static bool is_ipv6(const std::string& text) {
    const std::size_t gap = text.find("::");
    if (gap == std::string::npos) return groups(text, true) == 8;
    const int before = gap == 0 ? 0 : groups(text.substr(0, gap), false);
    const int after = gap + 2 == text.size() ? 0 : groups(text.substr(gap + 2), true);
    return before >= 0 && after >= 0 && before + after <= 7;
  }

  // How many there are, or -1. At the end of an address the last two may be an IPv4 address.
  static int groups(const std::string& text, bool is_end) {
    const std::vector<std::string> parts = split(text, ':');
    int count = 0;
    for (std::size_t i = 0; i != parts.size(); ++i) {
      const bool is_pair = is_end && i + 1 == parts.size() && is_ipv4(parts[i]);
      if (!is_pair && (parts[i].empty() || parts[i].size() > 4 || !has_only(parts[i], hex))) return -1;
      count += is_pair ? 2 : 1;
    }
    return count;
  }

  static bool is_ipv4(const std::string& text) {
    const std::vector<std::string> parts = split(text, '.');
    return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
             if (part.empty() || part.size() > 3 || !has_only(part, digits)) return false;
             const int octet = std::stoi(part);
             return octet <= 255 && part == std::to_string(octet);  // without leading zeros
           });
  }
};

}  // namespace model
