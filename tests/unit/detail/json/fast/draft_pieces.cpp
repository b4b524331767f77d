// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/fast/draft_pieces.hpp>

#include <droplit/draft_parser.hpp>

#include "support/catch.hpp"
#include "support/thread_allocations.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace droplit;

constexpr std::size_t least_enough = 16;

const std::string start = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server")";

bool same(const Outcome<ClientDraft>& a, const Outcome<ClientDraft>& b) {
  if (a.has_value()) return b.has_value() && a.assume_value() == b.assume_value();
  return b.has_error() && a.assume_error() == b.assume_error();
}

/// Writes a piece that has exactly its own memory, which is gone afterwards.
bool write(detail::DraftPieces& pieces, std::string_view piece) {
  const auto memory = std::make_unique<char[]>(piece.size());
  piece.copy(memory.get(), piece.size());
  return pieces.write({memory.get(), piece.size()});
}

Outcome<ClientDraft> in_pieces_of(std::size_t size, std::string_view body, std::size_t enough) {
  detail::DraftPieces pieces(enough);
  for (; body.size() > size; body.remove_prefix(size)) write(pieces, body.substr(0, size));
  write(pieces, body);
  return pieces.finish({}, std::nullopt);
}

const std::vector<std::string> bodies{
    start +
        R"(,"name":"Lobby panel, Lobby panel, Lobby panel","description":"\ud83d\ude00\\\"\u00e9\\\\ \ud83d\ude00"})",
    start +
        ",\"name\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xC3\xA9\xE2\x82\xAC\"}",
    start + R"(,"name":"first, which is long enough to be cut","name":"second, which is long enough too"})",
    start + R"(,"name":"a NUL that refuses the text \u0000 here","name":null})",
    start + R"(,"name":"a NUL that refuses the text \u0000 here"})",
    start + R"(,"x":[{"a":[1,2.5e3,"text of some length, escaped \n"],"b":{}},[],[[true]],{"c":null}],"name":"n"})",
    start + R"(,"x":"a long text that nobody needs, with \ud83d\ude00 in it and more","y":[],"z":{ } } )",
    R"({"type":"server","a long name of a member that is unknown":1,"b":{"c":[1,{"d":2}]},"b":[1,2,3],"":"x","b\u0062":0})",
    R"({"type":"server","other":[1,2,[3,4,[5,6,"a text that is not short at all"]]],"ecosystemId":null,"name":7})",
    start + R"(,"x":[1,123456789012345678901234567890123456789012345678901234567890,2]})",
    start + R"(,"x":{"a name in an object that is longer than any that is expected":1,"b":2}})",
    start + R"(,"x":12345678901234567890.25,"y":-1.5e-10,"name":"a text of some length","name":1234567.25e10})",
    start + R"(,"x":[1e00000000000000000000000001,1],"t\u0079pe":"application"})",
    start + R"(,"t\u0079pe":"application","x":[1e00000000000000000000000001,{"a":-2.5E-99999999999}]})",
    start +
        "                                                        ,\"name\":\"n\"}                                    ",
    "{}",
    " { } ",
    ""};

const std::vector<std::string> invalid{start + R"(,"x":[1,2 .5]})",
                                       start + R"(,"x":{"a":{} .5}})",
                                       start + R"( .5,"name":"something that is long enough to be cut"})",
                                       start + R"(,"x":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,]})",
                                       start + R"(,"x":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,}})",
                                       start + R"(,"x":{"a":[1,2,3,4,5,6,7,8,9,10,11,12}})",
                                       start + R"(,"name":"a lonely half \ud83d of a pair, and then more"})",
                                       start + R"(,"x":["a lonely half \ud83d of a pair, and then more"]})",
                                       start + ",\"name\":\"a control character \n and then more\"}",
                                       start + ",\"x\":\"a control character \n and then more text\"}",
                                       start + ",\"name\":\"a text that has no end but this line's\n}",
                                       start + ",\"name\":\"half a character \xC3 and then more text\"}",
                                       start + ",\"x\":[\"half a character \xE2\x82\"]}",
                                       start + R"(,"name":"an escape that is none \x, and then more"})",
                                       start + R"(,})",
                                       start + "} }",
                                       start + ",\"x\":" + std::string(32, '[') + std::string(32, ']') + "}"};

}  // namespace

