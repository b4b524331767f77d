// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/transport/loopback.hpp>

#include <droplit/detail/json/writer.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/router.hpp>
#include <droplit/sdk.hpp>
#include <droplit/testing/fixed_ids.hpp>
#include "support/catch.hpp"
#include "support/world.hpp"

#include <random>
#include <string>
#include <utility>

using namespace droplit;
using test::active, test::World;

static_assert(Transport<LoopbackTransport<decltype(World::endpoint)>>);
static_assert(Transport<LoopbackTransport<Router<decltype(World::endpoint)>>>);

TEST_CASE("creating through a loopback gives what the storage gives, for every draft") {
  std::mt19937 random(7);
  World here;
  World there;
  LoopbackTransport transport(there.endpoint, "token");
  int created = 0;
  int refused = 0;
  for (int round = 0; round != 5000; ++round) {
    const ClientDraft draft = test::any_draft(random);
    const auto direct = create_client(here.storage, here.clock, here.ids, draft);
    const auto remote = create_client(transport, draft);
    if (!test::same(direct, remote)) FAIL_CHECK("round " << round);
    ++(direct.has_value() ? created : refused);
    if (!direct.has_value()) continue;
    const auto id = direct.assume_value().id();
    if (here.storage.find_client(id) != there.storage.find_client(id)) FAIL_CHECK("kept otherwise, round " << round);
  }
  CHECK(created > 1000);
  CHECK(refused > 1000);
}

namespace {

/// Loses every second response.
template <class T>
struct Losing {
  T& transport;
  int sent = 0;
  Outcome<Response> send(const Request& request) {
    auto response = transport.send(request);
    if (++sent % 2 != 0) return Fault(FaultSource::transport, Fate::maybe_applied, "cut");
    return response;
  }
};

struct NoTime {
  std::int64_t now() const { return 0; }
  void sleep_until(std::int64_t) const {}
  std::uint32_t random_bits() const { return 0; }
};

}  // namespace

TEST_CASE("creating under a key through a loopback gives what the storage gives, for every draft and key") {
  std::mt19937 random(11);
  World here;
  World there;
  Endpoint endpoint(there.storage, there.access, there.clock, there.ids, {.idempotency_keys = true});
  LoopbackTransport transport(endpoint, "token");
  int replayed = 0;
  int reused = 0;
  for (int round = 0; round != 2000; ++round) {
    const ClientDraft draft = random() % 2 == 0 ? ClientDraft(active, ClientType::server) : test::any_draft(random);
    const auto key = *IdempotencyKey::parse(std::string(1 + random() % 255, static_cast<char>('!' + random() % 3)));
    const auto direct = create_client(here.storage, here.clock, here.ids, draft, key);
    const auto remote = create_client(transport, draft, key);
    bool same = direct.has_value() == remote.has_value() && direct.has_error() == remote.has_error();
    if (same && direct.has_value()) {
      same = direct.assume_value() == remote.assume_value();
      if (direct.assume_value().replayed) ++replayed;
    }
    if (same && direct.has_error()) {
      same = direct.assume_error() == remote.assume_error();
      if (direct.assume_error().code() == ApiErrc::idempotency_key_reused) ++reused;
    }
    if (!same) FAIL_CHECK("round " << round);
  }
  CHECK(replayed > 100);
  CHECK(reused > 100);
}

TEST_CASE(
    "with every second response lost, a call under a key creates one client, and without the option two at most") {
  for (const bool honours : {true, false}) {
    World world;
    Endpoint endpoint(world.storage, world.access, world.clock, world.ids, {.idempotency_keys = honours});
    LoopbackTransport loopback(endpoint, "token");
    Losing<decltype(loopback)> transport{loopback};
    Sdk droplit(transport, {.retry = {.max_attempts = 5}, .idempotency = true}, NoTime{});
    const Reply reply = droplit.clients.create(active, ClientType::server);
    CHECK(transport.sent == 2);
    test::OrderedIds ids;  // the same again
    CHECK(world.storage.find_client(ids.next(world.clock.now())));
    CHECK(world.storage.find_client(ids.next(world.clock.now())).has_value() == !honours);
    if (honours) {
      CHECK(reply.replayed);
      CHECK(world.storage.find_client(reply.outcome.value().id()) == reply.outcome.value());
    } else {
      CHECK(reply.outcome.exception().what() == "the service does not honour keys");
      CHECK(reply.outcome.exception().fate() == Fate::maybe_applied);
    }
  }
}

