// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/openapi.hpp>

#include <droplit/draft_parser.hpp>
#include <droplit/response.hpp>
#include <droplit/router.hpp>
#include "support/catch.hpp"
#include "support/contract_cases.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace droplit;
namespace json = boost::json;

namespace {

/// What is at a JSON pointer, references followed.
const json::value& at(const json::value& document, std::string pointer) {
  const json::value* value = &document.at_pointer("");
  while (!pointer.empty()) {
    const auto end = pointer.find('/', 1);
    value = &value->at_pointer(pointer.substr(0, end));
    pointer = end == std::string::npos ? "" : pointer.substr(end);
    while (value->is_object() && value->as_object().contains("$ref")) {
      value = &at(document, std::string(value->at("$ref").as_string()).substr(1));
    }
  }
  return *value;
}

const json::value& document() {
  static const json::value parsed = json::parse(openapi_json());
  return parsed;
}

/// The document of an endpoint that takes idempotency keys.
const json::value& document_with_keys() {
  static const json::value parsed = json::parse(openapi_json({.endpoint = {.idempotency_keys = true}}));
  return parsed;
}

const json::value& document(bool keys) { return keys ? document_with_keys() : document(); }

const json::value& in_document(const std::string& pointer) { return at(document(), pointer); }

std::string text(const json::value& value) { return std::string(value.as_string()); }

/// The operation "create a client".
const std::string post = "/paths/~1api~1clients/post";

const json::value& response_object(int status, bool keys = false) {
  return at(document(keys), post + "/responses/" + std::to_string(status));
}

/// Whether a code is only of endpoints that take idempotency keys.
bool is_of_keys(ApiErrc code) {
  return code == ApiErrc::idempotency_key_invalid || code == ApiErrc::idempotency_key_reused;
}

struct ResponseExample {
  std::string name;
  int status;
  Response response;  ///< with the content type and the body that the document has
  json::object object;
};

/// The examples of responses to "create a client".
std::vector<ResponseExample> response_examples(bool keys = false) {
  std::vector<ResponseExample> all;
  for (const auto& [status, reference] : at(document(keys), post + "/responses").as_object()) {
    const int number = std::stoi(std::string(status));
    const json::object& object = response_object(number, keys).as_object();
    if (!object.contains("content")) continue;
    for (const auto& [media_type, media] : object.at("content").as_object()) {
      for (const auto& [name, example] : media.at("examples").as_object()) {
        const json::value& value = example.at("value");
        Response response;
        write_response(response, number, std::string(media_type),
                       media_type == "application/json" ? json::serialize(value) : text(value));
        all.push_back({std::string(name), number, response, example.as_object()});
      }
    }
  }
  return all;
}

/// Calls `visit` with each object within a value, and its pointer.
void for_each_object(const json::value& value, const std::string& where, const auto& visit) {
  if (value.is_object()) {
    visit(value.as_object(), where);
    for (const auto& [key, member] : value.as_object()) for_each_object(member, where + '/' + std::string(key), visit);
  }
  if (value.is_array()) {
    for (const json::value& element : value.as_array()) for_each_object(element, where + "/-", visit);
  }
}

/// The schema of the entries with a path.
const json::object& entry_schema(std::string_view path, bool keys = false) {
  const json::array& all =
      at(document(keys), "/components/schemas/InvalidParams/properties/errors/items/oneOf").as_array();
  for (const json::value& schema : all) {
    if (text(schema.at("properties").at("path").at("const")) == path) return schema.as_object();
  }
  throw std::out_of_range("no schema of entries for " + std::string(path));
}

bool accepts(const json::value& schema, std::string_view value) {
  const json::object& object = schema.as_object();
  if (text(object.at("type")) != "string") return false;
  if (const auto* only = object.if_contains("const")) return text(*only) == value;
  if (const auto* names = object.if_contains("enum")) {
    const json::array& all = names->as_array();
    return std::find(all.begin(), all.end(), json::value(value)) != all.end();
  }
  return std::regex_search(std::string(value), std::regex(text(object.at("pattern"))));
}

}  // namespace

TEST_CASE("docs/openapi.json is the document") {
  std::ifstream file(std::filesystem::path(DROPLIT_TEST_DATA) / "../../docs/openapi.json", std::ios::binary);
  const std::string copy{std::istreambuf_iterator<char>(file), {}};
  INFO("docs/openapi.json is made by the example program openapi (docs/contributing.md)");
  CHECK((copy == openapi_json()));
}

