// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/server/detail/session_pool.hpp>

#include "support/catch.hpp"
#include "support/failing_memory.hpp"
#include "support/observers.hpp"
#include "support/server_parties.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;

namespace {

struct Page {
  Response handle(const Request&) const { return {200, {}, "page"}; }
};

/// The sessions of a server with these options.
struct Pool {
  using Sessions = detail::SessionPool<Page, std::chrono::steady_clock, test::Recording>;
  using Active = Sessions::Active;

  explicit Pool(const ServerOptions& given = {}) : options(given) {}

  std::unique_ptr<Active> lend(int empty_lines = 0) { return sessions.lend(last, empty_lines); }

  const ServerOptions options;
  const std::atomic<bool> last{false};
  Page page;
  test::Recording observer;
  detail::MemoryBudget budget{options.max_memory};
  Sessions sessions{page, options, false, budget, observer};
};

constexpr std::uint64_t counted(std::uint32_t max_head) { return 36'864 + 2 * std::uint64_t{max_head}; }

}  // namespace

TEST_CASE("a session counts what its longest head may take, and one is kept, or more in a sixteenth of all memory") {
  memory::has_c = false;
  const struct {
    std::uint32_t max_head;
    std::uint64_t max_memory;
    std::size_t kept;
  } cases[] = {{1'048'576, 8'388'608, 1},
               {16'384, 16 * 5 * counted(16'384), 5},
               {1'024, 16 * 64 * counted(1'024) - 1, 63},
               {1'024, 1 << 30, 64}};
  for (const auto& each : cases) {
    CAPTURE(each.max_head, each.max_memory);
    Pool pool({.max_head = each.max_head, .max_memory = each.max_memory});
    std::vector<std::unique_ptr<Pool::Active>> lent;
    for (std::size_t i = 0; i != each.kept + 1; ++i) {
      lent.push_back(pool.lend());
      REQUIRE(lent.back());
      CHECK(pool.budget.used() == lent.size() * counted(each.max_head));
    }
    memory::events.prepare({});
    memory::events.resume();
    for (auto& session : lent) pool.sessions.take_back(std::move(session));
    memory::events.suspend();
    CHECK(memory::events.count() == 0);  // without memory it cannot be refused
    CHECK(pool.budget.used() == each.kept * counted(each.max_head));
    pool.sessions.clear();
    CHECK(pool.budget.used() == 0);
  }
}

TEST_CASE("a session that was taken back is lent again as a new one, with a short buffer") {
  Pool pool;
  auto session = pool.lend(3);
  Pool::Active* const first = session.get();
  CHECK(session->session.empty_lines() == 3);
  session->buffer.prepare(Pool::Active::first_read_size + 1);
  while (!session->pacing.needs_pause()) session->pacing.has_read(1);
  CHECK(pool.sessions.take_back(std::move(session)) == 3);

  session = pool.lend(1);
  REQUIRE(session.get() == first);
  CHECK(session->session.empty_lines() == 1);
  CHECK_FALSE(session->pacing.needs_pause());
  CHECK(session->buffer.capacity() == 0);
  session->buffer.prepare(Pool::Active::first_read_size);
  CHECK(pool.sessions.take_back(std::move(session)) == 1);

  session = pool.lend();
  CHECK(session->buffer.capacity() == Pool::Active::first_read_size);
}

TEST_CASE("a request for which there is no memory is observed as a 503, which has an id of its own") {
  Pool pool({.request_ids = true});
  const std::string refusal = pool.sessions.refusal();
  CHECK(test::statuses(refusal) == "503 close");
  const auto requests = pool.observer.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].status == 503);
  CHECK(requests[0].fault);
  CHECK(requests[0].received == 0);
  CHECK(requests[0].sent == refusal.size());
  CHECK(requests[0].request_id.size() == 32);
  CHECK(refusal.find("\r\nx-request-id: " + requests[0].request_id + "\r\n") != std::string::npos);
}

TEST_CASE("sessions are lent to several threads") {
  Pool pool;
  const auto borrow = [&pool] {
    for (int i = 0; i != 1'000; ++i) {
      if (auto session = pool.lend()) pool.sessions.take_back(std::move(session));
    }
  };
  std::thread other(borrow);
  borrow();
  other.join();
  CHECK(pool.budget.used() <= 2 * counted(pool.options.max_head));
  pool.sessions.clear();
  CHECK(pool.budget.used() == 0);
}
