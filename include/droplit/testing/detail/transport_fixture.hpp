// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/testing/transport_peer.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A new transport, its peer, and what the checks ask of both; the first thing that is seen to be wrong is remembered.
template <class T>
class TransportFixture {
 public:
  /// What was first seen to be wrong; empty if nothing was.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 protected:
  using Answers = TransportPeer::Answers;

  static constexpr std::size_t max_response = 1 << 20;

  template <class Make>
  TransportFixture(Make& make, std::string_view caller) : token_(caller), transport_(make(peer_)) {}

  static Request request(std::string body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})") {
    Request request{"POST", "/api/clients", {}, std::move(body)};
    request.fields.add("content-type", "application/json");
    return request;
  }

  static Response answer(int status, std::string_view content_type = {}, std::string body = {}) {
    Response response{status, {}, std::move(body), false};
    if (!content_type.empty()) response.fields.add("content-type", content_type);
    if (status != 204) response.fields.add("content-length", std::to_string(response.body.size()));
    return response;
  }
  static Response answer(int status, std::initializer_list<HeaderField> fields) {
    Response response = answer(status);
    for (const HeaderField& field : fields) response.fields.add(field.name, field.value);
    return response;
  }
  static Response created() { return answer(201, "application/json", R"({"id":"594b89aea18568c408c3ad25"})"); }

  /// No answer, and again none to a number of repetitions.
  static Answers lost() {
    Answers answers(8);
    answers.push_back(created());
    return answers;
  }

  /// Bytes of every value, in no simple order.
  static std::string bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i != size; ++i) bytes[i] = static_cast<char>(i * 151 + i / 256);
    return bytes;
  }

  /// Texts that come apart where somebody reads lines, numbers or C strings.
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

  void expect(bool right, std::string_view otherwise) {
    if (!right && failure_.empty()) failure_ = otherwise;
  }

  [[nodiscard]] const std::string& token() const noexcept { return token_; }
  [[nodiscard]] T& transport() noexcept { return transport_; }
  [[nodiscard]] std::size_t arrived() const { return peer_.heard().size(); }

  /// Sends, with these answers ready, as `create_client` does.
  Outcome<Response> send(const Request& request, Answers answers = {created()}) {
    peer_.prepare(std::move(answers));
    return guarded<Response>(FaultSource::transport, Fate::maybe_applied,
                             [&]() -> Outcome<Response> { return transport_.send(request); });
  }

  /// What arrives first when this is sent; an empty request, and that is wrong, if nothing does.
  Request arrival(const Request& request) {
    static_cast<void>(send(request));
    std::vector<Request> heard = peer_.heard();
    expect(!heard.empty(), "nothing arrives");
    return heard.empty() ? Request() : std::move(heard.front());
  }

  void fails(const Outcome<Response>& outcome, Fate fate, const std::string& what) {
    if (outcome.has_value()) return expect(false, what + " gives an answer");
    if (outcome.has_error()) return expect(false, what + " gives an ApiError");
    const Fate said = outcome.assume_exception().fate();
    expect(said == fate, what + " is said to be " + std::string(to_string(said)));
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
    for (const std::string_view name : {"content-type", "retry-after", "allow", "location"}) {
      const bool same =
          got.fields.count(name) == response.fields.count(name) && got.fields.get(name) == response.fields.get(name);
      expect(same, what + " has another " + std::string(name));
    }
  }

 private:
  std::string token_;
  std::string failure_;
  TransportPeer peer_;
  T transport_;  // after its peer
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
