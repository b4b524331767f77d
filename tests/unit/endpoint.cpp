// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/endpoint.hpp>

#include "support/catch.hpp"
#include "support/contract_cases.hpp"
#include "support/memory.hpp"
#include "support/observers.hpp"

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using droplit::Fate;
using droplit::Fault;
using droplit::FaultSource;
using droplit::Request;
using droplit::Response;
using namespace droplit::literals;

constexpr std::string_view canary = "canary-5f0e";
constexpr std::string_view internal_error = R"({"errorType":"Internal Server Error"})";

/// A storage that fails in the way that is set.
struct Failing {
  enum class Way { fault, unavailable, thrown_fault, fault_exception, exception, number, bad_alloc } way = Way::fault;

  droplit::Outcome<droplit::Insertion> insert(const droplit::Client&) const {
    const std::string what(canary);
    switch (way) {
      case Way::fault: return Fault(FaultSource::storage, Fate::maybe_applied, what);
      case Way::unavailable: return Fault::unavailable(FaultSource::storage, what);
      case Way::thrown_fault: throw Fault::unavailable(FaultSource::storage, what);
      case Way::fault_exception: throw droplit::FaultException(Fault(FaultSource::storage, Fate::not_applied, what));
      case Way::exception: throw std::runtime_error(what);
      case Way::number: throw 7;
      case Way::bad_alloc: break;
    }
    throw std::bad_alloc();
  }
};

/// A storage of keys that does what a test says with a key, and fails without one.
struct Keyed {
  std::function<droplit::Outcome<droplit::KeyedInsertion>(const droplit::Client&)> act;
  std::vector<std::string> keys{};
  droplit::Insertion insert(const droplit::Client&) const { throw std::runtime_error("without the key"); }
  droplit::Outcome<droplit::KeyedInsertion> insert_once(const droplit::Client& client,
                                                        const droplit::IdempotencyKey& key) {
    keys.push_back(key.str());
    return act(client);
  }
};

Request good_request() {
  Request request{"POST", "/api/clients", {}, R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})"};
  request.fields.add("authorization", contract::account_token);
  request.fields.add("content-type", "application/json");
  return request;
}

bool tells(const Response& response, std::string_view text) {
  return response.body.find(text) != std::string::npos || response.fields.lines().find(text) != std::string_view::npos;
}

}  // namespace

static_assert(std::is_copy_constructible_v<decltype(contract::World::endpoint)>);
// Each policy must be one.
template <class S, class A, class C, class I>
concept HasEndpoint = requires(S s, A a, C c, I i) {
  droplit::Endpoint(s, a, c, i);
};
static_assert(HasEndpoint<contract::Storage, contract::Access, contract::Clock, contract::Ids>);
static_assert(!HasEndpoint<contract::Access, contract::Access, contract::Clock, contract::Ids>);
static_assert(!HasEndpoint<contract::Storage, contract::Storage, contract::Clock, contract::Ids>);
static_assert(!HasEndpoint<contract::Storage, contract::Access, contract::Ids, contract::Ids>);
static_assert(!HasEndpoint<contract::Storage, contract::Access, contract::Clock, contract::Clock>);

TEST_CASE("every failure of a storage is the fault of a finished request, and the response contains nothing of it") {
  using Way = Failing::Way;
  for (const auto& [way, status, fate] :
       {std::tuple(Way::fault, 500, Fate::maybe_applied), std::tuple(Way::unavailable, 503, Fate::not_applied),
        std::tuple(Way::thrown_fault, 503, Fate::not_applied), std::tuple(Way::fault_exception, 500, Fate::not_applied),
        std::tuple(Way::exception, 500, Fate::maybe_applied), std::tuple(Way::number, 500, Fate::maybe_applied),
        std::tuple(Way::bad_alloc, 500, Fate::maybe_applied)}) {
    Failing storage{way};
    contract::World world;
    test::Recording observer;
    droplit::Endpoint endpoint(storage, world.access, world.clock, world.ids, {}, observer);
    const Response response = endpoint.handle(good_request());
    INFO(static_cast<int>(way));
    CHECK(response.status == status);
    REQUIRE(observer.requests().size() == 1);
    const test::Event event = observer.requests()[0];
    CHECK(event.status == status);
    CHECK_FALSE(event.code);
    REQUIRE(event.fault);
    CHECK(event.fault->source() == FaultSource::storage);
    CHECK(event.fault->fate() == fate);
    CHECK_FALSE(tells(response, canary));
    CHECK(response.body == (status == 500 ? internal_error : ""));
    CHECK(response.fields.get("retry-after") == (status == 503 ? "1" : ""));
    CHECK(response.fields.get("content-length") == std::to_string(response.body.size()));
  }
}

