// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A request or a response as readable text, the input of targets that frame nothing: a first line, a line for each
// field, an empty line, the body.
#pragma once

#include "json_mutator.hpp"
#include "target.hpp"

#include <droplit/http.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

struct Message {
  std::string_view first_line;
  std::vector<droplit::HeaderField> fields;
  std::string_view body;
};

inline Message read_message(std::string_view text) {
  Input in(text);
  Message message{in.take_until('\n'), {}, {}};
  for (std::string_view line = in.take_until('\n'); !line.empty(); line = in.take_until('\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    message.fields.push_back({line.substr(0, colon), line.substr(colon + 1)});
  }
  message.body = in.rest();
  return message;
}

inline std::string any_field(Random& random) {
  return random.any({"authorization: account-token",
                     "authorization: server-token",
                     "authorization: user-token",
                     "authorization: nobody",
                     "content-type: application/json",
                     "Content-Type: Application/JSON; charset=\"UTF-8\"",
                     "content-type: text/plain",
                     "content-type: application/json;",
                     "content-encoding: identity",
                     "content-encoding: gzip",
                     "idempotency-key: k1",
                     "idempotency-key: \"k1\"",
                     "idempotency-key: k2",
                     "idempotency-key: \"k",
                     "idempotency-replayed: true",
                     "idempotency-replayed: false",
                     "retry-after: 1",
                     "content-length: 0",
                     "content-length: 3",
                     "content-type: text/plain; charset=utf-8"});
}

/// Changes a message by its lines, or its body by its tokens.
inline void mutate_message(std::string& text, Random& random) {
  const std::size_t end = text.find("\n\n");
  if (end == std::string::npos || random.one_in(2)) {
    std::string body = end == std::string::npos ? "" : text.substr(end + 2);
    mutate_json(body, random);
    text = text.substr(0, end) + "\n\n" + body;
    return;
  }
  std::vector<std::string> lines;
  Input head(std::string_view(text).substr(0, end));
  while (!head.empty()) lines.emplace_back(head.take_until('\n'));
  const std::size_t i = random.below(lines.size() + 1);
  switch (random.below(4)) {
    case 0: lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(i), any_field(random)); break;
    case 1:
      if (i < lines.size()) lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    case 2:
      if (i < lines.size()) lines.push_back(lines[i]);
      break;
    default:
      if (i < lines.size()) lines[i] = any_field(random);
      break;
  }
  std::string changed;
  for (const std::string& line : lines) changed += line + '\n';
  text = changed + text.substr(end + 1);
}

}  // namespace fuzz
