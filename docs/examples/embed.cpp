// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>

#include <boost/outcome/try.hpp>

#include <iostream>

using namespace droplit::literals;

int main() {
  droplit::MemoryStorage storage;  // or SqliteStorage, or your own: one member function
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);

  const auto create = [&](std::string_view body) -> droplit::Outcome<droplit::Client> {
    BOOST_OUTCOME_TRY(auto draft, droplit::parse_draft(body));  // right, or every violation at once
    return droplit::create_client(storage, clock, ids, std::move(draft));
  };

  for (const char* body : {R"({"ecosystemId": "C594b89aea18568c408c3ad24", "type": "server", "name": "Lobby"})",
                           R"({"ecosystem": "C594b89aea18568c408c3ad24", "type": "gateway"})"}) {
    const auto client = create(body);
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
