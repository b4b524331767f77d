// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/response.hpp>

#include "support/catch.hpp"
#include "support/findings.hpp"

#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace droplit;
using Flaw = Findings::Flaw;

namespace {

/// The refusals that a row makes by itself, ids by example; none if its code is of entries.
std::vector<ApiError> errors_of(const ApiErrcRow& row) {
  if (const auto error = detail::CodeOnly::make(row)) return {*error};
  if (row.form == ResponseForm::entries) return {};
  return {detail::CodeOnly::make(row, "C594b89aea18568c408c3ad24"_ecosystem_id),
          detail::CodeOnly::make(row, "Cffffffffffffffffffffffff"_ecosystem_id)};
}

std::vector<ApiError> errors_without_entries() {
  std::vector<ApiError> all;
  for (const ApiErrcRow& row : api_errc_table) {
    for (ApiError& error : errors_of(row)) all.push_back(std::move(error));
  }
  return all;
}

std::string name_of(std::mt19937_64& random) {
  static const char* const pieces[] = {"",
                                       "a",
                                       "b, ",
                                       "]",
                                       " ]",
                                       "[ ",
                                       "\"",
                                       "\\",
                                       "\n",
                                       "\x01",
                                       "\x7F",
                                       "\xC3\xA9",
                                       "\xEF\xBF\xBD",
                                       ", ",
                                       "'",
                                       "ecosystemId",
                                       "type",
                                       "\xF0\x9F\x98\x80",
                                       "contains fields that are not allowed: [ ",
                                       "\xE2\x80\xA8"};
  std::string out;
  for (std::uint64_t i = random() % 6; i != 0; --i) {
    if (random() % 12 == 0) {
      out += '\0';
    } else {
      out += pieces[random() % std::size(pieces)];
    }
  }
  return out;
}

Response bad(std::string body, std::string_view type = "application/json", int status = 400) {
  Response response;
  response.status = status;
  response.fields.add("content-type", type);
  response.body = std::move(body);
  return response;
}

const std::string id_required = R"({"in":"body","message":"field is required","path":"ecosystemId"})";
const std::string id_invalid = R"({"in":"body","message":"invalid id","path":"ecosystemId"})";
const std::string type_required = R"({"in":"body","message":"field is required","path":"type"})";
const std::string type_invalid =
    R"({"in":"body","message":"field must be one of the following values: application, server","path":"type"})";
const std::string name_invalid = R"({"in":"body","message":"expected field to be a string","path":"name"})";
const std::string description_invalid =
    R"({"in":"body","message":"expected field to be a string","path":"description"})";
const std::string query =
    R"({"in":"query","message":"contains fields that are not allowed: [ x ]","path":"additional parameters"})";
const std::string key_invalid = R"({"in":"header","message":"invalid idempotency key","path":"idempotency-key"})";
const std::string key_reused =
    R"({"in":"header","message":"idempotency key was used with other parameters","path":"idempotency-key"})";
const std::string names =
    R"({"in":"body","message":"contains fields that are not allowed: [ x ]","path":"additional parameters"})";

std::string list(const std::vector<std::string>& entries) {
  std::string out = R"({"errorType":"InvalidParams","errors":[)";
  for (const auto& entry : entries) out += (&entry == &entries[0] ? "" : ",") + entry;
  return out + "]}";
}

}  // namespace

