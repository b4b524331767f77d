// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Law: wherever a coroutine is cancelled or destroyed, it leaks nothing, says the right fate, and the store has the
// client whole or not at all. One thread runs everything, one handler after the other, and stops before each of them.
#include <droplit/async/asio.hpp>

#include "support/async.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

using namespace droplit;
namespace asio = boost::asio;
using test::active, test::World;

namespace {

const IdempotencyKey key = *IdempotencyKey::parse("k");

/// A store with a timer before and after what it does, which cancellation ends by an exception.
class TimerStore {
 public:
  TimerStore(MemoryStorage& storage, asio::io_context&) : storage_(storage) {}

  asio::awaitable<Insertion> insert(const Client& client) {
    co_await pause();
    const Insertion insertion = storage_.insert(client);
    co_await pause();
    co_return insertion;
  }
  asio::awaitable<KeyedInsertion> insert_once(const Client& client, const IdempotencyKey& once) {
    co_await pause();
    KeyedInsertion insertion = storage_.insert_once(client, once);
    co_await pause();
    co_return std::move(insertion);
  }

 private:
  static asio::awaitable<void> pause() {
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::steady_clock::time_point());
    co_await timer.async_wait(asio::use_awaitable);
  }

  MemoryStorage& storage_;
};

/// A store that pays no heed to cancellation.
struct HeedlessStore : test::AsyncStore<MemoryStorage> {
  HeedlessStore(MemoryStorage& storage, asio::io_context&) : AsyncStore(storage) {}
};

using Workers = asio::io_context::executor_type;
struct StoreOnWorkers : BlockingStore<MemoryStorage, Workers> {
  StoreOnWorkers(MemoryStorage& storage, asio::io_context& workers) : BlockingStore(storage, workers.get_executor()) {}
};

constexpr std::uint32_t free_id = 2;  // of the ids in order, the first is taken

/// A world in which a create has to try two ids, and what runs it.
template <class Store>
struct Stage {
  Stage() {
    static_cast<void>(create_client(world.storage, world.clock, world.ids, ClientDraft(active, ClientType::server)));
    world.ids.count = 0;
  }

  /// Runs one handler; false if there is none.
  bool step() {
    context.restart();
    workers.restart();
    return context.poll_one() != 0 || workers.poll_one() != 0;
  }

  /// Runs `count` handlers; false if there are not as many.
  bool steps(int count) {
    for (int i = 0; i != count; ++i) {
      if (!step()) return false;
    }
    return true;
  }

  void finish() {
    while (step()) {
    }
  }

  /// The client of the second id, if it was stored.
  std::optional<Client> stored() {
    test::OrderedIds ids{free_id - 1};
    return world.storage.find_client(ids.next(world.clock.now()));
  }

  /// Whether the store has nothing of the draft, or all.
  bool is_whole() {
    const auto client = stored();
    if (!client) return true;
    return client->has_same_draft(
        Client(client->id(), client->created_at(), active, ClientType::server, name(), description()));
  }

  static Text name() { return *Text::parse("Lobby"); }
  static Text description() { return *Text::parse(std::string(100, 'd')); }
  static ClientDraft draft() { return ClientDraft(active, ClientType::server, name(), description()); }

  World world;
  asio::io_context context;
  asio::io_context workers;  // destroyed before the coroutine's context
  Store store{world.storage, workers};
  asio::cancellation_signal signal;
};

/// What came of a create.
struct Result {
  std::optional<Outcome<Client>> outcome;
  std::exception_ptr error;
  bool ended = false;
};

/// Creates in `stage`, with or without a key. `witness` lives as long as the coroutine.
template <class Store>
asio::awaitable<void> create(Stage<Store>& stage, bool keyed, Result& result, std::shared_ptr<int> witness) {
  static_cast<void>(witness);
  World& world = stage.world;
  if (keyed) {
    auto creation = async_create_client(stage.store, world.clock, world.ids, stage.draft(), key);
    auto outcome = co_await std::move(creation);
    if (outcome.has_value()) {
      result.outcome.emplace(std::move(outcome).assume_value().client);
    } else {
      result.outcome.emplace(std::move(outcome).as_failure());
    }
  } else {
    auto creation = async_create_client(stage.store, world.clock, world.ids, stage.draft());
    auto outcome = co_await std::move(creation);
    result.outcome.emplace(std::move(outcome));
  }
}

