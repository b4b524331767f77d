// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The OpenAPI document of a service with an operation of its own, served beside the endpoint.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/openapi.hpp>
#include <droplit/storage/memory.hpp>

#include <boost/json.hpp>

#include <iostream>

using namespace droplit;

int main() {
  MemoryStorage storage;
  const auto access = TokenFile::parse(R"({"tokens": [{"token": "account", "kind": "account"}]})").value();
  SystemClock clock;
  ObjectIds ids;
  const EndpointOptions options{.max_body = 65'536, .serve_options = false};
  Endpoint endpoint(storage, access, clock, ids, options);

  const OpenApiOptions mine{.title = "Clients", .servers = {"https://clients.example"}, .endpoint = options};
  boost::json::value document = boost::json::parse(openapi_json(mine));
  document.at("paths").as_object()["/api/clients/{id}"] = boost::json::parse(R"({
    "get": {
      "operationId": "getClient",
      "summary": "Get a client",
      "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
      "responses": {
        "200": {
          "description": "The client.",
          "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Client"}}}
        }
      }
    }
  })");
  StaticResource openapi("/openapi.json", "application/json", boost::json::serialize(document));
  Router router(endpoint, openapi);

  const Response served = router.handle(Request{"GET", "/openapi.json", {}, {}});
  std::cout << served.status << ' ' << served.fields.get("content-type") << '\n';
  const boost::json::value received = boost::json::parse(served.body);
  for (const auto& [path, operations] : received.at("paths").as_object()) {
    for (const auto& [method, operation] : operations.as_object()) std::cout << method << ' ' << path << '\n';
  }
  std::cout << "OPTIONS: " << router.handle(Request{"OPTIONS", "/api/clients", {}, {}}).status << '\n';
}
