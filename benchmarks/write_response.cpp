// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What does it cost to write the 201 or a refusal into memory that is used again, and what do the peers need for the
// same text?
#include "peers/droplit.hpp"
#include "peers/peers.hpp"
#include "support/bench.hpp"
#include "support/responses.hpp"

#include <droplit/json.hpp>
#include <droplit/response.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace {

void add_created(std::string_view name) {
  const job::Created created = job::created_of(peers::reference().tell(job::workload(name).bodies[0].view()));
  const droplit::Client client = peers::client(created);
  const std::string text = to_json(client);
  if (name == "W1") {
    const std::string_view expected =
        R"({"createdAt":"2018-02-28T15:16:58.941Z","description":"Wall panel by the north entrance",)"
        R"("ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","name":"Lobby panel",)"
        R"("type":"application"})";
    job::check(text == expected, text, "droplit", name);
  }
  bench::add("write", name, "droplit", [client](benchmark::State& state) {
    std::string out;
    for (auto _ : state) {
      out.clear();
      append_json(out, client);
      job::keep(out);
    }
  });
  bench::add("write", name, "droplit, whole response", [client](benchmark::State& state) {
    droplit::Response response;
    for (auto _ : state) {
      write_response(response, client);
      job::keep(response);
    }
  });
  for (const job::Writer& writer : peers::writers()) {
    std::string out;
    writer.created(out, created);
    job::check(out == text, out, writer.name, name);
    bench::add("write", name, writer.name, [created, write = writer.created](benchmark::State& state) {
      std::string reused;
      for (auto _ : state) {
        write(reused, created);
        job::keep(reused);
      }
    });
  }
}

void add_refusal(const job::Refusal& refusal) {
  bench::add("refuse", refusal.name, "droplit, whole response", [&refusal](benchmark::State& state) {
    droplit::Response response;
    for (auto _ : state) {
      write_response(response, refusal.error);
      job::keep(response);
    }
  });
  if (row(refusal.error.code()).form != droplit::ResponseForm::entries) return;
  const std::string text = to_json(refusal.error);
  bench::add("refuse", refusal.name, "droplit", [&refusal](benchmark::State& state) {
    std::string out;
    for (auto _ : state) {
      out.clear();
      append_json(out, refusal.error);
      job::keep(out);
    }
  });
  for (const job::Writer& writer : peers::writers()) {
    std::string out;
    writer.refused(out, job::entries_of(refusal.error));
    job::check(out == text, out, writer.name, refusal.name);
    bench::add("refuse", refusal.name, writer.name, [&refusal, write = writer.refused](benchmark::State& state) {
      const std::vector<job::Entry> entries = job::entries_of(refusal.error);
      std::string reused;
      for (auto _ : state) {
        write(reused, entries);
        job::keep(reused);
      }
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (const char* name : {"W1", "W2", "W6", "W6a"}) add_created(name);
  const std::vector<job::Refusal> refusals = job::refusals();
  for (const job::Refusal& refusal : refusals) add_refusal(refusal);
  return bench::run(argc, argv);
}
