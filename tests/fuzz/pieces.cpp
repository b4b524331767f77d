// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A body whole, in pieces and by a parser that was used before: all read what the model reads. The first byte says
// where the body is cut.
#include "json_mutator.hpp"
#include "target.hpp"

#include <droplit/draft_parser.hpp>

#include "support/model/contract.hpp"
#include "support/model/drafts.hpp"
#include "support/piece.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace fuzz::pieces {
namespace {

using namespace droplit;

Outcome<ClientDraft> read_in_pieces(DraftParser& parser, std::string_view body, Random random) {
  bool goes_on = true;
  while (body.size() > 1) {
    const std::size_t size = std::min(body.size() - 1, 1 + random.below(random.one_in(2) ? 3 : body.size()));
    const bool accepted = parser.write(test::Piece(body.substr(0, size)));
    require(goes_on || !accepted, "what is invalid stays so");
    goes_on = accepted;
    body.remove_prefix(size);
  }
  auto outcome = parser.finish(test::Piece(body));
  require(goes_on || outcome.has_error(), "what is invalid has no draft");
  return outcome;
}

void run(std::string_view input) {
  Input in(input);
  const Random cuts(in.byte());
  const std::string_view body = in.rest();
  const model::Judged expected = model::judge(std::string(body), {});
  const auto check = [&](const char* how, const Outcome<ClientDraft>& outcome) {
    require(model::same(model::in_models_words(outcome), expected), how, body);
  };
  check("whole", parse_draft(test::Piece(body)));
  DraftParser parser;
  check("in pieces", read_in_pieces(parser, body, cuts));
  parser.reset();
  static_cast<void>(parser.write(test::Piece(body.substr(0, body.size() / 2))));
  parser.reset();
  check("whole, after half of it", parser.finish(test::Piece(body)));
  parser.reset();
  check("in pieces once more", read_in_pieces(parser, body, cuts));
}

const Registered registered({"pieces", run, mutate_json, 1});

}  // namespace
}  // namespace fuzz::pieces
