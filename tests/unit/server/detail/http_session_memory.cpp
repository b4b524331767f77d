// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The memory of one connection's requests, counted and refused by an operator new of our own.
#include <droplit/server/detail/http_session.hpp>

#include "support/catch.hpp"
#include "support/failures.hpp"
#include "support/memory.hpp"
#include "support/server_parties.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Session = droplit::detail::HttpSession<test::TestEndpoint>;
using Action = Session::Action;

constexpr std::size_t kib = 1024;

/// Feeds `wire` in pieces of at most `size` bytes; what was written goes into `written`, which must have room for it.
template <class Look>
Action serve(Session& session, std::string_view wire, std::size_t size, std::string& written, Look observe) {
  std::size_t begin = 0;
  std::size_t end = 0;
  for (;;) {
    std::size_t used = 0;
    const Action action = session.advance(wire.substr(begin, end - begin), used);
    begin += used;
    observe();
    if (action == Action::complete) {
      session.complete();
      observe();
      continue;
    }
    if (written.size() + session.output().size() <= written.capacity()) written.append(session.output());
    if (action == Action::close || (action != Action::write && end == wire.size())) return action;
    if (action != Action::write) end = std::min(wire.size(), end + size);
  }
}

Action serve(Session& session, std::string_view wire, std::size_t size, std::string& written) {
  return serve(session, wire, size, written, [] {});
}

std::string repeated(std::string_view text, std::size_t size) {
  std::string all;
  while (all.size() < size) all += text;
  return all;
}

/// Requests that take as much memory as ones of about `size` bytes can.
std::vector<std::string> greedy(std::size_t size) {
  const auto named = [](const std::string& value) {
    return test::post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":")" + value + "\"}");
  };
  std::string names = "{";
  for (int i = 0; names.size() < size; ++i) names += "\"" + std::to_string(i) + "\":0,";
  names.back() = '}';
  std::string chunks;
  for (std::size_t i = 0; i != size; ++i) chunks += i == 0 ? "1\r\n{\r\n" : i == 1 ? "1\r\n\"\r\n" : "1\r\nx\r\n";
  const auto queried = [](const std::string& query) {
    return "POST /api/clients?" + query +
           " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: account\r\n"
           "Content-Length: 2\r\n\r\n{}";
  };
  return {named(std::string(size, 'x')),
          named(repeated("\\\"", size)),
          named(repeated("\\u0001", size)),
          test::post("{\"" + std::string(size, 'x') + "\":0}"),
          test::post("{\"" + repeated("\\u0001", size) + "\":0}"),
          test::post(names),
          test::post_chunked(chunks + "3\r\n\":0\r\n1\r\n}\r\n0\r\n\r\n"),
          queried(std::string(size, '\xff')),
          queried(repeated("ab&", size))};
}

}  // namespace

TEST_CASE("whichever allocation fails, there is one response or none, and a 201 means a stored client",
          "[http_session]") {
  const std::string text = "a text too long to lie within a string";
  for (const std::string& wire :
       {test::post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":")" + text + "\"}"),
        test::post_chunked(test::chunk(test::good_body) + "0\r\n\r\n"), test::post("{\"" + text + "\":1}"),
        test::post(test::good_body, {}, "unknown"), std::string("GET /\r\n")}) {
    for (const std::size_t size : {wire.size(), std::size_t{30}}) {
      test::each_failure([&](test::Failure failure) {
        test::Parties parties;
        Session session(parties.endpoint, 2048);
        std::string written;
        written.reserve(4096);
        memory::events.prepare(failure);
        memory::events.resume();
        serve(session, wire, size, written);
        memory::events.suspend();
        const bool failed = memory::events.have_come();
        const std::string result = test::statuses(written);
        CAPTURE(wire, size, result);
        const int kept = parties.store.kept;
        CHECK(kept <= 1);
        if (result.starts_with("201")) {
          CHECK(kept == 1);
        } else if (failed && result.starts_with("500")) {
          CHECK(written.find("Internal Server Error\"}") != std::string::npos);
        } else {
          CHECK(kept == 0);
          if (!failed) CHECK(result.size() >= 3);
        }
        return failed;
      });
    }
  }
}

