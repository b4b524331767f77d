// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/testing/transport_contract.hpp>

#include <droplit/transport/loopback.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace droplit;

namespace {

constexpr std::string_view token = "Bearer 7f,\"x\"  =";

struct Breach {
  std::string_view name;
  std::string_view rule;
};

constexpr Breach breaches[] = {
    {"nothing is carried", "request_arrives"},
    {"bodies lose their end", "request_arrives"},
    {"every target is the root", "request_arrives"},
    {"every method is in lower case", "request_arrives"},
    {"every method is POST", "request_line_arrives"},
    {"dot segments are removed", "request_line_arrives"},
    {"escapes are decoded", "request_line_arrives"},
    {"the query is cut", "request_line_arrives"},
    {"bodies are C strings", "bodies_arrive"},
    {"bodies end after 64 KiB", "bodies_arrive"},
    {"an empty body is null", "bodies_arrive"},
    {"a content-type is invented", "fields_arrive"},
    {"a content-type is added", "fields_arrive"},
    {"empty fields are dropped", "fields_arrive"},
    {"values of fields are cut", "fields_arrive"},
    {"the token is Bearer", "token_arrives"},
    {"the token is there twice", "token_arrives"},
    {"the token is there at first", "token_arrives"},
    {"the fields of responses are dropped", "responses_arrive"},
    {"few fields of responses are kept", "responses_arrive"},
    {"repeated fields of responses are merged", "responses_arrive"},
    {"unknown responses are refused", "responses_arrive"},
    {"every status is 201", "responses_arrive"},
    {"bodies of responses are C strings", "response_bodies_arrive"},
    {"bodies of responses end before 1 MiB", "response_bodies_arrive"},
    {"long responses come back", "long_response_is_bounded"},
    {"long responses are cut", "long_response_is_bounded"},
    {"long responses are not sent", "long_response_is_bounded"},
    {"long responses lose their status", "long_response_is_bounded"},
    {"a 503 is repeated", "sent_once"},
    {"everything is sent twice", "sent_once"},
    {"redirects are followed", "redirect_is_not_followed"},
    {"redirects are followed as well", "redirect_is_not_followed"},
    {"redirects become faults", "redirect_is_not_followed"},
    {"lost is not sent", "lost_response_is_maybe_applied"},
    {"lost later is not sent", "lost_response_is_maybe_applied"},
    {"lost is a 502", "lost_response_is_maybe_applied"},
    {"lost is an ApiError", "lost_response_is_maybe_applied"},
    {"lost is an exception that was not sent", "lost_response_is_maybe_applied"},
    {"lost is repeated", "lost_response_is_not_repeated"},
    {"lost later is repeated", "lost_response_is_not_repeated"},
    {"everything is written", "unwritable_is_not_sent"},
    {"every method is written", "unwritable_is_not_sent"},
    {"every target is written", "unwritable_is_not_sent"},
    {"unwritable is maybe applied", "unwritable_is_not_sent"},
    {"a fragment is written", "unwritable_is_not_sent"},
    {"a fragment is written and then refused", "unwritable_is_not_sent"},
    {"reserved fields are sent", "reserved_fields_are_not_sent"},
    {"reserved fields have one case", "reserved_fields_are_not_sent"},
    {"unreachable is maybe applied", "unreachable_is_not_sent"},
    {"unreachable is an exception", "unreachable_is_not_sent"},
    {"unreachable is reachable", "unreachable_is_not_sent"},
    {"a lost response ends the next request", "recovers"},
    {"a long response ends the next request", "recovers"},
    {"an unwritable request ends the next request", "recovers"},
};

/// A transport with one breach of a rule.
class BrokenTransport {
 public:
  BrokenTransport(TransportPeer& peer, std::string_view breach) : peer_(peer), breach_(breach) {}
  BrokenTransport(BrokenTransport&&) = delete;

  void go_away() { away_ = !broken("unreachable is reachable"); }

