// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Changes JSON by its tokens, with the names and values that the contract knows.
#pragma once

#include "target.hpp"

#include "support/model/bodies.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

/// Where the tokens of a text begin that is JSON or nearly so: strings, numbers and words as one, else one character.
inline std::vector<std::size_t> token_starts(std::string_view text) {
  std::vector<std::size_t> starts;
  const auto is_word = [](char c) { return std::string_view("{}[]:,\" \t\r\n").find(c) == std::string_view::npos; };
  for (std::size_t i = 0; i < text.size();) {
    starts.push_back(i);
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
      ++i;
    } else if (is_word(text[i])) {
      while (i < text.size() && is_word(text[i])) ++i;
    } else {
      ++i;
    }
  }
  return starts;
}

inline std::string any_json_value(Random& random) {
  return random.any({"null",
                     "true",
                     "0",
                     "-1.5e300",
                     "\"\"",
                     "\"server\"",
                     "\"application\"",
                     "\"Lobby\"",
                     "[]",
                     "{}",
                     "\"C594b89aea18568c408c3ad24\"",
                     "\"C594B89AEA18568C408C3AD24\"",
                     "\"594b89aea18568c408c3ad25\"",
                     "\"2018-02-28T15:16:58.941Z\"",
                     "\"\\u0000\"",
                     "\"\\ud83d\\ude00\"",
                     "\"\\ud83d\"",
                     "\"\xC3\xA9\"",
                     "\"account\"",
                     "\"user\"",
                     "[[[]]]",
                     "{\"name\":{}}",
                     "[\"C594b89aea18568c408c3ad24\"]"});
}

inline std::string any_json_member(Random& random) {
  return random.any({"\"ecosystemId\":", "\"type\":", "\"name\":", "\"description\":", "\"id\":", "\"createdAt\":",
                     "\"x\":", "\"\":", "\"n\\u0061me\":", "\"errors\":", "\"errorType\":", "\"in\":", "\"message\":",
                     "\"path\":", "\"tokens\":", "\"token\":", "\"kind\":", "\"ecosystems\":"}) +
         any_json_value(random);
}

inline void mutate_json(std::string& text, Random& random) {
  if (random.one_in(50)) {
    text = model::Bodies(static_cast<unsigned>(random.below(1u << 30))).next();
    return;
  }
  const std::vector<std::size_t> starts = token_starts(text);
  if (starts.empty()) {
    text = '{' + any_json_member(random) + '}';
    return;
  }
  const auto end_of = [&](std::size_t i) { return i + 1 < starts.size() ? starts[i + 1] : text.size(); };
  const std::size_t i = random.below(starts.size());
  const std::size_t at = starts[i];
  const std::string token = text.substr(at, end_of(i) - at);
  switch (random.below(9)) {
    case 0: text.erase(at, token.size()); break;
    case 1: text.insert(at, token); break;
    case 2: {  // another one in its place
      const std::size_t j = random.below(starts.size());
      text.replace(at, token.size(), text.substr(starts[j], end_of(j) - starts[j]));
      break;
    }
    case 3:
    case 4: {  // a further member, in front or at the end
      const std::string member = any_json_member(random);
      const std::size_t close = text.rfind('}');
      if (random.one_in(2) || close == std::string::npos) {
        const std::size_t open = text.find('{', at);
        text.insert(open == std::string::npos ? 0 : open + 1, member + ',');
      } else {
        text.insert(close, ',' + member);
      }
      break;
    }
    case 5: text.replace(at, token.size(), any_json_value(random)); break;
    case 6: {  // deeper
      const std::size_t depth = random.one_in(4) ? 30 + random.below(4) : 1 + random.below(3);
      text.replace(at, token.size(), std::string(depth, '[') + token + std::string(depth, ']'));
      break;
    }
    case 7: {  // a character of a string as an escape
      if (token.size() < 3 || token[0] != '"') break;
      const std::size_t in = 1 + random.below(token.size() - 2);
      const auto c = static_cast<unsigned char>(token[in]);
      if (c >= 0x80 || c == '\\') break;
      text.replace(at + in, 1, std::string("\\u00") + "0123456789abcdef"[c / 16] + "0123456789ABCDEF"[c % 16]);
      break;
    }
    default:
      text.insert(at, random.any({" ", "\n", "\r\n", "\t", ",", ":", "\"", "\\", "/**/", "\xEF\xBB\xBF"}));
      break;
  }
}

}  // namespace fuzz
