// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The schemas of the OpenAPI document, in JSON Schema 2020-12, made of the tables of fields and codes. `type` is beside
// every `const` and `enum`, since some tools take the type from it alone.

#include <droplit/api_errc.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/error.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/violation.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::openapi {

namespace json = boost::json;

inline json::object reference(std::string_view kind, std::string_view name) {
  return {{"$ref", std::string("#/components/").append(kind).append("/").append(name)}};
}

inline json::object constant(std::string_view text) { return {{"type", "string"}, {"const", text}}; }

inline json::object one_of_texts(const json::array& texts) { return {{"type", "string"}, {"enum", texts}}; }

inline json::object client_types() {
  json::array names;
  for (const std::string_view name : client_type_names) names.emplace_back(name);
  return one_of_texts(names);
}

/// A regular expression for the texts that are `message` with any word in its blank.
inline std::string message_pattern(std::string_view message, std::string_view word) {
  std::string pattern = "^";
  for (const char c : message) {
    if (c == '$') {
      pattern += word;
    } else {
      if (std::string_view("[](){}.*+?|^\\").find(c) != std::string_view::npos) pattern += '\\';
      pattern += c;
    }
  }
  return pattern + '$';
}

inline std::string id_pattern(char letter, std::string_view digits) {
  std::string pattern = "^";
  if (letter != '\0') pattern += letter;
  return pattern.append(digits).append("{24}$");
}

inline constexpr std::string_view any_hex_digit = "[0-9A-Fa-f]";
inline constexpr std::string_view written_hex_digit = "[0-9a-f]";

/// The values of a field: those that a request may have, or those that a response has.
inline json::object field_schema(const FieldRow& row, bool in_request) {
  json::object schema;
  switch (row.kind) {
    case FieldKind::ecosystem_id:
      schema["type"] = "string";
      schema["pattern"] = id_pattern(EcosystemTag::letter, in_request ? any_hex_digit : written_hex_digit);
      break;
    case FieldKind::client_type: schema = client_types(); break;
    case FieldKind::text:
    default:
      if (in_request) {
        schema["type"] = json::array{"string", "null"};
      } else {
        schema["type"] = "string";
      }
      schema["pattern"] = R"(^[^\u0000]*$)";
  }
  schema["description"] = row.sentence;
  return schema;
}

inline json::object create_client_schema() {
  json::object properties;
  json::array names;
  json::array required;
  for (const FieldRow& row : client_fields) {
    properties[row.name] = field_schema(row, true);
    names.emplace_back(row.name);
    if (row.required) required.emplace_back(row.name);
  }
  const std::string_view id = to_string(Field::ecosystem_id);
  json::object not_null;
  not_null[id] = {{"not", json::object{{"type", "null"}}}};
  return {
      {"type", "object"},
      {"description",
       "The parameters. Null is the same as no member. Other members are ignored, except that they are not allowed where "
       "the ecosystem's ID is missing: one may be its misspelled name."},
      {"properties", std::move(properties)},
      {"required", std::move(required)},
      {"if", {{"properties", std::move(not_null)}, {"required", json::array{id}}}},
      {"else", json::object{{"propertyNames", one_of_texts(names)}}}};
}

