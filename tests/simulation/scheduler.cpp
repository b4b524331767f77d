// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The scheduler, and the C library's functions by which the library sees time, random bits, processes and sleep: those
// of this file replace the system's, so that the library's own clock, ids, sleeper and deadlines run unchanged.
#include "scheduler.hpp"

#include <droplit/clock.hpp>

#include <boost/asio/detail/call_stack.hpp>
#include <boost/asio/detail/thread_context.hpp>
#include <boost/asio/detail/thread_info_base.hpp>

#include <cxxabi.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <map>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace sim {

namespace {

// Asio keeps for a thread which event loops it runs, as a list through their stacks. Each fiber has its own; a private
// member can be reached as the argument of an explicit instantiation.
using EventLoops =
    boost::asio::detail::call_stack<boost::asio::detail::thread_context, boost::asio::detail::thread_info_base>;
using TopLoop = boost::asio::detail::tss_ptr<EventLoops::context>;
TopLoop& top_loop();
template <TopLoop* top>
struct Reach {
  friend TopLoop& top_loop() { return *top; }
};
template struct Reach<&EventLoops::top_>;

constexpr std::size_t stack_size = 512 * 1024;

bool is_active = false;  // a simulation runs

void begin_switch([[maybe_unused]] void** save, [[maybe_unused]] const void* bottom,
                  [[maybe_unused]] std::size_t size) noexcept {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(save, bottom, size);
#endif
}

void end_switch([[maybe_unused]] void* saved, [[maybe_unused]] const void** bottom,
                [[maybe_unused]] std::size_t* size) noexcept {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(saved, bottom, size);
#endif
}

}  // namespace

Scheduler& scheduler() noexcept {
  static Scheduler one;
  return one;
}

std::int64_t& wall_offset() noexcept {
  static std::int64_t offset = 0;
  return offset;
}

PolledSocket*& polled_socket(int descriptor) {
  static std::map<int, PolledSocket*> all;
  return all[descriptor];
}

void Scheduler::reset(std::uint64_t seed) {
  queue_ = {};
  random_ = Random(seed);
  now_ = 0;
  number_ = 0;
  hash_ = 0xCBF29CE484222325U;
  process_ = nullptr;
  wall_offset() = 1'700'000'000'000;
  is_active = true;
}

void Scheduler::spawn(Process* process, std::function<void()> body, Nanos after_) {
  auto fiber = std::make_shared<Fiber>();
  fiber->body = std::move(body);
  fiber->process = process;
  after(after_, [this, fiber] {
    if (stacks_.empty()) {
      fiber->stack.reset(new char[stack_size]);  // not cleared
    } else {
      fiber->stack = std::move(stacks_.back());
      stacks_.pop_back();
    }
    ::getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack.get();
    fiber->context.uc_stack.ss_size = stack_size;
    ::makecontext(&fiber->context, &Scheduler::start, 0);
    resume(fiber);
  });
}

void Scheduler::start() {
  Scheduler& self = scheduler();
  end_switch(nullptr, &self.main_stack_, &self.main_stack_size_);
  {
    const auto body = std::move(self.current_->body);
    body();
  }
  self.current_->ended = true;
  begin_switch(nullptr, self.main_stack_, self.main_stack_size_);
  ::setcontext(&self.main_);
}

void Scheduler::resume(const std::shared_ptr<Fiber>& fiber) {
  Process* const before = enter(fiber->process);
  current_ = fiber;
  auto* const globals = reinterpret_cast<void**>(abi::__cxa_get_globals());
  std::copy_n(globals, 2, exceptions_.begin());
  std::copy_n(fiber->exceptions.begin(), 2, globals);
  EventLoops::context* const loop = top_loop();
  top_loop() = static_cast<EventLoops::context*>(fiber->event_loop);
  begin_switch(&main_sanitizer_stack_, fiber->stack.get(), stack_size);
  ::swapcontext(&main_, &fiber->context);
  end_switch(main_sanitizer_stack_, nullptr, nullptr);
  EventLoops::context* const fibers_loop = top_loop();
  fiber->event_loop = fibers_loop;
  top_loop() = loop;
  std::copy_n(globals, 2, fiber->exceptions.begin());
  std::copy_n(exceptions_.begin(), 2, globals);
  current_ = nullptr;
  if (fiber->ended) stacks_.push_back(std::move(fiber->stack));
  enter(before);
}

void Scheduler::suspend() {
  Fiber& self = *current_;
  begin_switch(&self.sanitizer_stack, main_stack_, main_stack_size_);
  ::swapcontext(&self.context, &main_);
  end_switch(self.sanitizer_stack, &main_stack_, &main_stack_size_);
}

void Scheduler::wake(const std::shared_ptr<Fiber>& fiber, std::uint64_t wait) {
  if (!fiber->waits || fiber->wait != wait) return;
  fiber->waits = false;
  resume(fiber);
}

void Scheduler::sleep_until(Nanos time) {
  Waiters none;
  while (now_ < time) wait(none, time);
}

void Scheduler::wait(Waiters& waiters, Nanos until) {
  const auto self = current_;
  const std::uint64_t number = ++self->wait;
  self->waits = true;
  waiters.all.emplace_back(self, number);
  if (until != never) at(until, [this, self, number] { wake(self, number); });
  suspend();
}

