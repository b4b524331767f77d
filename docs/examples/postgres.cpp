// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/create_client.hpp>
#include <droplit/storage/postgres.hpp>

#include <exception>
#include <iostream>

using namespace droplit::literals;

int main(int argc, char** argv) try {
  const auto lobby = "C594b89aea18568c408c3ad24"_ecosystem_id;
  const auto* const conninfo = argc > 1 ? argv[1] : "dbname=droplit";
  auto storage = droplit::PostgresStorage::open(conninfo, {.connections = 2}).value();
  storage.add_ecosystem(lobby).value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const droplit::ClientDraft draft(lobby, droplit::ClientType::server);
  std::cout << "stored " << create_client(storage, clock, ids, draft).value().id().text() << '\n';

  auto other = droplit::PostgresStorage::open(conninfo).value();  // as another server would
  other.delete_ecosystem(lobby).value();
  const auto refused = create_client(storage, clock, ids, draft);
  std::cout << to_string(refused.error().code()) << '\n';
} catch (const std::exception& failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
