// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A whole request takes at most four times its body's size in memory, its answer included, whatever the body holds.
#include <droplit/endpoint.hpp>

#include "support/catch.hpp"
#include "support/contract_cases.hpp"
#include "support/memory.hpp"

#include <string>

namespace {

/// Keeps nothing, so that what is counted is the library's.
struct Forgets {
  droplit::Insertion insert(const droplit::Client&) const noexcept { return droplit::Insertion::inserted; }
};

template <class Piece>
std::string filled(std::string begin, Piece piece, std::string_view end) {
  for (int i = 0; begin.size() < 1024 * 1024 - 25000; ++i) begin += piece(i);
  return begin.append(end);
}

/// The most memory of one request, as a multiple of its body; the body comes in pieces of 16 KiB.
double multiple(const std::string& body, int status) {
  contract::World world;
  Forgets storage;
  droplit::Endpoint endpoint(storage, world.access, world.clock, world.ids);
  const memory::Counted counted;
  {
    droplit::Response response;
    decltype(endpoint)::Steps steps(endpoint);
    droplit::RequestHead head("POST", "/api/clients");
    head.add("authorization", contract::account_token);
    head.add("content-type", "application/json");
    REQUIRE(steps.head(head, {}, response));
    std::string_view rest = body;
    for (; rest.size() > 16384; rest.remove_prefix(16384)) REQUIRE(steps.body(rest.substr(0, 16384), response));
    if (steps.finish(rest, response)) steps.complete(response);
    CHECK(response.status == status);
  }
  return static_cast<double>(counted.most()) / static_cast<double>(body.size());
}

const std::string required = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server")";

}  // namespace

TEST_CASE("a text of a MiB, repeated in the response") {
  CHECK(multiple(filled(
                     required + ",\"name\":\"", [](int) { return "x"; }, "\"}"),
                 201) <= 4);
  CHECK(multiple(filled(
                     required + ",\"name\":\"", [](int) { return "\\n"; }, "\"}"),
                 201) <= 4);
}

TEST_CASE("unknown names, all to be listed") {
  const auto name = [](const std::string& before) {
    return [before](int i) { return "\"" + before + std::to_string(i) + "\":0,"; };
  };
  CHECK(multiple(filled("{", name(""), "\"type\":\"server\"}"), 400) <= 4);
  CHECK(multiple(filled("{", name(std::string(50, 'p')), "\"type\":\"server\"}"), 400) <= 4);
  CHECK(multiple(filled("{", name(std::string(20000, 'p')), "\"type\":\"server\"}"), 400) <= 4);
  CHECK(multiple(filled(
                     "{", [](int) { return "\"\":0,"; }, "\"type\":\"server\"}"),
                 400) <= 4);
}
