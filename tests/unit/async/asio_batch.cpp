// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Coroutines that create through a `BatchWriter`.
#include <droplit/async/asio.hpp>
#include <droplit/async/batch_writer.hpp>
#include <droplit/create_client.hpp>
#include <droplit/storage/memory.hpp>

#include "support/async.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <future>
#include <optional>
#include <span>
#include <thread>
#include <utility>

using namespace droplit;
namespace asio = boost::asio;
using test::active;

namespace {

/// Inserts the members of a batch one by one, after `gate` has a value.
struct Batches {
  MemoryStorage storage;
  std::shared_future<void> gate;
  std::atomic<std::size_t> calls{0};
  std::atomic<bool> begun{false};

  Batches() { storage.add_ecosystem(active); }
  Insertion insert(const Client& client) { return storage.insert(client); }
  KeyedInsertion insert_once(const Client& client, const IdempotencyKey& key) {
    return storage.insert_once(client, key);
  }
  void insert_all(std::span<BatchInsert* const> inserts) noexcept {
    ++calls;
    begun = true;
    if (gate.valid()) gate.wait();
    for (BatchInsert* const each : inserts) {
      if (each->key != nullptr) each->outcome = storage.insert_once(each->client, *each->key);
      if (each->key == nullptr) each->outcome = KeyedInsertion(storage.insert(each->client));
    }
  }
};

static_assert(BatchStorage<Batches>);
static_assert(AsyncKeyedStorage<BatchStore<Batches>> && !Storage<BatchStore<Batches>>);

}  // namespace

TEST_CASE(
    "coroutines that create through a writer share batches, with and without keys, and are resumed on their own") {
  Batches batches;
  std::promise<void> open;
  batches.gate = open.get_future().share();
  SystemClock clock;
  ObjectIds ids;
  asio::io_context context;
  int created = 0;
  int replayed = 0;
  int refused = 0;
  const auto here = std::this_thread::get_id();
  bool elsewhere = false;
  {
    BatchWriter writer(batches);
    auto store = batch_store(writer);
    const auto create = [&](EcosystemId ecosystem) -> asio::awaitable<void> {
      auto creation = async_create_client(store, clock, ids, ClientDraft(ecosystem, ClientType::server));
      const auto client = co_await std::move(creation);
      elsewhere = elsewhere || std::this_thread::get_id() != here;
      if (client.has_error()) ++refused;
      if (client && batches.storage.find_client(client.value().id()) == client.value()) ++created;
    };
    const auto create_once = [&]() -> asio::awaitable<void> {
      auto creation = async_create_client(store, clock, ids, ClientDraft(active, ClientType::server),
                                          IdempotencyKey::parse("k").value());
      const auto client = co_await std::move(creation);
      if (client.value().replayed) ++replayed;
    };
    for (int i = 0; i != 30; ++i) test::spawn(context, create(active));
    for (int i = 0; i != 3; ++i) test::spawn(context, create_once());
    test::spawn(context, create(EcosystemId({1})));
    while (context.poll_one() != 0) {
    }
    CHECK(created == 0);
    open.set_value();
    context.run();
  }
  CHECK(created == 30);
  CHECK(replayed == 2);
  CHECK(refused == 1);
  CHECK_FALSE(elsewhere);
  CHECK(batches.calls <= 2);
}

TEST_CASE("a coroutine that is cancelled while its insert is queued gets the result, which is true") {
  Batches batches;
  std::promise<void> open;
  batches.gate = open.get_future().share();
  SystemClock clock;
  ObjectIds ids;
  asio::io_context context;
  BatchWriter writer(batches);
  auto store = batch_store(writer);
  asio::cancellation_signal cancel;
  std::optional<Outcome<Client>> outcome;
  const auto create = [&]() -> asio::awaitable<void> {
    auto creation = async_create_client(store, clock, ids, ClientDraft(active, ClientType::server));
    auto client = co_await std::move(creation);
    outcome = std::move(client);
  };
  asio::co_spawn(context, create(), asio::bind_cancellation_slot(cancel.slot(), [](const std::exception_ptr&) {}));
  while (!batches.begun) context.poll();
  cancel.emit(asio::cancellation_type::terminal);
  open.set_value();
  context.run();
  REQUIRE(outcome);
  CHECK(batches.storage.find_client(outcome->value().id()) == outcome->value());
}

TEST_CASE("after a writer has stopped a coroutine gets a fault that was not applied") {
  Batches batches;
  SystemClock clock;
  ObjectIds ids;
  asio::io_context context;
  BatchWriter writer(batches);
  writer.stop();
  auto store = batch_store(writer);
  std::optional<Outcome<Client>> outcome;
  const auto create = [&]() -> asio::awaitable<void> {
    auto creation = async_create_client(store, clock, ids, ClientDraft(active, ClientType::server));
    auto client = co_await std::move(creation);
    outcome = std::move(client);
  };
  test::spawn(context, create());
  context.run();
  REQUIRE(outcome);
  REQUIRE(outcome->has_exception());
  CHECK(outcome->exception().fate() == Fate::not_applied);
  CHECK(batches.calls == 0);
}

TEST_CASE("threads of coroutines create through a writer with several threads, and all are stored") {
  Batches batches;
  SystemClock clock;
  ObjectIds ids;
  asio::thread_pool coroutines(2);
  BatchWriter writer(batches, {.threads = 2, .max_batch = 8});
  auto store = batch_store(writer);
  std::atomic<int> created{0};
  const auto create = [&]() -> asio::awaitable<void> {
    for (int i = 0; i != 25; ++i) {
      auto creation = async_create_client(store, clock, ids, ClientDraft(active, ClientType::server));
      const auto client = co_await std::move(creation);
      if (client.has_value() && batches.storage.find_client(client.assume_value().id())) ++created;
    }
  };
  for (int i = 0; i != 20; ++i) test::spawn(coroutines, create());
  coroutines.join();
  CHECK(created == 500);
}
