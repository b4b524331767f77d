// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/access/token_file.hpp>
#include <droplit/async/batch_endpoint.hpp>
#include <droplit/async/batch_writer.hpp>
#include <droplit/droplit.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage/sqlite.hpp>
#include <droplit/transport/curl.hpp>

#include <atomic>
#include <iostream>
#include <thread>
#include <vector>

using namespace droplit::literals;

int main(int argc, char** argv) {
  auto storage = droplit::SqliteStorage::open(argc > 1 ? argv[1] : "clients.db").value();
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id).value();
  const auto access = droplit::TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::BatchWriter writer(storage);  // the only thread that waits for the disk
  droplit::BatchEndpoint endpoint(writer, access, clock, ids);
  droplit::BeastServer server(endpoint);  // one serving thread, no store threads

  std::atomic<int> created = 0;
  std::thread caller([&] {  // ten creates at the same time, then it stops the server
    std::vector<std::thread> callers;
    for (int i = 0; i != 10; ++i) {
      callers.emplace_back([&] {
        droplit::CurlTransport transport("demo", {.url = server.url(), .proxy = ""});
        const auto client = create_client(transport, {.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server"});
        if (client.has_value() && storage.find_client(client.value().id()).value()) ++created;
      });
    }
    for (std::thread& each : callers) each.join();
    server.stop();
  });
  server.run();
  caller.join();
  std::cout << "created " << created << " clients\n";
}
