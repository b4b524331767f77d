// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The program of docs/install.md: what is wrong with the body of a request.
#include <droplit/droplit.hpp>

#include <iostream>

int main() {
  const auto draft = droplit::parse_draft(R"({"ecosystemId": "Lobby", "type": "gateway"})");
  for (const auto violation : draft.error().violations()) {
    std::cout << to_string(violation.field) << ": " << violation.message << '\n';
  }
}
