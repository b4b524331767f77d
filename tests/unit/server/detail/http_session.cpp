// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/server/detail/http_session.hpp>

#include "support/catch.hpp"
#include "support/server_parties.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::string_view_literals;
using Session = droplit::detail::HttpSession<test::TestEndpoint>;
using Action = Session::Action;

constexpr std::uint32_t max_head = 2048;

struct Result {
  std::string written;
  int kept = 0;
  Action end = Action::request;
};

/// Gives a fresh session `wire` in pieces of at most `first`, then `next` bytes, as a connection would; at the end, if
/// it still waits, the end.
Result serve(std::string_view wire, std::size_t first, std::size_t next, bool suspends) {
  test::Parties parties(4096);
  Session session(parties.endpoint, max_head, suspends);
  Result result;
  std::string buffered;
  std::size_t piece = 0;
  for (;;) {
    const auto memory = std::make_unique<char[]>(buffered.size());  // of that size, so that a sanitizer sees overruns
    buffered.copy(memory.get(), buffered.size());
    std::size_t used = 0;
    result.end = session.advance({memory.get(), buffered.size()}, used);
    result.written += session.output();
    buffered.erase(0, used);
    if (result.end == Action::close) break;
    if (result.end == Action::write) continue;
    if (result.end == Action::complete) {
      CHECK(suspends);
      session.complete();
      continue;
    }
    if (wire.empty()) {
      result.end = session.end();
      result.written += session.output();
      break;
    }
    piece = std::min(wire.size(), piece == 0 ? first : next);
    buffered += wire.substr(0, piece);
    wire.remove_prefix(piece);
  }
  result.kept = parties.store.kept;
  return result;
}

// 100 Continue is left out when the body is already there, and the second may have turned over.
std::string comparable(std::string written) {
  const std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
  for (auto at = written.find(interim); at != std::string::npos; at = written.find(interim)) {
    written.erase(at, interim.size());
  }
  for (auto at = written.find("date: "); at != std::string::npos; at = written.find("date: ", at + 1)) {
    written.replace(at + 6, 29, 29, '-');
  }
  return written;
}

/// The same where the store is asked apart too, which changes nothing.
Result serve(std::string_view wire, std::size_t first, std::size_t next) {
  const Result apart = serve(wire, first, next, true);
  const Result result = serve(wire, first, next, false);
  if (comparable(apart.written) != comparable(result.written) || apart.kept != result.kept || apart.end != result.end) {
    FAIL_CHECK("it matters where the store is asked: " << wire.substr(0, 500));
  }
  return result;
}

Result serve(std::string_view wire) { return serve(wire, wire.size(), wire.size()); }

struct Case {
  std::string wire;
  std::string_view statuses;
  int kept = 0;
};

std::string get(std::string_view fields = "Host: a\r\n", std::string_view start = "GET / HTTP/1.1") {
  return std::string(start).append("\r\n").append(fields).append("\r\n");
}

