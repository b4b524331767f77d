// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What does it cost to write a 201 or a refusal? Compiled once with today's headers and once with ours, so that
// writing.sh can compare. Prints `CALL<TAB>nanoseconds of processor time for a call`; under callgrind it writes one
// profile for each call instead.
#include "support/job.hpp"

#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/draft_parser.hpp>
#include <droplit/json.hpp>
#include <droplit/response.hpp>

#include <valgrind/callgrind.h>

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace {

std::int64_t processor_nanos() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

template <class Call>
void measure(const char* name, Call call) {
  if (RUNNING_ON_VALGRIND != 0) {
    constexpr int times = 20;
    for (int i = 0; i != times; ++i) call();
    CALLGRIND_ZERO_STATS;
    CALLGRIND_TOGGLE_COLLECT;
    for (int i = 0; i != times; ++i) call();
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(name);
    return;
  }
  constexpr std::int64_t enough = 20'000'000;
  std::int64_t times = 100, taken = 0;
  for (; taken < enough; times *= 4) {
    const std::int64_t start = processor_nanos();
    for (std::int64_t i = 0; i != times; ++i) call();
    taken = processor_nanos() - start;
    if (taken >= enough) break;
  }
  std::printf("%s\t%.2f\n", name, static_cast<double>(taken) / static_cast<double>(times));
}

std::string body_of(const std::string& workload) {
  std::ifstream file(std::string(DROPLIT_BENCHMARK_DATA "/") + workload + ".json");
  return {std::istreambuf_iterator<char>(file), {}};
}

void measure_created(const std::string& workload) {
  const droplit::ClientDraft draft = droplit::parse_draft(body_of(workload)).value();
  const droplit::Client client(droplit::ClientId::parse("594b89aea18568c408c3ad25").value(),
                               droplit::Timestamp::clamp_unix_millis(1519831018941), draft.ecosystem_id(), draft.type(),
                               draft.name(), draft.description());
  std::string out;
  measure(("201 " + workload).c_str(), [&] {
    out.clear();
    append_json(out, client);
    job::keep(out);
  });
  droplit::Response response;
  measure(("201 " + workload + ", whole response").c_str(), [&] {
    write_response(response, client);
    job::keep(response);
  });
}

}  // namespace

int main() {
  for (const char* workload : {"W1", "W2", "W6", "W6a"}) measure_created(workload);
  const auto error = *droplit::ApiError::from({.body_missing = true});
  std::string out;
  measure("400", [&] {
    out.clear();
    append_json(out, error);
    job::keep(out);
  });
  droplit::Response response;
  measure("400, whole response", [&] {
    write_response(response, error);
    job::keep(response);
  });
}
