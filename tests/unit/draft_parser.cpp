// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/draft_parser.hpp>

#include "support/catch.hpp"
#include "support/piece.hpp"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using namespace droplit;
using Flaw = Findings::Flaw;

static_assert(!std::is_copy_constructible_v<DraftParser> && !std::is_move_constructible_v<DraftParser>);
static_assert(!std::is_copy_assignable_v<DraftParser> && std::is_default_constructible_v<DraftParser>);

namespace {

const std::string id = "C594b89aea18568c408c3ad24";
const std::string right = R"("ecosystemId":"C594b89aea18568c408c3ad24","type":"server")";

std::string with(const std::string& value) { return "{" + right + ",\"x\":" + value + "}"; }

using test::Piece;

bool same(const Outcome<ClientDraft>& a, const Outcome<ClientDraft>& b) {
  if (a.has_value() != b.has_value() || a.has_error() != b.has_error()) return false;
  return a.has_value() ? a.assume_value() == b.assume_value() : a.assume_error() == b.assume_error();
}

const ApiError unreadable = *ApiError::from({{}, {}, true, {Flaw{}, {}, {}, {}}});

bool is_unreadable(const Outcome<ClientDraft>& outcome) { return outcome.has_error() && outcome.error() == unreadable; }

const std::vector<std::string>& corpus() {
  static const std::vector<std::string> bodies = [] {
    using namespace std::string_literals;
    std::vector<std::string> all{
        "",
        " ",
        "{",
        "{}",
        "[]",
        "null",
        "1",
        "\"x\"",
        "{}x",
        "{} {}",
        "{" + right + "}",
        " \r\n\t{ " + right + " } \n",
        "{" + right + R"(,"name":"Lobby","description":"Wall"})",
        "{" + right + R"(,"name":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0001"})",
        "{" + right + R"(,"name":"\u0000","description":5})",
        "{" + right + ",\"name\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}",
        "{" + right + ",\"name\":\"\xC3\"}",
        "{" + right + ",\"name\":\"\xED\xA0\x80\"}",
        "{" + right + ",\"x\":\"\xF0\x9F\x98\"}",
        "{" + right + ",\"\xE2\x82\":1}",
        "{" + right + R"(,"name":"\ud83d"})",
        "{" + right + R"(,"name":"\ude00\ud83d"})",
        "{" + right + R"(,"x":[1,-2.5e+3,null,true,false,{"y":"z","w":[[]]}]})",
        R"({"\u0065cosystemId":"C594b89aea18568c408c3ad24","t\u0079pe":"\u0073erver","n\u0061me":"x"})",
        R"({"ecosystemID":"x","ecosystemIds":1,"ecosystemI":2,"":3,"typ":4,"types":5})",
        R"({"type":"server","a\u0000b":1,"\ud83d\ude00":2,"a\"b":3,"a\"b":4})",
        R"({"ecosystemId":"x","ecosystemId":null,"type":5,"type":"server","name":"a","name":"\u0000","name":null})",
        R"({"name":"a","name":"b","name":"","description":"long","description":"s","ecosystemId":{},"type":[]})",
        R"({"ecosystemId":[{"ecosystemId":"y"}],"type":{"type":"server"},"name":[["x"]],"description":{}})",
        "{" + right + ",}",
        "{" + right + "//x\n}",
        "{" + right + ",\"x\":NaN}",
        "{" + right + ",\"x\":01}",
        "{" + right + ",\"x\":" + std::string(31, '[') + std::string(31, ']') + "}",
        "{" + right + ",\"x\":" + std::string(32, '[') + std::string(32, ']') + "}",
        "\xEF\xBB\xBF{" + right + "}",
        "{" + right + "}\0"s,
        "{" + right + ",\"x\":\"a\nb\"}",
        "{" + right + ",\"x\":123456789012345678901234567890.5e-300}",
        "{" + right + ",\"x\":-0}",
        "{" + right + ",\"x\":1e400}",
        "{" + right + ",\"x\":[1e99999999999,{\"y\":-1.5E-0000000000000000001}]}",
        "{" + right + ",\"x\":tru}",
        "{" + right + ",\"x\":\"\\u00zz\"}"};
    return all;
  }();
  return bodies;
}

}  // namespace