inline json::object client_schema() {
  json::object properties;
  json::array required;
  for (const ClientMemberRow& row : client_members) {
    json::object& schema = properties[row.name].emplace_object();
    if (row.member == ClientMember::created_at) {
      schema = {{"type", "string"},
                {"format", "date-time"},
                {"pattern", R"(^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$)"},
                {"description", "When the client was created, in UTC."}};
    } else if (row.member == ClientMember::id) {
      schema = {{"type", "string"},
                {"pattern", id_pattern(ClientTag::letter, written_hex_digit)},
                {"description", "The ID of the client."}};
    } else {
      schema = field_schema(field_row(row.field), false);
    }
    if (row.field == Field::none || field_row(row.field).required) required.emplace_back(row.name);
  }
  return {{"type", "object"},
          {"description", "A created client."},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

inline json::object entry_schema(json::object in, json::object message, std::string_view path) {
  return {{"type", "object"},
          {"properties", {{"in", std::move(in)}, {"message", std::move(message)}, {"path", constant(path)}}},
          {"required", json::array{"in", "message", "path"}},
          {"additionalProperties", false}};
}

/// What an entry about a field may say.
inline json::array messages_of(const FieldRow& row) {
  const FieldCodes codes = codes_of(row.kind);
  json::array messages;
  for (const ApiErrc code : {codes.missing, codes.invalid, codes.characters}) {
    const json::value message(droplit::row(code).message);
    const bool can_be = code != codes.missing || row.required;
    if (can_be && std::find(messages.begin(), messages.end(), message) == messages.end()) messages.push_back(message);
  }
  return messages;
}

/// `{"contains": ...}` for entries with these values. There is no `type` beside it, of which code that is made from the
/// document would make another type than that of the list, and no `minContains`, which some tools do not know.
inline json::object contains(json::object properties) {
  json::array required;
  for (const auto& property : properties) required.emplace_back(property.key());
  return {{"contains", {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}}}};
}

/// The value of the field `idempotency-key`: a key, or a string of RFC 8941 that contains one.
inline json::object idempotency_key_schema() {
  const std::string most = std::to_string(IdempotencyKey::max_size);
  const std::string plain = "[!#-~][!-~]{0," + std::to_string(IdempotencyKey::max_size - 1) + '}';
  return {{"type", "string"}, {"pattern", "^(" + plain + R"(|"([!#-\[\]-~]|\\["\\]){1,)" + most + "}\")$"}};
}

/// `takes_keys`: whether the list may have an entry about an idempotency key.
inline json::object invalid_params_schema(bool takes_keys) {
  const std::string_view query = to_string(Location::query);
  const std::string_view body = to_string(Location::body);
  const std::string_view names = to_string(Field::additional_parameters);
  const std::string names_pattern = message_pattern(row(ApiErrc::query_field_not_allowed).message, R"([\s\S]*)");

  json::array entries{
      entry_schema(one_of_texts(json::array{query, body}), {{"type", "string"}, {"pattern", names_pattern}}, names)};
  if (takes_keys) {
    const json::array messages{row(ApiErrc::idempotency_key_invalid).message,
                               row(ApiErrc::idempotency_key_reused).message};
    entries.push_back(
        entry_schema(constant(to_string(Location::header)), one_of_texts(messages), to_string(Field::idempotency_key)));
  }
  for (const FieldRow& row : client_fields) {
    entries.push_back(entry_schema(constant(body), one_of_texts(messages_of(row)), row.name));
  }
  return {{"type", "object"},
          {"description", std::string("All violations of the request: of the query, ")
                              .append(takes_keys ? "then of the idempotency key, " : "")
                              .append("then of the body in the order of its parameters.")},
          {"properties",
           {{"errorType", constant("InvalidParams")},
            {"errors",
             {{"type", "array"},
              {"items", json::object{{"oneOf", std::move(entries)}}},
              {"minItems", 1},
              {"maxItems", ApiError::max_entries - (takes_keys ? 0 : 1)},
              {"uniqueItems", true},
              {"if", contains({{"in", constant(body)}, {"path", constant(names)}})},
              {"then", contains({{"message", constant(row(ApiErrc::ecosystem_missing).message)},
                                 {"path", constant(to_string(Field::ecosystem_id))}})}}}}},
          {"required", json::array{"errorType", "errors"}},
          {"additionalProperties", false}};
}

inline json::object internal_server_error_schema() {
  return {{"type", "object"},
          {"properties", json::object{{"errorType", constant("Internal Server Error")}}},
          {"required", json::array{"errorType"}},
          {"additionalProperties", false}};
}

/// A parameter in the response to OPTIONS.
inline json::object parameter_schema() {
  return {{"type", "object"},
          {"properties",
           {{"in", constant(to_string(Location::body))},
            {"type", constant("string")},
            {"required", json::object{{"type", "boolean"}}},
            {"enum", json::object{{"type", "array"}, {"items", json::object{{"type", "string"}}}}}}},
          {"required", json::array{"in", "type", "required"}},
          {"additionalProperties", false}};
}

/// The response to OPTIONS, where it lists one method.
inline json::object parameters_schema(std::string_view method) {
  json::object parameters;
  json::array names;
  for (const FieldRow& row : client_fields) {
    parameters[row.name] = reference("schemas", "Parameter");
    names.emplace_back(row.name);
  }
  json::object methods;
  methods[method] = {{"type", "object"},
                     {"properties", std::move(parameters)},
                     {"required", std::move(names)},
                     {"additionalProperties", false}};
  return {{"type", "object"},
          {"description", "The parameters of each method."},
          {"properties", std::move(methods)},
          {"required", json::array{method}}};
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::openapi
