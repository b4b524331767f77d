// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/sdk.hpp>

#include <droplit/draft_parser.hpp>
#include <droplit/json.hpp>

#include "support/catch.hpp"
#include "support/observers.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace droplit;

constexpr auto home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr std::string_view home_text = "C594b89aea18568c408c3ad24";

Client client(ClientType type = ClientType::server) {
  return Client("594b89aea18568c408c3ad25"_client_id, *Timestamp::from_unix_millis(0), home, type);
}

/// A transport that returns what a test sets, and keeps the requests.
struct Service {
  std::function<Outcome<Response>()> result = [] { return Outcome<Response>(to_response(client())); };
  std::vector<std::string> bodies = {};
  std::vector<std::string> keys = {};

  Outcome<Response> send(const Request& request) {
    CHECK(request.method == "POST");
    CHECK(request.target == "/api/clients");
    const std::string_view key = request.fields.get("idempotency-key");
    std::string lines = "content-type: application/json\r\n";
    if (!key.empty()) lines.append("idempotency-key: ").append(key).append("\r\n");
    CHECK(request.fields.lines() == lines);
    keys.emplace_back(key);
    bodies.push_back(request.body);
    return result();
  }
};

struct FakeTime {
  std::int64_t time = 0;
  std::int64_t now() const { return time; }
  void sleep_until(std::int64_t until) { time = until; }
  std::uint32_t random_bits() const { return 0xFFFFFFFF; }
};

using Texts = std::optional<std::string_view>;

}  // namespace

TEST_CASE("the call of the API's page creates a client, the last two arguments being optional") {
  Service service;
  Sdk droplit(service);
  CHECK(droplit.clients.create(home_text, "server", "NAME", "DESCRIPTION").outcome.value() == client());
  CHECK(droplit.clients.create(home_text, "server", "NAME").outcome.has_value());
  CHECK(droplit.clients.create(home_text, "server").outcome.has_value());
  CHECK(droplit.clients.create(home_text, "server", std::nullopt, "").outcome.has_value());
  CHECK(service.bodies ==
        std::vector<std::string>{
            R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"NAME","description":"DESCRIPTION"})",
            R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"NAME"})",
            R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})",
            R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","description":""})"});
}

TEST_CASE("a text may be absent in any way but by nullptr") {
  Service service;
  Sdk droplit(service);
  const char* const null = nullptr;
  for (const auto& create :
       {std::function<Reply()>([&] { return droplit.clients.create(home_text, "server", null); }),
        {[&] { return droplit.clients.create(home_text, "server", {}, null); }},
        {[&] { return droplit.clients.create(home_text, "server", std::nullopt, {}); }},
        {[&] { return droplit.clients.create(home_text, "server", std::optional<std::string>()); }},
        {[&] {
          return droplit.clients.create({home_text, "server", null, null});
        }},
        {[&] { return droplit.clients.create({.ecosystem_id = home_text, .type = "server"}); }}}) {
    CHECK(create().outcome.has_value());
    CHECK(service.bodies.back() == R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})");
  }
  CHECK(droplit.clients.create(null, "server").outcome.error().code() == ApiErrc::ecosystem_missing);
  CHECK(droplit.clients.create(home_text, null).outcome.error().code() == ApiErrc::client_type_missing);
  CHECK(droplit.clients.create({}, {}).outcome.error().code() == ApiErrc::body_parameters_missing);
}

TEST_CASE("texts may be of any kind, temporaries included") {
  Service service;
  Sdk droplit(service);
  const auto text = [](std::string_view given) { return std::string(given); };
  CHECK(droplit.clients.create(text(home_text), text("server"), text("N"), std::optional(text("D"))).outcome);
  CHECK(droplit.clients
            .create({.ecosystem_id = text(home_text), .type = text("server"), .name = text("N"), .description = "D"})
            .outcome);
  for (const std::string& body : service.bodies) {
    CHECK(body == R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"N","description":"D"})");
  }
}

template <class... Arguments>
concept Creatable = requires(Sdk<Service>& droplit, Arguments... arguments) {
  droplit.clients.create(arguments...);
};
static_assert(Creatable<std::string, const char*> && Creatable<EcosystemId, ClientType, std::optional<Text>>);
static_assert(!Creatable<std::string, const char*, std::nullptr_t>);
static_assert(!Creatable<std::string, const char*, const char*, std::nullptr_t>);
static_assert(!Creatable<std::string, std::nullptr_t> && !Creatable<std::nullptr_t, const char*>);
static_assert(!Creatable<std::string, const char*, int> && !Creatable<std::string, const char*, bool>);
static_assert(!Creatable<EcosystemId, ClientType, std::nullptr_t>);
static_assert(!Creatable<EcosystemId, const char*> && !Creatable<std::string, ClientType>);
static_assert(std::is_same_v<decltype(std::declval<const Reply&>().body()), std::string_view>);
static_assert(std::is_same_v<decltype(std::declval<Reply>().body()), std::string>);