TEST_CASE("a draft parser reads what parse_draft reads") {
  DraftParser parser;
  const auto draft = parser.finish("{" + right + R"(,"name":"n","description":""})").value();
  CHECK(draft.ecosystem_id().text() == id);
  CHECK(draft.type() == ClientType::server);
  CHECK(draft.name() == Text::parse("n"));
  CHECK(draft.description() == Text::parse(""));
  for (const std::string& body : corpus()) {
    DraftParser whole;
    if (!same(whole.finish(body), parse_draft(body))) FAIL_CHECK(body);
  }
}

TEST_CASE("a body that only says so once it ends is no body before") {
  CHECK(is_unreadable(DraftParser().finish()));
  DraftParser parser;
  CHECK(parser.write(""));
  CHECK(parser.write("{"));
  CHECK(parser.write(right));
  CHECK(is_unreadable(parser.finish()));
}

TEST_CASE("a parser that has finished reads nothing more until it is reset") {
  const std::string good = "{" + right + "}";
  for (const std::string& body : {good, good + std::string(20'000, ' '), "{" + right + ",\"n\\u0061me\":\"streamed\"}",
                                  std::string("x"), std::string(R"({"typo":1,"type":"server"})")}) {
    INFO(body);
    DraftParser parser;
    for (const std::size_t cut : {std::size_t{0}, body.size() / 2, body.size() - 1}) {
      if (cut != 0) parser.write(std::string_view(body).substr(0, cut));
      CHECK(same(parser.finish(std::string_view(body).substr(cut)), parse_draft(body)));
      CHECK(is_unreadable(parser.finish(good)));
      CHECK_FALSE(parser.write(good));
      CHECK(is_unreadable(parser.finish()));
      parser.reset();
    }
    CHECK(parser.finish(good).has_value());
  }
}

TEST_CASE("write says when no further piece can make a long body right, and keeps saying so") {
  const std::string long_enough(16'384, ' ');
  for (const std::string& wrong :
       {std::string("x"), std::string("[]"), std::string("{" + right + "}}"), std::string("\xEF\xBB\xBF"),
        std::string("{\"a\":\"\xFF"), std::string("{\"a\":01"), std::string("{\"a\":") + std::string(32, '['),
        std::string("null"), std::string("\"text\"")}) {
    INFO(wrong);
    DraftParser parser;
    CHECK(parser.write(long_enough));  // it is gathered
    CHECK_FALSE(parser.write(wrong + "  " + long_enough));
    CHECK_FALSE(parser.write("{" + right + "}"));
    CHECK_FALSE(parser.write(""));
    CHECK(is_unreadable(parser.finish("{" + right + "}")));
  }
}

TEST_CASE("where a body is cut does not matter: every cut in two") {
  DraftParser used;
  for (const std::string& body : corpus()) {
    const auto whole = parse_draft(body);
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
      used.write(Piece(std::string_view(body).substr(0, cut)));
      if (!same(used.finish(Piece(std::string_view(body).substr(cut))), whole)) FAIL_CHECK(cut << " in " << body);
      used.reset();
      used.write(Piece(std::string_view(body).substr(0, cut)));
      used.write(Piece(std::string_view(body).substr(cut)));
      if (!same(used.finish(), whole)) FAIL_CHECK(cut << " in " << body << ", then nothing");
      used.reset();
    }
  }
}

TEST_CASE("where a body is cut does not matter: byte by byte, and with empty pieces between") {
  for (const std::string& body : corpus()) {
    DraftParser parser;
    DraftParser with_empty;
    for (const char& c : body) {
      parser.write(Piece({&c, 1}));
      with_empty.write({});
      with_empty.write(Piece({&c, 1}));
      with_empty.write(Piece(""));
    }
    const auto whole = parse_draft(body);
    if (!same(parser.finish(), whole)) FAIL_CHECK(body);
    if (!same(with_empty.finish(), whole)) FAIL_CHECK(body << " with empty pieces");
  }
}

TEST_CASE("where a body is cut does not matter: many pieces, drawn") {
  std::mt19937_64 random(1);
  DraftParser used;
  std::vector<std::string> bodies = corpus();
  std::string big = "{";
  for (int i = 0; i != 300; ++i) big += "\"n\\u00e9" + std::to_string(i) + "\":[\"\\ud83d\\ude00\xC3\xA9\",-1.5e3,{}],";
  bodies.push_back(big + right + "}");
  bodies.push_back(big + "\"type\":\"x\"}");
  for (const std::string& body : bodies) {
    const auto whole = parse_draft(body);
    for (int round = 0; round != 20; ++round) {
      const std::size_t longest = std::size_t{1} << random() % 10;
      std::string_view rest = body;
      while (!rest.empty()) {
        const std::size_t size = std::min<std::size_t>(rest.size(), random() % (longest + 1));
        used.write(Piece(rest.substr(0, size)));
        rest.remove_prefix(size);
      }
      if (!same(used.finish(), whole)) FAIL_CHECK(body);
      used.reset();
    }
  }
}

TEST_CASE("after reset nothing of an earlier body is left") {
  const std::string plain = "{" + right + "}";
  for (const std::string& body : corpus()) {
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
      DraftParser parser;
      parser.write(std::string_view(body).substr(0, cut));
      parser.reset();
      if (!same(parser.finish(plain), parse_draft(plain))) FAIL_CHECK(cut << " of " << body);
      parser.reset();
      if (!same(parser.finish("{\"y\":1}"), parse_draft("{\"y\":1}"))) FAIL_CHECK(cut << " of " << body);
    }
  }
}

