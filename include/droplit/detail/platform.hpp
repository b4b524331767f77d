// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What the core asks of the operating system, so that no other header of the core depends on one: the time, a sleep,
// random bytes, and what makes a child of `fork` different from its parent. Where POSIX is missing (Windows) these are
// the standard library's, and there are no such children.
//
// It is in `v0` alone, as `process_ids.hpp`, which uses it.

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <cstdint>

#if __has_include(<sys/mman.h>) && __has_include(<unistd.h>)  // Windows' g++ has the second
#include <sys/mman.h>
#include <unistd.h>

#include <ctime>
#else
#include <chrono>
#include <random>
#include <thread>
#endif

namespace droplit::inline v0::process {

#if __has_include(<sys/mman.h>) && __has_include(<unistd.h>)

/// Milliseconds since 1970, by the system's clock, which may be set back.
inline std::int64_t unix_millis() noexcept {
  std::timespec time{};
  std::timespec_get(&time, TIME_UTC);
  const std::int64_t seconds = time.tv_sec;
  return seconds * 1000 + time.tv_nsec / 1'000'000;
}

inline std::int64_t nanos_of(clockid_t clock) noexcept {
  timespec time{};
  ::clock_gettime(clock, &time);
  const std::int64_t seconds = time.tv_sec;
  return seconds * 1'000'000'000 + time.tv_nsec;
}

/// Nanoseconds of a clock that does not go backwards.
inline std::int64_t steady_nanos() noexcept { return nanos_of(CLOCK_MONOTONIC); }

/// Nanoseconds of a clock that does not go backwards and, on Linux, goes on while the machine is suspended.
inline std::int64_t boot_nanos() noexcept {
#if defined(CLOCK_BOOTTIME)
  return nanos_of(CLOCK_BOOTTIME);
#else
  return steady_nanos();
#endif
}

/// Returns after that time, or earlier if a signal comes.
inline void sleep_millis(int millis) noexcept {
  timespec time{};
  time.tv_sec = millis / 1000;
  time.tv_nsec = millis % 1000 * 1'000'000;
  ::nanosleep(&time, nullptr);
}

/// Fills at most 256 bytes with random ones; false if the system has none.
inline bool random_bytes(void* bytes, std::size_t size) noexcept { return ::getentropy(bytes, size) == 0; }

/// The number of this process: another one in a child of `fork`.
inline std::int64_t process_id() noexcept { return ::getpid(); }

/// Zeroed memory that is zeroed again in a child of `fork`, never freed; null if the system has none.
inline void* memory_cleared_in_child([[maybe_unused]] std::size_t size) noexcept {
#if defined(MADV_WIPEONFORK)
  void* const pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  // What takes an advice that does not exist follows none: the user mode of qemu.
  const bool refuses = ::madvise(pages, size, -1) != 0;
  if (refuses && ::madvise(pages, size, MADV_WIPEONFORK) == 0) return pages;
  ::munmap(pages, size);
#endif
  return nullptr;
}

#else

inline std::int64_t unix_millis() noexcept {
  using namespace std::chrono;
  return floor<milliseconds>(system_clock::now()).time_since_epoch().count();
}

inline std::int64_t steady_nanos() noexcept {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

inline std::int64_t boot_nanos() noexcept { return steady_nanos(); }

inline void sleep_millis(int millis) { std::this_thread::sleep_for(std::chrono::milliseconds(millis)); }

inline bool random_bytes(void* bytes, std::size_t size) noexcept {
  try {
    std::random_device device;
    auto* const end = static_cast<unsigned char*>(bytes) + size;
    for (auto* byte = static_cast<unsigned char*>(bytes); byte != end; ++byte)
      *byte = static_cast<unsigned char>(device());
    return true;
  } catch (...) {
    return false;
  }
}

inline std::int64_t process_id() noexcept { return 1; }

inline void* memory_cleared_in_child(std::size_t) noexcept { return nullptr; }

#endif

}  // namespace droplit::inline v0::process
