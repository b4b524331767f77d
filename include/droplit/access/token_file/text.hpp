// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Reads the file of a `TokenFile` in bounded time and memory, whatever its path names. Only a regular file is opened,
// since opening a pipe or a device can block or have effects: it releases a program that waits to write to the pipe.

#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>

#include <cerrno>
#include <cstddef>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline Fault token_file_fault(const std::string& what) {
  return Fault(FaultSource::access, Fate::not_applied, "access file: " + what);
}

struct TokenFileText {
  std::string text;
  bool open_to_others = false;  ///< the mode gives its group or all users any access
};

inline Outcome<TokenFileText> read_token_file(const std::string& path) {
  constexpr std::size_t max_size = std::size_t{16} * 1024 * 1024;
  struct Descriptor {
    int number;
    ~Descriptor() {
      if (number != -1) ::close(number);
    }
  };
  const auto failed = [](const std::string& what) {
    return token_file_fault(what + ": " + std::generic_category().message(errno));
  };
  const auto not_regular = [] { return token_file_fault("is not a regular file"); };

  if (path.find('\0') != std::string::npos) return token_file_fault("its path has a NUL");
  struct ::stat about {};
  if (::stat(path.c_str(), &about) != 0) return failed("cannot be opened");
  if (!S_ISREG(about.st_mode)) return not_regular();
  // Another file may have this path by now: opening must not block, and the opened file is checked again.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (file.number == -1 || ::fstat(file.number, &about) != 0) return failed("cannot be opened");
  if (!S_ISREG(about.st_mode)) return not_regular();

  TokenFileText read{{}, (about.st_mode & (S_IRWXG | S_IRWXO)) != 0};
  std::string piece(std::size_t{64} * 1024, '\0');
  for (;;) {  // the size is not used: the file may grow meanwhile, and files of the kernel have none
    const ::ssize_t got = ::read(file.number, piece.data(), piece.size());
    if (got == 0) return read;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot be read");
    read.text.append(piece, 0, static_cast<std::size_t>(got));
    if (read.text.size() > max_size) return token_file_fault("is longer than 16 MiB");
  }
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
