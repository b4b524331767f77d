// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Changes HTTP/1.1 by its lines: fields of framing, lengths that are right or nearly so, chunks, further requests.
#pragma once

#include "json_mutator.hpp"
#include "message.hpp"
#include "target.hpp"

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

inline std::string any_framing(Random& random) {
  return random.any({"Host: a",
                     "host: [::1]:8080",
                     "Host:",
                     "Connection: close",
                     "connection: keep-alive",
                     "Expect: 100-continue",
                     "Transfer-Encoding: chunked",
                     "transfer-encoding: gzip",
                     "transfer-encoding: identity",
                     "Content-Length: 0",
                     "content-length: 2",
                     "Content-Length: 64",
                     "content-length: +1",
                     "content-length: 1, 1",
                     "content-length: 18446744073709551616",
                     "content-length: 5000",
                     " folded",
                     "x : y",
                     "x",
                     ":",
                     "x: \x7F"});
}

inline std::string in_chunks(std::string_view body, Random& random) {
  std::string out;
  while (!body.empty()) {
    const std::size_t size = 1 + random.below(body.size());
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, size, 16).ptr;
    out.append(digits, end);
    if (random.one_in(4)) out += random.any({";a", ";a=b", ";a=\"b\\\"\"", ";", " ", ";a=", ";a=b=c"});
    out += "\r\n" + std::string(body.substr(0, size)) + "\r\n";
    body.remove_prefix(size);
  }
  return out + "0\r\n" +
         (random.one_in(4) ? random.any({"x: y\r\n", "content-length: 1\r\n", " x: y\r\n", "x\r\n"}) : "") + "\r\n";
}

inline std::string any_http_request(Random& random) {
  std::string body = random.one_in(3) ? "" : R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})";
  if (!body.empty() && random.one_in(3)) mutate_json(body, random);
  std::string out = random.any({"POST", "POST", "POST", "POST", "GET", "HEAD", "OPTIONS", "PUT"}) + ' ' +
                    random.any({"/api/clients", "/api/clients", "/api/clients", "/v0/api/clients/", "/", "*",
                                "/api/clients?a=b", "http://a/api/clients", "/api/clients#"}) +
                    ' ' + random.any({"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2"}) + "\r\nhost: a\r\n";
  for (std::size_t n = random.below(3); n != 0; --n) out += any_field(random) + "\r\n";
  if (random.one_in(2)) out += "authorization: account-token\r\ncontent-type: application/json\r\n";
  if (random.one_in(6)) out += any_framing(random) + "\r\n";
  if (random.one_in(3)) return out + "transfer-encoding: chunked\r\n\r\n" + in_chunks(body, random);
  if (body.empty()) return out + "\r\n";
  const std::size_t length = body.size() - (random.one_in(8) ? random.below(2) : 0) + (random.one_in(8) ? 1 : 0);
  return out + "content-length: " + std::to_string(length) + "\r\n\r\n" + body;
}

inline void mutate_http(std::string& wire, Random& random) {
  // Where lines begin.
  std::vector<std::size_t> lines{0};
  for (std::size_t i = wire.find("\r\n"); i != std::string::npos; i = wire.find("\r\n", i + 2)) lines.push_back(i + 2);
  const std::size_t at = lines[random.below(lines.size())];
  const std::size_t end = std::min(wire.find("\r\n", at), wire.size());
  const std::string line = wire.substr(at, end - at) + "\r\n";
  switch (random.below(8)) {
    case 0: wire += any_http_request(random); break;
    case 1: wire.insert(at, any_http_request(random)); break;
    case 2: wire.insert(at, any_framing(random) + "\r\n"); break;
    case 3: wire.insert(at, any_field(random) + "\r\n"); break;
    case 4: wire.erase(at, line.size()); break;
    case 5: wire.insert(at, line); break;
    case 6: {  // the body behind the last head, changed, with its length
      const std::size_t head = wire.rfind("\r\n\r\n");
      if (head == std::string::npos) break;
      std::string body = wire.substr(head + 4);
      mutate_json(body, random);
      wire = wire.substr(0, head) + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      break;
    }
    default: wire.insert(at, random.any({"\r\n", "\n", "\r", " ", "\t", "0\r\n\r\n", ":", "HTTP/1.1 "})); break;
  }
}

}  // namespace fuzz
