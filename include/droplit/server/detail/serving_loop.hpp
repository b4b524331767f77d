// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <thread>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Runs `context`, an `io_context`, until it is stopped or has no work left, and throws what its handlers throw, as its
/// `run`. For several threads that run it: one that finds nothing to do looks a few times more, and lets other threads
/// run in between. To sleep, and to be woken for the next request, takes longer than that.
template <class Context>
void run_beside_others(Context& context) {
  constexpr int most_looks = 4;
  while (context.run_one() != 0) {
    for (int looks = 0; looks != most_looks;) {
      if (context.poll() != 0) {
        looks = 0;
      } else {
        ++looks;
        std::this_thread::yield();
      }
    }
  }
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
