// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Which connection makes room for a newcomer.
#include <droplit/server/detail/connections.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Connection : droplit::detail::ConnectionEntry<Clock>, std::enable_shared_from_this<Connection> {};
using Connections = droplit::detail::Connections<Connection, Clock>;

/// At 0 s there is `count` of them, which do nothing yet.
struct Some {
  explicit Some(std::size_t count, std::size_t max_leaving = 16) : connections(max_leaving) {
    for (std::size_t i = 0; i != count; ++i) {
      all.push_back(std::make_shared<Connection>());
      connections.add(all.back(), Clock::time_point());
      connections.end_wait(*all.back());
    }
  }

  void wait(std::size_t i, std::chrono::seconds since, bool fresh) {
    connections.wait(*all[i], Clock::time_point(since), fresh);
  }

  /// The number of the one that is asked at `latest`, and then has begun a request.
  std::optional<std::size_t> take(std::chrono::seconds latest) {
    const auto taken = connections.take_waiting(Clock::time_point(latest));
    if (taken) connections.end_wait(*taken);
    for (std::size_t i = 0; taken && i != all.size(); ++i) {
      if (all[i] == taken) return i;
    }
    return std::nullopt;
  }

  Connections connections;
  std::vector<std::shared_ptr<Connection>> all;
};

}  // namespace

TEST_CASE("the oldest one that never sent a byte goes first, then the one that is idle longest", "[connections]") {
  Some some(5);
  some.wait(0, 1s, false);
  some.wait(1, 2s, false);
  some.wait(2, 3s, true);
  some.wait(3, 4s, true);
  CHECK(some.take(9s) == 2);
  CHECK(some.take(9s) == 3);
  CHECK(some.take(9s) == 0);
  CHECK(some.take(9s) == 1);
  CHECK_FALSE(some.take(9s));  // the fifth does not wait
}

TEST_CASE("one that is not silent for long enough is not found, and does not hide those that are", "[connections]") {
  Some some(3);
  some.wait(0, 5s, true);
  some.wait(1, 2s, false);
  some.wait(2, 6s, false);
  CHECK_FALSE(some.take(1s));
  CHECK(some.take(2s) == 1);
  CHECK_FALSE(some.take(4s));
  CHECK(some.take(5s) == 0);
  CHECK(some.take(6s) == 2);
}

TEST_CASE("a connection moves to the end when it waits anew, and is not found while it is busy", "[connections]") {
  Some some(3);
  for (std::size_t i = 0; i != 3; ++i) some.wait(i, 1s, true);
  some.connections.end_wait(*some.all[0]);
  some.wait(1, 3s, false);
  CHECK(some.take(9s) == 2);
  CHECK(some.take(9s) == 1);
  CHECK_FALSE(some.take(9s));
  some.wait(0, 4s, false);
  some.wait(1, 5s, false);
  some.wait(0, 6s, false);
  CHECK(some.take(9s) == 1);
  CHECK(some.take(9s) == 0);
}

TEST_CASE("one waits for its first byte since it was added, whichever strand is the first to run", "[connections]") {
  Connections connections;
  const auto first = std::make_shared<Connection>();
  const auto second = std::make_shared<Connection>();
  connections.add(first, Clock::time_point(1s));
  connections.add(second, Clock::time_point(2s));
  connections.wait(*second, Clock::time_point(3s), true);
  connections.wait(*first, Clock::time_point(4s), true);
  CHECK_FALSE(connections.take_waiting(Clock::time_point(0s)));
  CHECK(connections.take_waiting(Clock::time_point(1s)) == first);
  connections.end_wait(*first);
  CHECK(connections.take_waiting(Clock::time_point(2s)) == second);
}

TEST_CASE("one connection is asked at a time: until it lingers, has begun a request, waits anew or was removed",
          "[connections]") {
  Some some(5);
  for (std::size_t i = 0; i != 5; ++i) some.wait(i, 1s, true);
  const auto ask = [&] { return some.connections.take_waiting(Clock::time_point(9s)); };
  CHECK(ask() == some.all[0]);
  CHECK_FALSE(ask());
  CHECK_FALSE(some.connections.linger(*some.all[0]));
  CHECK(ask() == some.all[1]);
  some.connections.end_wait(*some.all[2]);
  CHECK_FALSE(ask());
  some.connections.end_wait(*some.all[1]);
  CHECK(ask() == some.all[3]);
  some.wait(3, 2s, true);
  CHECK(ask() == some.all[4]);
  some.connections.remove(*some.all[4]);
  CHECK(ask() == some.all[3]);
}

