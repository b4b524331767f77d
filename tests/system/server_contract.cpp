// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The contract as data, over a socket.
#include <droplit/async/asio.hpp>
#include <droplit/async/batch_endpoint.hpp>
#include <droplit/router.hpp>
#include <droplit/server/beast.hpp>

#include "support/async.hpp"
#include "support/catch.hpp"
#include "support/contract_cases.hpp"
#include "support/socket.hpp"
#include "support/written.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>

namespace {

bool announces_length(const contract::Case& one) {
  return std::any_of(one.fields.begin(), one.fields.end(), [](const auto& field) {
    return droplit::detail::equals_ignoring_case(field.first, "content-length");
  });
}

/// The request as it goes over the wire: its body with a length, or in chunks.
std::string wire(const contract::Case& one, bool chunked) {
  std::string text = one.method + ' ' + one.target + " HTTP/1.1\r\nhost: a\r\n";
  for (const auto& [name, value] : one.fields) text.append(name).append(": ").append(value).append("\r\n");
  if (!chunked) {
    if (!announces_length(one)) text += "content-length: " + std::to_string(one.body.size()) + "\r\n";
    return text + "\r\n" + one.body;
  }
  text += "transfer-encoding: chunked\r\n\r\n";
  for (std::size_t from = 0; from < one.body.size(); from += 1000) {
    char size[8];
    const std::string piece = one.body.substr(from, 1000);
    std::snprintf(size, sizeof size, "%zx", piece.size());
    text.append(size).append("\r\n").append(piece).append("\r\n");
  }
  return text + "0\r\n\r\n";
}

struct Other {
  static constexpr droplit::Route route{"GET", "/api/ecosystems/{id}", true};
  droplit::Response handle(const droplit::Request&) const { return {}; }
};

/// The contract's endpoint alone.
struct Alone {
  explicit Alone(bool keys) : world(keys) {}
  contract::World world;
  auto& handler() { return world.endpoint; }
};

/// The contract's endpoint beside another handler.
struct Routed {
  explicit Routed(bool keys) : world(keys) {}
  contract::World world;
  Other other;
  droplit::Router<Other, decltype(world.endpoint)> router{other, world.endpoint};
  auto& handler() { return router; }
};

/// The contract's policies in coroutines.
struct Coroutines {
  explicit Coroutines(bool keys) : world(keys) {}
  contract::World world;
  test::AsyncStore<contract::Storage> store{world.storage};
  droplit::AsyncEndpoint<decltype(store), contract::Access, contract::Clock, contract::Ids> endpoint{
      store, world.access, world.clock, world.ids};
  auto& handler() { return endpoint; }
};

/// The contract's policies through a writer, beside another handler.
struct Batches {
  explicit Batches(bool keys) : world(keys), keyed{.idempotency_keys = keys} {}
  contract::World world;
  droplit::EndpointOptions keyed;
  test::OneByOne<contract::Storage> store{world.storage};
  droplit::BatchWriter<decltype(store)> writer{store};
  droplit::BatchEndpoint<decltype(store), contract::Access, contract::Clock, contract::Ids> endpoint{
      writer, world.access, world.clock, world.ids, keyed};
  Other other;
  droplit::Router<Other, decltype(endpoint)> router{other, endpoint};
  auto& handler() { return router; }
};

template <class Service>
class Running {
 public:
  explicit Running(unsigned store_threads, bool keys)
      : service_(keys),
        server_(service_.handler(), {.store_threads = store_threads}),
        thread_([this] { server_.run(); }) {}
  ~Running() {
    server_.stop();
    thread_.join();
  }
  test::RawSocket connect() { return test::RawSocket(server_.port()); }

  contract::World& world() { return service_.world; }

 private:
  Service service_;
  droplit::BeastServer<std::remove_reference_t<decltype(service_.handler())>> server_;
  std::thread thread_;
};

/// What is wrong with the response, which may have `date` and `connection` beside what the contract says.
std::string wrong(const contract::Case& one, const std::optional<test::WireResponse>& received) {
  if (!received) return "no response";
  droplit::Response bare = received->response;
  bare.fields.clear();
  for (const droplit::HeaderField field : received->response.fields) {
    if (field.name != "date" && field.name != "connection") bare.fields.add(field.name, field.value);
  }
  bare.close = one.closes;
  if (one.closes && !received->response.close) return "does not close";
  return contract::difference(one, bare);
}

template <class Service = Alone>
void run_all(bool chunked, unsigned store_threads = 0, bool keys = false) {
  Running<Service> running(store_threads, keys);
  std::optional<test::RawSocket> socket;
  std::size_t number = 0;
  for (const contract::Case& one : contract::read_cases(keys)) {
    if (one.only_direct || (chunked && announces_length(one))) continue;
    running.world().storage.clients.clear();
    if (!socket) socket.emplace(running.connect());
    socket->send(wire(one, chunked));  // what is refused early need not be taken whole
    const auto received = socket->receive(one.method == "HEAD");
    if (const std::string what = wrong(one, received); !what.empty()) {
      FAIL_CHECK(one.where << (chunked ? " (chunked): " : ": ") << what);
    }
    if (running.world().storage.clients.size() != one.created()) {
      FAIL_CHECK(one.where << ": the storage is wrong");
    }
    if (!received || received->response.close) socket.reset();
    ++number;
  }
  CHECK(number > 500);
}

}  // namespace

TEST_CASE("every case over a socket, a new connection where a response ended the last") { run_all(false); }

TEST_CASE("every case over a socket, the body in chunks") { run_all(true); }

TEST_CASE("every case over a socket, with store threads") { run_all(false, 2); }

TEST_CASE("every case over a socket, to an endpoint that takes idempotency keys") {
  run_all(false, 0, true);
  run_all(true, 2, true);
}

TEST_CASE("every case over a socket, through a router of the endpoint and another handler") {
  run_all<Routed>(false);
  run_all<Routed>(true, 2);
}

TEST_CASE("every case over a socket, by coroutines") {
  run_all<Coroutines>(false);
  run_all<Coroutines>(true);
}

TEST_CASE("every case over a socket, through a writer of batches and a router") {
  run_all<Batches>(false);
  run_all<Batches>(true, 0, true);
}
