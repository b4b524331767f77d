// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The README's program as it was before scale.sh first compiled it; unchanged since, so that figures can be compared.
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>

#include <iostream>
#include <utility>

int main() {
  droplit::MemoryStorage storage;  // or SqliteStorage, or your own: one member function
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  storage.add_ecosystem(*droplit::EcosystemId::parse("C594b89aea18568c408c3ad24"));
  for (auto [id, type] : {std::pair("C594b89aea18568c408c3ad24", "server"), std::pair("Lobby", "gateway")}) {
    const auto client = droplit::create_client(storage, clock, ids, {.ecosystem_id = id, .type = type});
    if (client.has_value()) {
      std::cout << "created " << client.value().id().text() << '\n';
    } else if (client.has_error()) {
      for (const auto violation : client.error().violations()) {
        std::cout << to_string(violation.code) << ": " << violation.message << '\n';
      }
    } else {
      std::cout << "failed: " << client.exception().what() << '\n';
    }
  }
}
