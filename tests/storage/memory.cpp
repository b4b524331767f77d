// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/storage/memory.hpp>

#include <droplit/testing/storage_contract.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace droplit;

namespace {

thread_local int allocations_left = -1;  // below zero: as many as there are

constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr EcosystemId elsewhere = "C594b89aea18568c408c3ad00"_ecosystem_id;

Client client(std::uint32_t n) {
  ClientId::Bytes bytes{};
  for (std::size_t i = 0; i != 4; ++i) bytes[11 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  const auto text = Text::parse(std::string(64, 'x'));
  return {ClientId(bytes), Timestamp::clamp_unix_millis(n), home, ClientType::server, text, text};
}

static_assert(!std::is_copy_constructible_v<MemoryStorage>);
static_assert(!std::is_move_constructible_v<MemoryStorage>);
static_assert(!Storage<const MemoryStorage>);
static_assert(TestableStorage<MemoryStorage>);

}  // namespace

// Not inlined, or g++ takes malloc and free for a mismatch with new and delete.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (allocations_left == 0) return nullptr;
  if (allocations_left > 0) --allocations_left;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("a MemoryStorage keeps the contract of storages") {
  std::vector<std::string> broken;
  for (const FailedCheck& each : check_storage_contract([] { return MemoryStorage(); }))
    broken.push_back(each.sentence);
  CHECK(broken == std::vector<std::string>());
}

TEST_CASE("a MemoryStorage tells the state of an ecosystem, and asking makes none") {
  MemoryStorage storage;
  CHECK(storage.find_ecosystem(home) == Ecosystem(home, EcosystemState::unknown));
  CHECK(storage.find_ecosystem(home) == Ecosystem(home, EcosystemState::unknown));
  storage.add_ecosystem(home);
  CHECK(storage.find_ecosystem(home) == Ecosystem(home, EcosystemState::active));
  CHECK(storage.find_ecosystem(elsewhere) == Ecosystem(elsewhere, EcosystemState::unknown));
  storage.delete_ecosystem(home);
  CHECK(storage.find_ecosystem(home) == Ecosystem(home, EcosystemState::deleted));
}

TEST_CASE("an allocation that fails leaves a MemoryStorage as it was, whichever it is") {
  MemoryStorage storage;
  storage.add_ecosystem(home);
  std::uint32_t n = 0;
  for (; n != 2000; ++n) {  // past several growths of the tables
    const Client next = client(n);
    for (int allocations = 0;; ++allocations) {
      bool failed = false;
      allocations_left = allocations;
      try {
        if (storage.insert(next) != Insertion::kept) std::abort();
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      allocations_left = -1;
      if (!failed) break;
      if (storage.find_client(next.id())) FAIL("a client is there whose insert threw");
    }
  }
  for (std::uint32_t i = 0; i != n; ++i) {
    if (storage.find_client(client(i).id()) != client(i)) FAIL("a client is gone or changed");
  }

  allocations_left = 0;
  CHECK_THROWS_AS(storage.add_ecosystem(elsewhere), std::bad_alloc);
  allocations_left = 0;
  const EcosystemState before = storage.delete_ecosystem(home);  // which needs no memory
  allocations_left = -1;
  CHECK(before == EcosystemState::active);
  CHECK(storage.find_ecosystem(elsewhere).state() == EcosystemState::unknown);
  CHECK(storage.add_ecosystem(elsewhere) == EcosystemState::active);
}

TEST_CASE("a deletion gets its turn, however many threads go on inserting") {
  MemoryStorage storage;
  storage.add_ecosystem(home);
  storage.add_ecosystem(elsewhere);
  std::atomic<bool> stop = false;
  std::atomic<std::uint32_t> next = 0;
  std::chrono::steady_clock::duration total{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t != 8; ++t) {
      threads.emplace_back([&] {
        while (!stop) storage.insert(client(next++ % 4096));
      });
    }
    while (next < 10000) std::this_thread::yield();
    for (std::uint8_t n = 0; n != 50; ++n) {
      EcosystemId::Bytes bytes{};
      bytes[0] = n;
      const auto begin = std::chrono::steady_clock::now();
      storage.add_ecosystem(EcosystemId(bytes));
      storage.delete_ecosystem(EcosystemId(bytes));
      total += std::chrono::steady_clock::now() - begin;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    stop = true;
  }
  CHECK(total < std::chrono::seconds(10));  // milliseconds; without a gate for readers it was a minute
}
