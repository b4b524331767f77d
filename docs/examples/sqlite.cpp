// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/create_client.hpp>
#include <droplit/storage/sqlite.hpp>

#include <exception>
#include <iostream>

using namespace droplit::literals;

int main(int argc, char** argv) try {
  auto storage = droplit::SqliteStorage::open(argc > 1 ? argv[1] : "clients.db").value();  // or throws a Fault
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id).value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const auto created = droplit::create_client(
      storage, clock, ids, {.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server", .name = "Lobby"});
  const auto found = storage.find_client(created.value().id()).value();  // empty if there is no such client
  std::cout << "stored " << found.value().id().text() << '\n';
} catch (const std::exception& failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
