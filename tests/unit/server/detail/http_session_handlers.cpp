// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// HttpSession before handlers that take whole requests, and before a router.
#include <droplit/server/detail/http_session.hpp>

#include <droplit/router.hpp>
#include <droplit/static_resource.hpp>
#include "support/catch.hpp"
#include "support/server_parties.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

using namespace droplit;

namespace {

/// Responds with what it was sent, or does as the target says.
struct Echo {
  static constexpr Route route{"PUT", "/echo/{what}"};
  static constexpr std::uint32_t max_body = 100;
  std::size_t long_response = 1'000'000;
  int calls = 0;

  Response handle(const Request& request) {
    ++calls;
    const std::string_view what = path_parameter(request);
    if (what == "throws") throw std::runtime_error("canary");
    Response response;
    write_response(response, 200, "text/plain", request.body + '|' + std::string(request.fields.get("x-more")));
    if (what == "none") response.status = 0;
    if (what == "long") write_response(response, 200, "text/plain", std::string(long_response, 'r'));
    if (what == "closes") response.close = true;
    return response;
  }
};

/// Takes requests in steps, and completes them as the target says.
struct Stepped {
  Response handle(const Request&) const { return {}; }

  class Steps {
   public:
    explicit Steps(Stepped&) {}
    bool head(const RequestHead& head, std::string_view, Response&) {
      target_ = head.target();
      return true;
    }
    bool body(std::string_view, Response&) const { return true; }
    bool finish(std::string_view, Response&) const { return true; }
    void complete(Response& response) const {
      if (target_ == "/nothing") return;
      write_response(response, 200, "text/plain", target_);
      if (target_ == "/throws") throw std::runtime_error("canary");
    }
    std::uint32_t max_body() const { return 0; }

   private:
    std::string target_;
  };
};

/// Counts the requests that end as a fault.
struct CountsFaults : NoObserver {
  int faults = 0;
  Fate fate = Fate::not_sent;  ///< of the last one
  void finished(const RequestFinished& event) {
    if (event.fault == nullptr) return;
    ++faults;
    fate = event.fault->fate();
  }
};

/// Refuses the body at its first piece, without a `close`.
struct RefusesBody {
  Response handle(const Request&) { return {}; }
  struct Steps {
    explicit Steps(RefusesBody& handler) : owner(handler) {}
    bool head(const RequestHead&, std::string_view, Response&) { return true; }
    bool body(std::string_view, Response& response) {
      ++owner.calls;
      write_response(response, 422, {}, {});
      return false;
    }
    bool finish(std::string_view piece, Response& response) { return body(piece, response); }
    void complete(Response&) { ++owner.calls; }
    std::uint32_t max_body() const { return 10'000; }
    RefusesBody& owner;
  };
  int calls = 0;
};
static_assert(SteppedHandler<RefusesBody>);

/// Never responds, and counts how often it is asked to.
struct NeverResponds {
  struct Steps {
    explicit Steps(NeverResponds& handler) : owner(handler) {}
    bool head(const RequestHead&, std::string_view, Response&) { return true; }
    bool body(std::string_view, Response&) { return true; }
    bool finish(std::string_view, Response&) { return true; }
    template <class Done>
    void complete(Response&, Done) {}
    void cancel() { ++owner.cancelled; }
    std::uint32_t max_body() const { return 100; }
    NeverResponds& owner;
  };
  int cancelled = 0;
};
static_assert(AsyncHandler<NeverResponds>);

template <class H>
struct Served {
  std::string written;
  int completed = 0;
  bool closed = false;
};

/// Feeds `wire` to a session in pieces of at most `size` bytes.
template <class H, class O>
Served<H> serve(detail::HttpSession<H, O>& session, std::string_view wire, std::size_t size) {
  using Action = typename detail::HttpSession<H, O>::Action;
  Served<H> served;
  for (std::size_t end = std::min(size, wire.size());;) {
    std::size_t used = 0;
    const Action action = session.advance(wire.substr(0, end), used);
    served.written += session.output();
    wire.remove_prefix(used);
    end -= used;
    if (action == Action::close) {
      served.closed = true;
      return served;
    }
    if (action == Action::complete) {
      ++served.completed;
      session.complete();
    } else if (action != Action::write) {
      if (end == wire.size()) return served;
      end = std::min(end + size, wire.size());
    }
  }
}

template <class H>
std::string statuses(H& handler, std::string_view wire, std::size_t size = 1'000'000) {
  detail::HttpSession<H> session(handler, 2048);
  return test::statuses(serve(session, wire, size).written);
}

std::string put(std::string_view what, std::string_view body, std::string_view fields = {}) {
  return std::string("PUT /echo/")
      .append(what)
      .append(" HTTP/1.1\r\nHost: a\r\n")
      .append(fields)
      .append("Content-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\n\r\n")
      .append(body);
}

}  // namespace

TEST_CASE("a handler gets whole requests, wherever the bytes are cut, and every response is framed", "[http_session]") {
  const std::string wire =
      put("1", "one", "X-More: more\r\n") + put("2", "") +
      "PUT /echo/3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nthr\r\n2\r\nee\r\n0\r\n\r\n" +
      put("4", std::string(100, '4'));
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, wire.size()}) {
    CAPTURE(size);
    Echo echo;
    detail::HttpSession<Echo> session(echo, 2048);
    const auto served = serve(session, wire, size);
    CHECK(test::statuses(served.written) == "200 200 200 200");
    CHECK(served.written.find("\r\n\r\none|moreHTTP") != std::string::npos);
    CHECK(served.written.find("\r\n\r\n|HTTP") != std::string::npos);
    CHECK(served.written.find("\r\n\r\nthree|HTTP") != std::string::npos);
    CHECK(served.written.ends_with(std::string(100, '4') + "|"));
    CHECK(echo.calls == 4);
    CHECK(served.completed == 0);
  }
}

