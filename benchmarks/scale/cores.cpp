// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What does a second thread bring over MemoryStorage, what does a client cost in bytes, and does an insert cost more
// where there are many clients?
//
// It prints `row<TAB>floor<TAB>goal<TAB>reached<TAB>reference` lines. All but bytes are ratios of medians of this run,
// in which what is compared takes turns. An argument is the first letters of the rows that are wanted.
#include "../support/job.hpp"
#include "../support/policies.hpp"

#include <droplit/create_client.hpp>
#include <droplit/draft_parser.hpp>
#include <droplit/response.hpp>
#include <droplit/storage/memory.hpp>

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

std::atomic<std::size_t> live_bytes = 0;  // that were asked for, if they are counted
bool counts_bytes = false;
std::string_view wanted;

double seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

bool is_wanted(std::string_view row) { return row.starts_with(wanted); }

void print(const std::string& row, const char* floor, const char* goal, double reached, const char* reference) {
  std::printf("%s\t%s\t%s\t%.3g\t%s\n", row.c_str(), floor, goal, reached, reference);
  std::fflush(stdout);
}

/// Calls `work(times)` in so many threads at once.
struct Turn {
  double rate;       // calls a second, of all threads together
  double processor;  // seconds of processor for a call

  template <class Work>
  static Turn take(int threads, std::size_t times_of_all, Work work) {
    const std::size_t times = times_of_all / static_cast<std::size_t>(threads);
    std::atomic<int> ready = 0;
    std::vector<double> begins(static_cast<std::size_t>(threads));
    std::vector<double> ends(begins.size());
    std::vector<double> processors(begins.size());
    {
      std::vector<std::jthread> running;
      for (std::size_t t = 0; t != begins.size(); ++t) {
        running.emplace_back([&, t] {
          ++ready;
          while (ready != threads) {
          }
          begins[t] = seconds(CLOCK_MONOTONIC);
          const double before = seconds(CLOCK_THREAD_CPUTIME_ID);
          work(times);
          processors[t] = seconds(CLOCK_THREAD_CPUTIME_ID) - before;
          ends[t] = seconds(CLOCK_MONOTONIC);
        });
      }
    }
    double processor = 0;
    for (const double each : processors) processor += each;
    const auto all = static_cast<double>(times) * threads;
    const double took = *std::max_element(ends.begin(), ends.end()) - *std::min_element(begins.begin(), begins.end());
    return {all / took, processor / all};
  }
};

/// One thread and two take turns; `prepare` makes what a turn works with.
template <class Prepare>
void compare(const std::string& what, std::size_t times, const char* floor, const char* goal,
             const char* processor_floor, const char* processor_goal, Prepare prepare) {
  if (!is_wanted(what)) return;
  std::vector<double> rates[2];
  std::vector<double> processors[2];
  for (int round = 0; round != 16; ++round) {
    for (const int threads : {1, 2}) {
      const auto work = prepare();
      const Turn turn = Turn::take(threads, times, [&work](std::size_t n) { (*work)(n); });
      if (round == 0) continue;  // to warm up
      rates[threads - 1].push_back(turn.rate);
      processors[threads - 1].push_back(turn.processor);
    }
  }
  std::fprintf(stderr, "%s: %.1f ns of processor, of 2 threads %.1f\n", what.c_str(), 1e9 * median(processors[0]),
               1e9 * median(processors[1]));
  print(what + ", rate with 2 threads", floor, goal, median(rates[1]) / median(rates[0]), "1 thread");
  print(what + ", processor time with 2 threads", processor_floor, processor_goal,
        median(processors[1]) / median(processors[0]), "1 thread");
}

struct MakesIds {
  void operator()(std::size_t times) const {
    const droplit::ObjectIds ids;
    for (std::size_t i = 0; i != times; ++i) job::keep(ids.next(droplit::Timestamp::clamp_unix_millis(0)));
  }
};

struct ReadsClock {
  void operator()(std::size_t times) const {
    const droplit::SystemClock clock;
    for (std::size_t i = 0; i != times; ++i) job::keep(clock.now());
  }
};

struct Store {
  Store() { storage.add_ecosystem(policies::ecosystem); }
  droplit::MemoryStorage storage;
};

droplit::Client made() {
  const droplit::ClientDraft draft = droplit::parse_draft(policies::w1).value();
  return {droplit::ClientId({}), droplit::SystemClock().now(), draft.ecosystem_id(), draft.type(),
          droplit::ClientTexts(draft)};
}

