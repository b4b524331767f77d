// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A batch endpoint in a server.
#include <droplit/async/batch_endpoint.hpp>

#include <droplit/router.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/static_resource.hpp>
#include "support/catch.hpp"
#include "support/contract_cases.hpp"
#include "support/server_parties.hpp"
#include "support/socket.hpp"
#include "support/written.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <semaphore>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;
using test::RawSocket;

namespace {

/// The contract's storage, which waits in each batch until `go` is released for it.
struct Gated {
  contract::Storage& storage;
  std::counting_semaphore<> begun{0};
  std::counting_semaphore<> go{0};
  std::vector<std::size_t> sizes{};

  Outcome<Insertion> insert(const Client& client) { return storage.insert(client); }
  void insert_all(std::span<BatchInsert* const> inserts) noexcept {
    begun.release();
    go.acquire();
    sizes.push_back(inserts.size());
    test::OneByOne(storage).insert_all(inserts);
  }
};

struct Service {
  contract::World world;
  Gated storage{world.storage};
  BatchWriter<Gated> writer{storage};
  BatchEndpoint<Gated, contract::Access, contract::Clock, contract::Ids> endpoint{writer, world.access, world.clock,
                                                                                  world.ids};
  StaticResource other{"/other", "text/plain", "other"};
  Router<decltype(endpoint), StaticResource> router{endpoint, other};
};

struct Running {
  explicit Running(Service& service, ServerOptions options)
      : server(service.router, std::move(options)), thread([this] {
          server.run();
          ended = true;
        }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    server.stop();
    if (thread.joinable()) thread.join();
  }
  BeastServer<decltype(Service::router)> server;
  std::atomic<bool> ended = false;
  std::thread thread;
};

std::string create() {
  const std::string body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})";
  return "POST /api/clients HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nauthorization: " +
         std::string(contract::account_token) + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}
const std::string get = "GET /other HTTP/1.1\r\nhost: a\r\n\r\n";

}  // namespace

TEST_CASE(
    "a serving thread goes on while a batch is committed, and the creates that come meanwhile are the next batch") {
  for (const unsigned threads : {1U, 2U}) {
    Service service;
    Running running(service, {.threads = threads});
    RawSocket first(running.server.port());
    first.send(create());
    service.storage.begun.acquire();
    std::vector<RawSocket> others;
    for (int i = 0; i != 20; ++i) {
      others.emplace_back(running.server.port());
      others.back().send(create());
    }
    for (int i = 0; i != 3; ++i) {  // by the same serving threads
      RawSocket other(running.server.port());
      other.send(get);
      CHECK(other.receive().value().response.status == 200);
    }
    service.storage.go.release(21);
    CHECK(first.receive().value().response.status == 201);
    for (RawSocket& each : others) CHECK(each.receive().value().response.status == 201);
    CHECK(service.world.storage.clients.size() == 21);
    CHECK(service.storage.sizes.size() <= 21);
  }
}

TEST_CASE("creates and other requests that are pipelined are responded to in their order") {
  Service service;
  Running running(service, {});
  service.storage.go.release(100);
  RawSocket socket(running.server.port());
  std::string all;
  for (int i = 0; i != 50; ++i) all += create() + get;
  socket.send(all);
  for (int i = 0; i != 50; ++i) {
    CHECK(socket.receive().value().response.status == 201);
    CHECK(socket.receive().value().response.status == 200);
  }
}

TEST_CASE("a server that stops while a batch is committed responds to its creates before it ends") {
  Service service;
  Running running(service, {});
  RawSocket socket(running.server.port());
  socket.send(create());
  service.storage.begun.acquire();
  running.server.stop();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK_FALSE(running.ended);
  service.storage.go.release();
  const auto received = socket.receive();
  CHECK(received.value().response.status == 201);
  CHECK(received.value().response.close);
  running.thread.join();
  CHECK(running.ended);
}

TEST_CASE("a server whose grace ends while a batch is committed ends after the batch, without its responses") {
  Service service;
  Running running(service, {.stop_grace = std::chrono::milliseconds(0)});
  RawSocket socket(running.server.port());
  socket.send(create());
  service.storage.begun.acquire();
  running.server.stop();
  CHECK_FALSE(socket.receive().has_value());  // cut off
  CHECK_FALSE(running.ended);
  service.storage.go.release();
  running.thread.join();
  CHECK(service.world.storage.clients.size() == 1);
}