TEST_CASE("an observer gets the cause of a fault") {
  Failing storage{Failing::Way::exception};
  contract::World world;
  test::Recording observer;
  droplit::Endpoint endpoint(storage, world.access, world.clock, world.ids, {}, observer);
  endpoint.handle(good_request());
  REQUIRE(observer.requests().size() == 1);
  const auto fault = observer.requests()[0].fault;
  REQUIRE(fault);
  REQUIRE(fault->cause());
  CHECK_THROWS_AS(std::rethrow_exception(fault->cause()), std::runtime_error);
  CHECK(fault->what().find(canary) == std::string::npos);
}

TEST_CASE("a whole request is observed once: its route, what identifies it, its outcome and the sizes of the bodies") {
  contract::World world;
  test::Recording observer;
  droplit::Endpoint endpoint(world.storage, world.access, world.clock, world.ids, {}, observer);
  Request request = good_request();
  request.target = "/v0/api/clients/";
  request.fields.add("x-request-id", "id-1");
  request.fields.add("traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01");
  const Response response = endpoint.handle(request);
  REQUIRE(response.status == 201);
  REQUIRE(observer.requests().size() == 1);
  const test::Event event = observer.requests()[0];
  CHECK(event.route == "/api/clients");
  CHECK(event.method == "POST");
  CHECK(event.request_id == "id-1");
  CHECK(event.traceparent == "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01");
  CHECK(event.attempt == 0);
  CHECK(event.status == 201);
  CHECK_FALSE(event.code);
  CHECK_FALSE(event.fault);
  CHECK(event.nanoseconds == 1);
  CHECK(event.received == request.body.size());
  CHECK(event.sent == response.body.size());
  CHECK(observer.faults().empty());
  CHECK(observer.opened() == 0);
}

TEST_CASE("every refusal is observed once, with the code of its first violation, and nothing else of the request") {
  struct Case {
    const char* method;
    const char* target;
    const char* token;
    std::string body;
    int status;
    std::optional<droplit::ApiErrc> code;
    const char* route;
    const char* observed_method;
  };
  using droplit::ApiErrc;
  const std::string body = good_request().body;
  const Case cases[] = {
      {"POST", "/canary-5f0e", "canary-5f0e", body, 404, ApiErrc::not_found, "none", "POST"},
      {"POST", "/api/clients#", "canary-5f0e", body, 400, ApiErrc::bad_request, "none", "POST"},
      {"CANARY", "/api/clients", "canary-5f0e", body, 405, ApiErrc::method_not_allowed, "/api/clients", "other"},
      {"GET", "/api/clients", "canary-5f0e", body, 405, ApiErrc::method_not_allowed, "/api/clients", "GET"},
      {"OPTIONS", "/api/clients", "canary-5f0e", "", 200, {}, "/api/clients", "OPTIONS"},
      {"POST", "/api/clients", "canary-5f0e", body, 401, ApiErrc::unauthorized, "/api/clients", "POST"},
      {"POST", "/api/clients?canary-5f0e", "", body, 400, ApiErrc::query_field_not_allowed, "/api/clients", "POST"},
      {"POST", "/api/clients", "", "canary-5f0e", 400, ApiErrc::body_parameters_missing, "/api/clients", "POST"},
      {"POST", "/api/clients", "", std::string(101, 'x'), 413, ApiErrc::content_too_large, "/api/clients", "POST"}};
  contract::World world;
  for (const bool in_steps : {false, true}) {
    test::Recording observer;
    droplit::Endpoint endpoint(world.storage, world.access, world.clock, world.ids, {.max_body = 100}, observer);
    typename decltype(endpoint)::Steps steps(endpoint);
    for (const Case& each : cases) {
      CAPTURE(in_steps, each.method, each.target, each.status);
      Request request{each.method, each.target, {}, each.body};
      request.fields.add("authorization", *each.token != '\0' ? each.token : contract::account_token);
      request.fields.add("content-type", "application/json");
      request.fields.add("x-request-id", "canary 5f0e");  // a space is not allowed
      request.fields.add("traceparent", "canary-5f0e");
      Response response;
      if (in_steps) {
        droplit::RequestHead head(request.method, request.target);
        for (const droplit::HeaderField field : request.fields) head.add(field.name, field.value);
        const bool goes_on = steps.head(head, request.fields.lines(), response) && steps.finish(request.body, response);
        REQUIRE_FALSE(goes_on);
      } else {
        endpoint.handle(request, response);
      }
      CHECK(response.status == each.status);
      const auto requests = observer.requests();
      REQUIRE(requests.size() == static_cast<std::size_t>(&each - cases + 1));
      const test::Event& event = requests.back();
      CHECK(event.status == each.status);
      CHECK(event.code == each.code);
      CHECK_FALSE(event.fault);
      CHECK(event.route == each.route);
      CHECK(event.method == each.observed_method);
      CHECK(event.request_id.empty());
      CHECK(event.traceparent.empty());
    }
  }
}

