// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/idempotency_key.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

using droplit::IdempotencyKey;

static_assert(std::copyable<IdempotencyKey> && std::equality_comparable<IdempotencyKey> &&
              !std::is_default_constructible_v<IdempotencyKey>);
static_assert(std::is_nothrow_move_constructible_v<IdempotencyKey>);
static_assert(!std::is_constructible_v<IdempotencyKey, std::string>);

namespace {

// The rule a second time, for values without quotation marks and backslashes at the wrong place.
bool is_key(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x21 || static_cast<unsigned char>(c) > 0x7E) return false;
  }
  return !text.empty() && text.size() <= 255;
}

std::string in_quotes(std::string_view key) {
  std::string value = "\"";
  for (const char c : key) {
    if (c == '"' || c == '\\') value += '\\';
    value += c;
  }
  return value + '"';
}

}  // namespace

TEST_CASE("a key is 1 to 255 characters from 0x21 to 0x7E") {
  for (int c = 0; c != 256; ++c) {
    for (const std::string& text : {std::string(1, static_cast<char>(c)), std::string("a") + static_cast<char>(c),
                                    static_cast<char>(c) + std::string("a")}) {
      const auto key = IdempotencyKey::parse(text);
      if (key.has_value() != is_key(text)) FAIL_CHECK(c);
      if (key && key->str() != text) FAIL_CHECK(c);
    }
  }
  for (std::size_t size = 0; size != 600; ++size) {
    if (IdempotencyKey::parse(std::string(size, 'k')).has_value() != (size >= 1 && size <= 255)) FAIL_CHECK(size);
  }
}

TEST_CASE("the value of a field is a key, or the same key as a string of RFC 8941") {
  std::mt19937 random(8941);
  for (int i = 0; i != 20000; ++i) {
    std::string text;
    for (auto n = random() % (random() % 8 == 0 ? 300 : 6); n != 0; --n) {
      const auto kind = random() % 40;
      if (kind == 0) {
        text += static_cast<char>(random() % 256);
      } else if (kind < 12) {
        text += std::string_view("\"\\;, ")[random() % 5];
      } else {
        text += static_cast<char>('!' + static_cast<int>(random() % 94));
      }
    }
    const auto key = IdempotencyKey::parse(text);
    if (key.has_value() != is_key(text)) FAIL(text);
    if (!text.starts_with('"') && IdempotencyKey::parse_field(text) != key) FAIL(text);
    if (IdempotencyKey::parse_field(in_quotes(text)) != key) FAIL(text);
    if (key && IdempotencyKey::parse_field(key->field_value()) != key) FAIL(text);
  }
  CHECK(IdempotencyKey::parse_field("k") == IdempotencyKey::parse_field("\"k\""));
}

TEST_CASE("what begins with a quotation mark is one whole string without parameters") {
  for (const char* value : {"\"", "\"\"", "\"a", "\"a\\", "\"a\\\"", "\"\\a\"", "\"a\"b", "\"a\" ", "\"a\";b",
                            "\"a\"\"", "\"a\", \"b\"", "\"a b\"", "\"\xC3\xA9\""}) {
    if (IdempotencyKey::parse_field(value)) FAIL_CHECK(value);
  }
  CHECK(IdempotencyKey::parse_field("a\"b")->str() == "a\"b");
  CHECK(IdempotencyKey::parse_field("a\\")->str() == "a\\");
  CHECK(IdempotencyKey::parse_field("\"\\\"\"")->str() == "\"");
  CHECK(IdempotencyKey::parse_field("\"\\\\\"")->str() == "\\");
}

TEST_CASE("keys are equal if each of their characters is") {
  const auto key = [](const char* text) { return *IdempotencyKey::parse(text); };
  CHECK(key("a") == key("a"));
  CHECK(key("a") != key("A"));
  CHECK(key("a") != key("aa"));
  const IdempotencyKey kept = key("a");
  CHECK(key("a").str() == "a");  // no view of a key that is about to be destroyed
  CHECK(std::move(kept).str() == "a");
  CHECK(kept.str() == "a");
  std::ostringstream out;
  out << kept;
  CHECK(out.str() == R"("a")");
  static_assert(std::is_same_v<decltype(key("a").str()), std::string>);
}

TEST_CASE("a key is remembered for 48 hours to 100 years, 30 days by default") {
  using droplit::detail::bounded_key_age, droplit::detail::default_key_age;
  constexpr std::int64_t hour = 3'600'000;
  static_assert(default_key_age == 30 * 24 * hour && bounded_key_age(default_key_age) == default_key_age);
  for (const std::int64_t less : {(std::numeric_limits<std::int64_t>::min)(), std::int64_t{0}, 48 * hour - 1}) {
    CHECK(bounded_key_age(less) == 48 * hour);
  }
  CHECK(bounded_key_age(48 * hour + 1) == 48 * hour + 1);
  constexpr std::int64_t century = 36'525 * 24 * hour;
  CHECK(bounded_key_age(century) == century);
  CHECK(bounded_key_age(century + 1) == century);
  CHECK(bounded_key_age((std::numeric_limits<std::int64_t>::max)()) == century);
}
