// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// How long views are kept: the table of docs/embedding.md. Every text is gone as soon as that table says that it may
// be.
#include <droplit/endpoint.hpp>

#include "support/catch.hpp"
#include "support/contract_cases.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace {

// A text in memory of its own, of exactly its size; overwritten and freed at its end, so that AddressSanitizer sees
// later uses.
class Text {
 public:
  explicit Text(std::string_view text) : size_(text.size()), memory_(std::make_unique<char[]>(size_)) {
    std::copy(text.begin(), text.end(), memory_.get());
  }
  ~Text() { std::memset(memory_.get(), '#', size_); }
  [[nodiscard]] std::string_view view() const noexcept { return {memory_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> memory_;
};

constexpr std::string_view good =
    R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"Lobby, long enough to be no short string"})";

// Calls `use` with a valid head, of which nothing is left afterwards.
template <class Use>
auto with_head(std::string_view target, Use use) {
  const Text method("POST");
  const Text kept_target(target);
  const Text token(contract::account_token);
  const Text type("application/json");
  droplit::RequestHead head(method.view(), kept_target.view());
  {
    const Text name("authorization");  // a name is not kept
    head.add(name.view(), token.view());
  }
  head.add("content-type", type.view());
  return use(head);
}

}  // namespace

TEST_CASE("steps keep no view of the head, of a piece or of the last piece after each call") {
  for (const std::size_t cut : {std::size_t{0}, std::size_t{30}, good.size()}) {
    contract::World world;
    decltype(world.endpoint)::Steps steps(world.endpoint);
    droplit::Response response;
    REQUIRE(with_head("/api/clients",
                      [&](const auto& head) { return steps.head(head, Text("a: b\r\n").view(), response); }));
    REQUIRE(steps.body(Text(good.substr(0, cut)).view(), response));
    REQUIRE(steps.finish(Text(good.substr(cut)).view(), response));
    steps.complete(response);
    CHECK(response.status == 201);
    CHECK(world.storage.clients.at(0).name() == "Lobby, long enough to be no short string");
  }
}

TEST_CASE("an exchange keeps no view of the query, and its draft none of the body") {
  const contract::Access access;
  droplit::Exchange exchange(access);
  REQUIRE(with_head("/api/clients", [&](const auto& head) { return exchange.head(head); }).has_value());
  auto draft = exchange.draft(Text(good).view());
  REQUIRE(draft.has_value());
  exchange.reset();
  droplit::Creation creation(std::move(draft).value());
  contract::Clock clock;
  contract::Ids ids;
  REQUIRE(creation.begin(clock, ids));
  const droplit::Client& client = creation.client();
  CHECK_FALSE(creation.settle(droplit::Insertion::id_taken));
  REQUIRE(creation.begin(clock, ids));
  CHECK(&creation.client() == &client);  // the same client until the outcome
  CHECK(creation.settle(droplit::Insertion::inserted));
  const auto created = std::move(creation).outcome();
  CHECK(created.value().name() == "Lobby, long enough to be no short string");

  REQUIRE(with_head("/api/clients?first&second", [&](const auto& head) { return exchange.head(head); }).has_value());
  const auto refused = exchange.draft(Text("{}").view());
  REQUIRE(refused.has_error());
  CHECK(refused.error().violations()[0].message == "contains fields that are not allowed: [ first, second ]");
}

TEST_CASE("a response has nothing of the request's memory") {
  contract::World world;
  droplit::Response response;
  with_head("/api/clients?a", [&](const auto& head) {
    world.endpoint.handle(head, Text(good).view(), response);
    return true;
  });
  CHECK(response.status == 400);
  CHECK(response.body.find("[ a ]") != std::string::npos);
}