std::vector<Case> cases() {
  using test::chunk, test::good_body, test::post, test::post_chunked;
  const std::string body = chunk(good_body);
  const std::string halves = chunk(good_body.substr(0, 20)) + chunk(good_body.substr(20));
  const std::string last = "0\r\n\r\n";
  const std::string inner = post(good_body);  // a request to be hidden in bodies
  return {
      // What is fine.
      {post(good_body), "201", 1},
      {post(good_body, "Connection: close\r\n"), "201 close", 1},
      {post(good_body) + post(good_body), "201 201", 2},
      {"\r\n\r\n" + post(good_body) + "\r\n" + post(good_body), "201 201", 2},
      {post_chunked(body + last), "201", 1},
      {post_chunked(halves + last) + post(good_body), "201 201", 2},
      {post_chunked("3b;a=b;c=\"d\"\r\n" + good_body + "\r\n" + last), "201", 1},
      {post_chunked(body + "0\r\nContent-Length: 5\r\nHost: b\r\nAuthorization: x\r\n\r\n") + get(), "201 404", 1},
      {get(), "404"},
      {get("", "GET / HTTP/1.0"), "404 close"},
      {get("Connection: keep-alive\r\n", "GET / HTTP/1.0") + get(), "404 404"},
      {get("Host: a\r\n", "GET /api/clients HTTP/1.1") + get("Host: a\r\n", "HEAD /api/clients HTTP/1.1"), "405 405"},
      {get("Host: a\r\n", "HEAD / HTTP/1.1") + post(good_body), "404 201", 1},
      {get("Host: a\r\n", "OPTIONS * HTTP/1.1") + get("Host: a\r\n", "CONNECT a:80 HTTP/1.1"), "404 404"},
      {post(good_body, {}, "unknown") + post(good_body, {}, "client") + post(good_body), "401 403 201", 1},
      {post("{") + post("") + post(good_body), "400 400 201", 1},
      {post(good_body, {}, "throws") + post(good_body), "500 201", 1},
      {post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"broken"})") + post(good_body),
       "500 201", 1},
      // A body is never read as requests, whatever the response.
      {post(inner) + get(), "400 404"},
      {post(inner, {}, "unknown") + get(), "401 404"},
      {post_chunked(chunk(inner) + last) + get(), "400 404"},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(inner.size()) + "\r\n\r\n" + inner, "404"},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(inner) + last + get(), "404 404"},
      // Bodies that are too long.
      {post(std::string(4097, ' ')) + get(), "413 close"},
      {post(std::string(4096, ' ')) + get(), "400 404"},
      {post_chunked(chunk(std::string(4096, ' ')) + last) + get(), "400 404"},
      {post_chunked(chunk(std::string(4097, ' ')) + last) + get(), "413 close"},
      {post_chunked(chunk(std::string(4000, ' ')) + chunk(std::string(97, ' ')) + last) + get(), "413 close"},
      {post_chunked(chunk(std::string(4000, ' ')) + "61\r\n"), "413 close"},
      {post_chunked("ffffffff\r\n"), "413 close"},
      {post_chunked("ffffffffffffffff\r\n"), "413 close"},
      {post(std::string(5000, ' '), {}, "unknown") + get(), "401 close"},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(std::string(5000, ' ')) + last,
       "404 close"},
      // 100 Continue.
      {post(good_body, "Expect: 100-continue\r\n") + get(), "201 404", 1},
      {post_chunked(body + last, "Expect: 100-continue\r\n") + get(), "201 404", 1},
      {post(good_body, "Expect: 100-continue\r\n", "unknown") + get(), "401 close"},
      {post(std::string(4097, ' '), "Expect: 100-continue\r\n") + get(), "413 close"},
      {post("", "Expect: 100-continue\r\n", "unknown") + get(), "401 404"},
      // What ends in the middle, and what is no HTTP.
      {"", ""},
      {"\r\n", ""},
      {"\r", ""},
      {"G", "400 close"},
      {post(good_body).substr(0, post(good_body).size() - 1), "400 close"},
      {post_chunked(body + "0\r\n"), "400 close"},
      {"\r\n\r\n\r\n\r\n\r\n" + get(), "400 close"},
      {"\r\n\r\n\r\n\r\n\r", "400 close"},
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", "400 close"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 close"},
      {"SSH-2.0-OpenSSH_9.2p1\r\n", "400 close"},
      {std::string("\0\0\0\0", 4), "400 close"},
      {get("", "GET / HTTP/1.1"), "400 close"},
      {get("Host: a\r\nHost: a\r\n"), "400 close"},
      {get("Host: a b\r\n"), "400 close"},
      {get("Host: a\r\n", "GET /#a HTTP/1.1"), "400 close"},
      {get("Host: a\r\nX: 1\r\n 2\r\n"), "400 close"},
      {get("Host: a\r\nX : 1\r\n"), "400 close"},
      {get("Host: a\r\nX: 1\rY: 2\r\n"), "400 close"},
      {get("Host: a\nX: 1\r\n"), "400 close"},
      {get("Host: a\r\n", "GET /" + std::string(3000, 'a') + " HTTP/1.1"), "414 close"},
      {get("Host: a\r\nX: " + std::string(3000, 'a') + "\r\n"), "431 close"},
      // Framing that could be read in two ways: one response, and a close.
      {post(good_body, "Content-Length: 5\r\n") + get(), "400 close"},
      {post(good_body, "Content-Length: " + std::to_string(good_body.size()) + "\r\n"), "201", 1},
      {post(good_body, "Transfer-Encoding: chunked\r\n") + get(), "400 close"},
      {post(good_body, "Transfer-Encoding: gzip\r\n") + get(), "400 close"},
      {post_chunked(body + last, "Transfer-Encoding: gzip\r\n") + get(), "400 close"},
      {post_chunked(body + last, "Transfer-Encoding: chunked\r\n") + get(), "400 close"},
      {get("Host: a\r\nTransfer-Encoding: gzip\r\n") + get(), "400 close"},
      {get("Host: a\r\nTransfer-Encoding: chunked;q=1\r\n") + last + get(), "400 close"},
      {get("Host: a\r\nTransfer-Encoding:\r\n chunked\r\n") + last + get(), "400 close"},
      {get("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0") + last + get(), "400 close"},
      {get("Host: a\r\nContent-Length: +0\r\n") + get(), "400 close"},
      {get("Host: a\r\nContent-Length: 18446744073709551616\r\n") + get(), "400 close"},
      {post_chunked("-1\r\n") + get(), "400 close"},
      {post_chunked("3b \r\n" + good_body + "\r\n" + last) + get(), "400 close"},
      {post_chunked("3b\n" + good_body + "\r\n" + last) + get(), "400 close"},
      {post_chunked("3b\r\n" + good_body + last) + get(), "400 close"},
      {post_chunked("3b\r\n" + good_body + "\n" + last) + get(), "400 close"},
      {post_chunked("3b;" + std::string(5000, 'a') + "\r\n"), "400 close"},
      {post_chunked(body + "0\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n"), "400 close"},
      {post_chunked(body + "0\r\nX : 1\r\n\r\n") + get(), "400 close"},
      {get("Host: a\r\nTransfer-Encoding: chunked\r\n") + "x\r\n" + get(), "400 close"},
  };
}

}  // namespace

