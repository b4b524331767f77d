// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace console {

/// How the program ends. A refusal by the service ends as `droplit::row(code).exit_status` says, which is one of these.
enum class ExitStatus : std::uint8_t {
  done = 0,          ///< created, or whatever else was asked for
  refused = 1,       ///< by the contract
  syntax = 2,        ///< of the command line
  unauthorised = 3,  ///< no account, a broken one, 401 and 403
  fault = 4,         ///< 5xx, unreachable, an answer that is not understood
  output = 5,        ///< could not be written
};

/// The variable of the environment; one that is empty counts as not set.
inline const char* environment(const char* name) noexcept {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

/// Fills the standard streams that were closed when the program began, so that no file or socket takes their place:
/// reading finds the end at once, writing fails. False if that cannot be done.
inline bool hold_standard_streams() noexcept {
  for (int fd = 0; fd != 3; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1 && ::open("/dev/null", O_RDONLY) != fd) return false;
  }
  return true;
}

/// Writes all of it, or says that it could not.
inline bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // somebody made it non-blocking
      pollfd wait{fd, POLLOUT, 0};
      if (::poll(&wait, 1, -1) < 0 && errno != EINTR) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

/// The same to standard output. Some file systems tell only at the end that a disk is full, so there is one, unless no
/// file descriptor is free for it.
inline bool print(std::string_view text) noexcept {
  if (!write_all(STDOUT_FILENO, text)) return false;
  const int copy = ::dup(STDOUT_FILENO);
  return copy == -1 || ::close(copy) == 0;
}

/// Whether to write in colours there: on a terminal that has them, unless NO_COLOR is set.
inline bool has_colours(int fd) noexcept {
  const char* const terminal = environment("TERM");
  return ::isatty(fd) == 1 && environment("NO_COLOR") == nullptr && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

/// Writes one line to standard error, whole; without memory in pieces. Where that is not possible nobody is told.
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
