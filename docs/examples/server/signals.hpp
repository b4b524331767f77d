// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "log.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>
#include <unistd.h>

namespace server {

/// SIGTERM, SIGINT and SIGHUP, from now on blocked in this thread and in those that it starts. A SIGHUP that the
/// process was started to ignore, by nohup, stays ignored.
struct BlockedSignals {
  sigset_t set{};
  BlockedSignals() noexcept {
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT}) {
      sigaddset(&set, signal);
      std::signal(signal, SIG_DFL);  // a shell lets programs before an `&` ignore SIGINT
    }
    struct sigaction hangup {};
    ::sigaction(SIGHUP, nullptr, &hangup);
    if (hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  }
};

/// Waits for those signals in a thread of its own, so that no slow file, name server or database can hold them up.
///
/// SIGHUP calls the function of `on_hangup`. The first SIGTERM or SIGINT while a `Serving` lives stops the service. Any
/// other ends the process, with the status by which a shell says it: 128 and the number of the signal. That waits for
/// nothing but the log, and for that `last_lines` at most.
class Signals {
  enum class State : std::uint8_t { starting, serving, stopping, ended };

  struct Shared {
    BlockedSignals signals;
    Log log;
    std::mutex mutex;
    std::function<void()> stop;    // while serving
    std::function<void()> hangup;  // once there is what reads the file again
    bool hung_up = false;          // before there was
    State state = State::starting;

    Shared(const BlockedSignals& awaited, Log to) : signals(awaited), log(std::move(to)) {}

    void run() {
      for (;;) {
        int signal = 0;
        if (::sigwait(&signals.set, &signal) != 0) continue;
        const std::lock_guard lock(mutex);
        if (signal == SIGHUP) {
          hung_up = !hangup;
          if (hangup) hangup();
          continue;
        }
        switch (state) {
          case State::serving:
            state = State::stopping;
            stop();
            continue;
          case State::starting: log.line("ended by a signal before it served"); break;
          case State::stopping: log.line("ended at once by a second signal"); break;
          case State::ended:
          default: log.line("ended at once by a signal when it no longer served"); break;
        }
        log.drain(last_lines);
        ::_exit(128 + signal);
      }
    }
  };

 public:
  /// How long the end of the process waits for a reader of the log.
  static constexpr std::chrono::milliseconds last_lines{1000};

  /// Throws `std::system_error` if there is no thread.
  Signals(const BlockedSignals& signals, const Log& log) : shared_(std::make_shared<Shared>(signals, log)) {
    std::thread([shared = shared_] { shared->run(); }).detach();
  }

  /// Calls this for each SIGHUP from now on, in the thread of the signals; and at once if there was one before.
  void on_hangup(std::function<void()> call) const {
    const std::lock_guard lock(shared_->mutex);
    shared_->hangup = std::move(call);
    if (std::exchange(shared_->hung_up, false)) shared_->hangup();
  }

  /// While it lives, the first SIGTERM or SIGINT calls `stop`, in the thread of the signals.
  class Serving {
   public:
    Serving(const Signals& signals, std::function<void()> stop) : shared_(signals.shared_) {
      const std::lock_guard lock(shared_->mutex);
      shared_->stop = std::move(stop);
      shared_->state = State::serving;
    }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    ~Serving() {
      const std::lock_guard lock(shared_->mutex);
      shared_->stop = nullptr;
      if (shared_->state == State::serving) shared_->state = State::ended;
    }

   private:
    std::shared_ptr<Shared> shared_;
  };

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace server
