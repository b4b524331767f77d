// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/client_type.hpp>

#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <type_traits>

using namespace droplit;

static_assert(std::is_enum_v<ClientType> && !std::is_convertible_v<ClientType, bool>);
static_assert(client_type_names.size() == 2);
static_assert(client_type_names[0] == "application" && client_type_names[1] == "server");
static_assert(to_string(ClientType::application) == "application" && to_string(ClientType::server) == "server");
static_assert(parse_client_type("application") == ClientType::application);
static_assert(parse_client_type("server") == ClientType::server);

TEST_CASE("name to type to name is the identity") {
  for (const std::string_view name : client_type_names) CHECK(to_string(*parse_client_type(name)) == name);
}

TEST_CASE("any other name is no type, case counts") {
  using namespace std::string_view_literals;
  for (const std::string_view name :
       {""sv, "Application"sv, "APPLICATION"sv, "Server"sv, "servers"sv, "serve"sv, "app"sv, " server"sv, "server "sv,
        "server\0"sv, "\0"sv, "application, server"sv, "client"sv, "user"sv, "gateway"sv}) {
    CHECK_FALSE(parse_client_type(name));
  }
}
