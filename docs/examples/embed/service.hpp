// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the programs embed_*.cpp serve: an endpoint and its policies.
#pragma once

#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/testing/fixed_clock.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

namespace embed {

/// A store in memory, but one ecosystem's store is busy, and one's fails.
class Store {
 public:
  droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) {
    const std::string ecosystem = client.ecosystem_id().text();
    if (ecosystem == "C594b89aea18568c408c3adbb") {
      return droplit::Fault::unavailable(droplit::FaultSource::storage, "every connection is in use");
    }
    if (ecosystem == "C594b89aea18568c408c3adff") throw std::runtime_error("the disk is full");
    return clients.insert(client);
  }

  droplit::MemoryStorage clients;
};

/// Shows the operator the faults that requests end with.
struct PrintFaults : droplit::NoObserver {
  void finished(const droplit::RequestFinished& request) const {
    if (request.fault != nullptr) fault(*request.fault);
  }
  void fault(const droplit::Fault& fault) const {
    std::cout << "fault of " << to_string(fault.source()) << ", " << to_string(fault.fate()) << ": " << fault.what()
              << '\n';
  }
};

/// An endpoint and its policies.
struct Service {
  Service() {
    using namespace droplit::literals;
    for (const auto id : {"C594b89aea18568c408c3ad24"_ecosystem_id, "C594b89aea18568c408c3ad2d"_ecosystem_id,
                          "Cff4b89aea18568c408c3ad24"_ecosystem_id, "Cff4b89aea18568c408c3ad2d"_ecosystem_id}) {
      storage.clients.add_ecosystem(id);
      if (id.text().back() == 'd') storage.clients.delete_ecosystem(id);
    }
  }

  Store storage;
  const droplit::TokenFile access = droplit::TokenFile::parse(R"({"tokens": [
    {"token": "Acc-7oQ2.yF~x1", "kind": "account"},
    {"token": "Srv-9kD4.wB~z3", "kind": "server", "ecosystems":
      ["C594b89aea18568c408c3ad24", "C594b89aea18568c408c3ad2d", "C594b89aea18568c408c3ad2e"]},
    {"token": "Cli-1mN6.uC~v5", "kind": "client"},
    {"token": "Usr-3pR8.sE~t7", "kind": "user"}
  ]})")
                                        .value();
  droplit::FixedClock clock{*droplit::Timestamp::parse("2018-02-28T15:16:58.941Z")};
  droplit::ObjectIds ids;
  PrintFaults observer;
  droplit::Endpoint<Store, droplit::TokenFile, droplit::FixedClock, droplit::ObjectIds, PrintFaults> endpoint{
      storage, access, clock, ids, {}, observer};
};

}  // namespace embed
