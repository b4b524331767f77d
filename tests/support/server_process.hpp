// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What programs that test droplit-server from outside need: its process, and a list of what must not be.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace test {

/// What must not happen, printed as it is found.
class Violations {
 public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (++count_ <= 20) std::printf("VIOLATION: %s\n", what.c_str());
    std::fflush(stdout);
  }
  [[nodiscard]] bool none() const noexcept { return count_ == 0; }

 private:
  std::mutex mutex_;
  std::atomic<std::size_t> count_{0};
};

/// A process of droplit-server. It does not outlive the thread that started it.
class ServerProcess {
 public:
  /// How it ended: the status of `waitpid`, and whether it had ended before the signal, or had to be killed.
  struct End {
    int status = 0;
    bool by_itself = false;
    bool forced = false;
  };

  ServerProcess(const std::vector<std::string>& command, const std::string& log) {
    std::array<int, 2> out{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    std::vector<char*> arguments;
    for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("no process");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      const int err = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      ::dup2(in, 0);
      ::dup2(out[1], 1);
      ::dup2(err, 2);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(out[1]);
    line_ = out[0];
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess() {
    if (pid_ > 0) end(SIGKILL);
    ::close(line_);
  }

  /// Where it listens, if it says so in time.
  std::optional<std::string> url(std::chrono::milliseconds timeout) { return next_line("listening on ", timeout); }

  /// Where its metrics are, if it says so in time. To be called after `url`, whose line is before this one.
  std::optional<std::string> metrics_url(std::chrono::milliseconds timeout) {
    return next_line("metrics on ", timeout);
  }

  [[nodiscard]] pid_t id() const noexcept { return pid_; }

  /// Ends it by a signal, and after 30 s by force.
  End end(int signal) {
    End how;
    const pid_t pid = std::exchange(pid_, -1);
    how.by_itself = ::waitpid(pid, &how.status, WNOHANG) != 0;
    if (how.by_itself) return how;
    ::kill(pid, signal);
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (::waitpid(pid, &how.status, how.forced ? 0 : WNOHANG) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (std::chrono::steady_clock::now() < limit) continue;
      how.forced = true;
      ::kill(pid, SIGKILL);
    }
    return how;
  }

 private:
  /// What is after `before` in the next line that it prints, if there is one in time.
  std::optional<std::string> next_line(std::string_view before, std::chrono::milliseconds timeout) {
    std::string line;
    for (const auto end = std::chrono::steady_clock::now() + timeout; !line.ends_with('\n');) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
      pollfd one{line_, POLLIN, 0};
      if (::poll(&one, 1, left > 0 ? static_cast<int>(left) : 0) <= 0) return std::nullopt;
      char c = 0;
      if (::read(line_, &c, 1) != 1) return std::nullopt;
      line += c;
    }
    if (!line.starts_with(before)) throw std::runtime_error("the server says: " + line);
    return line.substr(before.size(), line.size() - before.size() - 1);
  }

  pid_t pid_ = -1;
  int line_ = -1;
};

}  // namespace test
