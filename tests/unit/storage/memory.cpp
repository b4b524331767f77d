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
#include <utility>
#include <vector>

using namespace droplit;

namespace {

thread_local int allocations_left = -1;  // below zero: as many as there are
thread_local std::size_t allocated = 0;  // bytes, outside of the arena
thread_local int live_blocks = 0;        // of them

constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr EcosystemId elsewhere = "C594b89aea18568c408c3ad00"_ecosystem_id;

Client client(std::uint32_t n) {
  ClientId::Bytes bytes{};
  for (std::size_t i = 0; i != 4; ++i) bytes[11 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  const auto text = Text::parse(std::string(64, 'x'));
  return {ClientId(bytes), Timestamp::clamp_unix_millis(n), home, ClientType::server, text, text};
}

constexpr std::int64_t hour = 3'600'000;
constexpr std::int64_t two_days = 48 * hour;

// The same at this time, in milliseconds since 1970.
Client client_at(std::int64_t millis, std::uint32_t n) {
  const Client made = client(n);
  return {made.id(), Timestamp::clamp_unix_millis(millis), home, ClientType::server, ClientTexts(made)};
}

// As long as those that programs make.
IdempotencyKey key(std::uint32_t n) {
  const std::string digits = std::to_string(n);
  return *IdempotencyKey::parse("594b89ae-a185-468c-908c-" + std::string(12 - digits.size(), '0') + digits);
}

bool is_taken(MemoryStorage& storage, std::uint32_t key_number, std::int64_t millis) {
  const Client other("594b89aea18568c408c3ad25"_client_id, Timestamp::clamp_unix_millis(millis), home,
                     ClientType::application);
  storage.insert(other);  // so that no probe is inserted
  const Insertion insertion = storage.insert_once(other, key(key_number)).insertion();
  REQUIRE((insertion == Insertion::key_reused || insertion == Insertion::id_taken));
  return insertion == Insertion::key_reused;
}

// With the limit that the suite asks for.
struct TwoDays : MemoryStorage {
  TwoDays() : MemoryStorage({.max_key_age = max_key_age()}) {}
  static std::chrono::milliseconds max_key_age() { return std::chrono::milliseconds(two_days); }
};

static_assert(!std::is_copy_constructible_v<MemoryStorage>);
static_assert(!std::is_move_constructible_v<MemoryStorage>);
static_assert(!Storage<const MemoryStorage>);
static_assert(TestableStorage<MemoryStorage>);
static_assert(KeyedStorage<MemoryStorage>);

}  // namespace

// Not inlined, or g++ takes malloc and free for a mismatch with new and delete.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (allocations_left == 0) return nullptr;
  if (allocations_left > 0) --allocations_left;
  allocated += size;
  ++live_blocks;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (memory != nullptr) --live_blocks;
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

TEST_CASE("a MemoryStorage keeps the contract of storages") {
  const ContractReport report = check_storage_contract([] { return TwoDays(); });
  CHECK(report);
  for (const UncheckedRule& rule : report.unchecked()) {  // it ends with its process, and its one failure is bad_alloc
    CAPTURE(rule.id, rule.reason);
    CHECK((rule.reason.find("fail(") != std::string::npos || rule.reason.find("reopen(") != std::string::npos ||
           rule.reason.find("crash(") != std::string::npos));
  }
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

TEST_CASE("an allocation that fails leaves keys as they were, whichever it is") {
  MemoryStorage storage({.max_key_age = std::chrono::milliseconds(two_days)});
  storage.add_ecosystem(home);
  const auto with_failures = [](auto act) {  // what it returns when no allocation fails any more
    for (int allocations = 0;; ++allocations) {
      allocations_left = allocations;
      try {
        auto result = act();
        allocations_left = -1;
        return result;
      } catch (const std::bad_alloc&) {
        allocations_left = -1;
      }
    }
  };
  std::uint32_t n = 0;
  for (; n != 500; ++n) {  // each key expires after 48 others; half of them are then met by a create
    const Client next = client_at(n * hour, n);
    const IdempotencyKey own = key(n % 2 == 0 ? n : n % 100);
    bool was_there = false;
    const auto inserted = with_failures([&] {
      was_there = was_there || storage.find_client(next.id()).has_value();
      return storage.insert_once(next, own);
    });
    if (was_there) FAIL("a client is there whose insert threw");
    if (inserted != Insertion::inserted) FAIL("a key is there whose insert threw");
    const auto replayed = with_failures([&] { return storage.insert_once(client_at(n * hour, n + 1000), own); });
    if (replayed != KeyedInsertion::replayed(next)) FAIL("a replay threw and changed something");
    if (n > 1 && !is_taken(storage, n - n % 2, n * hour)) FAIL("a key is gone that has not expired");
  }
  for (std::uint32_t i = 0; i != n; ++i) {
    if (storage.find_client(client(i).id()) != client_at(i * hour, i)) FAIL("a client is gone or changed");
  }
}

TEST_CASE("a create under a key clears the key that it meets and eight others that have expired, oldest first") {
  constexpr std::uint32_t keys = 30;
  MemoryStorage storage;
  storage.add_ecosystem(home);
  for (std::uint32_t n = keys; n-- != 0;) storage.insert_once(client_at(n, n), key(n));  // the newest first
  const auto taken = [&storage] {
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t n = 0; n != keys; ++n) {
      if (is_taken(storage, n, 0)) numbers.push_back(n);
    }
    return numbers;
  };
  const auto from = [](std::uint32_t first) {
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t n = first; n != keys - 1; ++n) numbers.push_back(n);
    return numbers;
  };
  const std::int64_t later = 31 * 24 * hour;
  CHECK(storage.insert_once(client_at(later, 100), key(100)) == Insertion::inserted);
  CHECK(taken().front() == 8);
  CHECK(storage.insert_once(client_at(later, 101), key(keys - 1)) == Insertion::inserted);  // one that has expired
  storage.insert(client_at(later, 102));                                                    // has no key
  CHECK(storage.insert_once(client_at(later, 103), key(100)) ==
        KeyedInsertion::replayed(client_at(later, 100)));  // inserts nothing, and so clears nothing
  auto left = from(16);
  left.push_back(keys - 1);  // now of a client that is new
  CHECK(taken() == left);
  CHECK(storage.insert_once(client_at(later, 104), key(104)) == Insertion::inserted);
  CHECK(storage.insert_once(client_at(later, 105), key(105)) == Insertion::inserted);
  CHECK(taken() == std::vector<std::uint32_t>{keys - 1});
}

