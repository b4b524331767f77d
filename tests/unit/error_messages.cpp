// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/error_messages.hpp>

#include <droplit/response.hpp>

#include "support/catch.hpp"
#include "support/findings.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace droplit;

namespace {

using Lines = std::vector<std::string>;
using Flaw = Findings::Flaw;

// Every kind of violation that one request can have.
ApiError misnamed() {
  Findings findings;
  findings.query_fields = "verbose";
  findings.body_fields = "ecosystem, x";
  findings.flaws = {Flaw::missing, Flaw::invalid, Flaw::invalid, Flaw::characters};
  return *ApiError::from(std::move(findings));
}

std::string in_german(const Violation& violation) {
  if (violation.field == Field::additional_parameters) return "ist nicht erlaubt";  // the code says why they are named
  switch (violation.code) {
    case ApiErrc::ecosystem_missing: return "fehlt";
    case ApiErrc::client_type_invalid: return "ist weder application noch server";
    default: return "ist nicht erlaubt";
  }
}

}  // namespace

TEST_CASE("a refusal in lines names the field of each violation, or the part of the request that names fields") {
  CHECK(to_lines(misnamed()) ==
        Lines{"query: contains fields that are not allowed: [ verbose ]",
              "body: contains fields that are not allowed: [ ecosystem, x ]", "ecosystemId: field is required",
              "type: field must be one of the following values: application, server",
              "name: expected field to be a string", "description: contains characters that are not allowed"});
  CHECK(to_lines(ApiError::of<ApiErrc::unauthorized>()) == Lines{"Unauthorized"});
  CHECK(to_lines(ApiError::of<ApiErrc::token_kind_forbidden>()) == Lines{"Token type not permitted!"});
  CHECK(to_lines(ApiError::ecosystem_not_found("C594b89aea18568c408c3ad24"_ecosystem_id)) ==
        Lines{"Ecosystem with id C594b89aea18568c408c3ad24 does not exist."});
}

TEST_CASE("a refusal by fields has every message under its field, in the order of the violations") {
  const auto fields = to_field_messages(misnamed());
  REQUIRE(fields.size() == 5);
  CHECK(fields[0] == FieldMessages{Field::additional_parameters,
                                   {"contains fields that are not allowed: [ verbose ]",
                                    "contains fields that are not allowed: [ ecosystem, x ]"}});
  CHECK(fields[1] == FieldMessages{Field::ecosystem_id, {"field is required"}});
  CHECK(fields[2] == FieldMessages{Field::type, {"field must be one of the following values: application, server"}});
  CHECK(fields[3] == FieldMessages{Field::name, {"expected field to be a string"}});
  CHECK(fields[4] == FieldMessages{Field::description, {"contains characters that are not allowed"}});
  CHECK(to_field_messages(ApiError::of<ApiErrc::forbidden>()) ==
        std::vector{FieldMessages{Field::none, {"Forbidden"}}});
}

TEST_CASE("every refusal has one line, and one message, for each violation") {
  std::size_t refusals = 0;
  findings::for_each({std::nullopt, "x"}, [&](Findings found) {
    const auto error = ApiError::from(std::move(found));
    if (!error) return;
    ++refusals;
    const Lines lines = to_lines(*error);
    std::size_t messages = 0;
    for (const FieldMessages& each : to_field_messages(*error)) messages += each.messages.size();
    const bool is_empty = std::any_of(lines.begin(), lines.end(), [](const std::string& line) { return line.empty(); });
    if (lines.size() != error->violations().size() || messages != lines.size() || is_empty) FAIL_CHECK(*error);
  });
  CHECK(refusals > 600);
}

TEST_CASE("a wording of one's own changes the lines and messages, and never the response") {
  const ApiError error = misnamed();
  const Response before = to_response(error);
  CHECK(to_lines(error, in_german) == Lines{"query: ist nicht erlaubt", "body: ist nicht erlaubt", "ecosystemId: fehlt",
                                            "type: ist weder application noch server", "name: ist nicht erlaubt",
                                            "description: ist nicht erlaubt"});
  CHECK(to_field_messages(error, in_german).at(1) == FieldMessages{Field::ecosystem_id, {"fehlt"}});
  CHECK(to_lines(error, [](const Violation& violation) { return doc_url(violation.code, "/errors"); }).at(2) ==
        "ecosystemId: /errors#ecosystem-missing");
  CHECK(to_response(error) == before);
}

TEST_CASE("a line stays one line, whatever the names of fields are and whatever the wording returns") {
  Findings findings;
  findings.query_fields = "a\nb\x1B[2J\xC2\x9B\xE2\x80\xAE\\";
  const ApiError error = *ApiError::from(std::move(findings));
  CHECK(to_lines(error) == Lines{R"(query: contains fields that are not allowed: [ a\nb\u{1B}[2J\u{9B}\u{202E}\\ ])"});
  CHECK(to_lines(error, [](const Violation&) { return "a\r\n\xFF"; }) == Lines{R"(query: a\r\n\xFF)"});
}
