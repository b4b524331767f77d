// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// server FOLDER: a program that embeds the library, over SQLite, with a token file that SIGHUP has read again. It
// starts a child every 50 ms, as programs do that also have other work.
#include "server/access_file.hpp"
#include "server/log.hpp"

#include <droplit/async/batch_endpoint.hpp>
#include <droplit/async/batch_writer.hpp>
#include <droplit/droplit.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage/sqlite.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

using namespace droplit::literals;

namespace {

// How many descriptors a child has, or -1 if it could not be started.
int descriptors_of_a_child() {
  std::array<const char*, 4> command = {"sh", "-c", "exit $(ls /proc/self/fd | wc -l)", nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, "/bin/sh", nullptr, nullptr, const_cast<char**>(command.data()), environ) != 0) return -1;
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int serve(const std::string& folder) {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int descriptors = descriptors_of_a_child();

  auto storage = droplit::SqliteStorage::open(folder + "/clients.db").value();
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id).value();
  const server::Log log(2);
  const server::AccessFile access(folder + "/access.json", log);
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::BatchWriter writer(storage);
  droplit::BatchEndpoint endpoint(writer, access.access(), clock, ids);
  droplit::BeastServer server(endpoint);
  std::printf("listening on %s\n", server.url().c_str());
  std::fflush(stdout);

  std::atomic<bool> ended = false;
  std::atomic<int> failed = 0;
  std::thread parent([&] {
    for (; !ended; std::this_thread::sleep_for(std::chrono::milliseconds(50)))
      failed += descriptors_of_a_child() == descriptors ? 0 : 1;
  });
  std::thread waiting([&] {
    int signal = 0;
    while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP) access.reread()();
    server.stop();
  });
  server.run();
  waiting.join();
  ended = true;
  parent.join();
  if (failed != 0) std::fprintf(stderr, "%d children failed, or inherited a descriptor\n", failed.load());
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    return serve(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