TEST_CASE("every code is in the document, with its status and sentence, and an example if it has a body") {
  for (const bool keys : {false, true}) {
    const auto examples = response_examples(keys);
    for (const ApiErrcRow& row : api_errc_table) {
      INFO(row.name);
      const auto example = std::find_if(examples.begin(), examples.end(), [&](const auto& one) {
        return one.name == row.name && one.status == row.status;
      });
      if (is_of_keys(row.code) && !keys) {
        CHECK(example == examples.end());
        CHECK(json::serialize(document()).find(row.name) == std::string::npos);
        continue;
      }
      const std::string description = text(response_object(row.status, keys).at("description"));
      if (row.form == ResponseForm::empty) {
        CHECK(description.find(std::string(row.name) + " (no body): " + std::string(row.sentence)) !=
              std::string::npos);
        continue;
      }
      REQUIRE(example != examples.end());
      CHECK(text(example->object.at("description")) == row.sentence);
    }
  }
}

TEST_CASE("a response without a body has no content") {
  for (const auto& [status, reference] : at(document_with_keys(), post + "/responses").as_object()) {
    const int number = std::stoi(std::string(status));
    bool has_body = number == 201 || number == 500;
    for (const ApiErrcRow& row : api_errc_table) {
      has_body = has_body || (row.status == number && row.form != ResponseForm::empty);
    }
    INFO(number);
    CHECK(response_object(number, true).as_object().contains("content") == has_body);
  }
}

TEST_CASE("each example of a response is read back to what it is an example of, byte for byte") {
  const auto examples = response_examples(true);
  CHECK(examples.size() >= 15);
  for (const ResponseExample& example : examples) {
    INFO(example.name);
    if (example.status == 201) {
      const auto client = read_response(example.response);
      REQUIRE(client.has_value());
      CHECK(to_json(client.value()) == example.response.body);
    } else if (example.status == 500) {
      CHECK(to_response(Fault(FaultSource::storage, Fate::maybe_applied, {})).body == example.response.body);
    } else {
      const auto error = read_error(example.response);
      REQUIRE(error);
      CHECK(to_response(*error).body == example.response.body);
      CHECK(error->status() == example.status);
      const std::string_view name = to_string(error->code());
      CHECK((example.name.starts_with(name) || example.name == "Several violations"));
      CHECK((example.status == 422) == (error->code() == ApiErrc::idempotency_key_reused));
    }
  }
}

TEST_CASE("each example of a request is a valid draft, and has the 201 of its name") {
  const json::object& requests = in_document(post + "/requestBody/content/application~1json/examples").as_object();
  CHECK(requests.size() == 2);
  for (const auto& [name, example] : requests) {
    contract::World world;
    const auto draft = parse_draft(json::serialize(example.at("value")));
    REQUIRE(draft.has_value());
    const Response response = to_response(create_client(world.storage, world.clock, world.ids, draft.value()));
    CHECK(response.status == 201);
    CHECK(json::parse(response.body) ==
          in_document(post + "/responses/201/content/application~1json/examples/" + std::string(name) + "/value"));
  }
}

TEST_CASE("an endpoint gives each example's response to the request that the document says") {
  std::set<std::string> of_the_page;
  for (const bool keys : {false, true}) {
    std::size_t number = 0;
    for (const ResponseExample& example : response_examples(keys)) {
      const json::value* const change = example.object.if_contains("x-request");
      if (change == nullptr) continue;
      INFO(example.name);
      contract::World world(keys);
      Request request{"POST", "/api/clients", {}, json::serialize(change->at("body"))};
      if (const auto* query = change->as_object().if_contains("query")) request.target += "?" + text(*query);
      request.fields.add("authorization", contract::account_token);
      request.fields.add("content-type", "application/json");
      if (const auto* headers = change->as_object().if_contains("headers")) {
        for (const auto& [name, value] : headers->as_object()) request.fields.add(name, text(value));
      }
      const Response response = world.endpoint.handle(request);
      CHECK(response.status == example.status);
      CHECK(response.body == example.response.body);
      const auto* const asked = example.object.if_contains("x-ask");
      CHECK((asked == nullptr ? "" : text(*asked)) == (example.status == 404   ? "ecosystemId"
                                                       : example.status == 422 ? "idempotency-key"
                                                                               : ""));
      if (text(example.object.at("x-source")) == "page")
        of_the_page.insert(example.name.substr(0, example.name.find(',')));
      ++number;
    }
    CHECK(number >= (keys ? 13 : 11));
  }
  for (const ApiErrcRow& row : api_errc_table) {
    INFO(row.name);
    if (row.source == Source::page) CHECK(of_the_page.contains(std::string(row.name)));
  }
}