TEST_CASE("a request in steps is observed once, also one that is given up") {
  Failing storage{Failing::Way::unavailable};
  contract::World world;
  test::Recording observer;
  droplit::Endpoint endpoint(storage, world.access, world.clock, world.ids, {}, observer);
  {
    typename decltype(endpoint)::Steps steps(endpoint);
    const Request request = good_request();
    droplit::RequestHead head(request.method, request.target);
    for (const droplit::HeaderField field : request.fields) head.add(field.name, field.value);
    Response response;
    REQUIRE(steps.head(head, {}, response));  // given up: another one begins
    REQUIRE(steps.head(head, {}, response));
    REQUIRE(steps.body(request.body.substr(0, 5), response));
    REQUIRE(steps.finish(request.body.substr(5), response));
    CHECK(observer.events().size() == 3);
    steps.complete(response);
    CHECK(response.status == 503);
    REQUIRE(steps.head(head, {}, response));
    REQUIRE(steps.body("123", response));
  }
  const auto requests = observer.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].status == 0);
  CHECK(requests[1].status == 503);
  CHECK(requests[1].received == good_request().body.size());
  CHECK(requests[1].fault);
  CHECK(requests[2].status == 0);
  CHECK(requests[2].received == 3);
  CHECK_FALSE(requests[2].fault);
}

TEST_CASE("what an observer throws decides nothing") {
  Failing storage{Failing::Way::unavailable};
  contract::World world;
  test::Throwing observer;
  droplit::Endpoint endpoint(storage, world.access, world.clock, world.ids, {}, observer);
  CHECK(endpoint.handle(good_request()).status == 503);
  CHECK(droplit::Endpoint(world.storage, world.access, world.clock, world.ids, {}, observer)
            .handle(good_request())
            .status == 201);
}

TEST_CASE("a policy before the storage that throws costs a 500, and the storage is not asked") {
  struct BadClock {
    droplit::Timestamp now() const { throw std::runtime_error("clock"); }
  } clock;
  struct BadIds {
    droplit::ClientId next(droplit::Timestamp) const { throw 'x'; }
  } ids;
  struct BadAccess {
    contract::Principal authenticate(std::string_view) const { throw std::string("access"); }
    bool authorize(contract::Principal, droplit::EcosystemId) const { return true; }
  } access;
  contract::World world;
  test::Recording observer;
  CHECK(droplit::Endpoint(world.storage, world.access, clock, world.ids, {}, observer).handle(good_request()).status ==
        500);
  CHECK(droplit::Endpoint(world.storage, world.access, world.clock, ids, {}, observer).handle(good_request()).status ==
        500);
  CHECK(droplit::Endpoint(world.storage, access, world.clock, world.ids, {}, observer).handle(good_request()).status ==
        500);
  const auto requests = observer.requests();
  REQUIRE(requests.size() == 3);
  for (const test::Event& event : requests) REQUIRE(event.fault);
  CHECK(requests[0].fault->source() == FaultSource::clock);
  CHECK(requests[1].fault->source() == FaultSource::ids);
  CHECK(requests[2].fault->source() == FaultSource::access);
  for (const test::Event& event : requests) CHECK(event.fault->fate() == Fate::not_applied);
  CHECK(world.storage.clients.empty());
}

