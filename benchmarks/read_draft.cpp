// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What does it cost to make a ClientDraft, or the refusal of it, of the bytes of a body, and what do the peers need for
// the same job?
#include "peers/droplit.hpp"
#include "peers/peers.hpp"
#include "support/bench.hpp"
#include "support/workloads.hpp"

#include <cstddef>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  std::vector<job::Reader> readers{peers::droplit_fresh(), peers::droplit_kept()};
  readers.insert(readers.end(), peers::readers().begin(), peers::readers().end());
  for (const job::Reader& reader : readers) {
    job::check_reader(reader, peers::reference());
    for (const job::Workload& workload : job::workloads()) {
      bench::add("read", workload.name, reader.name, [&workload, run = reader.run](benchmark::State& state) {
        std::size_t i = 0;
        for (auto _ : state) {
          run(workload.bodies[i].view());
          if (++i == workload.bodies.size()) i = 0;
        }
      });
    }
  }
  return bench::run(argc, argv);
}
