// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/http.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

using namespace droplit;

static_assert(std::regular<HeaderFields> && std::regular<Request> && std::regular<Response>);
static_assert(std::input_iterator<HeaderFields::Iterator>);
static_assert(detail::equals_ignoring_case("Content-TYPE", "content-type"));
static_assert(!detail::equals_ignoring_case("[", "{") && !detail::equals_ignoring_case("@", "`"));
static_assert(!detail::equals_ignoring_case("a", "aa") && detail::equals_ignoring_case("", ""));
static_assert(detail::trim(" \t a b \t ") == "a b" && detail::trim("\t ").empty() && detail::trim("\n") == "\n");

TEST_CASE("fields are kept in order as lines, values without the spaces around them") {
  HeaderFields fields;
  CHECK(fields.lines().empty());
  CHECK(fields.begin() == fields.end());
  CHECK(fields.add("a", "1"));
  CHECK(fields.add("B-c", " \tx: y\t "));
  CHECK(fields.add("a", ""));
  CHECK(fields.lines() == "a: 1\r\nB-c: x: y\r\na: \r\n");
  std::vector<std::string> seen;
  for (const HeaderField field : fields) seen.push_back(std::string(field.name) + "=" + std::string(field.value));
  CHECK(seen == std::vector<std::string>{"a=1", "B-c=x: y", "a="});
  CHECK(fields.count("A") == 2);
  CHECK(fields.count("b-C") == 1);
  CHECK(fields.count("x") == 0);
  CHECK(fields.get("A") == "1");
  CHECK(fields.get("b-c") == "x: y");
  CHECK(fields.get("x").empty());
  auto at = fields.begin();
  CHECK((*at++).value == "1");
  CHECK((*at).name == "B-c");
  fields.clear();
  CHECK(fields == HeaderFields());
}

TEST_CASE("no value that would break a line gets in, byte by byte") {
  for (int c = 0; c != 256; ++c) {
    for (const std::string& value : {std::string(1, static_cast<char>(c)), "a" + std::string(1, static_cast<char>(c)),
                                     std::string(1, static_cast<char>(c)) + "a"}) {
      HeaderFields fields;
      const bool right = c == '\t' || (c >= 0x20 && c != 0x7F);
      if (fields.add("n", value) != right) FAIL(c);
      if (!right && !fields.lines().empty()) FAIL(c);
    }
  }
  HeaderFields fields;
  CHECK_FALSE(fields.add("x-name", "a\r\nSet-Cookie: x=1"));
  CHECK_FALSE(fields.add("x-name", std::string_view("a\0b", 3)));
  CHECK_FALSE(fields.add("x-name", "a\n b"));
  CHECK(fields.lines().empty());
}

TEST_CASE("no name that is not a token gets in, byte by byte") {
  const std::string_view others = "!#$%&'*+-.^_`|~";
  for (int c = 0; c != 256; ++c) {
    const bool right = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c != 0 && others.find(static_cast<char>(c)) != std::string_view::npos);
    HeaderFields fields;
    if (fields.add("a" + std::string(1, static_cast<char>(c)), "v") != right) FAIL(c);
    if (detail::is_token_character(static_cast<char>(c)) != right) FAIL(c);
    if (!right && !fields.lines().empty()) FAIL(c);
  }
  HeaderFields fields;
  CHECK_FALSE(fields.add("", "v"));
  CHECK_FALSE(fields.add("a: b\r\nc", "v"));
}

TEST_CASE("requests and responses are equal if every part is") {
  Request request{"POST", "/", {}, "x"};
  Request other = request;
  CHECK(request == other);
  other.fields.add("a", "b");
  CHECK(request != other);
  Response response;
  Response closing;
  closing.close = true;
  CHECK(response != closing);
  CHECK(response.status == 0);
}
