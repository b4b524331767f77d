// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// postgres CONNINFO SCHEMA MODE THREADS POOL SECONDS: one line about creates by so many threads through one
// PostgresStorage, whose MODE is own or pooled: creates a second; this process's microseconds of processor for one; and
// the median and the longest wait, in milliseconds, of deletions of the ecosystem that all creates are in. It uses only
// what a PostgresStorage had before its inserts shared commits, and so is built against an earlier version too.
#include <droplit/client_draft.hpp>
#include <droplit/clock.hpp>
#include <droplit/create_client.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/id_source.hpp>
#include <droplit/storage/postgres.hpp>
#include <droplit/text.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int deletions = 9;

droplit::EcosystemId ecosystem(std::size_t number) {
  droplit::EcosystemId::Bytes bytes{0x59, 0x4b, 0x89};
  bytes[10] = static_cast<std::uint8_t>(number >> 8);
  bytes[11] = static_cast<std::uint8_t>(number);
  return droplit::EcosystemId(bytes);
}

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 7) {
    std::fprintf(stderr, "usage: postgres CONNINFO SCHEMA MODE THREADS POOL SECONDS\n");
    return 2;
  }
  const std::vector<std::string> args(argv, argv + argc);
  const std::size_t threads = std::stoul(args[4]);
  const auto mode = args[3] == "pooled" ? droplit::PostgresSessionMode::pooled : droplit::PostgresSessionMode::own;
  droplit::PostgresOptions options;
  options.schema = args[2];
  options.timeout = std::chrono::seconds(60);
  droplit::PostgresStorage::open(args[1], options).value();  // by a session of its own, which may make the tables
  options.connections = std::stoul(args[5]);
  options.session = mode;
  auto storage = droplit::PostgresStorage::open(args[1], options).value();
  options.connections = 1;
  options.timeout = std::chrono::seconds(10);
  auto deleting = droplit::PostgresStorage::open(args[1], options).value();  // as another server would

  std::size_t number = 0;
  while (deleting.add_ecosystem(ecosystem(number)).value() != droplit::EcosystemState::active) ++number;
  std::atomic<std::size_t> active = number;
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> created = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::vector<std::thread> running;
  for (std::size_t t = 0; t != threads; ++t) {
    running.emplace_back([&] {
      const droplit::SystemClock clock;
      const droplit::ObjectIds ids;
      while (!stop) {
        const droplit::ClientDraft draft(ecosystem(active), droplit::ClientType::server,
                                         droplit::Text::parse("a client's name"),
                                         droplit::Text::parse("a description of a few words"));
        const auto outcome = create_client(storage, clock, ids, draft);
        if (outcome) ++created;
        if (outcome.has_exception()) ++failed;
      }
    });
  }
  const auto wait = [](double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); };
  const double processor = processor_seconds();
  const auto begin = Clock::now();
  wait(std::stod(args[6]));
  const double count = static_cast<double>(created);
  const double rate = count / std::chrono::duration<double>(Clock::now() - begin).count();
  const double cost = (processor_seconds() - processor) * 1e6 / count;

  std::vector<double> waits;
  for (int i = 0; i != deletions; ++i) {
    wait(0.02);
    const auto since = Clock::now();
    while (!deleting.delete_ecosystem(ecosystem(number))) {  // after its time limit it is repeated
    }
    waits.push_back(std::chrono::duration<double, std::milli>(Clock::now() - since).count());
    deleting.add_ecosystem(ecosystem(++number)).value();
    active = number;
    if (waits.back() > 5000) break;
  }
  stop = true;
  for (std::thread& each : running) each.join();
  std::sort(waits.begin(), waits.end());
  std::printf("%.0f\t%.1f\t%.1f\t%.1f\n", rate, cost, waits[waits.size() / 2], waits.back());
  if (failed != 0) std::fprintf(stderr, "%llu creates failed\n", static_cast<unsigned long long>(failed));
} catch (const std::exception& failure) {
  std::fprintf(stderr, "postgres: %s\n", failure.what());
  return 1;
}
