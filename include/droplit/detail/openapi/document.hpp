// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The OpenAPI document: the operation, its responses by status, and OPTIONS. Schemas and examples are made next door;
// here they are put together.

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/openapi/examples.hpp>
#include <droplit/detail/openapi/schemas.hpp>
#include <droplit/error.hpp>
#include <droplit/http.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::openapi {

/// True for what a server may respond whatever the operation: before it knows the target, or where it fails.
inline bool is_of_any_request(const Example& example) {
  using enum ApiErrc;
  constexpr std::array codes{bad_request, request_timeout, uri_too_long, header_fields_too_large};
  if (!example.code) return example.response.status >= 500;
  return std::find(codes.begin(), codes.end(), *example.code) != codes.end();
}

inline constexpr std::array<std::string_view, 3> source_names{"page", "sibling", "ours"};

inline bool is_json(const Response& response) { return response.fields.get("content-type") == "application/json"; }

/// An example of a response, with the request that has it where the document can say which that is.
inline json::object example_object(const Example& example) {
  json::object object;
  if (!example.sentence.empty()) object["description"] = example.sentence;
  object["value"] = is_json(example.response) ? json::parse(example.response.body) : json::value(example.response.body);
  if (!example.code) return object;
  object["x-source"] = source_names[static_cast<std::size_t>(row(*example.code).source)];
  if (example.request.body.empty()) return object;
  json::object& request = object["x-request"].emplace_object();
  if (!example.query().empty()) request["query"] = example.query();
  const std::string_view key = to_string(Field::idempotency_key);
  if (example.request.fields.count(key) != 0) {
    request["headers"].emplace_object()[key] = example.request.fields.get(key);
  }
  request["body"] = json::parse(example.request.body);
  if (!example.asks_for.empty()) object["x-ask"] = example.asks_for;
  return object;
}

inline json::object body_schema(const Example& example) {
  if (!is_json(example.response)) {
    const ApiErrcRow& row = droplit::row(*example.code);
    if (!row.has_blank()) return constant(row.message);
    const std::string id = id_pattern(EcosystemTag::letter, written_hex_digit);
    const std::string word = id.substr(1, id.size() - 2);  // without its anchors
    return {{"type", "string"}, {"pattern", message_pattern(row.message, word)}};
  }
  if (example.code) return reference("schemas", "InvalidParams");
  switch (example.response.status) {
    case 200: return reference("schemas", "Parameters");
    case 201: return reference("schemas", "Client");
    default: return reference("schemas", "InternalServerError");
  }
}

inline json::object header_object(HeaderField field) {
  if (field.name == replayed_field) {
    return {{"description",
             "Whether the client was created by an earlier request with the idempotency key. Not sent "
             "where the request has no key."},
            {"required", false},
            {"schema", one_of_texts(json::array{"true", "false"})}};
  }
  const bool is_allow = field.name == "allow";
  json::object schema{{"type", "string"}, {"const", field.value}};
  return {
      {"description", is_allow ? "The methods of the target." : "In how many seconds the request may be sent again."},
      {"required", true},
      {"schema", std::move(schema)}};
}

/// The response object of a status: all examples with that status together.
class ResponseObject {
 public:
  void add(const Example& example, std::uint32_t max_body) {
    if (example.code && row(*example.code).form == ResponseForm::entries && example.response.status == 400) {
      add_line("All violations of the request, one entry for each.");
    } else if (example.sentence.empty()) {
      add_line(example.response.status == 201 ? "The client was created." : "The parameters of each method.");
    } else {
      add_line(example.name + (example.response.body.empty() ? " (no body): " : ": ") + std::string(example.sentence));
    }
    if (example.code == ApiErrc::content_too_large) {
      description_.append(" The limit is ").append(std::to_string(max_body)).append(" bytes.");
    }
    for (const HeaderField field : example.response.fields) {
      if (field.name == "content-type") add_body(field.value.substr(0, field.value.find(';')), example);
      if (field.name == "allow" || field.name == "retry-after" || field.name == replayed_field) {
        headers_[field.name] = header_object(field);
      }
    }
  }

  json::object end() && {
    json::object object{{"description", description_}};
    if (!headers_.empty()) object["headers"] = std::move(headers_);
    if (!content_.empty()) object["content"] = std::move(content_);
    return object;
  }

 private:
  void add_line(const std::string& line) {
    if (description_.find(line) != std::string::npos) return;
    description_.append(description_.empty() ? "" : "\n").append(line);
  }

  void add_body(std::string_view media_type, const Example& example) {
    json::object& media = content_.emplace(media_type, json::object()).first->value().as_object();
    json::value& schema = media["schema"];
    json::object added = body_schema(example);
    if (schema.is_null()) {
      schema = std::move(added);
    } else if (schema != added) {
      schema = json::object{{"anyOf", json::array{std::move(schema), std::move(added)}}};
    }
    json::object& examples = media.emplace("examples", json::object()).first->value().as_object();
    examples[example.name] = example_object(example);
  }

  std::string description_;
  json::object headers_;
  json::object content_;
};

/// The operations on a path, and the responses that they refer to.
class Operations {
 public:
  explicit Operations(const EndpointOptions& options) : takes_keys_(options.idempotency_keys) {
    const std::uint32_t max_body = options.max_body;
    std::map<std::string, ResponseObject> made;
    for (const Example& example : make_examples(options)) {
      const std::string status = std::to_string(example.response.status);
      const bool is_of_options = example.response.status == 200;
      if (!is_of_options) made["CreateClient" + status].add(example, max_body);
      if (options.serve_options && (is_of_options || is_of_any_request(example))) {
        made["ListParameters" + status].add(example, max_body);
      }
      if (example.response.status == 201) requests_[example.name] = {{"value", json::parse(example.request.body)}};
    }
    for (auto& [name, response] : made) responses_[name] = std::move(response).end();
  }

  /// The operations of a path; `version` ends their ids.
  [[nodiscard]] json::object path(const std::string& version) const {
    json::array parameters{reference("parameters", "ApiVersion")};
    if (takes_keys_) parameters.push_back(reference("parameters", "IdempotencyKey"));
    json::object create{
        {"operationId", "createClient" + version},
        {"summary", "Create a client"},
        {"description", "Creates a client in an ecosystem."},
        {"tags", json::array{"clients"}},
        {"parameters", std::move(parameters)},
        {"requestBody", reference("requestBodies", "CreateClient")},
        {"responses", responses_of("CreateClient")},
    };
    std::string method(create_client_route.method);
    std::transform(method.begin(), method.end(), method.begin(), ascii_lower);
    json::object path;
    path[method] = std::move(create);
    if (responses_.contains("ListParameters200")) {
      path["options"] = {
          {"operationId", "listParameters" + version},
          {"summary", "List the parameters"},
          {"description", "Lists the parameters of each method. Needs no token."},
          {"tags", json::array{"clients"}},
          {"security", json::array()},
          {"responses", responses_of("ListParameters")},
      };
    }
    return path;
  }

  [[nodiscard]] const json::object& responses() const noexcept { return responses_; }
  [[nodiscard]] const json::object& requests() const noexcept { return requests_; }

 private:
  [[nodiscard]] json::object responses_of(std::string_view operation) const {
    json::object responses;
    for (const auto& response : responses_) {
      const std::string_view name = response.key();
      if (name.starts_with(operation)) responses[name.substr(operation.size())] = reference("responses", name);
    }
    return responses;
  }

  bool takes_keys_;
  json::object responses_;
  json::object requests_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::openapi
