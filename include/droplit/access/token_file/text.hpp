// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Reads the file of a `TokenFile` in bounded time and memory, whatever the path names: nothing but a regular file is
// opened, since opening a pipe or a device can wait or act: it lets go of a program that waits to write to the pipe.

#include <droplit/detail/config.hpp>

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The text of the file, or why there is none.
class TokenFileText {
 public:
  static constexpr std::size_t max_size = std::size_t{16} * 1024 * 1024;

  explicit TokenFileText(const std::string& path) {
    struct ::stat about {};
    if (!is_regular(::stat(path.c_str(), &about), about)) return;
    // By now it may be another file, so this does not wait either, and what was opened is looked at again.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!is_regular(file.number == -1 ? -1 : ::fstat(file.number, &about), about)) return;
    if (about.st_size > static_cast<::off_t>(max_size)) {
      flaw_ = too_long;
    } else {
      open_to_others_ = (about.st_mode & (S_IRWXG | S_IRWXO)) != 0;
      read(file.number, static_cast<std::size_t>(about.st_size));
    }
  }

  /// Empty if the file was read.
  [[nodiscard]] const std::string& flaw() const noexcept { return flaw_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// True if the mode of the file gives its group or all users any access.
  [[nodiscard]] bool open_to_others() const noexcept { return open_to_others_; }

 private:
  static constexpr const char* too_long = "is longer than 16 MiB";

  struct Descriptor {
    int number;
    explicit Descriptor(int opened) noexcept : number(opened) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
      if (number != -1) ::close(number);
    }
  };

  // Judges what a system call that returned `result` said of the file.
  bool is_regular(int result, const struct ::stat& about) {
    if (result != 0) {
      flaw_ = "cannot be opened: " + std::generic_category().message(errno);
    } else if (!S_ISREG(about.st_mode)) {
      flaw_ = "is not a regular file";
    }
    return flaw_.empty();
  }

  // The size is only where to begin: the file may grow meanwhile, and those of the kernel have none.
  void read(int file, std::size_t expected) {
    constexpr std::size_t piece = 4096;
    std::size_t size = 0;
    text_.resize(expected + 1);
    for (;;) {
      const ::ssize_t got = ::read(file, text_.data() + size, text_.size() - size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) flaw_ = "cannot be read: " + std::generic_category().message(errno);
      if (got <= 0) break;
      size += static_cast<std::size_t>(got);
      if (size > max_size) {
        flaw_ = too_long;
        break;
      }
      if (size == text_.size()) text_.resize(size + piece);
    }
    text_.resize(size);
  }

  std::string text_;
  std::string flaw_;
  bool open_to_others_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
