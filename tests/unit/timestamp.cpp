// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/timestamp.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <type_traits>

using namespace droplit;

static_assert(std::is_trivially_copyable_v<Timestamp> && std::totally_ordered<Timestamp>);
static_assert(!std::is_default_constructible_v<Timestamp> && !std::is_constructible_v<Timestamp, std::int64_t>);
static_assert(sizeof(Timestamp) == 8);

// Made at compile time, with figures from elsewhere (GNU date).
static_assert(Timestamp::parse("2018-02-28T15:16:58.941Z")->unix_millis() == 1519831018941);
static_assert(Timestamp::parse("1970-01-01T00:00:00.000Z")->unix_millis() == 0);
static_assert(Timestamp::parse("0000-01-01T00:00:00.000Z")->unix_millis() == Timestamp::min_unix_millis);
static_assert(Timestamp::parse("9999-12-31T23:59:59.999Z")->unix_millis() == Timestamp::max_unix_millis);

namespace {
constexpr std::int64_t least = (std::numeric_limits<std::int64_t>::min)();
constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();

std::string text(std::int64_t millis) { return Timestamp::from_unix_millis(millis)->text(); }
}  // namespace

TEST_CASE("the text is ISO 8601 with milliseconds and Z") {
  CHECK(text(1519831018941) == "2018-02-28T15:16:58.941Z");
  CHECK(text(0) == "1970-01-01T00:00:00.000Z");
  CHECK(text(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(text(951782400000) == "2000-02-29T00:00:00.000Z");
  CHECK(text(4107542400000) == "2100-03-01T00:00:00.000Z");
  CHECK(text(4107542399999) == "2100-02-28T23:59:59.999Z");
  CHECK(text(1483228799000) == "2016-12-31T23:59:59.000Z");
  CHECK(text(4294967295000) == "2106-02-07T06:28:15.000Z");
  CHECK(text(Timestamp::min_unix_millis) == "0000-01-01T00:00:00.000Z");
  CHECK(text(Timestamp::max_unix_millis) == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("instant to text to instant is the identity, and texts are in the order of the instants") {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::int64_t> any(Timestamp::min_unix_millis, Timestamp::max_unix_millis);
  for (int i = 0; i != 100000; ++i) {
    const auto a = *Timestamp::from_unix_millis(any(random));
    const auto b = *Timestamp::from_unix_millis(any(random));
    if (Timestamp::parse(a.text()) != a || (a < b) != (a.text() < b.text())) FAIL(a.text() << ' ' << b.text());
  }
}

TEST_CASE("every day of 10,000 years has its text, counted from the one before") {
  std::int64_t millis = Timestamp::min_unix_millis;
  for (int year = 0; year != 10000; ++year) {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    const int days[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= days[month - 1]; ++day, millis += 86400000) {
        char expected[32];
        std::snprintf(expected, sizeof expected, "%04d-%02d-%02dT", year, month, day);
        char got[Timestamp::text_size];
        Timestamp::from_unix_millis(millis)->write(got);
        if (std::string_view(got, 11) != expected) FAIL(expected);
      }
    }
  }
  CHECK(millis == Timestamp::max_unix_millis + 1);
}

TEST_CASE("every second of a day has its text") {
  for (int second = 0; second != 86400; ++second) {
    char expected[32];
    std::snprintf(expected, sizeof expected, "1970-01-01T%02d:%02d:%02d.", second / 3600, second / 60 % 60,
                  second % 60);
    for (const int milli : {0, 999}) {
      const std::string found = text(second * 1000 + milli);
      if (found != expected + std::string(milli == 0 ? "000Z" : "999Z")) FAIL(found);
    }
  }
}

TEST_CASE("outside the years 0000 to 9999 there is no timestamp") {
  CHECK_FALSE(Timestamp::from_unix_millis(Timestamp::min_unix_millis - 1));
  CHECK_FALSE(Timestamp::from_unix_millis(Timestamp::max_unix_millis + 1));
  CHECK_FALSE(Timestamp::from_unix_millis(least));
  CHECK_FALSE(Timestamp::from_unix_millis(most));
  CHECK(Timestamp::clamp_unix_millis(least).text() == "0000-01-01T00:00:00.000Z");
  CHECK(Timestamp::clamp_unix_millis(most).text() == "9999-12-31T23:59:59.999Z");
  CHECK(Timestamp::clamp_unix_millis(Timestamp::min_unix_millis - 1).unix_millis() == Timestamp::min_unix_millis);
  CHECK(Timestamp::clamp_unix_millis(Timestamp::max_unix_millis + 1).unix_millis() == Timestamp::max_unix_millis);
  CHECK(Timestamp::clamp_unix_millis(5).unix_millis() == 5);
}

TEST_CASE("a date, hour, minute or second that does not exist is refused") {
  for (const char* invalid :
       {"2018-02-29T00:00:00.000Z", "1900-02-29T00:00:00.000Z", "2018-02-00T00:00:00.000Z", "2018-00-10T00:00:00.000Z",
        "2018-13-10T00:00:00.000Z", "2018-04-31T00:00:00.000Z", "2018-06-31T00:00:00.000Z", "2018-09-31T00:00:00.000Z",
        "2018-11-31T00:00:00.000Z", "2018-01-32T00:00:00.000Z", "2018-01-01T24:00:00.000Z", "2018-01-01T00:60:00.000Z",
        "2016-12-31T23:59:60.000Z", "2018-99-99T99:99:99.999Z"}) {
    INFO(invalid);
    CHECK_FALSE(Timestamp::parse(invalid));
  }
  for (const char* valid : {"2000-02-29T00:00:00.000Z", "2016-02-29T23:59:59.999Z", "2018-12-31T00:00:00.000Z"}) {
    INFO(valid);
    CHECK(Timestamp::parse(valid));
  }
}

TEST_CASE("each month has its days, in common and in leap years") {
  constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (const int year : {0, 4, 1900, 2000, 2023, 2024, 2100, 9996, 9999}) {
    const bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
    for (int month = 1; month <= 12; ++month) {
      const int last = days[month - 1] + (leap && month == 2 ? 1 : 0);
      for (int day = 0; day != 40; ++day) {
        const auto digits = [](int value, std::size_t size) {
          const std::string text = std::to_string(value);
          return std::string(size - text.size(), '0') + text;
        };
        const std::string date = digits(year, 4) + "-" + digits(month, 2) + "-" + digits(day, 2);
        const auto parsed = Timestamp::parse(date + "T00:00:00.000Z");
        if (parsed.has_value() != (day >= 1 && day <= last)) FAIL_CHECK(date);
        if (parsed && parsed->text() != date + "T00:00:00.000Z") FAIL_CHECK(date);
      }
    }
  }
}

TEST_CASE("any other form is refused") {
  const std::string valid = "2018-02-28T15:16:58.941Z";
  for (const char* invalid :
       {"", "2018-02-28", "2018-02-28T15:16:58Z", "2018-02-28T15:16:58.94Z", "2018-02-28T15:16:58.9411Z",
        "2018-02-28 15:16:58.941Z", "2018-02-28t15:16:58.941z", "2018-02-28T15:16:58,941Z", "2018-02-28T15:16:58.941",
        "2018-02-28T15:16:58.941+", "+018-02-28T15:16:58.941Z", "-018-02-28T15:16:58.941Z", " 2018-02-28T15:16:58.941Z",
        "2018-02-28T15:16:58.941Z ", "2018/02/28T15:16:58.941Z", "2018-2-28T15:16:58.9410Z"}) {
    INFO(invalid);
    CHECK_FALSE(Timestamp::parse(invalid));
  }
  for (std::size_t i = 0; i != valid.size(); ++i) {  // no character may be another kind of character
    for (const char c : {'x', ' ', '\0', '-', ':', '/', '\xFF'}) {
      std::string invalid = valid;
      if (invalid[i] == c) continue;
      invalid[i] = c;
      INFO(i);
      CHECK_FALSE(Timestamp::parse(invalid));
    }
  }
}

TEST_CASE("write says the text without a NUL and returns its end") {
  char out[Timestamp::text_size + 1];
  out[Timestamp::text_size] = '?';
  CHECK(Timestamp::parse("2018-02-28T15:16:58.941Z")->write(out) == out + Timestamp::text_size);
  CHECK(out[Timestamp::text_size] == '?');
}
