// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/store_stats.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>

namespace {

struct Counts {
  droplit::StoreStats stats() const { return {}; }
};
struct CountsNot {
  int stats() const { return 0; }
};
static_assert(droplit::CountingStorage<Counts>);
static_assert(!droplit::CountingStorage<CountsNot>);
static_assert(!droplit::CountingStorage<int>);

}  // namespace

TEST_CASE("an operation that waited is counted with its time, and once more if it gave up") {
  droplit::StoreStats stats;
  CHECK(stats == droplit::StoreStats());
  stats.add_wait(5, true);
  CHECK(stats.waits == 1);
  CHECK(stats.wait_nanoseconds == 5);
  CHECK(stats.wait_timeouts == 0);
  stats.add_wait(7, false);
  CHECK(stats.waits == 2);
  CHECK(stats.wait_nanoseconds == 12);
  CHECK(stats.wait_timeouts == 1);
  CHECK(stats != droplit::StoreStats());
  stats = {};
  stats.group_commits.emplace().add(3);
  CHECK(stats != droplit::StoreStats());
  CHECK(*stats.group_commits != droplit::GroupCommitStats());
}

TEST_CASE("a group of inserts is counted under the least bound that it does not exceed") {
  using droplit::GroupCommitStats;
  for (std::size_t size = 1; size != 200; ++size) {
    GroupCommitStats stats;
    stats.add(size);
    CHECK(stats.inserts == size);
    CHECK(std::accumulate(stats.groups.begin(), stats.groups.end(), std::uint64_t{0}) == 1);
    for (std::size_t i = 0; i != stats.groups.size(); ++i) {
      const bool within = i == GroupCommitStats::bounds.size() || size <= GroupCommitStats::bounds[i];
      const bool beyond = i == 0 || size > GroupCommitStats::bounds[i - 1];
      CHECK(stats.groups[i] == (within && beyond ? 1 : 0));
    }
  }
}
