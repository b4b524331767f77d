// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The program of docs/sdk.md: creates a client at a service, and shows each way in which that may end.
//
//     DROPLIT_URL=http://127.0.0.1:8080 DROPLIT_TOKEN=... sdk ECOSYSTEM-ID
#include <droplit/sdk.hpp>
#include <droplit/transport/curl.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

namespace {

std::string environment(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

int print(const droplit::Reply& reply) {
  if (reply.outcome.has_value()) {
    std::cout << "created " << reply.outcome.value().id().text() << '\n';
    return 0;
  }
  if (reply.outcome.has_error()) {  // one of the documented refusals, with all violations
    std::cout << "refused with " << reply.status() << (reply.attempts == 0 ? ", before anything was sent:\n" : ":\n");
    for (const auto violation : reply.outcome.error().violations()) {
      std::cout << "  " << to_string(violation.code) << ": " << to_string(violation.field) << '\n';
    }
    return 1;
  }
  std::cout << "failed: " << reply.outcome.exception().what() << "; " << to_string(reply.outcome.exception().fate())
            << '\n';
  return 4;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string ecosystem = argc > 1 ? argv[1] : "";
  droplit::CurlOptions options;
  options.url = environment("DROPLIT_URL", options.url.c_str());
  options.ca_file = environment("DROPLIT_CA_FILE", "");

  droplit::CurlTransport transport(environment("DROPLIT_TOKEN", ""), options);
  droplit::Sdk droplit(transport);
  const auto reply = droplit.clients.create(ecosystem, "server", "Lobby panel", "Wall panel by the north entrance");
  const int status = print(reply);

  print(droplit.clients.create("", "gateway"));  // refused here, as the service would have

  droplit::Sdk retrying(transport, {.retry = {.max_attempts = 4, .retry_unavailable = true}});
  print(retrying.clients.create(ecosystem, "application"));  // sent again only where it was certainly not applied
  return status;
}