TEST_CASE("a loopback calls any handler, with the token as a field, and responds as a server of it does") {
  struct Echo {
    Response handle(const Request& request) {
      if (request.target == "/throws") throw Fault(FaultSource::storage, Fate::maybe_applied, "canary");
      if (request.target == "/busy") throw Fault::unavailable(FaultSource::storage, "canary");
      if (request.target == "/closes") return {};
      Response response{request.target == "/cached" ? 304 : 200, request.fields, request.body};
      response.fields.add("x-token", request.fields.get("authorization"));
      response.fields.add("content-length", "100");
      return response;
    }
  } echo;
  LoopbackTransport transport(echo, "token");
  const auto get = [&](std::string target) { return transport.send({"GET", std::move(target), {}, "body"}); };
  CHECK(get("/").value().fields.lines() == "x-token: token\r\ncontent-length: 4\r\n");
  CHECK(get("/").value().body == "body");
  CHECK(get("/cached").value().fields.lines() == "x-token: token\r\n");
  CHECK(get("/cached").value().body.empty());
  CHECK(get("/throws").value().status == 500);
  CHECK_FALSE(get("/throws").value().fault);
  CHECK(get("/busy").value().status == 503);
  CHECK(get("/closes").exception().fate() == Fate::maybe_applied);
}

TEST_CASE("a loopback of a handler with a route responds to other paths and methods itself, as a router does") {
  struct Routed {
    Route route{"GET", "/one"};
    Response handle(const Request&) { return {200, {}, {}}; }
  } handler;
  LoopbackTransport transport(handler, "token");
  CHECK(transport.send({"GET", "/one", {}, {}}).value().status == 200);
  CHECK(transport.send({"GET", "/two", {}, {}}).value().status == 404);
  CHECK(transport.send({"PUT", "/one", {}, {}}).value().fields.get("allow") == "GET, HEAD");
}

TEST_CASE("parameters are refused alike on both sides, with every violation") {
  const std::string_view texts[] = {"", "C594b89aea18568c408c3ad24", "server", "Server", std::string_view("a\0b", 3)};
  for (const auto id : texts) {
    for (const auto type : texts) {
      for (const auto name : texts) {
        const auto here = ClientDraft::make({.ecosystem_id = id, .type = type, .name = name});
        Request request{"POST", "/api/clients", {}, "{\"ecosystemId\":"};
        request.fields.add("content-type", "application/json");
        detail::append_json_string(request.body, id);
        detail::append_json_string(request.body.append(",\"type\":"), type);
        detail::append_json_string(request.body.append(",\"name\":"), name);
        request.body += '}';
        World there;
        const auto response = LoopbackTransport(there.endpoint, "token").send(request);
        if (here.has_error()) {
          CHECK(read_error(response.value()) == here.error());
        } else {
          CHECK(response.value().status == 201);
        }
      }
    }
  }
}

TEST_CASE("a draft beyond the service's limit is Content Too Large there") {
  World there;
  LoopbackTransport transport(there.endpoint, "token");
  const ClientDraft draft(active, ClientType::server, Text::parse(std::string(1024 * 1024, 'x')));
  CHECK(create_client(transport, draft).error() == ApiError::of<ApiErrc::content_too_large>());
}

TEST_CASE("an unknown token is Unauthorized, and a fault within the service keeps its fate") {
  World there;
  LoopbackTransport wrong(there.endpoint, "other");
  CHECK(create_client(wrong, ClientDraft(active, ClientType::server)).error() == ApiError::of<ApiErrc::unauthorized>());

  FixedIds one_id{{"594b89aea18568c408c3ad25"_client_id}};
  Endpoint endpoint(there.storage, there.access, there.clock, one_id);
  LoopbackTransport transport(endpoint, "token");
  CHECK(create_client(transport, ClientDraft(active, ClientType::server)).has_value());
  const auto no_id_left = create_client(transport, ClientDraft(active, ClientType::server));
  REQUIRE(no_id_left.has_exception());
  CHECK(no_id_left.exception().fate() == Fate::maybe_applied);  // a 500 contains no more
  CHECK(no_id_left.exception().status() == 500);
}

TEST_CASE(
    "an unavailable storage within the service proves that nothing was stored, and other responses prove nothing") {
  struct Answering {
    Response response;
    Response handle(const Request&) { return response; }
  } endpoint{to_response(Fault::unavailable(FaultSource::storage, "away"))};
  LoopbackTransport transport(endpoint, "token");
  const ClientDraft draft(active, ClientType::server);
  CHECK(create_client(transport, draft).exception().fate() == Fate::not_applied);

  endpoint.response.fields.add("content-encoding", "gzip");
  CHECK(create_client(transport, draft).exception().fate() == Fate::maybe_applied);
  endpoint.response = to_response(ApiError::ecosystem_not_found("C594b89aea18568c408c3ad99"_ecosystem_id));
  CHECK(create_client(transport, draft).exception().fate() == Fate::maybe_applied);
  endpoint.response = to_response(ApiError::ecosystem_not_found(active));
  CHECK(create_client(transport, draft).error() == ApiError::ecosystem_not_found(active));
}

TEST_CASE("a response to HEAD has the fields of that to GET, and no body") {
  struct Greeting {
    Response handle(const Request&) { return {200, {}, "hello", false}; }
  } greeting;
  const auto response = LoopbackTransport(greeting, "token").send({"HEAD", "/", {}, {}});
  CHECK(response.value().body.empty());
  CHECK(response.value().fields.get("content-length") == "5");
}
