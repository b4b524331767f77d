// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/transport/curl.hpp>

#include <iostream>
#include <thread>

using namespace droplit::literals;

int main() {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  const auto access = droplit::TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(storage, access, clock, ids);
  droplit::BeastServer server(endpoint);  // listens on a free port of 127.0.0.1

  std::thread caller([&] {  // calls the server once over TCP, then stops it
    droplit::CurlTransport transport("demo", {.url = server.url(), .proxy = ""});
    const auto client =
        create_client(transport, {.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server", .name = "Lobby"});
    std::cout << (client.has_value() ? "created " + client.value().id().text() : "not created") << '\n';
    server.stop();
  });
  server.run();  // serves until stop() was called
  caller.join();
}
