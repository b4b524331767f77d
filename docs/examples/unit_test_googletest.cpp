// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/testing/fixed_clock.hpp>
#include <droplit/testing/fixed_ids.hpp>
#include <droplit/testing/storage_contract.hpp>

#include <gtest/gtest.h>

using namespace droplit;

TEST(Droplit, CreatesAClient) {
  const ClientId id = "594b89aea18568c408c3ad25"_client_id;
  MemoryStorage storage;
  FixedClock clock(Timestamp::parse("2018-02-28T15:16:58.941Z").value());
  FixedIds ids({id, id});  // each create takes one, refused or not
  const ClientDraft draft("C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server);
  EXPECT_EQ(create_client(storage, clock, ids, draft).error(), ApiError::ecosystem_invalid());  // there is none yet

  storage.add_ecosystem(draft.ecosystem_id());
  const auto created = create_client(storage, clock, ids, draft);
  ASSERT_TRUE(created.has_value()) << created;
  EXPECT_EQ(created.value(), Client(id, clock.now(), draft.ecosystem_id(), ClientType::server));
}

TEST(Droplit, KeepsTheContractOfStorages) {
  const ContractReport report = check_storage_contract([] { return MemoryStorage(); });  // yours instead
  EXPECT_TRUE(report) << report;
}