TEST_CASE("the refusal lists the query's fields first") {
  DraftParser parser;
  CHECK(parser.finish("{" + right + "}", "q, r").error() == *ApiError::from({"q, r", {}, false, {Flaw{}, {}, {}, {}}}));
  parser.reset();
  CHECK(parser.finish("x", "").error() == *ApiError::from({"", {}, true, {Flaw{}, {}, {}, {}}}));
  parser.reset();
  CHECK(parser.finish("{\"x\":1}", "q").error() ==
        *ApiError::from({"q", "x", false, {Flaw::missing, Flaw::missing, {}, {}}}));
}

TEST_CASE("a refusal without unknown names has no entry for them, whatever the reader") {
  const ApiError missing = *ApiError::from({{}, {}, false, {Flaw::missing, {}, {}, {}}});
  CHECK(parse_draft(R"({"type":"server"})").error() == missing);
  CHECK(parse_draft(R"({"t\u0079pe":"server"})").error() == missing);
  DraftParser parser;
  CHECK(parser.write(R"({"type":"server","name":")" + std::string(20'000, 'x')));
  CHECK(parser.finish("\"}").error() == missing);
}

TEST_CASE("a refusal of a long body has the unknown names of both readers") {
  DraftParser parser;
  CHECK(parser.write(R"({"type":"server","a":1,"b":")" + std::string(20'000, 'x')));
  CHECK(parser.finish(R"(","\u0063":2})").error() ==
        *ApiError::from({{}, "a, b, c", false, {Flaw::missing, {}, {}, {}}}));
}

TEST_CASE("JSON values that there are, in an ignored member") {
  for (const char* value : {"[[]   ]",
                            "[]",
                            "[\"\"]",
                            "[\"a\"]",
                            "[false]",
                            "[null, 1, \"1\", {}]",
                            "[1\n]",
                            "[1,null,null,null,2]",
                            "[2] ",
                            " [1]",
                            "123e65",
                            "0e+1",
                            "0e1",
                            " 4",
                            "-0",
                            "-0.0",
                            "-1",
                            "-123",
                            "1E22",
                            "1E-2",
                            "1E+2",
                            "123e45",
                            "123.456e78",
                            "123.456789",
                            "20e1",
                            "1e-2",
                            "1e+2",
                            "0.5",
                            "-0.000000000000000000000000000000001",
                            "{}",
                            "{\"\":0}",
                            "{\"a\":\"b\",\"a\":\"c\"}",
                            "{\"a\":\"b\",\"a\":\"b\"}",
                            "{\"foo\\u0000bar\": 42}",
                            "{ \"min\": -1.0e+28, \"max\": 1.0e+28 }",
                            "{\"a\":[]}",
                            "{\n\"a\": \"b\"\n}",
                            "\"\\u0060\\u012a\\u12AB\"",
                            "\"\\uD801\\udc37\"",
                            "\"\\ud83d\\ude39\\ud83d\\udc8d\"",
                            "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                            "\"\\\\u0000\"",
                            "\"\\\"\"",
                            "\"a/*b*/c/*d//e\"",
                            "\"\\\\a\"",
                            "\"\\\\n\"",
                            "\"\\u0012\"",
                            "\"\\uFFFF\"",
                            "\"\\uDBFF\\uDFFF\"",
                            "\"new\\u00A0line\"",
                            "\"\xF4\x8F\xBF\xBF\"",
                            "\"\xEF\xBF\xBF\"",
                            "\"\\u0000\"",
                            "\"\\u002c\"",
                            "\"\xCF\x80\"",
                            "\"\xF0\x9B\xBF\xBF\"",
                            "\"asd \"",
                            "\" \"",
                            "\"\\uD834\\uDd1e\"",
                            "\"\\u0821\"",
                            "\"\\u0123\"",
                            "\"\xE2\x80\xA8\"",
                            "\"\xE2\x80\xA9\"",
                            "\"\\u0061\\u30af\\u30EA\\u30b9\"",
                            "\"new\\u000Aline\"",
                            "\"\x7F\"",
                            "\"\\uA66D\"",
                            "\"\\u2342\\u0422\"",
                            "\"\\u200B\"",
                            "\"\\u2064\"",
                            "\"\\uFDD0\"",
                            "\"\\uFFFE\"",
                            "\"\\u0022\"",
                            "\"\xE2\x82\xAC\xF0\x9D\x84\x9E\"",
                            "\"a\x7F"
                            "a\"",
                            "true",
                            "false",
                            "null",
                            "\n\ttrue\r "}) {
    if (parse_draft(with(value)).has_error()) FAIL_CHECK(value);
  }
}

TEST_CASE("JSON values that there are not, in an ignored member") {
  using namespace std::string_literals;
  for (const std::string& value : {"[1 true]"s,
                                   "[a\xE5]"s,
                                   "[\"\": 1]"s,
                                   "[\"\"],"s,
                                   "[,1]"s,
                                   "[1,,2]"s,
                                   "[\"x\",,]"s,
                                   "[\"x\"]]"s,
                                   "[\"\",]"s,
                                   "[\"x\""s,
                                   "[x"s,
                                   "[3[4]]"s,
                                   "[\xFF]"s,
                                   "[1:2]"s,
                                   "[,]"s,
                                   "[-]"s,
                                   "[   , \"\"]"s,
                                   "[\"a\",\n4\n,1,"s,
                                   "[1,]"s,
                                   "[1,,]"s,
                                   "[\"\va\"\\f]"s,
                                   "[*]"s,
                                   "[\"\""s,
                                   "[1,\n1\n,1"s,
                                   "[{}"s,
                                   "[fals]"s,
                                   "[nul]"s,
                                   "[tru]"s,
                                   "123\0"s,
                                   "[++1234]"s,
                                   "[+1]"s,
                                   "[+Inf]"s,
                                   "[-01]"s,
                                   "[-1.0.]"s,
                                   "[-2.]"s,
                                   "[-NaN]"s,
                                   "[.-1]"s,
                                   "[.2e-3]"s,
                                   "[0.1.2]"s,
                                   "[0.3e+]"s,
                                   "[0.3e]"s,
                                   "[0.e1]"s,
                                   "[0E+]"s,
                                   "[0E]"s,
                                   "[0e+]"s,
                                   "[0e]"s,
                                   "[1.0e+]"s,
                                   "[1.0e-]"s,
                                   "[1.0e]"s,
                                   "[1 000.0]"s,
                                   "[1eE2]"s,
                                   "[2.e+3]"s,
                                   "[2.e-3]"s,
                                   "[2.e3]"s,
                                   "[9.e+]"s,
                                   "[Inf]"s,
                                   "[NaN]"s,
                                   "[\xEF\xBC\x91]"s,
                                   "[1+2]"s,
                                   "[0x1]"s,
                                   "[0x42]"s,
                                   "[Infinity]"s,
                                   "[0e+-1]"s,
                                   "[-123.123foo]"s,
                                   "[123\xE5]"s,
                                   "[1e1\xE5]"s,
                                   "[0\xE5]"s,
                                   "[-Infinity]"s,
                                   "[-foo]"s,
                                   "[- 1]"s,
                                   "[-012]"s,
                                   "[-.123]"s,
                                   "[-1x]"s,
                                   "[1ea]"s,
                                   "[1e\xE5]"s,
                                   "[1.]"s,
                                   "[.123]"s,
                                   "[1.2a-3]"s,
                                   "[1.8011670033376514H-308]"s,
                                   "[012]"s,
                                   "[\"x\", truth]"s,
                                   "{[: \"x\"}\n"s,
                                   "{\"x\", null}"s,
                                   "{\"x\"::\"b\"}"s,
                                   "{\xF0\x9F\x87\xA8\xF0\x9F\x87\xAD}"s,
                                   "{\"a\":\"a\" 123}"s,
                                   "{key: 'value'}"s,
                                   "{\"\xB9\":\"0\",}"s,
                                   "{\"a\" b}"s,
                                   "{:\"b\"}"s,
                                   "{\"a\" \"b\"}"s,
                                   "{\"a\":"s,
                                   "{\"a\""s,
                                   "{1:1}"s,
                                   "{9999E9999:1}"s,
                                   "{null:null,null:null}"s,
                                   "{\"id\":0,,,,,}"s,
                                   "{'a':0}"s,
                                   "{\"id\":0,}"s,
                                   "{\"a\":\"b\"}/**/"s,
                                   "{\"a\":\"b\"}/**//"s,
                                   "{\"a\":\"b\"}//"s,
                                   "{\"a\":\"b\"}/"s,
                                   "{\"a\":\"b\",,\"c\":\"d\"}"s,
                                   "{a: \"b\"}"s,
                                   "{\"a\":\"a"s,
                                   "{ \"foo\" : \"bar\", \"a\" }"s,
                                   "{\"a\":\"b\"}#"s,
                                   " "s,
                                   "\"\\uD800\\\""s,
                                   "\"\\uD800\\u\""s,
                                   "\"\\uD800\\u1\""s,
                                   "\"\\uD800\\u1x\""s,
                                   "[\xC3\xA9]"s,
                                   "\"\\\0\""s,
                                   "\"\\\\\\\""s,
                                   "\"\\\x09\""s,
                                   "\"\\\xF0\x9F\x8C\x80\""s,
                                   "\"\\\""s,
                                   "\"\\u00A\""s,
                                   "\"\\uD834\\uDd\""s,
                                   "\"\\uD800\\uD800\\x\""s,
                                   "\"\\u\xE5\""s,
                                   "\"\\a\""s,
                                   "\"\\uqqqq\""s,
                                   "\"\\\xE5\""s,
                                   "[\\u0020\"asd\"]"s,
                                   "[\\n]"s,
                                   "\""s,
                                   "['single quote']"s,
                                   "abc"s,
                                   "\"a\0a\""s,
                                   "\"new\nline\""s,
                                   "\"\t\""s,
                                   "\"\\UA66D\""s,
                                   "\"\"x"s,
                                   "<.>"s,
                                   "[<null>]"s,
                                   "[1]x"s,
                                   "[1]]"s,
                                   "[\"asd]"s,
                                   "a\xC3\xA5"s,
                                   "[True]"s,
                                   "1]"s,
                                   "{\"x\": true,"s,
                                   "[][]"s,
                                   "]"s,
                                   "\xEF\xBB\xBF{}"s,
                                   "\xE5"s,
                                   "["s,
                                   "2@"s,
                                   "{}}"s,
                                   "{\"\":"s,
                                   "{\"a\":/*comment*/\"b\"}"s,
                                   "{\"a\": true} \"x\""s,
                                   "['"s,
                                   "[,"s,
                                   "[{"s,
                                   "[\"a"s,
                                   "[\"a\""s,
                                   "{"s,
                                   "{]"s,
                                   "{,"s,
                                   "{["s,
                                   "{\"a"s,
                                   "{'a'"s,
                                   "[\"\\{[\"\\{[\"\\{[\"\\{"s,
                                   "*"s,
                                   "{\"a\":\"b\"}#{}"s,
                                   "[\\u000A\"\"]"s,
                                   "[1"s,
                                   "[ false, nul"s,
                                   "[ true, fals"s,
                                   "[ false, tru"s,
                                   "{\"asd\":\"asd\""s,
                                   "\xC3\xA5"s,
                                   "[\xE2\x81\xA0]"s,
                                   "[\x0C]"s}) {
    if (!is_unreadable(parse_draft(with(value)))) FAIL_CHECK(value);
  }
}

TEST_CASE("every truncation of a body is no body") {
  for (const std::string& body : {"{" + right + R"(,"name":"\ud83d\ude00 \n","x":[1,-2.5e3,true,null,{"y":"z"}]})",
                                  std::string(R"({"ecosystemId":5,"zz":1,"type":null,"description":"\u0000"})")}) {
    for (std::size_t size = 0; size != body.size(); ++size) {
      if (!is_unreadable(parse_draft(Piece(std::string_view(body).substr(0, size))))) FAIL_CHECK(size);
    }
    CHECK_FALSE(is_unreadable(parse_draft(body)));
  }
}

TEST_CASE("a byte that is changed never crashes, and cuts still do not matter") {
  std::mt19937_64 random(7);
  DraftParser used;
  for (int round = 0; round != 20000; ++round) {
    std::string body = corpus()[random() % corpus().size()];
    for (std::uint64_t changes = 1 + random() % 3; changes != 0 && !body.empty(); --changes) {
      const char drawn = random() % 3 == 0 ? static_cast<char>(random()) : "\"\\{}[]:,u0 "[random() % 11];
      body[random() % body.size()] = drawn;
    }
    const std::size_t cut = random() % (body.size() + 1);
    used.write(Piece(std::string_view(body).substr(0, cut)));
    if (!same(used.finish(Piece(std::string_view(body).substr(cut))), parse_draft(body))) FAIL_CHECK(body);
    used.reset();
  }
}

namespace {

double cpu_seconds(const std::string& body) {
  const std::clock_t from = std::clock();
  const bool refused = parse_draft(body).has_error();
  const std::clock_t to = std::clock();
  REQUIRE(refused);
  return static_cast<double>(to - from) / CLOCKS_PER_SEC;
}

template <class Name>
std::string body_of(int names, Name name) {
  std::string body = "{";
  for (int i = 0; i != names; ++i) body += "\"" + name(i) + "\":1,";
  return body + "\"type\":\"server\"}";
}

/// Whether 4 times as many names take less than 8 times as long, where each is at its fastest. On a busy machine that
/// may take some rounds.
template <class Name>
bool is_near_linear(Name name) {
  const std::string few = body_of(22500, name);
  const std::string many = body_of(90000, name);
  double few_best = cpu_seconds(few);
  double many_best = cpu_seconds(many);
  for (int round = 1; round != 20; ++round) {
    few_best = std::min(few_best, cpu_seconds(few));
    many_best = std::min(many_best, cpu_seconds(many));
    if (round >= 4 && many_best < 8 * few_best) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("90,000 unknown names take near-linear time: 4 times as many, less than 8 times as long") {
  CHECK(is_near_linear([](int i) { return std::to_string(i); }));
  CHECK(is_near_linear([](int i) { return "common-prefix-" + std::to_string(i); }));
  CHECK(is_near_linear([](int i) { return std::to_string(90000 - i) + "-common-suffix"; }));
  CHECK(is_near_linear([](int) { return std::string("same"); }));
  CHECK(is_near_linear([](int i) { return std::string(static_cast<std::size_t>(i % 50), 'a'); }));
}

TEST_CASE("90,000 unknown names are listed once each, in order of first appearance") {
  std::string joined;
  for (int i = 0; i != 90000; ++i) joined += (i == 0 ? "n" : ", n") + std::to_string(i);
  const auto name = [](int i) { return "n" + std::to_string(i % 90000); };
  CHECK(parse_draft(body_of(180000, name)).error() ==
        *ApiError::from({{}, joined, false, {Flaw::missing, {}, {}, {}}}));
}
