// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The checks of the transport suite, one function for each rule of `transport_checks`. Each runs over a new transport
// and states a violation as the end of a sentence, which follows the rule's own.

#include <droplit/testing/detail/transport_fixture.hpp>

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

class TransportChecks : public TransportFixture {
 public:
  using TransportFixture::TransportFixture;

  void request_arrives() {
    const Request sent = request();
    const Request received = arrival(sent);
    expect(received.method == sent.method, "its method is another");
    expect(received.target == sent.target, "its target is another");
    expect(received.body == sent.body, "its body is another");
  }

  void request_line_arrives() {
    const auto arrives = [this](const Request& sent) {
      const Request received = arrival(sent);
      expect(received.method == sent.method, sent.method + " does not");
      expect(received.target == sent.target, sent.target + " does not");
    };
    for (const char* method : {"GET", "PUT", "PATCH", "DELETE"}) arrives({method, "/api/clients", {}, {}});
    for (const char* target : {"/", "/v0/api/clients", "/api/clients?", "/api/clients?verbose=1&name=%20+%2B&verbose",
                               "/api/%63lients", "/%2e%2E/%2F%00%C3%a9", "/api/../api/clients", "/../api/./clients/..",
                               "//api//clients", "/-._~!$&'()*+,;=:@/?/?"}) {
      arrives(with_target(target));
    }
  }

  void bodies_arrive() {
    for (const std::string& body : awkward_bodies()) {
      expect(arrival(request(body)).body == body, one_of(body.size()) + " does not");
    }
    expect(arrival(request("")).body.empty(), "an empty one does not");
  }

  void fields_arrive() {
    Request sent{"POST", "/api/clients", {}, "{}"};
    expect(arrival(sent).fields.count("content-type") == 0, "a content-type is invented");
    sent.fields.add("Content-Type", "text/plain; charset=\"utf-8\"");
    sent.fields.add("x-list", "a,\tb:c; d");
    sent.fields.add("x-empty", "");
    sent.fields.add("x-long", std::string(4000, 'x'));
    const Request received = arrival(sent);
    for (const HeaderField field : sent.fields) {
      const std::string name(field.name);
      expect(received.fields.count(name) == 1, name + " does not arrive once");
      expect(received.fields.get(name) == field.value, name + " has another value");
    }
  }

  void token_arrives() {
    for (const char* in : {" in the first request", " in the second request"}) {
      const Request received = arrival(request());
      expect(received.fields.count("authorization") == 1, std::string("there is none, or several,") + in);
      expect(received.fields.get("authorization") == token_, std::string("it is another") + in);
    }
  }

  void sent_once() {
    for (const int status : {201, 400, 401, 403, 408, 413, 417, 421, 425, 429, 500, 502, 503, 504}) {
      const Response once = response(status, {{"retry-after", "0"}, {"www-authenticate", "Basic realm=\"droplit\""}});
      static_cast<void>(send(request(), {once, created()}));
      expect(arrived() == 1, "after a " + std::to_string(status) + " there are " + std::to_string(arrived()));
    }
  }

  void responses_arrive() {
    const auto arrives = [this](const Response& each) { comes_back(each, a(each.status)); };
    arrives(created());
    for (const ApiErrcRow& row : api_errc_table) {
      switch (row.form) {
        case ResponseForm::entries: arrives(response(row.status, "application/json", R"({"errors":[]})")); break;
        case ResponseForm::text: arrives(response(row.status, "text/plain; charset=utf-8", "no")); break;
        case ResponseForm::empty:
        default: arrives(response(row.status)); break;
      }
    }
    arrives(response(405, {{"allow", "POST"}}));
    arrives(response(500, "application/json", R"({"errorType":"Internal Server Error"})"));
    arrives(response(503, {{"retry-after", "1"}}));
    arrives(response(201, {{"idempotency-replayed", "true"}, {"content-type", "application/json"}}));
    arrives(
        response(200, {{"content-encoding", "x-unknown"}, {"x-several", "b"}, {"x-other", ""}, {"x-several", "a"}}));
    arrives(response(200));
    arrives(response(204));
    arrives(response(299, "text/plain", "what is this"));
    arrives(response(404, "text/html", "<!doctype html><title>404</title>"));
    arrives(response(502, "text/html", "<!doctype html><title>502</title>"));
  }

