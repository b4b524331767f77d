// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A create that is repeated under its key, as by a caller that did not see the first response.
#include <droplit/create_client.hpp>
#include <droplit/storage/memory.hpp>

#include <iostream>

using namespace droplit::literals;

int main() {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const droplit::ClientParameters lobby{.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server", .name = "Lobby"};
  const auto key = droplit::IdempotencyKey::parse("8e03978e-40d5-43dd-bc93-6894a57f9324").value();

  const auto first = create_client(storage, clock, ids, lobby, key).value();
  const auto again = create_client(storage, clock, ids, lobby, key).value();
  const bool is_one = !first.replayed && again.replayed && again.client == first.client;
  std::cout << (is_one ? "one client\n" : "two clients\n");
  return is_one ? 0 : 1;
}
