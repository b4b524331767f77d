// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Any refusal: written as a response it is read back as an equal one, and its JSON is what the model writes.
#include "target.hpp"

#include <droplit/detail/utf8.hpp>
#include <droplit/response.hpp>

#include "support/model/contract.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz::error {
namespace {

using namespace droplit;

std::optional<std::string> names(Input& in, bool given) {
  const std::string_view text = in.take_until('\n');
  if (!given) return std::nullopt;
  return detail::to_well_formed_utf8(std::string(text));
}

void check(const ApiError& error) {
  const Response response = to_response(error);
  require(response.status == error.status(), "a refusal has the status of its row");
  const auto again = read_error(response);
  require(again == error, "a refusal is read back from what is written of it", response.body);
  const auto outcome = read_response(response);
  require(outcome.has_error() && outcome.assume_error() == error, "a response to a refusal is the refusal");
  if (row(error.code()).form != ResponseForm::entries) return;
  std::vector<model::Entry> entries;
  for (const Violation each : error.violations()) {
    entries.push_back(
        {"", std::string(to_string(each.location)), std::string(each.message), std::string(to_string(each.field))});
  }
  require(response.body == model::refusal(entries).body, "the JSON is the model's", response.body);
}

void run(std::string_view input) {
  Input in(input);
  const std::uint8_t which = in.byte();
  if (which % 8 == 7) {  // of one code
    check(ApiError::idempotency_key_reused());
    check(ApiError::ecosystem_invalid());
    EcosystemId::Bytes bytes{};
    for (auto& each : bytes) each = in.byte();
    check(ApiError::ecosystem_not_found(EcosystemId(bytes)));
    const std::size_t code = in.byte() % api_errc_table.size();
    if (const auto error = detail::CodeOnly::make(api_errc_table[code])) {
      const Response response = to_response(*error);
      require(response.status == error->status(), "a refusal has the status of its row");
      const auto again = read_error(response);
      require(!again || again->status() == error->status(), "a refusal is read as one of the same status");
    }
    return;
  }
  Findings findings;
  const std::uint8_t flaws = in.byte();
  const std::uint8_t further = in.byte();
  findings.body_missing = (which & 8) != 0;
  findings.key_invalid = (which & 16) != 0;
  for (std::size_t i = 0; i != findings.flaws.size(); ++i) {
    findings.flaws[i] = static_cast<Findings::Flaw>((flaws >> 2 * i) & 3);
    const bool is_text = client_fields[i].kind == FieldKind::text;
    if (!is_text && findings.flaws[i] == Findings::Flaw::characters) findings.flaws[i] = Findings::Flaw::invalid;
  }
  findings.query_fields = names(in, (further & 1) != 0);
  findings.body_fields = names(in, (further & 2) != 0);
  if (const auto error = ApiError::from(findings)) check(*error);
}

const Registered registered({"error", run});

}  // namespace
}  // namespace fuzz::error