TEST_CASE("the limit of keys is 30 days unless the options say otherwise, from 48 hours to 100 years") {
  using std::chrono::milliseconds;
  const std::int64_t day = 24 * hour;
  const auto limit_is = [](MemoryStorage& storage, std::int64_t limit) {
    storage.add_ecosystem(home);
    storage.insert_once(client_at(0, 0), key(0));
    return is_taken(storage, 0, limit) && !is_taken(storage, 0, limit + 1);
  };
  MemoryStorage by_default;
  CHECK(limit_is(by_default, 30 * day));
  for (const auto& [given, limit] : {std::pair{milliseconds(3 * day), 3 * day},
                                     {milliseconds(0), two_days},
                                     {milliseconds(two_days - 1), two_days},
                                     {(milliseconds::min)(), two_days},
                                     {(milliseconds::max)(), 36525 * day}}) {
    MemoryStorage storage({.max_key_age = given});
    CHECK(limit_is(storage, limit));
  }
}

TEST_CASE("a key takes 150 bytes until it is cleared, and a client without one no memory for keys") {
  constexpr std::uint32_t clients = 2000;
  const auto fill = [](MemoryStorage& storage, bool has_keys) {
    storage.add_ecosystem(home);
    std::vector<Client> made;
    std::vector<IdempotencyKey> keys;
    for (std::uint32_t n = 0; n != clients; ++n) made.push_back(client_at(0, n));
    for (std::uint32_t n = 0; n != clients; ++n) keys.push_back(key(n));
    allocated = 0;
    live_blocks = 0;
    for (std::uint32_t n = 0; n != clients; ++n) {
      if (has_keys) storage.insert_once(made[n], keys[n]);
      if (!has_keys) storage.insert(made[n]);
    }
    return std::pair(allocated, live_blocks);
  };
  MemoryStorage without;
  const auto [bytes, blocks] = fill(without, false);
  CHECK(bytes < 60 * clients);
  MemoryStorage with;
  const auto [keyed_bytes, keyed_blocks] = fill(with, true);
  CHECK(keyed_bytes - bytes <= 150 * clients);
  CHECK(keyed_blocks - blocks == 3 * static_cast<int>(clients));

  constexpr int newer = clients / 8;
  live_blocks = 0;
  for (std::uint32_t n = 0; n != newer; ++n) with.insert_once(client_at(31 * 24 * hour, clients + n), key(n));
  CHECK(live_blocks < 3 * (newer - static_cast<int>(clients)) + newer);  // and those of tables that were empty
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