TEST_CASE("every field is a parameter and a member of the client, with its sentence") {
  const json::value& create = in_document("/components/schemas/CreateClient");
  const json::value& client = in_document("/components/schemas/Client");
  CHECK(create.at("properties").as_object().size() == client_fields.size());
  CHECK(client.at("properties").as_object().size() == client_members.size());
  json::array required;
  for (const FieldRow& row : client_fields) {
    INFO(row.name);
    CHECK(text(create.at("properties").at(row.name).at("description")) == row.sentence);
    CHECK(text(client.at("properties").at(row.name).at("description")) == row.sentence);
    if (row.required) required.emplace_back(row.name);
    CHECK((create.at("properties").at(row.name).at("type") == json::value{"string", "null"}) != row.required);
    CHECK(text(client.at("properties").at(row.name).at("type")) == "string");
  }
  CHECK(create.at("required") == required);
  auto member = client.at("properties").as_object().begin();
  for (const ClientMemberRow& row : client_members) CHECK(std::string_view((member++)->key()) == row.name);
}

TEST_CASE("the schema of a parameter accepts what a draft accepts") {
  const json::value& properties = in_document("/components/schemas/CreateClient/properties");
  for (const std::string id : {"C594b89aea18568c408c3ad24", "C594B89AEA18568C408C3AD24", "c594b89aea18568c408c3ad24",
                               "C594b89aea18568c408c3ad2", "C594b89aea18568c408c3ad244", "C594b89aea18568c408c3ad2g",
                               "594b89aea18568c408c3ad24", "", "C594b89aea18568c408c3ad24\n"}) {
    INFO(id);
    CHECK(accepts(properties.at("ecosystemId"), id) == EcosystemId::parse(id).has_value());
  }
  for (const std::string_view type : {"application", "server", "Server", "", "application "}) {
    INFO(type);
    CHECK(accepts(properties.at("type"), type) == parse_client_type(type).has_value());
  }
  CHECK(text(properties.at("name").at("pattern")) == R"(^[^\u0000]*$)");
}

TEST_CASE("every entry that a refusal may have is in the schema of refusals") {
  using Flaw = Findings::Flaw;
  std::set<std::string> messages;
  for (const FieldRow& row : client_fields) {
    for (const Flaw flaw : {Flaw::missing, Flaw::invalid, Flaw::characters}) {
      for (const bool with_names : {false, true}) {
        Findings findings = Findings{}.with(row.field, flaw);
        if (with_names) findings.body_fields = findings.query_fields = "a, b\n]";
        const auto error = ApiError::from(std::move(findings));
        if (!error) continue;
        for (const Violation violation : error->violations()) {
          INFO(to_string(violation.code) << ": " << violation.message);
          const json::value& properties = entry_schema(to_string(violation.field)).at("properties");
          CHECK(accepts(properties.at("in"), to_string(violation.location)));
          CHECK(accepts(properties.at("message"), violation.message));
          messages.insert(std::string(violation.message));
        }
      }
    }
  }
  for (const FieldRow& row : client_fields) {
    for (const json::value& message : entry_schema(row.name).at("properties").at("message").at("enum").as_array()) {
      INFO(row.name);
      CHECK(messages.contains(text(message)));
    }
  }
  for (const ApiError& error : {ApiError::idempotency_key_invalid(), ApiError::idempotency_key_reused()}) {
    const Violation violation = error.violations()[0];
    const json::value& properties = entry_schema("idempotency-key", true).at("properties");
    CHECK(accepts(properties.at("in"), to_string(violation.location)));
    CHECK(accepts(properties.at("message"), violation.message));
  }
  const std::string max_items = "/components/schemas/InvalidParams/properties/errors/maxItems";
  CHECK(at(document_with_keys(), max_items).to_number<std::size_t>() == ApiError::max_entries);
  CHECK(in_document(max_items).to_number<std::size_t>() == ApiError::max_entries - 1);
}

