// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/testing/detail/suite.hpp>
#include <droplit/testing/detail/transport_fixture.hpp>

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A transport that can be left without anybody to reach.
template <class T>
concept Disconnectable = requires(T& transport) {
  transport.go_away();
};

/// One check over one new transport.
template <class T>
class TransportChecks : public TransportFixture<T> {
  using Fixture = TransportFixture<T>;

 public:
  using Check = void (TransportChecks::*)();

  template <class Make>
  TransportChecks(Make& make, std::string_view caller) : Fixture(make, caller) {}

 private:
  using Fixture::answer, Fixture::arrival, Fixture::arrived, Fixture::awkward_bodies, Fixture::bytes,
      Fixture::comes_back, Fixture::created, Fixture::expect, Fixture::fails, Fixture::is_refused, Fixture::lost,
      Fixture::max_response, Fixture::request, Fixture::send, Fixture::token, Fixture::transport;

  void request_arrives() {
    const Request sent = request();
    const Request came = arrival(sent);
    expect(came.method == sent.method, "its method is another");
    expect(came.target == sent.target, "its target is another");
    expect(came.body == sent.body, "its body is another");
  }

  void request_line_arrives() {
    const auto arrives = [this](const Request& sent) {
      const Request came = arrival(sent);
      expect(came.method == sent.method, sent.method + " does not");
      expect(came.target == sent.target, sent.target + " does not");
    };
    for (const std::string_view method : {"GET", "PUT", "PATCH", "DELETE"}) {
      arrives({std::string(method), "/api/clients", {}, {}});
    }
    for (const std::string_view target :
         {"/", "/v0/api/clients", "/api/clients?", "/api/clients?verbose=1&name=%20+%2B&verbose", "/api/%63lients",
          "/%2e%2E/%2F%00%C3%a9", "/api/../api/clients", "/../api/./clients/..", "//api//clients",
          "/-._~!$&'()*+,;=:@/?/?"}) {
      Request sent = request();
      sent.target = target;
      arrives(sent);
    }
  }

