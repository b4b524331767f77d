// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What a PostgresStorage counts, and whether it says that it can be used.
#include <droplit/storage/postgres.hpp>

#include "support/catch.hpp"
#include "support/postgres_cluster.hpp"

#include <array>
#include <chrono>
#include <memory>

using namespace std::chrono_literals;

TEST_CASE("a lease that waits for a connection is counted, and one that waits in vain") {
  using droplit::detail::postgres::Pool;
  using droplit::detail::postgres::Time;
  Pool pool({}, 1, nullptr);
  {
    const Pool::Lease first(pool, Time::now() + 1h);
    CHECK(first);
    CHECK(pool.stats() == droplit::StoreStats());
    const Pool::Lease in_vain(pool, Time::now() + 2ms);
    CHECK_FALSE(in_vain);
    CHECK(pool.stats().waits == 1);
    CHECK(pool.stats().wait_timeouts == 1);
    CHECK(pool.stats().wait_nanoseconds >= 1'000'000);  // it was not less than the wait
  }
  const Pool::Lease again(pool, Time::now() + 1h);
  CHECK(again);
  CHECK(pool.stats().waits == 1);
}

TEST_CASE("pauses between tries grow up to the longest, of which each lasts at least a quarter") {
  using droplit::detail::postgres::Backoff;
  using droplit::detail::postgres::Time;
  const auto end = Time::now() + 1min;
  Backoff growing(8ms);
  for (const auto least : {500us, 1000us, 2000us, 2000us}) {
    const auto begin = Time::now();
    growing.sleep(end);
    CHECK(Time::now() - begin >= least);
  }
  Backoff short_one(1us);
  for (int n = 0; n != 40; ++n) short_one.sleep(end);
  CHECK(Time::now() < end);
}

TEST_CASE("a PostgresStorage can be used until its server is gone, and counts its groups of inserts") {
  auto cluster = std::make_unique<PostgresCluster>();
  auto storage = droplit::PostgresStorage::open(cluster->conninfo(), {.timeout = 2s}).value();
  CHECK(storage.check());
  CHECK(storage.stats() == droplit::StoreStats{.group_commits = droplit::GroupCommitStats()});
  const droplit::Client client(droplit::ClientId({}), droplit::Timestamp::clamp_unix_millis(0),
                               droplit::EcosystemId({}), droplit::ClientType::server);
  droplit::BatchInsert first(client);
  droplit::BatchInsert second(client);
  const std::array<droplit::BatchInsert*, 2> both{&first, &second};
  storage.insert_all(both);
  CHECK(storage.insert(client).value() == droplit::Insertion::ecosystem_unknown);
  CHECK(storage.stats().group_commits == droplit::GroupCommitStats{.groups = {1, 1}, .inserts = 3});
  cluster.reset();
  const auto gone = storage.check();
  REQUIRE(gone.has_exception());
  CHECK(gone.assume_exception().source() == droplit::FaultSource::storage);
  CHECK(gone.assume_exception().fate() == droplit::Fate::not_applied);
}
