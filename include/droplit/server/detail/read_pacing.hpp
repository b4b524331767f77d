// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <chrono>
#include <cstddef>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Bounds how often a connection reads for one request. Each read costs several system calls, however little it gets;
/// so after too many small ones there is a pause before the next, in which the kernel gathers what arrives.
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
  constexpr void has_answered() noexcept { small_reads_ = 0; }
  [[nodiscard]] constexpr bool needs_pause() const noexcept { return small_reads_ > max_small_reads; }

 private:
  unsigned small_reads_ = 0;  // of this request, less the others; deadlines keep it small
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
