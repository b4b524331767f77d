// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/server/detail/head_check.hpp>

#include <droplit/detail/http/host.hpp>
#include <droplit/server/detail/date.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace {

using droplit::ApiErrc;
using droplit::detail::HeadParser;
using droplit::detail::HeadScanner;
using droplit::detail::ParsedHead;

struct Verdict {
  std::optional<ApiErrc> refusal;
  bool complete = false;
  ParsedHead head;
};

/// Shows the scanner more and more of `bytes`, `step` at a time, as a connection does.
Verdict parse(std::string_view bytes, std::size_t step, std::size_t most = 1024) {
  Verdict verdict;
  HeadScanner scan;
  for (std::size_t shown = 0; shown != bytes.size();) {
    shown = bytes.size() - shown > step ? shown + step : bytes.size();
    switch (scan.read(bytes.substr(0, shown), most)) {
      case HeadScanner::State::more: continue;
      case HeadScanner::State::refused: verdict.refusal = scan.refusal(); return verdict;
      case HeadScanner::State::complete:
        verdict.complete = true;
        verdict.refusal = HeadParser::read(bytes.substr(0, scan.size()), verdict.head);
        return verdict;
    }
  }
  return verdict;
}

Verdict parse(std::string_view bytes) { return parse(bytes, bytes.size()); }

std::string with(std::string_view fields) {
  return std::string("POST /api/clients HTTP/1.1\r\nHost: a\r\n").append(fields).append("\r\n");
}

std::string with_host(std::string_view line) { return std::string("GET / HTTP/1.1\r\n").append(line).append("\r\n"); }

using namespace std::string_view_literals;

const std::string_view bad_heads[] = {
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\n",
    "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"sv,
    "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \x7F\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX\0Y: 1\r\n\r\n"sv,
    "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\tfolded\r\n\r\n",
    "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX(Y): 1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX\xC3\xA9: 1\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\r\nHost: a\r\n\r\n",
    "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    " / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / http/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
    "GET / HTTP/1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.x\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
    "GET / HTTP/11.1\r\nHost: a\r\n\r\n",
    "GET / HTTPS/1.1\r\nHost: a\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    " HTTP/1.1\r\n",
    "\x16",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03"sv,
    "\r\n",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a b\r\n\r\n",
};

const std::string_view bad_fields[] = {
    "Content-Length: +5\r\n",
    "Content-Length: -5\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 5 5\r\n",
    "Content-Length: 5.0\r\n",
    "Content-Length: \r\n",
    "Content-Length:\r\n",
    "Content-Length: five\r\n",
    "Content-Length: 5;\r\n",
    "Content-Length: \"5\"\r\n",
    "Content-Length: 18446744073709551616\r\n",
    "Content-Length: 99999999999999999999999999\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 5\r\nX: 1\r\ncontent-length: 6\r\n",
    "Content-Length: 5\r\nContent-Length: \r\n",
    "Content-Length: \xC2\xA0"
    "5\r\n",
    "Transfer-Encoding: gzip\r\n",
    "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Transfer-Encoding: \r\n",
    "Transfer-Encoding: ,chunked\r\n",
    "Transfer-Encoding: chunked,\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunke\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding: chunked\r\n ,gzip\r\n",
    "Transfer-Encoding: \x0B"
    "chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer\xC2\xA0-Encoding: chunked\r\n",
};

}  // namespace

TEST_CASE("a valid head is parsed", "[head_check]") {
  const std::string head = with("Content-Length: 12\r\nAuthorization:\ttoken \r\ncontent-type: a/b\r\nX:\r\n");
  const auto verdict = parse(head);
  REQUIRE(verdict.complete);
  CHECK_FALSE(verdict.refusal);
  CHECK(verdict.head.request.method() == "POST");
  CHECK(verdict.head.request.target() == "/api/clients");
  CHECK(verdict.head.request.authorization().value == "token");
  CHECK(verdict.head.request.content_type().value == "a/b");
  CHECK(verdict.head.lines == std::string_view(head).substr(head.find("Host"), head.size() - head.find("Host") - 2));
  CHECK(verdict.head.request.announced_length() == 12U);
  CHECK(verdict.head.framing.length == 12);
  CHECK_FALSE(verdict.head.framing.chunked);
  CHECK(verdict.head.framing.persistent);
  CHECK_FALSE(verdict.head.framing.http_1_0);
}