TEST_CASE("nothing of a token, a text or a policy's words is in a response that does not require it") {
  contract::World world;
  const std::string secret(canary);
  for (
      const char* body :
      {R"({"ecosystemId":"canary-5f0e","type":"canary-5f0e","name":["canary-5f0e"],"description":{"a":"canary-5f0e"}})",
       R"({"ecosystemId":"C594b89aea18568c408c3ad2d","type":"server","name":"canary-5f0e"})", "canary-5f0e",
       R"({"name":"canary-5f0e\u0000","x":"canary-5f0e"})", R"(["canary-5f0e"])"}) {
    Request request = good_request();
    request.body = body;
    request.fields.add("x-api-version", secret);
    CHECK_FALSE(tells(world.endpoint.handle(request), canary));
    request.target = "/api/clients?a=canary-5f0e";
    CHECK_FALSE(tells(world.endpoint.handle(request), canary));
    request.target = "/canary-5f0e";
    CHECK_FALSE(tells(world.endpoint.handle(request), canary));
    request.method = secret;
    CHECK_FALSE(tells(world.endpoint.handle(request), canary));
  }
  Request request = good_request();
  request.fields.clear();
  request.fields.add("authorization", secret);
  CHECK_FALSE(tells(world.endpoint.handle(request), canary));
  CHECK_FALSE(tells(world.endpoint.handle(good_request()), contract::account_token));
}

