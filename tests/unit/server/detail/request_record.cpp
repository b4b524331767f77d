// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What an observer is informed of each request that a session serves, and the ids of requests.
#include <droplit/server/detail/request_record.hpp>

#include <droplit/router.hpp>
#include <droplit/server/detail/http_session.hpp>
#include <droplit/static_resource.hpp>
#include "support/catch.hpp"
#include "support/observers.hpp"
#include "support/server_parties.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace droplit;

namespace {

const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A session of an endpoint and a page, which is observed.
struct Session {
  explicit Session(bool ids = false, bool suspends = false)
      : session(std::in_place, router, 2048, suspends, detail::MemoryShare(), observer, ids) {}

  /// Feeds `wire` in pieces, and returns what was written, ended by the peer's end if the session still waits.
  std::string serve(std::string_view wire, std::size_t size = 1000) {
    using Action = detail::HttpSession<Router<test::TestEndpoint, StaticResource>, test::Recording>::Action;
    std::string written;
    for (std::size_t end = std::min(size, wire.size());;) {
      std::size_t used = 0;
      const Action action = session->advance(wire.substr(0, end), used);
      written += session->output();
      wire.remove_prefix(used);
      end -= used;
      if (action == Action::close) return written;
      if (action == Action::complete) session->complete();
      if (action == Action::write || action == Action::complete) continue;
      if (end == wire.size()) {
        session->end();
        return written.append(session->output());
      }
      end = std::min(end + size, wire.size());
    }
  }

  test::Parties parties{4096};
  StaticResource page{"/page", "text/plain", "page"};
  Router<test::TestEndpoint, StaticResource> router{parties.endpoint, page};
  test::Recording observer;
  std::optional<detail::HttpSession<Router<test::TestEndpoint, StaticResource>, test::Recording>> session;
};

/// The one request that a session that was fed `wire` is observed to have served.
test::Event observed(std::string_view wire, std::size_t size = 1000) {
  Session session;
  const std::string written = session.serve(wire, size);
  const auto requests = session.observer.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].sent == written.size());
  CHECK(requests[0].attempt == 0);
  return requests[0];
}

std::string value(std::string_view written, std::string_view name) {
  const std::size_t at = written.find(std::string(name) + ": ");
  if (at == std::string_view::npos) return "(absent)";
  const std::string_view rest = written.substr(at + name.size() + 2);
  return std::string(rest.substr(0, rest.find('\r')));
}

}  // namespace

TEST_CASE("a request that is served is observed once, in all of its bytes", "[request_record]") {
  for (const std::size_t size : {1U, 7U, 1000U}) {
    for (const std::string& wire :
         {test::post(test::good_body), test::post_chunked(test::chunk(test::good_body) + "0\r\n\r\n")}) {
      const test::Event event = observed(wire, size);
      CHECK(event.route == "/api/clients");
      CHECK(event.method == "POST");
      CHECK(event.status == 201);
      CHECK_FALSE(event.code);
      CHECK_FALSE(event.fault);
      CHECK(event.received == wire.size());
      CHECK(event.nanoseconds == 1);
    }
  }
  CHECK(observed("GET /page HTTP/1.1\r\nHost: a\r\n\r\n").route == "/page");
}

TEST_CASE("every refusal of a server is observed once, with its code", "[request_record]") {
  const struct {
    std::string wire;
    int status;
    ApiErrc code;
    const char* route;
    const char* method;
  } cases[] = {
      {"GET /canary HTTP/1.1\r\nHost: a\r\n\r\n", 404, ApiErrc::not_found, "none", "GET"},
      {"CANARY /page HTTP/1.1\r\nHost: a\r\n\r\n", 405, ApiErrc::method_not_allowed, "/page", "other"},
      {"GET /page HTTP/1.1\r\n\r\n", 400, ApiErrc::bad_request, "none", "other"},
      {"GET /page HTTP/1.1\r\nHost", 400, ApiErrc::bad_request, "none", "other"},
      {"canary\x01\r\n\r\n", 400, ApiErrc::bad_request, "none", "other"},
      {"GET /" + std::string(3000, 'c') + " HTTP/1.1\r\n", 414, ApiErrc::uri_too_long, "none", "other"},
      {"GET / HTTP/1.1\r\nHost: a\r\nx: " + std::string(3000, 'c'), 431, ApiErrc::header_fields_too_large, "none",
       "other"},
      {test::post(test::good_body, {}, "canary"), 401, ApiErrc::unauthorized, "/api/clients", "POST"},
      {test::post(std::string(5000, 'x')), 413, ApiErrc::content_too_large, "/api/clients", "POST"},
      {test::post_chunked(test::chunk(std::string(5000, 'x'))), 413, ApiErrc::content_too_large, "/api/clients",
       "POST"},
      {test::post_chunked("canary\r\n"), 400, ApiErrc::bad_request, "/api/clients", "POST"},
      {test::post("canary"), 400, ApiErrc::body_parameters_missing, "/api/clients", "POST"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.wire.substr(0, 40), each.status);
    const test::Event event = observed(each.wire);
    CHECK(event.status == each.status);
    CHECK(event.code == each.code);
    CHECK(event.route == each.route);
    CHECK(event.method == each.method);
    CHECK_FALSE(event.fault);
    CHECK(event.received > 0);
    CHECK(event.received <= each.wire.size());
  }
}

