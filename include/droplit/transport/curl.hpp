// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/transport/curl/handle.hpp>
#include <droplit/transport/curl/response.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/sendable.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/transport.hpp>
#include <droplit/version.hpp>

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A value outside its range counts as the nearest within it: times 1 ms to 24 hours, sizes 1 KiB to 1 GiB.
struct CurlOptions {
  std::string url = "https://ioe.droplit.io";  ///< where the service is; a path in it goes before the target
  std::string ca_file = {};                    ///< PEM: whom to trust instead of those the system trusts
  std::optional<std::string> proxy = {};       ///< empty: none; absent: as the environment says, see libcurl
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{30'000};  ///< for the whole of one request, connecting included
  std::size_t max_head = 64 * 1024;           ///< the most that is read of an answer's heads, in bytes
  std::size_t max_body = 1024 * 1024;         ///< the most that is read of an answer's body, in bytes
};

/// Carries requests over HTTP/1.1 and TLS, with libcurl.
///
/// Certificates and host names are verified. Nothing is followed, repeated or decompressed; the token goes to no other
/// host. Where the request was about to be written, or any part of it, a failure is maybe applied. A few connections
/// are kept for the next requests. Thread-safe: requests at the same time use a connection each. A child of `fork` must
/// neither use nor destroy what its parent made. The first object made initialises libcurl.
class CurlTransport {
 public:
  /// `token` is who calls; without one nobody is told. A URL or a token that cannot be used fails every request as not
  /// sent.
  explicit CurlTransport(std::string token, CurlOptions options = {})
      : token_(std::move(token)), options_(std::move(options)), flaw_(find_flaw()) {
    options_.max_head = detail::bounded<std::size_t>(options_.max_head, 1024, 1 << 30);
    options_.max_body = detail::bounded<std::size_t>(options_.max_body, 1024, 1 << 30);
    idle_.reserve(max_idle);
    static const CURLcode initialised = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialised != CURLE_OK && flaw_.empty()) flaw_ = "libcurl cannot be initialised";
    while (options_.url.ends_with('/')) options_.url.pop_back();
  }

  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;

  Outcome<Response> send(const Request& request) {
    const bool to_head = request.method == "HEAD";
    detail::CurlResponse answer(options_.max_head, options_.max_body, to_head);
    if (!flaw_.empty()) return answer.finish(flaw_);
    if (!detail::is_sendable(request)) return answer.finish("the request cannot be written as HTTP");
    detail::CurlConnection connection = take();
    detail::CurlHandle handle = make(connection);
    if (handle == nullptr) return answer.finish("libcurl cannot do what it must here");

    const std::string url = options_.url + request.target;
    const detail::CurlLines lines = head_of(request);
    CURLcode code = CURLE_OK;
    const auto set = [&code, &handle](CURLoption option, auto value) {
      if (code == CURLE_OK) code = ::curl_easy_setopt(handle.get(), option, value);
    };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_NOBODY, to_head ? 1L : 0L);
    set(CURLOPT_POSTFIELDS, request.body.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(CURLOPT_HTTPHEADER, lines.get());
    set(CURLOPT_PREREQDATA, &answer);
    set(CURLOPT_HEADERDATA, &answer);
    set(CURLOPT_WRITEDATA, &answer);
    if (code == CURLE_OK) code = connection.perform(handle.get());
    handle.reset();  // before another thread may use the connection
    give_back(std::move(connection));
    if (code == CURLE_OK) return answer.finish({});
    return answer.finish("libcurl error " + std::to_string(static_cast<int>(code)) + " (" + ::curl_easy_strerror(code) +
                         ")");
  }

 private:
  static constexpr std::size_t max_idle = 8;  // connections that are kept

  // Above this the service is asked first whether it wants the body: it is the contract's limit.
  static constexpr std::size_t expect_above = 1024 * 1024;