TEST_CASE("once no memory is left, it is the shortest response or none, and what an observer gets is true") {
  struct Listener : droplit::NoObserver {
    int finished_requests = 0;
    std::optional<Fate> reported;
    void finished(const droplit::RequestFinished& event) {
      ++finished_requests;
      if (event.fault != nullptr) reported = event.fault->fate();
    }
  };
  for (std::size_t n = 1;; ++n) {
    contract::World world;
    world.storage.clients.reserve(1);
    Listener observer;
    droplit::Endpoint endpoint(world.storage, world.access, world.clock, world.ids, {}, observer);
    Request request = good_request();
    request.body.insert(1, R"("name":"0123456789012345678901234567890123456789",)");
    Response response;
    bool threw = false;
    memory::calls = 0;
    memory::fail_at = n;
    memory::fail_on = true;
    try {
      endpoint.handle(request, response);
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    const bool reached = memory::calls >= n;
    memory::fail_at = 0;
    memory::fail_on = false;
    INFO("from allocation " << n);
    CHECK(observer.finished_requests == 1);
    if (!reached) {
      CHECK(response.status == 201);
      break;
    }
    if (threw) {
      CHECK(world.storage.clients.empty());
      continue;
    }
    CHECK((response.status == 500 || response.status == 201));
    if (response.status == 500) {
      CHECK(response.body == internal_error);
      CHECK(response.fields.get("content-length") == std::to_string(internal_error.size()));
      REQUIRE(observer.reported);
      if (*observer.reported == Fate::not_applied) CHECK(world.storage.clients.empty());
    } else {
      CHECK(world.storage.clients.size() == 1);
    }
  }
}

TEST_CASE("a refusal for which no memory is left becomes the shortest response") {
  Request request = good_request();
  request.body = R"({"type":"neither"})";
  std::size_t last = 0;
  for (const bool fails : {false, true}) {
    contract::World world;
    Response response;
    bool threw = false;
    memory::calls = 0;
    memory::fail_at = last;
    memory::fail_on = fails;
    try {
      world.endpoint.handle(request, response);
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    last = memory::calls;
    memory::fail_at = 0;
    memory::fail_on = false;
    CHECK_FALSE(threw);
    CHECK(response.status == (fails ? 500 : 400));
    CHECK((response.body == internal_error) == fails);
  }
}

TEST_CASE("whichever allocation fails, the response is the valid one or a 500, and no refusal leaves a client") {
  std::vector<Request> requests{good_request(), good_request(), good_request()};
  requests[1].body = R"({"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz":1,"name":"0123456789012345678901234567890123456789"})";
  requests[1].target = "/api/clients?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&b";
  requests[2].body.insert(
      1, R"("name":"0123456789012345678901234567890123456789","description":"more than a small string holds",)");
  for (const Request& request : requests) {
    contract::World reference;
    const Response right = reference.endpoint.handle(request);
    bool failed = false;
    for (std::size_t n = 1;; ++n) {
      contract::World world;
      world.storage.clients.reserve(1);
      std::optional<Response> response;
      memory::calls = 0;
      memory::fail_at = n;
      bool threw = false;
      try {
        response.emplace(world.endpoint.handle(request));
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      const bool reached = memory::calls >= n;
      memory::fail_at = 0;
      INFO("allocation " << n);
      if (!reached) {
        CHECK(*response == right);
        break;
      }
      failed = true;
      if (threw) {
        CHECK(world.storage.clients.empty());
      } else if (response->status == 500) {
        CHECK(response->body == internal_error);
      } else {
        CHECK(*response == right);
      }
      if (!threw && response->status >= 400 && response->status < 500) CHECK(world.storage.clients.empty());
      // and the endpoint is as good as before
      world.storage.clients.clear();
      CHECK(world.endpoint.handle(request) == right);
    }
    CHECK(failed);
  }
}

TEST_CASE("a request for which there was no memory before the storage was asked was not applied") {
  struct Asked {
    int calls = 0;
    droplit::Insertion insert(const droplit::Client&) {
      ++calls;
      return droplit::Insertion::inserted;
    }
  };
  Request request = good_request();
  request.body.insert(1, R"("name":"0123456789012345678901234567890123456789",)");
  int faults = 0;
  bool reached = true;
  for (std::size_t n = 1; reached; ++n) {
    contract::World world;
    Asked storage;
    droplit::Endpoint endpoint(storage, world.access, world.clock, world.ids);
    Response response;
    memory::calls = 0;
    memory::fail_at = n;
    try {
      endpoint.handle(request, response);
    } catch (const std::bad_alloc&) {
    }
    reached = memory::calls >= n;
    memory::fail_at = 0;
    if (response.status != 500) continue;
    INFO("allocation " << n);
    ++faults;
    REQUIRE(response.fault);
    CHECK(response.fault->fate() == (storage.calls == 0 ? Fate::not_applied : Fate::maybe_applied));
  }
  CHECK(faults != 0);
}

TEST_CASE("a response keeps its fault without the texts for which no memory is left") {
  const Fault fault(FaultSource::storage, Fate::not_applied, std::string(100, 'x'));
  Response response;
  droplit::detail::reserve_for_fault(response);
  memory::calls = 0;
  memory::fail_at = 1;
  memory::fail_on = true;
  droplit::write_response(response, fault);
  memory::fail_at = 0;
  memory::fail_on = false;
  CHECK(response.status == 500);
  CHECK(response.body == internal_error);
  REQUIRE(response.fault);
  CHECK(response.fault->source() == FaultSource::storage);
  CHECK(response.fault->fate() == Fate::not_applied);
  CHECK(response.fault->what().empty());
}

TEST_CASE("a request may be a view of the response that is written") {
  contract::World world;
  const std::string body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})";
  const std::string path = "/api/clients";
  const Response right = contract::World().endpoint.handle(good_request());
  for (const bool roomy : {false, true}) {
    Response response;
    response.body = std::string(contract::account_token) + path + body;
    response.body.shrink_to_fit();
    response.fields.add("content-type", "application/json");
    if (roomy) response.body.reserve(4096);
    if (roomy) response.fields.reserve(4096);
    const std::string_view text = response.body;
    const std::size_t token = contract::account_token.size();
    droplit::RequestHead head("POST", text.substr(token, path.size()));
    head.add("authorization", text.substr(0, token));
    head.add("content-type", response.fields.get("content-type"));
    world.endpoint.handle(head, text.substr(token + path.size()), response);
    CHECK(response.status == 201);
    CHECK(response.body.size() == right.body.size());
  }
  CHECK(world.storage.clients.size() == 2);

  for (const std::string_view refused : {"POST", "/x", "{}"}) {  // in the string's own room
    Response response;
    response.body = refused;
    droplit::RequestHead head(refused == "POST" ? std::string_view(response.body) : "POST",
                              refused == "/x" ? std::string_view(response.body) : path);
    head.add("authorization", contract::account_token);
    world.endpoint.handle(head, response.body, response);
    CHECK(response.status == (refused == "/x" ? 404 : 400));
  }
}

TEST_CASE("the options of an endpoint are within their ranges") {
  contract::World world;
  const auto max_body = [&](std::uint32_t limit) {
    return droplit::Endpoint(world.storage, world.access, world.clock, world.ids, {.max_body = limit})
        .options()
        .max_body;
  };
  CHECK(max_body(0) == 0);
  CHECK(max_body(1 << 30) == 1 << 30);
  CHECK(max_body((1 << 30) + 1) == 1 << 30);
  CHECK(max_body(0xFFFFFFFF) == 1 << 30);
}

TEST_CASE("a key goes to the storage with the client, and what the storage did is the response") {
  using droplit::Insertion, droplit::KeyedInsertion;
  contract::World world;
  Request request = good_request();
  request.fields.add("idempotency-key", "\"a\"");
  test::Recording observer;
  const auto respond = [&](Keyed& storage) {
    droplit::Endpoint endpoint(storage, world.access, world.clock, world.ids, {.idempotency_keys = true}, observer);
    return endpoint.handle(request);
  };

  Keyed inserts{[](const droplit::Client&) { return KeyedInsertion(Insertion::inserted); }};
  const Response created = respond(inserts);
  CHECK(created.status == 201);
  CHECK(read_replayed(created) == false);
  CHECK(inserts.keys == std::vector<std::string>{"a"});

  std::optional<droplit::Client> kept;
  Keyed replays{[&kept](const droplit::Client& client) {
    kept.emplace("000000000000000000000001"_client_id, *droplit::Timestamp::from_unix_millis(0), client.ecosystem_id(),
                 client.type());
    return KeyedInsertion::replayed(*kept);
  }};
  const Response replayed = respond(replays);
  CHECK(replayed == droplit::to_response(droplit::KeyedClient{*kept, true}));

  Keyed reuses{[](const droplit::Client&) { return KeyedInsertion(Insertion::key_reused); }};
  CHECK(respond(reuses) == droplit::to_response(droplit::ApiError::idempotency_key_reused()));
  for (const test::Event& event : observer.requests()) CHECK_FALSE(event.fault);

  Keyed fails{[](const droplit::Client&) -> droplit::Outcome<KeyedInsertion> { throw std::runtime_error("canary"); }};
  CHECK(respond(fails) == droplit::to_response(Fault()));
  REQUIRE(observer.requests().size() == 4);
  REQUIRE(observer.requests()[3].fault);
  CHECK(observer.requests()[3].fault->fate() == Fate::maybe_applied);

  Keyed away{[](const droplit::Client&) -> droplit::Outcome<KeyedInsertion> {
    return Fault::unavailable(FaultSource::storage, "canary");
  }};
  CHECK(respond(away).status == 503);
}

TEST_CASE("with a key, whichever allocation fails, the response is the valid one or a 500, and is never another's") {
  const std::string long_key(200, 'k');
  std::vector<Request> requests{good_request(), good_request(), good_request()};
  requests[0].fields.add("idempotency-key", long_key);
  requests[1].fields.add("idempotency-key", '"' + long_key + '"');
  requests[2].fields.add("idempotency-key", long_key + " ?");
  requests[2].target = "/api/clients?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  for (const Request& request : requests) {
    const Response right = contract::World(true).endpoint.handle(request);
    for (std::size_t n = 1;; ++n) {
      contract::World world(true);
      world.storage.clients.reserve(1);
      std::optional<Response> response;
      memory::calls = 0;
      memory::fail_at = n;
      try {
        response.emplace(world.endpoint.handle(request));
      } catch (const std::bad_alloc&) {
        response.reset();
      }
      const bool reached = memory::calls >= n;
      memory::fail_at = 0;
      INFO("allocation " << n);
      if (!reached) {
        CHECK(*response == right);
        break;
      }
      if (!response) {
        CHECK(world.storage.clients.empty());
      } else if (response->status == 500) {
        CHECK(response->body == internal_error);
      } else {
        CHECK(*response == right);
      }
    }
  }
}

