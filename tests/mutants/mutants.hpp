// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Which mutant of mutate.py is switched on: the one whose number is in the environment variable DROPLIT_MUTANT. With
// DROPLIT_MUTANTS_TRACE, a file's name, the numbers of all that could have made a difference are appended to it, those
// of each test case before the line that says so.

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <type_traits>

namespace droplit_mutants {

class State {
 public:
  State() : number_(std::atoi(variable("DROPLIT_MUTANT").c_str())), trace_(variable("DROPLIT_MUTANTS_TRACE")) {
    if (trace_.empty()) return;
    void* const shared = ::mmap(nullptr, numbers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) std::abort();
    reached_ = static_cast<std::atomic<bool>*>(shared);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { write("after"); }

  /// Appends the numbers that were reached since the last call, and the line.
  void write(const std::string& line) {
    if (trace_.empty()) return;
    std::FILE* const file = std::fopen(trace_.c_str(), "a");
    if (file == nullptr) std::abort();
    for (std::size_t number = 0; number != numbers; ++number) {
      if (reached_[number].exchange(false, std::memory_order_relaxed)) std::fprintf(file, "%zu\n", number);
    }
    std::fprintf(file, "%s\n", line.c_str());
    std::fclose(file);
  }

  bool is(std::size_t number) noexcept {
    if (reached_ != nullptr) reached_[number].store(true, std::memory_order_relaxed);
    return number == number_;
  }

 private:
  static std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
  }

  std::size_t number_;
  std::string trace_;
  static constexpr std::size_t numbers = 65536;
  std::atomic<bool>* reached_ = nullptr;  // if they are traced: by number, shared with child processes
};

inline State state;

/// Whether the mutant is switched on; none is while the compiler evaluates.
constexpr bool on(std::size_t number) noexcept {
  if (std::is_constant_evaluated()) return false;
  return state.is(number);
}

}  // namespace droplit_mutants
