// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "droplit/detail/plain_body.hpp"

#include "droplit/draft_parser.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace droplit;

/// What the short way says of a body, if it reads it. The body has exactly its own memory, so that a sanitizer sees
/// whoever looks beyond it.
std::optional<Outcome<ClientDraft>> short_way(std::string_view body) {
  const auto memory = std::make_unique<char[]>(body.size());
  body.copy(memory.get(), body.size());
  detail::PlainBody plain;
  if (!plain.read({memory.get(), body.size()})) return std::nullopt;
  return plain.finish(std::nullopt);
}

/// What the streaming parser says, which has to be cut to be asked.
Outcome<ClientDraft> long_way(std::string_view body) {
  DraftParser parser;
  parser.write({});
  return parser.finish(body);
}

bool same(const Outcome<ClientDraft>& a, const Outcome<ClientDraft>& b) {
  if (a.has_value()) return b.has_value() && a.assume_value() == b.assume_value();
  return b.has_error() && a.assume_error() == b.assume_error();
}

bool is_plain(std::string_view body) { return short_way(body).has_value(); }

const std::string id = R"("ecosystemId":"C594b89aea18568c408c3ad24")";

}  // namespace

TEST_CASE("nearly all bodies are read the short way") {
  CHECK(is_plain("{" + id + R"(,"type":"application","name":"Lobby panel","description":"Wall panel"})"));
  CHECK(is_plain(" {\n  " + id + " ,\r\n\t\"type\" : \"server\" } \n"));
  CHECK(is_plain(R"({"type":"server","description":"\u0041\ud83d\ude00\"\\\/\b\f\n\r\t","name":null,)" + id + "}"));
  CHECK(is_plain("{" + id + ",\"type\":\"application\",\"name\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}"));
  CHECK(is_plain("{" + id + R"(,"type":"gateway"})"));
  CHECK(is_plain(R"({"ecosystemId":"nowhere","type":""})"));
  CHECK(is_plain("{\"type\":\"server\"}"));
  CHECK(is_plain("{\"name\":\"\"}"));
}

TEST_CASE("whatever needs a closer look is left to the streaming parser") {
  for (const std::string& body : {std::string(),
                                  std::string("{"),
                                  std::string("{}"),
                                  std::string("[]"),
                                  std::string("null"),
                                  R"({"other":1,)" + id + "}",
                                  "{" + id + R"(,"type":"\u0073erver"})",
                                  "{" + id + R"(,"name":7})",
                                  "{" + id + R"(,"n\u0061me":"x"})",
                                  "{" + id + ",}",
                                  "{" + id,
                                  "{" + id + "}x",
                                  "{" + id + R"(,"name":"x})",
                                  "{" + id + R"(,"name":"\ud83d"})",
                                  "{" + id + R"(,"name":"\x"})",
                                  "{" + id + ",\"name\":\"\xC3\"}",
                                  "{" + id + ",\"name\":\"\n\"}",
                                  "{" + id + R"(,"name":nul})",
                                  "\xEF\xBB\xBF{" + id + "}",
                                  "{" + id + ",,}",
                                  "{" + id + R"( "type":"server"})",
                                  "{" + id + R"(,"type""server"})"}) {
    INFO(body);
    CHECK_FALSE(is_plain(body));
  }
}

TEST_CASE("a body that is read the short way is read as the streaming parser reads it, whatever it is made of") {
  std::mt19937 random(5);
  const auto any = [&](std::initializer_list<const char*> of) { return std::string(of.begin()[random() % of.size()]); };
  const auto space = [&] {
    if (random() % 100 == 0) return any({"\v", "\xC2\xA0", "/**/"});
    return random() % 4 == 0 ? any({" ", "\n", "\r\n", "\t", "  \n    "}) : std::string();
  };
  const auto text = [&] {
    std::string all;
    for (auto n = random() % 9; n != 0; --n) {
      all += random() % 30 == 0
                 ? any({"\\u0000", "\\ud83d", "\\udc00", "\\u12g4", "\\x", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                        "\xC0\x80", "\xFF", "\x1F", "\n", "\\"})
                 : any({"a", "Lobby panel", "0123456789abcdef", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9",
                        "\\ud83d\\ude00", "\\uD834\\uDD1E", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x7F"});
    }
    return all;
  };
  const auto value = [&]() -> std::string {
    switch (random() % 8) {
      case 0: return any({"null", "true", "false", "nul", "nullx", "0", "-1.5e3", "{}", "[]", "[1,{\"a\":null}]"});
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
  for (int round = 0; round != 200'000; ++round) {
    std::string body = space() + "{" + space();
    for (auto n = random() % 5; n != 0; --n) {
      const std::string name = random() % 12 == 0
                                   ? any({"nam", "names", "Type", "n\\u0061me", "other", "", "description\\u0000"})
                                   : any({"ecosystemId", "type", "name", "description", "ecosystemId", "type"});
      std::string what = value();
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
    const auto quick = short_way(body);
    if (!quick) continue;
    ++read;
    if (quick->has_value()) ++kept;
    if (!same(*quick, long_way(body))) FAIL_CHECK("read otherwise: " << body);
  }
  CHECK(read > 20'000);
  CHECK(kept > 1'000);
}

TEST_CASE("texts of every length, with something at every place in them, are read the same") {
  for (std::size_t size = 0; size != 150; ++size) {
    for (const std::string& odd : {std::string("\\n"), std::string("\xC3\xA9"), std::string("\xFF"),
                                   std::string("\x01"), std::string("\\u0000"), std::string("\""), std::string()}) {
      for (std::size_t at = 0; at <= size; ++at) {
        std::string text(size, 'x');
        text.insert(at, odd);
        const std::string body = "{\"name\":\"" + text + "\"," + id + ",\"type\":\"server\"}";
        const auto quick = short_way(body);
        if (quick && !same(*quick, long_way(body))) FAIL_CHECK("read otherwise: " << body);
        if (odd.empty()) {
          CHECK(quick.has_value());
          break;
        }
      }
    }
  }
}
