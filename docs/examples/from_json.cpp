// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The program that docs/tour.md begins with: bodies in, responses out.
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>

#include <iostream>

using namespace droplit::literals;

int main() {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  for (const auto body : {R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"Lobby"})",
                          R"({"ecosystem":"C594b89aea18568c408c3ad24","type":"gateway","name":7})"}) {
    const auto client = droplit::create_client_from_json(storage, clock, ids, body);
    const droplit::Response response = to_response(client);
    std::cout << response.status << ' ' << response.body << '\n';
  }
}
