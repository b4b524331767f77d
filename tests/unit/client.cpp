// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/client.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>

using namespace droplit;

static_assert(std::copyable<Client> && std::equality_comparable<Client> && !std::is_default_constructible_v<Client>);
static_assert(std::is_nothrow_move_constructible_v<Client> && std::is_nothrow_move_assignable_v<Client>);
static_assert(!std::is_constructible_v<Client, EcosystemId, Timestamp, ClientId, ClientType>);

namespace {
constexpr auto id = "594b89aea18568c408c3ad25"_client_id;
constexpr auto ecosystem = "C594b89aea18568c408c3ad24"_ecosystem_id;
const Timestamp created = *Timestamp::parse("2018-02-28T15:16:58.941Z");
}  // namespace

TEST_CASE("a client gives back what it was made of") {
  const Client client(id, created, ecosystem, ClientType::server, Text::parse("n"), Text::parse("d"));
  CHECK(client.id() == id);
  CHECK(client.created_at() == created);
  CHECK(client.ecosystem_id() == ecosystem);
  CHECK(client.type() == ClientType::server);
  CHECK(client.name() == Text::parse("n"));
  CHECK(client.description() == Text::parse("d"));
}

TEST_CASE("clients are equal if everything is, and an absent text is not an empty one") {
  const Client plain(id, created, ecosystem, ClientType::server);
  CHECK_FALSE(plain.name());
  CHECK_FALSE(plain.description());
  CHECK(plain == Client(id, created, ecosystem, ClientType::server));
  CHECK(plain != Client("W594b89aea18568c408c3ad25"_client_id, created, ecosystem, ClientType::server));
  CHECK(plain != Client(id, *Timestamp::from_unix_millis(0), ecosystem, ClientType::server));
  CHECK(plain != Client(id, created, "C594b89aea18568c408c3ad25"_ecosystem_id, ClientType::server));
  CHECK(plain != Client(id, created, ecosystem, ClientType::application));
  CHECK(plain != Client(id, created, ecosystem, ClientType::server, Text::parse("")));
  CHECK(plain != Client(id, created, ecosystem, ClientType::server, {}, Text::parse("")));
  CHECK(Client(id, created, ecosystem, ClientType::server, Text::parse("x")) !=
        Client(id, created, ecosystem, ClientType::server, {}, Text::parse("x")));
}

TEST_CASE("clients have the same draft if all but id and time of creation is equal") {
  const Client client(id, created, ecosystem, ClientType::server, Text::parse("n"), Text::parse("d"));
  CHECK(client.has_same_draft(Client("W594b89aea18568c408c3ad26"_client_id, *Timestamp::from_unix_millis(0), ecosystem,
                                     ClientType::server, Text::parse("n"), Text::parse("d"))));
  for (const Client& other :
       {Client(id, created, "C594b89aea18568c408c3ad25"_ecosystem_id, client.type(), client.name(),
               client.description()),
        Client(id, created, ecosystem, ClientType::application, client.name(), client.description()),
        Client(id, created, ecosystem, client.type(), Text::parse("m"), client.description()),
        Client(id, created, ecosystem, client.type(), {}, client.description()),
        Client(id, created, ecosystem, client.type(), client.name(), Text::parse("")),
        Client(id, created, ecosystem, client.type(), client.description(), client.name())}) {
    CHECK_FALSE(client.has_same_draft(other));
    CHECK_FALSE(other.has_same_draft(client));
  }
}

TEST_CASE("clients under keys are equal if client and replay are") {
  const Client client(id, created, ecosystem, ClientType::server);
  CHECK(KeyedClient{client, true} == KeyedClient{client, true});
  CHECK(KeyedClient{client, true} != KeyedClient{client, false});
  CHECK(KeyedClient{client, true} != KeyedClient{Client(id, created, ecosystem, ClientType::application), true});
}
