// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/server/detail/body_reader.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace {

using droplit::detail::BodyReader;
using State = BodyReader::State;

struct Reading {
  State state = State::more;
  std::string body;
  std::string rest;  // what was not taken
  bool operator==(const Reading&) const = default;
};

/// Feeds `wire` in two pieces, each in memory of its own size so that a sanitizer sees a step too far, or byte by byte.
Reading read(std::string_view wire, std::size_t cut, bool bytewise = false) {
  Reading reading;
  BodyReader reader;
  while (!wire.empty() && reading.state == State::more) {
    const std::size_t size = bytewise ? 1 : cut == 0 || cut > wire.size() ? wire.size() : cut;
    cut = 0;
    const auto memory = std::make_unique<char[]>(size);
    wire.copy(memory.get(), size);
    std::string_view input(memory.get(), size);
    do {
      std::string_view data;
      reading.state = reader.read(input, data);
      reading.body += data;
    } while (reading.state == State::piece);
    wire.remove_prefix(size - input.size());
  }
  reading.rest = wire;
  return reading;
}

Reading read(std::string_view wire) { return read(wire, 0); }

using namespace std::string_view_literals;

const std::string_view good[] = {
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "0000000000000005\r\nhello\r\n0000\r\n\r\n",
    "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "5;a\r\nhello\r\n0;b\r\n\r\n",
    "5;a=b;c=\"d \\\" e\";f\r\nhello\r\n0\r\n\r\n",
    "5;a=\"\"\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\r\nContent-Length: 99\r\nhost: evil\r\n\r\n",
    "0\r\nX:\r\nY: \xC3\xA9\t1 \r\n\r\n",
    "3\r\n\r\n0\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
};

const std::string_view bad[] = {
    "\r\n",
    " 5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "\t5\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5h\r\nhello\r\n0\r\n\r\n",
    "5.\r\nhello\r\n0\r\n\r\n",
    "5_0\r\nhello\r\n0\r\n\r\n",
    "g\r\nhello\r\n0\r\n\r\n",
    "00000000000000005\r\nhello\r\n0\r\n\r\n",
    "10000000000000000\r\nhello\r\n0\r\n\r\n",
    "fffffffffffffffff\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5\rhello\r\n0\r\n\r\n",
    "5\r\rhello\r\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhello\r0\r\n\r\n",
    "5\r\nhello!\r\n0\r\n\r\n",
    "6\r\nhello\r\n0\r\n\r\n",
    "4\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n\r\n",
    "0\n\r\n",
    "0\r\n\n",
    "0\r\n\rX",
    "5;\r\nhello\r\n0\r\n\r\n",
    "5 ;a\r\nhello\r\n0\r\n\r\n",
    "5; a\r\nhello\r\n0\r\n\r\n",
    "5;a \r\nhello\r\n0\r\n\r\n",
    "5;a=\r\nhello\r\n0\r\n\r\n",
    "5;a= b\r\nhello\r\n0\r\n\r\n",
    "5;=b\r\nhello\r\n0\r\n\r\n",
    "5;a=b=c\r\nhello\r\n0\r\n\r\n",
    "5;a=\"b\r\nhello\r\n0\r\n\r\n",
    "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n",
    "5;a=\"b\\\r\nhello\r\n0\r\n\r\n",
    "5;a\nhello\r\n0\r\n\r\n",
    "5;a\0\r\nhello\r\n0\r\n\r\n"sv,
    "5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n",
    "0\r\nX\r\n\r\n",
    "0\r\nX : 1\r\n\r\n",
    "0\r\n: 1\r\n\r\n",
    "0\r\n X: 1\r\n\r\n",
    "0\r\nX: 1\r\n folded\r\n\r\n",
    "0\r\nX: 1\n\r\n",
    "0\r\nX: 1\rY: 2\r\n\r\n",
    "0\r\nX: \0\r\n\r\n"sv,
    "0\r\nX: \x7F\r\n\r\n",
};

}  // namespace

TEST_CASE("a chunked body is the bytes of its chunks", "[body_reader]") {
  CHECK(read("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\nrest") == Reading{State::end, "hello world", "rest"});
  CHECK(read("0\r\n\r\n") == Reading{State::end, "", ""});
  CHECK(read("5\r\nhel") == Reading{State::more, "hel", ""});
  for (const std::string_view wire : good) {
    CAPTURE(wire);
    CHECK(read(wire).state == State::end);
  }
}

TEST_CASE("a malformed chunked body is refused", "[body_reader]") {
  for (const std::string_view wire : bad) {
    CAPTURE(wire);
    CHECK(read(wire).state == State::bad);
  }
}