TEST_CASE("a body beyond a handler's limit is 413, and the handler is not called", "[http_session]") {
  const std::string start = "PUT /echo/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& wire : {put("1", std::string(101, 'x')), start + test::chunk(std::string(101, 'x')),
                                  start + test::chunk(std::string(60, 'x')) + test::chunk(std::string(60, 'x')),
                                  start + "ffffffffffffffff\r\n"}) {
    for (const std::size_t size : {std::size_t{1}, wire.size()}) {
      Echo echo;
      CHECK(statuses(echo, wire, size) == "413 close");
      CHECK(echo.calls == 0);
    }
  }
}

TEST_CASE("what a handler throws costs its request a 500, and the connection stays", "[http_session]") {
  Echo echo;
  CountsFaults observer;
  detail::HttpSession session(echo, 2048, false, {}, observer);
  const auto served = serve(session, put("throws", "") + put("1", "x"), 1000);
  CHECK(test::statuses(served.written) == "500 200");
  CHECK(served.written.find("canary") == std::string::npos);
  CHECK(observer.faults == 1);
}

TEST_CASE("a handler ends the connection by `close`, or at once by a response without a status", "[http_session]") {
  Echo echo;
  CHECK(statuses(echo, put("closes", "") + put("1", "")) == "200 close");
  detail::HttpSession<Echo> session(echo, 2048);
  const auto served = serve(session, put("none", "") + put("1", ""), 1000);
  CHECK(served.closed);
  CHECK(served.written.empty());
}

TEST_CASE("steps that write no response, or throw while they do, end the connection, and no other response is sent",
          "[http_session]") {
  for (const char* const target : {"/nothing", "/throws"}) {
    CAPTURE(target);
    Stepped handler;
    detail::HttpSession<Stepped> session(handler, 2048);
    const std::string rest = " HTTP/1.1\r\nHost: a\r\n\r\n";
    const auto served = serve(session, "GET /page" + rest + "GET " + target + rest + "GET /page" + rest, 1000);
    CHECK(test::statuses(served.written) == "200");
    CHECK(served.closed);
  }
}

TEST_CASE("a handler that refuses a body gets no more of it, and the connection ends", "[http_session]") {
  const std::string start = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string small = test::chunk(std::string(10, 'x'));
  const std::string large = test::chunk(std::string(1000, 'x'));
  for (const std::string& body : {large + large + large, small + large, small + large + small,
                                  test::chunk(std::string(3000, 'x')).substr(0, 2000)}) {
    RefusesBody handler;
    const bool whole = body.ends_with("\r\n");
    CHECK(statuses(handler, start + body + (whole ? "0\r\n\r\n" + put("1", "") : "")) == "422 close");
    CHECK(handler.calls == 1);
  }
}

TEST_CASE("an async handler is asked to respond soon only while it responds", "[http_session]") {
  NeverResponds handler;
  detail::HttpSession<NeverResponds> session(handler, 2048);
  const std::string request = put("1", "x");
  std::size_t used = 0;
  CHECK(session.advance(request.substr(0, request.size() - 1), used) == detail::SessionAction::body);
  session.cancel();
  CHECK(handler.cancelled == 0);
  CHECK(session.advance("x", used) == detail::SessionAction::complete);
  session.complete([] {});
  session.cancel();
  CHECK(handler.cancelled == 1);
}

