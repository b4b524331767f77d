// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/chrono.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

using namespace droplit;
using namespace std::chrono;

static_assert(to_sys_time(*Timestamp::from_unix_millis(5)) == sys_time<milliseconds>(milliseconds(5)));
static_assert(to_timestamp(sys_time<seconds>(seconds(2)))->unix_millis() == 2000);

TEST_CASE("a timestamp is the same instant in chrono's calendar") {
  const auto time = to_sys_time(*Timestamp::parse("2018-02-28T15:16:58.941Z"));
  CHECK(time == sys_days(year(2018) / February / 28) + hours(15) + minutes(16) + seconds(58) + milliseconds(941));
  for (std::int64_t millis = Timestamp::min_unix_millis; millis < Timestamp::max_unix_millis; millis += 86400000 * 11) {
    const auto stamp = *Timestamp::from_unix_millis(millis);
    if (to_timestamp(to_sys_time(stamp)) != stamp) FAIL(millis);
    const year_month_day date(floor<days>(to_sys_time(stamp)));
    const auto text = stamp.text();
    if (int(date.year()) != std::stoi(text.substr(0, 4)) ||
        int(unsigned(date.month())) != std::stoi(text.substr(5, 2)) ||
        int(unsigned(date.day())) != std::stoi(text.substr(8, 2))) {
      FAIL(text);
    }
  }
}

TEST_CASE("finer instants are rounded down, before 1970 too") {
  CHECK(to_timestamp(sys_time<microseconds>(microseconds(1999)))->unix_millis() == 1);
  CHECK(to_timestamp(sys_time<microseconds>(microseconds(-1)))->unix_millis() == -1);
  CHECK(to_timestamp(sys_time<nanoseconds>(nanoseconds(-1000001)))->unix_millis() == -2);
}

TEST_CASE("instants of every duration outside the years 0000 to 9999 are none, and nothing overflows") {
  CHECK(to_timestamp(sys_time<milliseconds>(milliseconds(Timestamp::max_unix_millis))));
  CHECK(to_timestamp(sys_time<milliseconds>(milliseconds(Timestamp::min_unix_millis))));
  CHECK_FALSE(to_timestamp(sys_time<milliseconds>(milliseconds(Timestamp::max_unix_millis + 1))));
  CHECK_FALSE(to_timestamp(sys_time<milliseconds>(milliseconds(Timestamp::min_unix_millis - 1))));
  CHECK(to_timestamp(sys_time<microseconds>(microseconds(Timestamp::max_unix_millis * 1000 + 999)))->unix_millis() ==
        Timestamp::max_unix_millis);
  CHECK_FALSE(to_timestamp(sys_time<microseconds>(microseconds(Timestamp::max_unix_millis * 1000 + 1000))));
  CHECK_FALSE(to_timestamp(sys_time<microseconds>(microseconds(Timestamp::min_unix_millis * 1000 - 1))));
  using Hours = duration<std::int64_t, std::ratio<3600>>;
  CHECK_FALSE(to_timestamp(sys_time<Hours>((Hours::max)())));
  CHECK_FALSE(to_timestamp(sys_time<Hours>((Hours::min)())));
  CHECK_FALSE(to_timestamp(sys_time<seconds>((seconds::max)())));
  CHECK_FALSE(to_timestamp(sys_time<milliseconds>((milliseconds::min)())));
  CHECK(to_timestamp(sys_time<nanoseconds>((nanoseconds::max)()))->text() == "2262-04-11T23:47:16.854Z");
  CHECK(to_timestamp(sys_time<nanoseconds>((nanoseconds::min)()))->text() == "1677-09-21T00:12:43.145Z");
}

TEST_CASE("ticks may be unsigned, or wider than 64 bits") {
  using Unsigned = duration<std::uint64_t, std::nano>;
  CHECK(to_timestamp(sys_time<Unsigned>(Unsigned(10'000'000'000'000'000'000U)))->text() == "2286-11-20T17:46:40.000Z");
  CHECK(to_timestamp(sys_time<Unsigned>(Unsigned(1'999'999)))->unix_millis() == 1);
#if defined(__SIZEOF_INT128__)
  __extension__ typedef __int128 Int128;
  using Wide = duration<Int128, std::atto>;
  CHECK(to_timestamp(sys_time<Wide>(Wide(Int128{-1'000'000'000'000'000'001} * 1000)))->unix_millis() == -1'000'001);
#endif
}

TEST_CASE("odd ticks overflow nothing") {
  using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 3579545>>;
  const std::int64_t seconds = 64092211200;  // 4001-01-01
  const auto time = droplit::to_timestamp(std::chrono::sys_time<Ticks>(Ticks(seconds * 3579545 + 3579545 / 2)));
  REQUIRE(time.has_value());
  CHECK(time->text() == "4001-01-01T00:00:00.499Z");
  using Frames = std::chrono::duration<std::int64_t, std::ratio<1001, 30000>>;
  CHECK(droplit::to_timestamp(std::chrono::sys_time<Frames>(Frames(1)))->unix_millis() == 33);
  CHECK(droplit::to_timestamp(std::chrono::sys_time<Frames>(Frames(-1)))->unix_millis() == -34);
  CHECK(droplit::to_timestamp(std::chrono::sys_time<Frames>(Frames(-30)))->unix_millis() == -1001);
}