  [[nodiscard]] std::string_view find_flaw() const {
    if (detail::trim(token_) != token_ || !HeaderFields().add("authorization", token_)) {
      return "the token cannot be a header field";
    }
    for (const char c : options_.url) {
      if (c <= 0x20 || c >= 0x7F) return "the URL has characters that no URL has";
      if (c == '?' || c == '#') return "the URL has more than a scheme, a host, a port and a path";
    }
    const std::unique_ptr<CURLU, detail::CurlDeleter> url(::curl_url());
    if (url == nullptr || ::curl_url_set(url.get(), CURLUPART_URL, options_.url.c_str(), 0) != CURLUE_OK) {
      return "the URL is none of HTTP";
    }
    const auto part = [&url](CURLUPart which) -> std::optional<std::string> {
      char* text = nullptr;
      if (::curl_url_get(url.get(), which, &text, 0) != CURLUE_OK) return std::nullopt;
      return std::string(std::unique_ptr<char, detail::CurlDeleter>(text).get());
    };
    const auto scheme = part(CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") return "the URL is none of HTTP";
    if (part(CURLUPART_USER) || part(CURLUPART_PASSWORD)) {
      return "the URL has more than a scheme, a host, a port and a path";
    }
    return {};
  }

  detail::CurlLines head_of(const Request& request) const {
    detail::CurlLines lines;
    if (!token_.empty()) lines.add("authorization: " + token_);
    for (const HeaderField field : request.fields) {
      const std::string name(field.name);
      lines.add(field.value.empty() ? name + ';' : name + ": " + std::string(field.value));
    }
    if (request.fields.count("content-type") == 0) lines.add("content-type:");  // or libcurl would make one up
    lines.add(request.body.size() > expect_above ? "expect: 100-continue" : "expect:");
    return lines;
  }

  // A kept connection that is silent, or room for a new one.
  detail::CurlConnection take() {
    for (;;) {
      detail::CurlConnection connection;
      {
        const std::lock_guard lock(mutex_);
        if (idle_.empty()) return connection;
        connection = std::move(idle_.back());
        idle_.pop_back();
      }
      if (!connection.has_unsolicited_data()) return connection;
    }
  }

  void give_back(detail::CurlConnection connection) noexcept {
    const std::lock_guard lock(mutex_);
    if (idle_.size() != max_idle) idle_.push_back(std::move(connection));  // in room that there is
  }

  [[nodiscard]] detail::CurlHandle make(detail::CurlConnection& connection) const {
    detail::CurlHandle handle = connection.make_handle();
    CURLcode code = handle == nullptr ? CURLE_OUT_OF_MEMORY : CURLE_OK;
    const auto set = [&code, &handle](CURLoption option, auto value) {
      if (code == CURLE_OK) code = ::curl_easy_setopt(handle.get(), option, value);
    };
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});  // with HTTP/2, libcurl repeats requests by itself
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    set(CURLOPT_QUICK_EXIT, 1L);  // or a name server that is silent would hold up the end
    set(CURLOPT_OPENSOCKETFUNCTION, static_cast<curl_opensocket_callback>(&detail::open_socket));
    set(CURLOPT_USERAGENT, "droplit");
    set(CURLOPT_CONNECTTIMEOUT_MS, detail::curl_millis(options_.connect_timeout));
    set(CURLOPT_TIMEOUT_MS, detail::curl_millis(options_.timeout));
    if (options_.proxy) {
      set(CURLOPT_PROXY, options_.proxy->c_str());
      set(CURLOPT_NOPROXY, "");  // whatever the environment says
    }
    if (!options_.ca_file.empty()) {
      set(CURLOPT_CAINFO, options_.ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    set(CURLOPT_PREREQFUNCTION, static_cast<curl_prereq_callback>(&before_request));
    set(CURLOPT_HEADERFUNCTION, static_cast<curl_write_callback>(&take_head));
    set(CURLOPT_WRITEFUNCTION, static_cast<curl_write_callback>(&take_body));
    if (code != CURLE_OK) handle.reset();
    return handle;
  }

  static int before_request(void* answer, char*, char*, int, int) noexcept {
    return static_cast<detail::CurlResponse*>(answer)->begin() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
  }
  static std::size_t take_head(char* data, std::size_t, std::size_t size, void* answer) noexcept {
    return taken(size, [&] { return static_cast<detail::CurlResponse*>(answer)->head({data, size}); });
  }
  static std::size_t take_body(char* data, std::size_t, std::size_t size, void* answer) noexcept {
    return taken(size, [&] { return static_cast<detail::CurlResponse*>(answer)->body({data, size}); });
  }

  // What libcurl wants to hear: all of it, or anything else to end the transfer.
  template <class Take>
  static std::size_t taken(std::size_t size, Take take) noexcept {
    try {
      return take() ? size : CURL_WRITEFUNC_ERROR;
    } catch (...) {  // no memory
      return CURL_WRITEFUNC_ERROR;
    }
  }

  std::string token_;
  CurlOptions options_;
  std::string_view flaw_;  // why no request can be sent; empty if it can
  std::mutex mutex_;
  std::vector<detail::CurlConnection> idle_;
};

static_assert(Transport<CurlTransport>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
