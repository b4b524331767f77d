// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Bodies to try readers with: usually close to valid ones, since that is where readers differ.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <random>
#include <string>

namespace model {

/// A stream of bodies, the same for the same seed.
class Bodies {
 public:
  explicit Bodies(unsigned seed) : random_(seed) {}

  std::string next() {
    if (one_in(200)) return any({"", " ", "null", "[]", "{}", "\xEF\xBB\xBF{}", "\"\"", "0", "{]", "{\"\":{}}"});
    std::string body = space() + "{" + space();
    const std::size_t members = one_in(100) ? 0 : 1 + below(7);
    for (std::size_t i = 0; i != members; ++i) {
      if (i != 0) body += one_in(300) ? any({"", ",,", ";"}) : ",";
      body += space() + member() + space();
    }
    body += one_in(300) ? any({"", "]", ",}", "}}", "}x"}) : "}";
    body += space();
    if (one_in(30)) damage(body);
    return body;
  }

  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool one_in(std::size_t n) { return random_() % n == 0; }

 private:
  std::string any(std::initializer_list<const char*> of) { return of.begin()[below(of.size())]; }

  std::string space() {
    if (one_in(500)) return any({"\v", "\xC2\xA0", "/**/", "\f"});
    return one_in(5) ? any({" ", "\n", "\r\n", "\t", "  \n    "}) : std::string();
  }

  std::string member() {
    const std::string colon = space() + (one_in(300) ? any({"", "::", ","}) : ":") + space();
    switch (below(9)) {
      case 0:
      case 1: return name("ecosystemId") + colon + (one_in(8) ? value(3) : id());
      case 2:
      case 3: return name("type") + colon + (one_in(8) ? value(3) : type());
      case 4:
      case 5: return name("name") + colon + (one_in(6) ? value(3) : string());
      case 6:
      case 7: return name("description") + colon + (one_in(6) ? value(3) : string());
      default:
        return (one_in(3) ? string() : any({"\"ecosystem\"", "\"x\"", "\"Name\"", "\"\"", "\"id\""})) + colon +
               value(4);
    }
  }

  // The name as it is, or with one of its characters as an escape.
  std::string name(std::string text) {
    if (one_in(12)) {
      const std::size_t at = below(text.size());
      const std::string hex = "0123456789abcdef";
      const auto c = static_cast<unsigned char>(text[at]);
      text = text.substr(0, at) + "\\u00" + hex[c / 16] + hex[c % 16] + text.substr(at + 1);
    }
    return "\"" + text + "\"";
  }

  std::string id() {
    if (!one_in(3)) return "\"C594b89aea18568c408c3ad24\"";
    return any({"\"C594b89aea18568c408c3ad24\"", "\"C594b89aea18568c408c3ad24\"", "\"C594B89AEA18568C408C3AD24\"",
                "\"C594b89aea18568c408c3ad2d\"", "\"C594b89aea18568c408c3ad2e\"", "\"Cff4b89aea18568c408c3ad24\"",
                "\"c594b89aea18568c408c3ad24\"", "\"C594b89aea18568c408c3ad2\"", "\"C594b89aea18568c408c3ad24a\"",
                "\"C594b89aea18568c408c3ag24\"", "\"C\\u0035\\u0039\\u0034b89aea18568c408c3ad24\"",
                "\"C594b89aea18568c408c3ad24", "\"\"", "\"C594b89aea18568c408c3ad24\\u0000\""});
  }

  std::string type() {
    if (!one_in(3)) return any({"\"application\"", "\"server\""});
    return any({"\"application\"", "\"application\"", "\"server\"", "\"server\"", "\"Server\"", "\"serve\"",
                "\"servers\"", "\"s\\u0065rver\"", "\"server\\u0000\"", "\"\""});
  }

  std::string string() {
    std::string all = "\"";
    const bool is_long = one_in(12);
    for (auto n = below(is_long ? 120 : 9); n != 0; --n) {
      all += one_in(is_long ? 600 : 60) ? any({"\\u0000",
                                               "\\ud83d",
                                               "\\udc00",
                                               "\\ud83d\\u0041",
                                               "\\ud83d\\ud83d",
                                               "\\uDBFF\\uE000",
                                               "\\u12g4",
                                               "\\x",
                                               "\xED\xA0\x80",
                                               "\xF4\x90\x80\x80",
                                               "\xC0\x80",
                                               "\xFF",
                                               "\x1F",
                                               "\n",
                                               "\\",
                                               "\xC3",
                                               "\xE2\x82",
                                               "\xF0\x9F\x98",
                                               "\x80",
                                               "\xE0\x9F\xBF",
                                               "\xF0\x8F\xBF\xBF"})
                                        : any({"a",
                                               "Lobby panel",
                                               "0123456789abcdef",
                                               "\\n",
                                               "\\\"",
                                               "\\\\",
                                               "\\/",
                                               "\\b\\f\\r\\t",
                                               "\\u00e9",
                                               "\\u001F",
                                               "\\ud83d\\ude00",
                                               "\\uD800\\uDC00",
                                               "\\uDBFF\\uDFFF",
                                               "\\uFFFF",
                                               "\xC3\xA9",
                                               "\xE2\x82\xAC",
                                               "\xEF\xBF\xBF",
                                               "\xF0\x90\x80\x80",
                                               "\xF4\x8F\xBF\xBF",
                                               "\x7F",
                                               "\xE2\x80\xA8"});
    }
    return all + (one_in(400) ? "" : "\"");
  }

  std::string number() {
    if (one_in(20))
      return any({"01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "-01", "1.e1", "--1", "NaN", "-Infinity"});
    std::string all = any({"", "", "-"}) + any({"0", "7", "18446744073709551616", "123456789012345678901234567890"});
    if (one_in(3)) all += any({".0", ".5", ".000000000000000000000001"});
    if (one_in(3)) all += any({"e", "E"}) + any({"", "+", "-"}) + any({"0", "9", "400", "99999", "0000000001"});
    return all;
  }

  std::string value(int levels) {
    switch (below(levels > 0 ? 8 : 6)) {
      case 0: return "null";
      case 1: return one_in(20) ? any({"nul", "nullx", "True", "nan", "", "tru", "falsee"}) : any({"true", "false"});
      case 2:
      case 3: return number();
      case 4:
      case 5: return string();
      case 6: {
        if (one_in(40)) {
          const std::size_t depth = 28 + below(7);
          return std::string(depth, '[') + std::string(one_in(10) ? depth - 1 : depth, ']');
        }
        std::string all = "[" + space();
        for (auto n = below(4); n != 0; --n) all += value(levels - 1) + space() + (n != 1 ? "," : "") + space();
        return all + (one_in(100) ? any({",]", "}", ""}) : "]");
      }
      default: {
        std::string all = "{" + space();
        for (auto n = below(4); n != 0; --n) {
          all += string() + space() + (one_in(100) ? any({"", ",", "::"}) : ":") + space();
          all += value(levels - 1) + space() + (n != 1 ? "," : "") + space();
        }
        return all + (one_in(100) ? any({",}", "]", ""}) : "}");
      }
    }
  }

  // One byte lost, doubled, replaced, or the rest cut off.
  void damage(std::string& body) {
    if (body.empty()) return;
    const std::size_t at = below(body.size());
    switch (below(4)) {
      case 0: body.erase(at, 1); break;
      case 1: body.insert(at, 1, body[at]); break;
      case 2: body[at] = static_cast<char>(random_()); break;
      default: body.resize(at); break;
    }
  }

  std::mt19937 random_;
};

}  // namespace model
