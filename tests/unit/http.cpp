// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/http.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using namespace droplit;

static_assert(std::regular<HeaderFields> && std::regular<Request> && std::regular<Response>);
static_assert(std::input_iterator<HeaderFields::Iterator>);

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
  for (std::size_t size = 0; size != 30; ++size) CHECK(fields.count(std::string(size, 'a')) == (size == 1 ? 2 : 0));
  auto at = fields.begin();
  CHECK((*at++).value == "1");
  CHECK((*at).name == "B-c");
  fields.clear();
  CHECK(fields == HeaderFields());
}

// What would be a view of a temporary is a text by value, and no iterator.
static_assert(std::is_same_v<decltype(std::declval<const HeaderFields&>().get("a")), std::string_view>);
static_assert(std::is_same_v<decltype(std::declval<const HeaderFields&>().lines()), std::string_view>);
static_assert(std::is_same_v<decltype(HeaderFields().get("a")), std::string>);
static_assert(std::is_same_v<decltype(Response().fields.get("a")), std::string>);
static_assert(std::is_same_v<decltype(std::declval<const HeaderFields>().lines()), std::string>);
template <class Fields>
concept HasIterators = requires(Fields&& fields) {
  std::forward<Fields>(fields).begin();
};
static_assert(HasIterators<HeaderFields&> && !HasIterators<HeaderFields> && !HasIterators<const HeaderFields>);

TEST_CASE("a line of code may take a text of fields that are gone after it") {
  const auto make = [] {
    HeaderFields fields;
    fields.add("location", std::string(1000, 'x'));
    return fields;
  };
  const auto& value = make().get("location");
  const auto& lines = make().lines();
  CHECK(value == std::string(1000, 'x'));
  CHECK(lines == make().lines());
  std::size_t seen = 0;
  for (const HeaderField field : make()) seen += field.value.size();
  CHECK(seen == 1000);
}

TEST_CASE("a field may be added whose name and value are views of the lines themselves") {
  const std::string values[] = {"1", "a value that is longer than what a string holds in place",
                                std::string(1000, 'x')};
  for (const std::string& value : values) {
    for (std::size_t spare = 0; spare != 40; ++spare) {  // with the memory to grow in place, and without
      HeaderFields fields;
      REQUIRE(fields.add("a", value));
      fields.reserve(fields.lines().size() + spare);
      REQUIRE(fields.add("b", fields.get("a")));
      REQUIRE(fields.add((*fields.begin()).name, fields.get("b")));
      REQUIRE(fields.add("c", fields.lines().substr(0, 4)));
      const std::string line = ": " + value + "\r\n";
      CHECK(fields.lines() == "a" + line + "b" + line + "a" + line + "c: " + ("a: " + value).substr(0, 4) + "\r\n");
    }
  }
}

TEST_CASE("no value that would break a line gets in, byte by byte") {
  for (int c = 0; c != 256; ++c) {
    for (const std::string& value : {std::string(1, static_cast<char>(c)), "a" + std::string(1, static_cast<char>(c)),
                                     std::string(1, static_cast<char>(c)) + "a"}) {
      HeaderFields fields;
      const bool valid = c == '\t' || (c >= 0x20 && c != 0x7F);
      if (fields.add("n", value) != valid) FAIL(c);
      if (!valid && !fields.lines().empty()) FAIL(c);
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
    const bool valid = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c != 0 && others.find(static_cast<char>(c)) != std::string_view::npos);
    HeaderFields fields;
    if (fields.add("a" + std::string(1, static_cast<char>(c)), "v") != valid) FAIL(c);
    if (!valid && !fields.lines().empty()) FAIL(c);
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
  CHECK(Request{"PUT", "/", {}, "x"} != request);
  CHECK(Request{"POST", "/a", {}, "x"} != request);
  CHECK(Request{"POST", "/", {}, "y"} != request);
  const Response response;
  CHECK(response.status == 0);
  CHECK_FALSE(response.close);
  HeaderFields fields;
  fields.add("a", "b");
  CHECK(Response{} == response);
  CHECK(Response{200, {}, {}} != response);
  CHECK(Response{0, fields, {}} != response);
  CHECK(Response{0, {}, "x"} != response);
  CHECK(Response{0, {}, {}, true} != response);
}

TEST_CASE("responses are equal whatever they were written from") {
  Response one{403, {}, "body"};
  Response other = one;
  other.code = ApiErrc::forbidden;
  other.fault = Fault();
  CHECK(one == other);
  other.close = true;
  CHECK_FALSE(one == other);
}
