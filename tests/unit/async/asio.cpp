// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Law: the coroutine doors give what the blocking doors give.
#include <droplit/async/asio.hpp>

#include "support/async.hpp"
#include "support/catch.hpp"
#include "support/contract_cases.hpp"
#include "support/observers.hpp"
#include "support/world.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <new>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace droplit;
namespace asio = boost::asio;
using test::active, test::World;

namespace {

using Memory = test::AsyncStore<MemoryStorage>;
using MemoryOnThreads = BlockingStore<MemoryStorage, asio::thread_pool::executor_type>;

struct OnlyInsert {
  Insertion insert(const Client&) { return Insertion::inserted; }
};
struct Unrelated {
  asio::awaitable<int> insert(const Client&) { co_return 0; }
};
struct Coroutine {
  asio::awaitable<Insertion> insert(const Client&) { co_return Insertion::inserted; }
};

static_assert(AsyncStorage<Coroutine> && !AsyncKeyedStorage<Coroutine>);
static_assert(!AsyncStorage<OnlyInsert> && !AsyncStorage<Unrelated> && !AsyncStorage<MemoryStorage>);
static_assert(AsyncKeyedStorage<Memory> && AsyncKeyedStorage<MemoryOnThreads> && !Storage<MemoryOnThreads>);
static_assert(!AsyncKeyedStorage<BlockingStore<OnlyInsert, asio::thread_pool::executor_type>>);

using AsyncWorldEndpoint = AsyncEndpoint<Memory, test::OneToken, FixedClock, test::OrderedIds>;
static_assert(AsyncHandler<AsyncWorldEndpoint> && ServedHandler<AsyncWorldEndpoint> && !Handler<AsyncWorldEndpoint>);
static_assert(Handler<decltype(World::endpoint)> && !AsyncHandler<decltype(World::endpoint)>);
static_assert(!std::is_constructible_v<AsyncWorldEndpoint, Memory&, test::OneToken, FixedClock&, test::OrderedIds&>);

/// Runs a coroutine to its end in this thread, and returns what it returns.
template <class T>
T run(asio::awaitable<T> coroutine) {
  asio::io_context context;
  std::optional<T> result;
  const auto all = [&]() -> asio::awaitable<void> {
    auto value = co_await std::move(coroutine);
    result.emplace(std::move(value));
  };
  test::spawn(context, all());
  context.run();
  REQUIRE(result);
  return *std::move(result);
}

IdempotencyKey any_key(std::mt19937& random) { return *IdempotencyKey::parse("key-" + std::to_string(random() % 50)); }

bool same(const Outcome<KeyedClient>& a, const Outcome<KeyedClient>& b) {
  if (a.has_value()) return b.has_value() && a.assume_value() == b.assume_value();
  if (a.has_error()) return b.has_error() && a.assume_error() == b.assume_error();
  return b.has_exception() && a.assume_exception().fate() == b.assume_exception().fate();
}

/// Creates for thousands of drafts, here blocking and there by a coroutine, and compares.
template <class Store>
void compare_drafts(World& there, Store& store) {
  std::mt19937 random(11);
  World here;
  int created = 0;
  int replayed = 0;
  int reused = 0;
  int refused = 0;
  for (int round = 0; round != 3000; ++round) {
    const ClientDraft draft = test::any_draft(random);
    std::optional<ClientId> id;
    if (random() % 2 == 0) {
      const auto blocking = create_client(here.storage, here.clock, here.ids, draft);
      const auto async = run(async_create_client(store, there.clock, there.ids, draft));
      if (!test::same(blocking, async)) FAIL_CHECK("round " << round);
      ++(blocking.has_value() ? created : refused);
      if (blocking.has_value()) id = blocking.assume_value().id();
    } else {
      const IdempotencyKey key = any_key(random);
      const bool again = random() % 2 == 0;  // with the draft that has the key, perhaps
      const ClientDraft keyed = again ? ClientDraft(active, ClientType::server) : draft;
      const auto blocking = create_client(here.storage, here.clock, here.ids, keyed, key);
      const auto async = run(async_create_client(store, there.clock, there.ids, keyed, key));
      if (!same(blocking, async)) FAIL_CHECK("round " << round);
      if (blocking.has_value()) {
        ++(blocking.assume_value().replayed ? replayed : created);
        id = blocking.assume_value().client.id();
      } else {
        const bool is_reused =
            blocking.has_error() && blocking.assume_error().code() == ApiErrc::idempotency_key_reused;
        ++(is_reused ? reused : refused);
      }
    }
    if (id && here.storage.find_client(*id) != there.storage.find_client(*id)) FAIL_CHECK("kept otherwise " << round);
  }
  CHECK(here.ids.count == there.ids.count);
  CHECK(created > 700);
  CHECK(replayed > 100);
  CHECK(reused > 100);
  CHECK(refused > 500);
}

/// A storage that does at its first call what a storage may do, in one of `ways` ways.
struct Misbehaving {
  int way = 0;
  int calls = 0;

