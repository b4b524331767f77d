// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// simulation FIRST-SEED REQUESTS: simulates services, each from the next seed, until so many requests were sent.
// simulation --trace SEED: one of them, with all that happens. Either may begin with --fault NAME, in a program whose
// headers are those of faults.cmake. The exit status is 1 if something was found, 2 if it was not called so.
#include "world.hpp"

#if __has_include(<simulation_faults.hpp>)
#include <simulation_faults.hpp>
#else
namespace droplit_faults {
inline int active = -1;
}
inline constexpr const char* fault_names[] = {""};
#endif

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// Simulates one service. Returns the hash of all that happened.
std::uint64_t simulate(std::uint64_t seed, std::vector<std::string>& found) {
  sim::World world(seed);
  found = world.run();
  world.clear();
  return sim::scheduler().hash();
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

using Bytes = droplit::ClientId::Bytes;

Bytes next_id() { return droplit::ObjectIds().next(*droplit::Timestamp::from_unix_millis(0)).value().bytes(); }

/// Whether a process and its child make different ids.
bool forks_apart() {
  sim::scheduler().reset(1);
  sim::Process parent;
  sim::scheduler().enter(&parent);
  std::set<Bytes> made{next_id()};
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) {
    sim::scheduler().reset(2);
    sim::Process process;
    sim::scheduler().enter(&process);
    for (int i = 0; i != 3; ++i) {
      const Bytes id = next_id();
      if (::write(ends[1], id.data(), id.size()) != static_cast<ssize_t>(id.size())) std::abort();
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  for (int i = 0; i != 3; ++i) made.insert(next_id());
  for (int i = 0; i != 3; ++i) {
    Bytes id{};
    if (::read(ends[0], id.data(), id.size()) != static_cast<ssize_t>(id.size())) std::abort();
    made.insert(id);
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  sim::scheduler().enter(nullptr);
  return made.size() == 7;
}

/// Whether more ids than the counter can count, of one second, differ.
bool counts_on() {
  sim::scheduler().reset(3);
  sim::Process process;
  sim::scheduler().enter(&process);
  std::set<Bytes> first;
  for (int i = 0; i != 8; ++i) first.insert(next_id());
  for (int i = 0; i != (1 << 24) - 8; ++i) next_id();
  bool good = true;
  for (int i = 0; i != 8; ++i) good = good && !first.contains(next_id());
  sim::scheduler().enter(nullptr);
  return good;
}

int run(std::uint64_t seed, std::uint64_t enough, bool traces) {
  std::vector<std::string> found;
  std::uint64_t services = 0;
  for (; sim::requests_sent() < enough; ++seed, ++services) {
    const std::uint64_t hash = simulate(seed, found);
    if (!found.empty()) {
      std::printf("seed %" PRIu64 ", after %" PRIu64 " requests:\n", seed, sim::requests_sent());
      for (const std::string& each : found) std::printf("  %s\n", each.c_str());
      std::printf("--trace %" PRIu64 " shows all that happens, hash %016" PRIx64 "\n", seed, hash);
      return 1;
    }
    if (traces) std::printf("hash %016" PRIx64 "\n", hash);
    if (services >= 3 || traces) continue;
    const std::uint64_t before = sim::requests_sent();
    if (simulate(seed, found) != hash) {  // the same seed is the same service
      std::printf("seed %" PRIu64 " gives another service the second time\n", seed);
      return 1;
    }
    sim::requests_sent() = before;
  }
  const double seconds = processor_seconds();
  std::printf("%" PRIu64 " services, %" PRIu64 " requests, nothing found; %.0f requests a second\n", services,
              sim::requests_sent(), static_cast<double>(sim::requests_sent()) / seconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.size() > 1 && arguments[0] == "--fault") {
    for (std::size_t i = 0; i != std::size(fault_names); ++i) {
      if (arguments[1] == fault_names[i]) droplit_faults::active = static_cast<int>(i);
    }
    if (droplit_faults::active < 0) {
      std::fprintf(stderr, "there is no such fault\n");
      return 2;
    }
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.size() == 1 && arguments[0] == "--faults") {
    for (const char* const name : fault_names) std::printf("%s\n", name);
    return 0;
  }
  if (arguments.size() != 2) {
    std::fprintf(stderr,
                 "usage: simulation [--fault NAME] FIRST-SEED REQUESTS | simulation [--fault NAME] --trace SEED\n");
    return 2;
  }
  const bool traces = arguments[0] == "--trace";
  sim::scheduler().keep_trace(traces);
  const std::uint64_t seed = std::strtoull(arguments[traces ? 1 : 0].data(), nullptr, 10);
  if (!traces && !forks_apart()) {
    std::printf("after 7 ids: a process and its child make the same\n");
    return 1;
  }
  if (!traces && !counts_on()) {
    std::printf("after 16777224 ids: one is made twice\n");
    return 1;
  }
  return run(seed, traces ? 1 : std::strtoull(arguments[1].data(), nullptr, 10), traces);
}