TEST_CASE("keys are in the document only where the endpoint takes them, and only with the creation of a client") {
  CHECK(json::serialize(document()).find("dempotency") == std::string::npos);
  const json::value& keys = document_with_keys();
  const json::value& parameter = at(keys, "/components/parameters/IdempotencyKey");
  CHECK(text(parameter.at("name")) == "idempotency-key");
  CHECK(text(parameter.at("in")) == "header");
  CHECK(parameter.at("required") == json::value(false));
  for (const char* path : {"/paths/~1api~1clients", "/paths/~1v0~1api~1clients"}) {
    CHECK(json::serialize(at(keys, path).at("post").at("parameters")).find("/IdempotencyKey") != std::string::npos);
    CHECK_FALSE(at(keys, path).at("options").as_object().contains("parameters"));
  }
  CHECK(accepts(parameter.at("schema"), text(parameter.at("example"))));
  const json::value& replayed = response_object(201, true).at("headers").at("idempotency-replayed");
  CHECK(replayed.at("required") == json::value(false));
  for (const char* value : {"true", "false"}) CHECK(accepts(replayed.at("schema"), value));
  CHECK_FALSE(accepts(replayed.at("schema"), ""));
  CHECK_FALSE(response_object(422, true).as_object().contains("headers"));
}

TEST_CASE("the schema of a key accepts what a field may have") {
  const json::value& schema = at(document_with_keys(), "/components/parameters/IdempotencyKey/schema");
  std::vector<std::string> values{"",        "a",       "a b",      "\"a\"",    "\"\"",        "\"",       "\"a",
                                  "\"a\"b",  "\"a\";b", "a\"",      "a\\",      "\"\\\"\"",    "\"\\\\\"", "\"\\a\"",
                                  "\"a\\\"", "\"a b\"", "\xC3\xA9", "\"\x7F\"", "\"a\",\"b\"", "\\\\",     "a\tb",
                                  "\"\"\"",  "!~",      "{}[]"};
  for (const std::size_t size : {254u, 255u, 256u}) {
    values.push_back(std::string(size, 'k'));
    values.push_back('"' + std::string(size, 'k') + '"');
  }
  for (const std::string& value : values) {
    INFO(value);
    CHECK(accepts(schema, value) == IdempotencyKey::parse_field(value).has_value());
  }
}

TEST_CASE("headers have the values that the endpoint sends, and content-type and authorization are none") {
  contract::World world;
  const std::string allow(world.endpoint.handle(Request{"GET", "/api/clients", {}, {}}).fields.get("allow"));
  CHECK(text(response_object(405).at("headers").at("allow").at("schema").at("const")) == allow);
  CHECK(text(in_document("/paths/~1api~1clients/options/responses/200/headers/allow/schema/const")) == allow);
  CHECK(text(response_object(503).at("headers").at("retry-after").at("schema").at("const")) == "1");
  for_each_object(document(), "", [](const json::object& object, const std::string& where) {
    INFO(where);
    if (object.contains("in") && object.contains("schema")) CHECK(text(object.at("name")) == "x-api-version");
    if (where.ends_with("/headers")) CHECK_FALSE(object.contains("content-type"));
  });
  CHECK(text(in_document("/components/securitySchemes/token/name")) == "authorization");
  CHECK(in_document("/security") == json::parse(R"([{"token":[]}])"));
}

TEST_CASE("OPTIONS is described as it is served, without a token") {
  contract::World world;
  const Response response = world.endpoint.handle(Request{"OPTIONS", "/api/clients", {}, {}});
  const std::string options = "/paths/~1api~1clients/options";
  CHECK(in_document(options + "/responses/200/content/application~1json/examples/OPTIONS/value") ==
        json::parse(response.body));
  CHECK(in_document(options + "/security") == json::array());
  std::string statuses;
  for (const auto& [status, object] : in_document(options + "/responses").as_object()) {
    statuses.append(std::string(status)).append(" ");
  }
  CHECK(statuses == "200 400 408 414 431 500 503 ");
}