template <class Store>
std::weak_ptr<int> start(Stage<Store>& stage, bool keyed, Result& result) {
  auto witness = std::make_shared<int>();
  const std::weak_ptr<int> alive = witness;
  asio::co_spawn(stage.context, create(stage, keyed, result, std::move(witness)),
                 asio::bind_cancellation_slot(stage.signal.slot(), [&result](const std::exception_ptr& error) {
                   result.error = error;
                   result.ended = true;
                 }));
  return alive;
}

bool is_aborted(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& thrown) {
    return thrown.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

struct Fates {
  int values = 0;
  int not_applied = 0;
  int maybe_applied = 0;
  int maybe_but_stored = 0;
  int thrown = 0;
};

/// Cancels after the first handler, the second and so on, and returns what became of each.
template <class Store>
Fates cancel_everywhere(bool keyed) {
  Fates fates;
  for (int count = 0;; ++count) {
    CAPTURE(keyed, count);
    Stage<Store> stage;
    Result result;
    const auto alive = start(stage, keyed, result);
    const bool all = stage.steps(count);
    stage.signal.emit(asio::cancellation_type::terminal);
    stage.finish();
    CHECK(result.ended);
    CHECK(alive.expired());
    CHECK(stage.is_whole());
    const auto stored = stage.stored();
    if (result.error) {  // cancelled before the call, which never began
      CHECK(is_aborted(result.error));
      CHECK_FALSE(stored);
      ++fates.thrown;
    } else if (result.outcome->has_value()) {
      CHECK(result.outcome->assume_value() == stored);
      ++fates.values;
    } else {
      REQUIRE(result.outcome->has_exception());
      if (result.outcome->assume_exception().fate() == Fate::maybe_applied) {
        ++fates.maybe_applied;
        fates.maybe_but_stored += stored.has_value();
      } else {
        CHECK_FALSE(stored);
        ++fates.not_applied;
      }
    }
    if (!all) return fates;
  }
}

/// Destroys all that runs the coroutine after the first handler, the second and so on.
template <class Store>
void destroy_everywhere(bool keyed) {
  int stored = 0;
  for (int count = 0;; ++count) {
    CAPTURE(keyed, count);
    std::optional<Stage<Store>> stage(std::in_place);
    Result result;
    const auto alive = start(*stage, keyed, result);
    stage->steps(count);
    CHECK(stage->is_whole());
    stored += stage->stored().has_value();
    stage.reset();
    CHECK(alive.expired());
    if (!result.ended) continue;
    CHECK(count >= 5);
    CHECK(stored > 1);
    return;
  }
}

}  // namespace

TEST_CASE("a coroutine that is cancelled anywhere leaks nothing, says the right fate, and stores all or nothing") {
  for (const bool keyed : {false, true}) {
    const Fates by_timer = cancel_everywhere<TimerStore>(keyed);
    CHECK(by_timer.maybe_applied > by_timer.maybe_but_stored);
    CHECK(by_timer.maybe_but_stored > 0);
    CHECK(by_timer.values > 0);
    const Fates heedless = cancel_everywhere<HeedlessStore>(keyed);
    CHECK(heedless.values > 1);
    CHECK(heedless.not_applied > 0);  // after the id that was taken, before the next
    const Fates on_workers = cancel_everywhere<StoreOnWorkers>(keyed);
    CHECK(on_workers.maybe_applied == 0);
    CHECK(on_workers.not_applied > 1);
    CHECK(on_workers.values > 1);
  }
}

TEST_CASE("a coroutine that is destroyed anywhere leaks nothing and stores all or nothing") {
  for (const bool keyed : {false, true}) {
    destroy_everywhere<TimerStore>(keyed);
    destroy_everywhere<HeedlessStore>(keyed);
    destroy_everywhere<StoreOnWorkers>(keyed);
  }
}

