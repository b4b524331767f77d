// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Each store, the loopback and the real server over a socket give the model's response to the last byte, and keep what
// the model keeps.
#include <droplit/server/beast.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/storage/postgres.hpp>
#include <droplit/storage/sqlite.hpp>
#include <droplit/transport/loopback.hpp>

#include "support/catch.hpp"
#include "support/model/bodies.hpp"
#include "support/model/contract.hpp"
#include "support/model/service.hpp"
#include "support/model/size.hpp"
#include "support/postgres_cluster.hpp"
#include "support/socket.hpp"

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace droplit;

/// A request that is usually valid around a body of any kind.
model::Request any_request(model::Bodies& random) {
  const auto any = [&](std::initializer_list<const char*> of) {
    return std::string(of.begin()[random.below(of.size())]);
  };
  model::Request request;
  request.body = random.next();
  if (random.one_in(40)) request.method = any({"GET", "PUT", "OPTIONS", "post", "HEADS"});
  if (random.one_in(20)) {
    request.target = any({"/v0/api/clients", "/api/clients/", "/v0/api/clients/", "/api/client", "/api/clients//", "/",
                          "/v1/api/clients", "/API/clients", "/api/%63lients", "/v0/v0/api/clients"});
  }
  if (random.one_in(8)) {
    request.target += "?";
    for (auto n = random.below(4); n != 0; --n) {
      request.target +=
          any({"a", "a=1", "%61", "b%20c=d", "&", "=", "?", "%C3%A9", "%FF", "%E2%82", "%zz", "a+b", "%4", "x=&y"});
      if (random.one_in(2)) request.target += "&";
    }
  }
  for (std::size_t n = random.one_in(20) ? random.below(3) : 1; n != 0; --n) {
    request.fields.emplace_back("authorization", random.one_in(10) ? any({"client-token", "user-token", "Account-token",
                                                                          "Bearer account-token", "account-token "})
                                                                   : any({"account-token", "server-token"}));
  }
  for (std::size_t n = random.one_in(20) ? random.below(3) : 1; n != 0; --n) {
    request.fields.emplace_back(
        "content-type", random.one_in(5) ? any({"Application/JSON", "application/json; charset=UTF-8",
                                                "application/json;charset=\"utf\\-8\"; a=b", "application/json;",
                                                "application/json; charset=latin1", "text/plain", "application/jsonx",
                                                "application/json; charset", "application/json, application/json"})
                                         : "application/json");
  }
  if (random.one_in(3)) {
    const bool is_odd = random.one_in(4);
    request.fields.emplace_back(
        random.one_in(4) ? "Idempotency-Key" : "idempotency-key",
        is_odd ? any({"a b", "", "\"\"", "\"k1", "\"k1\"x", "\"k1\";a=1", "k\xC3\xA9", "\"\\k1\"", "\"k\\\\1\"", "k\\1",
                      "k\"1", "\"k\\\"1\"", "K1"})
               : any({"k1", "k2", "\"k1\"", "\"k2\"", "k3", "5f0e9a6c-42d1-4b0e-9c55-0d6e0a6f3b11"}));
    if (random.one_in(30)) request.fields.emplace_back("idempotency-key", "k1");
  }
  if (random.one_in(40))
    request.fields.emplace_back("content-encoding",
                                any({"identity", "gzip", "Identity, identity", "identity, br", ","}));
  return request;
}

/// What a store holds under the id, in the model's words.
template <class Storage>
std::optional<model::Draft> kept(Storage& storage, ClientId id) {
  const std::optional<Client> client = Outcome<std::optional<Client>>(storage.find_client(id)).value();
  if (!client) return std::nullopt;
  const auto text = [](const std::optional<Text>& t) { return t ? std::optional(t->str()) : std::nullopt; };
  return model::Draft{client->ecosystem_id().text(), std::string(to_string(client->type())), text(client->name()),
                      text(client->description())};
}

/// A server over a service, on a thread of its own.
template <class Service>
class Running {
 public:
  explicit Running(Service& service) : server_(service.endpoint), thread_([this] { server_.run(); }) {}
  ~Running() {
    server_.stop();
    thread_.join();
  }