TEST_CASE("each input has its responses, and exactly the clients of the 201s are stored", "[http_session]") {
  for (const Case& one : cases()) {
    CAPTURE(one.wire);
    const Result result = serve(one.wire);
    std::string written = result.written;
    CHECK(test::statuses(written) == one.statuses);
    CHECK(result.kept == one.kept);
    CHECK(result.end == Action::close);
  }
}

TEST_CASE("where the bytes are cut does not matter", "[http_session]") {
  for (const Case& one : cases()) {
    CAPTURE(one.wire.substr(0, 200), one.wire.size());
    const std::string whole = comparable(serve(one.wire).written);
    if (one.wire.size() < 800) {
      for (std::size_t cut = 1; cut < one.wire.size(); ++cut) {
        const Result result = serve(one.wire, cut, one.wire.size());
        CAPTURE(cut);
        REQUIRE(comparable(result.written) == whole);
        REQUIRE(result.kept == one.kept);
      }
    }
    for (const std::size_t step : {1U, 3U, 1000U}) {
      const Result result = serve(one.wire, step, step);
      REQUIRE(comparable(result.written) == whole);
      REQUIRE(result.kept == one.kept);
    }
  }
}

TEST_CASE("a malformed chunk is refused at once, not only when the peer ends", "[http_session]") {
  test::Parties parties;
  for (const std::string& body : {std::string("x"), "3b\r\n" + test::good_body + "x"}) {
    Session session(parties.endpoint, max_head);
    std::size_t used = 0;
    CHECK(session.advance(test::post_chunked(body), used) == Action::close);
    CHECK(test::statuses(session.output()) == "400 close");
  }
}

