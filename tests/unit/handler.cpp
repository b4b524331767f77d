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
  static constexpr Route route{"GET", "/"};
};

struct RoutedByMember : Plain {
  Route route;
};

static_assert(Handler<Plain>);
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
  static constexpr Route route{"GET", "/"};
};

struct RouteIsText : Plain {
  [[maybe_unused]] static constexpr std::string_view route = "GET /";
};

static_assert(!RoutedHandler<Plain>);
static_assert(!RoutedHandler<RouteAlone>);
static_assert(!RoutedHandler<RouteIsText>);

}  // namespace

TEST_CASE("an operation has one path, with or without /v0 and a trailing slash") {
  constexpr Route route{"POST", "/api/clients", true};
  for (const std::string_view path : {"/api/clients", "/api/clients/", "/v0/api/clients", "/v0/api/clients/"}) {
    CHECK(route.has_path(path));
  }
  for (const std::string_view path : {"", "/", "/api", "/api/client", "/api/clientss", "/api/clients//",
                                      "//api/clients", "/API/clients", "/v1/api/clients", "/v0/v0/api/clients", "/v0",
                                      "/v0/", "/v0api/clients", "/api/clients;x", "/api/./clients", "/%61pi/clients"}) {
    INFO(path);
    CHECK_FALSE(route.has_path(path));
  }
}

TEST_CASE("any other route has its path alone") {
  constexpr Route route{"GET", "/livez"};
  CHECK(route.has_path("/livez"));
  for (const std::string_view path : {"", "/", "/livez/", "/v0/livez", "/livezz", "livez", "/livez/1"}) {
    INFO(path);
    CHECK_FALSE(route.has_path(path));
  }
  CHECK(Route{"GET", "/"}.has_path("/"));
  CHECK_FALSE(Route{"GET", "/"}.has_path(""));
}

TEST_CASE("a last segment in braces is any one segment that is not empty") {
  constexpr Route route{"GET", "/api/clients/{id}"};
  for (const std::string_view path : {"/api/clients/1", "/api/clients/{id}", "/api/clients/%2F", "/api/clients/.."}) {
    INFO(path);
    CHECK(route.has_path(path));
  }
  for (const std::string_view path : {"/api/clients", "/api/clients/", "/api/clients//", "/api/clients/1/",
                                      "/api/clients/1/2", "/v0/api/clients/1", "/api/client/1", "/1"}) {
    INFO(path);
    CHECK_FALSE(route.has_path(path));
  }
  constexpr Route operation{"GET", "/api/clients/{id}", true};
  for (const std::string_view path : {"/api/clients/1", "/api/clients/1/", "/v0/api/clients/1/"}) {
    INFO(path);
    CHECK(operation.has_path(path));
  }
  for (const std::string_view path : {"/api/clients/", "/api/clients//", "/api/clients/1//", "/v0/api/clients/"}) {
    INFO(path);
    CHECK_FALSE(operation.has_path(path));
  }
}
