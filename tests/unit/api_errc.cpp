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

struct Expected {
  ApiErrc code;
  std::string_view name;
  int status;
  ResponseForm form;
  std::string_view message;
  bool closes;
  std::errc condition;
  int exit_status;
  Source source;
};

// Typed from the contract, not copied from the table.
constexpr auto json = ResponseForm::entries;
constexpr Expected expected[] = {
    {ApiErrc::ecosystem_invalid, "Ecosystem Invalid", 400, json, "invalid id", false, std::errc::invalid_argument, 1,
     Source::page},
    {ApiErrc::ecosystem_missing, "Ecosystem Missing", 400, json, "field is required", false,
     std::errc::invalid_argument, 1, Source::page},
    {ApiErrc::query_field_not_allowed, "Query Field Not Allowed", 400, json,
     "contains fields that are not allowed: [ $ ]", false, std::errc::invalid_argument, 1, Source::page},
    {ApiErrc::body_parameters_missing, "Body Parameters Missing", 400, json, "field is required", false,
     std::errc::invalid_argument, 1, Source::page},
    {ApiErrc::client_type_invalid, "Client Type Invalid", 400, json,
     "field must be one of the following values: application, server", false, std::errc::invalid_argument, 1,
     Source::page},
    {ApiErrc::client_type_missing, "Client Type Missing", 400, json, "field is required", false,
     std::errc::invalid_argument, 1, Source::page},
    {ApiErrc::ecosystem_not_found, "Ecosystem Not Found", 404, ResponseForm::text,
     "Ecosystem with id $ does not exist.", false, std::errc(), 1, Source::page},
    {ApiErrc::body_parameter_invalid, "Body Parameter Invalid", 400, json, "expected field to be a string", false,
     std::errc::invalid_argument, 1, Source::sibling},
    {ApiErrc::body_parameter_characters_invalid, "Body Parameter Characters Invalid", 400, json,
     "contains characters that are not allowed", false, std::errc::invalid_argument, 1, Source::ours},
    {ApiErrc::unauthorized, "Unauthorized", 401, ResponseForm::empty, "", false, std::errc::permission_denied, 3,
     Source::sibling},
    {ApiErrc::token_kind_forbidden, "Token Kind Forbidden", 403, ResponseForm::text, "Token type not permitted!", false,
     std::errc::permission_denied, 3, Source::sibling},
    {ApiErrc::forbidden, "Forbidden", 403, ResponseForm::empty, "", false, std::errc::permission_denied, 3,
     Source::sibling},
    {ApiErrc::not_found, "Not Found", 404, ResponseForm::empty, "", false, std::errc(), 1, Source::ours},
    {ApiErrc::method_not_allowed, "Method Not Allowed", 405, ResponseForm::empty, "", false, std::errc(), 1,
     Source::ours},
    {ApiErrc::content_too_large, "Content Too Large", 413, ResponseForm::empty, "", true, std::errc::message_size, 1,
     Source::ours},
    {ApiErrc::bad_request, "Bad Request", 400, ResponseForm::empty, "", true, std::errc::protocol_error, 1,
     Source::ours},
    {ApiErrc::request_timeout, "Request Timeout", 408, ResponseForm::empty, "", true, std::errc::timed_out, 1,
     Source::ours},
    {ApiErrc::uri_too_long, "URI Too Long", 414, ResponseForm::empty, "", true, std::errc(), 1, Source::ours},
    {ApiErrc::header_fields_too_large, "Header Fields Too Large", 431, ResponseForm::empty, "", true, std::errc(), 1,
     Source::ours},
    {ApiErrc::idempotency_key_invalid, "Idempotency Key Invalid", 400, json, "invalid idempotency key", false,
     std::errc::invalid_argument, 1, Source::ours},
    {ApiErrc::idempotency_key_reused, "Idempotency Key Reused", 422, json,
     "idempotency key was used with other parameters", false, std::errc::invalid_argument, 1, Source::ours},
};