TEST_CASE("a key is in no response") {
  contract::World world(true);
  for (const std::string_view key : {"canary-5f0e", "canary-5f0e ?", "\"canary-5f0e"}) {
    Request request = good_request();
    request.fields.add("idempotency-key", key);
    CHECK_FALSE(tells(world.endpoint.handle(request), canary));
  }
  Request reused = good_request();
  reused.fields.add("idempotency-key", contract::taken_key);
  const Response response = world.endpoint.handle(reused);
  CHECK(response.status == 422);
  CHECK_FALSE(tells(response, contract::taken_key));
}

TEST_CASE("an endpoint takes keys only if its options say so and its storage keeps them") {
  contract::World world;
  Failing unkeyed;
  const auto takes_keys = [&](auto& storage, bool asked) {
    return droplit::Endpoint(storage, world.access, world.clock, world.ids, {.idempotency_keys = asked})
        .options()
        .idempotency_keys;
  };
  CHECK(takes_keys(world.storage, true));
  CHECK_FALSE(takes_keys(world.storage, false));
  CHECK_FALSE(takes_keys(unkeyed, true));
  static_assert(!droplit::EndpointOptions{}.idempotency_keys);
}

TEST_CASE("a response is used again, and keeps nothing of what it was") {
  contract::World world;
  Response response{999, {}, "old body", true};
  response.fields.add("x-old", "1");
  world.endpoint.handle(good_request(), response);
  CHECK(response.status == 201);
  CHECK_FALSE(response.close);
  CHECK(response.fields.count("x-old") == 0);
  CHECK(response.body.find("old body") == std::string::npos);
}
