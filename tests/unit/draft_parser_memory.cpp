// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The memory that reading a body takes, counted by an operator new of our own.
#include <droplit/draft_parser.hpp>

#include "support/catch.hpp"
#include "support/failures.hpp"
#include "support/memory.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using namespace droplit;
using memory::Counted;

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr std::size_t allowed = 64 * 1024;
const std::string before = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","x":)";

std::string repeated(std::string_view text) {
  std::string out;
  while (out.size() + text.size() <= mebibyte - 300) out += text;
  return out;
}

std::size_t most_for(std::string_view body, std::size_t piece_size) {
  const Counted counted;
  bool good = false;
  {
    DraftParser parser;
    std::string_view rest = body;
    while (rest.size() > piece_size) {
      if (!parser.write(rest.substr(0, piece_size))) break;
      rest.remove_prefix(piece_size);
    }
    good = parser.finish(rest).has_value();
  }
  return good ? counted.most() : static_cast<std::size_t>(-1);
}

}  // namespace

TEST_CASE("the counter counts") {
  const Counted counted;
  { const std::string text(100000, 'x'); }
  CHECK(counted.most() >= 100000);
  CHECK(counted.most() < 101000);
}

TEST_CASE("the value of an ignored member takes no memory, however long it is and wherever it is cut") {
  struct {
    const char* what;
    std::string value;
  } const values[] = {
      {"a long string", "\"" + repeated("a") + "\""},
      {"a long string of escapes", "\"" + repeated("\\ud83d\\ude00\\n\\u0000") + "\""},
      {"a long string of four bytes", "\"" + repeated("\xF0\x9F\x98\x80") + "\""},
      {"a long whole number", repeated("7")},
      {"a long fraction", "0." + repeated("123456789")},
      {"a long row of zeros", "-0." + repeated("0") + "1"},
      {"many numbers", "[" + repeated("1,") + "1]"},
      {"many arrays", "[" + repeated("[],") + "[]]"},
      {"many objects", "[" + repeated("{\"a\":{}},") + "{}]"},
      {"many members", "{" + repeated("\"a\":1,") + "\"b\":2}"},
      {"a long name in an object", "{\"" + repeated("n") + "\":1}"},
      {"many levels, as deep as is allowed", "[" + repeated(std::string(30, '[') + std::string(30, ']') + ",") + "[]]"},
      {"objects in objects, as deep as is allowed",
       [] {
         std::string deep;
         for (int i = 0; i != 30; ++i) deep += "{\"ecosystemId\":";
         return "[" + repeated(deep + "null" + std::string(30, '}') + ",") + "[]]";
       }()},
      {"white space", repeated(" \n\t\r") + "1"},
  };
  for (const auto& [what, value] : values) {
    const std::string body = before + value + "}";
    for (const std::size_t size : {body.size(), std::size_t{65536}, std::size_t{4096}, std::size_t{7}}) {
      INFO(what << " in pieces of " << size);
      CHECK(most_for(body, size) < allowed);
    }
  }
}

TEST_CASE("what is kept takes about its size: a name of 1 MiB, an unknown name, many names") {
  const std::string name = repeated("n");
  CHECK(most_for(before + "1,\"name\":\"" + name + "\"}", 4096) < 4 * mebibyte);
  CHECK(most_for(before + "1,\"" + name + "\":1}", 4096) < 4 * mebibyte);
  CHECK(most_for(before + "1," + repeated("\"abcdef\":1,") + "\"y\":1}", 4096) < 4 * mebibyte);
}

TEST_CASE("a text that was overwritten and a wrong id take no memory of their own") {
  CHECK(most_for(before + "1," + repeated("\"name\":\"nnnnnnnnnnnnnnnnnnnn\",") + "\"name\":\"\"}", 4096) < allowed);
  const std::string wrong =
      "{\"type\":\"" + repeated("s") + "\",\"type\":\"server\",\"ecosystemId\":" + "\"C594b89aea18568c408c3ad24\"}";
  CHECK(most_for(wrong, 4096) < allowed);
}

TEST_CASE("a body that cannot be read takes no memory after it was found out") {
  const Counted counted;
  const std::size_t out = memory::now;
  DraftParser parser;
  CHECK_FALSE(parser.write("x" + std::string(16'384, ' ')));
  const std::string_view rest = before;
  for (int i = 0; i != 10000; ++i) parser.write(rest);
  CHECK(counted.most() < allowed);
  CHECK(memory::now == out);
}

TEST_CASE("a last piece is gathered only as far as the limit goes") {
  for (const std::size_t last : {6'383u, 6'384u, 16'000u, 20'000u}) {
    const std::string body = before + "1" + std::string(10'000 + last - before.size() - 2, ' ') + "}";
    const Counted counted;
    DraftParser parser;
    parser.write(std::string_view(body).substr(0, 10'000));
    CHECK(parser.finish(std::string_view(body).substr(10'000)).has_value());
    CHECK(counted.most() < 18'000);
  }
}

TEST_CASE("a parser that is used again takes no more memory") {
  DraftParser parser;
  const std::string body = before + "\"" + repeated("a") + "\",\"name\":\"nnnnnnnnnnnnnnnnnnnnnnnnnnn\",\"yyyyy\":1}";
  static_cast<void>(parser.finish(body));
  parser.reset();
  const Counted counted;
  for (int i = 0; i != 20; ++i) {
    static_cast<void>(parser.finish(body));
    parser.reset();
  }
  CHECK(counted.most() < 1024);
}

TEST_CASE("after a lack of memory a body counts as unreadable until the parser is reset") {
  const std::string body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":")" +
                           std::string(100, 'n') + R"(","description":"\n)" + std::string(100, 'd') + R"(","x":[1]})";
  const std::string plain = body.substr(0, body.find(",\"x\"")) + "}";
  for (const std::string& text : {plain, body}) {
    const long failures = test::each_failure([&](test::Failure failure) {
      DraftParser parser;
      memory::events.prepare(failure);
      memory::events.resume();
      bool failed = false;
      try {
        static_cast<void>(parser.finish(text));
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      memory::events.suspend();
      if (failure.nth == 1) CHECK(parser.finish(plain).error().code() == ApiErrc::body_parameters_missing);
      parser.reset();
      CHECK(parser.finish(text).has_value());
      CHECK(failed == memory::events.have_come());
      return failed;
    });
    CHECK(failures >= 2);
  }
}

TEST_CASE("after a lack of memory between pieces nothing of the body is left for the next one") {
  const std::string body =
      R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":")" + std::string(20'000, 'n') + "\"}";
  int failures = 0;
  for (const std::size_t size : {100u, 5'000u}) {
    for (std::size_t n = 1; n != 20; ++n) {
      DraftParser parser;
      memory::calls = 0;
      memory::fail_at = n;
      bool failed = false;
      try {
        std::string_view rest = body;
        for (; rest.size() > size; rest.remove_prefix(size)) parser.write(rest.substr(0, size));
        static_cast<void>(parser.finish(rest));
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      memory::fail_at = 0;
      if (!failed) continue;
      ++failures;
      CHECK_FALSE(parser.write(" "));
      parser.reset();
      CHECK(parser.write(std::string_view(body).substr(0, 200)));
      CHECK(parser.finish(std::string_view(body).substr(200)).has_value());
    }
  }
  CHECK(failures >= 6);
}