TEST_CASE("a line of code may take the body of a reply that is gone after it") {
  Service service;
  Sdk droplit(service);
  const auto& created = droplit.clients.create(home, ClientType::server).body();
  CHECK(created == to_response(client()).body);
  service.result = [] { return Outcome<Response>(Fault::unknown_response(201, "cut", std::string(100, 'x'))); };
  const auto& cut = droplit.clients.create(home, ClientType::server).body();
  CHECK(cut == std::string(100, 'x'));
  Reply reply = droplit.clients.create(home, ClientType::server);
  reply = droplit.clients.create(reply.body(), "server", reply.body());
  CHECK(reply.outcome.error().code() == ApiErrc::ecosystem_invalid);
}

TEST_CASE("typed values and whole drafts ask for the same") {
  Service service;
  Sdk droplit(service);
  const auto name = Text::parse("N");
  CHECK(droplit.clients.create(home, ClientType::server).outcome.has_value());
  CHECK(droplit.clients.create(home, ClientType::server, name).outcome.has_value());
  CHECK(droplit.clients.create(home, ClientType::server, name, Text::parse("D")).outcome.has_value());
  CHECK(droplit.clients.create(ClientDraft(home, ClientType::server, name)).outcome.has_value());
  CHECK(droplit.clients.create({.ecosystem_id = home_text, .type = "server", .name = "N"}).outcome.has_value());
  CHECK(service.bodies ==
        std::vector<std::string>{
            R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})",
            R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"N"})",
            R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"N","description":"D"})",
            R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"N"})",
            R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"N"})"});
}

TEST_CASE("bad arguments are refused before anything is sent, as a service would have") {
  Service service;
  Sdk droplit(service);
  const Texts texts[] = {std::nullopt, "",        home_text, "server", "Server", std::string_view("a\0b", 3),
                         "\xFF",       "\xC3\xA9"};
  int refused = 0;
  for (const Texts& id : texts) {
    for (const Texts& type : texts) {
      for (const Texts& name : texts) {
        const ClientParameters parameters{.ecosystem_id = id, .type = type, .name = name, .description = name};
        const auto draft = ClientDraft::make(parameters);
        if (draft.has_value()) continue;
        ++refused;
        const Reply reply = droplit.clients.create(parameters);
        CHECK(reply.outcome.error() == draft.error());
        CHECK(reply.attempts == 0);
        CHECK(reply.status() == 400);
        CHECK(reply.response == to_response(draft.error()));

        // and a service that gets these members responds with the same
        std::string body;
        append_json(body, parameters);
        CHECK(parse_draft(body).error() == draft.error());
      }
    }
  }
  CHECK(refused > 400);
  CHECK(service.bodies.empty());
}

TEST_CASE("what is sent anyway is judged by the service alone") {
  Service service;
  service.result = [] { return Outcome<Response>(to_response(client(ClientType::application))); };
  Sdk droplit(service, {.send_anyway = true});
  const Reply reply = droplit.clients.create(home_text, "gateway", "N");
  CHECK(reply.outcome.value() == client(ClientType::application));  // of whichever type the service made of it
  CHECK(reply.attempts == 1);
  CHECK(service.bodies.at(0) == R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"gateway","name":"N"})");

  CHECK(droplit.clients.create(home_text, "server").outcome.exception().status() == 201);  // known, and not as asked

  static_cast<void>(droplit.clients.create({}));
  CHECK(service.bodies.back() == "{}");
  static_cast<void>(droplit.clients.create({.description = std::string_view("a\0\"", 3)}));
  CHECK(service.bodies.back() == R"({"description":"a\u0000\""})");

  const auto sent = service.bodies.size();
  CHECK(droplit.clients.create(home_text, "\xFF").outcome.error().code() == ApiErrc::body_parameters_missing);
  CHECK(service.bodies.size() == sent);  // what is not UTF-8 never is
}

