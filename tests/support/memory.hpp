// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// An operator new that counts bytes, and that fails where it is set to. For one file of a program; one thread only.
#pragma once

#include "failures.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace memory {

inline std::size_t now = 0;   ///< bytes that are out
inline std::size_t peak = 0;  ///< the most there were since `Counted` began
inline test::Events events;   ///< each time that memory is asked for

// The same for a test of a few lines, by hand.
inline std::size_t calls = 0;    ///< how often memory was asked for
inline std::size_t fail_at = 0;  ///< the call that fails, counted from 1; 0 for none
inline bool fail_on = false;     ///< whether those after it fail too

inline constexpr std::size_t header = alignof(std::max_align_t);

inline void* take(std::size_t size) noexcept {
  ++calls;
  if (fail_at != 0 && (calls == fail_at || (fail_on && calls > fail_at))) return nullptr;
  if (events.next()) return nullptr;
  void* const block = std::malloc(size + header);
  if (block == nullptr) return nullptr;
  *static_cast<std::size_t*>(block) = size;
  now += size;
  peak = std::max(peak, now);
  return static_cast<char*>(block) + header;
}

inline void* take_or_throw(std::size_t size) {
  if (void* const memory = take(size)) return memory;
  throw std::bad_alloc();
}

inline void give(void* memory) noexcept {
  if (memory == nullptr) return;
  void* const block = static_cast<char*>(memory) - header;
  now -= *static_cast<std::size_t*>(block);
  std::free(block);
}

/// What was taken at most, beyond what was out when this began.
class Counted {
 public:
  Counted() noexcept : before_(now) { peak = now; }
  [[nodiscard]] std::size_t most() const noexcept { return peak - before_; }

 private:
  std::size_t before_;
};

}  // namespace memory

void* operator new(std::size_t size) { return memory::take_or_throw(size); }
void* operator new[](std::size_t size) { return memory::take_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return memory::take(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return memory::take(size); }
void operator delete(void* memory) noexcept { memory::give(memory); }
void operator delete[](void* memory) noexcept { memory::give(memory); }
void operator delete(void* memory, std::size_t) noexcept { memory::give(memory); }
void operator delete[](void* memory, std::size_t) noexcept { memory::give(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { memory::give(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { memory::give(memory); }
