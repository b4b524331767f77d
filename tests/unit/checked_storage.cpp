// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/checked_storage.hpp>

#include "support/catch.hpp"

namespace {

struct Plain {
  droplit::Insertion insert(const droplit::Client&) { return droplit::Insertion::inserted; }
};
struct Returns : Plain {
  droplit::Outcome<void> check() {
    return droplit::Fault(droplit::FaultSource::storage, droplit::Fate::not_applied, {});
  }
};
struct Says : Plain {
  bool check() { return true; }
};
static_assert(!droplit::CheckedStorage<Plain>);
static_assert(droplit::CheckedStorage<Returns>);
static_assert(!droplit::CheckedStorage<Says>,
              "a bool that is true would be taken for a success, one that is false too");

}  // namespace

TEST_CASE("a storage says by an outcome whether it can be used") {
  Returns storage;
  CHECK(storage.check().has_exception());
}
