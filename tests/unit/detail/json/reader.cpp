// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/reader.hpp>

#include "support/catch.hpp"
#include "support/memory.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

using droplit::detail::JsonEvents;
using droplit::detail::JsonKind;
using droplit::detail::JsonReader;

/// The events that were reported, as text: strings put together from their pieces.
class Reporter : public JsonEvents {
 public:
  explicit Reporter(std::size_t let_in = 0) noexcept : let_in_(let_in) {}

  std::string reported;

 private:
  void name(std::string_view name) final { reported.append(name).append(1, ':'); }
  void string(std::string_view piece, bool last) final { reported.append(piece).append(last ? "\"" : ""); }
  void scalar(JsonKind kind) final { reported += kind == JsonKind::null ? 'n' : kind == JsonKind::boolean ? 'b' : '#'; }
  bool begin(JsonKind kind) final {
    reported += kind == JsonKind::object ? '{' : '[';
    if (open_ == let_in_) return false;
    ++open_;
    return true;
  }
  void end() final {
    reported += '.';
    --open_;
  }

  std::size_t let_in_;  // how many levels are reported
  std::size_t open_ = 0;
};

std::string reported(std::string_view body, std::size_t let_in = 0) {
  Reporter reporter(let_in);
  JsonReader reader(reporter);
  return reader.finish(body) ? reporter.reported : "refused";
}

}  // namespace

static_assert(!std::is_copy_constructible_v<JsonReader> && !std::is_move_constructible_v<JsonReader>);
static_assert(JsonReader::max_depth == 32);

TEST_CASE("the members of one object are reported in order") {
  CHECK(reported("{}") == "");
  CHECK(reported(" { \"a\" : 1 , \"b\" : \"x\\n\" , \"\" : null } ") == "a:#b:x\n\":n");
  CHECK(reported(R"({"a":true,"b":false,"c":-1.5e3,"d":18446744073709551616,"a":""})") == "a:bb:bc:#d:#a:\"");
}

TEST_CASE("nothing is reported of what was not let in, not even its end") {
  constexpr std::string_view body = R"({"a":{"b":[1,{"c":"x"}],"d":null},"e":[[2],"y"],"f":3})";
  CHECK(reported(body, 0) == "a:{e:[f:#");
  CHECK(reported(body, 1) == "a:{b:[d:n.e:[[y\".f:#");
  CHECK(reported(body, 2) == "a:{b:[#{.d:n.e:[[#.y\".f:#");
  CHECK(reported(body, 3) == "a:{b:[#{c:x\"..d:n.e:[[#.y\".f:#");
}

TEST_CASE("what is no object is refused, at its first byte") {
  for (const std::string_view body :
       {"[]", "[{}]", "null", "true", "false", "0", "-1.5", "18446744073709551616", "\"\"", "\"x\"", "", " ", "1{}"}) {
    INFO(body);
    CHECK(reported(body) == "refused");
    Reporter reporter;
    JsonReader reader(reporter);
    reader.write(body.substr(0, 1));
    reader.write(body.substr(body.size() < 1 ? 0 : 1));
    CHECK_FALSE(reader.finish(""));
    CHECK(reporter.reported.empty());
  }
  for (const std::string_view piece : {"[", "\"x", "\"\\n", "null", "1 "}) {
    INFO(piece);
    Reporter reporter;
    JsonReader reader(reporter);
    CHECK_FALSE(reader.write(piece));
    CHECK_FALSE(reader.finish("{}"));
  }
}

