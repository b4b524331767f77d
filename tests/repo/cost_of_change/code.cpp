// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The code `name_taken`, which run.sh adds to a copy of the library, is known everywhere.
#include "check.hpp"

#include <droplit/droplit.hpp>
#include <droplit/openapi.hpp>

#include <string>
#include <system_error>

using namespace droplit;
using cost::check;

int main() {
  const ApiError error = ApiError::of<ApiErrc::name_taken>();
  const Response response = to_response(error);
  check(response.status == 409, "the response has status 409");
  check(response.body == "The name is taken.", "the response has the row's text");
  check(response.fields.get("content-type") == "text/plain; charset=utf-8", "the response is a text");
  check(response.close, "the response closes the connection, as the row says");

  check(read_error(response) == error, "the response is read back as an equal error");
  const auto outcome = read_response(response);
  check(outcome.has_error() && outcome.error() == error, "a call to the service ends in an equal error");

  const std::error_code code = make_error_code(error);
  check(code == ApiErrc::name_taken, "the error code is the enumerator");
  check(code.message() == "Name Taken", "the category has the documented name");
  check(code == std::errc::file_exists, "the error code equals the row's std::errc");
  check(code != ApiErrc::not_found && code != std::errc::invalid_argument, "the error code equals no other");

  const ApiErrcRow& row = droplit::row(ApiErrc::name_taken);
  check(row.status == 409 && row.exit_status == 1 && row.closes, "the row has the Console's exit status");
  check(error.violations().size() == 1 && error.violations()[0].message == "The name is taken.",
        "the one violation has the row's text");

  const std::string document = openapi_json();
  check(document.find("\"Name Taken: Another client has the name.\"") != std::string::npos,
        "the OpenAPI document describes the code");
  check(document.find("\"value\": \"The name is taken.\"") != std::string::npos, "and has an example of it");
  check(document.find("\"#/components/responses/CreateClient409\"") != std::string::npos, "beside its status");
  return cost::failures == 0 ? 0 : 1;
}
