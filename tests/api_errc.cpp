// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/api_errc.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

using namespace droplit;

static_assert(std::is_error_code_enum_v<ApiErrc> && !std::is_convertible_v<ApiErrc, int>);
static_assert(std::is_convertible_v<ApiErrc, std::error_code>);

namespace {

// One of each code and no default: a new code does not compile until it is written here too (-Wswitch), and below.
constexpr int number_of(ApiErrc code) {
  switch (code) {
    case ApiErrc::ecosystem_invalid: return 1;
    case ApiErrc::ecosystem_missing: return 2;
    case ApiErrc::query_field_not_allowed: return 3;
    case ApiErrc::body_parameters_missing: return 4;
    case ApiErrc::client_type_invalid: return 5;
    case ApiErrc::client_type_missing: return 6;
    case ApiErrc::ecosystem_not_found: return 7;
    case ApiErrc::body_parameter_invalid: return 8;
    case ApiErrc::body_parameter_characters_invalid: return 9;
    case ApiErrc::unauthorized: return 10;
    case ApiErrc::token_kind_forbidden: return 11;
    case ApiErrc::forbidden: return 12;
    case ApiErrc::not_found: return 13;
    case ApiErrc::method_not_allowed: return 14;
    case ApiErrc::content_too_large: return 15;
    case ApiErrc::bad_request: return 16;
    case ApiErrc::request_timeout: return 17;
    case ApiErrc::uri_too_long: return 18;
    case ApiErrc::header_fields_too_large: return 19;
  }
  return 0;
}

struct Expected {
  ApiErrc code;
  std::string_view name;
  int status;
  AnswerForm form;
  std::string_view message;
  int exit_status;
  Source source;
};

// Typed from the contract, not copied from the table.
constexpr auto json = AnswerForm::entries;
constexpr Expected expected[] = {
    {ApiErrc::ecosystem_invalid, "Ecosystem Invalid", 400, json, "invalid id", 1, Source::page},
    {ApiErrc::ecosystem_missing, "Ecosystem Missing", 400, json, "field is required", 1, Source::page},
    {ApiErrc::query_field_not_allowed, "Query Field Not Allowed", 400, json, "", 1, Source::page},
    {ApiErrc::body_parameters_missing, "Body Parameters Missing", 400, json, "field is required", 1, Source::page},
    {ApiErrc::client_type_invalid, "Client Type Invalid", 400, json,
     "field must be one of the following values: application, server", 1, Source::page},
    {ApiErrc::client_type_missing, "Client Type Missing", 400, json, "field is required", 1, Source::page},
    {ApiErrc::ecosystem_not_found, "Ecosystem Not Found", 404, AnswerForm::text, "", 1, Source::page},
    {ApiErrc::body_parameter_invalid, "Body Parameter Invalid", 400, json, "expected field to be a string", 1,
     Source::sibling},
    {ApiErrc::body_parameter_characters_invalid, "Body Parameter Characters Invalid", 400, json,
     "contains characters that are not allowed", 1, Source::ours},
    {ApiErrc::unauthorized, "Unauthorized", 401, AnswerForm::empty, "", 3, Source::sibling},
    {ApiErrc::token_kind_forbidden, "Token Kind Forbidden", 403, AnswerForm::text, "Token type not permitted!", 3,
     Source::sibling},
    {ApiErrc::forbidden, "Forbidden", 403, AnswerForm::empty, "", 3, Source::sibling},
    {ApiErrc::not_found, "Not Found", 404, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::method_not_allowed, "Method Not Allowed", 405, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::content_too_large, "Content Too Large", 413, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::bad_request, "Bad Request", 400, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::request_timeout, "Request Timeout", 408, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::uri_too_long, "URI Too Long", 414, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::header_fields_too_large, "Header Fields Too Large", 431, AnswerForm::empty, "", 1, Source::ours},
};

consteval bool the_table_has_each_code_once_and_in_order() {
  if (api_errc_table.size() != std::size(expected)) return false;
  for (std::size_t i = 0; i != api_errc_table.size(); ++i) {
    if (number_of(api_errc_table[i].code) != static_cast<int>(i) + 1) return false;
    if (static_cast<int>(api_errc_table[i].code) != static_cast<int>(i) + 1) return false;
    if (&row(api_errc_table[i].code) != &api_errc_table[i]) return false;
  }
  return true;
}
static_assert(the_table_has_each_code_once_and_in_order());

}  // namespace

