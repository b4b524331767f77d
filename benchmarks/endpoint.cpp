// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What does a whole request cost in an Endpoint, storage aside, beside the reading and the rendering in it?
#include "support/bench.hpp"
#include "support/job.hpp"
#include "support/policies.hpp"

#include <droplit/endpoint.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/testing/fixed_clock.hpp>

#include <string_view>

namespace {

droplit::RequestHead head() {
  droplit::RequestHead head("POST", "/api/clients");
  head.add("host", "api.example.com");
  head.add("user-agent", "benchmark");
  head.add("authorization", policies::token);
  head.add("content-type", "application/json");
  head.add("content-length", "134");
  return head;
}

template <class Head, class Clock = droplit::SystemClock>
void whole(benchmark::State& state, std::string_view body, int status, Head head_of, Clock clock = {}) {
  policies::Forgets storage;
  policies::OneToken access;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(storage, access, clock, ids);
  droplit::Response response;
  for (auto _ : state) {
    const droplit::RequestHead& head = head_of();
    endpoint.handle(head, body, response);
    job::keep(response);
  }
  if (response.status != status) state.SkipWithError("another status");
}

void add(std::string_view name, std::string_view body, int status) {
  bench::add("endpoint", name, "handle", [=](benchmark::State& state) {
    const droplit::RequestHead made = head();
    whole(state, body, status, [&made]() -> const droplit::RequestHead& { return made; });
  });
  bench::add("endpoint", name, "handle, a clock for nothing", [=](benchmark::State& state) {
    const droplit::RequestHead made = head();
    whole(
        state, body, status, [&made]() -> const droplit::RequestHead& { return made; },
        droplit::FixedClock(droplit::SystemClock().now()));
  });
  bench::add("endpoint", name, "RequestHead and handle",
             [=](benchmark::State& state) { whole(state, body, status, [] { return head(); }); });
  bench::add("endpoint", name, "reading + rendering", [=](benchmark::State& state) {
    droplit::Response response;
    const droplit::ClientId id({0x59, 0x4b, 0x89, 0xae, 0xa1, 0x85, 0x68, 0xc4, 0x08, 0xc3, 0xad, 0x25});
    auto now = droplit::SystemClock().now();
    for (auto _ : state) {
      auto draft = droplit::parse_draft(body);
      if (draft) {
        const droplit::ClientDraft& is = draft.assume_value();
        const auto ecosystem = is.ecosystem_id();
        const auto type = is.type();
        write_response(response, droplit::Client(id, now, ecosystem, type, std::move(draft).assume_value().name(),
                                                 std::move(draft).assume_value().description()));
      } else {
        write_response(response, draft.assume_error());
      }
      job::keep(response);
    }
  });
  bench::add("endpoint", name, "reading", [=](benchmark::State& state) {
    for (auto _ : state) {
      const auto draft = droplit::parse_draft(body);
      job::keep(draft);
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  add("W1", policies::w1, 201);
  add("W2", policies::w2, 201);
  add("W4", R"({"type":"application","name":"Lobby panel","description":"Wall panel by the north entrance"})", 400);
  return bench::run(argc, argv);
}
