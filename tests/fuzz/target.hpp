// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A fuzz target: a function that does something with any bytes and ends the process where the library does something
// wrong. Each NAME.cpp registers one. driver.cpp gives them to libFuzzer, replay.cpp runs files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

/// Numbers that follow from a seed, so that an input alone determines what is done with it.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string any(std::initializer_list<const char*> of) { return of.begin()[below(of.size())]; }

 private:
  std::minstd_rand engine_;
};

struct Target {
  const char* name;
  void (*run)(std::string_view input);
  /// Changes an input into one that is about as well-formed; null where bytes are changed alone.
  void (*mutate)(std::string& input, Random& random) = nullptr;
  std::size_t prefix = 0;  ///< bytes in front that say how to run it, and are not passed to `mutate`
};

inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

struct Registered {
  explicit Registered(const Target& target) { targets().push_back(target); }
};

inline const Target* find_target(std::string_view name) {
  for (const Target& each : targets()) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

/// Ends the process: the library broke this rule.
[[noreturn]] inline void broken(std::string_view rule, std::string_view detail = {}) {
  std::fprintf(stderr, "broken: %.*s\n%.*s\n", static_cast<int>(rule.size()), rule.data(),
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

inline void require(bool holds, std::string_view rule, std::string_view detail = {}) {
  if (!holds) broken(rule, detail);
}

/// Takes an input apart from the front. What is taken after its end is zeros.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  /// The text up to the first `mark`, which is dropped.
  std::string_view take_until(char mark) {
    const std::string_view part = rest_.substr(0, rest_.find(mark));
    rest_.remove_prefix(part.size() == rest_.size() ? part.size() : part.size() + 1);
    return part;
  }
  std::string_view take(std::size_t size) {
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(part.size());
    return part;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace fuzz
