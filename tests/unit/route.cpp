// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/route.hpp>

#include "support/catch.hpp"

#include <string_view>

using namespace droplit;

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

TEST_CASE("an operation whose own path begins with /v0 has that path") {
  constexpr Route route{"GET", "/v0/things", true};
  CHECK(route.has_path("/v0/things"));
  CHECK(route.has_path("/v0/things/"));
  CHECK_FALSE(route.has_path("/things"));
}

TEST_CASE("a route whose path ends with / has no path with one more") {
  constexpr Route root{"GET", "/", true};
  constexpr Route folder{"GET", "/api/", true};
  CHECK(root.has_path("/"));
  CHECK(root.has_path("/v0/"));
  CHECK(folder.has_path("/api/"));
  CHECK(folder.has_path("/v0/api/"));
  for (const std::string_view path : {"", "//", "/v0", "/v0//", "/api", "/api//"}) {
    INFO(path);
    CHECK_FALSE(root.has_path(path));
    CHECK_FALSE(folder.has_path(path));
  }
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

TEST_CASE("a route has its method alone, but one for GET has HEAD too") {
  constexpr Route get{"GET", "/"};
  constexpr Route head{"HEAD", "/"};
  constexpr Route post{"POST", "/"};
  CHECK((get.has_method("GET") && get.has_method("HEAD")));
  CHECK((head.has_method("HEAD") && post.has_method("POST")));
  for (const std::string_view method : {"", "get", "head", "GETS", "HEADS", "OPTIONS"}) {
    INFO(method);
    CHECK_FALSE((get.has_method(method) || head.has_method(method) || post.has_method(method)));
  }
  CHECK_FALSE(get.has_method("POST"));
  CHECK_FALSE(head.has_method("GET"));
  CHECK_FALSE(post.has_method("HEAD"));
}

TEST_CASE("OPTIONS is served for operations with parameters") {
  CHECK(Route{"POST", "/", true, "{}"}.serves_options());
  CHECK_FALSE(Route{"POST", "/", true}.serves_options());
  CHECK_FALSE(Route{"POST", "/", false, "{}"}.serves_options());
  CHECK_FALSE(create_client_route.serves_options());  // whoever serves it adds them, as Endpoint does
}
