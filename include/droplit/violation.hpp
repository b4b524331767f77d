// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/enum_name.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/fields.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The part of a request that a violation is in; `none` for a response without entries.
enum class Location : std::uint8_t { none, query, header, body };

/// The `in` of an entry: `query`, `header`, `body`, or empty for none.
constexpr std::string_view to_string(Location location) noexcept {
  return detail::enum_name(location, {"", "query", "header", "body"});
}

namespace detail {

/// The part of a request that a violation with `code` is in.
constexpr Location location_of(ApiErrc code) noexcept {
  using enum ApiErrc;
  if (row(code).form != ResponseForm::entries) return Location::none;
  if (code == query_field_not_allowed) return Location::query;
  return code == idempotency_key_invalid || code == idempotency_key_reused ? Location::header : Location::body;
}

}  // namespace detail

template <>
struct detail::Print<Location> {
  static void append(std::string& out, Location location) {
    out += location == Location::none ? "none" : to_string(location);
  }
};

/// One broken rule, as an entry of the response states it. A view of its `ApiError`.
struct Violation {
  ApiErrc code;              ///< of the broken rule
  Location location;         ///< the `in` of the entry
  Field field;               ///< the `path` of the entry
  std::string_view message;  ///< the exact wire text; empty for a response without a body

  bool operator==(const Violation&) const = default;
};

template <>
struct detail::Print<Violation> {
  static void append(std::string& out, const Violation& violation) {
    out.append("Violation{") += to_string(violation.code);
    if (violation.field != Field::none) {
      out.append(", ").append(to_string(violation.location)).append(", ") += to_string(violation.field);
    }
    if (!violation.message.empty()) append_quoted(out += ": ", violation.message);
    out += '}';
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
