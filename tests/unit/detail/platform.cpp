// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// In a system that only notes how long it is to sleep, and whose `madvise` responds as it is told.
#include <droplit/detail/platform.hpp>
#include <droplit/sleeper.hpp>

#include "support/catch.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <ctime>

using namespace droplit;

namespace {

timespec slept{};

std::int64_t nanos(const timespec& time) {
  const std::int64_t seconds = time.tv_sec;
  return seconds * 1'000'000'000 + time.tv_nsec;
}

std::int64_t time_of(clockid_t clock) {
  timespec time{};
  REQUIRE(::clock_gettime(clock, &time) == 0);
  return nanos(time);
}

}  // namespace

extern "C" int nanosleep(const timespec* time, timespec*) {
  slept = *time;
  return 0;
}

TEST_CASE("a sleep is as long as is asked") {
  for (const int millis : {1, 20, 999, 1000, 1001, 59'999, 60'000}) {
    CAPTURE(millis);
    process::sleep_millis(millis);
    CHECK(nanos(slept) == std::int64_t{millis} * 1'000'000);
    CHECK(slept.tv_nsec < 1'000'000'000);
  }
}

TEST_CASE("the system's sleeper sleeps for what is left") {
  const SystemSleeper sleeper;
  slept = {};
  sleeper.sleep_until(sleeper.now() + 20);
  CHECK(nanos(slept) >= 1'000'000);
  CHECK(nanos(slept) <= 20'000'000);
}

TEST_CASE("the clocks are those of the system, in nanoseconds") {
  for (int i = 0; i != 100; ++i) {
    const std::int64_t before = time_of(CLOCK_MONOTONIC);
    const std::int64_t time = process::steady_nanos();
    CHECK(before <= time);
    CHECK(time <= time_of(CLOCK_MONOTONIC));
  }
  const std::int64_t steady = process::steady_nanos();
  CHECK(steady <= process::boot_nanos());
}

#if defined(MADV_WIPEONFORK)
namespace {

void* advised = nullptr;
int of_unknown_advice = 0;
int of_clearing = 0;

}  // namespace

extern "C" int madvise(void* pages, std::size_t, int advice) noexcept {
  advised = pages;
  return advice == MADV_WIPEONFORK ? of_clearing : of_unknown_advice;
}

TEST_CASE("memory is cleared in a child where the system says so, unless it says so of what it does not know") {
  constexpr std::size_t size = 65536;
  for (const int unknown : {-1, 0}) {
    for (const int clearing : {-1, 0}) {
      CAPTURE(unknown, clearing);
      of_unknown_advice = unknown;
      of_clearing = clearing;
      void* const memory = process::memory_cleared_in_child(size);
      const bool is_mapped = ::msync(advised, size, MS_ASYNC) == 0;
      const bool is_cleared = unknown != 0 && clearing == 0;
      CHECK(memory == (is_cleared ? advised : nullptr));
      CHECK(is_mapped == is_cleared);
      if (memory != nullptr) ::munmap(memory, size);
    }
  }
  CHECK(process::memory_cleared_in_child(~std::size_t{0} / 2) == nullptr);
}
#endif
