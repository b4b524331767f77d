// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/bytes16.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

using droplit::detail::Bytes16;

namespace {

constexpr std::string_view text = "0123456789abcdef";

std::string stored(Bytes16 bytes) {
  std::string out(Bytes16::size, '\0');
  bytes.store(out.data());
  return out;
}

}  // namespace

TEST_CASE("sixteen bytes are those in a row, two times eight, or sixteen times one") {
  CHECK(stored(Bytes16(text.data())) == text);
  CHECK(stored(Bytes16(text.data() + 8, text.data() + 1)) == "89abcdef12345678");
  CHECK(stored(Bytes16::each(0xFE)) == std::string(16, '\xFE'));
}

TEST_CASE("an operation is done with each byte") {
  std::mt19937 random(7);
  std::string first(text);
  std::string second(text);
  const auto expected = [&](auto operation) {
    std::string out(text.size(), '\0');
    for (std::size_t i = 0; i != out.size(); ++i) {
      const int x = static_cast<unsigned char>(first[i]);
      const int y = static_cast<unsigned char>(second[i]);
      out[i] = static_cast<char>(operation(x, y));
    }
    return out;
  };
  for (std::size_t round = 0; round != 500; ++round) {
    for (char& c : first) c = static_cast<char>(random());
    for (char& c : second) c = static_cast<char>(random());
    second[random() % 16] = first[random() % 16];
    second[round % 16] = first[round % 16];
    const Bytes16 a(first.data());
    const Bytes16 b(second.data());
    const int c = static_cast<unsigned char>(second[0]);
    REQUIRE(stored(equal(a, b)) == expected([](int x, int y) { return x == y ? 0xFF : 0; }));
    REQUIRE(stored(a | b) == expected([](int x, int y) { return x | y; }));
    REQUIRE(stored(a & b) == expected([](int x, int y) { return x & y; }));
    REQUIRE(stored(a ^ b) == expected([](int x, int y) { return x ^ y; }));
    REQUIRE(stored(a + b) == expected([](int x, int y) { return x + y; }));
    REQUIRE(stored(a - b) == expected([](int x, int y) { return x - y; }));
    REQUIRE(stored(minimum(a, b)) == expected([](int x, int y) { return std::min(x, y); }));
    REQUIRE(stored(excess(a, b)) == expected([](int x, int y) { return std::max(x - y, 0); }));
    REQUIRE(stored(is_byte(a, c)) == expected([c](int x, int) { return x == c ? 0xFF : 0; }));
    REQUIRE(stored(excess(a, c)) == expected([c](int x, int) { return std::max(x - c, 0); }));
    REQUIRE(stored(is_at_most(a, c)) == expected([c](int x, int) { return x <= c ? 0xFF : 0; }));
  }
}

TEST_CASE("the highest bit of a byte is at its place") {
  for (std::size_t at = 0; at != 16; ++at) {
    std::string bytes(16, '\x7F');
    bytes[at] = '\x80';
    CHECK(Bytes16(bytes.data()).high_bits() == 1U << at);
  }
}

TEST_CASE("pairs of four bits are stored as eight bytes") {
  std::string digits(16, '\0');
  for (std::size_t i = 0; i != digits.size(); ++i) digits[i] = static_cast<char>(15 - i);
  std::array<std::uint8_t, 9> out{};
  Bytes16(digits.data()).store_pairs(out.data());
  CHECK(out == std::array<std::uint8_t, 9>{0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10, 0});
}