TEST_CASE("status and body of the response stay reachable") {
  Service service;
  Sdk droplit(service);
  const auto ask = [&](Outcome<Response> response) {
    service.result = [&] { return response; };
    return droplit.clients.create(home, ClientType::server);
  };

  std::string body;
  append_json(body, client());
  CHECK(ask(to_response(client())).status() == 201);
  CHECK(ask(to_response(client())).body() == body);

  const auto gone = ask(to_response(ApiError::ecosystem_not_found(home)));
  CHECK(gone.outcome.error() == ApiError::ecosystem_not_found(home));
  CHECK(gone.status() == 404);
  CHECK(gone.body() == "Ecosystem with id C594b89aea18568c408c3ad24 does not exist.");

  const auto html = ask(Response{502, {}, "<html>" + std::string(1000, 'x'), false});
  CHECK(html.outcome.exception().status() == 502);
  CHECK(html.status() == 502);
  CHECK(html.body().size() == 1006);  // whole, where the transport had it whole

  const auto cut = ask(Fault::unknown_response(201, "cut", "{\"created"));
  CHECK(cut.status() == 201);
  CHECK(cut.body() == "{\"created");

  const auto refused = ask(Fault(FaultSource::transport, Fate::not_sent, "refused"));
  CHECK(refused.status() == 0);
  CHECK(refused.body().empty());
  CHECK(refused.outcome.exception().fate() == Fate::not_sent);
}

TEST_CASE("the policy of retries is obeyed, and the response is the last one") {
  Service service;
  int left = 2;
  service.result = [&]() -> Outcome<Response> {
    if (left-- > 0) return to_response(Fault::unavailable(FaultSource::storage, "away"));
    return to_response(client());
  };
  Sdk droplit(service, {.retry = {.max_attempts = 5, .retry_unavailable = true}}, FakeTime{});
  const Reply reply = droplit.clients.create(home_text, "server");
  CHECK(reply.outcome.has_value());
  CHECK(reply.attempts == 3);
  CHECK(reply.status() == 201);

  left = 100;
  const Reply given_up = droplit.clients.create(home_text, "server");
  CHECK(given_up.attempts == 5);
  CHECK(given_up.status() == 503);
  CHECK(given_up.outcome.exception().fate() == Fate::not_applied);
}

TEST_CASE("each option of the retries may have any value") {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  Service service;
  service.result = [] { return Outcome<Response>(Fault(FaultSource::transport, Fate::not_sent, "refused")); };
  for (const std::int64_t value : {least, std::int64_t{-1}, std::int64_t{0}, most}) {
    for (const RetryPolicy& retry :
         {RetryPolicy{.max_attempts = 3, .first_delay = value}, RetryPolicy{.max_attempts = 3, .max_delay = value},
          RetryPolicy{.max_attempts = 3, .deadline = value}}) {
      Sdk droplit(service, {.retry = retry}, FakeTime{});
      const Reply reply = droplit.clients.create(home_text, "server");
      CHECK(reply.outcome.exception().fate() == Fate::not_sent);
      CHECK(reply.attempts >= 1);
      CHECK(reply.attempts <= 3);
    }
  }
  CHECK(Sdk(service, {.retry = {.max_attempts = 0}}, FakeTime{}).clients.create(home_text, "server").attempts == 1);
}

TEST_CASE("memory that runs out after sending is a fault that is maybe applied") {
  Service service;
  service.result = []() -> Outcome<Response> { throw std::bad_alloc(); };
  Sdk droplit(service);
  CHECK(droplit.clients.create(home_text, "server").outcome.exception().fate() == Fate::maybe_applied);
}

TEST_CASE("without options no create has a key") {
  Service service;
  const Reply reply = Sdk(service).clients.create(home_text, "server");
  CHECK(service.keys == std::vector<std::string>{""});
  CHECK_FALSE(reply.key);
  CHECK_FALSE(reply.replayed);
}

TEST_CASE("with idempotency each call makes a key of its own, under which every fault is sent again") {
  Service service;
  int lost = 2;
  service.result = [&]() -> Outcome<Response> {
    if (lost-- > 0) return Fault(FaultSource::transport, Fate::maybe_applied, "cut");
    Response response = to_response(client());
    response.fields.add("idempotency-replayed", lost < -1 ? "false" : "true");
    return response;
  };
  Sdk droplit(service, {.retry = {.max_attempts = 3}, .idempotency = true}, FakeTime{});
  const Reply first = droplit.clients.create(home_text, "server");
  REQUIRE(first.key);
  CHECK(first.key->str().size() == 44);
  CHECK(service.keys == std::vector<std::string>(3, first.key->str()));
  CHECK(first.outcome.value() == client());
  CHECK(first.attempts == 3);
  CHECK(first.replayed);

  const Reply second = droplit.clients.create(home, ClientType::server);
  CHECK(second.key != first.key);
  CHECK(service.keys.back() == second.key.value().str());
  CHECK_FALSE(second.replayed);

  CHECK_FALSE(droplit.clients.create(home_text, "gateway").key);  // which was not sent
  CHECK(service.keys.size() == 4);
}

