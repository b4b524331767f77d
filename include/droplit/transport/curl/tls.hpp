// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What TLS has decrypted, but libcurl has not read: libcurl reads no more of a body than its length says, and OpenSSL
// keeps the rest of the record. Neither the socket nor libcurl says that there is such a rest, which would be taken for
// the next response on the connection. Used by `CurlTransport`.

#include <droplit/detail/config.hpp>

#include <curl/curl.h>
#include <dlfcn.h>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::curl {

/// OpenSSL's `SSL_has_pending`, from the very library that libcurl uses: a program may have another version beside it.
/// Null if libcurl is not a shared library or uses another TLS library.
inline auto ssl_has_pending() noexcept {
  using Function = int (*)(const void*);
  static const auto function = []() -> Function {
    ::Dl_info libcurl{};  // by a function that nothing here refers to: one that a program uses may seem to be its own
    const void* const inside = ::dlsym(RTLD_DEFAULT, "curl_getdate");
    if (inside == nullptr || ::dladdr(inside, &libcurl) == 0) return nullptr;
    void* const library = ::dlopen(libcurl.dli_fname, RTLD_LAZY | RTLD_NOLOAD);  // never closed: it stays
    if (library == nullptr) return nullptr;
    return reinterpret_cast<Function>(::dlsym(library, "SSL_has_pending"));  // what it depends on is searched, too
  }();
  return function;
}

/// The TLS of a connection; none if the connection has none.
class TlsSession {
 public:
  TlsSession() = default;

  /// That of the connection that `handle` has now. To be called by one of its callbacks: afterwards it has none.
  explicit TlsSession(CURL* handle) noexcept {
    const ::curl_tlssessioninfo* found = nullptr;
    if (::curl_easy_getinfo(handle, CURLINFO_TLS_SSL_PTR, &found) != CURLE_OK || found == nullptr) return;
    session_ = found->internals;
    is_openssl_ = found->backend == CURLSSLBACKEND_OPENSSL;
  }

  /// Whether something is left to read, or that cannot be known. The connection must still be there.
  [[nodiscard]] bool may_have_rest() const noexcept {
    if (session_ == nullptr) return false;
    const auto has_pending = is_openssl_ ? ssl_has_pending() : nullptr;
    return has_pending == nullptr || has_pending(session_) != 0;
  }

 private:
  const void* session_ = nullptr;
  bool is_openssl_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::curl