  Outcome<Insertion> insert(const Client&) {
    const std::string what = "canary";
    switch (calls++ == 0 ? way : 0) {
      case 0: return Insertion::inserted;
      case 1: return Insertion::id_taken;
      case 2: return Fault(FaultSource::storage, Fate::maybe_applied, what);
      case 3: return Fault(FaultSource::storage, Fate::not_applied, what);
      case 4: return Fault::unavailable(FaultSource::storage, what);
      case 5: throw Fault::unavailable(FaultSource::storage, what);
      case 6: throw FaultException(Fault(FaultSource::storage, Fate::not_applied, what));
      case 7: throw std::runtime_error(what);
      case 8: throw 7;
      case 9: throw std::bad_alloc();
      case 10: return ApiError::ecosystem_invalid();
      case 11: return Insertion::replayed;
      default: return Insertion::key_reused;
    }
  }
};
constexpr int ways = 13;

Request good_request() {
  Request request{"POST", "/api/clients", {}, R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})"};
  request.fields.add("authorization", contract::account_token);
  request.fields.add("content-type", "application/json");
  return request;
}

/// What an observer of an endpoint is informed of, but the times.
bool same(const test::Event& a, const test::Event& b) {
  return a.route == b.route && a.method == b.method && a.request_id == b.request_id && a.traceparent == b.traceparent &&
         a.status == b.status && a.code == b.code && a.fault.has_value() == b.fault.has_value() &&
         (!a.fault || (a.fault->source() == b.fault->source() && a.fault->fate() == b.fault->fate() &&
                       a.fault->what() == b.fault->what())) &&
         a.received == b.received && a.sent == b.sent;
}

/// What a server does with the steps of a handler, for one whole request.
template <class H>
Response in_steps(asio::io_context& context, H& handler, const Request& request) {
  RequestHead head(request.method, request.target);
  for (const HeaderField field : request.fields) head.add(field.name, field.value);
  Response response;
  typename H::Steps steps(handler);
  bool due = steps.head(head, request.fields.lines(), response);
  const std::string_view body = request.body;
  if (due) due = steps.body(body.substr(0, body.size() / 2), response);
  if (due) due = steps.finish(body.substr(body.size() / 2), response);
  if (!due) return response;
  if constexpr (AsyncHandler<H>) {
    bool called = false;
    steps.complete(response, test::Done(context, called));
    context.restart();
    context.run();
    CHECK(called);
  } else {
    steps.complete(response);
  }
  return response;
}

}  // namespace

TEST_CASE("a coroutine creates what a blocking call creates, for every draft, with and without a key") {
  World there;
  Memory store(there.storage);
  compare_drafts(there, store);
}

TEST_CASE("a store of blocking calls creates what its storage creates, for every draft, with and without a key") {
  World there;
  asio::thread_pool threads(2);
  auto store = blocking_store(there.storage, threads.get_executor());
  compare_drafts(there, store);
}

TEST_CASE("coroutines and threads that create at the same time get ids of their own, and all are stored") {
  MemoryStorage storage;
  storage.add_ecosystem(active);
  FixedClock clock(*Timestamp::parse("2018-02-28T15:16:58.941Z"));
  ObjectIds ids;
  asio::thread_pool blocking(3);
  asio::thread_pool coroutines(2);
  auto store = blocking_store(storage, blocking.get_executor());
  std::atomic<int> created{0};
  const auto create = [&]() -> asio::awaitable<void> {
    for (int i = 0; i != 25; ++i) {
      auto creation = async_create_client(store, clock, ids, ClientDraft(active, ClientType::server));
      const auto client = co_await std::move(creation);
      if (client.has_value() && storage.find_client(client.assume_value().id())) ++created;
    }
  };
  for (int i = 0; i != 20; ++i) test::spawn(coroutines, create());
  std::thread thread([&] {
    for (int i = 0; i != 500; ++i) {
      if (create_client(storage, clock, ids, ClientDraft(active, ClientType::server)).has_value()) ++created;
    }
  });
  coroutines.join();
  thread.join();
  CHECK(created == 1000);
}