consteval bool the_table_has_each_code_once_and_in_order() {
  if (api_errc_table.size() != std::size(expected)) return false;
  for (std::size_t i = 0; i != api_errc_table.size(); ++i) {
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
    CHECK(got.closes == one.closes);
    CHECK(got.condition == one.condition);
    CHECK(got.exit_status == one.exit_status);
    CHECK(got.source == one.source);
  }
}

static_assert(to_string(ApiErrc{}).empty() && to_string(static_cast<ApiErrc>(255)).empty());
static_assert(to_string(static_cast<ApiErrc>(api_errc_table.size() + 1)).empty());

TEST_CASE("names and sentences are there once each") {
  std::set<std::string_view> names;
  std::set<std::string_view> sentences;
  for (const ApiErrcRow& one : api_errc_table) {
    INFO(one.name);
    names.insert(one.name);
    sentences.insert(one.sentence);
    CHECK(one.sentence.ends_with('.'));
  }
  CHECK(names.size() == api_errc_table.size());
  CHECK(sentences.size() == api_errc_table.size());
}

TEST_CASE("a code is an error code of the category droplit, and never reads as success") {
  CHECK(api_errc_category().name() == std::string("droplit"));
  CHECK(&api_errc_category() == &api_errc_category());
  for (const Expected& one : expected) {
    const std::error_code code = one.code;
    CHECK(bool(code));
    CHECK(code == one.code);
    CHECK(code.value() == static_cast<int>(one.code));
    CHECK(code.category() == api_errc_category());
    CHECK(code.message() == one.name);
  }
}

TEST_CASE("values that are no code have a message too") {
  for (const int value : {-1, 0, 22, 255, 256, 257, 1000000, -2147483647 - 1, 2147483647}) {
    const std::error_code code(value, api_errc_category());
    CHECK(code.message() == "unknown code");
  }
}

TEST_CASE("codes with an honest counterpart compare equal to it, and to no other condition") {
  const std::errc conditions[] = {std::errc::invalid_argument, std::errc::permission_denied, std::errc::message_size,
                                  std::errc::protocol_error, std::errc::timed_out};
  for (const Expected& one : expected) {
    INFO(one.name);
    for (const std::errc& condition : conditions) {
      CHECK((make_error_code(one.code) == condition) == (condition == one.condition));
    }
  }
  // Values outside the table have only themselves as a condition.
  for (const int value : {0, 22, 257, 256 + 10, -255}) {
    CHECK(std::error_code(value, api_errc_category()) != std::errc::invalid_argument);
    CHECK(std::error_code(value, api_errc_category()) != std::errc::permission_denied);
  }
}

static_assert(doc_url(ApiErrc::ecosystem_invalid) == "docs/errors.md#ecosystem-invalid");
static_assert(doc_url(ApiErrc::uri_too_long) == "docs/errors.md#uri-too-long");
static_assert(doc_url(ApiErrc{}).empty());

TEST_CASE("a value that is no code has no name and no section") {
  for (const int value : {0, 22, 255}) {
    CAPTURE(value);
    const auto code = static_cast<ApiErrc>(value);
    CHECK(to_string(code).empty());
    CHECK(doc_url(code).empty());
    CHECK(doc_url(code, "https://example.com/errors.html") == "https://example.com/errors.html");
  }
}

TEST_CASE("every code has a section of its own in the documentation, in any copy of the page") {
  std::set<std::string_view> urls;
  for (const ApiErrcRow& row : api_errc_table) {
    CAPTURE(row.name);
    const std::string_view url = doc_url(row.code);
    CHECK(urls.insert(url).second);
    CHECK(url.data()[url.size()] == '\0');
    CHECK(url.starts_with("docs/errors.md#"));
    CHECK(url.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", 15) == std::string_view::npos);
    CHECK(doc_url(row.code, "https://example.com/errors.html") ==
          "https://example.com/errors.html" + std::string(url.substr(14)));
    CHECK(doc_url(row.code, "") == url.substr(14));
  }
}
