// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// libcurl's C objects as C++ values: each is freed by its owner, options are set until one fails, and a kept connection
// is one object. What libcurl would do unnoticed (leave sockets open in child processes, raise SIGPIPE,
// reuse a connection that has unread data) is prevented here. Used by `CurlTransport`.

#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/transport/curl/tls.hpp>

#include <curl/curl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if LIBCURL_VERSION_NUM < 0x075700
#error "droplit/transport/curl.hpp needs libcurl 7.87 or newer"
#endif

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::curl {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const noexcept {
    static_cast<void>(Free(object));
  }
};

/// Owns an object of libcurl; `Free` frees it.
template <class T, auto Free>
using Owner = std::unique_ptr<T, Deleter<Free>>;

/// Opens a socket that child processes do not inherit.
inline curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) noexcept {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// A time limit in libcurl's type and unit: 1 ms (0 would be no limit) to 24 hours, which fit a `long` of 32 bits.
template <class Long = long>
constexpr Long millis(std::chrono::milliseconds time) noexcept {
  return static_cast<Long>(bounded<std::int64_t>(time.count(), 1, longest_millis));
}

/// The lines of a head, to be sent: a list as libcurl reads it, made without an allocation for each line. Filled once;
/// not copyable.
class Lines {
 public:
  /// `lines`: each line with a NUL after it.
  explicit Lines(std::string lines) : text_(std::move(lines)) {
    nodes_.resize(static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\0')));
    char* at = text_.data();
    for (std::size_t i = 0; i != nodes_.size(); ++i) {
      nodes_[i] = {at, i + 1 == nodes_.size() ? nullptr : &nodes_[i + 1]};
      at += std::strlen(at) + 1;
    }
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  /// Null if there are no lines. libcurl does not change the list.
  [[nodiscard]] curl_slist* get() noexcept { return nodes_.data(); }

 private:
  std::string text_;
  std::vector<curl_slist> nodes_;
};

/// One request of libcurl. The first option that cannot be set is remembered, and later ones are ignored.
class EasyHandle {
 public:
  explicit EasyHandle(CURL* handle) noexcept
      : handle_(handle), code_(handle == nullptr ? CURLE_OUT_OF_MEMORY : CURLE_OK) {}

  template <class Value>
  void set(CURLoption option, Value value) noexcept {
    if (code_ == CURLE_OK) code_ = ::curl_easy_setopt(handle_.get(), option, value);
  }

  [[nodiscard]] CURLcode code() const noexcept { return code_; }
  [[nodiscard]] CURL* get() const noexcept { return handle_.get(); }

 private:
  Owner<CURL, &::curl_easy_cleanup> handle_;
  CURLcode code_;
};

/// Whether libcurl may raise SIGPIPE. It sends with MSG_NOSIGNAL; since 7.88 it sends for OpenSSL, too. Other TLS
/// libraries may write to the socket by themselves.
inline bool may_raise_sigpipe() noexcept {
  static const bool may_raise = [] {
    const curl_version_info_data* const info = ::curl_version_info(CURLVERSION_NOW);
    if (info->ssl_version == nullptr) return false;
    return info->version_num < 0x075800 || !std::string_view(info->ssl_version).starts_with("OpenSSL/");
  }();
  return may_raise;
}

/// Blocks SIGPIPE in this thread as long as it lives, and discards those that were raised; nothing if it is not needed.
class SigpipeBlock {
 public:
  explicit SigpipeBlock(bool is_needed = may_raise_sigpipe()) noexcept : is_needed_(is_needed) {
    if (!is_needed) return;
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
    if (::sigismember(&before_, SIGPIPE) == 0) return;  // then none was pending
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
  }
  SigpipeBlock(const SigpipeBlock&) = delete;
  SigpipeBlock& operator=(const SigpipeBlock&) = delete;
  ~SigpipeBlock() {
    if (!is_needed_) return;
    const timespec at_once{};
    if (!was_pending_) ::sigtimedwait(&sigpipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_ = false;
  const bool is_needed_;
};

/// Closes the connections of a multi handle; TLS sends a close_notify.
inline void close_all(CURLM* multi) noexcept {
  const SigpipeBlock block;
  ::curl_multi_cleanup(multi);
}

/// A connection that is kept from one request to the next, with its names, TLS sessions and trusted certificates. One
/// thread at a time, as libcurl requires.
///
/// The easy handle is new for each request: libcurl 7.88 frees memory twice if a used handle meets a head that begins
/// with white space (its issue 11101). The connection lives in a multi handle rather than in a CURLSH:
/// curl_easy_perform would create and destroy a multi handle for each request, and while it destroys that, it sets the
/// process's SIGPIPE to ignored and back.
class Connection {
 public:
  /// A new handle for the next request. `with_tls` is the same each time.
  [[nodiscard]] EasyHandle make_handle(bool with_tls) noexcept {
    if (multi_ == nullptr) {
      multi_.reset(::curl_multi_init());
      if (with_tls) sessions_.reset(::curl_share_init());
      const bool has_sessions =
          !with_tls || (sessions_ != nullptr && ::curl_share_setopt(sessions_.get(), CURLSHOPT_SHARE,
                                                                    CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK);
      if (!has_sessions || multi_ == nullptr ||
          ::curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK) {
        multi_.reset();
        return EasyHandle(nullptr);
      }
    }
    EasyHandle handle(::curl_easy_init());
    if (with_tls) handle.set(CURLOPT_SHARE, sessions_.get());
    return handle;
  }

  /// Called while `handle` performs, before its request is written.
  void begin(CURL* handle) noexcept { tls_ = TlsSession(handle); }

  /// Sends the request and receives its response, as curl_easy_perform does.
  [[nodiscard]] CURLcode perform(const EasyHandle& handle) noexcept {
    if (handle.code() != CURLE_OK) return handle.code();
    // A new connection may ask a name server, in a thread of libcurl's that begins with this one's signals.
    const SigpipeBlock block(may_raise_sigpipe() || socket_ == CURL_SOCKET_BAD);
    if (::curl_multi_add_handle(multi_.get(), handle.get()) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
    for (int running = 1; running != 0;) {
      if (::curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
      if (running != 0 && ::curl_multi_poll(multi_.get(), nullptr, 0, 1000, nullptr) != CURLM_OK) break;
    }
    int left = 0;
    const CURLMsg* const message = ::curl_multi_info_read(multi_.get(), &left);
    const CURLcode result = message == nullptr ? CURLE_OUT_OF_MEMORY : message->data.result;
    if (::curl_easy_getinfo(handle.get(), CURLINFO_ACTIVESOCKET, &socket_) != CURLE_OK) socket_ = CURL_SOCKET_BAD;
    has_rest_ = socket_ != CURL_SOCKET_BAD && tls_.may_have_rest();
    ::curl_multi_remove_handle(multi_.get(), handle.get());
    return result;
  }

  /// Whether there is something to read though no request is under way: the rest of an earlier response, a TLS
  /// close_notify or the end of the connection. What follows is not the response to a new request.
  [[nodiscard]] bool has_unsolicited_data() const noexcept {
    if (socket_ == CURL_SOCKET_BAD) return false;
    if (has_rest_) return true;
    pollfd one{socket_, POLLIN, 0};
    return ::poll(&one, 1, 0) != 0;
  }

 private:
  Owner<CURLSH, &::curl_share_cleanup> sessions_;  // of TLS, if there is any
  Owner<CURLM, &close_all> multi_;
  curl_socket_t socket_ = CURL_SOCKET_BAD;
  TlsSession tls_;
  bool has_rest_ = false;  // in memory of TLS, after the last response
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::curl