  void response_bodies_arrive() {
    for (std::string& body : awkward_bodies()) {
      const std::string what = one_of(body.size());
      comes_back(response(201, "application/json", std::move(body)), what);
    }
  }

  void redirect_is_not_followed() {
    for (const int status : {301, 302, 303, 307, 308}) {
      comes_back(response(status, {{"location", "/api/clients"}}), a(status));
      expect(arrived() == 1, a(status) + " is followed");
    }
  }

  void recovers() {
    static_cast<void>(send(request(), lost()));
    comes_back(created(), "the one after a lost response");
    static_cast<void>(send(request(), {response(201, "application/json", bytes(8 * max_response)), created()}));
    comes_back(created(), "the one after a long response");
    static_cast<void>(send(with_target("/ /")));
    comes_back(created(), "the one after an unwritable request");
  }

  void long_response_is_bounded() {
    for (const std::size_t size : {max_response + 1, 8 * max_response}) {
      for (const int status : {201, 400}) {
        const std::string what = one_of(size);
        const auto outcome = send(request(), {response(status, "application/json", bytes(size))});
        fails(outcome, Fate::maybe_applied, what);
        if (!outcome.has_exception()) continue;
        expect(outcome.assume_exception().status() == status, what + " loses the status");
      }
    }
  }

  void lost_response_is_maybe_applied() {
    lose_responses([this](const Outcome<Response>& outcome, const std::string& what) {
      fails(outcome, Fate::maybe_applied, what);
    });
  }

  void lost_response_is_not_repeated() {
    lose_responses([this](const Outcome<Response>&, const std::string& what) {
      expect(arrived() == 1, what + " arrives " + std::to_string(arrived()) + " times");
    });
  }

  void unwritable_is_not_sent() {
    using namespace std::string_view_literals;
    for (const std::string_view method :
         {""sv, "PO ST"sv, "POST "sv, "POST / HTTP/1.1\r\nx:"sv, "POST\0"sv, "P:ST"sv, "P\xC3\x96ST"sv}) {
      Request bad = request();
      bad.method = method;
      is_refused(bad, method.empty() ? "no method" : "a method that is no token");
    }
    using Target = std::pair<std::string_view, const char*>;
    for (const auto& [target, what] : {Target{"", "no target"},
                                       {"/ HTTP/1.1\r\nx: y\r\n\r\n", "a target with lines"},
                                       {"/api/clients\n", "a target with LF"},
                                       {"/api/clients\0x"sv, "a target with NUL"},
                                       {"/api/clients x", "a target with a space"},
                                       {"/api/clients\t", "a target with a tab"},
                                       {"/api/clients\x7F", "a target with DEL"},
                                       {"/api/clients\xC3\xA9", "a target beyond ASCII"},
                                       {"/api/clients#x", "a target with a fragment"},
                                       {"api/clients", "a target without slash"},
                                       {"?verbose", "a target without path"},
                                       {"http://localhost/api/clients", "a target with a scheme"}}) {
      is_refused(with_target(target), what);
    }
  }

  void reserved_fields_are_not_sent() {
    for (const auto& [name, value] : {HeaderField{"authorization", "x"},
                                      {"Authorization", token_},
                                      {"host", "localhost"},
                                      {"Host", ""},
                                      {"content-length", "0"},
                                      {"CONTENT-LENGTH", "2"},
                                      {"transfer-encoding", "chunked"},
                                      {"Transfer-Encoding", "identity"},
                                      {"connection", "close"},
                                      {"Connection", "keep-alive"},
                                      {"expect", "100-continue"},
                                      {"eXPECT", ""}}) {
      Request bad = request();
      bad.fields.add(name, value);
      is_refused(bad, std::string(name));
    }
  }

  void unreachable_is_not_sent() {
    if (!transport_.go_away) return skip("the transport has no function go_away()");
    transport_.go_away();
    for (const char* which : {"the first", "the second"}) is_refused(request(), which);
  }

 private:
  static std::string a(int status) { return "a " + std::to_string(status); }
  static std::string one_of(std::size_t size) { return "one of " + std::to_string(size) + " bytes"; }

  static Request with_target(std::string_view target) {
    Request sent = request();
    sent.target = target;
    return sent;
  }

  // Loses the response to a first request, and one to a later request: a kept connection that ends invites a
  // repetition.
  template <class Check>
  void lose_responses(Check check) {
    check(send(request(), lost()), "the first request");
    static_cast<void>(send(request()));
    check(send(request(), lost()), "a later request");
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
