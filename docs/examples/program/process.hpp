// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace program {

/// Fills the standard streams that were closed when the program began, so that no file or socket takes their place:
/// reading finds the end at once, writing fails. False if that cannot be done.
inline bool hold_standard_streams() noexcept {
  for (int fd = 0; fd != 3; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1 && ::open("/dev/null", O_RDONLY) != fd) return false;
  }
  return true;
}

/// Called first by each of our programs: opens the standard streams that are closed, and makes SIGPIPE and SIGXFSZ
/// errors of the write that raised them. False if a stream cannot be opened.
inline bool prepare_process() noexcept {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return hold_standard_streams();
}

/// Writes all of it, or says that it could not.
inline bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // another process made it non-blocking
      pollfd wait{fd, POLLOUT, 0};
      if (::poll(&wait, 1, -1) < 0 && errno != EINTR) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

/// The same to standard output. Some file systems report only on closing that a disk is full, so a copy is closed,
/// unless no file descriptor is free for it.
inline bool print(std::string_view text) noexcept {
  if (!write_all(STDOUT_FILENO, text)) return false;
  const int copy = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  return copy == -1 || ::close(copy) == 0;
}

}  // namespace program
