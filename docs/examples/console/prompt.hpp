// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "account.hpp"
#include "output.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace console {

/// Standard input, a terminal, without its echo as long as this lives. Each of the `ending_signals` brings the echo
/// back before it ends the program; the key that stops a program does nothing meanwhile.
class HiddenInput {
 public:
  HiddenInput() noexcept {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    for (const int signal : ending_signals) {
      struct sigaction action {};
      ::sigaction(signal, nullptr, &action);
      if (action.sa_handler == SIG_IGN) continue;  // as nohup wants it
      action = {};
      action.sa_handler = &end_by;
      ::sigaction(signal, &action, nullptr);
    }
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    hidden.c_lflag |= ICANON | ISIG;
    hidden.c_cc[VSUSP] = _POSIX_VDISABLE;
    hidden_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;
  ~HiddenInput() {
    if (hidden_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);  // what was pasted after the token is dropped too
    for (const int signal : ending_signals) {
      struct sigaction action {};
      ::sigaction(signal, nullptr, &action);
      if (action.sa_handler == &end_by) ::signal(signal, SIG_DFL);
    }
  }

  explicit operator bool() const noexcept { return hidden_; }

 private:
  static void end_by(int signal) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }

  inline static termios before_{};
  bool hidden_ = false;
};

/// Reads from standard input until its end, or to the end of a line, or until it is longer than `most`. False if it
/// cannot be read.
inline bool read_input(std::string& text, std::size_t most, bool one_line) {
  char piece[4096];
  while (text.size() <= most && !(one_line && text.ends_with('\n'))) {
    const ssize_t got = ::read(STDIN_FILENO, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {  // another process made it non-blocking
      pollfd wait{STDIN_FILENO, POLLIN, 0};
      if (::poll(&wait, 1, -1) < 0 && errno != EINTR) return false;
      continue;
    }
    if (got < 0) return false;
    if (got == 0) break;
    text.append(piece, static_cast<std::size_t>(got));
  }
  return true;
}

/// The line that was typed after a prompt on the terminal, without echo.
inline std::string ask_for_token() {
  constexpr std::size_t longest_line = 4095;  // a terminal drops what is typed beyond it
  const File terminal(::open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC));
  const int fd = terminal ? terminal.fd() : STDERR_FILENO;
  const HiddenInput hidden;
  if (!hidden) throw AccountError(ExitStatus::unauthorised, "no token: the terminal does not hide what is typed");
  static_cast<void>(write_all(fd, "Token: "));
  std::string text;
  const bool good = read_input(text, longest_line, true);
  static_cast<void>(write_all(fd, "\n"));
  if (!good) throw AccountError(ExitStatus::unauthorised, "no token: the terminal cannot be read");
  if (text.size() >= longest_line) {
    throw AccountError(ExitStatus::unauthorised, "no token: too long for a terminal; standard input may be a file");
  }
  return text;
}

/// The token: typed, or the only line of standard input.
inline std::string read_token() {
  std::string text;
  if (::isatty(STDIN_FILENO) == 1) {
    text = ask_for_token();
  } else if (!read_input(text, 2 * max_account_size, false)) {
    throw AccountError(ExitStatus::unauthorised, "no token: standard input cannot be read");
  }
  const std::size_t end = text.find('\n');
  const bool alone = end == std::string::npos || text.find_first_not_of(" \t\r\n", end) == std::string::npos;
  if (!alone || text.size() > 2 * max_account_size) {
    throw AccountError(ExitStatus::unauthorised, "no token: it must be the only line of standard input");
  }
  text.resize(end == std::string::npos ? text.size() : end);
  if (text.ends_with('\r')) text.pop_back();
  if (text.size() > max_account_size) throw AccountError(ExitStatus::unauthorised, "the token is longer than 64 KiB");
  if (!is_token(text)) {
    throw AccountError(ExitStatus::unauthorised, text.empty()
                                                     ? "no token was given"
                                                     : "the token cannot be used: printable ASCII is accepted, "
                                                       "without spaces around it");
  }
  return text;
}

}  // namespace console
