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
