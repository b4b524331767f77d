// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/error.hpp>
#include <droplit/fields.hpp>

#include <algorithm>
#include <concepts>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// States a violation in words of its own or in another language, without the name of the field. The response on the
/// wire never depends on it.
template <class W>
concept Wording = std::invocable<W&, const Violation&> &&
    std::convertible_to<std::invoke_result_t<W&, const Violation&>, std::string>;

/// The API's wording: the message that the response has, or the name of the code where it has none.
struct ApiWording {
  /// The message, or the name of the code.
  std::string operator()(const Violation& violation) const {
    return std::string(violation.message.empty() ? to_string(violation.code) : violation.message);
  }
};

/// What is wrong with one field of a request.
struct FieldMessages {
  Field field;  ///< its name is `to_string(field)`; `none` where the refusal is about no field, such as Unauthorized
  std::vector<std::string> messages;  ///< at least one, in the order of the violations

  bool operator==(const FieldMessages&) const = default;
};

/// A refusal for people: one line for each violation, such as `ecosystemId: invalid id`. It begins with the field, or
/// with the part of the request where the names of fields are not allowed.
///
/// A line never has a line feed or what controls a terminal: names of untrusted fields are escaped, as `\n` or
/// `\u{9B}`.
template <Wording W = ApiWording>
std::vector<std::string> to_lines(const ApiError& error, W wording = {}) {
  std::vector<std::string> lines;
  for (const Violation violation : error.violations()) {
    const bool names_fields = violation.field == Field::additional_parameters;
    std::string line(names_fields ? to_string(violation.location) : to_string(violation.field));
    if (!line.empty()) line += ": ";
    const std::string message = wording(violation);
    detail::append_escaped(line, message);
    lines.push_back(std::move(line));
  }
  return lines;
}

/// A refusal for a form: the messages of each field, in the order of the violations. Messages are as the wording gives
/// them, so the names of untrusted fields in them are not escaped.
template <Wording W = ApiWording>
std::vector<FieldMessages> to_field_messages(const ApiError& error, W wording = {}) {
  std::vector<FieldMessages> fields;
  for (const Violation violation : error.violations()) {
    const auto has_field = [&violation](const FieldMessages& each) { return each.field == violation.field; };
    auto at = std::find_if(fields.begin(), fields.end(), has_field);
    if (at == fields.end()) at = fields.insert(at, FieldMessages{violation.field, {}});
    at->messages.push_back(wording(violation));
  }
  return fields;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
