// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What a SqliteStorage counts, and whether it says that it can be used.
#include <droplit/storage/sqlite.hpp>

#include "support/catch.hpp"
#include "support/sqlite.hpp"
#include "support/world.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

droplit::Client client_of(std::uint8_t number, std::uint8_t other = 0) {
  return {droplit::ClientId({number, other}), *droplit::Timestamp::from_unix_millis(0), test::active,
          droplit::ClientType::server};
}

std::uint64_t groups_of(const droplit::StoreStats& stats) {
  return std::accumulate(stats.group_commits->groups.begin(), stats.group_commits->groups.end(), std::uint64_t{0});
}

using droplit::detail::sqlite::GroupCommit;
using droplit::detail::sqlite::PendingInserts;

}  // namespace

TEST_CASE("a store counts each insert in a group, from its opening on") {
  const test::Directory directory;
  const std::string path = directory / "clients.db";
  auto storage = droplit::SqliteStorage::open(path, {.durability = droplit::SqliteDurability::normal}).value();
  storage.add_ecosystem(test::active).value();
  droplit::StoreStats none;
  none.group_commits.emplace();
  CHECK(storage.stats() == none);
  for (std::uint8_t i = 0; i != 5; ++i) storage.insert(client_of(i)).value();
  storage.insert(client_of(0)).value();  // its id is taken
  CHECK(storage.stats().group_commits->inserts == 6);
  CHECK(storage.stats().group_commits->groups.front() == 6);
  CHECK(storage.stats().waits == 0);
  CHECK(storage.find_client(client_of(0).id()).value().has_value());
  CHECK(storage.stats().group_commits->inserts == 6);

  std::vector<std::thread> threads;
  std::atomic<int> uncounted = 0;
  for (std::uint8_t t = 1; t != 9; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint8_t i = 0; i != 20; ++i) {
        static_cast<void>(storage.insert(client_of(i, t)).value());
        if (storage.stats().group_commits->inserts < 6U + i + 1) ++uncounted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(uncounted == 0);
  const droplit::StoreStats stats = storage.stats();
  CHECK(stats.group_commits->inserts == 6 + 8 * 20);
  CHECK(groups_of(stats) >= 6 + 20);
  CHECK(groups_of(stats) <= 6 + 8 * 20);
  CHECK((stats.waits == 0) == (stats.wait_nanoseconds == 0));
  CHECK(stats.wait_timeouts == 0);
}

TEST_CASE("what waits for another thread is counted, and what waits in vain") {
  GroupCommit lock;
  const droplit::Client client = client_of(1);
  std::size_t inserted = 0;
  const auto insert_all = [&inserted](const auto& inserts) noexcept { inserted += inserts.size(); };
  REQUIRE(lock.try_lock_for(1ms));
  CHECK(lock.stats().waits == 0);
  CHECK_FALSE(lock.try_lock_for(2ms));
  CHECK(lock.stats().waits == 1);
  CHECK(lock.stats().wait_timeouts == 1);
  CHECK(lock.stats().wait_nanoseconds >= 1'000'000);  // it was not less than the wait
  droplit::BatchInsert insert(client);
  droplit::BatchInsert* const one[] = {&insert};
  PendingInserts in_vain(one);
  CHECK_FALSE(lock.run(in_vain, 1ms, insert_all));
  CHECK(lock.stats().waits == 2);
  CHECK(lock.stats().wait_timeouts == 2);
  CHECK(groups_of(lock.stats()) == 0);
  lock.unlock();

  PendingInserts at_once(one);
  CHECK(lock.run(at_once, 1h, insert_all));
  CHECK(lock.stats().waits == 2);
  CHECK(lock.stats().group_commits->groups.front() == 1);
  CHECK(inserted == 1);
}

TEST_CASE("a store can be used until its file is gone, and a check changes nothing") {
  const test::Directory directory;
  const std::string path = directory / "clients.db";
  auto storage = droplit::SqliteStorage::open(path).value();
  CHECK(storage.check());
  CHECK(storage.stats().group_commits->inserts == 0);
  fs::rename(path, path + "2");
  const auto gone = storage.check();
  REQUIRE(gone.has_exception());
  CHECK(gone.assume_exception().source() == droplit::FaultSource::storage);
  CHECK(gone.assume_exception().fate() == droplit::Fate::not_applied);
  fs::rename(path + "2", path);
  CHECK(storage.check());
}