  void bodies_arrive() {
    for (const std::string& body : awkward_bodies()) {
      expect(arrival(request(body)).body == body, "one of " + std::to_string(body.size()) + " bytes does not");
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
    const Request came = arrival(sent);
    for (const HeaderField field : sent.fields) {
      expect(came.fields.count(field.name) == 1, std::string(field.name).append(" does not stand there once"));
      expect(came.fields.get(field.name) == field.value, std::string(field.name).append(" has another value"));
    }
  }

  void token_arrives() {
    for (const std::string_view which : {"first", "second"}) {
      const Request came = arrival(request());
      const auto in = std::string(" in the ").append(which).append(" request");
      expect(came.fields.count("authorization") == 1, "there is none, or several," + in);
      expect(came.fields.get("authorization") == token(), "it is another" + in);
    }
  }

  void sent_once() {
    for (const int status : {201, 400, 401, 403, 408, 413, 417, 421, 425, 429, 500, 502, 503, 504}) {
      const Response once = answer(status, {{"retry-after", "0"}, {"www-authenticate", "Basic realm=\"droplit\""}});
      static_cast<void>(send(request(), {once, created()}));
      expect(arrived() == 1, "after a " + std::to_string(status) + " there are " + std::to_string(arrived()));
    }
  }

  void answers_arrive() {
    const auto arrives = [this](const Response& each) { comes_back(each, "a " + std::to_string(each.status)); };
    arrives(created());
    for (const ApiErrcRow& row : api_errc_table) {
      switch (row.form) {
        case ResponseForm::entries: arrives(answer(row.status, "application/json", R"({"errors":[]})")); break;
        case ResponseForm::text: arrives(answer(row.status, "text/plain; charset=utf-8", "no")); break;
        case ResponseForm::empty:
        default: arrives(answer(row.status)); break;
      }
    }
    arrives(answer(405, {{"allow", "POST"}}));
    arrives(answer(500, "application/json", R"({"errorType":"Internal Server Error"})"));
    arrives(answer(503, {{"retry-after", "1"}}));
    arrives(answer(200));
    arrives(answer(204));
    arrives(answer(299, "text/plain", "what is this"));
    arrives(answer(404, "text/html", "<!doctype html><title>404</title>"));
    arrives(answer(502, "text/html", "<!doctype html><title>502</title>"));
  }

  void answer_bodies_arrive() {
    for (std::string& body : awkward_bodies()) {
      const auto what = "one of " + std::to_string(body.size()) + " bytes";
      comes_back(answer(201, "application/json", std::move(body)), what);
    }
  }

  void redirect_is_not_followed() {
    for (const int status : {301, 302, 303, 307, 308}) {
      const auto what = "a " + std::to_string(status);
      comes_back(answer(status, {{"location", "/api/clients"}}), what);
      expect(arrived() == 1, what + " is followed");
    }
  }

  void goes_on() {
    static_cast<void>(send(request(), {std::nullopt, created()}));
    comes_back(created(), "the one after a lost answer");
    static_cast<void>(send(request(), {answer(201, "application/json", bytes(8 * max_response)), created()}));
    comes_back(created(), "the one after a long answer");
    Request bad = request();
    bad.target = "/ /";
    static_cast<void>(send(bad));
    comes_back(created(), "the one after an unwritable request");
  }

  void long_response_is_bounded() {
    for (const std::size_t size : {max_response + 1, 8 * max_response}) {
      for (const int status : {201, 400}) {
        const auto what = "one of " + std::to_string(size) + " bytes";
        const auto outcome = send(request(), {answer(status, "application/json", bytes(size))});
        fails(outcome, Fate::maybe_applied, what);
        if (!outcome.has_exception()) continue;
        expect(outcome.assume_exception().status() == status, what + " loses the status");
      }
    }
  }

  // At first and after an answer: a kept connection that ends tempts to try again.
  template <class Look>
  void lose_responses(Look look) {
    look(send(request(), lost()), "the first request");
    static_cast<void>(send(request()));
    look(send(request(), lost()), "a later request");
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
    struct Target {
      std::string_view text;
      const char* what;
    };
    for (const Target& target : {Target{"", "no target"},
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
      Request bad = request();
      bad.target = target.text;
      is_refused(bad, target.what);
    }
  }

  void own_fields_are_not_sent() {
    for (const auto& [name, value] : {HeaderField{"authorization", "x"},
                                      {"Authorization", token()},
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

  static constexpr Check if_disconnectable() noexcept {
    if constexpr (Disconnectable<T>) {
      return &TransportChecks::unreachable_is_not_sent;
    } else {
      return nullptr;
    }
  }

  void unreachable_is_not_sent() {
    transport().go_away();
    for (const char* which : {"the first", "the second"}) is_refused(request(), which);
  }

 public:
  /// The checks by the ids of `transport_checks`.
  static constexpr std::array<NamedCheck<TransportChecks>, 16> named{{
      {"request_arrives", &TransportChecks::request_arrives},
      {"request_line_arrives", &TransportChecks::request_line_arrives},
      {"bodies_arrive", &TransportChecks::bodies_arrive},
      {"fields_arrive", &TransportChecks::fields_arrive},
      {"token_arrives", &TransportChecks::token_arrives},
      {"sent_once", &TransportChecks::sent_once},
      {"answers_arrive", &TransportChecks::answers_arrive},
      {"answer_bodies_arrive", &TransportChecks::answer_bodies_arrive},
      {"redirect_is_not_followed", &TransportChecks::redirect_is_not_followed},
      {"goes_on", &TransportChecks::goes_on},
      {"long_response_is_bounded", &TransportChecks::long_response_is_bounded},
      {"lost_response_is_maybe_applied", &TransportChecks::lost_response_is_maybe_applied},
      {"lost_response_is_not_repeated", &TransportChecks::lost_response_is_not_repeated},
      {"unwritable_is_not_sent", &TransportChecks::unwritable_is_not_sent},
      {"own_fields_are_not_sent", &TransportChecks::own_fields_are_not_sent},
      {"unreachable_is_not_sent", if_disconnectable()},
  }};
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
