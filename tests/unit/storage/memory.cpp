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
  CHECK(check_storage_contract([] { return MemoryStorage(); }));
}

TEST_CASE("a MemoryStorage returns the state of an ecosystem, and looking one up makes none") {
  MemoryStorage storage;
  CHECK(storage.find_ecosystem(home) == Ecosystem(home, EcosystemState::unknown));
  CHECK(storage.find_ecosystem(home) == Ecosystem(home, EcosystemState::unknown));
  storage.add_ecosystem(home);
  CHECK(storage.find_ecosystem(home) == Ecosystem(home, EcosystemState::active));
  CHECK(storage.find_ecosystem(elsewhere) == Ecosystem(elsewhere, EcosystemState::unknown));
  storage.delete_ecosystem(home);
  CHECK(storage.find_ecosystem(home) == Ecosystem(home, EcosystemState::deleted));
}

TEST_CASE("a MemoryStorage gives back what it was given, whatever the ids and the texts") {
  MemoryStorage storage;
  storage.add_ecosystem(home);
  std::vector<Client> kept;
  const auto keep = [&](const char* id, const ClientId::Bytes& bytes) {
    const auto n = kept.size();
    const auto text = [n](std::size_t step) {
      return n % step == 0 ? std::nullopt : Text::parse(std::string(n % 97, static_cast<char>('a' + n % 26)));
    };
    kept.emplace_back(id != nullptr ? *ClientId::parse(id) : ClientId(bytes),
                      Timestamp::clamp_unix_millis(static_cast<std::int64_t>(n)), home,
                      n % 2 == 0 ? ClientType::server : ClientType::application, text(3), text(5));
    if (storage.insert(kept.back()) != Insertion::inserted) FAIL("not kept");
  };
  for (std::size_t place = 0; place != 12; ++place) {  // ids that differ in one byte, or in two
    for (unsigned value = 1; value != 256; ++value) {
      ClientId::Bytes bytes{};
      bytes[place] = static_cast<std::uint8_t>(value);
      keep(nullptr, bytes);
      if (place == 11) continue;
      for (std::uint8_t last = 8; last != 0; last = static_cast<std::uint8_t>(last + 8)) {  // the last three bits alike
        bytes[11] = last;
        keep(nullptr, bytes);
      }
    }
  }
  keep("a594b89aea18568c408c3ad24", {});  // a letter makes it another id
  keep("b594b89aea18568c408c3ad24", {});
  keep("594b89aea18568c408c3ad24", {});

  for (const Client& each : kept) {
    if (storage.find_client(each.id()) != each) FAIL("a client is gone or changed");
    const Client other(each.id(), each.created_at(), home, ClientType::server);
    if (storage.insert(other) != Insertion::id_taken) FAIL("an id was given twice");
  }
  CHECK(storage.find_client(kept.front().id()) == kept.front());
  CHECK_FALSE(storage.find_client("c594b89aea18568c408c3ad24"_client_id));
  CHECK_FALSE(MemoryStorage().find_client(kept.front().id()));

  const std::string long_text(3'000'000, 'x');
  const Client big("ff4b89aea18568c408c3ad24"_client_id, Timestamp::clamp_unix_millis(0), home, ClientType::server,
                   Text::parse(long_text), Text::parse(""));
  CHECK(storage.insert(big) == Insertion::inserted);
  CHECK((storage.find_client(big.id()) == big));
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
        if (storage.insert(next) != Insertion::inserted) std::abort();
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