TEST_CASE("a handler that did not respond may have done something", "[http_session]") {
  NeverResponds handler;
  CountsFaults observer;
  detail::HttpSession session(handler, 2048, false, {}, observer);
  std::size_t used = 0;
  CHECK(session.advance(put("1", "x"), used) == detail::SessionAction::complete);
  session.complete([] {});
  CHECK(session.abandon() == detail::SessionAction::close);
  CHECK(test::statuses(session.output()) == "500 close");
  CHECK(observer.faults == 1);
  CHECK(observer.fate == Fate::maybe_applied);
}

TEST_CASE("no response of a handler breaks the framing of its connection", "[http_session]") {
  struct Framer {
    Response handle(const Request& request) {
      const std::string_view what = path_parameter(request);
      Response response{200, {}, "body"};
      if (what == "long") response.fields.add("content-length", "400");
      if (what == "short") response.fields.add("Content-Length", "1");
      if (what == "chunked") response.fields.add("transfer-encoding", "chunked");
      if (what == "connection") response.fields.add("connection", "close");
      if (what == "date") response.fields.add("date", "today");
      if (what.size() > 2 && what[0] <= '9') response.status = std::stoi(std::string(what));
      return response;
    }
  } framer;
  const std::string after = put("after", "");
  for (const char* what : {"long", "short", "chunked", "connection", "date", "200"}) {
    CAPTURE(what);
    detail::HttpSession<Framer> session(framer, 2048);
    const std::string written = serve(session, put(what, "") + after, 1000).written;
    CHECK(test::statuses(written) == "200 200");
    CHECK(written.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 4\r\ndate: "));
    CHECK(written.find("date: ", written.find("date: ") + 1) > written.find("body"));
    CHECK(written.find("chunked") == std::string::npos);
    CHECK(written.find("close") == std::string::npos);
  }
  for (const char* what : {"204", "304"}) {
    detail::HttpSession<Framer> session(framer, 2048);
    const std::string written = serve(session, put(what, "") + after, 1000).written;
    CHECK(written.find("content-length") == written.rfind("content-length"));
    CHECK(written.find("\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n") != std::string::npos);
  }
  for (const char* what : {"100", "101", "199", "600", "1000", "1200"}) {
    CHECK(statuses(framer, put(what, "") + after) == "500 200");
  }
}

TEST_CASE("a server of one handler with a route responds as one of a router of it", "[http_session]") {
  Echo echo;
  Router router(echo);
  const std::string wire = put("1", "x") + "GET /echo/1 HTTP/1.1\r\nHost: a\r\n\r\n" +
                           "PUT /none HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + put("throws", "") +
                           "PUT /none HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n";
  for (const std::size_t size : {std::size_t{1}, wire.size()}) {
    CHECK(statuses(echo, wire, size) == "200 405 404 500 404 close");
    CHECK(statuses(router, wire, size) == "200 405 404 500 404 close");
  }
  CHECK(echo.calls == 8);
}

TEST_CASE("HEAD has the fields of GET and no body, and a body of either is dropped", "[http_session]") {
  const StaticResource page("/page", "text/html", std::string(20'000, 'p'));
  const auto written = [&](std::string_view method, std::string_view rest = "\r\n") {
    detail::HttpSession<const StaticResource> session(page, 2048);
    return serve(session, std::string(method).append(" /page?x HTTP/1.1\r\nHost: a\r\n").append(rest), 1'000'000)
        .written;
  };
  const auto without_date = [](const std::string& head) { return head.substr(0, head.find("date: ")); };
  const std::string get = written("GET");
  const std::string head = written("HEAD");
  CHECK(without_date(get) == "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 20000\r\n");
  CHECK(without_date(head) == without_date(get));
  CHECK(get.ends_with("\r\n\r\n" + std::string(20'000, 'p')));
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(head.size() + 20'000 == get.size());
  CHECK(without_date(written("GET", "Content-Length: 4\r\n\r\nbody")) == without_date(get));
  CHECK(written("POST").find("\r\nallow: GET, HEAD\r\n") != std::string::npos);
}

TEST_CASE("OPTIONS is responded to before the token is asked for, and its body dropped", "[http_session]") {
  test::Parties parties;
  const StaticResource page("/page", "text/html", "page");
  Router router(parties.endpoint, page);
  const std::string options = "OPTIONS /api/clients HTTP/1.1\r\nHost: a\r\n";
  const std::string wire = options + "Content-Length: 4\r\n\r\nbody" + options + "Transfer-Encoding: chunked\r\n\r\n" +
                           test::chunk("body") + "0\r\n\r\n" +
                           "OPTIONS /page HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const std::size_t size : {std::size_t{1}, wire.size()}) {
    CHECK(statuses(parties.endpoint, wire, size) == "200 200 404 404");
    CHECK(statuses(router, wire, size) == "200 200 405 404");
  }
}

TEST_CASE("a handler that may block is called in `complete` alone", "[http_session]") {
  Echo echo;
  detail::HttpSession<Echo> session(echo, 2048, true);
  const auto served = serve(session, put("1", "a") + put("2", std::string(101, 'x')), 1000);
  CHECK(test::statuses(served.written) == "200 413 close");
  CHECK(served.completed == 1);
  CHECK(echo.calls == 1);
}

TEST_CASE("a long response takes memory of the server until it was written, and is a 500 where there is not enough",
          "[http_session]") {
  Echo echo;
  constexpr std::uint64_t mebibyte = 1024 * 1024;
  for (const bool enough : {true, false}) {
    detail::MemoryBudget budget((enough ? 4 : 1) * mebibyte);
    detail::MemoryShare share(budget);
    REQUIRE(share.take_own(detail::HttpSession<Echo>::own_memory));
    const auto before = budget.used();
    CountsFaults observer;
    detail::HttpSession session(echo, 2048, false, std::move(share), observer);
    std::size_t used = 0;
    const auto action = session.advance(put("long", ""), used);
    CHECK(test::statuses(session.output()) == (enough ? "200" : "500 close"));
    if (!enough) {
      CHECK(observer.faults == 1);
      CHECK(observer.fate == Fate::maybe_applied);
      continue;
    }
    CHECK(action == decltype(session)::Action::write);
    CHECK(budget.used() >= before + 2 * echo.long_response - detail::HttpSession<Echo>::own_memory);
    session.advance({}, used);
    CHECK(budget.used() == before);
  }
}

TEST_CASE("a request or a response has 16 KiB of what is counted for it, and takes the rest of all memory",
          "[http_session]") {
  Echo echo;
  detail::MemoryBudget budget(1'000'000);
  detail::SessionSteps<Echo> steps(echo, detail::MemoryShare(budget));
  const auto response = [](std::size_t size) {
    Response made;
    made.fields.add("name", "value");
    made.body.assign(size - made.fields.lines().size(), 'x');
    return made;
  };
  CHECK(steps.afford_request(2'048, 0));
  CHECK(steps.afford_request(1'423, 1'000));
  CHECK(steps.afford_response(response(8'192)));
  CHECK_FALSE(steps.has_extra_memory());
  CHECK(steps.afford_request(12'288, 0));
  CHECK(budget.used() == 81'920);
  steps.release();
  CHECK(budget.used() == 0);
  CHECK(steps.afford_response(response(49'152)));
  CHECK(budget.used() == 81'920);
}

TEST_CASE("in a router each request has its handler's limits, and a refused body is dropped as before",
          "[http_session]") {
  test::Parties parties(4096);
  Echo echo;
  Router router(echo, parties.endpoint);
  const std::string dropped = "PUT /none HTTP/1.1\r\nHost: a\r\nContent-Length: 4096\r\n\r\n" + std::string(4096, 'x');
  const std::string wire = test::post(test::good_body) + put("1", "x") + test::post(test::good_body, {}, "unknown") +
                           dropped + "GET /api/clients HTTP/1.1\r\nHost: a\r\n\r\n" + put("throws", "") +
                           test::post_chunked(test::chunk(test::good_body) + "0\r\n\r\n") +
                           put("1", std::string(101, 'x'));
  for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, wire.size()}) {
    CHECK(statuses(router, wire, size) == "201 200 401 404 405 500 201 413 close");
  }
  CHECK(parties.store.kept == 6);
  CHECK(statuses(router, "PUT /none HTTP/1.1\r\nHost: a\r\nContent-Length: 4097\r\n\r\n") == "404 close");
  const std::string expects = put("1", "x", "Expect: 100-continue\r\n");
  CHECK(statuses(router, expects, expects.size() - 1) == "100 200");
}
