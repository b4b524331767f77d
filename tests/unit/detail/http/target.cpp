// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/http/target.hpp>

#include "support/catch.hpp"

#include <string>

using droplit::detail::join_query_fields;
using droplit::detail::percent_decode;
using droplit::detail::split_target;

TEST_CASE("a target has a path and perhaps a query, and is not normalised") {
  const auto path = [](std::string_view target) { return std::string(split_target(target).path); };
  CHECK(path("/api/clients") == "/api/clients");
  CHECK(path("/api/clients?a=/b?c") == "/api/clients");
  CHECK(split_target("/api/clients?a=/b?c").query == "a=/b?c");
  CHECK_FALSE(split_target("/api/clients").query);
  CHECK(split_target("/api/clients?").query == "");
  CHECK(path("http://example.org/api/clients?x") == "/api/clients");
  CHECK(path("HTTPS://[::1]:80/a/../b") == "/a/../b");
  CHECK(path("http://example.org") == "/");
  CHECK(path("http://example.org?x") == "/");
  CHECK(split_target("http://example.org?x").query == "x");
  CHECK(path("ftp://example.org/api/clients").empty());
  CHECK(path("*").empty());
  CHECK(path("example.org:80").empty());
  CHECK(path("").empty());
  CHECK(path("//api/clients") == "//api/clients");
}

TEST_CASE("a number sign, spaces and controls make a target malformed, other octets do not") {
  using namespace std::string_literals;
  for (const std::string& target : {"/a#b"s, "/a?b#c"s, "/a b"s, "/a\tb"s, "/a\0b"s, "/a\x7F"s, "/a\r\n"s}) {
    CHECK_FALSE(split_target(target).well_formed);
  }
  for (const std::string& target : {"/a?b"s, "/%23%20%00"s, "/\xC3\xA9"s, "/\xFF"s, ""s})
    CHECK(split_target(target).well_formed);
}

TEST_CASE("an absolute target has a host, as a Host field must") {
  for (const std::string_view target :
       {"http:///api/clients", "http://:80/api/clients", "http://h:x/api/clients", "http://", "http://[::/api/clients",
        "http://%zz/", "http://u@h/", "http://a\\b/"}) {
    INFO(target);
    CHECK_FALSE(split_target(target).well_formed);
  }
  for (const std::string_view target : {"http://h/", "http://127.0.0.1:80/", "https://[::1]", "http://a.b?x"}) {
    CHECK(split_target(target).well_formed);
  }
}

TEST_CASE("an octet makes a target malformed if it is a control character, a space or a hash, byte by byte") {
  for (int c = 0; c != 256; ++c) {
    const bool valid = c > 0x20 && c != 0x7F && c != '#';
    for (const std::string& target :
         {std::string("/a") + static_cast<char>(c), std::string("/?") + static_cast<char>(c)}) {
      if (split_target(target).well_formed != valid) FAIL_CHECK(c);
    }
  }
}

TEST_CASE("percent-decoding takes hex digits alone, byte by byte, and nothing beyond the end") {
  for (int c = 0; c != 256; ++c) {
    const char byte = static_cast<char>(c);
    const std::string_view digits = "0123456789abcdefABCDEF";
    const std::size_t at = c == 0 ? std::string_view::npos : digits.find(byte);
    const std::size_t value = at < 16 ? at : at - 6;
    const std::string first{'%', byte, '3'};
    const std::string second{'%', '3', byte};
    if (percent_decode(first) !=
        (at == std::string_view::npos ? first : std::string(1, static_cast<char>(value * 16 + 3))))
      FAIL_CHECK(c);
    if (percent_decode(second) !=
        (at == std::string_view::npos ? second : std::string(1, static_cast<char>(48 + value))))
      FAIL_CHECK(c);
  }
  const std::string_view text = "%41%42";
  CHECK(percent_decode(text.substr(0, 1)) == "%");
  CHECK(percent_decode(text.substr(0, 2)) == "%4");
  CHECK(percent_decode(text.substr(0, 5)) == "A%4");
}

TEST_CASE("percent-decoding is done once, and broken escapes and pluses stay") {
  CHECK(percent_decode("a%62%63+%2B") == "abc++");
  CHECK(percent_decode("%2541") == "%41");
  CHECK(percent_decode("%") == "%");
  CHECK(percent_decode("%4") == "%4");
  CHECK(percent_decode("%zz%4g%g4") == "%zz%4g%g4");
  CHECK(percent_decode("%%41") == "%A");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
  CHECK(percent_decode("%e9%E9") == "\xE9\xE9");
}

TEST_CASE("the fields of a query are listed once each, in order of first appearance") {
  for (const std::string_view query : {"", "&", "&&&"}) CHECK_FALSE(join_query_fields(query));
  CHECK(join_query_fields("a") == "a");
  CHECK(join_query_fields("a=1&b=2&a=3&%61&&b") == "a, b");
  CHECK(join_query_fields("=") == "");
  CHECK(join_query_fields("=b&c") == ", c");
  CHECK(join_query_fields("?") == "?");
  CHECK(join_query_fields("z&a&m") == "z, a, m");
  CHECK(join_query_fields("a%3Db=c") == "a=b");
  CHECK(join_query_fields("a%26b") == "a&b");
  CHECK(join_query_fields("a;b") == "a;b");
  CHECK(join_query_fields("%FF&%FE") == "\xEF\xBF\xBD");
  CHECK(join_query_fields("%E2%82x&%F0%9F%98%80") == "\xEF\xBF\xBDx, \xF0\x9F\x98\x80");
  CHECK(join_query_fields("a,&a") == "a,, a");
}