TEST_CASE("where a long body is cut does not matter, whoever of the two readers goes on") {
  for (const auto* const all : {&bodies, &invalid}) {
    for (const std::string& body : *all) {
      INFO(body);
      const auto whole = detail::DraftStream().finish(body, std::nullopt);
      for (std::size_t enough = least_enough; enough != 192; ++enough) {
        for (std::size_t size = 1; size < body.size() + 2; size += 1 + size / 8) {
          if (!same(in_pieces_of(size, body, enough), whole)) FAIL_CHECK("pieces of " << size << ", enough " << enough);
        }
      }
    }
  }
}

TEST_CASE("every beginning of a body that is not all of it is refused") {
  for (const std::string& body : bodies) {
    for (std::size_t size = 0; size + 1 < body.size(); ++size) {
      const auto cut = std::string_view(body).substr(0, size);
      const auto whole = detail::DraftStream().finish(cut, std::nullopt);
      if (!same(in_pieces_of(20, cut, 64), whole)) FAIL_CHECK(cut);
    }
  }
}

TEST_CASE("write says that a long body is invalid before its end") {
  for (const std::string& body : invalid) {
    INFO(body);
    const std::string more(10'000, ' ');
    detail::DraftPieces pieces;
    write(pieces, body);
    CHECK_FALSE(write(pieces, more + "," + more));
    CHECK_FALSE(write(pieces, "}"));
    CHECK(same(pieces.finish({}, std::nullopt), detail::unreadable_body(std::nullopt)));
  }
}

TEST_CASE("1 MiB of texts and members in pieces of any size is read as it is whole") {
  std::string text;
  while (text.size() < 1'000'000) text += "Lobby panel \\ud83d\\ude00 \xC3\xA9\xE2\x82\xAC \\n ";
  std::string members;
  while (members.size() < 1'000'000) members += R"("x1":{"a":[1,-2.5e3,"text"],"b":null},"other":"text",)";
  std::mt19937 random(3);
  for (const std::string& body : {start + ",\"description\":\"" + text + "\"}", start + ",\"x\":\"" + text + "\"}",
                                  start + ",\"x\":[{" + members + "\"n\":1}]}", "{" + members + start.substr(1) + "}",
                                  "{" + members + R"("type":"server"})"}) {
    const auto whole = parse_draft(body);
    for (const std::size_t longest : {700u, 4'096u, 5'000u, 20'000u, 200'000u}) {
      DraftParser parser;
      std::string_view rest = body;
      while (!rest.empty()) {
        const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random() % longest);
        if (!parser.write(rest.substr(0, size))) FAIL_CHECK("refused early, pieces to " << longest);
        rest.remove_prefix(size);
      }
      if (!same(parser.finish(), whole)) FAIL_CHECK("pieces to " << longest);
    }
  }
}

TEST_CASE("what can be read where it is takes no memory, what is gathered is one block, and no other reader is made") {
  const std::string read = start + R"(,"name":"Lobby)";
  const std::string gathered = R"( panel","description":)" + std::string(100, ' ');
  const auto pieces = std::make_unique<detail::DraftPieces>();  // so that a sanitizer sees what is not set
  const std::size_t before = test::allocations;
  pieces->write(read);
  const std::size_t after_read = test::allocations;
  for (const char& c : gathered) pieces->write({&c, 1});
  const bool is_draft = pieces->finish("null}", std::nullopt).has_value();
  const std::size_t after = test::allocations;
  CHECK(is_draft);
  CHECK(after_read == before);
  CHECK(after == before + 1);
}
