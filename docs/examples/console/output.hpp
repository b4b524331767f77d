// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../program/process.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include <unistd.h>

namespace console {

using namespace program;

/// How the program ends. After a refusal by the service it is the code's `droplit::row(code).exit_status`.
enum class ExitStatus : std::uint8_t {
  done = 0,          ///< created; of other commands: done
  refused = 1,       ///< by the contract
  syntax = 2,        ///< of the command line
  unauthorised = 3,  ///< no account, a broken one, 401 and 403
  fault = 4,         ///< 5xx, unreachable, a response that is not understood
  output = 5,        ///< could not be written
};

/// The variable of the environment; one that is empty counts as not set.
inline const char* environment(const char* name) noexcept {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

/// Whether to write in colours there: on a terminal that has them, unless NO_COLOR is set.
inline bool has_colours(int fd) noexcept {
  const char* const terminal = environment("TERM");
  return ::isatty(fd) == 1 && environment("NO_COLOR") == nullptr && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

/// Writes one line to standard error at once; in pieces if there is no memory. A failure is ignored.
inline void complain(std::string_view sentence) noexcept {
  const std::string_view who = has_colours(STDERR_FILENO) ? "\x1B[1;31mdroplit:\x1B[0m " : "droplit: ";
  try {
    static_cast<void>(write_all(STDERR_FILENO, std::string(who).append(sentence).append("\n")));
  } catch (const std::bad_alloc&) {
    for (const std::string_view piece : {who, sentence, std::string_view("\n")}) {
      static_cast<void>(write_all(STDERR_FILENO, piece));
    }
  }
}

}  // namespace console
