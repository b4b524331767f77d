// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The program of docs/values.md.
#include <droplit/client_type.hpp>
#include <droplit/id.hpp>
#include <droplit/timestamp.hpp>

#include <iostream>

using namespace droplit::literals;

int main() {
  // A text becomes a value or it does not.
  for (const auto text : {"C594B89AEA18568C408C3AD24", "594b89aea18568c408c3ad24"}) {
    const auto id = droplit::EcosystemId::parse(text);
    std::cout << text << ": " << (id ? id->text() : "not an ecosystem's id") << '\n';
  }

  // In source, an invalid id does not compile.
  constexpr auto lobby = "C594b89aea18568c408c3ad24"_ecosystem_id;
  static_assert(lobby == droplit::EcosystemId::parse("C594B89aea18568c408c3ad24"));

  for (const auto text : {"2018-02-28T15:16:58.941Z", "2018-02-29T00:00:00.000Z"}) {
    const auto instant = droplit::Timestamp::parse(text);
    std::cout << text << ": " << (instant ? std::to_string(instant->unix_millis()) : "not an instant") << '\n';
  }

  static_assert(droplit::parse_client_type("server") == droplit::ClientType::server);
  static_assert(droplit::to_string(droplit::ClientType::application) == "application");
}
