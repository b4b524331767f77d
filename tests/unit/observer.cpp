// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/observer.hpp>

#include "support/catch.hpp"
#include "support/observers.hpp"

#include <cstdint>
#include <string>
#include <type_traits>

using namespace droplit;

namespace {

/// Has everything, in the loosest way.
struct Exemplar {
  int began(const RequestBegan&) { return 0; }
  bool finished(RequestFinished) { return true; }
  void fault(const auto&) {}
  static void connection_opened() {}
  static void connection_closed() {}
  int now() { return 0; }
};

struct OnlyFinished : NoObserver {
  int requests = 0;
  void finished(const RequestFinished&) { ++requests; }
};

struct WithoutClock {
  void began(const RequestBegan&) {}
  void finished(const RequestFinished&) {}
  void fault(const Fault&) {}
  void connection_opened() {}
  void connection_closed() {}
};

struct WithoutConnections : NoObserver {
  void connection_opened() = delete;
};

struct ChangesEvent : NoObserver {
  void finished(RequestFinished&) {}
};

struct ClockOfText : NoObserver {
  std::string now() { return {}; }
};

static_assert(Observer<Exemplar>);
static_assert(Observer<NoObserver>);
static_assert(Observer<const NoObserver>);
static_assert(Observer<OnlyFinished>);
static_assert(!Observer<const OnlyFinished>, "a function that is not const needs an observer that is not");
static_assert(Observer<test::Recording>);
static_assert(Observer<const test::Throwing>);
static_assert(!Observer<WithoutClock>);
static_assert(!Observer<WithoutConnections>);
static_assert(!Observer<ChangesEvent>);
static_assert(!Observer<ClockOfText>);
static_assert(!Observer<int>);

static_assert(std::is_empty_v<NoObserver>);
static_assert(std::is_trivially_copyable_v<RequestFinished>);

}  // namespace

TEST_CASE("an event has a route and a method from the beginning, which are no values of a request") {
  const RequestFinished event;
  CHECK(event.route == "none");
  CHECK(event.method == "other");
  CHECK(event.request_id.empty());
  CHECK(event.traceparent.empty());
  CHECK(event.attempt == 0);
  CHECK(event.status == 0);
  CHECK_FALSE(event.code);
  CHECK(event.fault == nullptr);
  CHECK(event.bytes_sent == 0);
}

TEST_CASE("an observer that derives from the one that does nothing has a clock that does not go backwards") {
  OnlyFinished observer;
  const std::int64_t first = observer.now();
  CHECK(first > 0);
  CHECK(observer.now() >= first);
  observer.began({});
  observer.finished({});
  observer.fault(Fault());
  observer.connection_opened();
  observer.connection_closed();
  CHECK(observer.requests == 1);
  const NoObserver none;
  none.finished({});
  CHECK(none.now() >= first);
}
