// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/fast/draft_reader.hpp>

#include <droplit/detail/json/draft_stream.hpp>
#include <droplit/draft_parser.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace droplit;

/// What the fast reader says of a body, if it decides. The body has exactly its own memory, so that a sanitizer finds a
/// read beyond it.
std::optional<Outcome<ClientDraft>> read_fast(std::string_view body) {
  const auto memory = std::make_unique<char[]>(body.size());
  body.copy(memory.get(), body.size());
  const std::string_view copy(memory.get(), body.size());
  detail::FastDraftReader fast;
  if (fast.read(copy)) return fast.finish(std::nullopt);
  if (fast.needs_full_parser()) return std::nullopt;
  return detail::unreadable_body(std::nullopt);
}

/// What the streaming reader says.
Outcome<ClientDraft> read_streaming(std::string_view body) { return detail::DraftStream().finish(body, std::nullopt); }

bool same(const Outcome<ClientDraft>& a, const Outcome<ClientDraft>& b) {
  if (a.has_value()) return b.has_value() && a.assume_value() == b.assume_value();
  return b.has_error() && a.assume_error() == b.assume_error();
}

bool is_read_fast(std::string_view body) { return read_fast(body).has_value(); }

/// Whether both readers refuse it.
bool is_invalid(std::string_view body) {
  const Outcome<ClientDraft> invalid = detail::unreadable_body(std::nullopt);
  const auto quick = read_fast(body);
  return quick && same(*quick, invalid) && same(read_streaming(body), invalid);
}

const std::string id = R"("ecosystemId":"C594b89aea18568c408c3ad24")";

/// Arrays in each other.
std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

}  // namespace

TEST_CASE("most bodies are read by the fast reader") {
  CHECK(is_read_fast("{" + id + R"(,"type":"application","name":"Lobby panel","description":"Wall panel"})"));
  CHECK(is_read_fast(" {\n  " + id + " ,\r\n\t\"type\" : \"server\" } \n"));
  CHECK(is_read_fast(R"({"type":"server","description":"\u0041\ud83d\ude00\"\\\/\b\f\n\r\t","name":null,)" + id + "}"));
  CHECK(is_read_fast("{" + id + ",\"type\":\"application\",\"name\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}"));
  CHECK(is_read_fast("{" + id + R"(,"type":"gateway"})"));
  CHECK(is_read_fast(R"({"ecosystemId":"nowhere","type":""})"));
  CHECK(is_read_fast("{" + id + ",\"type\":\"\xC3\xA9\"}"));
  CHECK(is_read_fast("{}"));
  CHECK(is_read_fast(" { } "));
  CHECK(is_read_fast("{\"type\":\"server\"}"));
  CHECK(is_read_fast("{\"name\":\"\"}"));
  CHECK(is_read_fast("{" + id + R"(,"name":7,"description":[{"a":[]},-0.5e+10]})"));
  CHECK(is_read_fast("{\"other\":{\"type\":1},\"x\":\"\\ud83d\\ude00\",\"\":null,\"\xC3\xA9\":[true,1E9]," + id + "}"));
  CHECK(is_read_fast("{" + id + ",\"x\":" + nested(31) + "}"));
  CHECK(is_read_fast("{" + id + R"(,"x":[1e0123456789],"y":-0.5E+99999999999,"name":1e-99999999999})"));
}

TEST_CASE("of a body in pieces the members that something follows are read, and of a text what there is") {
  const std::string first = "{" + id + R"(,"type":"server",)";
  detail::NameList unknown;
  detail::BasicFastDraftReader<true> fast(unknown);
  CHECK(fast.shortest().empty());
  CHECK(fast.read_some(first) == ",");
  CHECK(fast.shortest() == R"({"":null)");
  CHECK(fast.read_some(R"(,"name":"Lobby)").empty());
  CHECK(fast.shortest() == R"({"":")");
  CHECK(fast.read_some(R"( panel"} )") == "} ");
  CHECK(fast.is_whole());
  CHECK(fast.finish(std::nullopt).value().name()->str() == "Lobby panel");
}

TEST_CASE("what the fast reader cannot decide is left to the streaming reader") {
  for (const std::string& body :
       {std::string(R"({"ecosystem":1,"type":"server"})"), std::string(R"({"other":1,"ecosystemId":null})"),
        "{" + id + R"(,"type":"\u0073erver"})", "{" + id + R"(,"n\u0061me":"x"})"}) {
    INFO(body);
    CHECK_FALSE(is_read_fast(body));
  }
}

