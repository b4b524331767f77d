// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/observation.hpp>

#include <droplit/router.hpp>
#include <droplit/static_resource.hpp>
#include "support/catch.hpp"
#include "support/observers.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace droplit;
using detail::RequestObservation;

static_assert(std::is_empty_v<RequestObservation<NoObserver>> && std::is_empty_v<RequestObservation<const NoObserver>>);
static_assert(std::is_trivially_destructible_v<RequestObservation<NoObserver>>);

namespace {

constexpr std::string_view trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

RequestBegan describe(std::string_view method, std::string_view target) {
  const Route routes[] = {create_client_route, {"GET", "/livez"}, {"GET", "/files/{name}"}};
  return detail::describe(routes, RequestHead(method, target));
}

}  // namespace

TEST_CASE("the route of an observed request is the path in the table, whatever the target's form") {
  CHECK(describe("POST", "/api/clients").route == "/api/clients");
  CHECK(describe("PUT", "/v0/api/clients/?secret").route == "/api/clients");
  CHECK(describe("GET", "http://a/livez?x").route == "/livez");
  CHECK(describe("GET", "/files/secret").route == "/files/{name}");
  for (const char* target : {"/secret", "/livez/", "/livez#secret", "*", "", "secret", "http://se cret/livez"}) {
    CHECK(describe("GET", target).route == "none");
  }
}

TEST_CASE("the method of an observed request is a known one or another, and no view of the request") {
  const std::string method = "POST";
  CHECK(describe(method, "/").method == "POST");
  CHECK(describe(method, "/").method.data() != method.data());
  for (const char* other : {"post", "SECRET", "", "POSTS"}) CHECK(describe(other, "/").method == "other");
}

TEST_CASE("the routes of a handler are those of a router, its own, or none") {
  StaticResource page("/page", "text/plain", "");
  StaticResource other("/other", "text/plain", "");
  const Router router(page, other);
  struct {
    Response handle(const Request&) { return {}; }
  } const without;
  CHECK(detail::routes_of(router).size() == 2);
  CHECK(detail::routes_of(page)[0].path == "/page");
  CHECK(detail::routes_of(without).empty());
}

TEST_CASE("what identifies a request is observed only if it is given once and well-formed") {
  const auto with = [](std::string_view name, std::string_view first, std::optional<std::string_view> second = {}) {
    RequestHead head("POST", "/");
    head.add(name, first);
    if (second) head.add(name, *second);
    return detail::describe({}, head);
  };
  CHECK(with("X-Request-Id", " id ").request_id == "id");
  CHECK(with("x-request-id", "id", "id").request_id.empty());
  CHECK(with("x-request-id", "i d").request_id.empty());
  CHECK(with("Traceparent", trace).traceparent == trace);
  CHECK(with("traceparent", trace, trace).traceparent.empty());
  CHECK(with("traceparent", trace.substr(1)).traceparent.empty());
}

TEST_CASE("a request that has begun finishes once, with its response or without one") {
  test::Recording observer;
  {
    RequestObservation<test::Recording> observation(observer);
    observation.finish(to_response(Fault()), 1);  // nothing has begun
    observation.abandon();
    CHECK(observer.events().empty());

    std::string id = "id";
    std::string parent(trace);
    observation.begin({.route = "/a", .method = "PUT", .request_id = id, .traceparent = parent, .attempt = 3});
    CHECK(observation.begun());
    id = parent = "overwritten";
    observation.receive(2);
    observation.receive(3);
    observation.finish(to_response(ApiError::of<ApiErrc::forbidden>()), 7);
    observation.finish(to_response(Fault()), 8);
    CHECK_FALSE(observation.begun());

    observation.begin({});
    observation.begin({.route = "/b"});
    observation.finish(to_response(Fault(FaultSource::storage, Fate::maybe_applied, "lost")), 9);
    observation.begin({.route = "/c"});
  }
  const auto requests = observer.requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].route == "/a");
  CHECK(requests[0].method == "PUT");
  CHECK(requests[0].request_id == "id");
  CHECK(requests[0].traceparent == trace);
  CHECK(requests[0].attempt == 3);
  CHECK(requests[0].status == 403);
  CHECK(requests[0].code == ApiErrc::forbidden);
  CHECK(requests[0].received == 5);
  CHECK(requests[0].sent == 7);
  CHECK(requests[0].nanoseconds == 1);
  CHECK(requests[1].status == 0);
  CHECK(requests[1].received == 0);
  CHECK(requests[1].sent == 0);
  CHECK(requests[2].status == 500);
  CHECK_FALSE(requests[2].code);
  REQUIRE(requests[2].fault);
  CHECK(requests[2].fault->what() == "lost");
  CHECK(requests[3].route == "/c");
  CHECK(requests[3].status == 0);
}

