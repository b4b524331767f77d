// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Memory that can be refused, to C++ and to the C libraries of the program. For one file of a program.
#pragma once

#include "failures.hpp"
#include "thread_sanitizer.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#include <sys/syscall.h>
#include <unistd.h>

// A function that no sanitizer changes.
#ifdef __clang__
#define UNCHECKED __attribute__((noinline, disable_sanitizer_instrumentation))
#else
#define UNCHECKED __attribute__((noinline, no_sanitize("address", "undefined", "thread")))
#endif

namespace memory {

inline test::Events events;  ///< each allocation
/// Whether those by malloc are among them. They cannot be while a thread starts, which a sanitizer expects to succeed.
inline volatile bool has_c = true;
inline thread_local constinit long live = 0;  ///< what operator new gave this thread, less what it gave back
inline volatile bool is_counted = false;      // once the program runs
inline const bool began = [] {
  is_counted = true;
  return true;
}();

[[gnu::noinline]] inline bool is_refused() noexcept {
  if (!events.next()) return false;
  errno = ENOMEM;
  return true;
}

/// Whether an allocation by malloc is counted. With ThreadSanitizer only one of the main thread: another one allocates
/// before it may run code that is checked.
UNCHECKED inline bool counts_c() noexcept {
  return is_counted && has_c && (!test::has_thread_sanitizer || ::syscall(SYS_gettid) == ::getpid());
}

}  // namespace memory

// The allocator of the sanitizer's runtime if there is one, or else that of the C library. Before that runtime is
// initialised, no code that it checks may run.
extern "C" {
void* __interceptor_malloc(std::size_t size) __attribute__((weak));
void* __interceptor_calloc(std::size_t count, std::size_t size) __attribute__((weak));
void* __interceptor_realloc(void* old, std::size_t size) __attribute__((weak));
void* __interceptor_aligned_alloc(std::size_t alignment, std::size_t size) __attribute__((weak));
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

UNCHECKED void* malloc(std::size_t size) noexcept {
  if (memory::counts_c() && memory::is_refused()) return nullptr;
  return __interceptor_malloc != nullptr ? __interceptor_malloc(size) : __libc_malloc(size);
}
UNCHECKED void* calloc(std::size_t count, std::size_t size) noexcept {
  if (memory::counts_c() && memory::is_refused()) return nullptr;
  return __interceptor_calloc != nullptr ? __interceptor_calloc(count, size) : __libc_calloc(count, size);
}
UNCHECKED void* realloc(void* old, std::size_t size) noexcept {
  if (memory::counts_c() && size != 0 && memory::is_refused()) return nullptr;
  return __interceptor_realloc != nullptr ? __interceptor_realloc(old, size) : __libc_realloc(old, size);
}
UNCHECKED void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {  // Asio's
  if (memory::is_counted && memory::is_refused()) return nullptr;
  return __interceptor_aligned_alloc != nullptr ? __interceptor_aligned_alloc(alignment, size)
                                                : __libc_memalign(alignment, size);
}
}

[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (memory::is_refused()) return nullptr;
  if (size == 0) size = 1;
  void* const block = __interceptor_malloc != nullptr ? __interceptor_malloc(size) : __libc_malloc(size);
  if (block != nullptr) ++memory::live;
  return block;
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* const block = operator new(size, std::nothrow)) return block;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  --memory::live;
  std::free(block);
}
[[gnu::noinline]] void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
[[gnu::noinline]] void operator delete(void* block, const std::nothrow_t&) noexcept { operator delete(block); }
[[gnu::noinline]] void operator delete[](void* block) noexcept { operator delete(block); }
[[gnu::noinline]] void operator delete[](void* block, std::size_t) noexcept { operator delete(block); }
[[gnu::noinline]] void operator delete[](void* block, const std::nothrow_t&) noexcept { operator delete(block); }
