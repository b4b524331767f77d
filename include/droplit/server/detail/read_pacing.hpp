// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// A peer that sends its request byte by byte costs several system calls for each byte. `ReadPacing` counts the small
// reads of a request, and after too many lets its `HttpConnection` pause before the next, while the kernel gathers what
// arrives.

#include <droplit/detail/config.hpp>

#include <chrono>
#include <cstddef>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Bounds how often a connection reads for one request.
class ReadPacing {
 public:
  static constexpr std::size_t small_read = 512;  ///< bytes; a read that gets fewer is small
  static constexpr unsigned max_small_reads = 32;
  static constexpr std::chrono::milliseconds pause{20};

  constexpr void has_read(std::size_t size) noexcept {
    if (size < small_read) {
      ++small_reads_;
    } else if (small_reads_ != 0) {
      --small_reads_;
    }
  }
  constexpr void has_responded() noexcept { small_reads_ = 0; }
  [[nodiscard]] constexpr bool needs_pause() const noexcept { return small_reads_ > max_small_reads; }

 private:
  unsigned small_reads_ = 0;  // of this request, minus its other reads
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
