// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>

#include <curl/curl.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <cstdint>
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

/// A socket that a program which this one starts does not inherit.
inline curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) noexcept {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// A time limit as libcurl takes it, in milliseconds from 1 (0 is no limit to libcurl) to 24 hours: also where `long`,
/// which is libcurl's type, has 32 bits.
template <class Long = long>
constexpr Long curl_millis(std::chrono::milliseconds time) noexcept {
  return static_cast<Long>(bounded<std::int64_t>(time.count(), 1, longest_millis));
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

/// A connection that is kept from one request to the next, with its names, TLS sessions and trusted certificates. The
/// easy handle is new for each request: libcurl 7.88 frees memory twice where a handle that was used before meets a
/// head that begins with white space (its issue 11101). One thread at a time, as libcurl demands.
///
/// The connection lives in a multi handle rather than in a CURLSH: curl_easy_perform would make and destroy a multi
/// handle for each request, and while it destroys that, it sets the whole program's SIGPIPE to ignored and back.
class CurlConnection {
 public:
  /// A new easy handle for the next request; null if libcurl cannot make one.
  [[nodiscard]] CurlHandle make_handle() {
    if (sessions_ == nullptr) {
      sessions_.reset(::curl_share_init());
      multi_.reset(::curl_multi_init());
      if (sessions_ == nullptr || multi_ == nullptr ||
          ::curl_share_setopt(sessions_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK ||
          ::curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK) {
        sessions_.reset();
        return nullptr;
      }
    }
    CurlHandle handle(::curl_easy_init());
    if (handle == nullptr || ::curl_easy_setopt(handle.get(), CURLOPT_SHARE, sessions_.get()) != CURLE_OK)
      return nullptr;
    return handle;
  }

  /// Carries out what `handle` is set to, as curl_easy_perform does.
  [[nodiscard]] CURLcode perform(CURL* handle) noexcept {
    const NoSigpipe guard;
    if (::curl_multi_add_handle(multi_.get(), handle) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
    CURLcode result = CURLE_OUT_OF_MEMORY;
    for (int running = 1; running != 0;) {
      if (::curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
      if (running != 0 && ::curl_multi_poll(multi_.get(), nullptr, 0, 1000, nullptr) != CURLM_OK) break;
    }
    int left = 0;
    if (const CURLMsg* const message = ::curl_multi_info_read(multi_.get(), &left)) result = message->data.result;
    if (::curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &socket_) != CURLE_OK) socket_ = CURL_SOCKET_BAD;
    ::curl_multi_remove_handle(multi_.get(), handle);
    return result;
  }

  /// Whether the connection has something to read though no request is under way: the rest of an earlier response, a
  /// TLS close_notify or its end. What follows is not the response to a new request.
  [[nodiscard]] bool has_unsolicited_data() const noexcept {
    if (socket_ == CURL_SOCKET_BAD) return false;
    pollfd one{socket_, POLLIN, 0};
    return ::poll(&one, 1, 0) != 0;
  }

 private:
  struct Deleter {
    void operator()(CURLM* multi) const noexcept {
      const NoSigpipe guard;  // TLS sends a close_notify
      ::curl_multi_cleanup(multi);
    }
  };
  struct ShareDeleter {
    void operator()(CURLSH* share) const noexcept { ::curl_share_cleanup(share); }
  };

  std::unique_ptr<CURLSH, ShareDeleter> sessions_;
  std::unique_ptr<CURLM, Deleter> multi_;
  curl_socket_t socket_ = CURL_SOCKET_BAD;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
