// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/try_it.hpp>

#include <droplit/api_errc.hpp>
#include <droplit/client_type.hpp>
#include <droplit/fields.hpp>
#include <droplit/router.hpp>
#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

using namespace droplit;

namespace {

const TryIt try_it;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

Response ask(const std::string& method, const std::string& target) {
  Router router(try_it.page, try_it.script, try_it.style);
  return router.handle({method, target, {}, {}});
}

const std::array<std::string, 3> bodies{ask("GET", "/").body, ask("GET", "/try-it.js").body,
                                        ask("GET", "/try-it.css").body};

}  // namespace

TEST_CASE("the page, its script and its style have these paths and fields, and no others") {
  const struct {
    const char* path;
    const char* type;
  } resources[] = {{"/", "text/html"}, {"/try-it.js", "text/javascript"}, {"/try-it.css", "text/css"}};
  for (const auto& resource : resources) {
    INFO(resource.path);
    const Response response = ask("GET", resource.path);
    CHECK(response.status == 200);
    CHECK(response.fields.lines() ==
          "content-type: " + std::string(resource.type) +
              "; charset=utf-8\r\n"
              "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
              "x-content-type-options: nosniff\r\n"
              "referrer-policy: no-referrer\r\n"
              "content-length: " +
              std::to_string(response.body.size()) + "\r\n");
    CHECK(ask("HEAD", resource.path).fields == response.fields);
    CHECK(ask("GET", std::string(resource.path) + "?query").body == response.body);
    CHECK(ask("POST", resource.path).fields.get("allow") == "GET, HEAD");
  }
  CHECK(ask("GET", "/try-it.js/").status == 404);
  CHECK(ask("GET", "/v0/try-it.js").status == 404);
  CHECK(ask("GET", "/favicon.ico").status == 404);
}

TEST_CASE("a page that is switched off is not found") {
  const TryIt off(false);
  Router router(off.page, off.script, off.style);
  for (const char* target : {"/", "/try-it.js", "/try-it.css", "", "*"}) {
    INFO(target);
    CHECK(router.handle({"GET", target, {}, {}}).status == 404);
  }
}

TEST_CASE("the page, its script and its style have at most 20,480 bytes together, all of them ASCII") {
  const std::string all = bodies[0] + bodies[1] + bodies[2];
  CHECK(all.size() > 10'000);
  CHECK(all.size() <= 20'480);
  CHECK(std::all_of(all.begin(), all.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
}

TEST_CASE("the page has no inline script, style or handler, and nothing in it is from elsewhere") {
  for (const std::string& body : bodies) {
    for (const char* forbidden : {"http:", "https:", "//cdn", "@import", "url(", "eval(", "innerHTML", "outerHTML",
                                  "insertAdjacentHTML", "document.write", "localStorage", "sessionStorage", "indexedDB",
                                  "document.cookie", "pushState", "replaceState"}) {
      INFO(forbidden);
      CHECK_FALSE(contains(body, forbidden));
    }
  }
  const std::string& page = bodies[0];
  CHECK(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
  for (const char* forbidden : {"<style", "style=", " onclick", " onload", " oninput", " onsubmit", "javascript:"}) {
    INFO(forbidden);
    CHECK_FALSE(contains(page, forbidden));
  }
  const auto script = page.find("<script");
  CHECK(page.substr(script).starts_with("<script type=\"module\" src=\"try-it.js\"></script>"));
  CHECK_FALSE(contains(page.substr(script + 1), "<script"));
}

TEST_CASE("page and script repeat nothing of the contract: they read it from the document") {
  for (const std::string& body : {bodies[0], bodies[1]}) {
    for (const char* word : {"ecosystemId", "/api/clients", "application/json", "authorization", "InvalidParams"}) {
      INFO(word);
      CHECK_FALSE(contains(body, word));
    }
    for (const ApiErrcRow& row : api_errc_table) {
      INFO(row.name);
      CHECK_FALSE(contains(body, row.name));
      if (!row.message.empty()) CHECK_FALSE(contains(body, row.message));
    }
    for (const FieldRow& row : client_fields) {
      INFO(row.name);
      CHECK_FALSE(contains(body, row.sentence));
      CHECK_FALSE(contains(body, "\"" + std::string(row.name) + "\""));
    }
    for (const std::string_view name : client_type_names) {
      INFO(name);
      CHECK_FALSE(contains(body, "\"" + std::string(name) + "\""));
    }
  }
}
