// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The signals of droplit-server: what each does, and what the log then says.
#include "../../../docs/examples/server/signals.hpp"

#include "support/catch.hpp"

#include <array>
#include <csignal>
#include <functional>
#include <future>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using server::BlockedSignals;
using server::Log;
using server::Signals;

struct End {
  int status = 0;
  std::string said;
};

/// How a process ends that does `work` and then waits.
End end_of(const std::function<void(const Signals&)>& work) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const ::pid_t child = ::fork();
  REQUIRE(child != -1);
  if (child == 0) {
    const BlockedSignals blocked;
    const Log log(ends[1]);
    const Signals signals(blocked, log);
    work(signals);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  End end;
  for (char c = 0; ::read(ends[0], &c, 1) == 1;) end.said += c;
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  end.status = WEXITSTATUS(status);
  return end;
}

void send(int signal) { ::kill(::getpid(), signal); }

}  // namespace

TEST_CASE("a signal before serving ends the process") {
  const End end = end_of([](const Signals&) { send(SIGINT); });
  CHECK(end.status == 128 + SIGINT);
  CHECK(end.said == "droplit-server: ended by a signal before it served\n");
}

TEST_CASE("the first signal while serving stops the service, and the second one ends the process") {
  const End end = end_of([](const Signals& signals) {
    const Signals::Serving serving(signals, [] { send(SIGTERM); });
    send(SIGINT);
    for (;;) ::pause();
  });
  CHECK(end.status == 128 + SIGTERM);
  CHECK(end.said == "droplit-server: ended at once by a second signal\n");
}

TEST_CASE("a second signal after the service has ended is still a second one") {
  const End end = end_of([](const Signals& signals) {
    std::array<int, 2> stopped{};
    if (::pipe(stopped.data()) != 0) ::_exit(1);
    {
      const Signals::Serving serving(signals, [&] { ::close(stopped[1]); });
      send(SIGINT);
      char none = 0;
      static_cast<void>(!::read(stopped[0], &none, 1));  // waits for the stop
    }
    send(SIGTERM);
  });
  CHECK(end.status == 128 + SIGTERM);
  CHECK(end.said == "droplit-server: ended at once by a second signal\n");
}

TEST_CASE("a first signal after the service has failed does not claim that it never served") {
  const End end = end_of([](const Signals& signals) {
    {
      const Signals::Serving serving(signals, [] {});
    }
    send(SIGTERM);
  });
  CHECK(end.status == 128 + SIGTERM);
  CHECK(end.said == "droplit-server: ended at once by a signal when it no longer served\n");
}

TEST_CASE("a SIGHUP ends nothing, and one that comes before there is what to call is kept") {
  std::signal(SIGHUP, SIG_DFL);  // where nohup runs this, it would stay ignored
  const End end = end_of([](const Signals& signals) {
    std::promise<void> first;
    std::promise<void> second;
    send(SIGHUP);
    sigset_t pending{};
    do {  // until the thread of the signals has taken it
      ::sigpending(&pending);
    } while (sigismember(&pending, SIGHUP) == 1);
    int calls = 0;
    signals.on_hangup([&] { (++calls == 1 ? first : second).set_value(); });
    first.get_future().wait();
    send(SIGHUP);
    second.get_future().wait();
    send(SIGTERM);
    for (;;) ::pause();
  });
  CHECK(end.status == 128 + SIGTERM);
  CHECK(end.said == "droplit-server: ended by a signal before it served\n");
}

TEST_CASE("a SIGHUP that the process was started to ignore stays ignored") {
  std::signal(SIGHUP, SIG_IGN);
  const End end = end_of([](const Signals& signals) {
    signals.on_hangup([] { ::_exit(1); });
    send(SIGHUP);
    send(SIGTERM);
    for (;;) ::pause();
  });
  std::signal(SIGHUP, SIG_DFL);
  CHECK(end.status == 128 + SIGTERM);
}