  Outcome<Response> send(const Request& given) {
    if (std::exchange(ends_next_, false)) return fault(Fate::maybe_applied);
    if (away_) return unreachable();
    if (!may_be_written(given)) {
      ends_next_ = broken("an unwritable request ends the next request");
      return fault(broken("unwritable is maybe applied") ? Fate::maybe_applied : Fate::not_sent);
    }
    const Request request = as_written(given);
    ++sent_;
    if (broken("nothing is carried")) return Response{201, {}, {}, false};
    if (broken("everything is sent twice")) peer_.receive(request);
    auto response = peer_.receive(request);
    if (broken("a fragment is written and then refused") && given.target.ends_with("#x")) return fault(Fate::not_sent);
    if (again(response)) response = peer_.receive(request);
    if (broken("redirects are followed as well") && response && response->status / 100 == 3) peer_.receive(request);
    if (!response) return lost();
    return received(*std::move(response));
  }

 private:
  bool broken(std::string_view breach) const { return breach_ == breach; }

  template <class Keep>
  static HeaderFields kept(const HeaderFields& fields, Keep keep) {
    HeaderFields kept;
    for (const HeaderField field : fields) {
      if (keep(field.name)) kept.add(field.name, field.value);
    }
    return kept;
  }

  static Fault fault(Fate fate) { return Fault(FaultSource::transport, fate, "broken"); }

  Outcome<Response> unreachable() const {
    if (broken("unreachable is an exception")) throw std::runtime_error("unreachable");
    return fault(broken("unreachable is maybe applied") ? Fate::maybe_applied : Fate::not_sent);
  }

  bool may_be_written(const Request& given) const {
    Request request = given;
    if (broken("reserved fields are sent")) request.fields.clear();
    if (broken("reserved fields have one case") && request.fields.lines().find("Host") != std::string::npos)
      return true;
    const bool fragment = breach_.starts_with("a fragment is written");
    if (fragment) request.target = request.target.substr(0, request.target.find('#'));
    if (broken("everything is written") || broken("every method is written")) request.method = "POST";
    if (broken("everything is written") || broken("every target is written")) request.target = "/";
    return is_sendable(request);
  }

  Request as_written(Request request) const {
    if (broken("bodies lose their end") && !request.body.empty()) request.body.pop_back();
    if (broken("every target is the root")) request.target = "/";
    if (broken("every method is in lower case")) request.method = "post";
    if (broken("every method is POST")) request.method = "POST";
    const auto change = [&](std::string_view from, std::string_view to) {
      const auto at = request.target.find(from);
      if (at != std::string::npos) request.target.replace(at, from.size(), to);
    };
    if (broken("dot segments are removed")) change("/api/..", "");
    if (broken("escapes are decoded")) change("%63", "c");
    if (broken("the query is cut")) request.target = request.target.substr(0, request.target.find('?'));
    if (broken("bodies are C strings")) request.body = request.body.c_str();
    if (broken("bodies end after 64 KiB")) request.body.resize(std::min<std::size_t>(request.body.size(), 65536));
    if (broken("an empty body is null") && request.body.empty()) request.body = "null";
    if ((broken("a content-type is invented") && request.fields.count("content-type") == 0) ||
        (broken("a content-type is added") && request.fields.get("content-type").starts_with("text/"))) {
      request.fields.add("content-type", "application/x-www-form-urlencoded");
    }
    if (broken("empty fields are dropped") || broken("values of fields are cut")) {
      HeaderFields kept;
      for (const HeaderField field : request.fields) {
        if (!field.value.empty() || broken("values of fields are cut")) {
          kept.add(field.name, field.value.substr(0, 1000));
        }
      }
      request.fields = kept;
    }
    if (broken("the token is there at first") && sent_ != 0) return request;
    request.fields.add("authorization", (broken("the token is Bearer") ? "Bearer " : "") + std::string(token));
    if (broken("the token is there twice")) request.fields.add("Authorization", token);
    return request;
  }

  bool again(const std::optional<Response>& response) const {
    if (!response) return broken("lost is repeated") || (broken("lost later is repeated") && sent_ > 1);
    if (broken("redirects are followed")) return response->fields.count("location") != 0;
    return broken("a 503 is repeated") && response->status == 503;
  }

  Outcome<Response> lost() {
    ends_next_ = broken("a lost response ends the next request");
    if (broken("lost is an ApiError")) return ApiError();
    if (broken("lost is an exception that was not sent")) throw fault(Fate::not_sent);
    if (broken("lost is a 502")) return Response{502, {}, {}, false};
    const bool not_sent = broken("lost is not sent") || (broken("lost later is not sent") && sent_ > 1);
    return fault(not_sent ? Fate::not_sent : Fate::maybe_applied);
  }

