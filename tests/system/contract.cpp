// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The contract, case by case, through every entry point of the core: each response is the one in tests/data/contract.
#include "support/contract_cases.hpp"

#include <droplit/create_client.hpp>
#include <droplit/draft_parser.hpp>
#include <droplit/router.hpp>

#include "support/catch.hpp"
#include "support/piece.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace droplit;

const std::vector<contract::Case>& cases(bool keys = false) {
  static const std::vector<contract::Case> all[] = {contract::read_cases(false), contract::read_cases(true)};
  return all[keys ? 1 : 0];
}

using test::Piece;

/// Where a body of this size is cut: everywhere if it is short, else at its ends, around powers of two and in between.
std::vector<std::size_t> cuts(std::size_t size, std::size_t everywhere) {
  std::set<std::size_t> at{0, size};
  const std::size_t step = size <= everywhere ? 1 : std::max<std::size_t>(1, size / 5);
  for (std::size_t i = 0; i < size; i += step) at.insert(i);
  for (std::size_t i = 1; i <= size; i *= 4) at.insert({i - 1, i, size - i});
  return {at.begin(), at.end()};
}

void compare(const contract::Case& expected, const Response& answer, const contract::World& world, const char* door) {
  std::string difference = contract::difference(expected, answer);
  if (world.storage.clients.size() != expected.created()) difference += "\nand the storage is wrong";
  if (difference.empty()) return;
  FAIL_CHECK("through " << door << ": " << difference);
}

using Steps = decltype(contract::World::endpoint)::Steps;

/// The whole request through an endpoint's steps, its body cut in two. The head is gone before the body is read.
void in_steps(Steps& steps, const contract::Case& one, std::size_t cut, Response& response) {
  {
    const Request request = one.request();
    RequestHead head(request.method, request.target);
    for (const HeaderField field : request.fields) head.add(field.name, field.value);
    if (!steps.head(head, {}, response)) return;
  }
  if (!steps.body(Piece(std::string_view(one.body).substr(0, cut)), response)) return;
  if (steps.finish(Piece(std::string_view(one.body).substr(cut)), response)) steps.complete(response);
}

Response to_wire(contract::World& world, Outcome<ClientDraft> draft) {
  if (!draft) return to_response(Outcome<Client>(std::move(draft).as_failure()));
  return to_response(create_client(world.storage, world.clock, world.ids, std::move(draft).assume_value()));
}

}  // namespace

TEST_CASE("the contract has been read") {
  for (const bool keys : {false, true}) {
    REQUIRE(cases(keys).size() >= 1000);
    std::set<int> statuses;
    std::set<std::string> sentences;
    for (const contract::Case& one : cases(keys)) {
      statuses.insert(one.status);
      if (!sentences.insert(one.where).second) FAIL_CHECK("twice: " << one.where);
    }
    std::set<int> expected{200, 201, 400, 401, 403, 404, 405, 413};
    if (keys) expected.insert(422);
    CHECK(statuses == expected);
  }
  const auto with_keys =
      std::count_if(cases(true).begin(), cases(true).end(), [](const auto& one) { return one.keys; });
  CHECK(with_keys >= 90);
}

TEST_CASE("every case through Endpoint::handle") {
  for (const bool keys : {false, true}) {
    for (const contract::Case& one : cases(keys)) {
      contract::World world(keys);
      compare(one, world.endpoint.handle(one.request()), world, "Endpoint::handle");
    }
  }
}

TEST_CASE("an endpoint over a storage that keeps no keys does not take them, whatever its options say") {
  struct Unkeyed {
    contract::Storage kept;
    Insertion insert(const Client& client) { return kept.insert(client); }
  };
  static_assert(KeyedStorage<contract::Storage> && !KeyedStorage<Unkeyed>);
  for (const contract::Case& one : cases()) {
    contract::World world;
    Unkeyed storage;
    Endpoint endpoint(storage, world.access, world.clock, world.ids, {.idempotency_keys = true});
    CHECK_FALSE(endpoint.options().idempotency_keys);
    const Response response = endpoint.handle(one.request());
    world.storage = storage.kept;
    compare(one, response, world, "Endpoint::handle");
  }
}