TEST_CASE("what is not a JSON object is refused by the fast reader") {
  for (const std::string& body : {std::string(),
                                  std::string(" "),
                                  std::string("x"),
                                  std::string("null"),
                                  std::string("\"{}\""),
                                  std::string("[]"),
                                  std::string("[{}]"),
                                  "\xEF\xBB\xBF{" + id + "}",
                                  "{" + id.substr(0, id.size() - 1) + "#}",
                                  "{" + id + ",\"type\":\"server",
                                  "{" + id + ",\"type\":\"serve\n\"}",
                                  std::string("{"),
                                  std::string("{ "),
                                  std::string("{,"),
                                  std::string("{,}"),
                                  std::string("{}x"),
                                  std::string("{}}"),
                                  "{" + id + ",\"type\":\"\xC3\"}",
                                  "{" + id + "}}",
                                  "{" + id + ",\"x\":" + nested(32) + "}",
                                  "{\"x\":" + std::string(10'000, '['),
                                  "{\"x\":" + nested(32) + "}",
                                  "{" + id + R"(,"name":07})",
                                  "{" + id + R"(,"x":1e})",
                                  "{" + id + R"(,"x":1e99999999999.5})",
                                  "{" + id + R"(,"x":[1,]})",
                                  "{" + id + R"(,"x":{"a":1,}})",
                                  "{" + id + R"(,"x":{"a"}})",
                                  "{" + id + R"(,"x":{"a":1,2}})",
                                  "{" + id + R"(,"x":{"a":1,[]}})",
                                  "{" + id + R"(,"x":[}])",
                                  "{" + id + R"(,"x":"\udc00"})",
                                  "{" + id + ",\"x",
                                  "{" + id + ",\"x\n\":1}",
                                  "{" + id + ",\"\xC3\\n\":1}",
                                  "{" + id + ",}",
                                  "{" + id,
                                  "{" + id + " ",
                                  "{" + id + "}x",
                                  "{" + id + R"(,"name":"x})",
                                  "{" + id + R"(,"name":"\ud83d"})",
                                  "{" + id + R"(,"name":"\x"})",
                                  "{" + id + ",\"name\":\"\xC3\"}",
                                  "{" + id + ",\"name\":\"\n\"}",
                                  "{" + id + R"(,"name":nul})",
                                  "{" + id + R"(,"name":})",
                                  "{" + id + R"(,"name":)",
                                  "{" + id + ",,}",
                                  "{" + id + R"( "type":"server"})",
                                  "{" + id + R"(,"type""server"})"}) {
    INFO(body);
    CHECK(is_invalid(body));
  }
}

