// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A whole body: its draft, written again, is read as the same draft; its refusal has a code of the contract.
#include "json_mutator.hpp"
#include "target.hpp"

#include <droplit/draft_parser.hpp>
#include <droplit/json.hpp>

#include "support/piece.hpp"

#include <string>
#include <string_view>

namespace fuzz::draft {
namespace {

using namespace droplit;

void run(std::string_view input) {
  const auto outcome = parse_draft(test::Piece(input));
  require(!outcome.has_exception(), "a body is never a fault");
  if (outcome.has_value()) {
    const ClientDraft& draft = outcome.assume_value();
    std::string body;
    append_json(body, Client(ClientId({}), Timestamp::clamp_unix_millis(0), draft.ecosystem_id(), draft.type(),
                             ClientTexts(ClientTexts::Array(draft.texts()))));
    const auto again = parse_draft(test::Piece(body));
    require(again.has_value() && again.assume_value() == draft, "a draft is read back from what it says", body);
    return;
  }
  const auto violations = outcome.assume_error().violations();
  require(violations.size() != 0 && violations.size() <= ApiError::max_entries, "the list has a bound");
  for (const Violation each : violations) {
    require(row(each.code).form == ResponseForm::entries && row(each.code).status == 400, "a refusal is a 400");
    require(each.location == Location::body && !each.message.empty(), "each entry is of the body");
  }
}

const Registered registered({"draft", run, mutate_json});

}  // namespace
}  // namespace fuzz::draft
