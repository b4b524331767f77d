// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/fast/hex.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>

namespace {

using droplit::ClientId;
using droplit::EcosystemId;

/// Digits in exactly their own memory, so that a sanitizer finds a read beyond them.
bool read(std::string_view digits, EcosystemId::Bytes& bytes) {
  const auto memory = std::make_unique<char[]>(24);
  digits.copy(memory.get(), 24);
  return droplit::detail::read_hex24(memory.get(), bytes);
}

}  // namespace

TEST_CASE("every character at every place is a digit exactly where it is one in an id") {
  for (std::size_t at = 0; at != 24; ++at) {
    for (int c = 0; c != 256; ++c) {
      std::string digits = "594b89aea18568c408c3ad24";
      digits[at] = static_cast<char>(c);
      const auto id = ClientId::parse(digits);
      EcosystemId::Bytes bytes{};
      REQUIRE(read(digits, bytes) == id.has_value());
      if (id) REQUIRE(bytes == id->bytes());
    }
  }
}

TEST_CASE("the bytes are those that the digits of an id were written from") {
  std::mt19937 random(11);
  for (int round = 0; round != 10'000; ++round) {
    EcosystemId::Bytes bytes;
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    EcosystemId::Bytes again{};
    REQUIRE(read(ClientId(bytes).text(), again));
    REQUIRE(again == bytes);
  }
}