TEST_CASE("every const, enum and pattern has a type beside it") {
  std::size_t number = 0;
  for_each_object(document_with_keys(), "", [&](const json::object& object, const std::string& where) {
    if (where.find("/examples/") != std::string::npos || where.ends_with("/properties")) return;
    if (!object.contains("const") && !object.contains("enum") && !object.contains("pattern")) return;
    INFO(where);
    CHECK(object.contains("type"));
    ++number;
  });
  CHECK(number > 20);
}

TEST_CASE("every reference leads to a component, and to each component leads one") {
  for (const bool keys : {false, true}) {
    std::set<std::string> used;
    for_each_object(document(keys), "", [&](const json::object& object, const std::string&) {
      if (object.contains("$ref")) used.insert(text(object.at("$ref")).substr(1));
    });
    std::set<std::string> made;
    for (const auto& [kind, components] : at(document(keys), "/components").as_object()) {
      if (kind == "securitySchemes") continue;
      for (const auto& [name, component] : components.as_object()) {
        made.insert("/components/" + std::string(kind) + '/' + std::string(name));
      }
    }
    CHECK(used == made);
  }
}

TEST_CASE("the path with /v0 has the same operations, but for their ids") {
  json::object plain = in_document("/paths/~1api~1clients").as_object();
  json::object versioned = in_document("/paths/~1v0~1api~1clients").as_object();
  CHECK(in_document("/paths").as_object().size() == 2);
  for (const char* method : {"post", "options"}) {
    json::value& id = plain.at(method).at("operationId");
    CHECK(text(versioned.at(method).at("operationId")) == text(id) + "V0");
    id = versioned.at(method).at("operationId");
  }
  CHECK(plain == versioned);
}

TEST_CASE("title, servers, the limit of bodies and whether OPTIONS is served are options") {
  const json::value other = json::parse(openapi_json({.title = "\"Clients\"",
                                                      .servers = {"https://one.example/a", "https://two.example"},
                                                      .endpoint = {.max_body = 17, .serve_options = false}}));
  CHECK(text(at(other, "/info/title")) == "\"Clients\"");
  CHECK(at(other, "/servers") == json::parse(R"([{"url":"https://one.example/a"},{"url":"https://two.example"}])"));
  CHECK(text(at(other, post + "/responses/413/description")).find(" 17 bytes") != std::string::npos);
  CHECK(text(at(other, post + "/responses/405/headers/allow/schema/const")) == "POST");
  for (const auto& [path, operations] : at(other, "/paths").as_object()) CHECK(operations.as_object().size() == 1);
  CHECK_FALSE(at(other, "/components/schemas").as_object().contains("Parameters"));
  CHECK(json::serialize(other).find("ListParameters") == std::string::npos);
  CHECK(json::serialize(other.at("paths")).find("OPTIONS") == std::string::npos);
  CHECK(text(at(other, post + "/responses/405/description")) == text(response_object(405).at("description")));
}

TEST_CASE("the examples are the same however short bodies must be") {
  for (const std::uint32_t max_body : {0U, 1U, 63U, 100U}) {
    INFO(max_body);
    json::value other = json::parse(openapi_json({.endpoint = {.max_body = max_body}}));
    json::value same = document();
    for (json::value* const one : {&other, &same}) {  // the limit itself is in one text
      const json::string& path = at(*one, post).as_object().at("responses").at("413").at("$ref").as_string();
      json::value& description = one->at_pointer(std::string(path).substr(1) + "/description");
      const std::uint32_t limit = one == &other ? max_body : EndpointOptions().max_body;
      CHECK(text(description).find(' ' + std::to_string(limit) + ' ') != std::string::npos);
      description = nullptr;
    }
    CHECK(other == same);
  }
}

TEST_CASE("openapi_resource serves the document at /openapi.json") {
  contract::World world;
  StaticResource openapi = openapi_resource();
  Router router(world.endpoint, openapi);
  const Response response = router.handle(Request{"GET", "/openapi.json?x", {}, {}});
  CHECK(response.status == 200);
  CHECK(response.fields.get("content-type") == "application/json");
  CHECK(response.body == openapi_json());
  CHECK(router.handle(Request{"POST", "/openapi.json", {}, {}}).fields.get("allow") == "GET, HEAD");
  CHECK(router.handle(Request{"GET", "/v0/openapi.json", {}, {}}).status == 404);
}
