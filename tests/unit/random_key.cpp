// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/random_key.hpp>

#include "support/catch.hpp"

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

using namespace droplit;

TEST_CASE("a random key is the time in milliseconds, then 32 hex digits, each of which takes every value") {
  std::array<std::set<char>, 32> seen;
  std::set<std::string> keys;
  for (int i = 0; i != 2'000; ++i) {
    const std::int64_t before = SystemClock().now().unix_millis();
    const auto key = random_key();
    REQUIRE(key);
    REQUIRE(key->str().size() == 12 + seen.size());
    REQUIRE(key->str().find_first_not_of("0123456789abcdef") == std::string::npos);
    const std::int64_t time = std::stoll(key->str().substr(0, 12), nullptr, 16);
    const std::int64_t after = SystemClock().now().unix_millis();
    if (before <= after) CHECK((before <= time && time <= after));  // else the clock was set back meanwhile
    for (std::size_t at = 0; at != seen.size(); ++at) seen[at].insert(key->str()[12 + at]);
    keys.insert(key->str().substr(12));
  }
  CHECK(keys.size() == 2'000);
  for (const auto& digits : seen) CHECK(digits.size() == 16);
}

#if !defined(_WIN32)  // where no process continues its parent
TEST_CASE("a child process makes other keys than its parent") {
  static_cast<void>(random_key());  // whatever it may keep is there before the fork
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto key = random_key();
    const bool written = key && ::write(pipe[1], key->str().data() + 12, 32) == 32;
    ::_exit(written ? 0 : 1);
  }
  ::close(pipe[1]);
  std::array<char, 32> theirs{};
  CHECK(::read(pipe[0], theirs.data(), theirs.size()) == 32);
  ::close(pipe[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(random_key()->str().substr(12) != std::string(theirs.data(), theirs.size()));
}
#endif
