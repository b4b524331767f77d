// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Every reader of bodies reads what the model reads: the streaming one, whole and in pieces, and the fast one.
#include <droplit/draft_parser.hpp>

#include "support/catch.hpp"
#include "support/model/bodies.hpp"
#include "support/model/contract.hpp"
#include "support/model/drafts.hpp"
#include "support/model/size.hpp"
#include "support/piece.hpp"

#include <string>
#include <string_view>

namespace {

using namespace droplit;
using model::in_models_words;
using model::same;

Outcome<ClientDraft> streamed_whole(std::string_view body) {
  return detail::DraftStream().finish(test::Piece(body), std::nullopt);
}

/// What a reader says of the body in pieces, cut at random.
template <class Reader>
Outcome<ClientDraft> read_in_pieces(Reader&& reader, std::string_view body, model::Bodies& random) {
  while (body.size() > 1) {
    const std::size_t size = 1 + random.below(random.one_in(2) ? 3 : body.size());
    if (size >= body.size()) break;
    reader.write(test::Piece(body.substr(0, size)));
    body.remove_prefix(size);
  }
  return reader.finish(test::Piece(body), std::nullopt);
}

}  // namespace

TEST_CASE(
    "streaming whole and in pieces, gathering, and the fast reader whole and in pieces read what the model reads") {
  const unsigned seed = model::seed();
  INFO("seed " << seed);
  model::Bodies bodies(seed);
  std::size_t drafts = 0;
  const std::size_t count = model::how_many(200'000, 2'000'000);
  for (std::size_t i = 0; i != count; ++i) {
    const std::string body = bodies.next();
    const model::Judged expected = model::judge(body, {});
    const model::Judged whole = in_models_words(streamed_whole(body));
    const model::Judged pieces = in_models_words(read_in_pieces(detail::DraftStream(), body, bodies));
    const model::Judged gathered = in_models_words(read_in_pieces(DraftParser(), body, bodies));
    const model::Judged fast = in_models_words(parse_draft(test::Piece(body)));
    const std::size_t enough = 16 + bodies.below(200);
    const model::Judged fast_pieces = in_models_words(read_in_pieces(detail::DraftPieces(enough), body, bodies));
    if (!same(whole, expected) || !same(pieces, expected) || !same(gathered, expected) || !same(fast, expected) ||
        !same(fast_pieces, expected)) {
      INFO("whole " << same(whole, expected) << ", pieces " << same(pieces, expected) << ", gathered "
                    << same(gathered, expected) << ", fast " << same(fast, expected) << ", fast in pieces of " << enough
                    << ' ' << same(fast_pieces, expected));
      FAIL("body " << i << ": " << body);
    }
    if (expected.draft) ++drafts;
  }
  CHECK(drafts > count / 50);  // or the bodies show nothing
  CHECK(drafts < count / 2);
}

TEST_CASE("the model's JSON reader knows the traps") {
  for (const char* const good : {"{}", " [ ] ", "\"\\ud83d\\ude00\"", "-0.0e-0", "1e400", "1e99999999999", "\"\x7F\"", "[[],{}]"}) {
    CHECK(model::read_json(good));
  }
  for (const char* const bad : {"", "01", "1.", "\"\\ud83d\"", "\"\\udc00\"", "\"\\uD800\\uE000\"", "\"\xED\xA0\x80\"",
                                "\"\xC0\x80\"", "[1,]", "{\"a\":1,}", "tru", "\"\n\"", "{} {}", "\xEF\xBB\xBF{}"}) {
    CHECK_FALSE(model::read_json(bad));
  }
  CHECK(model::read_json(std::string(32, '[') + std::string(32, ']')));
  CHECK_FALSE(model::read_json(std::string(33, '[') + std::string(33, ']')));
  CHECK(model::read_json("\"\\ud83d\\ude00\\u0000\"")->text == std::string("\xF0\x9F\x98\x80\0", 5));
}
