// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The parameters of "create a client" as the response to OPTIONS lists them, made of the table of fields by the
// compiler. `Endpoint` puts them into its route.

#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fields.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Calls `put` with the pieces of the text, one after the other.
template <class Put>
consteval void write_parameters(Put put) {
  std::string_view before = "{\"";
  for (const FieldRow& row : client_fields) {
    put(before);
    put(row.name);
    put("\":{\"in\":\"body\",\"type\":\"string\",\"required\":");
    put(row.required ? "true" : "false");
    if (row.kind == FieldKind::client_type) {
      std::string_view before_name = ",\"enum\":[\"";
      for (const std::string_view name : client_type_names) {
        put(before_name);
        put(name);
        before_name = "\",\"";
      }
      put("\"]");
    }
    put("}");
    before = ",\"";
  }
  put("}");
}

consteval std::size_t parameters_size() {
  std::size_t size = 0;
  write_parameters([&size](std::string_view piece) { size += piece.size(); });
  return size;
}

consteval std::array<char, parameters_size()> make_parameters() {
  std::array<char, parameters_size()> text{};
  std::size_t at = 0;
  write_parameters([&text, &at](std::string_view piece) {
    for (const char c : piece) text[at++] = c;
  });
  return text;
}

inline constexpr auto parameters_text = make_parameters();

inline constexpr std::string_view create_client_parameters(parameters_text.data(), parameters_text.size());

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