TEST_CASE("a malformed head is refused as a bad request, wherever it is cut", "[head_check]") {
  for (const std::string_view head : bad_heads) {
    CAPTURE(head);
    for (std::size_t step = 1; step <= head.size(); ++step) {
      const auto verdict = parse(head, step);
      CAPTURE(step);
      REQUIRE(verdict.refusal == ApiErrc::bad_request);
    }
  }
}

TEST_CASE("a value contains only tabs and visible bytes, at every position", "[head_check]") {
  for (std::size_t place = 0; place != 20; ++place) {
    for (unsigned byte = 0; byte != 256; ++byte) {
      std::string fields = "X: aaaaaaaaaaaaaaaaaaaa\r\n";
      fields[3 + place] = static_cast<char>(byte);
      const bool good = (byte >= 0x20 && byte != 0x7F) || byte == '\t';
      const std::string head = with(fields);
      for (const std::size_t step : {std::size_t{1}, std::size_t{7}, head.size()}) {
        const Verdict verdict = parse(head, step);
        if (verdict.refusal.has_value() == good || verdict.complete != good)
          FAIL(byte << " at " << place << " by " << step);
      }
    }
  }
}

TEST_CASE("framing that could be read in two ways is refused", "[head_check]") {
  for (const std::string_view fields : bad_fields) {
    CAPTURE(fields);
    CHECK(parse(with(fields)).refusal == ApiErrc::bad_request);
  }
}

TEST_CASE("framing that can be read in one way only is read", "[head_check]") {
  CHECK(parse(with("Content-Length: 5\r\nContent-Length: 5\r\n")).head.framing.length == 5);
  CHECK(parse(with("Content-Length: 18446744073709551615\r\n")).head.framing.length == 18446744073709551615U);
  CHECK(parse(with("Content-Length: 0005\r\n")).head.framing.length == 5);
  CHECK(parse(with("Transfer-Encoding: Chunked\r\n")).head.framing.chunked);
  CHECK(parse(with("transfer-encoding:chunked \t\r\n")).head.framing.chunked);
  CHECK(parse(with("X: \xC3\xA9\xFF\r\n")).refusal == std::nullopt);
  CHECK(parse("GET / HTTP/1.7\r\nHost: a\r\n\r\n").refusal == std::nullopt);
}

TEST_CASE("the connection persists if the peer allows it", "[head_check]") {
  CHECK(parse(with("")).head.framing.persistent);
  CHECK(parse(with("Connection: keep-alive\r\n")).head.framing.persistent);
  CHECK_FALSE(parse(with("Connection: Close\r\n")).head.framing.persistent);
  CHECK_FALSE(parse(with("Connection: te, close ,x\r\n")).head.framing.persistent);
  CHECK_FALSE(parse(with("Connection: te\r\nConnection: close\r\n")).head.framing.persistent);
  CHECK_FALSE(parse(with("Connection: keep-alive, close\r\n")).head.framing.persistent);
  CHECK(parse(with("Connection: closed\r\n")).head.framing.persistent);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\n\r\n").head.framing.persistent);
  CHECK(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.framing.persistent);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").head.framing.persistent);
}

TEST_CASE("HTTP/1.0 expects no 100 Continue", "[head_check]") {
  CHECK(parse(with("Expect: 100-Continue\r\n")).head.framing.expects_continue);
  CHECK_FALSE(parse(with("Expect: something\r\n")).head.framing.expects_continue);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").head.framing.expects_continue);
}