TEST_CASE("a call may bring its own key, whatever the options say, and repeats it") {
  Service service;
  const auto key = *IdempotencyKey::parse("\"mine");
  for (const bool idempotency : {false, true}) {
    service.keys.clear();
    service.result = [] { return Outcome<Response>(Fault(FaultSource::transport, Fate::maybe_applied, "cut")); };
    Sdk droplit(service, {.retry = {.max_attempts = 2}, .idempotency = idempotency}, FakeTime{});
    const Reply lost = droplit.clients.create({.ecosystem_id = home_text, .type = "server"}, key);
    CHECK(lost.outcome.exception().fate() == Fate::maybe_applied);
    CHECK(lost.key == key);
    CHECK(lost.attempts == 2);
    service.result = [] {
      Response response = to_response(client());
      response.fields.add("idempotency-replayed", "true");
      return Outcome<Response>(response);
    };
    const Reply found = droplit.clients.create(ClientDraft(home, ClientType::server), key);
    CHECK(found.outcome.value() == client());
    CHECK(found.replayed);
    CHECK(service.keys == std::vector<std::string>(3, "\"\\\"mine\""));
  }
}

TEST_CASE("a service that does not honour keys cannot be used with the caller's, and is found out after a retry") {
  Service service;
  Sdk droplit(service, {.retry = {.max_attempts = 3}, .idempotency = true}, FakeTime{});
  CHECK(droplit.clients.create(home, ClientType::server).outcome.has_value());  // its only attempt: nothing is doubtful

  const Reply brought = droplit.clients.create(ClientDraft(home, ClientType::server), *IdempotencyKey::parse("k"));
  CHECK(brought.outcome.exception().fate() == Fate::maybe_applied);
  CHECK(brought.attempts == 1);
  CHECK(brought.status() == 201);
  CHECK(brought.body() == to_response(client()).body);

  bool lost = true;
  service.result = [&]() -> Outcome<Response> {
    if (std::exchange(lost, false)) return Fault(FaultSource::transport, Fate::maybe_applied, "cut");
    return to_response(client());
  };
  const Reply made = droplit.clients.create(home, ClientType::server);
  CHECK(made.outcome.exception().what() == "the service does not honour keys");
  CHECK(made.attempts == 2);
}

TEST_CASE("what is sent anyway may have a key") {
  Service service;
  Sdk droplit(service, {.send_anyway = true, .idempotency = true});
  CHECK(droplit.clients.create(home_text, "gateway").key);
  CHECK(service.keys.back().size() == 44);
  static_cast<void>(droplit.clients.create({.type = "gateway"}, *IdempotencyKey::parse("k")));
  CHECK(service.keys.back() == "k");
}

TEST_CASE("every attempt of a call is observed once, with its number and what is known of the create by then") {
  Service service;
  int calls = 0;
  service.result = [&]() -> Outcome<Response> {
    switch (++calls) {
      case 1: return Fault(FaultSource::transport, Fate::not_sent, "refused");
      case 2: return to_response(Fault::unavailable(FaultSource::storage, "away"));
      default: return to_response(client());
    }
  };
  test::Recording observer;
  Sdk droplit(service, {.retry = {.max_attempts = 5, .retry_unavailable = true}}, FakeTime{}, observer);
  REQUIRE(droplit.clients.create(home_text, "server").outcome.has_value());
  const auto requests = observer.requests();
  REQUIRE(requests.size() == 3);
  for (std::size_t i = 0; i != 3; ++i) {
    CHECK(requests[i].attempt == i + 1);
    CHECK(requests[i].route == "/api/clients");
    CHECK(requests[i].method == "POST");
    CHECK(requests[i].request_id.empty());
    CHECK(requests[i].nanoseconds == 1);
    CHECK_FALSE(requests[i].code);
  }
  CHECK(requests[0].status == 0);
  CHECK(requests[0].sent == 0);
  REQUIRE(requests[0].fault);
  CHECK(requests[0].fault->fate() == Fate::not_sent);
  CHECK(requests[1].status == 503);
  CHECK(requests[1].sent == service.bodies[1].size());
  REQUIRE(requests[1].fault);
  CHECK(requests[1].fault->fate() == Fate::not_applied);
  CHECK(requests[2].status == 201);
  CHECK(requests[2].received == to_response(client()).body.size());
  CHECK_FALSE(requests[2].fault);
  CHECK(observer.faults().empty());
}

