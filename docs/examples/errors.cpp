// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/client_draft.hpp>
#include <droplit/error_messages.hpp>
#include <droplit/response.hpp>

#include <iostream>
#include <string>
#include <system_error>

// A wording of one's own: by code, and by field where that says more.
std::string in_german(const droplit::Violation& violation) {
  switch (violation.code) {
    case droplit::ApiErrc::ecosystem_invalid: return "ist keine ecosystem-id";
    case droplit::ApiErrc::client_type_invalid: return "muss application oder server sein";
    default: return std::string(violation.message);
  }
}

int main() {
  const auto draft = droplit::ClientDraft::make({.ecosystem_id = "Lobby", .type = "gateway", .name = "Panel"});
  if (!draft.has_error()) return 1;
  const droplit::ApiError& error = draft.error();

  for (const std::string& line : to_lines(error)) std::cout << line << '\n';             // for people
  for (const std::string& line : to_lines(error, in_german)) std::cout << line << '\n';  // in their language
  for (const droplit::FieldMessages& each : to_field_messages(error)) {                  // for a form
    std::cout << to_string(each.field) << " has " << each.messages.size() << " message: " << each.messages[0] << '\n';
  }
  const droplit::Response response = to_response(error);  // for the wire
  std::cout << response.status << ' ' << response.body << '\n';
  std::cout << doc_url(error.code()) << '\n';  // where the code is described

  // What went onto the wire comes back equal.
  if (droplit::read_error(response) != error) return 1;

  // The error is a std::error_code too, and `.value()` throws the whole of it.
  if (make_error_code(error) != std::errc::invalid_argument) return 1;
  try {
    static_cast<void>(draft.value());
    return 1;
  } catch (const droplit::ApiException& thrown) {
    return thrown.error() == error ? 0 : 1;
  }
}
