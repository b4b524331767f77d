// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/access/token_file.hpp>

#include <iostream>
#include <string_view>

using namespace droplit::literals;

int main() {
  auto access = droplit::TokenFile::parse(R"({"tokens": [
    {"token": "an-account", "kind": "account"},
    {"token": "a-server", "kind": "server", "ecosystems": ["C594b89aea18568c408c3ad24"]},
    {"token": "a-user", "kind": "user"},
    {"token": "a-thief", "kind": "account"}
  ]})")
                    .value();
  access.revoke("a-thief");
  for (const std::string_view token : {"an-account", "a-server", "a-user", "a-thief"}) {
    const auto holder = access.authenticate(token);
    const auto kind = holder.kind();
    std::cout << token << (kind == droplit::PrincipalKind::none ? ": unknown" : ": known");
    if (kind == droplit::PrincipalKind::other) std::cout << ", of a kind that may not create clients";
    if (access.authorize(holder, "C594b89aea18568c408c3ad24"_ecosystem_id)) std::cout << ", may use the lobby";
    if (access.authorize(holder, "C594b89aea18568c408c3ad25"_ecosystem_id)) std::cout << ", may use the garage";
    std::cout << '\n';
  }
}