namespace {

struct Long {
  droplit::Response handle(const droplit::Request&) const {
    droplit::Response response;
    write_response(response, 200, "text/plain", std::string(40'000, 'x'));
    return response;
  }
};

}  // namespace

TEST_CASE("without memory there is no response where there is no request", "[http_session]") {
  Long handler;
  for (const std::string_view next : {"", "\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    const long failed = test::each_failure([&](test::Failure failure) {
      droplit::detail::MemoryBudget budget(16 * kib * kib);
      droplit::detail::MemoryShare memory(budget);
      REQUIRE(memory.take_own(64 * kib));
      droplit::detail::HttpSession<Long> session(handler, 16'384, false, std::move(memory));
      std::size_t used = 0;
      REQUIRE(session.advance("GET / HTTP/1.1\r\nHost: a\r\n\r\n", used) == Action::write);
      REQUIRE(session.output().size() > 40'000);
      memory::events.prepare(failure);
      memory::events.resume();
      session.advance(next, used);
      memory::events.suspend();
      const bool came = memory::events.have_come();
      const std::string written = test::statuses(session.output());
      CAPTURE(next, written);
      if (next.size() < 10) {
        CHECK(written.empty());
      } else if (came) {
        CHECK((written.empty() || written == "500" || written == "500 close"));  // with its body
      } else {
        CHECK(written == "200");
      }
      return came;
    });
    CHECK(failed > 0);
  }
}

TEST_CASE("a response for which there is no memory is a 500 with the request's id, of an unknown fate",
          "[http_session]") {
  struct Fates : droplit::NoObserver {
    int unknown = 0;
    int other = 0;
    void finished(const droplit::RequestFinished& event) noexcept {
      ++(event.fault != nullptr && event.fault->fate() == droplit::Fate::maybe_applied ? unknown : other);
    }
  };
  Long handler;
  const std::string id(128, 'i');
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nx-request-id: " + id + "\r\n\r\n";
  for (const bool suspends : {false, true}) {
    const long failed = test::each_failure([&](test::Failure failure) {
      Fates observer;
      droplit::detail::HttpSession session(handler, 16'384, suspends, {}, observer, true);
      std::size_t used = 0;
      memory::events.prepare(failure);
      if (!suspends) memory::events.resume();
      Action action = session.advance(request, used);
      if (suspends) {
        session.complete();
        memory::events.resume();
        action = session.advance({}, used);
      }
      memory::events.suspend();
      const bool came = memory::events.have_come();
      CAPTURE(suspends, session.output().substr(0, 500));
      CHECK(session.output().find("\r\nx-request-id: " + id + "\r\n") != std::string_view::npos);
      CHECK(session.output().starts_with(came ? "HTTP/1.1 500 " : "HTTP/1.1 200 "));
      const bool closes = session.output().find("\r\nconnection: close\r\n\r\n") != std::string_view::npos;
      CHECK(action == (closes ? Action::close : Action::write));
      CHECK(observer.unknown == (came ? 1 : 0));
      CHECK(observer.other == (came ? 0 : 1));
      return came;
    });
    CHECK(failed > 0);
  }
}

TEST_CASE("a connection keeps little memory from one request to the next", "[http_session]") {
  test::Parties parties;
  const memory::Counted fresh;
  Session session(parties.endpoint, 16 * kib);
  CHECK(fresh.most() < 8 * kib);
  std::string written;
  const std::size_t before = memory::now;
  for (const std::size_t size : {std::size_t{1'000'000}, 60 * kib, 3 * kib}) {
    CHECK(serve(session, test::post("{\"" + std::string(size, 'x') + "\":1}"), 16 * kib, written) == Action::request);
    CHECK(memory::now < before + Session::own_memory);
  }

  struct Whole {
    droplit::Response handle(const droplit::Request&) const { return {200, {}, {}}; }
  } whole;
  droplit::detail::HttpSession<Whole> gathers(whole, 16 * kib);
  const std::string request = test::post(std::string(1'000'000, 'x'));
  const std::size_t empty = memory::now;
  std::size_t used = 0;
  CHECK(gathers.advance(request, used) == Action::write);
  CHECK(gathers.advance({}, used) == Action::request);
  CHECK(memory::now < empty + Session::own_memory);
}

TEST_CASE("a body takes memory only for what is stored or returned of it", "[http_session]") {
  test::Parties parties;
  Session session(parties.endpoint, 16 * kib);
  std::string written;
  const std::string spaces = test::post(std::string(1'000'000, ' '));
  const std::string refused = test::post(std::string(1'000'000, 'x'), {}, "unknown");
  std::string chunks = test::post_chunked({});
  for (int i = 0; i != 100'000; ++i) chunks += "1\r\n \r\n";
  chunks += "0\r\n\r\n";
  for (const std::string_view wire : {std::string_view(spaces), std::string_view(refused), std::string_view(chunks)}) {
    const memory::Counted counted;
    CHECK(serve(session, wire, 16 * kib, written) == Action::request);
    CHECK(counted.most() < 32 * kib);
  }
}

TEST_CASE("no request takes more memory than is counted for it, and what was counted is given back", "[http_session]") {
  for (const std::size_t size : {100U, 1'500U, 3'000U, 20'000U, 300'000U, 1'000'000U}) {
    for (const std::string& wire : greedy(size)) {
      for (const std::size_t piece : {wire.size(), std::size_t{1000}}) {
        for (const bool suspends : {false, true}) {
          CAPTURE(size, wire.substr(0, 250), piece, suspends);
          test::Parties parties;
          droplit::detail::MemoryBudget budget(1'000'000'000);
          std::string written;
          written.reserve(10'000'000);
          std::uint64_t counted = 0;
          const std::size_t before = memory::now;
          const memory::Counted taken;
          {
            droplit::detail::MemoryShare share(budget);
            REQUIRE(share.take_own(Session::own_memory));
            Session session(parties.endpoint, 2'000'000, suspends, std::move(share));
            REQUIRE(serve(session, wire, piece, written, [&] { counted = std::max(counted, budget.used()); }) ==
                    Action::request);
            const std::size_t most = taken.most();
            CHECK(most <= counted);
            CHECK(budget.used() == Session::own_memory);
            CHECK(memory::now - before <= Session::own_memory + wire.size());  // the store's client included
          }
          CHECK(budget.used() == 0);
        }
      }
    }
  }
}

TEST_CASE(
    "a long request beyond the bound over all memory gets 503, which says that nothing was kept; short ones go on",
    "[http_session]") {
  droplit::detail::MemoryBudget budget(4'000'000);
  test::Parties parties;
  const auto session = [&](bool suspends) {
    droplit::detail::MemoryShare share(budget);
    REQUIRE(share.take_own(Session::own_memory));
    return std::make_unique<Session>(parties.endpoint, 16 * kib, suspends, std::move(share));
  };
  const auto named = [](std::size_t size) {
    return test::post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":")" +
                      std::string(size, 'x') + "\"}");
  };
  const std::string half = named(500'000);
  std::string written;
  written.reserve(2'000'000);
  const auto holds = session(false);
  CHECK(serve(*holds, half.substr(0, half.size() - 1), 16 * kib, written) == Action::body);  // 2.5 of 3 million
  for (const bool suspends : {false, true}) {
    for (const std::size_t piece : {half.size(), std::size_t{1000}}) {
      const std::uint64_t used = budget.used();
      auto refused = session(suspends);
      written.clear();
      CHECK(serve(*refused, half, piece, written) == Action::close);
      CHECK(test::statuses(written) == "503 close");
      CHECK(written.starts_with("HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\ndate: "));
      CHECK(parties.store.kept == 0);
      CHECK(budget.used() == used + Session::own_memory);  // at once, not only when the connection ends
      refused.reset();

      const auto served = session(suspends);
      written.clear();
      CHECK(serve(*served, named(2'000) + named(20'000), piece, written) == Action::request);
      CHECK(test::statuses(written) == "201 201");
      parties.store.kept = 0;
    }
  }
  written.clear();
  CHECK(serve(*holds, half.substr(half.size() - 1), 1, written) == Action::request);
  CHECK(test::statuses(written) == "201");
  const auto next = session(false);
  written.clear();
  CHECK(serve(*next, half, 16 * kib, written) == Action::request);
  CHECK(test::statuses(written) == "201");
}

TEST_CASE("long requests leave a quarter of all memory to connections and short requests", "[http_session]") {
  using droplit::detail::MemoryShare;
  droplit::detail::MemoryBudget budget(1'000'000);
  MemoryShare first(budget);
  REQUIRE(first.take_own(100'000));
  CHECK(first.take_extra(650'000));
  CHECK(first.take_extra(650'000));  // of which it has all
  CHECK(budget.used() == 750'000);
  CHECK_FALSE(first.take_extra(650'001));
  CHECK(budget.used() == 750'000);
  {
    MemoryShare second(budget);
    CHECK(second.take_own(250'000));
    MemoryShare third(budget);
    CHECK_FALSE(third.take_own(1));
    CHECK_FALSE(second.take_extra(1));
    const MemoryShare moved(std::move(second));
    CHECK(budget.used() == 1'000'000);
  }
  CHECK(budget.used() == 750'000);
  first.give_extra_back();
  CHECK_FALSE(first.has_extra());
  CHECK(budget.used() == 100'000);
  CHECK_FALSE(first.take_extra(UINT64_MAX));
  CHECK(first.take_extra(1));
}

TEST_CASE("what a connection has taken of all memory it gives back, once", "[http_session]") {
  droplit::detail::MemoryBudget budget(4'000'000);
  for (const bool at_its_end : {false, true}) {
    {
      droplit::detail::MemoryShare share(budget);
      REQUIRE(share.take_own(1'000));
      CHECK(share.take_extra(100'000));
      CHECK(share.take_extra(200'000));  // of which it has half
      CHECK(budget.used() == 201'000);
      CHECK_FALSE(share.take_extra(2'999'001));
      CHECK(share.take_extra(2'999'000));
      if (!at_its_end) {
        share.give_back();
        CHECK(budget.used() == 0);
      }
    }
    CHECK(budget.used() == 0);
  }
}

TEST_CASE("a long head is counted as soon as it has arrived, and beyond the bound gets 503 then", "[http_session]") {
  test::Parties parties;
  droplit::detail::MemoryBudget budget(4'000'000);
  droplit::detail::MemoryShare share(budget);
  REQUIRE(share.take_own(Session::own_memory));
  Session session(parties.endpoint, 16 * kib, false, std::move(share));
  const std::string request = test::post(test::good_body, "x: " + std::string(8 * kib, 'x') + "\r\n");
  std::size_t used = 0;
  const std::string head = request.substr(0, request.size() - test::good_body.size());
  CHECK(session.advance(head, used) == Action::body);
  CHECK(budget.used() > Session::own_memory);

  REQUIRE(budget.take(budget.limit() - budget.used(), budget.limit()));
  Session refused(parties.endpoint, 16 * kib, false, droplit::detail::MemoryShare(budget));
  CHECK(refused.advance(head, used) == Action::close);
  CHECK(test::statuses(refused.output()) == "503 close");
}

TEST_CASE("a request that is refused by its head has no memory of its own while its body is dropped",
          "[http_session]") {
  droplit::detail::MemoryBudget budget(4'000'000);
  test::Parties parties;
  droplit::detail::MemoryShare share(budget);
  REQUIRE(share.take_own(Session::own_memory));
  Session session(parties.endpoint, 16 * kib, false, std::move(share));
  const std::string request =
      test::post(std::string(100'000, ' '), "x: " + std::string(8 * kib, 'x') + "\r\n", "no such token");
  std::string written;
  CHECK(serve(session, request.substr(0, request.size() - 1), request.size(), written) == Action::body);
  CHECK(budget.used() == Session::own_memory);
}
