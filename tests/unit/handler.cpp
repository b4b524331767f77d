// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/handler.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

using namespace droplit;

namespace {

// Exemplars.

struct Plain {
  Response handle(const Request&) { return {}; }
};

struct Const {
  Response handle(const Request&) const { return {}; }
};

struct ByValue {
  Response handle(Request) { return {}; }
};

struct ByReference {
  Response response;
  const Response& handle(const Request&) { return response; }
};

struct Stepped : Plain {
  struct Steps {
    explicit Steps(Stepped&) {}
    bool head(const RequestHead&, std::string_view, Response&) { return true; }
    bool body(std::string_view, Response&) { return true; }
    bool finish(std::string_view, Response&) { return true; }
    void complete(Response&) {}
    std::uint32_t max_body() const { return 0; }
  };
};

struct Routed : Plain {
  [[maybe_unused]] static constexpr Route route{"GET", "/"};
};

struct RoutedByMember : Plain {
  Route route;
};

struct Limited : Plain {
  std::uint32_t max_body = 0;
};

struct LimitedByConstant : Plain {
  static constexpr std::uint32_t max_body = 0;
};

static_assert(Handler<Plain>);
static_assert(Handler<Limited>);
static_assert(Handler<LimitedByConstant>);
static_assert(Handler<Const>);
static_assert(Handler<const Const>);
static_assert(Handler<ByValue>);
static_assert(Handler<ByReference>);
static_assert(Handler<Stepped>);
static_assert(SteppedHandler<Stepped>);
static_assert(RoutedHandler<Routed>);
static_assert(RoutedHandler<RoutedByMember>);

// Near misses.

struct ReturnsNothing {
  void handle(const Request&) {}
};

struct ReturnsText {
  std::string handle(const Request&) { return {}; }
};

struct ReturnsStatus {
  int handle(const Request&) { return 200; }
};

struct ReturnsPerhaps {
  std::optional<Response> handle(const Request&) { return {}; }
};

struct WritesIt {
  void handle(const Request&, Response&) {}
};

struct ChangesRequest {
  Response handle(Request&) { return {}; }
};

struct TakesRvalue {
  Response handle(Request&&) { return {}; }
};

struct CalledOtherwise {
  Response operator()(const Request&) { return {}; }
};

class Hidden {
  Response handle(const Request&);
};

struct LimitIsFunction : Plain {
  std::uint32_t max_body() const { return 0; }
};

struct LimitIsStaticFunction : Plain {
  static std::uint32_t max_body() { return 0; }
};

struct LimitTakesRequest : Plain {
  std::uint32_t max_body(const Request&) const { return 0; }
};

struct LimitHasDefault : Plain {
  template <class T = int>
  std::uint32_t max_body(T = {}) const {
    return 0;
  }
};

struct LimitIsText : Plain {
  std::string max_body;
};

struct LimitIsOptional : Plain {
  std::optional<std::uint32_t> max_body;
};

struct LimitIsInt : Plain {
  int max_body = 0;
};

struct LimitIsWide : Plain {
  std::uint64_t max_body = std::uint64_t{1} << 32;
};

static_assert(!Handler<LimitIsInt>);
static_assert(!Handler<LimitIsWide>, "it would be 0");
static_assert(!Handler<LimitIsFunction>, "the limit is a data member");
static_assert(!Handler<LimitIsStaticFunction>);
static_assert(!Handler<LimitTakesRequest>);
static_assert(!Handler<LimitHasDefault>);
static_assert(!Handler<LimitIsText>);
static_assert(!Handler<LimitIsOptional>);

static_assert(!Handler<const Plain>, "a handle that is not const needs a handler that is not");
static_assert(!Handler<ReturnsNothing>);
static_assert(!Handler<ReturnsText>);
static_assert(!Handler<ReturnsStatus>);
static_assert(!Handler<ReturnsPerhaps>);
static_assert(!Handler<WritesIt>);
static_assert(!Handler<ChangesRequest>);
static_assert(!Handler<TakesRvalue>);
static_assert(!Handler<CalledOtherwise>);
static_assert(!Handler<Hidden>);
static_assert(!Handler<int>);

struct StepsAlone {
  using Steps = Stepped::Steps;
};

struct StepsOfAnother : Plain {
  using Steps = Stepped::Steps;
};

struct NoLimit : Plain {
  struct Steps : Stepped::Steps {
    explicit Steps(NoLimit&);
    std::uint32_t max_body() const = delete;
  };
};

struct LastPieceReturnsNothing : Plain {
  struct Steps : Stepped::Steps {
    explicit Steps(LastPieceReturnsNothing&);
    void finish(std::string_view, Response&) {}
  };
};

static_assert(!SteppedHandler<Plain>);
static_assert(!SteppedHandler<StepsAlone>, "a handler also takes a whole request");
static_assert(!SteppedHandler<StepsOfAnother>, "steps are made for their handler");
static_assert(!SteppedHandler<NoLimit>);
static_assert(!SteppedHandler<LastPieceReturnsNothing>);

struct RouteAlone {
  [[maybe_unused]] static constexpr Route route{"GET", "/"};
};

struct RouteIsText : Plain {
  [[maybe_unused]] static constexpr std::string_view route = "GET /";
};

static_assert(!RoutedHandler<Plain>);
static_assert(!RoutedHandler<RouteAlone>);
static_assert(!RoutedHandler<RouteIsText>);

}  // namespace

TEST_CASE("a handler may take a request by value and return a reference") {
  CHECK(Response(ByValue().handle(Request())) == Response());
  ByReference handler{{.status = 204, .fields = {}, .body = {}}};
  CHECK(Response(handler.handle(Request())).status == 204);
}