void Scheduler::notify(Waiters& waiters) {
  for (auto& [fiber, number] : std::exchange(waiters.all, {})) {
    if (fiber->waits && fiber->wait == number) at(now_, [this, one = fiber, n = number] { wake(one, n); });
  }
}

Process* Scheduler::enter(Process* process) {
  if (process == process_) return process_;
  auto& latest = droplit::process::latest_millis;
  if (process_ != nullptr) process_->latest_millis = latest;
  latest = process != nullptr ? process->latest_millis : std::numeric_limits<std::int64_t>::min();
  return std::exchange(process_, process);
}

void Scheduler::run(Nanos end) {
  while (!queue_.empty() && queue_.top().time <= end) {
    const auto call = std::move(const_cast<Event&>(queue_.top()).call);
    now_ = queue_.top().time;
    queue_.pop();
    ++events_;
    call();
  }
}

void Scheduler::trace(std::string_view what, std::uint64_t a, std::uint64_t b) {
  const auto add = [this](std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001B3U; };
  for (const char c : what) add(static_cast<unsigned char>(c));
  add(a);
  add(b);
  add(static_cast<std::uint64_t>(now_));
  if (keeps_trace_) {
    std::printf("%14.6f %.*s %" PRIu64 " %" PRIu64 "\n", static_cast<double>(now_) / 1e9, static_cast<int>(what.size()),
                what.data(), a, b);
  }
}

}  // namespace sim

// NOLINTBEGIN: these are the C library's names.
extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (!sim::is_active) return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  sim::Nanos now = sim::scheduler().now();
  if (clock == CLOCK_REALTIME) {
    const std::int64_t millis = now / sim::milli + sim::wall_offset();
    time->tv_sec = millis >= 0 ? millis / 1000 : (millis - 999) / 1000;
    time->tv_nsec = (millis - time->tv_sec * 1000) * 1'000'000;
    return 0;
  }
  now += 1'000'000 * sim::second;
  time->tv_sec = now / sim::second;
  time->tv_nsec = now % sim::second;
  return 0;
}

int timespec_get(timespec* time, int base) noexcept {
  clock_gettime(CLOCK_REALTIME, time);
  return base;
}

int nanosleep(const timespec* time, timespec*) {
  if (sim::scheduler().in_fiber()) sim::scheduler().sleep(time->tv_sec * sim::second + time->tv_nsec);
  return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  if ((flags & TIMER_ABSTIME) == 0) return nanosleep(time, left);
  timespec now{};
  clock_gettime(clock, &now);
  const sim::Nanos wait = (time->tv_sec - now.tv_sec) * sim::second + time->tv_nsec - now.tv_nsec;
  if (wait > 0 && sim::scheduler().in_fiber()) sim::scheduler().sleep(wait);
  return 0;
}

int getentropy(void* bytes, size_t size) {
  if (!sim::is_active) return ::syscall(SYS_getrandom, bytes, size, 0) == static_cast<long>(size) ? 0 : -1;
  for (size_t i = 0; i != size; ++i) {
    static_cast<unsigned char*>(bytes)[i] = static_cast<unsigned char>(sim::scheduler().random().next());
  }
  return 0;
}

pid_t getpid() noexcept {
  const sim::Process* const process = sim::is_active ? sim::scheduler().process() : nullptr;
  return process != nullptr ? process->pid : static_cast<pid_t>(::syscall(SYS_getpid));
}

// Without pages that a child process finds cleared, ids compare the process id, of which a simulation has many.
int madvise(void* begin, size_t size, int advice) noexcept {
  if (advice == MADV_WIPEONFORK && sim::is_active) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_madvise, begin, size, advice));
}

int poll(pollfd* sockets, nfds_t count, int timeout) {
  if (count != 1 || sockets->fd < sim::first_descriptor) {
    return static_cast<int>(::syscall(SYS_poll, sockets, count, timeout));
  }
  sim::PolledSocket* const socket = sim::polled_socket(sockets->fd);
  const bool can_write = (sockets->events & POLLOUT) != 0;
  const auto until = sim::scheduler().now() + timeout * sim::milli;
  const bool ready =
      sim::scheduler().wait_for(socket->readers, until, [&] { return can_write || socket->is_readable(); });
  sockets->revents = ready ? sockets->events : static_cast<short>(0);
  return ready ? 1 : 0;
}

// The event loop of a server waits here.
int epoll_wait(int descriptor, epoll_event* events, int count, int timeout) {
  sim::Process* const process = sim::scheduler().process();
  if (timeout != 0 && sim::scheduler().in_fiber() && process != nullptr) {
    sim::scheduler().wait_for(process->work, sim::never, [process] { return process->has_work; });
    process->has_work = false;
  }
  return static_cast<int>(::syscall(SYS_epoll_wait, descriptor, events, count, 0));
}

// Conditions are asked again after a while: a wait may end without a reason.
int pthread_cond_wait(pthread_cond_t*, pthread_mutex_t* mutex) {
  pthread_mutex_unlock(mutex);
  if (sim::scheduler().in_fiber()) sim::scheduler().sleep(sim::milli);
  return pthread_mutex_lock(mutex);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until) {
  timespec now{};
  clock_gettime(clock, &now);
  if (now.tv_sec > until->tv_sec || (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec)) return ETIMEDOUT;
  return pthread_cond_wait(condition, mutex);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, until);
}

}  // extern "C"
// NOLINTEND
