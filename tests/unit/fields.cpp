// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/fields.hpp>

#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <vector>

using namespace droplit;

TEST_CASE("the fields are those of the API's page, in its order") {
  std::vector<std::string_view> names;
  for (const FieldRow& row : client_fields) names.push_back(row.name);
  CHECK(names == std::vector<std::string_view>{"ecosystemId", "type", "name", "description"});
  CHECK((client_fields[0].required && client_fields[1].required));
  CHECK_FALSE((client_fields[2].required || client_fields[3].required));
}

TEST_CASE("the members of a 201 are those of the API's page, in its order") {
  std::vector<std::string_view> names;
  for (const ClientMemberRow& row : client_members) names.push_back(row.name);
  CHECK(names == std::vector<std::string_view>{"createdAt", "description", "ecosystemId", "id", "name", "type"});
  for (const FieldRow& field : client_fields) {
    int found = 0;
    for (const ClientMemberRow& row : client_members) found += row.field == field.field ? 1 : 0;
    CHECK(found == 1);
  }
}

TEST_CASE("a row leads to the parameter that has its field") {
  const std::string name = "a name";
  ClientParameters parameters;
  for (const FieldRow& row : client_fields) CHECK_FALSE(parameters.*row.parameter);
  parameters = {.ecosystem_id = "e", .type = "t", .name = name, .description = ""};
  std::string all;
  for (const FieldRow& row : client_fields) all.append(*(parameters.*row.parameter)).append("|");
  CHECK(all == "e|t|a name||");
}

TEST_CASE("what a violation is about has its wire name") {
  CHECK(to_string(Field::none).empty());
  CHECK(to_string(Field::additional_parameters) == "additional parameters");
  CHECK(to_string(Field::idempotency_key) == "idempotency-key");
  for (const FieldRow& row : client_fields) CHECK(to_string(row.field) == row.name);
}
