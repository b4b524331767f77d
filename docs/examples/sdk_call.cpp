// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/sdk.hpp>
#include <droplit/transport/curl.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
  const char* const token = std::getenv("DROPLIT_TOKEN");
  if (argc != 3 || token == nullptr) {
    std::cerr << "usage: DROPLIT_TOKEN=TOKEN sdk_call URL ECOSYSTEM-ID\n";
    return 2;
  }
  droplit::CurlTransport transport(token, {.url = argv[1]});
  droplit::Sdk droplit(transport);
  const auto reply = droplit.clients.create(argv[2], "server", "Lobby panel", "Wall panel by the north entrance");
  std::cout << reply.status() << ' ' << reply.body() << '\n';
  return reply.outcome.has_value() ? 0 : 1;
}
