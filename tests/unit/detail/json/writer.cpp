// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/writer.hpp>

#include "support/catch.hpp"
#include "support/memory.hpp"

#include <cstddef>
#include <iterator>
#include <new>
#include <random>
#include <string>
#include <string_view>

using namespace droplit;
using detail::JsonText;
using detail::JsonWriter;

namespace {

std::string escaped(std::string_view text) {
  std::string out(detail::json_text_size(text), '\0');
  detail::write_json_text(out.data(), text);
  return out;
}

// The string has exactly the room that the writer asks for, so that a sanitizer sees a write beyond it.
std::string written(std::string_view first, std::string_view second) {
  const JsonText a{first}, b{second};
  std::string out = "before";
  JsonWriter json(out, a.room() + b.room() + 4);
  json << "<" << a << "><" << b << ">";
  json.finish();
  return out;
}

std::string random_text(std::mt19937& random) {
  const std::string_view pieces[] = {
      "\n", "\"", "\x01", "\xC5\x99", "a", "plain text", "0123456789abcdef0123456789abcdef"};
  std::string text;
  const bool dense = random() % 2 == 0;
  const std::size_t count = random() % (random() % 20 == 0 ? 2000 : 20);
  for (std::size_t i = 0; i != count; ++i) text += pieces[random() % (dense ? 4 : std::size(pieces))];
  if (random() % 10 == 0) text.insert(text.size() / 2, std::string(random() % 1000, 'x'));
  return text;
}

}  // namespace

TEST_CASE("texts of any length and with any escapes are between what is written before and after them") {
  std::mt19937 random(11);
  for (int round = 0; round != 20'000; ++round) {
    const std::string first = random_text(random), second = random_text(random);
    std::string expected = "before<";
    expected.append(escaped(first)).append("><").append(escaped(second)).append(">");
    if (written(first, second) != expected) FAIL_CHECK("written otherwise: " << first << " and " << second);
  }
}

TEST_CASE("texts at the lengths where they are written another way") {
  for (std::size_t size = 0; size != 1100; ++size) {
    std::string text(size, 'x');
    REQUIRE(written(text, "") == "before<" + text + "><>");
    if (size == 0) continue;
    text.back() = '\n';
    text[size / 2] = '\n';
    REQUIRE(written(text, text) == "before<" + escaped(text) + "><" + escaped(text) + ">");
  }
}

TEST_CASE("a plain text of any length is appended with one allocation") {
  for (const std::size_t size : {100u, 256u, 257u, 100'000u}) {
    const std::string text(size, 'x');
    std::string out;
    const std::size_t calls = memory::calls;
    detail::append_json_string(out, text);
    CHECK(memory::calls == calls + 1);
  }
}

TEST_CASE("a string that has room for a plain text of any length is not moved") {
  for (const std::size_t size : {100u, 256u, 257u, 1000u}) {
    const std::string text(size, 'x');
    std::string out;
    out.reserve(100'002 + size);
    out.assign(100'000, 'y');
    const std::size_t calls = memory::calls;
    detail::append_json_string(out, text);
    CHECK(memory::calls == calls);
  }
}

TEST_CASE("what is not finished, or cannot be for lack of memory, is not appended") {
  std::string out = "before";
  { JsonWriter(out, 100) << "x"; }
  CHECK(out == "before");

  const std::string text(5000, '\n');
  std::size_t failures = 0;
  for (bool complete = false; !complete; ++failures) {
    std::string to = "before";
    memory::fail_at = memory::calls + failures + 1;
    try {
      detail::append_json_string(to, text);
      complete = true;
    } catch (const std::bad_alloc&) {
    }
    memory::fail_at = 0;
    REQUIRE(to == (complete ? "before\"" + escaped(text) + '"' : "before"));
  }
  CHECK(failures > 2);
}