TEST_CASE("an exponent may be of any length, in any value and cut anywhere") {
  const std::string digits(10'000, '9');
  for (const std::string& exponent : {std::string("e2147483647"), std::string("e2147483648"), "E+" + digits,
                                      "e-" + digits, "e" + std::string(40, '0') + "1", std::string("e-99999999999")}) {
    for (const std::string& mantissa :
         {std::string("0"), std::string("-1"), std::string("0.25"), std::string(40, '7')}) {
      const std::string number = mantissa + exponent;
      const std::string body = R"({"a":)" + number + R"(,"b":[{"c":)" + number + " },[[" + number + "," + number +
                               R"(]]],"d":{"e":"x","f":)" + number + "}}";
      for (const std::size_t let_in : {0u, 1u, 3u, 9u}) {
        Reporter expected(let_in);
        REQUIRE(JsonReader(expected).finish(R"({"a":1,"b":[{"c":1},[[1,1]]],"d":{"e":"x","f":1}})"));
        for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{5000}, body.size()}) {
          Reporter reporter(let_in);
          JsonReader reader(reporter);
          std::string_view rest = body;
          for (; rest.size() > size; rest.remove_prefix(size)) reader.write(rest.substr(0, size));
          if (!reader.finish(rest)) FAIL_CHECK(body.substr(0, 100) << " in pieces of " << size);
          if (reporter.reported != expected.reported) FAIL_CHECK(reporter.reported);
        }
      }
      for (const std::string_view after : {".5", "e1", "-", "+1", "x", "]", "\"", ""}) {
        CHECK(reported(R"({"a":)" + number + std::string(after)) == "refused");
        CHECK(reported(R"({"a":)" + number + std::string(after) + "}") == (after.empty() ? "a:#" : "refused"));
        CHECK(reported(R"({"a":[)" + number + std::string(after) + "}}") == "refused");
      }
    }
  }
  const std::string deep = R"({"a":)" + std::string(31, '[') + "1e" + digits;
  CHECK(reported(deep + std::string(31, ']') + "}") == "a:[");
  CHECK(reported(deep + ",[1]" + std::string(31, ']') + "}") == "refused");
  Reporter reporter;
  JsonReader reader(reporter);
  CHECK(reader.write(R"({"a":1e99999999999)"));
  reader.reset();
  CHECK_FALSE(reader.finish(R"(9{"b":{}})"));
  reader.reset();
  CHECK(reader.finish(R"({"b":{}})"));
  CHECK(reporter.reported == "a:b:{");
}

TEST_CASE("what comes after the object is refused, in the same piece or the next") {
  using namespace std::string_view_literals;
  for (const std::string_view rest : {"x"sv, "{}"sv, "}"sv, ","sv, "\0"sv}) {
    CHECK(reported("{}" + std::string(rest)) == "refused");
    Reporter reporter;
    JsonReader reader(reporter);
    CHECK(reader.write("{} "));
    CHECK_FALSE(reader.write(rest));
    CHECK_FALSE(reader.finish(""));
    reader.reset();
    CHECK(reader.write("{}"));
    CHECK_FALSE(reader.finish(rest));
  }
}