TEST_CASE("what was evicted does not count, and only so many of them linger", "[connections]") {
  Some some(5, 2);
  CHECK(some.connections.serving() == 5);
  CHECK_FALSE(some.connections.linger(*some.all[1]));
  CHECK_FALSE(some.connections.linger(*some.all[0]));
  CHECK(some.connections.linger(*some.all[3]) == some.all[1]);
  CHECK(some.connections.linger(*some.all[4]) == some.all[0]);  // although the other one has not ended yet
  CHECK(some.connections.serving() == 1);
  CHECK_FALSE(some.take(9s));
  for (const auto& connection : some.all) CHECK(some.connections.leave_queue(*connection) == nullptr);
  CHECK(some.connections.serving() == 1);
  for (const auto& connection : some.all) {
    CHECK_FALSE(some.connections.empty());
    some.connections.remove(*connection);
  }
  CHECK(some.connections.serving() == 0);
  CHECK(some.connections.empty());
}

TEST_CASE("one that was never added can be removed", "[connections]") {
  Some some(1);
  Connection failed;
  some.connections.remove(failed);
  CHECK(some.connections.serving() == 1);
  CHECK(some.connections.all() == some.all);
}

TEST_CASE("one whose destructor has begun is neither listed nor found", "[connections]") {
  Some some(2);
  some.wait(0, 1s, true);
  some.wait(1, 2s, true);
  auto* const plain = new Connection;
  bool hidden = false;
  {
    const std::shared_ptr<Connection> ends(plain, [&](Connection* connection) {
      hidden = some.connections.all().size() == 2 && some.take(0s) == std::nullopt;
      some.connections.remove(*connection);
      delete connection;
    });
    some.connections.add(ends, Clock::time_point(0s));
    CHECK(some.connections.all().size() == 3);
  }
  CHECK(hidden);
  CHECK(some.take(9s) == 0);
}

TEST_CASE("the first one that is queued is the next, and those after it move up in their order", "[connections]") {
  Some some(4);
  auto& connections = some.connections;
  const auto& all = some.all;
  CHECK(connections.end_wait(*all[3]));
  CHECK(connections.queue(*all[2]));
  CHECK_FALSE(connections.queue(*all[0]));
  CHECK_FALSE(connections.queue(*all[1]));
  CHECK(connections.queue(*all[2]));  // it keeps its place
  CHECK_FALSE(connections.end_wait(*all[3]));
  CHECK_FALSE(some.take(9s));
  CHECK(connections.serving() == 4);
  CHECK(connections.leave_queue(*all[3]) == nullptr);
  CHECK(connections.leave_queue(*all[0]) == nullptr);  // it was not the first
  CHECK(connections.leave_queue(*all[2]) == all[1]);
  CHECK(connections.queue(*all[1]));
  CHECK(connections.leave_queue(*all[1]) == nullptr);
  CHECK(connections.end_wait(*all[3]));
}

TEST_CASE("the next one in the queue is one whose destructor has not begun", "[connections]") {
  Some some(2);
  std::shared_ptr<Connection> next;
  {
    const std::shared_ptr<Connection> ends(new Connection, [&](Connection* connection) {
      next = some.connections.leave_queue(*some.all[0]);
      some.connections.remove(*connection);
      delete connection;
    });
    some.connections.add(ends, Clock::time_point());
    some.connections.queue(*some.all[0]);
    some.connections.queue(*ends);
    some.connections.queue(*some.all[1]);
  }
  CHECK(next == some.all[1]);
}

TEST_CASE("any function may be called while another thread adds, queues and removes others", "[connections]") {
  const auto now = Clock::time_point(9s);
  const auto more = std::make_shared<Connection>();
  struct Case {
    std::function<void(Connections&, Connection& fresh, Connection& queued)> call;
    std::size_t serving;
  };
  const Case cases[] = {
      {[&](Connections& all, Connection&, Connection&) { all.add(more, now); }, 5},
      {[](Connections& all, Connection& fresh, Connection&) { all.remove(fresh); }, 3},
      {[&](Connections& all, Connection& fresh, Connection&) { all.wait(fresh, now, false); }, 4},
      {[](Connections& all, Connection& fresh, Connection&) { all.end_wait(fresh); }, 4},
      {[](Connections& all, Connection& fresh, Connection&) { CHECK_FALSE(all.queue(fresh)); }, 4},
      {[](Connections& all, Connection&, Connection& queued) { all.leave_queue(queued); }, 4},
      {[&](Connections& all, Connection&, Connection&) { CHECK(all.take_waiting(now)); }, 4},
      {[](Connections& all, Connection& fresh, Connection&) { CHECK_FALSE(all.linger(fresh)); }, 3},
      {[](Connections& all, Connection&, Connection&) { CHECK(all.serving() >= 3); }, 4},
      {[](Connections& all, Connection&, Connection&) { CHECK_FALSE(all.empty()); }, 4},
      {[](Connections& all, Connection&, Connection&) { CHECK(all.all().size() >= 3); }, 4},
  };
  for (const auto& [call, serving] : cases) {
    Some some(4);
    some.wait(2, 1s, true);
    some.connections.queue(*some.all[3]);
    const auto added = std::make_shared<Connection>();
    std::thread other([&] {
      some.connections.add(added, now);
      some.connections.queue(*some.all[1]);
      some.connections.remove(*some.all[0]);
    });
    call(some.connections, *some.all[2], *some.all[3]);
    other.join();
    CHECK(some.connections.serving() == serving);
  }
}
