// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/openapi/document.hpp>

#include "support/catch.hpp"

#include <boost/json/parse.hpp>

using namespace droplit;
namespace openapi = droplit::detail::openapi;

namespace {

openapi::Example example_of(const ApiError& error) {
  const ApiErrcRow& row = droplit::row(error.code());
  return {std::string(row.name), {}, to_response(error), row.code, row.sentence};
}

}  // namespace

TEST_CASE("two texts of one status are both allowed, and both have an example") {
  const auto first = example_of(ApiError::of<ApiErrc::token_kind_forbidden>());
  const auto second = example_of(ApiError::ecosystem_not_found(*EcosystemId::parse(openapi::deleted_ecosystem)));
  openapi::ResponseObject response;
  response.add(first, 0);
  response.add(second, 0);
  const boost::json::value media = std::move(response).end().at("content").at("text/plain");
  CHECK(media.at("schema") == boost::json::parse(R"({"anyOf":[
    {"type":"string","const":"Token type not permitted!"},
    {"type":"string","pattern":"^Ecosystem with id C[0-9a-f]{24} does not exist\\.$"}]})"));
  CHECK(media.at("examples").as_object().size() == 2);
}

TEST_CASE("a status that has codes with a text and without a body describes both") {
  openapi::ResponseObject response;
  response.add(example_of(ApiError::of<ApiErrc::forbidden>()), 0);
  response.add(example_of(ApiError::of<ApiErrc::token_kind_forbidden>()), 0);
  const boost::json::object object = std::move(response).end();
  CHECK(object.at("description") ==
        "Forbidden (no body): The token's holder may not create clients in this ecosystem.\n"
        "Token Kind Forbidden: The token is neither an account's nor a server's.");
  CHECK(object.at("content").as_object().size() == 1);
}

TEST_CASE("a pattern matches a message and nothing near it") {
  CHECK(openapi::message_pattern("a.b [ $ ] (c)*", "x+") == R"(^a\.b \[ x+ \] \(c\)\*$)");
  CHECK(openapi::id_pattern('C', "[0-9]") == "^C[0-9]{24}$");
  CHECK(openapi::id_pattern('\0', "[0-9]") == "^[0-9]{24}$");
}
