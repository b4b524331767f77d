// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Whether a thread sleeps, as the system says.
#pragma once

#include <sys/types.h>

#include <fstream>
#include <string>

namespace test {

/// Whether this thread of the process waits for something, such as a lock.
inline bool is_asleep(pid_t thread) {
  std::ifstream about("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(about, text);
  return text.find(") S ") != std::string::npos;
}

}  // namespace test
