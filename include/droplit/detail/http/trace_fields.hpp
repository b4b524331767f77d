// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The two fields of a request whose values an observer may see, since they identify a request and nothing else. What
// is not exactly in their form is dropped, so that neither can carry another value into a log.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>

#include <cstddef>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline constexpr std::size_t max_request_id = 128;
inline constexpr std::size_t traceparent_size = 55;

/// Whether `text` is 1 to 128 characters from 0x21 to 0x7E (ours).
constexpr bool is_request_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= max_request_id && all_of(text, [](char c) { return c >= '!' && c <= '~'; });
}

/// Whether `text` is a traceparent of version 00 (W3C Trace Context, section 3.2.2): a trace's id and a parent's id in
/// lower-case hex digits, neither of them all zeros, and the flags.
constexpr bool is_traceparent(std::string_view text) noexcept {
  constexpr std::string_view form = "00-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
  static_assert(form.size() == traceparent_size);
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i != form.size(); ++i) {
    const bool is_hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (form[i] == 'h' ? !is_hex : text[i] != form[i]) return false;
  }
  const auto is_zero = [](std::string_view id) { return id.find_first_not_of('0') == std::string_view::npos; };
  return !is_zero(text.substr(3, 32)) && !is_zero(text.substr(36, 16));
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
