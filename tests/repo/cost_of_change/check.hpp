// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Checks of a program without a test framework, which would take longer to compile than what is checked.
#pragma once

#include <cstdio>
#include <string>

namespace cost {

inline int failures = 0;

/// Prints and counts a sentence that is not true.
inline void check(bool is_true, const std::string& sentence) {
  if (is_true) return;
  std::printf("not true: %s\n", sentence.c_str());
  ++failures;
}

}  // namespace cost
