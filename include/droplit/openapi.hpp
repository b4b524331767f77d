// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/exchange.hpp>
#include <droplit/static_resource.hpp>

#if defined(DROPLIT_DETAIL_DEFINES)
#include <droplit/detail/json/indent.hpp>
#include <droplit/detail/openapi/document.hpp>
#include <droplit/version.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#endif

#include <string>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a program may say in the OpenAPI document.
struct OpenApiOptions {
  std::string title = "droplit";  ///< of the document
  /// Their URLs; `/` is the server that the document comes from.
  std::vector<std::string> servers = std::vector<std::string>(1, "/");
  /// Those of the endpoint: its limit of bodies, and whether it serves OPTIONS and takes idempotency keys.
  EndpointOptions endpoint = {};
};

/// The OpenAPI 3.1 document of "create a client", as indented JSON that ends with a line end: made of the tables of
/// fields and codes and the route, each example by an endpoint.
std::string openapi_json(const OpenApiOptions& options = {});

/// A handler that responds to `GET /openapi.json` with the document.
inline StaticResource openapi_resource(const OpenApiOptions& options = {}) {
  return {"/openapi.json", "application/json", openapi_json(options)};
}

#if defined(DROPLIT_DETAIL_DEFINES)
DROPLIT_DETAIL_INLINE std::string openapi_json(const OpenApiOptions& options) {
  namespace openapi = detail::openapi;
  namespace json = openapi::json;
  const EndpointOptions endpoint = detail::bounded(options.endpoint);
  const openapi::Operations operations(endpoint);

  json::object document{{"openapi", "3.1.1"}};
  document["info"] = {
      {"title", options.title},
      {"version", std::to_string(DROPLIT_VERSION / 10000) + '.' + std::to_string(DROPLIT_VERSION / 100 % 100) + '.' +
                      std::to_string(DROPLIT_VERSION % 100)},
      {"description", "Creates clients in ecosystems. A path may end with one more `/`. No query field is allowed."},
      {"license", {{"name", "Boost Software License 1.0"}, {"identifier", "BSL-1.0"}}},
  };
  json::array& servers = document["servers"].emplace_array();
  for (const std::string& url : options.servers) servers.push_back(json::object{{"url", url}});
  document["security"] = json::array{json::object{{"token", json::array()}}};
  document["tags"] = json::array{json::object{{"name", "clients"}, {"description", "The clients of an ecosystem."}}};

  const std::string path(create_client_route.path);
  json::object& paths = document["paths"].emplace_object();
  paths[path] = operations.path("");
  paths["/v0" + path] = operations.path("V0");

  json::object& components = document["components"].emplace_object();
  components["schemas"] = {
      {"CreateClient", openapi::create_client_schema()},
      {"Client", openapi::client_schema()},
      {"InvalidParams", openapi::invalid_params_schema(endpoint.idempotency_keys)},
      {"InternalServerError", openapi::internal_server_error_schema()},
  };
  if (endpoint.serve_options) {
    json::object& schemas = components["schemas"].as_object();
    schemas["Parameters"] = openapi::parameters_schema(create_client_route.method);
    schemas["Parameter"] = openapi::parameter_schema();
  }
  components["responses"] = operations.responses();
  components["parameters"] = {{"ApiVersion",
                               {{"name", "x-api-version"},
                                {"in", "header"},
                                {"description", "May be sent. The server does not look at it."},
                                {"required", false},
                                {"schema", json::object{{"type", "string"}}}}}};
  if (endpoint.idempotency_keys) {
    components["parameters"].as_object()["IdempotencyKey"] = {
        {"name", to_string(Field::idempotency_key)},
        {"in", "header"},
        {"description",
         "With a key, a request may be sent again within 24 hours: it creates one client. A key belongs to its ecosystem."},
        {"required", false},
        {"example", "order-6"},
        {"schema", openapi::idempotency_key_schema()}};
  }
  json::object media{{"schema", openapi::reference("schemas", "CreateClient")}, {"examples", operations.requests()}};
  components["requestBodies"] = {
      {"CreateClient", {{"required", true}, {"content", json::object{{"application/json", std::move(media)}}}}}};
  components["securitySchemes"] = {
      {"token",
       {{"type", "apiKey"},
        {"in", "header"},
        {"name", "authorization"},
        {"description", "The token of an account or a server, bare: without a word such as `Bearer` before it."}}}};
  return detail::indent_json(json::serialize(document)) + '\n';
}
#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
