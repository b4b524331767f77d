// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../../detail/config.hpp"

#include <curl/curl.h>
#include <poll.h>
#include <sys/socket.h>

#include <csignal>
#include <ctime>
#include <memory>
#include <new>
#include <string>

#if LIBCURL_VERSION_NUM < 0x075700
#error "droplit/transport/curl.hpp needs libcurl 7.87 or newer"
#endif

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

struct CurlDeleter {
  void operator()(CURL* handle) const noexcept { ::curl_easy_cleanup(handle); }
  void operator()(CURLU* url) const noexcept { ::curl_url_cleanup(url); }
  void operator()(curl_slist* list) const noexcept { ::curl_slist_free_all(list); }
  void operator()(char* text) const noexcept { ::curl_free(text); }
};

using CurlHandle = std::unique_ptr<CURL, CurlDeleter>;

/// Whether the connection that this handle kept has something to say that nobody asked for: the rest of an earlier
/// answer, a farewell or its end. What it would say next is no answer to a new request.
inline bool has_unasked_for(CURL* handle) noexcept {
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (::curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK || socket == CURL_SOCKET_BAD)
    return false;
  pollfd one{socket, POLLIN, 0};
  return ::poll(&one, 1, 0) != 0;
}

/// A socket that a program which this one starts does not inherit.
inline curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) noexcept {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// The lines of a head.
class CurlLines {
 public:
  /// Throws `std::bad_alloc`.
  void add(const std::string& line) {
    curl_slist* const longer = ::curl_slist_append(lines_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(lines_.release());
    lines_.reset(longer);
  }

  [[nodiscard]] curl_slist* get() const noexcept { return lines_.get(); }

 private:
  std::unique_ptr<curl_slist, CurlDeleter> lines_;
};

/// Keeps SIGPIPE, which TLS may raise, from this thread as long as it lives: a peer that resets is no reason to end.
class NoSigpipe {
 public:
  NoSigpipe() noexcept {
    sigset_t pending;
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    const timespec at_once{};
    if (!was_pending_) ::sigtimedwait(&sigpipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