TEST_CASE("every row says what the contract says") {
  for (const Expected& one : expected) {
    INFO(one.name);
    const ApiErrcRow& got = row(one.code);
    CHECK(got.code == one.code);
    CHECK(got.name == one.name);
    CHECK(to_string(one.code) == one.name);
    CHECK(got.status == one.status);
    CHECK(got.form == one.form);
    CHECK(got.message == one.message);
    CHECK(got.exit_status == one.exit_status);
    CHECK(got.source == one.source);
  }
}

TEST_CASE("names are there once each") {
  std::set<std::string_view> names;
  for (const ApiErrcRow& one : api_errc_table) names.insert(one.name);
  CHECK(names.size() == api_errc_table.size());
}

TEST_CASE("a code is an error code of the category droplit, and never reads as success") {
  CHECK(api_errc_category().name() == std::string("droplit"));
  CHECK(&api_errc_category() == &api_errc_category());
  for (const Expected& one : expected) {
    const std::error_code code = one.code;
    CHECK(bool(code));
    CHECK(code == one.code);
    CHECK(code.value() == number_of(one.code));
    CHECK(code.category() == api_errc_category());
    CHECK(code.message() == one.name);
  }
}

TEST_CASE("values that are no code have a message too") {
  for (const int value : {-1, 0, 20, 255, 256, 257, 1000000, -2147483647 - 1, 2147483647}) {
    const std::error_code code(value, api_errc_category());
    CHECK(code.message() == "unknown code");
  }
}

TEST_CASE("codes with an honest counterpart compare equal to it, and to no other condition") {
  const std::errc conditions[] = {std::errc::invalid_argument, std::errc::permission_denied, std::errc::message_size,
                                  std::errc::protocol_error, std::errc::timed_out};
  for (const Expected& one : expected) {
    INFO(one.name);
    const std::errc* right = nullptr;
    switch (one.code) {
      case ApiErrc::ecosystem_invalid:
      case ApiErrc::ecosystem_missing:
      case ApiErrc::query_field_not_allowed:
      case ApiErrc::body_parameters_missing:
      case ApiErrc::client_type_invalid:
      case ApiErrc::client_type_missing:
      case ApiErrc::body_parameter_invalid:
      case ApiErrc::body_parameter_characters_invalid: right = &conditions[0]; break;
      case ApiErrc::unauthorized:
      case ApiErrc::token_kind_forbidden:
      case ApiErrc::forbidden: right = &conditions[1]; break;
      case ApiErrc::content_too_large: right = &conditions[2]; break;
      case ApiErrc::bad_request: right = &conditions[3]; break;
      case ApiErrc::request_timeout: right = &conditions[4]; break;
      case ApiErrc::ecosystem_not_found:
      case ApiErrc::not_found:
      case ApiErrc::method_not_allowed:
      case ApiErrc::uri_too_long:
      case ApiErrc::header_fields_too_large: break;
    }
    for (const std::errc& condition : conditions) {
      CHECK((make_error_code(one.code) == condition) == (&condition == right));
    }
  }
  // Values outside the table have only themselves as a condition.
  for (const int value : {0, 20, 257, 256 + 10, -255}) {
    CHECK(std::error_code(value, api_errc_category()) != std::errc::invalid_argument);
    CHECK(std::error_code(value, api_errc_category()) != std::errc::permission_denied);
  }
}
