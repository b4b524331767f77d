// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/testing/fixed_clock.hpp>
#include <droplit/testing/fixed_ids.hpp>
#include <droplit/testing/storage_contract.hpp>
#include <droplit/transport/loopback.hpp>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>  // Catch2 3: link Catch2::Catch2WithMain
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>  // Catch2 2
#endif

#include <string>
#include <utility>

using namespace droplit;

namespace {

const EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
const ClientId first_id = "594b89aea18568c408c3ad25"_client_id;
const Timestamp start = Timestamp::parse("2018-02-28T15:16:58.941Z").value();

/// Your server's part for droplit, with a fixed time, known ids, and a store in memory.
struct Server {
  Server() { storage.add_ecosystem(home); }

  MemoryStorage storage;
  TokenFile access = TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  FixedClock clock{start};
  FixedIds ids{{first_id}};
  Endpoint<MemoryStorage, TokenFile, FixedClock, FixedIds> endpoint{storage, access, clock, ids};
};

Request request(std::string body) {
  Request request{"POST", "/api/clients", {}, std::move(body)};
  request.fields.add("authorization", "demo");
  request.fields.add("content-type", "application/json");
  return request;
}

}  // namespace

TEST_CASE("a response is known to the byte") {
  Server server;
  const Response response =
      server.endpoint.handle(request(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"Lobby"})"));
  CHECK(response.status == 201);
  CHECK(response.body == R"({"createdAt":"2018-02-28T15:16:58.941Z","ecosystemId":"C594b89aea18568c408c3ad24",)"
                         R"("id":"594b89aea18568c408c3ad25","name":"Lobby","type":"server"})");
  CHECK(server.storage.find_client(first_id) ==
        Client(first_id, start, home, ClientType::server, Text::parse("Lobby")));
}

TEST_CASE("a program that uses the service gets the client, without a socket") {
  Server server;
  LoopbackTransport transport(server.endpoint, "demo");
  const auto created = create_client(transport, ClientDraft(home, ClientType::application));
  CAPTURE(created);
  REQUIRE(created.has_value());
  CHECK(created.value() == Client(first_id, start, home, ClientType::application));
}

TEST_CASE("an id source that fails is a 500 without the cause") {
  Server server;
  const Request valid = request(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})");
  CHECK(server.endpoint.handle(valid).status == 201);
  CHECK(server.endpoint.handle(valid).body == R"({"errorType":"Internal Server Error"})");  // the ids are used up
}

TEST_CASE("the store keeps the contract of storages") {
  CHECK(check_storage_contract([] { return MemoryStorage(); }));  // yours instead
}
