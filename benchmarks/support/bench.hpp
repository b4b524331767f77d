// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// How every benchmark is named: QUESTION/WORKLOAD/WHO, which run.sh takes apart again.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <utility>

namespace bench {

template <class Run>
void add(std::string_view question, std::string_view workload, std::string_view who, Run run) {
  const std::string name = std::string(question).append("/").append(workload).append("/").append(who);
  benchmark::RegisterBenchmark(name.c_str(), std::move(run));
}

inline int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace bench