TEST_CASE("the responses without entries are those of the contract, byte by byte") {
  const struct {
    int status;
    const char* lines;
    const char* body;
    bool close;
  } expected[] = {
      {404, "content-type: text/plain; charset=utf-8\r\ncontent-length: 59\r\n",
       "Ecosystem with id C594b89aea18568c408c3ad24 does not exist.", false},
      {404, "content-type: text/plain; charset=utf-8\r\ncontent-length: 59\r\n",
       "Ecosystem with id Cffffffffffffffffffffffff does not exist.", false},
      {401, "content-length: 0\r\n", "", false},
      {403, "content-type: text/plain; charset=utf-8\r\ncontent-length: 25\r\n", "Token type not permitted!", false},
      {403, "content-length: 0\r\n", "", false},
      {404, "content-length: 0\r\n", "", false},
      {405, "allow: POST\r\ncontent-length: 0\r\n", "", false},
      {413, "content-length: 0\r\n", "", true},
      {400, "content-length: 0\r\n", "", true},
      {408, "content-length: 0\r\n", "", true},
      {414, "content-length: 0\r\n", "", true},
      {431, "content-length: 0\r\n", "", true},
  };
  const auto errors = errors_without_entries();
  REQUIRE(errors.size() == std::size(expected));
  for (std::size_t i = 0; i != errors.size(); ++i) {
    const Response response = to_response(errors[i]);
    INFO(i);
    CHECK(response.status == expected[i].status);
    CHECK(response.fields.lines() == expected[i].lines);
    CHECK(response.body == expected[i].body);
    CHECK(response.close == expected[i].close);
  }
}

TEST_CASE("a 405 lists the methods of create a client, or others, and is read back with any") {
  const auto error = ApiError::of<ApiErrc::method_not_allowed>();
  CHECK(to_response(error).fields.get("allow") == create_client_route.method);
  Response response;
  write_response(response, error, "GET, HEAD");
  CHECK(response.fields.lines() == "allow: GET, HEAD\r\ncontent-length: 0\r\n");
  CHECK(read_error(response) == error);
}

TEST_CASE("every refusal that any row of the table can make is written and read back to an equal one") {
  std::set<ApiErrc> survived;
  const auto check = [&](const ApiError& error) {
    const auto read = read_error(to_response(error));
    if (read != error) FAIL_CHECK(to_string(error.code()) << ": " << to_response(error).body);
    for (const Violation violation : error.violations()) survived.insert(violation.code);
  };
  for (const ApiError& error : errors_without_entries()) check(error);
  check(ApiError::idempotency_key_reused());
  findings::for_each(findings::nasty_lists(), [&](Findings found) {
    if (const auto error = ApiError::from(std::move(found))) check(*error);
  });
  for (const ApiErrcRow& row : api_errc_table) {
    INFO(row.name << " is a row that nothing makes");
    CHECK(survived.contains(row.code));
  }
}

TEST_CASE("a refusal is written and read back to an equal one: 100,000 drawn") {
  std::mt19937_64 random(20180228);
  std::size_t number = 0;
  Response response;
  while (number != 100000) {
    Findings found;
    if (random() % 2) found.query_fields = name_of(random);
    if (random() % 2) found.body_fields = name_of(random);
    found.key_invalid = random() % 4 == 0;
    found.body_missing = random() % 8 == 0;
    const Flaw required[] = {Flaw::none, Flaw::missing, Flaw::invalid};
    const Flaw optional[] = {Flaw::none, Flaw::invalid, Flaw::characters};
    found.flaws[detail::field_index(Field::ecosystem_id)] = required[random() % 3];
    found.flaws[detail::field_index(Field::type)] = required[random() % 3];
    found.flaws[detail::field_index(Field::name)] = optional[random() % 3];
    found.flaws[detail::field_index(Field::description)] = optional[random() % 3];
    const auto error = ApiError::from(found);
    if (!error) continue;
    ++number;
    write_response(response, *error);
    const auto read = read_error(response);
    if (!read || *read != *error) FAIL(response.body);
  }
}

TEST_CASE("different refusals have different responses") {
  std::vector<std::string> bodies;
  findings::for_each({std::nullopt, "", "x"}, [&](const Findings& found) {
    if (const auto error = ApiError::from(found)) {
      const auto body = to_json(*error);
      for (const auto& other : bodies) {
        if (body == other && *read_error(bad(other)) != *error) FAIL(body);
      }
      bodies.push_back(body);
    }
  });
  CHECK(bodies.size() > 500);
}

