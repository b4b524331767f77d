// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What a broken or hostile service may do to a client: each one must end as a fault that is maybe applied, in bounded
// time and memory.
#pragma once

#include <droplit/testing/scripted_server.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace test {

struct Misbehaviour {
  std::string name;
  droplit::ScriptedServer::Script script;
  std::string response = {};  ///< where it is a response and no more, the bytes of that
  bool is_endless = false;    ///< only the client's time limit ends it
};

/// A gzip stream of `megabytes` MiB of the letter a, about a hundredth of a percent of that.
inline std::string gzip_bomb(std::size_t megabytes) {
  std::string out("\x1F\x8B\x08\0\0\0\0\0\0\xFF", 10);
  std::uint32_t bits = 0;
  int count = 0;
  const auto put = [&](std::uint32_t value, int size) {  // least significant bit first
    bits |= value << count;
    for (count += size; count >= 8; count -= 8) {
      out += static_cast<char>(bits & 0xFF);
      bits >>= 8;
    }
  };
  const auto reversed = [](std::uint32_t code, int size) {
    std::uint32_t value = 0;
    for (int i = 0; i != size; ++i) value |= (code >> i & 1) << (size - 1 - i);
    return value;
  };
  put(1, 1);                        // the last block
  put(1, 2);                        // with the fixed codes of RFC 1951
  put(reversed(0x30 + 'a', 8), 8);  // the letter
  for (std::size_t left = megabytes << 20; left > 258; left -= 258) {
    put(reversed(0xC5, 8), 8);  // 258 times again
    put(0, 5);                  // what is one byte before
  }
  put(0, 7);  // the end
  put(0, 7);
  return out + std::string(8, '\0');
}

inline std::string as_chunk(std::string_view data) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, data.size(), 16).ptr;
  return std::string(digits, end).append("\r\n").append(data).append("\r\n");
}

inline const std::string a_created =
    R"({"createdAt":"2018-02-28T15:16:58.941Z","ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","type":"application"})";

inline std::string a_response(std::string_view status_line, std::string_view fields, std::string_view body) {
  return std::string("HTTP/1.1 ").append(status_line).append("\r\n").append(fields).append("\r\n").append(body);
}

/// The same with its right length.
inline std::string with_length(std::string_view status_line, std::string fields, std::string_view body) {
  return a_response(status_line, fields + "content-length: " + std::to_string(body.size()) + "\r\n", body);
}