TEST_CASE("an attempt that was not sent is observed so, also after one that may have been applied") {
  Service service;
  int calls = 0;
  service.result = [&]() -> Outcome<Response> {
    switch (++calls) {
      case 1: return to_response(Fault(FaultSource::storage, Fate::maybe_applied, "lost"));
      case 2: return Fault(FaultSource::transport, Fate::not_sent, "refused");
      default: return to_response(KeyedClient{client(), true});
    }
  };
  test::Recording observer;
  Sdk droplit(service, {.retry = {.max_attempts = 3}, .idempotency = true}, FakeTime{}, observer);
  REQUIRE(droplit.clients.create(home_text, "server").outcome.has_value());
  const auto requests = observer.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].status == 500);
  CHECK(requests[0].sent == service.bodies[0].size());
  CHECK(requests[1].status == 0);
  CHECK(requests[1].sent == 0);
  REQUIRE(requests[1].fault);
  CHECK(requests[1].fault->fate() == Fate::maybe_applied);  // that of the create
  CHECK(requests[2].status == 201);
}

TEST_CASE("a refusal by the service is observed with its code, and one before sending is not observed") {
  Service service;
  service.result = [] { return Outcome<Response>(to_response(ApiError::of<ApiErrc::unauthorized>())); };
  test::Recording observer;
  Sdk droplit(service, {}, FakeTime{}, observer);
  CHECK_FALSE(droplit.clients.create("canary", "server").outcome.has_value());
  CHECK(observer.events().empty());
  CHECK(droplit.clients.create(home_text, "server").outcome.has_error());
  REQUIRE(observer.requests().size() == 1);
  CHECK(observer.requests()[0].status == 401);
  CHECK(observer.requests()[0].code == ApiErrc::unauthorized);
  CHECK_FALSE(observer.requests()[0].fault);
}

TEST_CASE("an attempt is observed with the status that a fault has, and with none where a transport refuses it") {
  Service service;
  const auto observed = [&service](const Outcome<Response>& result) {
    service.result = [&result] { return result; };
    test::Recording observer;
    Sdk(service, {}, FakeTime{}, observer).clients.create(home_text, "server");
    REQUIRE(observer.requests().size() == 1);
    return observer.requests()[0];
  };
  const auto cut = observed(Fault::unknown_response(201, "cut", {}));
  CHECK(cut.status == 201);
  CHECK(cut.sent == service.bodies[0].size());
  const auto refused = observed(ApiError::of<ApiErrc::forbidden>());
  CHECK(refused.status == 0);
  CHECK(refused.code == ApiErrc::forbidden);
  CHECK(refused.sent == service.bodies[0].size());
}

TEST_CASE("a refusal that a transport returns instead of a response has no status and no body") {
  Service service;
  service.result = [] { return Outcome<Response>(ApiError::of<ApiErrc::forbidden>()); };
  Sdk droplit(service);
  const auto reply = droplit.clients.create(home, ClientType::server);
  CHECK(reply.outcome.error() == ApiError::of<ApiErrc::forbidden>());
  CHECK(reply.status() == 0);
  CHECK(reply.body().empty());
}

TEST_CASE("what an observer of the SDK throws decides nothing, and what a transport throws is observed") {
  Service service;
  test::Throwing throwing;
  CHECK(Sdk(service, {}, FakeTime{}, throwing).clients.create(home_text, "server").outcome.has_value());
  service.result = []() -> Outcome<Response> { throw std::bad_alloc(); };
  test::Recording observer;
  Sdk(service, {}, FakeTime{}, observer).clients.create(home_text, "server");
  REQUIRE(observer.requests().size() == 1);
  REQUIRE(observer.requests()[0].fault);
  CHECK(observer.requests()[0].fault->fate() == Fate::maybe_applied);
}

TEST_CASE("a request id is sent only where the options say so: a new one for each call, the same for its attempts") {
  struct {
    std::vector<std::string> ids;
    Outcome<Response> send(const Request& request) {
      CHECK(request.fields.count("x-request-id") == 1);
      ids.emplace_back(request.fields.get("x-request-id"));
      return Fault(FaultSource::transport, Fate::not_sent, "refused");
    }
  } service;
  test::Recording observer;
  Sdk droplit(service, {.retry = {.max_attempts = 2}, .request_ids = true}, FakeTime{}, observer);
  droplit.clients.create(home_text, "server");
  droplit.clients.create(home_text, "server");
  REQUIRE(service.ids.size() == 4);
  CHECK(service.ids[0].size() == 32);
  CHECK(service.ids[0] == service.ids[1]);
  CHECK(service.ids[2] == service.ids[3]);
  CHECK(service.ids[0] != service.ids[2]);
  for (std::size_t i = 0; i != 4; ++i) CHECK(observer.requests()[i].request_id == service.ids[i]);
}