TEST_CASE("after a piece with more than the object nothing is read until a reset, however long that piece was") {
  Reporter reporter;
  JsonReader reader(reporter);
  CHECK(reader.write("{"));
  CHECK_FALSE(reader.write("}{" + std::string(20'000, ' ')));
  CHECK_FALSE(reader.write("{"));
  CHECK_FALSE(reader.finish("{}"));
  reader.reset();
  CHECK(reader.finish("{}"));
}

TEST_CASE("after the last piece nothing is read until a reset") {
  Reporter reporter;
  JsonReader reader(reporter);
  for (int round = 0; round != 2; ++round) {
    CHECK(reader.finish(R"({"a":1})"));
    CHECK_FALSE(reader.write(R"({"b":1)"));
    CHECK_FALSE(reader.finish("{}"));
    reader.reset();
  }
  CHECK(reporter.reported == "a:#a:#");
}

TEST_CASE("an object in one piece takes no memory, however long its names and texts are") {
  const std::string text(20'000, 'x');
  const std::string body = "{\"" + text + "\":\"" + text + "\"}";
  Reporter reporter;
  reporter.reported.reserve(4 * body.size());
  JsonReader reader(reporter);
  for (int round = 0; round != 2; ++round) {
    const std::size_t calls = memory::calls;
    const bool valid = reader.finish(body);
    const std::size_t taken = memory::calls - calls;
    CHECK(valid);
    CHECK(taken == 0);
    reader.reset();
  }
}

TEST_CASE("a long exponent takes no more memory than a short one that is beyond an int") {
  const auto taken = [](std::size_t digits) {
    const std::string body =
        R"({"a":)" + std::string(31, '[') + "1e" + std::string(digits, '9') + std::string(31, ']') + "}";
    Reporter reporter;
    JsonReader reader(reporter);
    const std::size_t calls = memory::calls;
    const bool valid = reader.finish(body);
    const std::size_t more = memory::calls - calls;
    CHECK(valid);
    return more;
  };
  CHECK(taken(10'000) == taken(11));
}

TEST_CASE("names come whole, and strings in pieces of which the last one is marked") {
  const std::string long_text(5000, 'x');
  const std::string body = "{\"" + long_text + "\":\"\\u00e9" + long_text + "\\ud83d\\ude00\"}";
  const std::string whole = long_text + ":\xC3\xA9" + long_text + "\xF0\x9F\x98\x80\"";
  CHECK(reported(body) == whole);
  for (const std::size_t size : {1u, 2u, 3u, 1000u, 4096u}) {
    Reporter reporter;
    JsonReader reader(reporter);
    std::string_view rest = body;
    for (; rest.size() > size; rest.remove_prefix(size)) CHECK(reader.write(rest.substr(0, size)));
    CHECK(reader.finish(rest));
    CHECK((reporter.reported == whole));
  }
}

TEST_CASE("a character that is cut and goes on in a long piece is the same") {
  for (const std::string& character :
       {std::string("\\n"), std::string("\\u00e9"), std::string("\\u20ac"), std::string("\\ud83d\\ude00"),
        std::string("\xC3\xA9"), std::string("\xE2\x82\xAC"), std::string("\xF0\x9F\x98\x80")}) {
    for (const std::string& before : {std::string("{\""), std::string("{\"a\":\""), std::string("{\"a\":\"\\t")}) {
      const std::string after = before == "{\"" ? "\":1}" : "\"}";
      for (std::size_t cut = 1; cut != character.size(); ++cut) {
        for (const std::size_t size :
             {0U, 4085U, 4089U, 4090U, 4091U, 4092U, 4093U, 4094U, 4095U, 4096U, 4097U, 8190U, 8200U, 20000U}) {
          const std::string body = before + character + std::string(size, 'x') + character + after;
          const std::size_t at = before.size() + cut;
          Reporter reporter(1);
          JsonReader reader(reporter);
          CHECK(reader.write(body.substr(0, at)));
          CHECK(reader.finish(body.substr(at)));
          if (reporter.reported != reported(body, 1))
            FAIL_CHECK("read otherwise: " << body.substr(0, at) << " | " << size);
        }
      }
    }
  }
}

TEST_CASE("32 levels are read and 33 are not") {
  CHECK(reported("{\"a\":" + std::string(31, '[') + std::string(31, ']') + "}") == "a:[");
  CHECK(reported("{\"a\":" + std::string(32, '[') + std::string(32, ']') + "}") == "refused");
  CHECK(reported("{\"a\":" + std::string(31, '[') + std::string(31, ']') + "}", 100) ==
        "a:" + std::string(31, '[') + std::string(31, '.'));
}

TEST_CASE("a reader whose events throw refuses everything until it is reset") {
  struct Thrower : JsonEvents {
    void name(std::string_view) final { throw 7; }
    void string(std::string_view, bool) final {}
    void scalar(JsonKind) final {}
    bool begin(JsonKind) final { return false; }
    void end() final {}
  } thrower;
  JsonReader reader(thrower);
  CHECK_THROWS_AS(reader.write("{\"a\":1"), int);
  CHECK_FALSE(reader.write("}"));
  CHECK_FALSE(reader.finish("{}"));
  reader.reset();
  CHECK(reader.finish("{}"));
}

TEST_CASE("nothing of a name that was cut by a reset is left") {
  Reporter reporter;
  JsonReader reader(reporter);
  CHECK(reader.write("{\"a"));
  reader.reset();
  CHECK(reader.finish("{\"\\u0062\":1}"));
  CHECK(reporter.reported == "b:#");
}

TEST_CASE("after a reset within what was not let in the next object is reported") {
  Reporter reporter;
  JsonReader reader(reporter);
  CHECK(reader.write(R"({"a":[)"));
  reader.reset();
  CHECK(reader.finish(R"({"b":1})"));
  CHECK(reporter.reported == "a:[b:#");
}