  std::optional<model::Response> ask(const model::Request& request) {
    if (!socket_) socket_.emplace(server_.port());
    std::string text = request.method + ' ' + request.target + " HTTP/1.1\r\nhost: a\r\n";
    for (const auto& [name, value] : request.fields) text += name + ": " + value + "\r\n";
    socket_->send(text + "content-length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body);
    const auto answer = socket_->receive();
    if (!answer || answer->response.close) socket_.reset();
    if (!answer) return std::nullopt;
    return model::from_library(answer->response);
  }

 private:
  BeastServer<decltype(Service::endpoint)> server_;
  std::thread thread_;
  std::optional<test::RawSocket> socket_;
};

struct Folder {
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "droplit-model-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// Sends generated requests to three stores, the loopback and the server over a socket, and compares each with the
/// model. Where they take keys, some requests are those again that created a client under a key, and towards the end
/// the ecosystem in which most of them did is deleted.
void compare(bool takes_keys, std::size_t count) {
  const unsigned seed = model::seed();
  INFO("seed " << seed);
  model::Bodies random(seed);
  model::World world = model::world();
  world.takes_keys = takes_keys;

  MemoryStorage memory;
  MemoryStorage behind_loopback;
  MemoryStorage behind_server;
  const Folder folder;
  auto sqlite = SqliteStorage::open(folder.path / "a", {.durability = SqliteDurability::normal}).value();
  PostgresCluster cluster;
  cluster.start({"fsync=off"});
  auto postgres = PostgresStorage::open(cluster.conninfo()).value();

  model::Service in_memory(memory, takes_keys);
  model::Service in_sqlite(sqlite, takes_keys);
  model::Service in_postgres(postgres, takes_keys);
  model::Service looped(behind_loopback, takes_keys);
  model::Service served(behind_server, takes_keys);
  Running running(served);

  std::size_t created = 0;
  std::size_t replayed = 0;
  std::size_t reused = 0;
  std::vector<model::Request> created_under_key;
  for (std::size_t i = 0; i != count; ++i) {
    if (takes_keys && i == count - count / 10) {
      world.ecosystems[model::active] = model::EcosystemState::deleted;
      const EcosystemId active = *EcosystemId::parse(model::active);
      const auto remove = [active](auto&... stores) { (static_cast<void>(stores.delete_ecosystem(active)), ...); };
      remove(memory, sqlite, postgres, behind_loopback, behind_server);
    }
    const bool again = takes_keys && !created_under_key.empty() && random.one_in(8);
    const model::Request request =
        again ? created_under_key[random.below(created_under_key.size())] : any_request(random);
    for (model::OneId* const ids : {&in_memory.ids, &in_sqlite.ids, &in_postgres.ids, &looped.ids, &served.ids}) {
      ids->number = static_cast<std::uint32_t>(i);
    }
    const ClientId id = in_memory.ids.next(Timestamp::clamp_unix_millis(0));
    world.client_id = id.text();
    std::optional<model::Draft> client;
    const std::size_t keys = world.keys.size();
    const model::Response expected = model::respond(world, request, &client);
    if (client) ++created;
    if (expected.status == 201 && !client) ++replayed;
    if (expected.status == 422) ++reused;
    if (world.keys.size() != keys) created_under_key.push_back(request);

    const auto check = [&](const char* which, const std::optional<model::Response>& response, auto& storage) {
      if (response != expected) {
        FAIL("request " << i << ", " << which << ": " << request.target << "\n"
                        << request.body << "\nexpected " << model::shown(expected) << "\nis "
                        << (response ? model::shown(*response) : "none"));
      }
      if (kept(storage, id) != client)
        FAIL("request " << i << ", " << which << " keeps something else: " << request.body);
    };
    const droplit::Request plain = model::to_library(request);
    check("memory", model::from_library(in_memory.endpoint.handle(plain)), memory);
    check("sqlite", model::from_library(in_sqlite.endpoint.handle(plain)), sqlite);
    check("postgres", model::from_library(in_postgres.endpoint.handle(plain)), postgres);
    check("server", running.ask(request), behind_server);

    // The loopback adds the token itself.
    const auto tokens = model::values(request, "authorization");
    if (tokens.size() != 1) continue;
    model::Request without_token = request;
    std::erase_if(without_token.fields, [](const auto& field) { return field.first == "authorization"; });
    LoopbackTransport transport(looped.endpoint, model::trimmed(tokens[0]));
    const auto answer = transport.send(model::to_library(without_token));
    if (!answer.has_value())
      FAIL("request " << i << ": the loopback sends nothing: " << answer.assume_exception().what());
    check("loopback", model::from_library(answer.assume_value()), behind_loopback);
  }
  CHECK(created > count / (takes_keys ? 50 : 20));
  CHECK((replayed > count / 50) == takes_keys);
  CHECK((reused > count / 200) == takes_keys);
}

}  // namespace

TEST_CASE("three stores, the loopback and the server over a socket respond and keep as the model does") {
  compare(false, model::how_many(5'000, 200'000));
}

TEST_CASE("three stores, the loopback and the server over a socket keep keys as the model does") {
  compare(true, model::how_many(3'000, 100'000));
}
