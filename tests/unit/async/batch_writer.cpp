// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/async/batch_writer.hpp>

#include "support/catch.hpp"
#include "support/sqlite.hpp"
#include "support/thread_allocations.hpp"
#include "support/written.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>
#include <span>
#include <thread>
#include <vector>

using namespace droplit;

namespace {

Client client_of(std::uint32_t n) {
  return {test::numbered_id(n), Timestamp::clamp_unix_millis(n), EcosystemId({}), ClientType::server};
}

/// Notes its batches, each of which waits until `go` has been released for it. A client whose number is a multiple of
/// three is `id_taken`.
struct Gated {
  Outcome<Insertion> insert(const Client&) { return Insertion::inserted; }
  void insert_all(std::span<BatchInsert* const> inserts) noexcept {
    begun.release();
    go.acquire();
    const std::lock_guard lock(mutex);
    std::vector<std::int64_t> batch;
    for (BatchInsert* const each : inserts) {
      batch.push_back(each->client.created_at().unix_millis());
      each->outcome = batch.back() % 3 == 0 ? Insertion::id_taken : Insertion::inserted;
    }
    batches.push_back(batch);
  }

  std::counting_semaphore<> begun{0};
  std::counting_semaphore<> go{0};
  std::mutex mutex;
  std::vector<std::vector<std::int64_t>> batches;
};

/// Says at once that each client is inserted, and that it was asked.
struct Free {
  Outcome<Insertion> insert(const Client&) { return Insertion::inserted; }
  void insert_all(std::span<BatchInsert* const> inserts) noexcept {
    for (BatchInsert* const each : inserts) each->outcome = Insertion::inserted;
    inserted += inserts.size();
  }
  std::atomic<std::size_t> inserted{0};
};

/// An insert that owns its client and counts its completion.
struct Counted : QueuedInsert {
  Counted(std::uint32_t n, std::atomic<int>& count, Completion done = counts)
      : QueuedInsert(own, nullptr, done), own(client_of(n)), completions(count) {}
  static void counts(QueuedInsert& insert) noexcept { ++static_cast<Counted&>(insert).completions; }
  Client own;
  std::atomic<int>& completions;
};

}  // namespace

TEST_CASE("what is queued while a batch is in progress is the next one, in its order and up to the longest batch") {
  Gated storage;
  std::deque<test::AwaitedInsert> inserts;
  std::vector<Client> clients;
  for (std::uint32_t n = 1; n != 9; ++n) clients.push_back(client_of(n));
  for (const Client& each : clients) inserts.emplace_back(each);
  BatchWriter writer(storage, {.max_batch = 4});
  writer.insert(inserts[0]);
  storage.begun.acquire();
  for (std::size_t i = 1; i != inserts.size(); ++i) writer.insert(inserts[i]);
  storage.go.release(3);
  for (auto& each : inserts) each.wait();
  CHECK(storage.batches == std::vector<std::vector<std::int64_t>>{{1}, {2, 3, 4, 5}, {6, 7, 8}});
  for (std::size_t i = 0; i != inserts.size(); ++i) {
    CHECK(inserts[i].outcome.value() == ((i + 1) % 3 == 0 ? Insertion::id_taken : Insertion::inserted));
  }
}

TEST_CASE("an insert is completed once, after its batch, and not before") {
  Gated storage;
  std::atomic<int> completions{0};
  Counted a(1, completions);
  Counted b(2, completions);
  {
    BatchWriter writer(storage);
    writer.insert(a);
    storage.begun.acquire();
    writer.insert(b);
    CHECK(completions == 0);
    storage.go.release();
    storage.begun.acquire();  // that of the second batch
    CHECK(completions == 1);
    storage.go.release();
  }
  CHECK(completions == 2);
}

TEST_CASE("a writer that ends has done all that was queued, and one that was stopped refuses what comes then") {
  Gated storage;
  std::atomic<int> completions{0};
  std::deque<Counted> queued;
  for (std::uint32_t n = 1; n != 8; ++n) queued.emplace_back(n, completions);
  Counted late(8, completions);
  {
    BatchWriter writer(storage, {.max_batch = 2});
    for (Counted& each : queued) writer.insert(each);
    storage.begun.acquire();
    writer.stop();
    writer.insert(late);
    CHECK(completions == 1);
    CHECK(late.outcome.assume_exception().fate() == Fate::not_applied);
    CHECK(late.outcome.assume_exception().status() == 503);
    storage.go.release(8);
  }
  CHECK(completions == 8);
  for (std::size_t i = 0; i != queued.size(); ++i) CHECK(queued[i].outcome.has_value());
}

TEST_CASE("an insert may be queued again or destroyed when it is completed") {
  struct Again : Counted {
    explicit Again(BatchWriter<Free>& w, std::uint32_t n, std::atomic<int>& count)
        : Counted(n, count, has_inserted), writer(w) {}
    static void has_inserted(QueuedInsert& insert) noexcept {
      auto* const self = &static_cast<Again&>(insert);
      ++self->completions;
      if (--self->left != 0) return self->writer.insert(*self);
      delete self;
    }
    BatchWriter<Free>& writer;
    int left = 3;
  };
  Free storage;
  std::atomic<int> completions{0};
  {
    BatchWriter writer(storage);
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t != 3; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint32_t n = 0; n != 200; ++n) writer.insert(*new Again(writer, t * 1000 + n, completions));
      });
    }
    for (std::thread& thread : threads) thread.join();
    while (completions != 1800) std::this_thread::yield();  // what is queued again after the end is refused
  }
  CHECK(storage.inserted == 1800);
}

TEST_CASE("two threads of a writer have a batch in progress each") {
  Gated storage;
  std::atomic<int> completions{0};
  BatchWriter writer(storage, {.threads = 2, .max_batch = 1});
  for (int round = 1; round != 51; ++round) {
    Counted a(1, completions);
    Counted b(2, completions);
    Counted c(4, completions);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // usually both sleep then, and must be woken
    writer.insert(a);
    writer.insert(b);
    writer.insert(c);
    storage.begun.acquire();
    storage.begun.acquire();  // both are in the storage now
    storage.go.release(3);
    storage.begun.acquire();
    while (completions != 3 * round) std::this_thread::yield();
  }
  CHECK(storage.batches.size() == 150);
}

TEST_CASE("an option out of range is the nearest in it") {
  Free storage;
  BatchWriter writer(storage, {.threads = 0, .max_batch = 0});
  const Client mine = client_of(1);
  test::AwaitedInsert insert(mine);
  writer.insert(insert);
  insert.wait();
  CHECK(insert.outcome.value() == Insertion::inserted);
}

TEST_CASE("queuing, inserting and completing take no memory") {
  struct Watched : Counted {
    Watched(std::uint32_t n, std::atomic<int>& count) : Counted(n, count, has_inserted) {}
    static void has_inserted(QueuedInsert& insert) noexcept {
      static_cast<Watched&>(insert).taken = test::allocations;  // of the writer's thread
      counts(insert);
    }
    std::size_t taken = 1;
  };
  Free storage;
  std::atomic<int> completions{0};
  std::deque<Watched> inserts;
  for (std::uint32_t n = 1; n != 100; ++n) inserts.emplace_back(n, completions);
  {
    BatchWriter writer(storage, {.max_batch = 8});
    const std::size_t before = test::allocations;
    for (Watched& each : inserts) writer.insert(each);
    CHECK(test::allocations == before);
  }
  CHECK(completions == 99);
  for (const Watched& each : inserts) CHECK(each.taken == 0);
}