TEST_CASE("reason phrases are those of RFC 9110", "[http_session]") {
  using droplit::detail::reason_of;
  CHECK(reason_of(201) == "Created");
  CHECK(reason_of(413) == "Content Too Large");
  CHECK(reason_of(414) == "URI Too Long");
  CHECK(reason_of(422) == "Unprocessable Content");
  CHECK(reason_of(423) == "Locked");
}

TEST_CASE("empty lines are counted before each request anew", "[http_session]") {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string four = "\r\n\r\n\r\n\r\n";
  const std::string wire = four + get + four + test::post(test::good_body) + four + get + four + "\r\n" + get;
  for (const std::size_t step : {wire.size(), std::size_t{1}}) {
    CHECK(test::statuses(serve(wire, step, step).written) == "404 201 404 400 close");
  }
}

TEST_CASE("100 Continue comes if the body is wanted and has not begun", "[http_session]") {
  const std::string request = test::post(test::good_body, "Expect: 100-continue\r\n");
  const std::size_t head = request.size() - test::good_body.size();
  CHECK(test::statuses(serve(request, head, 1).written) == "100 201");
  CHECK(test::statuses(serve(request, head + 1, 1).written) == "201");
  const std::string refused = test::post(test::good_body, "Expect: 100-continue\r\n", "unknown");
  CHECK(test::statuses(serve(refused.substr(0, refused.size() - test::good_body.size())).written) == "401 close");
}

TEST_CASE("a response to HEAD has no body, and one to HTTP/1.0 says that the connection persists", "[http_session]") {
  const auto received = serve(get("Connection: keep-alive\r\n", "HEAD /api/clients HTTP/1.0")).written;
  CHECK(received.starts_with("HTTP/1.1 405 Method Not Allowed\r\nallow: OPTIONS, POST\r\ncontent-length: 0\r\ndate: "));
  CHECK(received.ends_with("\r\nconnection: keep-alive\r\n\r\n"));
}

TEST_CASE("a session without a request ends without output, and a begun request with 400 or 408", "[http_session]") {
  test::Parties parties;
  for (const bool late : {false, true}) {
    const auto stop = [late](Session& session) { return late ? session.expire() : session.end(); };
    const std::string_view status = late ? "408 close"sv : "400 close"sv;
    std::size_t used = 0;

    Session served(parties.endpoint, max_head);
    CHECK(served.advance(get(), used) == Action::write);
    CHECK(served.advance({}, used) == Action::request);
    CHECK(stop(served) == Action::close);
    CHECK(served.output().empty());

    Session in_head(parties.endpoint, max_head);
    CHECK(in_head.advance("P", used) == Action::head);
    CHECK(stop(in_head) == Action::close);
    CHECK(test::statuses(in_head.output()) == status);

    Session in_body(parties.endpoint, max_head);
    const std::string request = test::post(test::good_body);
    CHECK(in_body.advance(std::string_view(request).substr(0, request.size() - 1), used) == Action::body);
    CHECK(in_body.body_size() == test::good_body.size() - 1);
    CHECK(stop(in_body) == Action::close);
    CHECK(test::statuses(in_body.output()) == status);
  }
  CHECK(parties.store.kept == 0);
}

TEST_CASE("a session that must finish responds once more", "[http_session]") {
  test::Parties parties;
  std::size_t used = 0;
  std::atomic<bool> last{true};
  Session idle(parties.endpoint, max_head);
  idle.serve_until(last);
  CHECK(idle.advance({}, used) == Action::close);
  CHECK(idle.output().empty());

  last = false;
  Session busy(parties.endpoint, max_head);
  busy.serve_until(last);
  const std::string request = test::post(test::good_body);
  CHECK(busy.advance(std::string_view(request).substr(0, 10), used) == Action::head);
  last = true;
  CHECK(busy.advance(request + request, used) == Action::close);
  CHECK(used == request.size());
  CHECK(test::statuses(busy.output()) == "201 close");
}

