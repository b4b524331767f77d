// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/id.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_set>

using namespace droplit;

// What an id can do, and what it cannot.
static_assert(std::is_trivially_copyable_v<EcosystemId> && std::is_trivially_copyable_v<ClientId>);
static_assert(std::totally_ordered<EcosystemId> && std::totally_ordered<ClientId>);
static_assert(!std::is_default_constructible_v<EcosystemId> && !std::is_default_constructible_v<ClientId>);
static_assert(!std::is_convertible_v<EcosystemId::Bytes, EcosystemId>);
static_assert(!std::is_constructible_v<EcosystemId, std::string>);
static_assert(!std::is_constructible_v<ClientId, EcosystemId> && !std::is_constructible_v<EcosystemId, ClientId>);
static_assert(!std::equality_comparable_with<EcosystemId, ClientId>);
static_assert(!std::equality_comparable_with<EcosystemId, std::string>);
static_assert(sizeof(EcosystemId) == 12);
static_assert(EcosystemId::max_size == 25 && ClientId::max_size == 25);
static_assert(std::is_nothrow_copy_constructible_v<ClientId>);

// Made at compile time.
static_assert("C594b89aea18568c408c3ad24"_ecosystem_id == *EcosystemId::parse("C594B89AEA18568C408C3AD24"));
static_assert("594b89aea18568c408c3ad25"_client_id.bytes()[0] == 0x59);
// The bytes of a temporary are a value, so that a loop over them is right.
static_assert(std::is_same_v<decltype("594b89aea18568c408c3ad25"_client_id.bytes()), ClientId::Bytes>);
static_assert(std::is_same_v<decltype(std::declval<const ClientId&>().bytes()), const ClientId::Bytes&>);
static_assert("594b89aea18568c408c3ad25"_client_id.letter() == '\0');
static_assert("W594b89aea18568c408c3ad25"_client_id.letter() == 'W');
static_assert("C594b89aea18568c408c3ad24"_ecosystem_id.letter() == 'C');
static_assert("W594b89aea18568c408c3ad25"_client_id != "594b89aea18568c408c3ad25"_client_id);
static_assert(!EcosystemId::parse("594b89aea18568c408c3ad24"));
static_assert(ClientId::parse("594b89aea18568c408c3ad24"));

namespace {

const std::string digits = "594b89aea18568c408c3ad24";

template <class Id>
Id made_of(std::mt19937_64& random) {
  typename Id::Bytes bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return Id(bytes);
}

}  // namespace

TEST_CASE("id to text to id is the identity, and the text is canonical") {
  std::mt19937_64 random(1);
  for (int i = 0; i != 10000; ++i) {
    const auto ecosystem = made_of<EcosystemId>(random);
    const auto client = made_of<ClientId>(random);
    bool good = EcosystemId::parse(ecosystem.text()) == ecosystem && ClientId::parse(client.text()) == client &&
                ecosystem.text().size() == 25 && ecosystem.text()[0] == 'C' && client.text().size() == 24 &&
                ecosystem.text().find_first_not_of("0123456789abcdef", 1) == std::string::npos &&
                client.text().find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!good) FAIL(ecosystem.text() << ' ' << client.text());
  }
}

TEST_CASE("text to id to text only turns digits into lower case") {
  CHECK(EcosystemId::parse("C" + digits)->text() == "C594b89aea18568c408c3ad24");
  CHECK(EcosystemId::parse("C594B89AEA18568C408C3AD24")->text() == "C594b89aea18568c408c3ad24");
  CHECK(ClientId::parse("594B89AEA18568C408C3AD24")->text() == digits);
  CHECK(EcosystemId::parse("CFFFFFFFFFFFFFFFFFFFFFFFF")->text() == "Cffffffffffffffffffffffff");
  CHECK(EcosystemId::parse("C0123456789abcdefABCDEF01")->bytes() ==
        EcosystemId::Bytes{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xab, 0xcd, 0xef, 0x01});
}

