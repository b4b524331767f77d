// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

// The codes and their category look the same however a file is compiled, so that there is one category in a process.
namespace droplit::inline v0 {

/// Every way in which the API refuses a call. The values start at 1, since an error code of value 0 means success.
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
  idempotency_key_invalid,
  idempotency_key_reused,
};

/// The source of a code: the vendor's page of the endpoint, its pages of other endpoints of the API, or this library
/// (ours).
enum class Source : std::uint8_t { page, sibling, ours };

/// The body of a response with a code: `InvalidParams` entries as JSON, a line of text, or none.
enum class ResponseForm : std::uint8_t { entries, text, empty };

/// One row of the table of codes: all properties of a code for the wire, the documentation and the programs.
struct ApiErrcRow {
  ApiErrc code;               ///< the code that the row is about
  std::string_view name;      ///< as documented
  std::uint16_t status;       ///< of HTTP
  ResponseForm form;          ///< of the body
  std::string_view message;   ///< of an entry, or the text; `$` is replaced by names of fields or an ecosystem's id
  bool closes;                ///< the connection ends after this response
  std::errc condition;        ///< the equivalent POSIX error; `std::errc()` for none
  std::uint8_t exit_status;   ///< of the Console
  Source source;              ///< of the code
  std::string_view sentence;  ///< when the API gives it

  /// True if the message has a place for names or an id.
  [[nodiscard]] constexpr bool has_blank() const noexcept { return message.find('$') != std::string_view::npos; }
};

/// The closed table of codes, in the order of the enumerators, one row each. Everything that depends on a code is read
/// from its row: a new code is an enumerator and a row.
inline constexpr auto api_errc_table = std::to_array<ApiErrcRow>({
    // clang-format off
    {ApiErrc::ecosystem_invalid, "Ecosystem Invalid", 400, ResponseForm::entries, "invalid id", false, std::errc::invalid_argument, 1, Source::page, "The ecosystem's ID is malformed, or no ecosystem ever had it."},
    {ApiErrc::ecosystem_missing, "Ecosystem Missing", 400, ResponseForm::entries, "field is required", false, std::errc::invalid_argument, 1, Source::page, "The ecosystem's ID is missing. Unknown members are listed before it: one may be its misspelled name."},
    {ApiErrc::query_field_not_allowed, "Query Field Not Allowed", 400, ResponseForm::entries, "contains fields that are not allowed: [ $ ]", false, std::errc::invalid_argument, 1, Source::page, "The query has fields, and none is allowed."},
    {ApiErrc::body_parameters_missing, "Body Parameters Missing", 400, ResponseForm::entries, "field is required", false, std::errc::invalid_argument, 1, Source::page, "The body cannot be read as a JSON object, or it has neither required parameter."},
    {ApiErrc::client_type_invalid, "Client Type Invalid", 400, ResponseForm::entries, "field must be one of the following values: application, server", false, std::errc::invalid_argument, 1, Source::page, "The client's type is not one of the allowed values."},
    {ApiErrc::client_type_missing, "Client Type Missing", 400, ResponseForm::entries, "field is required", false, std::errc::invalid_argument, 1, Source::page, "The client's type is missing."},
    {ApiErrc::ecosystem_not_found, "Ecosystem Not Found", 404, ResponseForm::text, "Ecosystem with id $ does not exist.", false, std::errc(), 1, Source::page, "The ecosystem existed once and was deleted."},
    {ApiErrc::body_parameter_invalid, "Body Parameter Invalid", 400, ResponseForm::entries, "expected field to be a string", false, std::errc::invalid_argument, 1, Source::sibling, "An optional parameter is not a string."},
    {ApiErrc::body_parameter_characters_invalid, "Body Parameter Characters Invalid", 400, ResponseForm::entries, "contains characters that are not allowed", false, std::errc::invalid_argument, 1, Source::ours, "A text contains U+0000."},
    {ApiErrc::unauthorized, "Unauthorized", 401, ResponseForm::empty, "", false, std::errc::permission_denied, 3, Source::sibling, "The token is missing or unknown."},
    {ApiErrc::token_kind_forbidden, "Token Kind Forbidden", 403, ResponseForm::text, "Token type not permitted!", false, std::errc::permission_denied, 3, Source::sibling, "The token is neither an account's nor a server's."},
    {ApiErrc::forbidden, "Forbidden", 403, ResponseForm::empty, "", false, std::errc::permission_denied, 3, Source::sibling, "The token's holder may not create clients in this ecosystem."},
    {ApiErrc::not_found, "Not Found", 404, ResponseForm::empty, "", false, std::errc(), 1, Source::ours, "The target is not one of the API's."},
    {ApiErrc::method_not_allowed, "Method Not Allowed", 405, ResponseForm::empty, "", false, std::errc(), 1, Source::ours, "The target does not have this method. The field `allow` lists those that it has."},
    {ApiErrc::content_too_large, "Content Too Large", 413, ResponseForm::empty, "", true, std::errc::message_size, 1, Source::ours, "The body is longer than the server accepts."},
    {ApiErrc::bad_request, "Bad Request", 400, ResponseForm::empty, "", true, std::errc::protocol_error, 1, Source::ours, "The request is not valid HTTP."},
    {ApiErrc::request_timeout, "Request Timeout", 408, ResponseForm::empty, "", true, std::errc::timed_out, 1, Source::ours, "The request took too long to arrive."},
    {ApiErrc::uri_too_long, "URI Too Long", 414, ResponseForm::empty, "", true, std::errc(), 1, Source::ours, "The target is too long."},
    {ApiErrc::header_fields_too_large, "Header Fields Too Large", 431, ResponseForm::empty, "", true, std::errc(), 1, Source::ours, "The header fields are too long."},
    {ApiErrc::idempotency_key_invalid, "Idempotency Key Invalid", 400, ResponseForm::entries, "invalid idempotency key", false, std::errc::invalid_argument, 1, Source::ours, "The idempotency key is malformed, empty, or given twice."},
    {ApiErrc::idempotency_key_reused, "Idempotency Key Reused", 422, ResponseForm::entries, "idempotency key was used with other parameters", false, std::errc::invalid_argument, 1, Source::ours, "The idempotency key belongs to a create with other parameters."},
    // clang-format on
});

