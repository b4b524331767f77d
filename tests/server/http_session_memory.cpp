// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The memory of one connection's requests, counted and refused by an operator new of our own.
#include "droplit/server/detail/http_session.hpp"

#include "support/catch.hpp"
#include "support/memory.hpp"
#include "support/server_parties.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using Session = droplit::detail::HttpSession<test::TestEndpoint>;
using Want = Session::Want;

constexpr std::size_t kib = 1024;

/// Feeds `wire` in pieces of at most `size` bytes; what was written goes into `written`, which must have room for it.
Want serve(Session& session, std::string_view wire, std::size_t size, std::string& written) {
  std::size_t begin = 0;
  std::size_t end = 0;
  for (;;) {
    std::size_t used = 0;
    const Want want = session.advance(wire.substr(begin, end - begin), used);
    begin += used;
    if (written.size() + session.output().size() <= written.capacity()) written.append(session.output());
    if (want == Want::close || (want != Want::write && end == wire.size())) return want;
    if (want != Want::write) end = std::min(wire.size(), end + size);
  }
}

}  // namespace

TEST_CASE("whichever allocation fails, there is one answer or none, and a 201 is told of nothing but what is kept",
          "[http_session]") {
  const std::string text = "a text too long to lie within a string";
  for (const std::string& wire :
       {test::post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":")" + text + "\"}"),
        test::post_chunked(test::chunk(test::good_body) + "0\r\n\r\n"), test::post("{\"" + text + "\":1}"),
        test::post(test::good_body, {}, "nobody"), std::string("GET /\r\n")}) {
    for (const bool fail_on : {false, true}) {
      for (const std::size_t size : {wire.size(), std::size_t{30}}) {
        bool failed = true;
        for (std::size_t n = 1; failed; ++n) {
          REQUIRE(n < 1000);
          test::Parties parties;
          Session session(parties.endpoint, 2048);
          std::string written;
          written.reserve(4096);
          memory::calls = 0;
          memory::fail_on = fail_on;
          memory::fail_at = n;
          serve(session, wire, size, written);
          failed = memory::calls >= n;
          memory::fail_at = 0;
          const std::string told = test::statuses(written);
          CAPTURE(wire, fail_on, size, n, told);
          const int kept = parties.store.kept;
          CHECK(kept <= 1);
          if (told.starts_with("201")) {
            CHECK(kept == 1);
          } else if (failed && told.starts_with("500")) {
            CHECK(written.find("Internal Server Error\"}") != std::string::npos);
          } else {
            CHECK(kept == 0);
            if (!failed) CHECK(told.size() >= 3);
          }
        }
      }
    }
  }
}

TEST_CASE("a connection keeps little memory from one request to the next", "[http_session]") {
  test::Parties parties;
  const memory::Counted fresh;
  Session session(parties.endpoint, 16 * kib);
  CHECK(fresh.most() < 8 * kib);
  std::string written;
  const std::size_t before = memory::now;
  CHECK(serve(session, test::post("{\"" + std::string(1'000'000, 'x') + "\":1}"), 16 * kib, written) == Want::request);
  CHECK(serve(session, test::post("{}"), 16 * kib, written) == Want::request);
  CHECK(memory::now < before + 160 * kib);
}

TEST_CASE("a body takes memory only for what is told or kept of it", "[http_session]") {
  test::Parties parties;
  Session session(parties.endpoint, 16 * kib);
  std::string written;
  const std::string spaces = test::post(std::string(1'000'000, ' '));
  const std::string refused = test::post(std::string(1'000'000, 'x'), {}, "nobody");
  std::string chunks = test::post_chunked({});
  for (int i = 0; i != 100'000; ++i) chunks += "1\r\n \r\n";
  chunks += "0\r\n\r\n";
  for (const std::string_view wire : {std::string_view(spaces), std::string_view(refused), std::string_view(chunks)}) {
    const memory::Counted counted;
    CHECK(serve(session, wire, 16 * kib, written) == Want::request);
    CHECK(counted.most() < 32 * kib);
  }
}
