// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/http/host.hpp>

#include "support/catch.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace {

/// In memory of exactly its size, so that a sanitizer sees who looks beyond.
bool is_host(std::string_view value) {
  const auto memory = std::make_unique<char[]>(value.size());
  value.copy(memory.get(), value.size());
  return droplit::detail::is_host({memory.get(), value.size()});
}

bool is_digit(int c) { return c >= '0' && c <= '9'; }
bool is_hex(int c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_name_character(int c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != 0 && std::string_view("-._~!$&'()*+,;=").find(static_cast<char>(c)) != std::string_view::npos);
}

}  // namespace

TEST_CASE("each part of a host has its characters, byte by byte") {
  for (int c = 0; c != 256; ++c) {
    const std::string byte(1, static_cast<char>(c));
    const auto check = [c](const std::string& host, bool valid) {
      if (is_host(host) != valid) FAIL_CHECK(c << " in " << host);
    };
    check(byte, is_name_character(c));
    check(byte + "a", is_name_character(c));
    check("a" + byte, is_name_character(c) || c == ':');  // a port may be empty
    check("a:" + byte, is_digit(c));
    check("a:8" + byte, is_digit(c));
    check("[::1]:" + byte, is_digit(c));
    check("[::1]" + byte, c == ':');
    check("%" + byte + "3", is_hex(c));
    check("%3" + byte, is_hex(c));
    check("[::" + byte + "]", is_hex(c));
    check("[v" + byte + ".a]", is_hex(c));
    check("[v1." + byte + "]", is_name_character(c) || c == ':');
    check("[v1" + byte + "a]", c == '.');
    check("[::1.2.3." + byte + "]", is_digit(c));
    check("[::1.2.3.1" + byte + "]", is_digit(c));
  }
}

TEST_CASE("an escape is whole, wherever it is") {
  CHECK(is_host("%41"));
  CHECK(is_host("a%41b%42"));
  CHECK(is_host("a%00b"));
  for (const char* const cut : {"%", "%4", "a%", "a%4", "%41%", "%41%4", "%g1", "%1g", "%41:8%41"}) {
    INFO(cut);
    CHECK_FALSE(is_host(cut));
  }
}

TEST_CASE("an IPv4 address in an IPv6 one is four numbers up to 255 without leading zeros") {
  for (int value = 0; value != 1100; ++value) {
    const std::string number = std::to_string(value);
    for (const std::string& address : {number + ".2.3.4", "1." + number + ".3.4", "1.2.3." + number}) {
      if (is_host("[::" + address + "]") != (value <= 255)) FAIL_CHECK(address);
    }
  }
  for (const char* const bad :
       {"1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.00", "1.2.3.0001", "1.2.3.4:1"}) {
    INFO(bad);
    CHECK_FALSE(is_host("[::" + std::string(bad) + "]"));
  }
}

TEST_CASE("an IPv6 address has eight groups, or fewer and one gap") {
  std::string groups;
  for (int number = 1; number != 10; ++number) {
    groups += (number == 1 ? "" : ":") + std::string("a1b2");
    INFO(groups);
    CHECK(is_host("[" + groups + "]") == (number == 8));
    CHECK(is_host("[" + groups + "::]") == (number < 8));
    CHECK(is_host("[::" + groups + "]") == (number < 8));
    CHECK(is_host("[" + groups + ":1.2.3.4]") == (number == 6));
    CHECK(is_host("[::" + groups + ":1.2.3.4]") == (number < 6));
    CHECK_FALSE(is_host("[" + groups + ":]"));
    CHECK_FALSE(is_host("[::" + groups + "::]"));
  }
  CHECK(is_host("[::]"));
  CHECK(is_host("[1:2::3:4]"));
  for (const char* const bad : {"[]", "[:]", "[:::]", "[12345::]", "[::12345]", "[::1", "::1", "[1::2::3]", "[:1::]"}) {
    INFO(bad);
    CHECK_FALSE(is_host(bad));
  }
}

TEST_CASE("a literal of a later version has hex digits, a dot and something after it") {
  for (const char* const good : {"[v1.a]", "[VF0.a:b]", "[v1..]"}) CHECK(is_host(good));
  for (const char* const bad : {"[v.a]", "[v1.]", "[v1]", "[v]", "[v1.%41]", "[v1.a/]", "[.a]"}) {
    INFO(bad);
    CHECK_FALSE(is_host(bad));
  }
}