struct Inserts : Store {
  void operator()(std::size_t times) {
    const droplit::ObjectIds ids;
    const droplit::Client like = made();
    for (std::size_t i = 0; i != times; ++i) {
      const droplit::Client client(ids.next(like.created_at()).value(), like.created_at(), like.ecosystem_id(),
                                   like.type(), droplit::ClientTexts(like));
      if (storage.insert(client) != droplit::Insertion::inserted) std::abort();
    }
  }
};

struct InsertsOnce : Store {
  void operator()(std::size_t times) {
    const droplit::ObjectIds ids;
    const droplit::SystemClock clock;
    const droplit::Client like = made();
    for (std::size_t i = 0; i != times; ++i) {
      const droplit::Timestamp now = clock.now();
      const droplit::Client client(ids.next(now).value(), now, like.ecosystem_id(), like.type(),
                                   droplit::ClientTexts(like));
      const auto key = droplit::IdempotencyKey::parse("594b89ae-a185-468c-" + client.id().text());
      if (storage.insert_once(client, *key) != droplit::Insertion::inserted) std::abort();
    }
  }
};

struct Creates : Store {
  void operator()(std::size_t times) {
    droplit::SystemClock clock;
    droplit::ObjectIds ids;
    droplit::Response response;
    for (std::size_t i = 0; i != times; ++i) {
      write_response(response, create_client(storage, clock, ids, droplit::parse_draft(policies::w1).value()));
      if (response.status != 201) std::abort();
    }
  }
};

/// Bytes and times of an insert into a store of so many clients.
void grow() {
  struct Size {
    std::size_t rows;
    const char* name;
  };
  const droplit::Client like = made();
  const droplit::ObjectIds ids;
  const auto next = [&] {
    return droplit::Client(ids.next(like.created_at()).value(), like.created_at(), like.ecosystem_id(), like.type(),
                           droplit::ClientTexts(like));
  };
  constexpr std::size_t measured = 10'000;
  double first_median = 0;
  double first_rare = 0;
  for (const Size size : {Size{10'000, "10 thousand"}, {1'000'000, "1 million"}, {5'000'000, "5 million"}}) {
    live_bytes = 0;
    Store store;
    for (std::size_t i = 0; i != size.rows; ++i) {
      const droplit::Client client = next();
      counts_bytes = true;
      store.storage.insert(client);
      counts_bytes = false;
    }
    print(std::string("bytes of a client, of ") + size.name, "110", "100",
          static_cast<double>(live_bytes) / static_cast<double>(size.rows), "76 bytes of facts");
    std::vector<double> times;
    for (std::size_t i = 0; i != measured; ++i) {
      const droplit::Client client = next();
      const double begin = seconds(CLOCK_MONOTONIC);
      store.storage.insert(client);
      times.push_back(seconds(CLOCK_MONOTONIC) - begin);
    }
    std::sort(times.begin(), times.end());
    const double rare = times[measured - measured / 1000];
    std::fprintf(stderr, "insert into %s: p50 %.0f ns, p99 %.0f ns, p99.9 %.0f ns, longest %.0f ns\n", size.name,
                 1e9 * times[measured / 2], 1e9 * times[measured - measured / 100], 1e9 * rare, 1e9 * times.back());
    if (first_median == 0) {
      first_median = times[measured / 2];
      first_rare = rare;
      continue;
    }
    print(std::string("growth: p50 of an insert into ") + size.name, "-", "-", times[measured / 2] / first_median,
          "10 thousand");
    print(std::string("growth: p99.9 of an insert into ") + size.name, "-", "-", rare / first_rare, "10 thousand");
  }
}

}  // namespace

// Counts what the storage asks for and never gives back while it grows.
void* operator new(std::size_t size) {
  if (counts_bytes) live_bytes += size;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  if (counts_bytes) live_bytes += size;
  const auto unit = static_cast<std::size_t>(alignment);
  if (void* const memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t size) noexcept {
  if (counts_bytes) live_bytes -= size;
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t size, std::align_val_t) noexcept {
  if (counts_bytes) live_bytes -= size;
  std::free(memory);
}

int main(int argc, char** argv) {
  if (argc > 1) wanted = argv[1];
  constexpr std::size_t creates = 200'000;
  compare("create over memory", creates, "1.6", "1.8", "1.25", "1.1", [] { return std::make_unique<Creates>(); });
  compare("ObjectIds.next", 20'000'000, "1.6", "1.9", "-", "-", [] { return std::make_unique<MakesIds>(); });
  compare("insert", creates, "-", "-", "-", "-", [] { return std::make_unique<Inserts>(); });
  compare("keyed insert", creates, "-", "-", "-", "-", [] { return std::make_unique<InsertsOnce>(); });
  compare("SystemClock.now", 1'000'000, "-", "-", "-", "-", [] { return std::make_unique<ReadsClock>(); });
  if (is_wanted("bytes")) grow();
  return 0;
}