TEST_CASE("white space, other members, another order of members and escapes do not matter") {
  const auto error = ApiError::from({"x", {}, false, {Flaw::invalid, {}, {}, {}}});
  CHECK(read_error(bad(list({query, id_invalid}))) == error);
  CHECK(read_error(bad(R"( { "errors" : [ {"path":"additional parameters","in":"query","code":7,"x":{"in":"body"},)"
                       R"("message":"contains fields that are not allowed: [ \u0078 ]"} , {"message":"invalid id",)"
                       R"("path":"ecosystemId","in":"body"} ], "more":[[{}]], "errorType":"Invalid\u0050arams" } )")) ==
        error);
  for (const char* type : {"application/json", "Application/JSON", "application/json; charset=utf-8"}) {
    CHECK(read_error(bad(list({query, id_invalid}), type)) == error);
  }
}

TEST_CASE("the last of a repeated member of a response counts") {
  const auto error = ApiError::from({{}, {}, false, {Flaw::invalid, {}, {}, {}}});
  CHECK(read_error(bad(R"({"errorType":"x","errorType":"InvalidParams","errors":5,"errors":[)" + id_invalid + "]}")) ==
        error);
  CHECK(read_error(bad(R"({"errorType":"InvalidParams","errors":[)" + type_invalid + R"(],"errors":[)" + id_invalid +
                       "]}")) == error);
  CHECK(read_error(bad(R"({"errorType":"InvalidParams","errors":[{"in":"query","in":"body","message":"a","message":)"
                       R"("invalid id","path":"ecosystemId"}]})")) == error);
  for (const char* invalid : {"5", R"(["x"])", "[5]", "[null]", "[[]]", R"({"errors":[]})"}) {
    INFO(invalid);
    CHECK(read_error(bad(R"({"errorType":"InvalidParams","errors":)" + std::string(invalid) + R"(,"errors":[)" +
                         id_invalid + "]}")) == error);
  }
  CHECK_FALSE(read_error(bad(R"({"errorType":"InvalidParams","errors":[)" + id_invalid + R"(],"errors":null})")));
  CHECK_FALSE(read_error(bad(R"({"errorType":"InvalidParams","errorType":null,"errors":[)" + id_invalid + "]}")));
}

