// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What does a durable create cost in this process? durable.cpp FILE THREADS MILLISECONDS: so many threads insert into a
// SqliteStorage at the same time. Prints creates a second, and microseconds of processor time for each.
#include <droplit/client_draft.hpp>
#include <droplit/clock.hpp>
#include <droplit/create_client.hpp>
#include <droplit/id.hpp>
#include <droplit/id_source.hpp>
#include <droplit/storage/sqlite.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <sys/resource.h>

namespace {

std::int64_t processor_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

int run(const char* file, int threads, std::chrono::milliseconds duration) {
  using Clock = std::chrono::steady_clock;
  auto storage = droplit::SqliteStorage::open(file).value();
  const auto ecosystem = *droplit::EcosystemId::parse("C594b89aea18568c408c3ad24");
  storage.add_ecosystem(ecosystem).value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const droplit::ClientParameters w1{.ecosystem_id = "C594b89aea18568c408c3ad24",
                                     .type = "application",
                                     .name = "Lobby panel",
                                     .description = "Wall panel by the north entrance"};
  std::atomic<std::uint64_t> creates{0};
  const auto started = Clock::now();
  const std::int64_t before = processor_time();
  std::vector<std::thread> all;
  for (int i = 0; i != threads; ++i) {
    all.emplace_back([&] {
      while (Clock::now() - started < duration) {
        droplit::create_client(storage, clock, ids, w1).value();
        ++creates;
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  const std::chrono::duration<double> took = Clock::now() - started;
  const auto count = static_cast<double>(creates);
  std::printf("%.0f %.2f\n", count / took.count(), static_cast<double>(processor_time() - before) / count);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return run(argv[1], std::atoi(argv[2]), std::chrono::milliseconds(std::atoi(argv[3])));
}