TEST_CASE("a client's id takes one ASCII letter before the digits and keeps it") {
  for (int c = 0; c != 256; ++c) {
    const std::string text = static_cast<char>(c) + digits;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const auto id = ClientId::parse(text);
    if (id.has_value() != letter) FAIL(c);
    if (id && (id->text() != text || *id == *ClientId::parse(digits))) FAIL(c);
  }
  CHECK(ClientId::parse("W" + digits)->bytes() == ClientId::parse(digits)->bytes());
  CHECK(ClientId::parse("W" + digits) != ClientId::parse("w" + digits));
}

TEST_CASE("an ecosystem's id begins with a capital C and with nothing else") {
  for (int c = 0; c != 256; ++c) {
    if (EcosystemId::parse(static_cast<char>(c) + digits).has_value() != (c == 'C')) FAIL(c);
  }
  CHECK_FALSE(EcosystemId::parse(digits));
}

TEST_CASE("every character counts: only hex digits may be in any place") {
  const std::string right = "C" + digits;
  for (std::size_t i = 1; i != right.size(); ++i) {
    for (int c = 0; c != 256; ++c) {
      std::string text = right;
      text[i] = static_cast<char>(c);
      const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (EcosystemId::parse(text).has_value() != hex) FAIL(i << ' ' << c);
      if (ClientId::parse(text.substr(1)).has_value() != hex) FAIL(i << ' ' << c);
    }
  }
}

TEST_CASE("a text of another length is not an id") {
  for (std::size_t size = 0; size != 60; ++size) {
    const std::string text(size, '0');
    if (ClientId::parse(text).has_value() != (size == 24)) FAIL(size);
    if (EcosystemId::parse("C" + text).has_value() != (size == 24)) FAIL(size);
  }
  CHECK_FALSE(ClientId::parse(std::string_view()));
  CHECK_FALSE(EcosystemId::parse(std::string_view(("C" + digits).c_str(), 26)));
}

TEST_CASE("write says the text of an id without a NUL and returns its end") {
  char out[27];
  out[25] = out[24] = '?';
  CHECK(EcosystemId::parse("C" + digits)->write(out) == out + 25);
  CHECK(std::string(out, 26) == "C" + digits + "?");
  CHECK(ClientId::parse("594b89aea18568c408c3ad25")->write(out) == out + 24);
}

TEST_CASE("ids are in the order of their bytes, and hash accordingly") {
  CHECK("C000000000000000000000001"_ecosystem_id < "C000000000000000000000002"_ecosystem_id);
  CHECK("C010000000000000000000000"_ecosystem_id > "C00ffffffffffffffffffffff"_ecosystem_id);
  std::mt19937_64 random(2);
  std::set<EcosystemId> ordered;
  std::unordered_set<EcosystemId> hashed;
  std::set<std::size_t> hashes;
  for (int i = 0; i != 1000; ++i) {
    const auto id = made_of<EcosystemId>(random);
    ordered.insert(id);
    hashed.insert(id);
    hashes.insert(std::hash<EcosystemId>()(id));
  }
  CHECK(ordered.size() == 1000);
  CHECK(hashed.size() == 1000);
  CHECK(hashes.size() > 990);
  CHECK(std::hash<ClientId>()(*ClientId::parse(digits)) == std::hash<ClientId>()(*ClientId::parse(digits)));
}

TEST_CASE("ids that differ in two bytes fill the buckets of a hash table, whichever bytes these are") {
  for (std::size_t first = 0; first != 12; ++first) {
    for (std::size_t second = 0; second != 12; ++second) {
      if (second == first) continue;
      CAPTURE(first, second);
      std::set<std::size_t> buckets;
      for (unsigned i = 0; i != 4096; ++i) {
        ClientId::Bytes bytes{};
        bytes[first] = static_cast<std::uint8_t>(i);
        bytes[second] = static_cast<std::uint8_t>(i >> 8);
        buckets.insert(std::hash<ClientId>()(ClientId(bytes)) % 4096);
      }
      CHECK(buckets.size() > 2200);  // by random numbers 2589 would be hit on average
    }
  }
}
