// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// One request, as a line of the log and as metrics.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/observe/chain.hpp>
#include <droplit/observe/json_lines.hpp>
#include <droplit/observe/prometheus.hpp>
#include <droplit/storage/memory.hpp>

#include <chrono>
#include <iostream>

#include <unistd.h>

using namespace droplit::literals;

int main() {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  const auto access = droplit::TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;

  const droplit::LineLog log(STDOUT_FILENO, {.format = droplit::LogFormat::json});
  droplit::JsonLines lines(log);
  droplit::Prometheus metrics({.lost_lines = [&log] { return log.lost(); }});
  droplit::ObserverChain observer(lines, metrics);
  droplit::Endpoint endpoint(storage, access, clock, ids, {}, observer);

  droplit::Request create{"POST", "/api/clients", {}, R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})"};
  create.fields.add("authorization", "demo");
  create.fields.add("content-type", "application/json");
  endpoint.handle(create);
  log.drain(std::chrono::seconds(10));  // before the program ends
  std::cout << metrics.text();
}