TEST_CASE("a body that the fast reader decides is read as the streaming reader reads it, whatever it is made of") {
  std::mt19937 random(5);
  const auto any = [&](std::initializer_list<const char*> of) { return std::string(of.begin()[random() % of.size()]); };
  const auto space = [&] {
    if (random() % 100 == 0) return any({"\v", "\xC2\xA0", "/**/"});
    return random() % 4 == 0 ? any({" ", "\n", "\r\n", "\t", "  \n    "}) : std::string();
  };
  const auto text = [&] {
    std::string all;
    const bool is_long = random() % 4 == 0;
    for (auto n = random() % (is_long ? 80 : 9); n != 0; --n) {
      all += random() % (is_long ? 250 : 30) == 0
                 ? any({"\\u0000", "\\ud83d", "\\udc00", "\\u12g4", "\\x", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                        "\xC0\x80", "\xFF", "\x1F", "\n", "\\", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\x80"})
                 : any({"a", "Lobby panel", "0123456789abcdef", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9",
                        "\\ud83d\\ude00", "\\uD834\\uDD1E", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x7F"});
    }
    return all;
  };
  const auto number = [&]() -> std::string {
    if (random() % 12 == 0) return any({"01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "-01", "1.e1", "--1", "NaN"});
    std::string all = any({"", "", "-"}) + any({"0", "7", "18446744073709551616", "123456789012345678901234567890"});
    if (random() % 3 == 0) all += any({".0", ".5", ".000000000000000000000001"});
    if (random() % 3 == 0)
      all += any({"e", "E"}) + any({"", "+", "-"}) + any({"0", "9", "400", "999999999", "0000000001"});
    return all;
  };
  const std::function<std::string(int)> thing = [&](int levels) -> std::string {
    switch (random() % (levels > 0 ? 7 : 5)) {
      case 0: return any({"null", "true", "false", "nul", "nullx", "True", "nan", ""});
      case 1:
      case 2: return number();
      case 3:
      case 4: return "\"" + text() + "\"";
      case 5: {
        if (random() % 40 == 0) return nested(27 + random() % 8);
        std::string all = "[" + space();
        for (auto n = random() % 4; n != 0; --n) all += thing(levels - 1) + space() + (n != 1 ? "," : "") + space();
        return all + (random() % 60 == 0 ? any({",]", "}", ""}) : "]");
      }
      default: {
        std::string all = "{" + space();
        for (auto n = random() % 4; n != 0; --n) {
          all += "\"" + text() + "\"" + space() + (random() % 60 == 0 ? any({"", ",", "::"}) : ":") + space();
          all += thing(levels - 1) + space() + (n != 1 ? "," : "") + space();
        }
        return all + (random() % 60 == 0 ? any({",}", "]", ""}) : "}");
      }
    }
  };
  const auto value = [&]() -> std::string {
    switch (random() % 8) {
      case 0: return thing(3);
      case 1:
        return any({"\"application\"", "\"server\"", "\"Server\"", "\"serve\"", "\"servers\"", "\"s\\u0065rver\""});
      case 2:
        return any({"\"C594b89aea18568c408c3ad24\"", "\"C594B89AEA18568C408C3AD24\"", "\"c594b89aea18568c408c3ad24\"",
                    "\"C594b89aea18568c408c3ad2\"", "\"C594b89aea18568c408c3ad24a\"", "\"C594b89aea18568c408c3ag24\"",
                    "\"C594b89aea18568c408c3a\\\"24\"", "\"C594b89aea18568c408c3ad24", "\"\""});
      default: return "\"" + text() + "\"";
    }
  };
  int read = 0;
  int kept = 0;
  int wrong = 0;
  for (int round = 0; round != 200'000; ++round) {
    std::string body = space() + "{" + space();
    for (auto n = random() % 5; n != 0; --n) {
      const std::string name = random() % 12 == 0
                                   ? any({"nam", "names", "Type", "n\\u0061me", "other", "", "description\\u0000",
                                          "\xC3\xA9", "\xFF", "ecosystemID", "t", "e", "n", "d"})
                                   : any({"ecosystemId", "type", "name", "description", "ecosystemId", "type"});
      std::string what = name == "other" || random() % 4 == 0 ? thing(3) : value();
      if (name == "ecosystemId" && random() % 2 == 0) what = "\"C594b89aea18568c408c3ad24\"";
      if (name == "type" && random() % 2 == 0) what = "\"server\"";
      body +=
          "\"" + name + "\"" + space() + (random() % 60 == 0 ? any({"::", "", ";"}) : ":") + space() + what + space();
      if (n != 1 || random() % 16 == 0) body += (random() % 40 == 0 ? any({",,", " ", ";"}) : ",") + space();
    }
    body += (random() % 20 == 0 ? any({"}}", "", "} x"}) : "}") + space();
    if (random() % 8 == 0 && !body.empty()) {  // and something broken at random
      const std::size_t at = random() % body.size();
      switch (random() % 3) {
        case 0: body.erase(at, 1 + random() % 3); break;
        case 1: body[at] = static_cast<char>(random()); break;
        default: body.insert(at, 1, static_cast<char>(random()));
      }
    }
    const auto quick = read_fast(body);
    if (!quick) continue;
    ++read;
    if (quick->has_value()) ++kept;
    const auto slow = read_streaming(body);
    if (!same(*quick, slow)) FAIL_CHECK("read otherwise: " << body);
    if (same(slow, detail::unreadable_body(std::nullopt))) ++wrong;
  }
  CHECK(read > 100'000);
  CHECK(kept > 1'000);
  CHECK(wrong > 20'000);
  CHECK(read - wrong > 20'000);
}

TEST_CASE("texts of every length, with something at every place in them, are read the same") {
  for (std::size_t size = 0; size != 150; ++size) {
    for (const std::string& odd : {std::string("\\n"), std::string("\xC3\xA9"), std::string("\xFF"),
                                   std::string("\x01"), std::string("\\u0000"), std::string("\""), std::string()}) {
      for (std::size_t at = 0; at <= size; ++at) {
        std::string text(size, 'x');
        text.insert(at, odd);
        const std::string body = "{\"name\":\"" + text + "\"," + id + ",\"type\":\"server\"}";
        const auto quick = read_fast(body);
        if (!quick || !same(*quick, read_streaming(body))) FAIL_CHECK("not read, or otherwise: " << body);
        if (odd.empty()) break;
      }
    }
  }
}

TEST_CASE("escapes and sequences at every place of a text are read the same") {
  struct Odd {
    std::string json;
    bool valid;
  };
  const std::vector<Odd> odds{
      {"\\n", true},
      {"\\\\", true},
      {"\\\"", true},
      {"\\\\\\\\\\\\\\", false},  // seven: the last one escapes what follows
      {"\\\\\\\\\\\\\\\"", true},
      {std::string(70, '\\'), true},
      {std::string(129, '\\') + "n", true},
      {"\\u0001", true},
      {"\\u007f\\u0080\\u07FF\\u0800", true},
      {"\\ud7ff\\uE000\\uffff", true},
      {"\\ud800\\udc00", true},
      {"\\udbff\\uDFFF", true},
      {"\\ud83d\\ude00\\ud83d\\ude00\\n\\\\\\u00e9", true},
      {"\\ud83d\\\\ude00", false},
      {"\\ud83d\\ud83d", false},
      {"\\ud83dxude00", false},
      {"\\ud83d\\nde00", false},
      {"\\ude00", false},
      {"\\ud83d", false},
      {"\\u00g0", false},
      {"\\u00e", false},
      {"\\u", false},
      {"\\x", false},
      {"\\\n", false},
      {std::string("\\\0", 2), false},
      {"\\\xC3\xA9", false},
      {"\n", false},
      {"\x01n", false},
      {"\\n\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", true},
      {"\xC3\\n\xA9", false},
      {"\xE2\x82\\u0041", false},
      {"\\n\xED\xA0\x80", false},
      {"\\n\xF4\x90\x80\x80", false},
      {"\\n\xC1\xBF", false}};
  struct Around {
    std::string first;  // what looks for escapes begins its blocks at the first one
    std::string filler;
  };
  const std::vector<Around> arounds{
      {"", "x"}, {"\\n", "x"}, {"", "\xC5\x99"}, {"", "\xE6\x97\xA5"}, {"", "\xF0\x9F\x98\x80"}, {"", "\\n"}};
  for (const Odd& odd : odds) {
    for (const auto& [first, filler] : arounds) {
      for (std::size_t before = 0; before < 140; before += before < 70 && filler == "x" ? 1U : 3U) {
        for (const std::size_t after : {0u, 1u, 20u, 45u, 130u}) {
          const auto fill = [&unit = filler](std::size_t size) {
            std::string all(size % unit.size(), 'y');
            while (all.size() < size) all += unit;
            return all;
          };
          const std::string behind = fill(after);
          const bool valid = odd.valid || (odd.json == std::string(7, '\\') && behind.starts_with('\\'));
          const std::string text = first + fill(before) + odd.json + behind;
          for (const std::string& body :
               {"{\"type\":\"server\"," + id + ",\"name\":\"" + text + "\"}",
                "{\"name\":\"" + text + "\"," + id + ",\"type\":\"server\",\"description\":\"\xC3\xA9\"}"}) {
            const auto quick = read_fast(body);
            if (!quick || quick->has_value() != valid) FAIL_CHECK("not read, or wrongly: " << body);
            if (quick && !same(*quick, read_streaming(body))) FAIL_CHECK("read otherwise: " << body);
          }
        }
      }
    }
  }
}

TEST_CASE("every number that an escape can write is read the same") {
  for (std::uint32_t unit = 0; unit != 0x10000; ++unit) {
    constexpr const char* digits[] = {"0123456789abcdef", "0123456789ABCDEF"};
    std::string text = "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) text += digits[unit >> 3 & 1][unit >> shift & 15];
    const bool is_high = unit >= 0xD800 && unit < 0xDC00;
    const bool is_low = unit >= 0xDC00 && unit < 0xE000;
    if (is_low) text.insert(0, unit % 2 == 0 ? "\\uD800" : "\\udbff");
    if (is_high) text += unit % 2 == 0 ? "\\uDC00" : "\\udfff";
    text.append(unit % 3 == 0 ? 100 : 0, 'x');
    const std::string body = "{\"name\":\"" + text + "\"," + id + ",\"type\":\"server\"}";
    const auto quick = read_fast(body);
    if (!quick || !same(*quick, read_streaming(body))) FAIL_CHECK("read otherwise: " << body);
  }
}

TEST_CASE("a body that is cut within a text with escapes is invalid, wherever it is cut") {
  for (const std::string& filler :
       {std::string("x"), std::string("\\n"), std::string("\\\\"), std::string("\xC3\xA9")}) {
    std::string body = R"({"name":"\n)";
    for (std::size_t size = body.size(); size < 400; ++size) {
      while (body.size() < size) body += filler;
      CHECK(is_invalid(std::string_view(body).substr(0, size)));
      CHECK(is_invalid(std::string(std::string_view(body).substr(0, size - 1)) + "\\"));
    }
  }
}
