// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Makes the numbers that `ObjectIds` writes after the seconds: 40 random bits and 24 of a counter, as one number of 64
// bits that only ever grows by one, so that the random bits change when the counter wraps. A process has one state,
// shared by all its shared objects, however their files are compiled.
//
// A child process must not continue its parent's numbers. On Linux the number is in a page that the kernel clears in a
// child (MADV_WIPEONFORK), whichever call made the child; without such a page, each call compares the process id.

#include <droplit/detail/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

#if __has_include(<sys/mman.h>) && __has_include(<unistd.h>)
#include <sys/mman.h>
#include <unistd.h>

#include <new>
#define DROPLIT_DETAIL_POSIX 1
#else
#include <random>
#endif

namespace droplit::inline v0::process {

class DROPLIT_DETAIL_SHARED Numbers {
 public:
  using Number = std::atomic<std::uint64_t>;

  /// `cleared_in_child` is memory that is zero at first and in every child process; without it the process id is
  /// compared.
  explicit Numbers(Number* cleared_in_child) noexcept : next_(cleared_in_child != nullptr ? cleared_in_child : &own_) {}

  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;

  /// A number that this process has not returned before; 0 if the system gives no random bytes. Thread-safe.
  std::uint64_t next() noexcept {
    if (next_ == &own_) clear_in_child();
    for (;;) {
      const std::uint64_t number = next_->fetch_add(1, std::memory_order_relaxed);
      if (is_drawn(number)) return number;
      const std::uint64_t drawn = draw();
      std::uint64_t seen = next_->load(std::memory_order_relaxed);
      while (!is_drawn(seen) && !next_->compare_exchange_weak(seen, drawn, std::memory_order_relaxed)) {
      }
      if (drawn == 0 && !is_drawn(seen)) return 0;
    }
  }

  /// A page for a `Numbers`, never freed; null if the system has none that it clears in a child.
  static Number* cleared_page() noexcept {
#if defined(MADV_WIPEONFORK)
    constexpr std::size_t size = sizeof(Number);  // the system makes a page of it
    void* const page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return nullptr;
    if (::madvise(page, size, MADV_WIPEONFORK) == 0) return new (page) Number(0);
    ::munmap(page, size);
#endif
    return nullptr;
  }

 private:
  static bool is_drawn(std::uint64_t number) noexcept { return number >> 24 != 0; }

  void clear_in_child() noexcept {
#if defined(DROPLIT_DETAIL_POSIX)
    const std::int64_t me = ::getpid();
    if (owner_.load(std::memory_order_relaxed) == me) return;
    own_.store(0, std::memory_order_relaxed);  // if two threads do so, the number is drawn twice
    owner_.store(me, std::memory_order_relaxed);
#endif
  }

  // Random bits above a counter that starts anywhere in its lower half; 0 if the system gives no random bytes.
  static std::uint64_t draw() noexcept {
    std::uint64_t bits = 0;
    do {
#if defined(DROPLIT_DETAIL_POSIX)
      if (::getentropy(&bits, sizeof bits) != 0) return 0;
#else
      std::random_device device;
      bits = std::uint64_t{device()} << 32 | device();
#endif
    } while (!is_drawn(bits));
    return bits & ~std::uint64_t{0x800000};
  }

  Number own_{0};
  std::atomic<std::int64_t> owner_{0};  // the process that `own_` was drawn in
  Number* next_;
};

DROPLIT_DETAIL_SHARED inline Numbers& numbers() noexcept {
  static Numbers state(Numbers::cleared_page());
  return state;
}

}  // namespace droplit::inline v0::process