TEST_CASE("an observer whose clock throws is informed all the same, with a duration of 0") {
  struct WithoutTime : NoObserver {
    int calls = 0;
    std::int64_t nanoseconds = -1;
    std::optional<std::int64_t> time;
    std::int64_t now() {
      if (!time) throw calls;
      return (*time)++;
    }
    void began(const RequestBegan&) { ++calls; }
    void finished(const RequestFinished& event) {
      ++calls;
      nanoseconds = event.nanoseconds;
    }
  } observer;
  RequestObservation<WithoutTime> observation(observer);
  observation.begin({});
  observation.abandon();
  CHECK(observer.calls == 2);
  CHECK(observer.nanoseconds == 0);

  observer.time = 5;
  observation.begin({});
  observation.abandon();
  CHECK(observer.nanoseconds == 1);
  observer.time.reset();
  observation.begin({});
  observer.time = 9;
  observation.abandon();
  CHECK(observer.calls == 6);
  CHECK(observer.nanoseconds == 0);
}

TEST_CASE("a request that has begun may be moved, and finishes once, with what identifies it") {
  constexpr std::string_view other_trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  test::Recording observer;
  {
    RequestObservation<test::Recording> first(observer);
    first.begin({.route = "/a", .method = "PUT", .request_id = "id", .traceparent = trace});
    first.receive(5);
    RequestObservation<test::Recording> second(std::move(first));
    CHECK(second.begun());
    CHECK_FALSE(first.begun());
    first.begin({.route = "/b", .request_id = "other", .traceparent = other_trace});
    second.finish(201, {}, nullptr, 7);
    first.finish(404, {}, nullptr, 0);
    const RequestObservation<test::Recording> third(std::move(first));
    CHECK_FALSE(third.begun());
  }
  const auto events = observer.events();
  REQUIRE(events.size() == 4);
  CHECK(events[2].route == "/a");
  CHECK(events[2].request_id == "id");
  CHECK(events[2].traceparent == trace);
  CHECK(events[2].status == 201);
  CHECK(events[2].received == 5);
  CHECK(events[2].nanoseconds == 2);
  CHECK(events[3].route == "/b");
  CHECK(events[3].request_id == "other");
  CHECK(events[3].traceparent == other_trace);
}

TEST_CASE("what an observer throws is dropped") {
  test::Throwing observer;
  RequestObservation<test::Throwing> observation(observer);
  observation.begin({});
  observation.finish(Response{}, 0);
  detail::notify(observer, [](auto& each) { each.connection_opened(); });
  detail::notify(observer, [](auto& each) { each.fault(Fault()); });
}

TEST_CASE("threads may share an observer, which is informed of each request once") {
  test::Recording observer;
  std::vector<std::thread> threads;
  for (int i = 0; i != 4; ++i) {
    threads.emplace_back([&observer] {
      RequestObservation<test::Recording> observation(observer);
      for (int n = 0; n != 250; ++n) {
        observation.begin({});
        observation.finish(Response{}, 1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto events = observer.events();
  CHECK(events.size() == 2000);
  std::size_t finished = 0;
  for (const auto& event : events) finished += event.finished ? 1 : 0;
  CHECK(finished == 1000);
}