TEST_CASE("what is nearly a refusal is not read as one") {
  const std::string wrong[] = {
      // no list, or none that the contract knows
      "{}", "[]", "null", "x", list({}), R"({"errorType":"InvalidParams"})", R"({"errors":[)" + id_invalid + "]}",
      R"({"errorType":"InvalidParams","errors":{}})", R"({"errorType":"InvalidParams","errors":"invalid id"})",
      R"({"errorType":"invalidParams","errors":[)" + id_invalid + "]}", R"({"errorType":"Internal Server Error"})",
      R"({"errorType":["InvalidParams"],"errors":[)" + id_invalid + "]}",
      R"({"errortype":"InvalidParams","errors":[)" + id_invalid + "]}",
      R"([{"errorType":"InvalidParams","errors":[)" + id_invalid + "]}]",
      // entries repeated
      list({id_invalid, id_invalid}), list({type_required, type_required}), list({query, query}),
      list({names, names, id_required}), list({id_required, id_required, type_required}),
      list({name_invalid, name_invalid}),
      // entries in another order
      list({id_invalid, query}), list({type_invalid, id_invalid}), list({name_invalid, type_invalid}),
      list({description_invalid, name_invalid}), list({type_required, id_required}), list({id_required, names}),
      list({name_invalid, id_required, type_required}), list({names, query, id_required}), list({key_invalid, query}),
      list({id_invalid, key_invalid}), list({names, key_invalid, id_required}),
      list({id_required, key_invalid, type_required}), list({name_invalid, key_invalid}),
      // combinations that no request has
      list({key_invalid, names}), list({key_invalid, key_invalid}), list({key_reused}), list({query, key_reused}),
      list({key_invalid, key_reused}), list({key_reused, key_invalid}), list({key_reused, id_invalid}), list({names}),
      list({names, id_invalid}), list({names, type_required}), list({id_invalid, id_required}),
      list({id_required, id_invalid}), list({type_required, type_invalid}), list({query, names}),
      // unknown messages, places, paths
      list({R"({"in":"body","message":"Invalid id","path":"ecosystemId"})"}),
      list({R"({"in":"body","message":"invalid id ","path":"ecosystemId"})"}),
      list({R"({"in":"body","message":"","path":"ecosystemId"})"}), list({R"({"in":"body","path":"ecosystemId"})"}),
      list({R"({"message":"invalid id","path":"ecosystemId"})"}), list({R"({"in":"body","message":"invalid id"})"}),
      list({R"({"in":"body","message":"invalid id","path":""})"}),
      list({R"({"in":"query","message":"invalid id","path":"ecosystemId"})"}),
      list({R"({"in":"","message":"invalid id","path":"ecosystemId"})"}),
      list({R"({"in":"header","message":"invalid id","path":"ecosystemId"})"}),
      list({R"({"in":"body","message":"invalid id","path":"ecosystemid"})"}),
      list({R"({"in":"body","message":"invalid id","path":"id"})"}),
      list({R"({"in":"body","message":"invalid id","path":"type"})"}),
      list({R"({"in":"body","message":"invalid id","path":"name"})"}),
      list({R"({"in":"body","message":"field is required","path":"name"})"}),
      list({R"({"in":"body","message":"expected field to be a string","path":"type"})"}),
      list({R"({"in":"body","message":"contains characters that are not allowed","path":"ecosystemId"})"}),
      list(
          {R"({"in":"body","message":"field must be one of the following values: server, application","path":"type"})"}),
      list({R"({"in":"query","message":"contains fields that are not allowed: [ x","path":"additional parameters"})"}),
      list({R"({"in":"query","message":"contains fields that are not allowed: [ x]","path":"additional parameters"})"}),
      list({R"({"in":"query","message":"contains fields that are not allowed: [ ]","path":"additional parameters"})"}),
      list({R"({"in":"query","message":"contains fields that are not allowed: [","path":"additional parameters"})"}),
      list(
          {R"({"in":"query","message":"Contains fields that are not allowed: [ x ]","path":"additional parameters"})"}),
      list(
          {R"({"in":"query","message":"contains fields that are not allowed: [ x ].","path":"additional parameters"})"}),
      list({R"({"in":"query","message":"contains fields that are not allowed: [ x ]","path":"additional"})"}),
      list(
          {R"({"in":"header","message":"contains fields that are not allowed: [ x ]","path":"additional parameters"})"}),
      list({R"({"in":"body","message":"invalid idempotency key","path":"idempotency-key"})"}),
      list({R"({"in":"query","message":"invalid idempotency key","path":"idempotency-key"})"}),
      list({R"({"in":"header","message":"invalid idempotency key ","path":"idempotency-key"})"}),
      list({R"({"in":"header","message":"invalid id","path":"idempotency-key"})"}),
      list({R"({"in":"header","message":"invalid idempotency key","path":"Idempotency-Key"})"}),
      list({R"({"in":"header","message":"invalid idempotency key","path":"ecosystemId"})"}),
      list({R"({"in":["body"],"message":"invalid id","path":"ecosystemId"})"}),
      list({R"({"in":"body","message":{"message":"invalid id"},"path":"ecosystemId"})"}),
      // entries that are no objects
      list({"null"}), list({"\"invalid id\""}), list({"[" + id_invalid + "]"}), list({"5"}), list({id_invalid, "null"}),
      list({id_invalid, "\"x\""}), list({id_invalid, "[]"}), list({"true", id_invalid}), list({id_invalid, "{}"}),
      list({"\"x\"", id_invalid}),
      // bytes that are no JSON
      list({id_invalid}) + "x", "\xEF\xBB\xBF" + list({id_invalid}), list({id_invalid}).substr(1),
      list({id_invalid}).substr(0, 60),
      list({R"({"in":"body","message":")"
            "\xFF"
            R"(","path":"ecosystemId"})"})};
  for (const std::string& body : wrong) {
    if (read_error(bad(body))) FAIL_CHECK(body);
  }
}

TEST_CASE("more entries than any refusal has, and depth without end") {
  const std::vector<std::string> most{query,        key_invalid,        names, id_required, type_invalid,
                                      name_invalid, description_invalid};
  REQUIRE(most.size() == ApiError::max_entries);
  REQUIRE(read_error(bad(list(most))));
  for (std::size_t i = 0; i != most.size(); ++i) {  // one more, wherever
    auto more = most;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(i), most[i]);
    CHECK_FALSE(read_error(bad(list(more))));
  }
  CHECK_FALSE(read_error(bad(list(std::vector<std::string>(100000, id_invalid)))));
  CHECK_FALSE(read_error(bad(list(std::vector<std::string>(100000, "{}")))));
  CHECK_FALSE(read_error(bad(list({std::string(200000, '[')}))));
  CHECK_FALSE(read_error(bad(std::string(200000, '['))));
  std::string deep;
  for (int i = 0; i != 100000; ++i) deep += "{\"errors\":";
  CHECK_FALSE(read_error(bad(deep)));
  CHECK_FALSE(read_error(bad(list({R"({"in":")" + std::string(1000000, 'x') + R"("})"}))));
}

TEST_CASE("the status and the content type decide too") {
  const std::string body = list({id_invalid});
  CHECK(read_error(bad(body, "application/json", 400)));
  for (const int status : {0, 200, 201, 401, 403, 404, 405, 413, 422, 500, 503}) {
    CHECK_FALSE(read_error(bad(body, "application/json", status)));
  }
  for (const char* type : {"text/plain", "text/json", "application/json5", "application/problem+json", "",
                           "application/json; charset=latin1", "application/json, application/json"}) {
    CHECK_FALSE(read_error(bad(body, type)));
  }
  Response twice = bad(body);
  twice.fields.add("content-type", "application/json");
  CHECK_FALSE(read_error(twice));
  Response none = bad(body);
  none.fields.clear();
  CHECK_FALSE(read_error(none));
}

TEST_CASE("a key that was used with other parameters is a 422 with that entry alone, and nothing else") {
  const std::string body = list({key_reused});
  CHECK(read_error(bad(body, "application/json", 422)) == ApiError::idempotency_key_reused());
  CHECK(to_response(ApiError::idempotency_key_reused()).body == body);
  for (const int status : {400, 404, 409, 423}) CHECK_FALSE(read_error(bad(body, "application/json", status)));
  for (const std::string& other :
       {list({key_reused, key_reused}), list({key_invalid}), list({key_reused, id_invalid}), list({query, key_reused}),
        list({R"({"in":"body","message":"idempotency key was used with other parameters","path":"idempotency-key"})"}),
        list({R"({"in":"header","message":"idempotency key was used","path":"idempotency-key"})"})}) {
    if (read_error(bad(other, "application/json", 422))) FAIL_CHECK(other);
  }
}

TEST_CASE("texts that are nearly the contract's are none") {
  const auto text = [](int status, const char* body) {
    return read_error(bad(body, "text/plain; charset=utf-8", status));
  };
  CHECK(text(403, "Token type not permitted!") == ApiError::of<ApiErrc::token_kind_forbidden>());
  CHECK(text(404, "Ecosystem with id C594b89aea18568c408c3ad24 does not exist.") ==
        ApiError::ecosystem_not_found("C594b89aea18568c408c3ad24"_ecosystem_id));
  CHECK_FALSE(text(403, "Token type not permitted"));
  CHECK_FALSE(text(403, "Token type not permitted!\n"));
  CHECK_FALSE(text(404, "Token type not permitted!"));
  CHECK_FALSE(text(401, "Token type not permitted!"));
  CHECK_FALSE(text(403, "Ecosystem with id C594b89aea18568c408c3ad24 does not exist."));
  CHECK_FALSE(text(404, "Ecosystem with id C594b89aea18568c408c3ad24 does not exist"));
  CHECK_FALSE(text(404, "Ecosystem with id C594b89aea18568c408c3ad24 does not exist.x"));
  CHECK_FALSE(text(404, "Ecosystem with id C594B89AEA18568C408C3AD24 does not exist."));
  CHECK_FALSE(text(404, "Ecosystem with id 594b89aea18568c408c3ad24 does not exist."));
  CHECK_FALSE(text(404, "ecosystem with id C594b89aea18568c408c3ad24 does not exist."));
  CHECK_FALSE(text(404, "Ecosystem with id C594b89aea18568c408c3ad24"));
  CHECK_FALSE(text(404, "Ecosystem with id "));
  CHECK_FALSE(text(404, "x"));
  CHECK_FALSE(text(400, "x"));
}

TEST_CASE("an empty body and a status that no refusal has are not read as a refusal") {
  for (int status = -1; status != 700; ++status) {
    Response response;
    response.status = status;
    bool known = false;
    for (const ApiError& error : errors_without_entries()) {
      known = known || (error.status() == status && to_response(error).body.empty());
    }
    if (read_error(response).has_value() != known) FAIL_CHECK(status);
  }
}

TEST_CASE("a fault is a 500 without details, or a 503 that proves that nothing was applied") {
  const auto cause = std::make_exception_ptr(std::runtime_error("canary"));
  for (const Fault& fault : {Fault(), Fault(FaultSource::storage, Fate::maybe_applied, "canary", cause),
                             Fault(FaultSource::access, Fate::not_applied, "canary", cause)}) {
    CHECK_FALSE(is_unavailable(fault));
    const Response response = to_response(fault);
    CHECK(response.status == 500);
    CHECK(response.fields.lines() == "content-type: application/json\r\ncontent-length: 37\r\n");
    CHECK(response.body == R"({"errorType":"Internal Server Error"})");
    CHECK_FALSE(response.close);
    CHECK_FALSE(read_error(response));
  }
  CHECK_FALSE(is_unavailable(Fault::unknown_response(503, "a proxy's", "")));  // which proves nothing
  const Fault busy = Fault::unavailable(FaultSource::storage, "canary", cause);
  CHECK(is_unavailable(busy));
  const Response response = to_response(busy);
  CHECK(response.status == 503);
  CHECK(response.fields.lines() == "retry-after: 1\r\ncontent-length: 0\r\n");
  CHECK(response.body.empty());
  CHECK_FALSE(response.close);
  CHECK_FALSE(read_error(response));
}

TEST_CASE("a response may be written from views of itself") {
  Response used;
  used.fields.add("content-type", "application/x-a-long-type-of-content");
  used.body = std::string(100, 'a') + std::string(100, 'b');
  write_response(used, 200, used.fields.get("content-type"), std::string_view(used.body).substr(50, 100));
  CHECK(used.body == std::string(50, 'a') + std::string(50, 'b'));
  CHECK(used.fields.lines() == "content-type: application/x-a-long-type-of-content\r\ncontent-length: 100\r\n");
  used.fields.add("allow", "GET, HEAD, OPTIONS, PROPFIND");
  write_response(used, ApiError::of<ApiErrc::method_not_allowed>(), used.fields.get("allow"));
  CHECK(used.fields.lines() == "allow: GET, HEAD, OPTIONS, PROPFIND\r\ncontent-length: 0\r\n");
}

TEST_CASE("a response of a status, a type and a body has no content-type without a type") {
  Response response;
  write_response(response, 200, "text/plain", "body");
  CHECK(response == Response{200, response.fields, "body"});
  CHECK(response.fields.lines() == "content-type: text/plain\r\ncontent-length: 4\r\n");
  write_response(response, 204, {}, {});
  CHECK(response.status == 204);
  CHECK(response.fields.lines().empty());  // no length either (RFC 9110, section 8.6)
  CHECK(response.body.empty());
  write_response(response, 304, {}, {});
  CHECK(response.fields.lines().empty());
  write_response(response, 205, {}, {});
  CHECK(response.fields.lines() == "content-length: 0\r\n");
}

TEST_CASE("a response replaces the earlier content") {
  Response used = to_response(ApiError::of<ApiErrc::content_too_large>());
  used.fields.add("x", "y");
  const Client client("594b89aea18568c408c3ad25"_client_id, *Timestamp::from_unix_millis(0),
                      "C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server);
  write_response(used, client);
  CHECK(used == to_response(client));
  CHECK(used.status == 201);
  CHECK_FALSE(used.close);
  CHECK(used.fields.lines() == "content-type: application/json\r\ncontent-length: 130\r\n");
  CHECK_FALSE(read_error(used));
  write_response(used, Outcome<Client>(ApiError::of<ApiErrc::method_not_allowed>()));
  CHECK(used == to_response(ApiError::of<ApiErrc::method_not_allowed>()));
  write_response(used, Outcome<Client>(Fault()));
  CHECK(used == to_response(Fault()));
  write_response(used, Outcome<Client>(client));
  CHECK(used == to_response(client));
}

TEST_CASE("a client that was created under a key is a 201 that says whether it is a replay") {
  const Client client("594b89aea18568c408c3ad25"_client_id, *Timestamp::from_unix_millis(0),
                      "C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server);
  for (const bool replayed : {false, true}) {
    Response response = to_response(ApiError::of<ApiErrc::content_too_large>());
    write_response(response, KeyedClient{client, replayed});
    CHECK(response == to_response(Outcome<KeyedClient>(KeyedClient{client, replayed})));
    CHECK(response.status == 201);
    CHECK(response.body == to_response(client).body);
    CHECK(response.fields.lines() == std::string("content-type: application/json\r\nidempotency-replayed: ") +
                                         (replayed ? "true" : "false") + "\r\ncontent-length: 130\r\n");
    CHECK_FALSE(response.close);
    CHECK(read_replayed(response) == replayed);
    CHECK(read_response(response).value() == client);
  }
  CHECK_FALSE(read_replayed(to_response(client)));
  const auto reused = ApiError::idempotency_key_reused();
  CHECK(to_response(Outcome<KeyedClient>(reused)) == to_response(reused));
  CHECK(to_response(Outcome<KeyedClient>(Fault())) == to_response(Fault()));
}

TEST_CASE("a 201 with a text that is neither a string nor null is no client, and null is no text") {
  const Client client("594b89aea18568c408c3ad25"_client_id, *Timestamp::from_unix_millis(0),
                      "C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server);
  Response response = to_response(client);
  const std::string before = response.body.substr(0, response.body.size() - 1) + ",\"name\":";
  for (const char* value : {"7", "true", "[]", "{}", R"(["x"])", R"({"name":"x"})"}) {
    INFO(value);
    response.body = before + value + "}";
    CHECK(read_response(response).has_exception());
  }
  response.body = before + "null}";
  CHECK(read_response(response).value() == client);
}

TEST_CASE("what the contract does not know, or did not read as it was sent, is a fault that says why") {
  const auto client = to_response(Client("594b89aea18568c408c3ad25"_client_id, *Timestamp::from_unix_millis(0),
                                         "C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server));
  const auto what = [](const Response& response) {
    const auto read = read_response(response);
    if (!read.has_exception()) return std::string("none");
    CHECK_FALSE(read_error(response));
    const Fault& fault = read.exception();
    CHECK(fault.source() == FaultSource::response);
    CHECK(fault.status() == response.status);
    const bool exact = fault.fate() == Fate::not_applied;
    CHECK(fault.excerpt() == (exact ? "" : response.body.substr(0, Fault::max_excerpt)));
    return (exact ? "not applied: " : "") + fault.what();
  };
  const auto with = [](Response response, std::string_view name, std::string_view value) {
    response.fields.add(name, value);
    return response;
  };
  for (const Response& good : {client, bad(list({id_invalid})), bad("", "")}) {
    CHECK(what(with(good, "content-encoding", "identity")) == "none");
    CHECK(what(with(good, "content-encoding", "gzip")) == "the response has a content-encoding");
    CHECK(what(with(with(good, "content-encoding", "gzip"), "content-encoding", "identity")) ==
          "the response has a content-encoding");
  }

  Response text = client;
  text.fields.clear();
  CHECK(what(text) == "the response is a 201 of another content type");
  CHECK(what(with(text, "content-type", "text/plain")) == "the response is a 201 of another content type");
  CHECK(what(with(text, "content-type", "Application/JSON;charset=utf-8")) == "none");
  text = client;
  text.body.pop_back();
  CHECK(what(text) == "the response is a 201 without a client that the contract knows");

  for (const int status : {0, 199, 200, 202, 204, 301, 429, 501, 502, 504, 505}) {
    text.status = status;
    CHECK(what(text) == "the contract does not know the response");
  }
  text.status = 500;
  CHECK(what(text) == "the service failed");
  CHECK(what(to_response(Fault())) == "the service failed");

  const auto busy = to_response(Fault::unavailable(FaultSource::storage, "away"));
  CHECK(what(busy) == "not applied: the service is unavailable and applied nothing");
  Response proxy = busy;
  proxy.body = "x";
  CHECK(what(proxy) == "a 503 that may be a proxy's");
  proxy.body.clear();
  CHECK(what(with(proxy, "content-type", "text/html")) == "a 503 that may be a proxy's");
  CHECK(what(with(proxy, "retry-after", "1")) == "a 503 that may be a proxy's");
  for (const auto& [retry_after, length] : {std::pair("2", "0"), {"1", "1"}, {"", "0"}, {"1", ""}}) {
    proxy.fields.clear();
    if (*retry_after != '\0') proxy.fields.add("retry-after", retry_after);
    if (*length != '\0') proxy.fields.add("content-length", length);
    CHECK(what(proxy) == "a 503 that may be a proxy's");
  }
}

TEST_CASE("when to try again is read of one field that is a number of seconds, 31 years at most") {
  const auto read = [](std::initializer_list<const char*> values) {
    Response response;
    response.status = 503;
    for (const char* value : values) response.fields.add("retry-after", value);
    return read_response(response).exception().retry_after();
  };
  CHECK(read({"0"}) == 0);
  CHECK(read({" 120 "}) == 120);
  CHECK(read({"999999999"}) == 999'999'999);
  for (const char* value : {"1000000000", "18446744073709551615", "18446744073709551616", "99999999999999999999999"}) {
    CHECK(read({value}) == 999'999'999);
  }
  CHECK_FALSE(read({}));
  CHECK_FALSE(read({"1", "1"}));
  for (const char* value : {"", "-1", "1.5", "1s", "x", "Wed, 21 Oct 2026 07:28:00 GMT"}) CHECK_FALSE(read({value}));
}

TEST_CASE("whether a response is a replay is read of one field that is true or false, and of nothing else") {
  const auto read = [](std::initializer_list<const char*> values, std::string_view name = "Idempotency-Replayed") {
    Response response;
    for (const char* value : values) response.fields.add(name, value);
    return read_replayed(response);
  };
  CHECK(read({"true"}) == true);
  CHECK(read({" false\t"}) == false);
  CHECK_FALSE(read({}));
  CHECK_FALSE(read({"true", "true"}));
  CHECK_FALSE(read({"true", "false"}));
  CHECK_FALSE(read({"true"}, "x-idempotency-replayed"));
  for (const char* value : {"", "True", "TRUE", "1", "?1", "yes", "true, true", "\"true\"", "truefalse"}) {
    CHECK_FALSE(read({value}));
  }
}

TEST_CASE("a response keeps the code or the fault that it was written from, and only that") {
  Response response;
  write_response(response, ApiError::of<ApiErrc::forbidden>());
  CHECK(response.code == ApiErrc::forbidden);
  CHECK_FALSE(response.fault);
  write_response(response, ApiError::of<ApiErrc::method_not_allowed>());
  CHECK(response.code == ApiErrc::method_not_allowed);
  write_response(response, Fault::unavailable(FaultSource::storage, "away"));
  CHECK_FALSE(response.code);
  REQUIRE(response.fault);
  CHECK(response.fault->what() == "away");
  write_response(response, *response.fault);
  REQUIRE(response.fault);
  CHECK(response.fault->what() == "away");
  CHECK(response.status == 503);
  write_response(response, 200, "text/plain", "ok");
  CHECK_FALSE(response.fault);
  write_response(response, ApiError::of<ApiErrc::forbidden>());
  write_response(response, 200, "text/plain", "ok");
  CHECK_FALSE(response.code);
}