TEST_CASE("where a chunked body is cut does not matter", "[body_reader]") {
  const auto check = [](std::string_view wire) {
    CAPTURE(wire);
    const Reading whole = read(wire);
    const Reading bytewise = read(wire, 0, true);
    CHECK(bytewise.state == whole.state);
    CHECK(bytewise.body == whole.body);
    for (std::size_t cut = 1; cut < wire.size(); ++cut) {
      const Reading cut_reading = read(wire, cut);
      REQUIRE(cut_reading.state == whole.state);
      REQUIRE(cut_reading.body == whole.body);
      REQUIRE(cut_reading.rest == whole.rest);
    }
  };
  for (const std::string_view wire : good) check(wire);
  for (const std::string_view wire : bad) check(wire);
}

TEST_CASE("every incomplete chunked body needs more", "[body_reader]") {
  for (const std::string_view wire : good) {
    CAPTURE(wire);
    const std::size_t size = wire.size() - read(wire).rest.size();
    for (std::size_t cut = 0; cut != size; ++cut) REQUIRE(read(wire.substr(0, cut)).state == State::more);
  }
}

TEST_CASE("a huge chunk is announced before it comes", "[body_reader]") {
  BodyReader reader;
  std::string_view data;
  std::string_view input = "fffffffffffffff";
  CHECK(reader.read(input, data) == State::more);
  CHECK(reader.announced() == 0);
  input = "f\r\n";
  CHECK(reader.read(input, data) == State::more);
  CHECK(reader.announced() == 0xFFFFFFFFFFFFFFFFU);
}

TEST_CASE("extensions and trailers have limits for the whole body", "[body_reader]") {
  const std::string extension(BodyReader::max_extensions / 2 - 10, 'x');
  const std::string chunk = "1;" + extension + "\r\na\r\n";
  CHECK(read(chunk + chunk + "0\r\n\r\n").state == State::end);
  CHECK(read(chunk + chunk + chunk + "0\r\n\r\n").state == State::bad);
  CHECK(read("1;" + std::string(1'000'000, 'x')).state == State::bad);
  const std::string rest = "\r\na\r\n0\r\n\r\n";
  CHECK(read("1;" + std::string(BodyReader::max_extensions - 1, 'x') + rest).state == State::end);  // with the CR
  CHECK(read("1;" + std::string(BodyReader::max_extensions, 'x') + rest).state == State::bad);
  CHECK(read("0\r\nX: " + std::string(BodyReader::max_trailers - 5, 'x') + "\r\n\r\n").state == State::end);
  CHECK(read("0\r\nX: " + std::string(BodyReader::max_trailers - 4, 'x') + "\r\n\r\n").state == State::bad);
  CHECK(read("0\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n").state == State::bad);
  std::string trailers = "0\r\n";
  for (std::size_t i = 0; i != BodyReader::max_trailer_fields; ++i) trailers += "X: 1\r\n";
  CHECK(read(trailers + "\r\n").state == State::end);
  CHECK(read(trailers + "X: 1\r\n\r\n").state == State::bad);
}

TEST_CASE("framing is limited by the body's length: eight bytes for each of it, beyond a grace", "[body_reader]") {
  const auto repeated = [](std::string_view chunk, std::size_t times) {
    std::string wire;
    for (std::size_t i = 0; i != times; ++i) wire += chunk;
    return wire + "0\r\n\r\n";
  };
  CHECK(read(repeated("1\r\nx\r\n", 1'000'000)).body.size() == 1'000'000);
  CHECK(read(repeated("0001\r\nx\r\n", 1'000'000)).state == State::end);  // exactly eight
  const std::size_t within = (BodyReader::framing_grace - 5) / 2;
  CHECK(read(repeated("000001\r\nx\r\n", within)).state == State::end);  // ten
  CHECK(read(repeated("000001\r\nx\r\n", within + 1)).state == State::bad);
  CHECK(read(repeated("000001\r\nx\r\n", within + 1), 0, true).state == State::bad);
  CHECK(read(repeated("0000000000000001\r\nx\r\n", 100'000)).state == State::bad);
  CHECK(read("fff0\r\n" + std::string(0xFFF0, 'x') + "\r\n" + repeated("0000000000000001\r\nx\r\n", 40'000)).state ==
        State::end);  // what a body has earned lasts
}

TEST_CASE("a body with a length is the next bytes, wherever it is cut", "[body_reader]") {
  const std::string wire = "hello\r\nGET";
  for (std::size_t cut = 1; cut != 5; ++cut) {
    BodyReader reader(5);
    std::string body;
    std::string_view data;
    std::string_view input = std::string_view(wire).substr(0, cut);
    CHECK(reader.read(input, data) == State::more);
    CHECK(input.empty());
    CHECK(reader.announced() == 5 - cut);
    body += data;
    CHECK(reader.read(input, data) == State::more);
    CHECK(data.empty());
    input = std::string_view(wire).substr(cut);
    CHECK(reader.read(input, data) == State::end);
    CHECK(body.append(data) == "hello");
    CHECK(input == "\r\nGET");
  }
  std::string_view data;
  std::string_view input = wire;
  CHECK(BodyReader(0).read(input, data) == State::end);
  CHECK(data.empty());
  CHECK(input == wire);
}
