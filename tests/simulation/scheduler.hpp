// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// One thread that plays many: fibers, a clock that moves from event to event, and one source of random numbers. What
// happens depends on the seed alone.
#pragma once

#include <ucontext.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

using Nanos = std::int64_t;

inline constexpr Nanos micro = 1'000;
inline constexpr Nanos milli = 1'000 * micro;
inline constexpr Nanos second = 1'000 * milli;
inline constexpr Nanos never = std::numeric_limits<Nanos>::max();

/// Random numbers, the same on every platform (SplitMix64).
class Random {
 public:
  explicit Random(std::uint64_t seed = 0) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t value = state_;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9U;
    value = (value ^ value >> 27) * 0x94D049BB133111EBU;
    return value ^ value >> 31;
  }
  /// From 0, below `n`.
  std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(next() % n); }
  /// From `least` to `most`.
  Nanos between(Nanos least, Nanos most) noexcept {
    return least + static_cast<Nanos>(next() % static_cast<std::uint64_t>(most - least + 1));
  }
  /// True once in `n` times.
  bool one_in(std::size_t n) noexcept { return below(n) == 0; }
  template <std::size_t size, class T>
  T one_of(const T (&values)[size]) noexcept {
    return values[below(size)];
  }

 private:
  std::uint64_t state_;
};

struct Fiber;
class ServerWatch;

/// Who waits for a change. Each is resumed once for it.
struct Waiters {
  std::vector<std::pair<std::shared_ptr<Fiber>, std::uint64_t>> all;
};

/// What a simulated process has of the real one.
struct Process {
  int pid = next_pid++;   ///< that none had before, also in another simulation
  bool dead = false;      ///< killed: what it still does changes nothing
  bool stopping = false;  ///< it has been told to
  std::int64_t latest_millis = std::numeric_limits<std::int64_t>::min();  ///< of its `SystemClock`
  ServerWatch* watch = nullptr;
  Waiters work;  ///< its event loop
  bool has_work = false;

  void poke();

  static inline int next_pid = 1;
};

/// A flow of control with a stack of its own.
struct Fiber {
  std::function<void()> body;
  Process* process = nullptr;
  std::unique_ptr<char[]> stack;
  ucontext_t context{};
  std::array<void*, 2> exceptions{};  // what the C++ runtime keeps for a thread
  void* event_loop = nullptr;         // what Asio does
  void* sanitizer_stack = nullptr;
  std::uint64_t wait = 0;  // the number of the wait that it is in
  bool waits = false;
  bool ended = false;
};

class Scheduler {
 public:
  Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  [[nodiscard]] Nanos now() const noexcept { return now_; }
  Random& random() noexcept { return random_; }

  /// Begins again, at the time 0.
  void reset(std::uint64_t seed);

  /// Calls `call` at that time.
  void at(Nanos time, std::function<void()> call) {
    queue_.push({time > now_ ? time : now_, ++number_, std::move(call)});
  }
  void after(Nanos delay, std::function<void()> call) { at(now_ + delay, std::move(call)); }

  /// Runs a function as a fiber of `process`, from `after` on.
  void spawn(Process* process, std::function<void()> body, Nanos after = 0);

  /// Runs events until there are none, or until the time `end`.
  void run(Nanos end);

  // In a fiber:

  [[nodiscard]] bool in_fiber() const noexcept { return current_ != nullptr; }
  void sleep_until(Nanos time);
  void sleep(Nanos time) { sleep_until(now_ + time); }
  /// Waits for `notify(waiters)`, at most until then. There may be no reason to return.
  void wait(Waiters& waiters, Nanos until);
  /// Waits for the condition; false if it is not true by then.
  template <class Condition>
  bool wait_for(Waiters& waiters, Nanos until, Condition condition) {
    while (!condition()) {
      if (now_ >= until) return false;
      wait(waiters, until);
    }
    return true;
  }

  /// Anywhere.
  void notify(Waiters& waiters);

  [[nodiscard]] Process* process() const noexcept { return process_; }
  /// Which process is running, for events that are not of a fiber.
  Process* enter(Process* process);

  /// Adds to the hash, and to the trace if there is one.
  void trace(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0);
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  void keep_trace(bool keeps) noexcept { keeps_trace_ = keeps; }
  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }

 private:
  struct Event {
    Nanos time;
    std::uint64_t number;
    std::function<void()> call;
    bool operator<(const Event& other) const noexcept {
      return time != other.time ? time > other.time : number > other.number;
    }
  };

  void resume(const std::shared_ptr<Fiber>& fiber);
  void suspend();
  void wake(const std::shared_ptr<Fiber>& fiber, std::uint64_t wait);
  static void start();

  std::priority_queue<Event> queue_;
  std::vector<std::unique_ptr<char[]>> stacks_;
  std::shared_ptr<Fiber> current_;
  Process* process_ = nullptr;
  ucontext_t main_{};
  std::array<void*, 2> exceptions_{};
  void* main_sanitizer_stack_ = nullptr;
  const void* main_stack_ = nullptr;
  std::size_t main_stack_size_ = 0;
  Random random_;
  Nanos now_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t hash_ = 0;
  bool keeps_trace_ = false;
};

/// The one of the program.
Scheduler& scheduler() noexcept;

inline void Process::poke() {
  has_work = true;
  scheduler().notify(work);
}

/// What the wall clock is ahead of the time since the beginning, in milliseconds.
std::int64_t& wall_offset() noexcept;

/// Sockets of a database's client for `poll`: whether one is readable, and who waits for that.
struct PolledSocket {
  virtual ~PolledSocket() = default;
  virtual bool is_readable() = 0;
  Waiters readers;
};
inline constexpr int first_descriptor = 1 << 20;
PolledSocket*& polled_socket(int descriptor);

}  // namespace sim