TEST_CASE("a peer that is too slow is observed as a 408", "[request_record]") {
  Session session;
  std::size_t used = 0;
  session.session->advance("GET /pa", used);
  session.session->expire();
  session.session.emplace(session.router, 2048, false, detail::MemoryShare(), session.observer);
  const std::string head = test::post_chunked({});
  session.session->advance(head, used);
  session.session->expire();
  const auto requests = session.observer.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].code == ApiErrc::request_timeout);
  CHECK(requests[0].route == "none");
  CHECK(requests[0].received == 7);
  CHECK(requests[1].code == ApiErrc::request_timeout);
  CHECK(requests[1].route == "/api/clients");
  CHECK(requests[1].received == head.size());
}

TEST_CASE("a failure is observed once, with its fate", "[request_record]") {
  const std::string broken = R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"broken"})";
  test::Event event = observed(test::post(broken));
  CHECK(event.status == 500);
  REQUIRE(event.fault);
  CHECK(event.fault->source() == FaultSource::storage);
  CHECK(event.fault->fate() == Fate::maybe_applied);
  event = observed(test::post(test::good_body, {}, "throws"));
  CHECK(event.status == 500);
  REQUIRE(event.fault);
  CHECK(event.fault->source() == FaultSource::access);
}

TEST_CASE("requests of one connection are observed one after another, and nothing of one is in the next",
          "[request_record]") {
  Session session;
  session.serve(test::post(test::good_body, {}, "throws") + "CANARY /page HTTP/1.1\r\nHost: a\r\ntraceparent: " +
                trace + "\r\nContent-Length: 3\r\n\r\nabc" + "GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto requests = session.observer.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].fault);
  CHECK(requests[1].status == 405);
  CHECK_FALSE(requests[1].fault);
  CHECK(requests[1].traceparent == trace);
  CHECK(requests[2].status == 200);
  CHECK_FALSE(requests[2].code);
  CHECK(requests[2].traceparent.empty());
}

TEST_CASE("where steps write a response themselves, the code and the fault of the one before are not observed again",
          "[request_record]") {
  struct Stepped {
    Response handle(const Request&) const { return {}; }
    struct Steps {
      explicit Steps(Stepped&) {}
      bool head(const RequestHead& head, std::string_view, Response& response) const {
        if (head.target() == "/fault") {
          write_response(response, Fault(FaultSource::storage, Fate::maybe_applied, {}));
        } else if (head.target() == "/refused") {
          write_response(response, ApiError::of<ApiErrc::unauthorized>());
        } else {
          response.status = 204;
          response.fields.clear();
          response.body.clear();
        }
        return false;
      }
      bool body(std::string_view, Response&) const { return false; }
      bool finish(std::string_view, Response&) const { return false; }
      void complete(Response&) const {}
      std::uint32_t max_body() const { return 0; }
    };
  } handler;
  test::Recording observer;
  detail::HttpSession session(handler, 2048, false, {}, observer);
  std::size_t used = 0;
  for (const char* const target : {"/fault", "/own", "/refused", "/own"})
    session.advance(std::string("GET ").append(target).append(" HTTP/1.1\r\nHost: a\r\n\r\n"), used);
  const auto requests = observer.requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].fault);
  CHECK_FALSE(requests[1].fault);
  CHECK(requests[2].code == ApiErrc::unauthorized);
  CHECK_FALSE(requests[3].code);
}

TEST_CASE("a request whose connection ends before its response was sent is observed once", "[request_record]") {
  std::size_t used = 0;
  Session session;
  const std::string wire = test::post(test::good_body);
  session.session->advance(wire.substr(0, wire.size() - 1), used);
  session.session.reset();
  CHECK(session.observer.requests().back().status == 0);
  CHECK(session.observer.requests().back().received == wire.size() - 1);

  session.session.emplace(session.router, 2048, true, detail::MemoryShare(), session.observer);
  session.session->advance(wire, used);
  session.session->complete();
  session.session.reset();
  const auto requests = session.observer.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[1].status == 201);
  CHECK(requests[1].sent == 0);

  session.session.emplace(session.router, 2048, false, detail::MemoryShare(), session.observer);
  session.session->advance("\r\nGET", used);
  session.session.reset();  // no request yet
  CHECK(session.observer.events().size() == 4);
}