/// The row of `code`, which is one of the enumerators.
constexpr const ApiErrcRow& row(ApiErrc code) noexcept { return api_errc_table[static_cast<std::size_t>(code) - 1]; }

namespace process {

constexpr bool is_code(int value) noexcept { return value > 0 && value <= static_cast<int>(api_errc_table.size()); }

consteval bool is_in_order() {
  for (std::size_t i = 0; i != api_errc_table.size(); ++i) {
    if (static_cast<std::size_t>(api_errc_table[i].code) != i + 1) return false;
  }
  return true;
}
static_assert(is_in_order(), "a row out of the enumerators' order");

// A response without entries is read back by its status and text alone.
consteval bool is_readable() {
  for (const ApiErrcRow& a : api_errc_table) {
    for (const ApiErrcRow& b : api_errc_table) {
      if (a.form == ResponseForm::entries || &a == &b) continue;
      if (a.status == b.status && a.form == b.form && a.message == b.message) return false;
    }
  }
  return true;
}
static_assert(is_readable(), "two codes with the same response");

// `docs/errors.md#ecosystem-invalid`.
struct DocUrl {
  std::array<char, 80> text;
  std::size_t size;

  consteval explicit DocUrl(std::string_view name) : text{}, size(0) {
    for (const char c : std::string_view("docs/errors.md#")) text[size++] = c;
    for (const char c : name)
      text[size++] = c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
};

template <std::size_t... I>
consteval std::array<DocUrl, sizeof...(I)> make_doc_urls(std::index_sequence<I...>) {
  return {DocUrl(api_errc_table[I].name)...};
}

inline constexpr auto doc_urls = make_doc_urls(std::make_index_sequence<api_errc_table.size()>());

class DROPLIT_DETAIL_SHARED ApiErrcCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "droplit"; }

  std::string message(int value) const override {
    if (!is_code(value)) return "unknown code";
    return std::string(row(static_cast<ApiErrc>(value)).name);
  }

  std::error_condition default_error_condition(int value) const noexcept override {
    if (!is_code(value)) return {value, *this};
    const std::errc condition = row(static_cast<ApiErrc>(value)).condition;
    return condition == std::errc() ? std::error_condition(value, *this) : make_error_condition(condition);
  }
};

}  // namespace process

/// The documented name of `code`.
constexpr std::string_view to_string(ApiErrc code) noexcept {
  return process::is_code(static_cast<int>(code)) ? row(code).name : std::string_view();
}

/// The section about `code` in this project's documentation: `docs/errors.md#ecosystem-invalid`, relative to the root
/// of the repository. It does not change from version to version. The text ends with a NUL.
constexpr std::string_view doc_url(ApiErrc code) noexcept {
  if (!process::is_code(static_cast<int>(code))) return "";
  const process::DocUrl& url = process::doc_urls[static_cast<std::size_t>(code) - 1];
  return {url.text.data(), url.size};
}

/// The section about `code` in a copy of that page: `page` is its path or URL, without a fragment.
inline std::string doc_url(ApiErrc code, std::string_view page) {
  const std::string_view url = doc_url(code);
  return std::string(page).append(url.empty() ? url : url.substr(url.find('#')));
}

/// The category of `ApiErrc`, named "droplit". A code compares equal to the `std::errc` in the column `condition` of
/// its row, if there is one.
///
/// One object in a process, so that codes compare equal across shared objects: with g++ always, with clang++ where the
/// program exports its symbols (-rdynamic; CMake: ENABLE_EXPORTS).
DROPLIT_DETAIL_SHARED inline const std::error_category& api_errc_category() noexcept {
  static const process::ApiErrcCategory category;
  return category;
}

/// The code as a `std::error_code`, for the standard library's constructor.
inline std::error_code make_error_code(ApiErrc code) noexcept { return {static_cast<int>(code), api_errc_category()}; }

}  // namespace droplit::inline v0

template <>
struct droplit::detail::Print<droplit::ApiErrc> : PrintName<droplit::ApiErrc> {};

template <>
struct std::is_error_code_enum<droplit::ApiErrc> : std::true_type {};
