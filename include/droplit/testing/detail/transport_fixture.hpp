// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What every check of the transport suite needs: the transport under test, its peer, requests and responses to send,
// and the comparison of what was sent with what arrived. Base class of the suite.

#include <droplit/testing/detail/suite.hpp>
#include <droplit/testing/transport_peer.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The functions of a transport of any type.
struct TransportCalls {
  std::function<Outcome<Response>(const Request&)> send;
  std::function<void()> go_away = nullptr;  ///< null if the transport has no such function
};

/// The functions of `transport`, which must outlive the result.
template <class T>
TransportCalls transport_calls(T& transport) {
  TransportCalls calls{[&](const Request& request) { return transport.send(request); }};
  if constexpr (requires { transport.go_away(); }) calls.go_away = [&] { transport.go_away(); };
  return calls;
}

class TransportFixture : public Checks {
 public:
  TransportFixture(TransportCalls transport, TransportPeer& peer, std::string_view token)
      : transport_(std::move(transport)), peer_(peer), token_(token) {}

  [[nodiscard]] CheckResult result() const {
    CheckResult result = Checks::result();
    if (!result.failure.empty()) result.history = last_lines(history_, 24);
    return result;
  }

 protected:
  using Responses = TransportPeer::Responses;

  static constexpr std::size_t max_response = 1 << 20;

  static Request request(std::string body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})") {
    Request request{"POST", "/api/clients", {}, std::move(body)};
    request.fields.add("content-type", "application/json");
    return request;
  }

  static Response response(int status, std::string_view content_type = {}, std::string body = {}) {
    Response response{status, {}, std::move(body), false};
    if (!content_type.empty()) response.fields.add("content-type", content_type);
    if (status != 204) response.fields.add("content-length", std::to_string(response.body.size()));
    return response;
  }
  static Response response(int status, std::initializer_list<HeaderField> fields) {
    Response result = response(status);
    for (const HeaderField& field : fields) result.fields.add(field.name, field.value);
    return result;
  }
  static Response created() { return response(201, "application/json", R"({"id":"594b89aea18568c408c3ad25"})"); }

  /// No response, and none to eight repetitions.
  static Responses lost() {
    Responses responses(8);
    responses.push_back(created());
    return responses;
  }

  /// Bytes of every value, in no simple order.
  static std::string bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i != size; ++i) bytes[i] = static_cast<char>(i * 151 + i / 256);
    return bytes;
  }

  /// Bodies that do not survive being handled as lines, numbers or C strings.
  static std::vector<std::string> awkward_bodies() {
    return {"x",
            "{\"name\":\"\\u0000\\u001F\\\"\\\\ \xF0\x9F\x90\x9D e\xCC\x81\"}",
            "\xEF\xBB\xBF \t\r\n ",
            "\r\n\r\n0\r\n\r\nPOST / HTTP/1.1\r\n\r\n",
            "@body",
            "a=b&c=%64+d",
            bytes(256),
            bytes(max_response)};
  }

  [[nodiscard]] std::size_t arrived() const { return peer_.received().size(); }

  /// Sends as `create_client` does, to a peer that has these responses.
  Outcome<Response> send(const Request& request, Responses responses = {created()}) {
    peer_.prepare(std::move(responses));
    auto outcome =
        guarded<Response>(FaultSource::transport, Fate::maybe_applied, [&] { return transport_.send(request); });
    if (!has_failed_) note(request, outcome);
    return outcome;
  }

  void expect(bool is_met, std::string_view violation) {
    if (Checks::expect(is_met, violation)) has_failed_ = true;
  }

  /// The first request that arrives when this is sent; an empty one, and a violation, if none does.
  Request arrival(const Request& request) {
    static_cast<void>(send(request));
    std::vector<Request> received = peer_.received();
    expect(!received.empty(), "nothing arrives");
    return received.empty() ? Request() : std::move(received.front());
  }

  void fails(const Outcome<Response>& outcome, Fate fate, const std::string& what) {
    if (outcome.has_value()) return expect(false, what + " gets a response");
    if (outcome.has_error()) return expect(false, what + " becomes an ApiError");
    const Fate actual = outcome.assume_exception().fate();
    expect(actual == fate, what + " is " + std::string(to_string(actual)));
  }

  void is_refused(const Request& request, const std::string& what) {
    fails(send(request), Fate::not_sent, what);
    expect(arrived() == 0, what + " arrives");
  }

  void comes_back(const Response& response, const std::string& what) {
    const auto outcome = send(request(), {response, created()});
    if (outcome.has_error()) return expect(false, what + " becomes an ApiError");
    if (outcome.has_exception()) return expect(false, what + " fails: " + outcome.assume_exception().what());
    const Response& got = outcome.assume_value();
    expect(got.status == response.status, what + " has the status " + std::to_string(got.status));
    expect(got.body == response.body, what + " has another body");
    std::vector<std::string_view> names{"content-type", "retry-after", "allow", "location"};  // also where not sent
    for (const HeaderField field : response.fields) names.push_back(field.name);
    for (const std::string_view name : names) {
      expect(values_of(got, name) == values_of(response, name), what + " has another " + std::string(name));
    }
  }

  const TransportCalls transport_;
  TransportPeer& peer_;
  const std::string_view token_;

 private:
  static std::vector<std::string> values_of(const Response& response, std::string_view name) {
    std::vector<std::string> values;
    for (const HeaderField field : response.fields) {
      if (equals_ignoring_case(field.name, name)) values.emplace_back(field.value);
    }
    return values;
  }

  // A line of the history, without the token.
  void note(const Request& request, const Outcome<Response>& outcome) {
    std::string line = "send(";
    append_printed(line, request);
    Print<Outcome<Response>>::append_content(line += ") -> ", outcome);
    line += ", " + std::to_string(arrived()) + " arrived";
    constexpr std::string_view hidden = "(token)";
    std::string token;
    append_escaped(token, token_);
    std::size_t at = token.empty() ? std::string::npos : line.find(token);
    while (at != std::string::npos) {
      line.replace(at, token.size(), hidden);
      at = line.find(token, at + hidden.size());
    }
    history_.push_back(std::move(line));
  }

  std::vector<std::string> history_;
  bool has_failed_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
