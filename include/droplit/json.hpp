// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "client.hpp"
#include "detail/json_text.hpp"
#include "error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace droplit {

/// Appends the body of a 201: one JSON object with the members in the order of the API's page, and `name` and
/// `description` only where they were given.
inline void append_json(std::string& out, const Client& client) {
  const auto size = [](const std::optional<Text>& text) { return text ? text->str().size() : 0; };
  out.reserve(out.size() + 192 + size(client.name()) + size(client.description()));
  char buffer[Timestamp::text_size];
  char* const out_of_buffer = client.created_at().write(buffer);
  out.append("{\"createdAt\":\"").append(buffer, out_of_buffer);
  if (client.description()) {
    detail::append_json_string(out.append("\",\"description\":"), client.description()->str());
    out += ',';
  } else {
    out += "\",";
  }
  char id[EcosystemId::max_size];
  out.append("\"ecosystemId\":\"").append(id, client.ecosystem_id().write(id));
  out.append("\",\"id\":\"").append(id, client.id().write(id)).append("\",");
  if (client.name()) {
    detail::append_json_string(out.append("\"name\":"), client.name()->str());
    out += ',';
  }
  out.append("\"type\":\"").append(to_string(client.type())).append("\"}");
}

/// Appends the `InvalidParams` body of a 400, one entry for each violation; of an error whose row says so, since the
/// others have no such body.
inline void append_json(std::string& out, const ApiError& error) {
  std::size_t size = out.size() + 64;
  for (const Violation violation : error.violations()) size += violation.message.size() + 64;
  out.reserve(size);
  out += "{\"errorType\":\"InvalidParams\",\"errors\":[";
  bool first = true;
  for (const Violation violation : error.violations()) {
    out.append(first ? "{\"in\":\"" : ",{\"in\":\"").append(to_string(violation.place)).append("\",\"message\":");
    detail::append_json_string(out, violation.message);
    out.append(",\"path\":\"").append(to_string(violation.field)).append("\"}");
    first = false;
  }
  out += "]}";
}

template <class T>
requires requires(std::string& out, const T& value) { append_json(out, value); }
std::string to_json(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace droplit
