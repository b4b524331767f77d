// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A store that two files of a program use, one compiled with exceptions and one without.
#pragma once

#include <droplit/create_client.hpp>

/// Throws if `fails` is not 0. Defined in a file of its own, so that no caller knows.
extern "C" void may_throw(int fails);

struct Store {
  int fails = 0;
  droplit::Insertion insert(const droplit::Client&) {
    may_throw(fails);
    return droplit::Insertion::inserted;
  }
};

/// Creates a client in `store`: 0 created, 1 refused, 2 a fault.
template <class S>
static int create_in(S store) {  // of each file its own
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const droplit::ClientDraft draft(droplit::EcosystemId(droplit::EcosystemId::Bytes{}), droplit::ClientType::server);
  const auto client = droplit::create_client(store, clock, ids, draft);
  return client.has_value() ? 0 : client.has_error() ? 1 : 2;
}
