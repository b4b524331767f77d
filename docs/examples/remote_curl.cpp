// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/remote/create_client.hpp>
#include <droplit/transport/curl.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
  const char* const token = std::getenv("DROPLIT_TOKEN");
  if (argc != 3 || token == nullptr) {
    std::cerr << "usage: DROPLIT_TOKEN=TOKEN remote_curl URL ECOSYSTEM-ID\n";
    return 2;
  }
  droplit::CurlTransport transport(token, {.url = argv[1]});
  const auto client = create_client(transport, {.ecosystem_id = argv[2], .type = "server", .name = "Lobby"});
  if (client.has_value()) {
    std::cout << "created " << client.value().id().text() << '\n';
  } else if (client.has_error()) {  // a refusal, with all violations
    for (const auto violation : client.error().violations()) std::cout << to_string(violation.code) << '\n';
  } else {
    std::cout << client.exception().what() << "; " << to_string(client.exception().fate()) << '\n';
  }
}
