// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// How many instructions and how many heap allocations does each call take? Both are the same in every run.
//
// By itself it prints `allocations QUESTION WORKLOAD WHO NUMBER` lines. Under valgrind's callgrind it writes one
// profile for each call, named by the same words, which instructions.sh reads. Arguments are the calls that are wanted,
// such as `read/W1` or `write`; none means all.
#include "counts_remote.hpp"
#include "peers/boost_json.hpp"
#include "peers/droplit.hpp"
#include "support/policies.hpp"
#include "support/responses.hpp"
#include "support/workloads.hpp"

#include <droplit/endpoint.hpp>
#include <droplit/json.hpp>
#include <droplit/response.hpp>
#include <droplit/server/detail/http_session.hpp>

#include <valgrind/callgrind.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::size_t allocations = 0;
std::vector<std::string_view> wanted;

bool is_wanted(const std::string& call) {
  if (wanted.empty()) return true;
  for (const std::string_view want : wanted) {
    if (call == want || call.starts_with(std::string(want) + "/")) return true;
  }
  return false;
}

/// Counts `times` calls, after some that warm buffers, tables and the allocator up.
template <class Call>
void count(std::string_view question, std::string_view workload, std::string_view who, std::size_t times, Call call) {
  if (!is_wanted(std::string(question).append("/").append(workload))) return;
  const std::string name = std::string(question).append("\t").append(workload).append("\t").append(who);
  for (std::size_t i = 0; i != times; ++i) call(i);
  const std::string title = name + "\t" + std::to_string(times);
  CALLGRIND_ZERO_STATS;
  CALLGRIND_TOGGLE_COLLECT;
  const std::size_t before = allocations;
  for (std::size_t i = 0; i != times; ++i) call(i);
  const std::size_t after = allocations;
  CALLGRIND_TOGGLE_COLLECT;
  CALLGRIND_DUMP_STATS_AT(title.c_str());
  if (RUNNING_ON_VALGRIND == 0) {
    std::printf("allocations\t%s\t%.6g\n", name.c_str(),
                static_cast<double>(after - before) / static_cast<double>(times));
  }
}

void count_reading(const job::Reader& reader) {
  for (const job::Workload& workload : job::workloads()) {
    const std::size_t size = workload.bodies.size();
    const std::size_t times = workload.name == "W7" ? 1 : size > 1 ? size : 20;
    count("read", workload.name, reader.name, times,
          [&, run = reader.run](std::size_t i) { run(workload.bodies[i % size].view()); });
  }
}

void count_writing(const job::Writer& boost) {
  for (const char* name : {"W1", "W2", "W6", "W6a"}) {
    const job::Created created =
        job::created_of(peers::tell(droplit::parse_draft(job::workload(name).bodies[0].view())));
    const droplit::Client client = peers::client(created);
    std::string out;
    count("write", name, "droplit", 20, [&](std::size_t) {
      out.clear();
      append_json(out, client);
      job::keep(out);
    });
    droplit::Response response;
    count("write", name, "droplit, whole response", 20, [&](std::size_t) {
      write_response(response, client);
      job::keep(response);
    });
    count("write", name, boost.name, 20, [&](std::size_t) {
      boost.created(out, created);
      job::keep(out);
    });
  }
  for (const job::Refusal& refusal : job::refusals()) {
    droplit::Response response;
    count("refuse", refusal.name, "droplit, whole response", 20, [&](std::size_t) {
      write_response(response, refusal.error);
      job::keep(response);
    });
  }
}

/// What the side that asks for clients does: the body of a request, and the outcome of a response.
void count_remote() {
  for (const counts::RemoteCall& each : counts::remote_calls()) {
    count(each.question, each.workload, each.who, 20, [&](std::size_t) { each.run(); });
  }
}

template <class Storage>
void count_endpoint(std::string_view who) {
  Storage storage;
  policies::OneToken access;
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(storage, access, clock, ids);
  droplit::RequestHead head("POST", "/api/clients");
  head.add("authorization", policies::token);
  head.add("content-type", "application/json");
  droplit::Response response;
  for (const char* name : {"W1", "W2", "W3", "W4", "W5"}) {
    const std::string_view body = job::workload(name).bodies[0].view();
    count("endpoint", name, who, 20, [&](std::size_t) {
      endpoint.handle(head, body, response);
      job::keep(response);
    });
  }
}

/// Requests as a connection gives them to its session, in pieces of at most `most` bytes, without sockets.
void count_serving() {
  policies::Forgets storage;
  policies::OneToken access;
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(storage, access, clock, ids);
  droplit::detail::HttpSession session(endpoint, 16'384);
  const auto serve = [&](std::string_view name, std::string_view wire, std::size_t most) {
    count("serve", name, "droplit", 5, [&](std::size_t) {
      std::size_t begin = 0;
      for (std::size_t end = 0, used = 0; begin != wire.size(); begin += used) {
        if (used == 0) end = std::min(wire.size(), end + most);
        session.advance(wire.substr(begin, end - begin), used);
      }
    });
  };
  const std::string start =
      "POST /api/clients HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: " +
      std::string(policies::token) + "\r\n";
  const std::string plain =
      start + "Content-Length: " + std::to_string(policies::w1.size()) + "\r\n\r\n" + std::string(policies::w1);
  serve("plain", plain, plain.size());
  serve("single_bytes", plain, 1);
  std::string body(policies::w1);
  body.insert(body.find("Lobby"), 65'536 - body.size(), 'x');
  std::string chunks = start + "Transfer-Encoding: chunked\r\n\r\n";
  for (const char byte : body) chunks.append("1\r\n").append(1, byte).append("\r\n");
  serve("one_byte_chunks", chunks + "0\r\n\r\n", 16'384);
  serve("not_found", "GET / HTTP/1.1\r\nHost:a\r\n\r\n", 16'384);
}

void* take(std::size_t size) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}

void* take_or_throw(std::size_t size) {
  if (void* const memory = take(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return take_or_throw(size); }
void* operator new[](std::size_t size) { return take_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return take(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return take(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

int main(int argc, char** argv) {
  wanted.assign(argv + 1, argv + argc);
  const job::Reader boost = job::reader<peers::BoostJson>();
  for (const job::Reader& reader : {peers::droplit_fresh(), peers::droplit_kept(), boost}) {
    job::check_reader(reader, boost);
    count_reading(reader);
  }
  count_writing(job::writer<peers::BoostJson>());
  count_remote();
  count_endpoint<policies::Forgets>("droplit");
  count_endpoint<policies::Remembers>("droplit, keys off");
  count_serving();
  return 0;
}