namespace {

/// An endpoint that counts the pieces of bodies that it is given.
struct CountingEndpoint {
  droplit::Response handle(const droplit::Request& request) { return endpoint.handle(request); }

  class Steps : public test::TestEndpoint::Steps {
   public:
    explicit Steps(CountingEndpoint& counting) : test::TestEndpoint::Steps(counting.endpoint), counting_(counting) {}
    bool body(std::string_view piece, droplit::Response& response) {
      ++counting_.pieces;
      return test::TestEndpoint::Steps::body(piece, response);
    }
    bool finish(std::string_view piece, droplit::Response& response) {
      ++counting_.pieces;
      return test::TestEndpoint::Steps::finish(piece, response);
    }

   private:
    CountingEndpoint& counting_;
  };

  test::TestEndpoint& endpoint;
  std::size_t pieces = 0;
};
static_assert(droplit::SteppedHandler<CountingEndpoint>);

}  // namespace

TEST_CASE("a body in small pieces is parsed in few, and gets the response of the whole", "[http_session]") {
  const std::string name(300'000, 'n');
  const std::string body = R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":")" + name + "\"}";
  for (const std::size_t size : {1U, 2U, 100U, 255U, 256U, 1000U, 1'000'000U}) {
    for (const bool chunked : {false, true}) {
      CAPTURE(size, chunked);
      std::string wire = test::post(body);
      const std::size_t head = wire.size() - body.size();
      if (chunked) {
        wire = test::post_chunked({});
        for (std::size_t at = 0; at < body.size(); at += size) wire += test::chunk(body.substr(at, size));
        wire += "0\r\n\r\n";
      }
      test::Parties parties;
      CountingEndpoint counting{parties.endpoint};
      droplit::detail::HttpSession<CountingEndpoint> session(counting, max_head);
      std::string_view rest = wire;
      std::size_t used = 0;
      auto action = session.advance(rest.substr(0, chunked ? rest.size() : head), used);
      for (rest.remove_prefix(used); action != decltype(action)::write && !rest.empty(); rest.remove_prefix(used))
        action = session.advance(rest.substr(0, size), used);
      REQUIRE(test::statuses(session.output()) == "201");
      CHECK(session.output().find(name) != std::string_view::npos);
      CHECK(counting.pieces <= body.size() / 128 + 2);
    }
  }
}

TEST_CASE("small pieces are gathered up to a limit and parsed before what follows, which is not once one is refused",
          "[http_session]") {
  using Sizes = std::vector<std::size_t>;
  droplit::detail::PieceGatherer pieces;
  Sizes parsed;
  bool accepts = true;
  const auto take = [&](std::size_t size) {
    return pieces.take(std::string(size, 'x'), [&](std::string_view piece) {
      parsed.push_back(piece.size());
      return accepts;
    });
  };
  for (int i = 0; i != 8; ++i) CHECK(take(255));
  CHECK(take(8));
  CHECK(parsed.empty());
  CHECK(take(1));
  CHECK(parsed == Sizes{2048});
  CHECK(take(256));
  CHECK(parsed == Sizes{2048, 1, 256});
  CHECK(take(255));
  accepts = false;
  CHECK_FALSE(take(256));
  CHECK(parsed == Sizes{2048, 1, 256, 255});
}

TEST_CASE("a short body in small pieces is parsed in one", "[http_session]") {
  std::string wire = test::post_chunked({});
  for (const char& byte : test::good_body) wire += test::chunk({&byte, 1});
  wire += "0\r\n\r\n";
  test::Parties parties;
  CountingEndpoint counting{parties.endpoint};
  droplit::detail::HttpSession<CountingEndpoint> session(counting, max_head);
  std::size_t used = 0;
  CHECK(session.advance(wire, used) == decltype(session)::Action::write);
  CHECK(test::statuses(session.output()) == "201");
  CHECK(counting.pieces == 1);
}