  Outcome<Response> received(Response response) {
    constexpr std::size_t most = 1 << 20;
    if (response.body.size() > most && !broken("long responses come back")) {
      ends_next_ = broken("a long response ends the next request");
      if (broken("long responses are not sent")) return fault(Fate::not_sent);
      if (broken("long responses lose their status")) return fault(Fate::maybe_applied);
      if (!broken("long responses are cut")) return Fault::unknown_response(response.status, "too long", response.body);
      response.body.resize(most);
    }
    if (broken("the fields of responses are dropped")) response.fields.clear();
    if (broken("few fields of responses are kept")) {
      response.fields = kept(response.fields, [](std::string_view name) {
        return name == "content-type" || name == "content-length" || name == "retry-after" || name == "allow" ||
               name == "location";
      });
    }
    if (broken("repeated fields of responses are merged")) {
      response.fields = kept(response.fields, [](std::string_view name) { return name != "x-several"; });
      response.fields.add("x-several", "b, a");
    }
    if (broken("unknown responses are refused") && response.status == 299) return fault(Fate::maybe_applied);
    if (broken("every status is 201")) response.status = 201;
    if (broken("bodies of responses are C strings")) response.body = response.body.c_str();
    if (broken("bodies of responses end before 1 MiB") && response.body.size() == most) response.body.pop_back();
    if (broken("redirects become faults") && response.status / 100 == 3) return fault(Fate::maybe_applied);
    return response;
  }

  TransportPeer& peer_;
  std::string_view breach_;
  int sent_ = 0;
  bool away_ = false;
  bool ends_next_ = false;
};

/// Delivers each request and then fails.
template <class Fail>
struct Failing {
  TransportPeer& peer;
  Fail fail;
  Outcome<Response> send(const Request& request) {
    Request with_token = request;
    with_token.fields.add("authorization", token);
    peer.receive(with_token);
    return fail();
  }
};

/// Passes each request of a loopback to the peer.
struct PeerEndpoint {
  TransportPeer& peer;

  Response handle(const Request& request) {
    return peer.receive(request).value_or(Response());  // without a status: no response
  }
};

struct LoopbackToPeer {
  explicit LoopbackToPeer(TransportPeer& peer) : endpoint{peer} {}
  LoopbackToPeer(LoopbackToPeer&&) = delete;
  Outcome<Response> send(const Request& request) { return transport.send(request); }

  PeerEndpoint endpoint;
  LoopbackTransport<PeerEndpoint> transport{endpoint, std::string(token)};
};

std::vector<std::string_view> ids(const ContractReport& report) {
  std::vector<std::string_view> ids;
  for (const FailedCheck& each : report.failed()) ids.push_back(each.id);
  return ids;
}

ContractReport check_broken(std::string_view breach) {
  return check_transport_contract([&](TransportPeer& peer) { return BrokenTransport(peer, breach); }, token);
}

}  // namespace

TEST_CASE("a transport that violates no rule passes") { CHECK(check_broken("")); }

TEST_CASE("a transport that violates one rule fails the check of that rule and no other") {
  for (const Breach& breach : breaches) {
    const ContractReport report = check_broken(breach.name);
    CAPTURE(breach.name, report);
    CHECK(ids(report) == std::vector{breach.rule});
    const auto& failed = report.failed();
    for (const ContractCheck& check : transport_checks) {
      if (check.id == breach.rule && !failed.empty()) CHECK(failed[0].sentence.starts_with(check.sentence));
    }
  }
}

TEST_CASE("every rule has a transport that violates it") {
  std::set<std::string_view> rules;
  for (const Breach& breach : breaches) rules.insert(breach.rule);
  for (const ContractCheck& check : transport_checks) CHECK(rules.contains(check.id));
  CHECK(rules.size() == transport_checks.size());
}

TEST_CASE("LoopbackTransport keeps the contract") {
  CHECK(check_transport_contract([](TransportPeer& peer) { return LoopbackToPeer(peer); }, token));
}

TEST_CASE("LoopbackTransport sends nothing with a token that contains a line break") {
  TransportPeer peer;
  PeerEndpoint endpoint{peer};
  const auto response = LoopbackTransport(endpoint, "a\r\nx: b").send({"POST", "/", {}, {}});
  REQUIRE(response.has_exception());
  CHECK(response.exception().fate() == Fate::not_sent);
}

