// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Console with services that misbehave: always a clear error in bounded time and memory, the exit status of a fault
// and what became of the request.
#include <droplit/testing/scripted_server.hpp>
#include "support/catch.hpp"
#include "support/misbehaviour.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct Ran {
  int status = -1;  // of its exit; -1 if a signal ended it
  std::string out;
  std::string err;
  long kilobytes = 0;  // that it held at most
};

std::string read_all(int fd) {
  std::string all;
  char piece[4096];
  for (ssize_t size; (size = ::read(fd, piece, sizeof piece)) > 0;) all.append(piece, static_cast<std::size_t>(size));
  ::close(fd);
  return all;
}

/// Runs `droplit client create` against a service, for at most a minute.
Ran create_at(const std::string& url, bool json) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  REQUIRE(::pipe(out.data()) == 0);
  REQUIRE(::pipe(err.data()) == 0);
  std::vector<const char*> arguments{
      DROPLIT_CONSOLE, "client",    "create", "--ecosystemId", "C594b89aea18568c408c3ad24", "--url",
      url.c_str(),     "--timeout", "1"};
  if (json) arguments.push_back("--json");
  arguments.push_back(nullptr);
  const std::vector<const char*> environment{"DROPLIT_TOKEN=canary-token-81c4", "HOME=/nonexistent", "no_proxy=*",
                                             nullptr};
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    for (const int fd : {out[0], out[1], err[0], err[1]}) ::close(fd);
    ::alarm(60);
    ::execve(DROPLIT_CONSOLE, const_cast<char* const*>(arguments.data()), const_cast<char* const*>(environment.data()));
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  Ran ran;
  std::thread reading([&] { ran.err = read_all(err[0]); });
  ran.out = read_all(out[0]);
  reading.join();
  int status = 0;
  rusage used{};
  ::wait4(child, &status, 0, &used);
  if (WIFEXITED(status)) ran.status = WEXITSTATUS(status);
  ran.kilobytes = used.ru_maxrss;
  return ran;
}

bool controls_a_terminal(std::string_view text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == '\x7F') return true;
  }
  return text.find("\xC2\x9B") != std::string_view::npos;
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
    return create_at(server.url(), false);
  }();
  REQUIRE(good.status == 0);

  bool json = false;
  for (const test::Misbehaviour& misbehaviour : test::misbehaviours(elsewhere.url())) {
    json = !json;
    droplit::ScriptedServer server(misbehaviour.script);
    const Ran ran = create_at(server.url(), json);
    INFO(misbehaviour.name << (json ? " --json: " : ": ") << ran.err << ran.out.substr(0, 200));
    check_failure(ran, json);
    CHECK(ran.err.find("may have been created") != std::string::npos);
    CHECK(server.accepted() == 1);
    CHECK(ran.kilobytes < good.kilobytes + 32 * 1024);
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
    const Ran ran = create_at(server.url(), false);
    INFO("cut at " << cut << ": " << ran.err);
    check_failure(ran, false);
    CHECK(ran.err.find("may have been created") != std::string::npos);
  }
  CHECK(create_at(server.url(), false).status == 0);
}

TEST_CASE("a service that cannot be reached, or refuses by the exact 503, has created nothing") {
  std::string unused_url;
  {
    droplit::ScriptedServer gone([](droplit::ScriptedConnection&) {});
    unused_url = gone.url();
  }
  const Ran unreachable = create_at(unused_url, false);
  check_failure(unreachable, false);
  CHECK(unreachable.err.find("nothing was sent") != std::string::npos);
  CHECK(unreachable.err.find("may have been") == std::string::npos);

  droplit::ScriptedServer busy([](droplit::ScriptedConnection& connection) {
    connection.read_request();
    connection.send(test::with_length("503 Service Unavailable", "retry-after: 1\r\n", ""));
  });
  const Ran refused = create_at(busy.url(), true);
  check_failure(refused, true);
  CHECK(refused.err.find("nothing was created") != std::string::npos);
}
