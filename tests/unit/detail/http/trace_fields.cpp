// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/http/trace_fields.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <string>
#include <string_view>

using droplit::detail::is_request_id;
using droplit::detail::is_traceparent;

TEST_CASE("a request id is 1 to 128 characters from 0x21 to 0x7E") {
  CHECK(is_request_id("a"));
  CHECK(is_request_id(std::string(128, '~')));
  CHECK_FALSE(is_request_id(""));
  CHECK_FALSE(is_request_id(std::string(129, 'a')));
  for (int c = 0; c != 256; ++c) {
    CAPTURE(c);
    CHECK(is_request_id(std::string("a") + static_cast<char>(c) + "b") == (c >= 0x21 && c <= 0x7E));
  }
}

TEST_CASE("a traceparent is of version 00, in lower case, and neither of its ids is zero") {
  const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  CHECK(is_traceparent(good));
  CHECK(is_traceparent("00-00000000000000000000000000000001-1000000000000000-ff"));
  CHECK_FALSE(is_traceparent(""));
  CHECK_FALSE(is_traceparent(good + "-"));
  CHECK_FALSE(is_traceparent(good.substr(0, 54)));
  CHECK_FALSE(is_traceparent("01" + good.substr(2)));
  CHECK_FALSE(is_traceparent("ff" + good.substr(2)));
  CHECK_FALSE(is_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
  CHECK_FALSE(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
  for (std::size_t i = 0; i != good.size(); ++i) {
    for (const char other : std::string_view("A- g/:@`\0\xE9", 10)) {
      if (good[i] == other) continue;
      std::string broken = good;
      broken[i] = other;
      CAPTURE(broken);
      CHECK_FALSE(is_traceparent(broken));
    }
  }
}
