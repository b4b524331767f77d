// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/indent.hpp>

#include "support/catch.hpp"

using droplit::detail::indent_json;

TEST_CASE("JSON is indented as JSON.stringify does") {
  CHECK(indent_json("1") == "1");
  CHECK(indent_json("[]") == "[]");
  CHECK(indent_json("{}") == "{}");
  CHECK(indent_json("[1,[],{}]") == "[\n  1,\n  [],\n  {}\n]");
  CHECK(indent_json(R"({"a":[true],"b":{"c":null}})") ==
        "{\n  \"a\": [\n    true\n  ],\n  \"b\": {\n    \"c\": null\n  }\n}");
}

TEST_CASE("nothing in a string is indented") {
  for (const char* text : {R"("{}[],:")", R"("a\"{b\\")", R"("\\")", R"("")"}) {
    INFO(text);
    CHECK(indent_json(text) == text);
  }
  CHECK(indent_json(R"(["\\",","])") == "[\n  \"\\\\\",\n  \",\"\n]");
}