TEST_CASE("texts are refused with the same violations, and need not outlive the call") {
  for (const char* const type : {"server", "gateway"}) {
    for (const char* const ecosystem : {"C594b89aea18568c408c3ad24", "C594b89aea18568c408c3ad25", "x", ""}) {
      World here;
      const auto blocking =
          create_client(here.storage, here.clock, here.ids, {.ecosystem_id = ecosystem, .type = type});
      World there;
      Memory store(there.storage);
      std::optional<asio::awaitable<Outcome<Client>>> creation;
      {
        const std::string text(ecosystem);
        creation.emplace(async_create_client(store, there.clock, there.ids, {.ecosystem_id = text, .type = type}));
      }
      CHECK(test::same(blocking, run(*std::move(creation))));
    }
  }
  World there;
  Memory store(there.storage);
  const auto key = *IdempotencyKey::parse("k");
  const ClientParameters good{.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server"};
  CHECK_FALSE(run(async_create_client(store, there.clock, there.ids, good, key)).value().replayed);
  CHECK(run(async_create_client(store, there.clock, there.ids, good, key)).value().replayed);
}

TEST_CASE("what a storage returns or throws is the same outcome, whichever way it is called") {
  asio::thread_pool threads(1);
  for (int way = 0; way != ways; ++way) {
    CAPTURE(way);
    const ClientDraft draft(active, ClientType::server);
    World here;
    World there;
    World elsewhere;
    Misbehaving blocking{way};
    Misbehaving async{way};
    Misbehaving on_threads{way};
    test::AsyncStore<Misbehaving> store(async);
    auto store_on_threads = blocking_store(on_threads, threads.get_executor());
    const auto expected = create_client(blocking, here.clock, here.ids, draft);
    const auto by_coroutine = run(async_create_client(store, there.clock, there.ids, draft));
    const auto by_threads = run(async_create_client(store_on_threads, elsewhere.clock, elsewhere.ids, draft));
    for (const auto* const outcome : {&by_coroutine, &by_threads}) {
      CHECK(test::same(expected, *outcome));
      if (!expected.has_exception()) continue;
      CHECK(outcome->assume_exception().source() == expected.assume_exception().source());
      CHECK(outcome->assume_exception().status() == expected.assume_exception().status());
      CHECK(outcome->assume_exception().what() == expected.assume_exception().what());
    }
    CHECK(blocking.calls == async.calls);
    CHECK(blocking.calls == on_threads.calls);
  }
}

TEST_CASE("an async endpoint responds as an endpoint does, to the byte, in every case of the contract") {
  asio::io_context context;
  int number = 0;
  for (const contract::Case& one : contract::read_cases()) {
    const Request request = one.request();
    contract::World world;
    const Response expected = world.endpoint.handle(request);

    contract::World whole;
    test::AsyncStore<contract::Storage> whole_store(whole.storage);
    AsyncEndpoint whole_endpoint(whole_store, whole.access, whole.clock, whole.ids);
    std::optional<asio::awaitable<Response>> handling;
    handling.emplace(whole_endpoint.handle(Request(request)));  // a temporary
    const bool good = run(*std::move(handling)) == expected && whole.storage.clients == world.storage.clients;
    if (!good) FAIL_CHECK(one.where << ": another response");

    contract::World steps;
    test::AsyncStore<contract::Storage> steps_store(steps.storage);
    AsyncEndpoint steps_endpoint(steps_store, steps.access, steps.clock, steps.ids);
    if (in_steps(context, steps_endpoint, request) != expected) FAIL_CHECK(one.where << ": another response in steps");
    CHECK(steps.storage.clients == world.storage.clients);
    ++number;
  }
  CHECK(number > 500);
}

TEST_CASE("an async endpoint takes keys where an endpoint does") {
  for (const bool on : {false, true}) {
    World here;
    World there;
    Memory store(there.storage);
    const EndpointOptions options{.idempotency_keys = on};
    Endpoint blocking(here.storage, here.access, here.clock, here.ids, options);
    AsyncEndpoint async(store, there.access, there.clock, there.ids, options);
    CHECK(async.options().idempotency_keys == on);
    asio::io_context context;
    std::vector<int> statuses;
    for (const char* const key : {"k", "k", "\"k\"", "", "\"", "other"}) {
      for (const char* const type : {"server", "application"}) {
        Request request{"POST", "/api/clients", {}, R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":")"};
        request.body.append(type).append("\"}");
        request.fields.add("authorization", "token");
        request.fields.add("content-type", "application/json");
        request.fields.add("idempotency-key", key);
        const Response expected = blocking.handle(request);
        CHECK(run(async.handle(request)) == expected);
        statuses.push_back(expected.status);
        CHECK(in_steps(context, async, request) == blocking.handle(request));
      }
    }
    if (on) CHECK(statuses == std::vector{201, 422, 201, 422, 201, 422, 400, 400, 400, 400, 201, 422});
  }
  World world;
  Coroutine without_keys;
  AsyncEndpoint endpoint(without_keys, world.access, world.clock, world.ids, {.idempotency_keys = true});
  CHECK_FALSE(endpoint.options().idempotency_keys);
}

TEST_CASE("an async endpoint responds to faults as an endpoint does") {
  asio::io_context context;
  for (int way = 0; way != ways; ++way) {
    CAPTURE(way);
    contract::World world;
    Misbehaving blocking{way};
    Endpoint endpoint(blocking, world.access, world.clock, world.ids);
    const Response expected = endpoint.handle(good_request());

    Misbehaving storage{way};
    test::AsyncStore<Misbehaving> store(storage);
    AsyncEndpoint async(store, world.access, world.clock, world.ids);
    CHECK(run(async.handle(good_request())) == expected);
    storage.calls = 0;
    CHECK(in_steps(context, async, good_request()) == expected);
  }
}

TEST_CASE("every request to an async endpoint is observed once, as one to an endpoint is") {
  asio::io_context context;
  std::vector<Request> requests(6, good_request());
  requests[1].method = "PUT";
  requests[2].method = "OPTIONS";
  requests[3].target = "/elsewhere";
  requests[4].body = "{}";
  requests[5].fields.add("idempotency-key", "a");
  for (Request& request : requests) {
    request.fields.add("x-request-id", "id-1");
    request.fields.add("traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01");
    for (int way = 0; way != ways; ++way) {
      CAPTURE(request.method, request.target, way);
      contract::World world;
      test::Recording expected;
      Misbehaving blocking{way};
      Endpoint endpoint(blocking, world.access, world.clock, world.ids, {}, expected);
      endpoint.handle(request);
      blocking.calls = 0;
      in_steps(context, endpoint, request);
      REQUIRE(expected.requests().size() == 2);

      test::Recording observed;
      Misbehaving storage{way};
      test::AsyncStore<Misbehaving> store(storage);
      AsyncEndpoint async(store, world.access, world.clock, world.ids, {}, observed);
      run(async.handle(request));
      storage.calls = 0;
      in_steps(context, async, request);
      REQUIRE(observed.requests().size() == 2);
      for (const std::size_t i : {0U, 1U}) {
        CHECK(same(observed.requests()[i], expected.requests()[i]));
        CHECK(observed.requests()[i].nanoseconds == 1);
      }
    }
  }
}

TEST_CASE("a request whose coroutine is destroyed before it has responded is observed as one without a response") {
  contract::World world;
  test::AsyncStore<contract::Storage> store(world.storage);
  test::Recording observer;
  AsyncEndpoint endpoint(store, world.access, world.clock, world.ids, {}, observer);
  Request request = good_request();
  request.fields.add("x-request-id", "id-1");
  static_cast<void>(endpoint.handle(request));  // never awaited
  CHECK(observer.requests().size() == 1);
  for (const bool in_steps : {false, true}) {
    const std::size_t before = observer.requests().size();
    Response response;
    bool called = false;
    decltype(endpoint)::Steps steps(endpoint);
    {
      asio::io_context context;
      if (in_steps) {
        RequestHead head(request.method, request.target);
        for (const HeaderField field : request.fields) head.add(field.name, field.value);
        REQUIRE(steps.head(head, request.fields.lines(), response));
        REQUIRE(steps.finish(request.body, response));
        steps.complete(response, test::Done(context, called));
      } else {
        const auto all = [&]() -> asio::awaitable<void> {
          auto handling = endpoint.handle(request);
          static_cast<void>(co_await std::move(handling));
          called = true;
        };
        test::spawn(context, all());
        context.poll_one();
      }
      context.poll_one();
      CHECK(observer.events().size() == 2 * before + 1);  // it works
    }
    CHECK_FALSE(called);
    REQUIRE(observer.requests().size() == before + 1);
  }
  for (const test::Event& event : observer.requests()) {
    CHECK(event.request_id == "id-1");
    CHECK(event.status == 0);
    CHECK(event.received == request.body.size());
    CHECK(event.sent == 0);
    CHECK_FALSE(event.fault);
  }
}
