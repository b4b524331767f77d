// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The lock of a part of a `MemoryStorage`. It is held for less time than a thread takes to fall asleep, so who does not
// get it tries again some times first, which `std::mutex` does not. It takes four bytes. ThreadSanitizer knows no more
// than 64 or 128 of `std::mutex` that one thread holds, and a deletion holds all parts.

#include <droplit/detail/config.hpp>

#include <atomic>
#if defined(__GLIBCXX__) && !defined(_GLIBCXX_HAVE_LINUX_FUTEX)
#include <thread>
#endif

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory {

/// A mutex for critical sections of some hundred nanoseconds, with what `std::lock_guard` needs.
class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() noexcept {
    for (int tries = 0; tries != 100; ++tries) {
      State free = State::free;
      if (state_.compare_exchange_weak(free, State::locked, std::memory_order_acquire, std::memory_order_relaxed))
        return;
    }
    while (state_.exchange(State::awaited, std::memory_order_acquire) != State::free) {
#if defined(__GLIBCXX__) && !defined(_GLIBCXX_HAVE_LINUX_FUTEX)
      std::this_thread::yield();  // the wait of libstdc++ 12 there looks at the value before it locks: it may not wake
#else
      state_.wait(State::awaited, std::memory_order_relaxed);
#endif
    }
  }

  void unlock() noexcept {
    if (state_.exchange(State::free, std::memory_order_release) == State::awaited) state_.notify_one();
  }

 private:
  enum class State : int { free, locked, awaited };  // awaited: locked, and a thread may sleep until it is free

  std::atomic<State> state_{State::free};
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory
