// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Each message between a PostgresStorage and its server fails in turn, each system call of its sockets, and each
// allocation, libpq's too. What every function returns is true, and the store works when the cause is gone.
#include "support/failing_calls.hpp"
#include "support/failing_memory.hpp"
#include "support/postgres_messages.hpp"
#include "support/postgres_site.hpp"
#include "trial.hpp"

#include <iostream>
#include <memory>
#include <string>
#include <vector>

using calls::Call;
using test::each_failure;
using test::Events;
using test::Failure;
using test::from_then_on;
using test::Messages;
using test::Trial;

namespace {

/// An opening and every function of the store, in an ecosystem of its own, while events fail.
bool run(Events& events, Failure failure, const std::string& conninfo, Site& site, milliseconds timeout,
         Events::Of threads = Events::Of::this_thread) {
  static std::uint32_t count = 0;
  ++count;
  std::vector<std::string> flaws;
  EcosystemId::Bytes bytes{};
  for (std::size_t i = 0; i != 4; ++i) bytes[11 - i] = static_cast<std::uint8_t>(count >> (8 * i));
  const EcosystemId own(bytes);
  const PostgresOptions options{
      .connections = 2, .connect_timeout = timeout, .timeout = timeout, .schema = site.schema};
  Trial trial(events, failure, flaws, threads);
  {
    auto opened = trial([&] { return PostgresStorage::open(conninfo, options); });
    if (!opened || !*opened) {
      if (opened) trial.expect(opened->exception().fate() == Fate::not_applied, "an opening keeps no client");
      for (int i = 0; i != 50 && (!opened || !*opened); ++i) opened = PostgresStorage::open(conninfo, options);
    }
    test::use(trial, opened->value(), site.storage, 60, own, count * 10);
  }
  CHECK(flaws == std::vector<std::string>());
  return trial.came();
}

constexpr milliseconds calm(60'000);
constexpr milliseconds hasty(400);  // where the cause lasts as long as the store tries

}  // namespace

TEST_CASE("wherever a conversation with the server is cut or ends in an error, what the store returns is true") {
  Site site;
  Events events;
  Messages messages(events);
  long failed = 0;
  for (const Messages::Fault fault : {Messages::Fault::cut, Messages::Fault::error}) {
    CAPTURE(static_cast<int>(fault));
    messages.fault = fault;
    const auto attempt = [&](Failure failure) {
      return run(events, failure, messages.conninfo(), site, failure.is_lasting() ? hasty : calm,
                 Events::Of::other_threads);
    };
    failed += each_failure(attempt, {1});
    failed += each_failure(attempt, {from_then_on}, test::is_long ? 1 : 12);
  }
  std::cout << "messages of a PostgreSQL conversation that failed: " << failed << '\n';
  CHECK(failed > 150);
}

TEST_CASE("wherever a conversation with the server stalls, the store returns in time, and what is true") {
  Site site;
  Events events;
  Messages messages(events);
  messages.fault = Messages::Fault::stall;
  const long failed = each_failure(
      [&](Failure failure) {
        return run(events, failure, messages.conninfo(), site, hasty, Events::Of::other_threads);
      },
      {1}, test::is_long ? 1 : 5);
  std::cout << "messages of a PostgreSQL conversation that stalled: " << failed << '\n';
  CHECK(failed > 10);
}

TEST_CASE("whichever system call of libpq's fails, what the store returns is true, and no descriptor is lost") {
  Site site;
  long failed = 0;
  for (const calls::Fault fault :
       {calls::Fault{Call::socket, EMFILE}, calls::Fault{Call::connect, ECONNREFUSED}, calls::Fault{Call::send, EPIPE},
        calls::Fault{Call::send, EINTR}, calls::Fault{Call::send, 0}, calls::Fault{Call::receive, ECONNRESET},
        calls::Fault{Call::receive, EINTR}, calls::Fault{Call::receive, 0}, calls::Fault{Call::poll, EINTR},
        calls::Fault{Call::control, ENOMEM}, calls::Fault{Call::getsockopt, ENOMEM}}) {
    CAPTURE(static_cast<int>(fault.call), fault.error);
    failed += each_failure(
        [&](Failure failure) {
          const auto before = calls::open_descriptors();
          calls::fault = fault;
          const bool came = run(calls::events, failure, cluster().conninfo(), site, calm);
          CHECK(calls::open_descriptors() == before);
          return came;
        },
        {1}, test::is_long ? 1 : 2);
  }
  std::cout << "system calls of libpq that failed: " << failed << '\n';
  CHECK(failed > 50);
}

TEST_CASE("whichever allocation of the store and of libpq fails, what the store returns is true") {
  Site site;
  const auto attempt = [&](Failure failure) {
    return run(memory::events, failure, cluster().conninfo(), site, failure.is_lasting() ? hasty : calm);
  };
  const long failed =
      each_failure(attempt, {1}, test::is_long ? 1 : 2) + each_failure(attempt, {from_then_on}, test::is_long ? 1 : 17);
  std::cout << "allocations of a PostgresStorage that failed: " << failed << '\n';
  CHECK(failed > 50);
}
