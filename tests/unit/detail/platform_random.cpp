// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What draws random bytes, where the system has none: as in a sandbox that forbids to ask for them.
#include <droplit/id_source.hpp>
#include <droplit/random_key.hpp>
#include <droplit/sdk.hpp>
#include <droplit/sleeper.hpp>

#include "support/catch.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace droplit;

namespace {

bool has_random_bytes = false;
std::vector<std::uint64_t> given;  // instead of random bits, the last first

struct NotCalled {
  Outcome<Response> send(const Request&) {
    FAIL("a request was sent");
    return Response();
  }
};

}  // namespace

extern "C" int getentropy(void* bytes, std::size_t size) {
  if (!given.empty() && size == sizeof given.back()) {
    std::memcpy(bytes, &given.back(), size);
    given.pop_back();
    return 0;
  }
  if (!has_random_bytes) return -1;
  return ::syscall(SYS_getrandom, bytes, size, 0) == static_cast<long>(size) ? 0 : -1;
}

TEST_CASE("without random bytes an id is a fault that was not applied, until there are some") {
  const ObjectIds ids;
  for (int i = 0; i != 3; ++i) {
    const auto id = ids.next(Timestamp::clamp_unix_millis(0));
    REQUIRE(id.has_exception());
    CHECK(id.exception().source() == FaultSource::ids);
    CHECK(id.exception().fate() == Fate::not_applied);
    CHECK(id.exception().what() == "no random bytes");
  }
  has_random_bytes = true;
  CHECK(ids.next(Timestamp::clamp_unix_millis(0)).has_value());
  has_random_bytes = false;  // those of the process are drawn
  CHECK(ids.next(Timestamp::clamp_unix_millis(0)).has_value());
}

TEST_CASE("the first number is the random bits, in the lower half of its counter, and each other one is one more") {
  process::Numbers numbers(nullptr);
  given = {~std::uint64_t{0}};
  for (std::uint64_t i = 0; i != 4; ++i) CHECK(numbers.next(0) == 0xFFFF'FFFF'FF7F'FFFF + i);
  process::Numbers others(nullptr);
  given = {0x100'0000, 0xFF'FFFF, 0};  // drawn again while nothing but the counter has bits
  CHECK(others.next(0) == 0x100'0000);
  CHECK(given.empty());
}

TEST_CASE("without random bytes there is no random key, and the SDK sends nothing that would need one") {
  CHECK_FALSE(random_key());
  NotCalled transport;
  Sdk droplit(transport, {.idempotency = true});
  const auto outcome = droplit.clients.create("C594b89aea18568c408c3ad24", "server").outcome;
  REQUIRE(outcome.has_exception());
  CHECK(outcome.exception().source() == FaultSource::library);
  CHECK(outcome.exception().fate() == Fate::not_sent);
}

TEST_CASE("without random bytes the bits of delays are those of the clock") {
  const SystemSleeper sleeper;
  const auto first = sleeper.random_bits();
  for (const std::int64_t begin = sleeper.now(); sleeper.now() == begin;) {
  }
  CHECK(sleeper.random_bits() != first);
}
