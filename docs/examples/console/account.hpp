// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../program/text.hpp"
#include "output.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace console {

/// No account, a broken one or one that cannot be written: one line that names the file and nothing of its content.
struct AccountError : std::runtime_error {
  AccountError(ExitStatus end, const std::string& what) : std::runtime_error(what), status(end) {}
  ExitStatus status;
};

inline constexpr std::size_t max_account_size = std::size_t{64} * 1024;

/// Whether a header field can have this value: printable ASCII, no spaces around.
inline bool is_token(std::string_view text) noexcept {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

/// A file descriptor that is closed at the end.
class File {
 public:
  explicit File(int fd) noexcept : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { static_cast<void>(close()); }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ != -1; }

  /// False if what was written may be lost.
  bool close() noexcept {
    const int fd = std::exchange(fd_, -1);
    return fd == -1 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

/// The signals that people and timers send and that end a program which does not handle them.
inline constexpr int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2};

/// Keeps those signals, and the one that stops, from coming halfway, as long as it lives.
class SignalsLater {
 public:
  SignalsLater() noexcept {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : ending_signals) sigaddset(&signals, signal);
    sigaddset(&signals, SIGTSTP);
    ::sigprocmask(SIG_BLOCK, &signals, &before_);
  }
  SignalsLater(const SignalsLater&) = delete;
  SignalsLater& operator=(const SignalsLater&) = delete;
  ~SignalsLater() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

/// The file droplit.io/account.json in the home directory: `{"token": "..."}`, for its owner alone. No symbolic link is
/// followed to it; it is only ever there whole.
class Account {
 public:
  /// Where it is; throws an `AccountError` where there is no home.
  static Account at_home() {
    if (const char* const home = environment("HOME")) return Account(home);
    std::vector<char> buffer(std::size_t{64} * 1024);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr ||
        found->pw_dir == nullptr || *found->pw_dir == '\0') {
      throw AccountError(ExitStatus::unauthorised, "there is no home directory, where the account file would be");
    }
    return Account(found->pw_dir);
  }

  /// The path of the file, to be shown.
  [[nodiscard]] std::string shown() const { return escaped(folder_ + '/' + name); }

  /// The token. Warns if others may read or write the file, or put another in its place.
  [[nodiscard]] std::string read() const {
    const File folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder && errno == ENOENT) throw broken("is not there; `droplit login` writes it");
    if (!folder) throw broken("cannot be read: droplit.io must be a directory that can be opened, and no link");
    const File file(::openat(folder.fd(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file && errno == ENOENT) throw broken("is not there; `droplit login` writes it");
    struct stat about {};
    if (!file || ::fstat(file.fd(), &about) != 0 || !S_ISREG(about.st_mode)) {
      throw broken("cannot be read: it must be a file that can be opened, and no link");
    }
    std::string text(max_account_size + 1, '\0');
    std::size_t size = 0;
    while (size != text.size()) {
      const ssize_t got = ::read(file.fd(), text.data() + size, text.size() - size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw broken("cannot be read");
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    if (size > max_account_size) throw broken("is longer than 64 KiB");
    text.resize(size);
    struct stat around {};
    if (::fstat(folder.fd(), &around) != 0) throw broken("cannot be read");
    warn_of_others(shown(), about, 077, "600");
    warn_of_others(escaped(folder_), around, 022, "700");
    return token_in(text);
  }

  /// Keeps this token instead of any other. After a failure the one before is still there, whole.
  void write(std::string_view token) const {
    const std::string text = "{\"token\":" + boost::json::serialize(token) + "}\n";
    if (text.size() > max_account_size)
      throw AccountError(ExitStatus::unauthorised, "with this token the account file would be longer than 64 KiB");

    const SignalsLater later;  // or an aside file would be left
    ::umask(077);              // whatever it was, the folder is for its owner to enter
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) throw unwritten(words_of(errno));
    const File folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) throw unwritten("droplit.io must be a directory that can be opened, and no link");
    std::uint32_t random_bits[4];
    if (::getentropy(random_bits, sizeof random_bits) != 0) throw unwritten("there are no random numbers");
    std::string aside = aside_prefix;
    for (const std::uint32_t number : random_bits) append_hex(aside, number, 8, "0123456789abcdef");

    File file(::openat(folder.fd(), aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw unwritten(words_of(errno));
    const bool written = ::fchmod(file.fd(), 0600) == 0 && write_all(file.fd(), text) && ::fsync(file.fd()) == 0 &&
                         file.close() && ::renameat(folder.fd(), aside.c_str(), folder.fd(), name) == 0;
    if (!written) {
      const int error = errno;
      ::unlinkat(folder.fd(), aside.c_str(), 0);
      throw unwritten(words_of(error));
    }
    if (::fsync(folder.fd()) != 0) {
      throw AccountError(ExitStatus::output, shown() + ": is written, but a loss of power may undo that");
    }
  }

  /// Removes it, and what a `write` left aside that was killed; false if there was none.
  [[nodiscard]] bool remove() const {
    const File folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder && errno == ENOENT) return false;
    struct Close {
      void operator()(DIR* entries) const noexcept { ::closedir(entries); }
    };
    const std::unique_ptr<DIR, Close> entries(folder ? ::opendir(folder_.c_str()) : nullptr);
    if (!entries) throw unremoved();
    std::vector<std::string> names{name};
    while (const dirent* const entry = ::readdir(entries.get())) {
      if (std::string_view(entry->d_name).starts_with(aside_prefix)) names.emplace_back(entry->d_name);
    }
    bool removed = false;
    for (const std::string& each : names) {
      if (::unlinkat(folder.fd(), each.c_str(), 0) == 0)
        removed = true;
      else if (errno != ENOENT)
        throw unremoved();
    }
    static_cast<void>(::fsync(folder.fd()));
    return removed;
  }

 private:
  static constexpr const char* name = "account.json";
  static constexpr const char* aside_prefix = ".account.json.";

  explicit Account(const std::string& home) : folder_(home + "/droplit.io") {}

  static std::string words_of(int error) { return std::generic_category().message(error); }

  [[nodiscard]] AccountError broken(const std::string& why) const {
    return {ExitStatus::unauthorised, shown() + ": " + why};
  }
  [[nodiscard]] AccountError unwritten(const std::string& why) const {
    return {ExitStatus::output, shown() + ": cannot be written: " + why};
  }
  [[nodiscard]] AccountError unremoved() const {
    return {ExitStatus::output, shown() + ": cannot be removed: " + words_of(errno)};
  }

  // `bits` are those of the mode that others must not have; root may do anything in any case.
  static void warn_of_others(const std::string& what, const struct stat& about, ::mode_t bits, const char* closed) {
    if (about.st_uid != ::geteuid() && about.st_uid != 0) {
      complain("warning: " + what + " belongs to another user");
    } else if ((about.st_mode & bits) != 0) {
      complain("warning: " + what + " is open to others; `chmod " + closed + "` closes it");
    }
  }

  [[nodiscard]] std::string token_in(const std::string& text) const {
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(text, error);
    if (error || !value.is_object()) throw broken("is not a JSON object; `droplit login` writes it anew");
    const boost::json::value* const token = value.get_object().if_contains("token");
    if (token == nullptr || !token->is_string() || !is_token(std::string_view(token->get_string()))) {
      throw broken("has no \"token\" that can be used; `droplit login` writes it anew");
    }
    return std::string(token->get_string());
  }

  std::string folder_;
};

}  // namespace console
