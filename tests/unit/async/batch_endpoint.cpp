// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/async/batch_endpoint.hpp>

#include <droplit/endpoint.hpp>
#include <droplit/router.hpp>
#include <droplit/static_resource.hpp>
#include "support/catch.hpp"
#include "support/contract_cases.hpp"
#include "support/observers.hpp"
#include "support/written.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using namespace droplit;

/// The operator new of this program, which two threads use: it fails where it is set to.
namespace memory {

std::atomic<std::size_t> calls = 0;
std::atomic<std::size_t> fail_at = 0;  ///< the call that fails, counted from 1; 0 for none
std::atomic<bool> fail_on = false;     ///< whether those after it fail too

void* take(std::size_t size) noexcept {
  const std::size_t call = ++calls;
  if (fail_at != 0 && (call == fail_at || (fail_on && call > fail_at))) return nullptr;
  return std::malloc(size);
}

void* take_or_throw(std::size_t size) {
  if (void* const block = take(size)) return block;
  throw std::bad_alloc();
}

}  // namespace memory

void* operator new(std::size_t size) { return memory::take_or_throw(size); }
void* operator new[](std::size_t size) { return memory::take_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return memory::take(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return memory::take(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }

namespace {

using WorldBatches = test::OneByOne<contract::Storage>;
using WorldEndpoint = BatchEndpoint<WorldBatches, contract::Access, contract::Clock, contract::Ids>;
static_assert(AsyncHandler<WorldEndpoint> && ServedHandler<WorldEndpoint> && !Handler<WorldEndpoint>);
static_assert(RoutedHandler<WorldEndpoint>);
static_assert(AsyncHandler<Router<WorldEndpoint, StaticResource>> && !Handler<Router<WorldEndpoint, StaticResource>>);
static_assert(std::is_constructible_v<WorldEndpoint, BatchWriter<WorldBatches>&, contract::Access&, contract::Clock&,
                                      contract::Ids&>);
static_assert(!std::is_constructible_v<WorldEndpoint, BatchWriter<WorldBatches>&, contract::Access, contract::Clock&,
                                       contract::Ids&>);

/// What a server does with the steps of a handler, for one whole request. `on_due` is called before `complete`.
template <class H, class OnDue = void (*)()>
Response in_steps(
    H& handler, const Request& request, OnDue on_due = [] {}) {
  RequestHead head(request.method, request.target);
  for (const HeaderField field : request.fields) head.add(field.name, field.value);
  Response response;
  typename H::Steps steps(handler);
  bool due = steps.head(head, request.fields.lines(), response);
  const std::string_view body = request.body;
  if (due) due = steps.body(body.substr(0, body.size() / 2), response);
  if (due) due = steps.finish(body.substr(body.size() / 2), response);
  if (!due) return response;
  detail::reserve_for_fault(response);  // as a server has it
  response.status = 0;
  on_due();
  if constexpr (AsyncHandler<H>) {
    test::AwaitedDone::State state;
    steps.complete(response, test::AwaitedDone(state));
    if (!state.wait()) response.status = 0;
  } else {
    steps.complete(response);
  }
  return response;
}

/// What an observer of an endpoint is informed of, but the times.
bool same(const test::Event& a, const test::Event& b) {
  return a.route == b.route && a.method == b.method && a.request_id == b.request_id && a.traceparent == b.traceparent &&
         a.status == b.status && a.code == b.code && a.fault.has_value() == b.fault.has_value() &&
         (!a.fault || (a.fault->source() == b.fault->source() && a.fault->fate() == b.fault->fate() &&
                       a.fault->what() == b.fault->what())) &&
         a.received == b.received && a.sent == b.sent;
}

/// A storage that does at its first calls what a storage may do, in one of `ways` ways.
struct Misbehaving {
  int way = 0;
  int calls = 0;

  Outcome<Insertion> insert(const Client&) {
    const std::string what = "canary";
    switch (calls++ < 1 || way == 1 ? way : 0) {
      case 0: return Insertion::inserted;
      case 1:  // always
      case 2: return Insertion::id_taken;
      case 3: return Fault(FaultSource::storage, Fate::maybe_applied, what);
      case 4: return Fault::unavailable(FaultSource::storage, what);
      case 5: throw std::runtime_error(what);
      case 6: throw std::bad_alloc();
      case 7: return ApiError::ecosystem_invalid();
      case 8: return Insertion::replayed;
      case 9: return Insertion::ecosystem_deleted;
      default: return Insertion::key_reused;
    }
  }
};
constexpr int ways = 11;

/// The same with keys, and with replays of a client that is in fact there.
struct MisbehavingOnce : Misbehaving {
  Outcome<KeyedInsertion> insert_once(const Client& client, const IdempotencyKey&) {
    if (way == ways) return KeyedInsertion::replayed(client);
    const auto done = insert(client);
    if (!done) return done.as_failure();
    return KeyedInsertion(done.assume_value());
  }
};

/// Fails at the first call of `now`, or of `next`.
struct FailingClock : contract::Clock {
  bool fails = false;
  [[nodiscard]] Timestamp now() const {
    if (fails) throw std::runtime_error("canary");
    return contract::Clock::now();
  }
};
struct FailingIds : contract::Ids {
  bool fails = false;
  [[nodiscard]] Outcome<ClientId> next(Timestamp now) const {
    if (fails) return Fault(FaultSource::ids, Fate::not_applied, "canary");
    return contract::Ids::next(now);
  }
};

Request good_request() {
  Request request{"POST", "/api/clients", {}, R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})"};
  request.fields.add("authorization", contract::account_token);
  request.fields.add("content-type", "application/json");
  return request;
}

}  // namespace

TEST_CASE("a batch endpoint responds as an endpoint does, to the byte, in every case of the contract") {
  for (const bool keys : {false, true}) {
    int number = 0;
    for (const contract::Case& one : contract::read_cases(keys)) {
      const Request request = one.request();
      contract::World world(keys);
      const Response expected = world.endpoint.handle(request);

      contract::World there(keys);
      WorldBatches batches(there.storage);
      BatchWriter writer(batches);
      BatchEndpoint endpoint(writer, there.access, there.clock, there.ids, {.idempotency_keys = keys});
      CHECK(endpoint.options().idempotency_keys == keys);
      if (in_steps(endpoint, request) != expected) FAIL_CHECK(one.where << ": another response");
      const StaticResource other("/other", "text/plain", "other");
      Router router(other, endpoint);
      there.storage.clients.clear();
      const Response routed = in_steps(router, request);
      Router plain(other, world.endpoint);
      if (routed != plain.handle(request)) FAIL_CHECK(one.where << ": another response through a router");
      CHECK(there.storage.clients.size() == one.created());
      ++number;
    }
    CHECK(number > 500);
  }
}

TEST_CASE("a batch endpoint responds to faults as an endpoint does, tries other ids, and is observed alike") {
  for (const bool keyed : {false, true}) {
    for (int way = 0; way != ways + (keyed ? 1 : 0); ++way) {
      for (const bool clock_fails : {false, true}) {
        for (const bool ids_fail : {false, true}) {
          CAPTURE(keyed, way, clock_fails, ids_fail);
          contract::World world;
          FailingClock clock;
          FailingIds ids;
          clock.fails = clock_fails;
          ids.fails = ids_fail;
          const EndpointOptions options{.idempotency_keys = true};
          Request request = good_request();
          if (keyed) request.fields.add("idempotency-key", "k");
          request.fields.add("x-request-id", "id-1");

          MisbehavingOnce blocking{{way, 0}};
          test::Recording expected;
          Endpoint endpoint(blocking, world.access, clock, ids, options, expected);
          const Response right = in_steps(endpoint, request);

          MisbehavingOnce storage{{way, 0}};
          test::OneByOne batches(storage);
          test::Recording observed;
          {
            BatchWriter writer(batches);
            BatchEndpoint batch(writer, world.access, clock, ids, options, observed);
            CHECK(in_steps(batch, request) == right);
          }
          CHECK(storage.calls == blocking.calls);
          REQUIRE(observed.requests().size() == 1);
          CHECK(same(observed.requests()[0], expected.requests().at(0)));
        }
      }
    }
  }
}

TEST_CASE("a storage without keys takes none through a writer, and a stopped writer makes each create unavailable") {
  contract::World world;
  Misbehaving storage;
  test::OneByOne batches(storage);
  BatchWriter writer(batches);
  BatchEndpoint endpoint(writer, world.access, world.clock, world.ids, {.idempotency_keys = true});
  CHECK_FALSE(endpoint.options().idempotency_keys);
  CHECK(in_steps(endpoint, good_request()).status == 201);
  writer.stop();
  const Response response = in_steps(endpoint, good_request());
  CHECK(response.status == 503);
  REQUIRE(response.fault);
  CHECK(response.fault->fate() == Fate::not_applied);
}

TEST_CASE("whichever allocation fails, a create through a writer has a response, and the next one succeeds") {
  for (const bool lasting : {false, true}) {
    bool failed = true;
    for (std::size_t n = 1; failed; ++n) {
      CAPTURE(lasting, n);
      contract::World world;
      WorldBatches batches(world.storage);
      world.storage.clients.reserve(2);
      BatchWriter writer(batches);
      BatchEndpoint endpoint(writer, world.access, world.clock, world.ids);
      std::size_t before = 0;
      const Response response = in_steps(endpoint, good_request(), [&] {
        before = memory::calls;
        memory::fail_on = lasting;
        memory::fail_at = memory::calls + n;
      });
      memory::fail_at = 0;
      failed = memory::calls - before >= n;
      if (!failed) CHECK(response.status == 201);
      if (response.status == 201) CHECK(world.storage.clients.size() == 1);
      CHECK((response.status == 201 || response.status == 500));
      CHECK(in_steps(endpoint, good_request()).status == 201);  // and goes on
    }
  }
}