TEST_CASE("where no response comes back nothing else is checked, and the sentence says how it failed") {
  const auto sentence = [](auto fail) {
    const auto failed = check_transport_contract(
        [fail](TransportPeer& peer) {
          return Failing<decltype(fail)>{peer, fail};
        },
        token);
    REQUIRE(ids(failed) == std::vector<std::string_view>{"responses_arrive"});
    return failed.failed()[0].sentence;
  };
  CHECK(sentence([]() -> Outcome<Response> {
          return Fault(FaultSource::transport, Fate::maybe_applied, "no wire");
        }).ends_with(" But: a 201 fails: no wire."));
  CHECK(sentence([]() -> Outcome<Response> {
          throw Fault(FaultSource::transport, Fate::maybe_applied, "no wire");
        }).ends_with(" But: a 201 fails: no wire."));
  CHECK(sentence([]() -> Outcome<Response> {
          throw std::runtime_error("no wire");
        }).ends_with(" But: a 201 fails: transport threw an exception."));
  CHECK(sentence([]() -> Outcome<Response> { return ApiError(); }).ends_with(" But: a 201 becomes an ApiError."));
}

TEST_CASE("a broken rule is reported with what was sent, what came of it and how often it arrived") {
  const auto report = check_broken("lost is repeated");
  std::ostringstream text;
  text << report;
  CAPTURE(text.str());
  CHECK(text.str().starts_with("rules: 16, broken: 1, not checked: "));
  CHECK(text.str().find("Fault{") != std::string::npos);
  CHECK(text.str().find(", 2 arrived\n") != std::string::npos);
}

TEST_CASE("a history never has the token") {
  const auto report = check_broken("the token is there twice");
  REQUIRE(report.failed().size() == 1);
  for (const std::string& line : report.failed()[0].history) CHECK(line.find(token) == std::string::npos);
  struct Telling {
    Response send(const Request& request) {
      Request received = request;
      received.fields.add("authorization", token);
      static_cast<void>(peer.receive(received));
      throw Fault(FaultSource::transport, Fate::maybe_applied, "a driver's words: " + std::string(token));
    }
    TransportPeer& peer;
  };
  const auto told = check_transport_contract([](TransportPeer& peer) { return Telling{peer}; }, token);
  REQUIRE(ids(told) == std::vector<std::string_view>{"responses_arrive"});
  const auto& history = told.failed()[0].history;
  REQUIRE(history.size() == 1);
  CHECK(history[0] ==
        "send(Request{POST /api/clients {content-type: application/json} "
        "\"{\"ecosystemId\":\"C594b89aea18568c408c3ad24\",\"type\":\"server\"}\"}) -> "
        "Fault{transport, maybe applied: \"a driver's words: (token)\"}, 1 arrived");
}

TEST_CASE("a rule that cannot be checked is skipped") {
  struct Silent {
    Response send(const Request&) { return {201, {}, {}, false}; }
  };
  struct SilentAndDisconnectable : Silent {
    void go_away() {}
  };
  const auto silent = check_transport_contract([](TransportPeer&) { return Silent(); }, token);
  CHECK(ids(silent) == std::vector<std::string_view>{"request_arrives"});
  CHECK(silent.failed().at(0).sentence.ends_with(" But: nothing arrives."));
  const auto disconnectable = check_transport_contract([](TransportPeer&) { return SilentAndDisconnectable(); }, token);
  CHECK(ids(disconnectable) == std::vector<std::string_view>{"request_arrives", "unreachable_is_not_sent"});
}

TEST_CASE("the token that must arrive is the one that was given") {
  const auto failed =
      check_transport_contract([](TransportPeer& peer) { return BrokenTransport(peer, ""); }, "another token");
  CHECK(ids(failed) == std::vector<std::string_view>{"token_arrives"});
}

TEST_CASE("every rule of transports has its own id and its own sentence, and rests on an earlier one") {
  std::set<std::string_view> ids{""};
  std::set<std::string_view> sentences;
  for (const ContractCheck& check : transport_checks) {
    CHECK(ids.contains(check.rests_on));
    CHECK(ids.insert(check.id).second);
    CHECK(sentences.insert(check.sentence).second);
  }
}