TEST_CASE("a handler that closes the connection without a response is observed as one of status 0",
          "[request_record]") {
  struct Closes {
    Response handle(const Request&) { return {}; }
  } handler;
  test::Recording observer;
  {
    detail::HttpSession session(handler, 2048, false, {}, observer);
    std::size_t used = 0;
    session.advance("GET /canary HTTP/1.1\r\nHost: a\r\n\r\n", used);
    CHECK(session.output().empty());
  }
  REQUIRE(observer.requests().size() == 1);
  CHECK(observer.requests()[0].status == 0);
  CHECK(observer.requests()[0].route == "none");
}

TEST_CASE("an observer that throws changes no response", "[request_record]") {
  test::Parties parties;
  test::Throwing observer;
  detail::HttpSession session(parties.endpoint, 2048, false, {}, observer);
  std::size_t used = 0;
  session.advance(test::post(test::good_body), used);
  CHECK(test::statuses(session.output()) == "201");
}

TEST_CASE("a valid request id is taken, and the response and the observer have it", "[request_record]") {
  for (const bool suspends : {false, true}) {
    Session session(true, suspends);
    const std::string id(128, '~');
    const std::string written = session.serve(test::post(test::good_body, "X-Request-ID:  " + id + " \r\n"));
    CHECK(test::statuses(written) == "201");
    CHECK(value(written, "x-request-id") == id);
    CHECK(session.observer.requests()[0].request_id == id);
  }
}

TEST_CASE("a request id that is absent, repeated or malformed is replaced by a new one", "[request_record]") {
  std::string before;
  for (const std::string& fields :
       {std::string(), std::string("x-request-id: a\r\nx-request-id: a\r\n"), std::string("x-request-id: ca nary\r\n"),
        std::string("x-request-id:\r\n"), "x-request-id: " + std::string(129, 'c') + "\r\n",
        std::string("x-request-id: \xC3\xA9\r\n")}) {
    Session session(true);
    const std::string id = value(session.serve(test::post(test::good_body, fields)), "x-request-id");
    CHECK(id.size() == 32);
    CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(id != before);
    CHECK(session.observer.requests()[0].request_id == id);
    before = id;
  }
}

TEST_CASE("every response has the id of its request, also below HTTP, and only where ids are on", "[request_record]") {
  for (const std::string& wire :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("canary\x01\r\n\r\n"),
        std::string("GET /page HTTP/1.1\r\nHost: a\r\n\r\n"), std::string("PUT /page HTTP/1.1\r\nHost: a\r\n\r\n"),
        test::post(test::good_body, {}, "throws"), test::post(std::string(5000, 'x'))}) {
    Session with(true);
    const std::string written = with.serve(wire);
    CHECK(value(written, "x-request-id") == with.observer.requests()[0].request_id);
    CHECK(with.observer.requests()[0].request_id.size() == 32);
    Session without;
    CHECK(value(without.serve("GET /page HTTP/1.1\r\nHost: a\r\nx-request-id: a\r\n\r\n"), "x-request-id") ==
          "(absent)");
    CHECK(without.observer.requests()[0].request_id.empty());
  }
  Session two(true);
  const std::string written = two.serve(
      "GET /page HTTP/1.1\r\nHost: a\r\nx-request-id: one\r\n\r\n"
      "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /page HTTP/1.1\r\n\r\n");
  const std::string second = value(written.substr(written.rfind("HTTP/1.1 200")), "x-request-id");
  const std::string third = value(written.substr(written.rfind("HTTP/1.1 400")), "x-request-id");
  CHECK(value(written, "x-request-id") == "one");
  CHECK(second.size() == 32);
  CHECK(third.size() == 32);
  CHECK(third != second);
}

TEST_CASE("an id that a handler sets itself is replaced where ids are on, and stays where they are off",
          "[request_record]") {
  struct SetsId {
    Response handle(const Request&) {
      Response response{200, {}, "body"};
      response.fields.add("X-Request-Id", "own");
      response.fields.add("x-other", "stays");
      return response;
    }
  } handler;
  for (const bool ids : {true, false}) {
    detail::HttpSession session(handler, 2048, false, {}, no_observer, ids);
    std::size_t used = 0;
    session.advance("GET / HTTP/1.1\r\nHost: a\r\nx-request-id: id\r\n\r\n", used);
    const std::string written(session.output());
    CHECK(value(written, "x-request-id") == (ids ? "id" : "(absent)"));
    CHECK(value(written, "X-Request-Id") == (ids ? "(absent)" : "own"));
    CHECK(value(written, "x-other") == "stays");
    CHECK(test::statuses(written) == "200");
  }
}