TEST_CASE("a creation that is never awaited does nothing") {
  Stage<TimerStore> stage;
  World& world = stage.world;
  {
    const auto unused = async_create_client(stage.store, world.clock, world.ids, stage.draft());
    const auto keyed = async_create_client(stage.store, world.clock, world.ids, stage.draft(), key);
  }
  CHECK(world.ids.count == 0);
  CHECK_FALSE(stage.step());
}

TEST_CASE("a call that is cancelled while it waits for a thread ends at once, and is never made") {
  Stage<StoreOnWorkers> stage;
  Result result;
  start(stage, false, result);
  while (stage.context.poll_one() != 0) {
  }
  stage.signal.emit(asio::cancellation_type::terminal);
  stage.context.restart();
  while (stage.context.poll_one() != 0) {  // no worker runs
  }
  REQUIRE(result.outcome);
  const Fault& fault = result.outcome->exception();
  CHECK(fault.source() == FaultSource::storage);
  CHECK(fault.fate() == Fate::not_applied);
  CHECK(to_response(fault).status == 503);
  stage.finish();
  CHECK_FALSE(stage.stored());
}

TEST_CASE("an async endpoint that is cancelled anywhere responds with what is true of the store") {
  using Endpoint = AsyncEndpoint<TimerStore, test::OneToken, FixedClock, test::OrderedIds>;
  const std::string body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"Lobby"})";
  std::string statuses;
  for (int count = 0;; ++count) {
    CAPTURE(count);
    Stage<TimerStore> stage;
    Endpoint endpoint(stage.store, stage.world.access, stage.world.clock, stage.world.ids);
    RequestHead head("POST", "/api/clients");
    head.add("authorization", "token");
    head.add("content-type", "application/json");
    Endpoint::Steps steps(endpoint);
    Response response;
    REQUIRE(steps.head(head, {}, response));
    REQUIRE(steps.finish(body, response));
    bool called = false;
    steps.complete(response, test::Done(stage.context, called));
    const bool all = stage.steps(count);
    steps.cancel();
    stage.finish();
    const bool stored = stage.stored().has_value();
    if (!called) {  // cancelled before it began: a server's callback that is destroyed is a 500
      CHECK_FALSE(stored);
      continue;
    }
    if (response.status == 201) CHECK(stored);
    if (response.status == 503) CHECK_FALSE(stored);
    CHECK((response.status == 201 || response.status == 500 || response.status == 503));
    statuses += std::to_string(response.status) + ' ';
    if (!all) break;
  }
  CHECK(statuses.find("500 ") != std::string::npos);
  CHECK(statuses.ends_with("201 "));
}

TEST_CASE("cancelling while threads work gives the right fate") {
  World world;
  asio::thread_pool threads(2);
  auto store = blocking_store(world.storage, threads.get_executor());
  for (int round = 0; round != 300; ++round) {
    asio::io_context context;
    asio::cancellation_signal signal;
    std::optional<Outcome<Client>> outcome;
    const auto one = [&]() -> asio::awaitable<void> {
      auto creation = async_create_client(store, world.clock, world.ids, ClientDraft(active, ClientType::server));
      auto created_or_not = co_await std::move(creation);
      outcome.emplace(std::move(created_or_not));
    };
    asio::co_spawn(context, one(), asio::bind_cancellation_slot(signal.slot(), [](const std::exception_ptr&) {}));
    context.poll_one();
    for (int i = 0; i != round % 7; ++i) std::this_thread::yield();
    signal.emit(asio::cancellation_type::terminal);
    context.run();
    REQUIRE(outcome);
    test::OrderedIds same_id{world.ids.count - 1};
    const bool stored = world.storage.find_client(same_id.next(world.clock.now())).has_value();
    CHECK(outcome->has_value() == stored);
    if (!stored) CHECK(outcome->exception().fate() == Fate::not_applied);
  }
}