TEST_CASE("every case one after another through one endpoint and one response") {
  for (const bool keys : {false, true}) {
    Response response;
    contract::World world(keys);
    for (const contract::Case& one : cases(keys)) {
      world.storage.clients.clear();
      world.endpoint.handle(one.request(), response);
      compare(one, response, world, "Endpoint::handle with a used response");
    }
  }
}

TEST_CASE("every case one after another through the steps of one connection") {
  for (const bool keys : {false, true}) {
    Response response;
    contract::World world(keys);
    Steps steps(world.endpoint);
    for (const contract::Case& one : cases(keys)) {
      world.storage.clients.clear();
      in_steps(steps, one, one.body.size() / 2, response);
      compare(one, response, world, "Endpoint::Steps of a connection");
    }
  }
}

TEST_CASE("every case through a router of the endpoint and another handler") {
  struct {
    Route route{"GET", "/api/ecosystems/{id}", true};
    Response handle(const Request&) const { return {}; }
  } other;
  for (const bool keys : {false, true}) {
    for (const contract::Case& one : cases(keys)) {
      contract::World world(keys);
      Router router(other, world.endpoint);
      compare(one, router.handle(one.request()), world, "Router::handle");
    }
  }
}

TEST_CASE(
    "an endpoint that leaves OPTIONS out refuses it as any other method, and responds otherwise as the contract says") {
  std::size_t left_out = 0;
  for (contract::Case one : cases()) {
    contract::World world;
    Endpoint endpoint(world.storage, world.access, world.clock, world.ids, {.serve_options = false});
    if (one.status == 200) {
      one.status = 405;
      one.answer_type.clear();
      one.answer_body.clear();
    }
    if (one.status == 405) {
      REQUIRE(one.answer_fields == decltype(one.answer_fields){{"allow", "OPTIONS, POST"}});
      one.answer_fields[0].second = "POST";
      ++left_out;
    }
    compare(one, endpoint.handle(one.request()), world, "Endpoint::handle without OPTIONS");
  }
  CHECK(left_out > 20);
}

TEST_CASE("every case through the endpoint's steps, its body cut in two") {
  const auto check = [](const contract::Case& one, bool keys) {
    for (const std::size_t cut : cuts(one.body.size(), 300)) {
      contract::World world(keys);
      Steps steps(world.endpoint);
      Response response;
      in_steps(steps, one, cut, response);
      compare(one, response, world, "Endpoint::Steps");
    }
  };
  for (const contract::Case& one : cases()) check(one, false);
  for (const contract::Case& one : cases(true)) {
    if (one.keys) check(one, true);
  }
}

TEST_CASE("every body through parse_draft, whole, in two pieces and byte by byte") {
  std::size_t number = 0;
  DraftParser used;
  for (const contract::Case& one : cases()) {
    if (!one.only_body || one.status == 413) continue;
    ++number;
    {
      contract::World world;
      compare(one, to_wire(world, parse_draft(Piece(one.body))), world, "parse_draft");
    }
    {
      contract::World world;
      for (const char c : one.body) {
        if (!used.write(Piece({&c, 1}))) break;
      }
      compare(one, to_wire(world, used.finish()), world, "DraftParser, byte by byte");
      used.reset();
    }
    {
      contract::World world;
      for (const char c : one.body) used.write(Piece({&c, 1}));  // going on after a false changes nothing
      compare(one, to_wire(world, used.finish()), world, "DraftParser, byte by byte and never stopped");
      used.reset();
    }
    for (const std::size_t cut : cuts(one.body.size(), 100)) {
      contract::World world;
      used.write(Piece(std::string_view(one.body).substr(0, cut)));
      compare(one, to_wire(world, used.finish(Piece(std::string_view(one.body).substr(cut)))), world,
              "DraftParser, in two pieces");
      used.reset();
    }
  }
  CHECK(number >= 500);
}

TEST_CASE("every refusal in the contract is read back to an error that is written as the same bytes") {
  for (const contract::Case& one : cases(true)) {
    contract::World world(true);
    const Response answer = world.endpoint.handle(one.request());
    const auto error = read_error(answer);
    if (error.has_value() != (one.status >= 400)) {
      FAIL_CHECK(one.where);
    } else if (error) {
      Response again;
      write_response(again, *error, answer.fields.get("allow"));
      if (again != answer) FAIL_CHECK(one.where);
    }
  }
}
