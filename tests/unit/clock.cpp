// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/clock.hpp>

#include <droplit/detail/platform.hpp>
#include "support/catch.hpp"

#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

using namespace droplit;

#if !defined(_WIN32)  // there the library asks C++'s clock
// Replaces the C library's function, so that a test sets the system's clock.
static std::atomic<std::int64_t> offset_seconds{0};
static std::atomic<std::int32_t> nanos_of_second{-1};  // those of the clock if not set

extern "C" int timespec_get(std::timespec* time, int base) noexcept {
  if (base != TIME_UTC || ::clock_gettime(CLOCK_REALTIME, time) != 0) return 0;
  time->tv_sec += offset_seconds;
  if (nanos_of_second >= 0) time->tv_nsec = nanos_of_second;
  return base;
}
#endif

namespace {

struct SaysMillis {
  std::int64_t now() const { return 0; }
};

struct SaysText {
  std::string now() const { return ""; }
};

struct SaysTimePoint {
  std::chrono::system_clock::time_point now() const { return {}; }
};

struct Stands {
  Timestamp now() { return Timestamp::clamp_unix_millis(0); }
};

static_assert(Clock<SystemClock>);
static_assert(Clock<Stands>);
static_assert(!Clock<const Stands>);
static_assert(!Clock<SaysMillis>);
static_assert(!Clock<SaysText>);
static_assert(!Clock<SaysTimePoint>);
static_assert(!Clock<std::chrono::system_clock*>);
static_assert(noexcept(SystemClock().now()));

std::int64_t system_millis() {
  using namespace std::chrono;
  return floor<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

TEST_CASE("the system clock returns the system's time, in whole milliseconds rounded down") {
  for (int i = 0; i != 1000; ++i) {
    const std::int64_t before = system_millis();
    const std::int64_t now = SystemClock().now().unix_millis();
    const std::int64_t after = system_millis();
    CHECK(before <= now);
    CHECK(now <= after);
  }
}

#if !defined(_WIN32)
TEST_CASE("a millisecond is that of its first nanosecond and of its last") {
  for (const std::int32_t millis : {0, 1, 500, 999}) {
    for (const std::int32_t nanos : {0, 999'999}) {
      nanos_of_second = millis * 1'000'000 + nanos;
      CHECK(process::unix_millis() % 1000 == millis);
    }
  }
  nanos_of_second = -1;
}

TEST_CASE("when the system's clock is set back, this one returns the same instant until that has caught up") {
  const Timestamp now = SystemClock().now();
  offset_seconds = 100;
  const Timestamp ahead = SystemClock().now();
  CHECK(ahead.unix_millis() - now.unix_millis() >= 100'000);
  offset_seconds = -5'000;
  CHECK(SystemClock().now() == ahead);
  offset_seconds = 99;
  CHECK(SystemClock().now() == ahead);
  offset_seconds = 200;
  CHECK(SystemClock().now() > ahead);
}
#endif

TEST_CASE("the system clock moves") {
  const Timestamp first = SystemClock().now();
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  CHECK(SystemClock().now() > first);
}

TEST_CASE("the system clock never goes backwards, for one thread or from one to another") {
  std::atomic<std::int64_t> latest = 0;
  std::atomic<bool> backwards = false;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t != 8; ++t) {
      threads.emplace_back([&] {
        const SystemClock clock;
        for (int i = 0; i != 20000; ++i) {
          const std::int64_t seen = latest;
          const std::int64_t now = clock.now().unix_millis();
          if (now < seen) backwards = true;
          std::int64_t expected = seen;
          while (expected < now && !latest.compare_exchange_weak(expected, now)) {
          }
        }
      });
    }
  }
  CHECK(!backwards);
}

#if !defined(_WIN32)
TEST_CASE("beyond the year 9999 the system clock returns the last instant") {
  offset_seconds = 9'000'000'000'000;
  CHECK(SystemClock().now().text() == "9999-12-31T23:59:59.999Z");
  offset_seconds = 0;
  CHECK(SystemClock().now().text() == "9999-12-31T23:59:59.999Z");
}
#endif
