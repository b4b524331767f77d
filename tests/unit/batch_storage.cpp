// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/batch_storage.hpp>

#include <droplit/storage/memory.hpp>

#include "support/catch.hpp"

#include <span>
#include <type_traits>

namespace {

struct Plain {
  droplit::Insertion insert(const droplit::Client&) { return droplit::Insertion::inserted; }
};
struct InBatches : Plain {
  void insert_all(std::span<droplit::BatchInsert* const> inserts) noexcept {
    for (droplit::BatchInsert* const each : inserts) each->outcome = insert(each->client);
  }
};
struct MayThrow : Plain {
  void insert_all(std::span<droplit::BatchInsert* const>) {}
};
static_assert(!droplit::BatchStorage<Plain>);
static_assert(droplit::BatchStorage<InBatches>);
static_assert(!droplit::BatchStorage<MayThrow>, "an exception would leave others of the batch without an outcome");
static_assert(!droplit::BatchStorage<droplit::MemoryStorage>);
static_assert(std::is_constructible_v<droplit::BatchInsert, const droplit::Client&>);
static_assert(!std::is_constructible_v<droplit::BatchInsert, droplit::Client>, "it would refer to what is gone");

}  // namespace

TEST_CASE("an insert whose outcome nobody has set may have been applied") {
  const droplit::Client client(droplit::ClientId({}), droplit::Timestamp::clamp_unix_millis(0),
                               droplit::EcosystemId({}), droplit::ClientType::server);
  droplit::BatchInsert insert(client);
  CHECK(insert.outcome.assume_exception().fate() == droplit::Fate::maybe_applied);
  droplit::BatchInsert* all[] = {&insert};
  InBatches().insert_all(all);
  CHECK(insert.outcome.value().insertion() == droplit::Insertion::inserted);
}
