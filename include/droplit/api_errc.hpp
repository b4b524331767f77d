// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "detail/config.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

// The codes and their category look the same however a file is compiled, so that there is one category in a process.
namespace droplit::inline v0 {

/// Every way in which the API refuses a call. The values start at 1, since an error code of value 0 reads as success.
enum class ApiErrc : std::uint8_t {
  ecosystem_invalid = 1,
  ecosystem_missing,
  query_field_not_allowed,
  body_parameters_missing,
  client_type_invalid,
  client_type_missing,
  ecosystem_not_found,
  body_parameter_invalid,
  body_parameter_characters_invalid,
  unauthorized,
  token_kind_forbidden,
  forbidden,
  not_found,
  method_not_allowed,
  content_too_large,
  bad_request,
  request_timeout,
  uri_too_long,
  header_fields_too_large,
};

/// Who says that a code exists: the endpoint's own page, sibling pages of the same API, or this library (ours).
enum class Source : std::uint8_t { page, sibling, ours };

/// What an answer with a code carries: `InvalidParams` entries as JSON, a line of text, or no body.
enum class AnswerForm : std::uint8_t { entries, text, empty };

/// One row of the table of codes: all that the wire, the documentation and the Console say of a code.
struct ApiErrcRow {
  ApiErrc code;
  std::string_view name;  ///< as documented
  std::uint16_t status;   ///< of HTTP
  AnswerForm form;
  std::string_view message;  ///< of an entry, or the text; a name list or an id may take its place, see error.hpp
  std::uint8_t exit_status;  ///< of the Console
  Source source;
};

/// The closed table of codes, in the order of the enumerators, one row each.
inline constexpr std::array<ApiErrcRow, 19> api_errc_table{{
    // clang-format off
    {ApiErrc::ecosystem_invalid, "Ecosystem Invalid", 400, AnswerForm::entries, "invalid id", 1, Source::page},
    {ApiErrc::ecosystem_missing, "Ecosystem Missing", 400, AnswerForm::entries, "field is required", 1, Source::page},
    {ApiErrc::query_field_not_allowed, "Query Field Not Allowed", 400, AnswerForm::entries, "", 1, Source::page},
    {ApiErrc::body_parameters_missing, "Body Parameters Missing", 400, AnswerForm::entries, "field is required", 1, Source::page},
    {ApiErrc::client_type_invalid, "Client Type Invalid", 400, AnswerForm::entries, "field must be one of the following values: application, server", 1, Source::page},
    {ApiErrc::client_type_missing, "Client Type Missing", 400, AnswerForm::entries, "field is required", 1, Source::page},
    {ApiErrc::ecosystem_not_found, "Ecosystem Not Found", 404, AnswerForm::text, "", 1, Source::page},
    {ApiErrc::body_parameter_invalid, "Body Parameter Invalid", 400, AnswerForm::entries, "expected field to be a string", 1, Source::sibling},
    {ApiErrc::body_parameter_characters_invalid, "Body Parameter Characters Invalid", 400, AnswerForm::entries, "contains characters that are not allowed", 1, Source::ours},
    {ApiErrc::unauthorized, "Unauthorized", 401, AnswerForm::empty, "", 3, Source::sibling},
    {ApiErrc::token_kind_forbidden, "Token Kind Forbidden", 403, AnswerForm::text, "Token type not permitted!", 3, Source::sibling},
    {ApiErrc::forbidden, "Forbidden", 403, AnswerForm::empty, "", 3, Source::sibling},
    {ApiErrc::not_found, "Not Found", 404, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::method_not_allowed, "Method Not Allowed", 405, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::content_too_large, "Content Too Large", 413, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::bad_request, "Bad Request", 400, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::request_timeout, "Request Timeout", 408, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::uri_too_long, "URI Too Long", 414, AnswerForm::empty, "", 1, Source::ours},
    {ApiErrc::header_fields_too_large, "Header Fields Too Large", 431, AnswerForm::empty, "", 1, Source::ours},
    // clang-format on
}};

/// The row of `code`, which is one of the enumerators.
constexpr const ApiErrcRow& row(ApiErrc code) noexcept { return api_errc_table[static_cast<std::size_t>(code) - 1]; }

/// The documented name of `code`.
constexpr std::string_view to_string(ApiErrc code) noexcept { return row(code).name; }

namespace process {

consteval bool each_code_has_its_row() {
  for (std::size_t i = 0; i != api_errc_table.size(); ++i) {
    if (static_cast<std::size_t>(api_errc_table[i].code) != i + 1) return false;
  }
  return static_cast<std::size_t>(ApiErrc::header_fields_too_large) == api_errc_table.size();
}
static_assert(each_code_has_its_row(), "a code without a row, or a row out of order");

class DROPLIT_DETAIL_SHARED ApiErrcCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "droplit"; }

  std::string message(int value) const override {
    if (!is_code(value)) return "unknown code";
    return std::string(row(static_cast<ApiErrc>(value)).name);
  }

  std::error_condition default_error_condition(int value) const noexcept override {
    if (!is_code(value)) return {value, *this};  // the switch would see its lowest byte only
    switch (static_cast<ApiErrc>(value)) {
      case ApiErrc::ecosystem_invalid:
      case ApiErrc::ecosystem_missing:
      case ApiErrc::query_field_not_allowed:
      case ApiErrc::body_parameters_missing:
      case ApiErrc::client_type_invalid:
      case ApiErrc::client_type_missing:
      case ApiErrc::body_parameter_invalid:
      case ApiErrc::body_parameter_characters_invalid: return std::errc::invalid_argument;
      case ApiErrc::unauthorized:
      case ApiErrc::token_kind_forbidden:
      case ApiErrc::forbidden: return std::errc::permission_denied;
      case ApiErrc::content_too_large: return std::errc::message_size;
      case ApiErrc::bad_request: return std::errc::protocol_error;
      case ApiErrc::request_timeout: return std::errc::timed_out;
      case ApiErrc::ecosystem_not_found:  // POSIX has no word for these
      case ApiErrc::not_found:
      case ApiErrc::method_not_allowed:
      case ApiErrc::uri_too_long:
      case ApiErrc::header_fields_too_large:
      default: break;
    }
    return {value, *this};
  }

 private:
  static bool is_code(int value) noexcept {
    return value >= 1 && static_cast<std::size_t>(value) <= api_errc_table.size();
  }
};

}  // namespace process

/// The category of `ApiErrc`, named "droplit". Codes that have an honest POSIX counterpart compare equal to that
/// `std::errc`: `invalid_argument`, `permission_denied`, `message_size`, `protocol_error`, `timed_out`.
///
/// One object in a process, so that codes compare equal across shared objects: with g++ always, with clang++ where the
/// program exports its symbols (-rdynamic; CMake: ENABLE_EXPORTS).
DROPLIT_DETAIL_SHARED inline const std::error_category& api_errc_category() noexcept {
  static const process::ApiErrcCategory category;
  return category;
}

inline std::error_code make_error_code(ApiErrc code) noexcept { return {static_cast<int>(code), api_errc_category()}; }

}  // namespace droplit::inline v0

template <>
struct std::is_error_code_enum<droplit::ApiErrc> : std::true_type {};
