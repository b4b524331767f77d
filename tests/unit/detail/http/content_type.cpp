// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/http/content_type.hpp>

#include "support/catch.hpp"

#include <memory>
#include <set>
#include <string>

namespace {

constexpr bool json(std::string_view value) { return droplit::detail::is_content_type(value, "application", "json"); }

}  // namespace

static_assert(json("application/json"));
static_assert(!json("application/jsonp"));

TEST_CASE("the media type is compared without case, and parameters are allowed by their grammar") {
  for (const std::string_view value :
       {"application/json", "APPLICATION/Json", " \tapplication/json\t ", "application/json;", "application/json ; ;; ",
        "application/json;charset=utf-8", "application/json; Charset=UTF-8", "application/json;charset=\"utf-8\"",
        "application/json;charset=\"u\\tf-8\"", "application/json;x=y;charset=utf-8;z=\"a;b,\\\"c\"",
        "application/json;charset=utf-8;charset=utf-8", "application/json;x=\"\"", "application/json\t;\tx=y",
        "application/json;x=\"\xC3\xA9\""}) {
    INFO(value);
    CHECK(json(value));
  }
}

TEST_CASE("what is not that media type, or broken, is refused") {
  for (const std::string_view value : {"",
                                       " ",
                                       "application",
                                       "application/",
                                       "/json",
                                       "application /json",
                                       "application/ json",
                                       "application/json5",
                                       "application/vnd.api+json",
                                       "text/json",
                                       "*/*",
                                       "application/*",
                                       "application/json, text/plain",
                                       "application/json,application/json",
                                       "application/json x",
                                       "application/json;charset",
                                       "application/json;=utf-8",
                                       "application/json;charset=",
                                       "application/json;charset= utf-8",
                                       "application/json;charset =utf-8",
                                       "application/json;charset=utf8",
                                       "application/json;charset=latin1",
                                       "application/json;charset=utf-8;charset=x",
                                       "application/json;charset=\"utf-8",
                                       "application/json;charset=\"utf-8\\",
                                       "application/json;charset=\"utf-8 \"",
                                       "application/json;charset=\"\"",
                                       "application/json;charset=\"utf-88\"",
                                       "application/json;charset='utf-8'",
                                       "application/json;x=\"a\"b",
                                       "application/json;x=a b",
                                       "application/json;x=\"a\x01\"",
                                       "application/json;x=\xC3\xA9",
                                       "application/json;\"x\"=y",
                                       "application\\json",
                                       "application/json/x"}) {
    INFO(value);
    CHECK_FALSE(json(value));
  }
}

TEST_CASE("every beginning of a good value is judged without reading past its end") {
  const std::string value = "application/json; charset=\"utf-8\"; x=y";
  const std::set<std::size_t> good{16, 17, 18, 33, 34, 35, 38};
  for (std::size_t size = 0; size <= value.size(); ++size) {
    const std::string exact = value.substr(0, size);  // its own block, for the sanitizer
    INFO(exact);
    CHECK(json(exact) == good.contains(size));
  }
}

TEST_CASE("a quoted parameter has any octet but controls, quoted or escaped, byte by byte") {
  for (int c = 0; c != 256; ++c) {
    const bool valid = c == '\t' || (c >= 0x20 && c != 0x7F);
    const std::string octet(1, static_cast<char>(c));
    if (json("application/json;x=\"a" + octet + "\"") != (valid && c != '"' && c != '\\')) FAIL_CHECK(c);
    if (json("application/json;x=\"a\\" + octet + "\"") != valid) FAIL_CHECK(c);
  }
}

TEST_CASE("a content type that is cut is read up to there and no further") {
  const std::string_view whole = "application/json;charset=\"utf-8\"";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto memory =
        std::make_unique<char[]>(size);  // of exactly its size, so that a sanitizer sees who looks beyond
    whole.copy(memory.get(), size);
    const bool valid = size == whole.size() || size == whole.find(';') || size == whole.find(';') + 1;
    if (json({memory.get(), size}) != valid) FAIL_CHECK(size);
  }
}