/// All that is tried. `elsewhere` is the URL of another host, which no redirect must lead to.
inline std::vector<Misbehaviour> misbehaviours(const std::string& elsewhere) {
  std::vector<Misbehaviour> all;
  const auto say = [&all](std::string name, const std::string& bytes) {
    all.push_back({std::move(name),
                   [bytes](droplit::ScriptedConnection& connection) {
                     if (!connection.read_request()) return;
                     connection.send(bytes);
                     connection.wait_for_close(std::chrono::milliseconds(20));
                   },
                   bytes});
  };
  const auto go_on = [&all](std::string name, std::string first, std::string again, int pause = 0) {
    all.push_back({std::move(name), [=](droplit::ScriptedConnection& connection) {
                     if (!connection.read_request() || !connection.send(first)) return;
                     while (connection.send(again)) {
                       if (pause != 0 && connection.wait_for_close(std::chrono::milliseconds(pause))) return;
                     }
                   }});
    all.back().is_endless = pause != 0;
  };
  const std::string json = "content-type: application/json\r\n";
  const std::string good = with_length("201 Created", json, a_created);

  all.push_back({"closes without reading",
                 [](droplit::ScriptedConnection&) { std::this_thread::sleep_for(std::chrono::milliseconds(50)); }});
  all.push_back({"resets without reading", [](droplit::ScriptedConnection& connection) {
                   std::this_thread::sleep_for(std::chrono::milliseconds(50));  // or no client is connected yet
                   connection.reset();
                 }});
  all.push_back(
      {"closes after the request", [](droplit::ScriptedConnection& connection) { connection.read_request(); }});
  all.push_back({"resets after the request", [](droplit::ScriptedConnection& connection) {
                   connection.read_request();
                   connection.reset();
                 }});
  all.push_back({"says nothing", [](droplit::ScriptedConnection& connection) {
                   connection.read_request();
                   connection.wait_for_close(std::chrono::seconds(60));
                 }});
  all.back().is_endless = true;

  go_on("one byte of a status line a second", "H", "T", 1000);
  go_on("one byte of a head a second", "HTTP/1.1 201 Created\r\nx: ", "y", 1000);
  go_on("one byte of a body a second", a_response("201 Created", json + "content-length: 1000\r\n", "{"), " ", 1000);
  go_on("a line of a head without end", "HTTP/1.1 201 Created\r\nx: ", std::string(8192, 'y'));
  go_on("fields without end", "HTTP/1.1 201 Created\r\n", "x: y\r\n");
  go_on("1xx without end", "", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
  go_on("100 without end", "", "HTTP/1.1 100 Continue\r\n\r\n");
  go_on("a body without end", a_response("201 Created", json + "content-length: 67108864\r\n", ""),
        std::string(8192, ' '));
  go_on("a body without end or length", a_response("201 Created", json, ""), std::string(8192, ' '));
  go_on("chunks without end", a_response("201 Created", json + "transfer-encoding: chunked\r\n", ""),
        as_chunk(std::string(8192, ' ')));
  go_on("a chunk extension without end", a_response("201 Created", json + "transfer-encoding: chunked\r\n", "1;"),
        std::string(8192, 'x'));
  all.back().is_endless = true;
  go_on("trailers without end",
        a_response("201 Created", json + "transfer-encoding: chunked\r\n", as_chunk(a_created) + "0\r\n"), "x: y\r\n");
  go_on("a trailer line without end",
        a_response("201 Created", json + "transfer-encoding: chunked\r\n", as_chunk(a_created) + "0\r\nx: "),
        std::string(8192, 'y'));
  go_on("a status text without end", "HTTP/1.1 201 ", std::string(8192, 'C'));

  for (const char* length : {"1", "100", "1000", "-1", "0x80", "1,1", "99999999999999999999999", "x", ""}) {
    say("content-length: " + std::string(length),
        a_response("201 Created", json + "content-length: " + length + "\r\n", a_created));
  }
  const std::string right = "content-length: " + std::to_string(a_created.size()) + "\r\n";
  say("two lengths", a_response("201 Created", json + "content-length: 10\r\n" + right, a_created));
  say("a length and chunks", a_response("201 Created", json + right + "transfer-encoding: chunked\r\n", a_created));
  say("a chunk size that is none", a_response("201 Created", json + "transfer-encoding: chunked\r\n", "zz\r\n"));
  say("a chunk size beyond 64 bits",
      a_response("201 Created", json + "transfer-encoding: chunked\r\n", "fffffffffffffffffff\r\n"));
  say("a chunk that is cut", a_response("201 Created", json + "transfer-encoding: chunked\r\n", "ff\r\n" + a_created));
  say("an unknown transfer coding", a_response("201 Created", json + "transfer-encoding: rot13\r\n", a_created));

  const std::string bomb = gzip_bomb(64);
  say("a bomb of gzip", with_length("201 Created", json + "content-encoding: gzip\r\n", bomb));
  say("a bomb of gzip as a transfer coding",
      a_response("201 Created", json + "transfer-encoding: gzip, chunked\r\n", as_chunk(bomb) + "0\r\n\r\n"));
  say("a bomb for a 400", with_length("400 Bad Request", json + "content-encoding: gzip\r\n", bomb));

  for (const char* status :
       {"301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent", "300 Choices"}) {
    say("redirect " + std::string(status), with_length(status, "location: " + elsewhere + "/api/clients\r\n", ""));
  }
  say("a redirect to a file", with_length("302 Found", "location: file:///etc/passwd\r\n", ""));
  say("a 401 that asks for Basic",
      with_length("401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n" + json, "{}"));
  say("a 407", with_length("407 Proxy Authentication Required", "proxy-authenticate: Basic realm=\"x\"\r\n", ""));
  say("refresh", with_length("200 OK", "refresh: 0; url=" + elsewhere + "\r\n", ""));

  say("200", with_length("200 OK", json, a_created));
  say("204", a_response("204 No Content", "", ""));
  say("202", with_length("202 Accepted", json, a_created));
  say("a 201 of HTML", with_length("201 Created", "content-type: text/html\r\n", "<html>"));
  say("a 201 of two content types", with_length("201 Created", json + json, a_created));
  say("an empty 201", with_length("201 Created", json, ""));
  say("a 201 without length or body", a_response("201 Created", json, ""));
  say("a 401 without length or body", a_response("401 Unauthorized", "", ""));
  say("a 503 without length or body", a_response("503 Service Unavailable", "retry-after: 1\r\n", ""));
  say("a 201 that is an array", with_length("201 Created", json, "[" + a_created + "]"));
  say("a 201 with a tail", with_length("201 Created", json, a_created + "{}"));
  say("a deep 201", with_length("201 Created", json, std::string(100'000, '[')));
  say("a 201 of many members", with_length(
                                   "201 Created", json, "{" + [] {
                                     std::string members;
                                     for (int i = 0; i != 50'000; ++i)
                                       members += "\"m" + std::to_string(i) + "\":" + std::to_string(i) + ",";
                                     return members + "\"id\":1}";
                                   }()));
  say("a 201 of long numbers", with_length("201 Created", json, "{\"id\":" + std::string(500'000, '9') + "}"));
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = a_created;
    changed.replace(changed.find(from), from.size(), to);
    return with_length("201 Created", json, changed);
  };
  say("a 201 with another ecosystem", with("3ad24", "3ad99"));
  say("a 201 of another type", with("application", "server"));
  say("a 201 of an unknown type", with("application", "gateway"));
  say("a 201 with a bad id", with("594b89aea18568c408c3ad25", "../../etc/passwd"));
  say("a 201 with a bad time", with("02-28", "02-30"));
  say("a 201 with a number for an id", with("\"594b89aea18568c408c3ad25\"", "12"));
  say("a 201 without an id", with("\"id\"", "\"ID\""));
  say("a 201 with a name that is no UTF-8", with("\"type\"", "\"name\":\"\xFF\",\"type\""));
  say("a 201 with U+0000 in a name", with("\"type\"", "\"name\":\"\\u0000\",\"type\""));

  say("a 400 with an unknown message",
      with_length("400 Bad Request", json,
                  R"({"errorType":"InvalidParams","errors":[{"in":"body","message":"no","path":"type"}]})"));
  std::string many = R"({"errorType":"InvalidParams","errors":[)";
  for (int i = 0; i != 10'000; ++i) many += R"({"in":"body","message":"field is required","path":"type"},)";
  many.back() = ']';
  say("a 400 of ten thousand entries", with_length("400 Bad Request", json, many + "}"));
  say("a 404 with escape sequences", with_length("404 Not Found", "content-type: text/plain; charset=utf-8\r\n",
                                                 "Ecosystem with id \x1B[31m\x1B]0;owned\x07 does not exist."));
  say("a 500", with_length("500 Internal Server Error", json, R"({"errorType":"Internal Server Error"})"));
  say("a 500 of HTML", with_length("500 Oops", "content-type: text/html\r\n", "<h1>\x1B[2J</h1>"));
  for (const char* after : {"2", "-1", "0", "999999999999", "Wed, 21 Oct 2015 07:28:00 GMT", "1, 1"}) {
    say("a 503 with retry-after: " + std::string(after),
        with_length("503 Service Unavailable", std::string("retry-after: ") + after + "\r\n", ""));
  }
  say("a 503 of a proxy", with_length("503 Service Unavailable", "retry-after: 1\r\n", "<html>"));
  say("a 503 with a content type", with_length("503 Service Unavailable", "retry-after: 1\r\n" + json, ""));
  say("a 503 in chunks",
      a_response("503 Service Unavailable", "retry-after: 1\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"));
  const std::string text = "content-type: text/plain; charset=utf-8\r\n";
  say("a 404 that names another ecosystem",
      with_length("404 Not Found", text, "Ecosystem with id C594b89aea18568c408c3ad99 does not exist."));
  for (const char* coding : {"gzip", "br", "identity, gzip", "x"}) {
    const std::string encoded = "content-encoding: " + std::string(coding) + "\r\n";
    say("a plain 201 said to be " + std::string(coding), with_length("201 Created", json + encoded, a_created));
    say("a 401 said to be " + std::string(coding), with_length("401 Unauthorized", encoded, ""));
    say("a 403 said to be " + std::string(coding),
        with_length("403 Forbidden", text + encoded, "Token type not permitted!"));
    say("a 503 said to be " + std::string(coding),
        with_length("503 Service Unavailable", "retry-after: 1\r\n" + encoded, ""));
  }
  say("a 502", with_length("502 Bad Gateway", "", ""));
  say("status 999", with_length("999 Odd", "", ""));
  say("status 600", with_length("600 Odd", json, a_created));
  say("status 2011", with_length("2011 Created", json, a_created));
  say("status 20x", with_length("20x Created", json, a_created));
  say("status 000", with_length("000 Nothing", json, a_created));

  say("101", a_response("101 Switching Protocols", "upgrade: x\r\nconnection: upgrade\r\n", good));
  say("a 103 and then the end", a_response("103 Early Hints", "link: </a>\r\n", ""));
  say("HTTP/0.9", a_created);
  say("an SSH server", "SSH-2.0-OpenSSH_9.2\r\n");
  say("a TLS server", std::string("\x15\x03\x01\x00\x02\x02\x46", 7));
  say("zeros", std::string(1000, '\0'));
  say("a NUL in a field", a_response("201 Created", json + std::string("x: a\0b\r\n", 8) + right, a_created));
  say("a bare CR in a field", a_response("201 Created", json + "x: a\rcontent-length: 1\r\n" + right, a_created));
  say("a folded field", a_response("201 Created", json + "x: a\r\n b\r\n" + right, a_created));
  for (const std::string space : {" ", "\t", "  \t "}) {
    say("a first field behind white space: " + std::to_string(space.size()) + (space[0] == '\t' ? ", a tab" : ""),
        "HTTP/1.1 201 Created\r\n" + space + "x: y\r\n" + json + right + "\r\n" + a_created);
  }
  say("a head of nothing but a folded field", "HTTP/1.1 201 Created\r\n XXXX: y\r\n\r\n");
  say("a folded line that goes on a 1xx",
      "HTTP/1.1 103 Early Hints\r\nx: a\r\n\r\nHTTP/1.1 201 Created\r\n b\r\n" + (json + right + "\r\n" + a_created));
  say("a folded trailer",
      a_response("201 Created", json + "transfer-encoding: chunked\r\n", as_chunk("{}") + "0\r\n x: y\r\n\r\n"));
  say("a line without a colon", a_response("201 Created", json + "nothing\r\n" + right, a_created));
  say("a space before the colon", a_response("201 Created", json + "x : y\r\n" + right, a_created));
  say("a status line among the fields",
      a_response("201 Created", json + "HTTP/1.1 503 : x\r\nretry-after: 1\r\ncontent-length: 0\r\n", ""));
  say("a status line among the fields of a whole answer",
      a_response("201 Created", json + "HTTP/1.1 401 : x\r\ncontent-length: 0\r\n", a_created));
  say("HTTP/2 in clear text", "HTTP/2 201\r\n" + json + right + "\r\n" + a_created);
  say("HTTP/3 in clear text", "HTTP/3 201\r\n" + json + right + "\r\n" + a_created);
  return all;
}

}  // namespace test
