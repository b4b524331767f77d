// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Console with services that misbehave: always a clear error in bounded time and memory, the exit status of a fault
// and what became of the request.
#include <droplit/testing/scripted_server.hpp>
#include "support/catch.hpp"
#include "support/console_run.hpp"
#include "support/misbehaviour.hpp"
#include "support/thread_sanitizer.hpp"

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

using test::Ran, test::create_at, test::controls_a_terminal;

// What a response may cost beyond a good one. ThreadSanitizer keeps several bytes for each.
constexpr long most_kilobytes = (test::has_thread_sanitizer ? 160 : 32) * 1024;

std::vector<std::string> json_option(bool json) {
  return json ? std::vector<std::string>{"--json"} : std::vector<std::string>();
}

/// The properties of every failure.
void check_failure(const Ran& ran, bool json) {
  CHECK(ran.status == 4);
  CHECK(ran.err.starts_with("droplit: "));
  CHECK(ran.err.ends_with('\n'));
  CHECK(ran.err.size() < 600);
  CHECK_FALSE(controls_a_terminal(ran.err));
  CHECK_FALSE(controls_a_terminal(ran.out));
  CHECK((ran.out + ran.err).find("canary") == std::string::npos);
  if (!json) CHECK(ran.out.empty());
}

}  // namespace

TEST_CASE("with every misbehaviour of a service, the Console says that a client may have been created") {
  std::atomic<int> led_astray{0};
  droplit::ScriptedServer elsewhere([&](droplit::ScriptedConnection&) { ++led_astray; });
  const Ran good = [] {
    droplit::ScriptedServer server([](droplit::ScriptedConnection& connection) {
      connection.read_request();
      connection.send(test::with_length("201 Created", "content-type: application/json\r\n", test::a_created));
    });
    return create_at(server.url());
  }();
  REQUIRE(good.status == 0);

  bool json = false;
  for (const test::Misbehaviour& misbehaviour : test::misbehaviours(elsewhere.url())) {
    json = !json;
    Ran ran;
    std::size_t accepted = 0;
    bool is_late = true;
    for (int timeout = misbehaviour.is_endless ? 1 : 30; is_late && timeout <= 30; timeout *= 5) {
      droplit::ScriptedServer server(misbehaviour.script);
      ran = create_at(server.url(), json_option(json), timeout);
      accepted = server.accepted();
      is_late = misbehaviour.is_endless && ran.err.find("nothing was sent") != std::string::npos;  // on a busy machine
    }
    INFO(misbehaviour.name << (json ? " --json: " : ": ") << ran.err << ran.out.substr(0, 200));
    check_failure(ran, json);
    CHECK(ran.err.find("may have been created") != std::string::npos);
    CHECK(accepted == 1);
    CHECK(ran.kilobytes < good.kilobytes + most_kilobytes);
  }
  CHECK(led_astray == 0);
}

TEST_CASE("with a response that is cut anywhere, the Console says that a client may have been created") {
  const std::string whole = test::with_length("201 Created", "content-type: application/json\r\n", test::a_created);
  std::atomic<std::size_t> cut{0};
  droplit::ScriptedServer server([&](droplit::ScriptedConnection& connection) {
    if (connection.read_request()) connection.send(std::string_view(whole).substr(0, cut));
  });
  for (; cut != whole.size(); ++cut) {
    const Ran ran = create_at(server.url());
    INFO("cut at " << cut << ": " << ran.err);
    check_failure(ran, false);
    CHECK(ran.err.find("may have been created") != std::string::npos);
  }
  CHECK(create_at(server.url()).status == 0);
}

TEST_CASE("a service that cannot be reached, or refuses by the exact 503, has created nothing") {
  std::string unused_url;
  {
    droplit::ScriptedServer gone([](droplit::ScriptedConnection&) {});
    unused_url = gone.url();
  }
  const Ran unreachable = create_at(unused_url);
  check_failure(unreachable, false);
  CHECK(unreachable.err.find("nothing was sent") != std::string::npos);
  CHECK(unreachable.err.find("may have been") == std::string::npos);

  droplit::ScriptedServer busy([](droplit::ScriptedConnection& connection) {
    connection.read_request();
    connection.send(test::with_length("503 Service Unavailable", "retry-after: 1\r\n", ""));
  });
  const Ran refused = create_at(busy.url(), {"--json"});
  check_failure(refused, true);
  CHECK(refused.err.find("nothing was created") != std::string::npos);
}
