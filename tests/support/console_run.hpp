// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Runs the Console, DROPLIT_CONSOLE, as a process of its own.
#pragma once

#include "support/catch.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace test {

struct Ran {
  int status = -1;  // of its exit; -1 if a signal ended it
  std::string out;
  std::string err;
  long kilobytes = 0;  // that it held at most
};

inline std::string read_all(int fd) {
  std::string all;
  char piece[4096];
  for (ssize_t size = ::read(fd, piece, sizeof piece); size > 0; size = ::read(fd, piece, sizeof piece)) {
    all.append(piece, static_cast<std::size_t>(size));
  }
  ::close(fd);
  return all;
}

/// Runs `droplit client create` against a service, for at most a minute. `timeout` is in seconds.
inline Ran create_at(const std::string& url, const std::vector<std::string>& more = {}, int timeout = 30) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  REQUIRE(::pipe(out.data()) == 0);
  REQUIRE(::pipe(err.data()) == 0);
  const std::string limit = std::to_string(timeout);
  std::vector<const char*> arguments{
      DROPLIT_CONSOLE, "client",    "create",    "--ecosystemId", "C594b89aea18568c408c3ad24",
      "--url",         url.c_str(), "--timeout", limit.c_str()};
  for (const std::string& argument : more) arguments.push_back(argument.c_str());
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

inline bool controls_a_terminal(std::string_view text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == '\x7F') return true;
  }
  return text.find("\xC2\x9B") != std::string_view::npos;
}

}  // namespace test