TEST_CASE("there is one Host field, and it is well formed", "[head_check]") {
  for (const std::string_view good :
       {"a", "a.example", "127.0.0.1:80", "a:", "a:0080", "[::1]", "[::1]:80", "[2001:db8::ff00:42:8329]",
        "[1:2:3:4:5:6:7:8]", "[::ffff:127.0.0.1]", "[1::]", "[v1.a:b]", "a%20b", "a_b!$&'()*+,;=~"}) {
    CAPTURE(good);
    CHECK(droplit::detail::is_host(good));
    CHECK_FALSE(parse(with_host("Host: " + std::string(good) + "\r\n")).refusal);
  }
  for (const std::string_view bad : {"",
                                     "a b",
                                     "a/b",
                                     "a@b",
                                     "user@a",
                                     "a:80:80",
                                     "a:x",
                                     "a:-1",
                                     ":80",
                                     "[::1",
                                     "::1",
                                     "[]",
                                     "[::1]80",
                                     "[::1]x",
                                     "[1:2:3]",
                                     "[1::2::3]",
                                     "[:::]",
                                     "[:1:2:3:4:5:6:7]",
                                     "[1:2:3:4:5:6:7:]",
                                     "[12345::]",
                                     "[g::]",
                                     "[1:2:3:4:5:6:7:8:9]",
                                     "[1:2:3:4:5:6:7:8::]",
                                     "[::256.0.0.1]",
                                     "[::1.2.3]",
                                     "[::1.2.3.4:5]",
                                     "[::01.2.3.4]",
                                     "[v.a]",
                                     "[v1.]",
                                     "[v1.%41]",
                                     "[fe80::1%25eth0]",
                                     "a%2",
                                     "a%zz",
                                     "a\"b",
                                     "a<b",
                                     "a,b c",
                                     "http://a",
                                     "a#b",
                                     "a?b",
                                     "a\\b",
                                     "\xC3\xA9.example",
                                     "a[::1]",
                                     "[::1][::1]"}) {
    CAPTURE(bad);
    CHECK_FALSE(droplit::detail::is_host(bad));
    CHECK(parse(with_host("Host: " + std::string(bad) + "\r\n")).refusal == ApiErrc::bad_request);
  }
  CHECK(parse(with_host("")).refusal == ApiErrc::bad_request);
  CHECK(parse(with_host("Host: a\r\nHost: a\r\n")).refusal == ApiErrc::bad_request);
  CHECK(parse(with_host("Host: a\r\nX: 1\r\nhOST: b\r\n")).refusal == ApiErrc::bad_request);
  CHECK(parse("GET http://a/ HTTP/1.1\r\n\r\n").refusal == ApiErrc::bad_request);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\n\r\n").refusal);
}

TEST_CASE("a head that is too long is refused by its part that is too long, wherever it is cut", "[head_check]") {
  const std::string target = "GET /" + std::string(2000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string short_method = target.substr(2);
  const std::string no_method = target.substr(3);
  const std::string method = std::string(2000, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string field = with("X: " + std::string(2000, 'a') + "\r\n");
  std::string fields = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i != 500; ++i) fields += "X: 1\r\n";
  fields += "\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, std::size_t{100000}}) {
    CHECK(parse(target, step).refusal == ApiErrc::uri_too_long);
    CHECK(parse(short_method, step).refusal == ApiErrc::uri_too_long);
    CHECK(parse(no_method, step).refusal == ApiErrc::bad_request);
    CHECK(parse(method, step).refusal == ApiErrc::bad_request);
    CHECK(parse(field, step).refusal == ApiErrc::header_fields_too_large);
    CHECK(parse(fields, step).refusal == ApiErrc::header_fields_too_large);
    CHECK(parse(fields, step, 100'000).refusal == ApiErrc::header_fields_too_large);
  }
}

TEST_CASE("a head may have as many bytes and fields as it may, and no more", "[head_check]") {
  const std::string head = with("X: 1\r\n");
  CHECK_FALSE(parse(head, head.size(), head.size()).refusal);
  CHECK(parse(head, head.size(), head.size()).complete);
  CHECK(parse(head, head.size(), head.size() - 1).refusal == ApiErrc::header_fields_too_large);
  std::string fields;
  for (std::size_t i = 1; i != HeadParser::max_fields; ++i) fields += "X: 1\r\n";
  CHECK_FALSE(parse(with(fields), 10'000, 10'000).refusal);
  CHECK(parse(with(fields + "X: 1\r\n"), 10'000, 10'000).refusal == ApiErrc::header_fields_too_large);
}

TEST_CASE("an HTTP date is as RFC 9110 prints it", "[head_check]") {
  using droplit::detail::HttpDate;
  CHECK(HttpDate(784111777).text() == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(HttpDate(0).text() == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(HttpDate(951782399).text() == "Mon, 28 Feb 2000 23:59:59 GMT");
  CHECK(HttpDate(3600).text() == "Thu, 01 Jan 1970 01:00:00 GMT");
  CHECK(HttpDate(-62'167'219'201).text() == "Sat, 01 Jan 0000 00:00:00 GMT");
  CHECK(HttpDate(253'402'300'800).text() == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("the current HTTP date is that of the present second", "[head_check]") {
  using droplit::detail::HttpDate;
  const std::time_t before = std::time(nullptr);
  const std::string now(HttpDate::now());
  const std::time_t after = std::time(nullptr);
  bool found = false;
  for (std::time_t second = before; second <= after; ++second) found = found || HttpDate(second).text() == now;
  CHECK(found);
}
