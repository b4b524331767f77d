// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/transport/curl/handle.hpp>
#include <droplit/transport/curl/response.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/transport.hpp>

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A value outside its range counts as the nearest within it: times 1 ms to 24 hours, sizes 1 KiB to 1 GiB.
struct CurlOptions {
  std::string url = "https://ioe.droplit.io";         ///< of the service; a path in it goes before the target
  std::string ca_file = {};                           ///< trusted certificates (PEM), instead of the system's
  std::optional<std::string> proxy = {};              ///< empty: none; absent: as the environment says, see libcurl
  std::chrono::milliseconds connect_timeout{10'000};  ///< for one try to connect, TLS included
  std::chrono::milliseconds timeout{30'000};          ///< for the whole of one request, connecting included
  std::size_t max_head = 64 * 1024;                   ///< the most that is read of a response's heads, in bytes
  std::size_t max_body = 1024 * 1024;                 ///< the most that is read of a response's body, in bytes
};

/// Carries requests over HTTP/1.1 and TLS, with libcurl.
///
/// Certificates and host names are verified. Nothing is followed, repeated or decompressed; the token goes to no other
/// host. A failure is maybe applied once the request was about to be written. A few connections are kept for the next
/// requests. Thread-safe: requests at the same time use a connection each. A child of `fork` must neither use nor
/// destroy what its parent made. The first object initialises libcurl.
class CurlTransport {
 public:
  /// `token` is sent in `authorization`; omitted if empty. With a URL or a token that cannot be used, every request
  /// fails as not sent.
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

  /// Why no request can be sent: what is wrong with the token or the options, in fixed words. Empty if one can.
  [[nodiscard]] std::string_view flaw() const noexcept { return flaw_; }

  /// Sends the request and returns the whole response, whatever its status; or a `Fault`.
  Outcome<Response> send(const Request& request) {
    detail::curl::ResponseReader reader(options_.max_head, options_.max_body, request.method == "HEAD");
    if (!flaw_.empty()) return reader.finish(flaw_);
    if (!is_sendable(request)) return reader.finish("the request cannot be written as HTTP");
    detail::curl::Connection connection = take();
    const CURLcode code = perform(request, connection, reader);
    give_back(std::move(connection));
    if (code == CURLE_OK) return reader.finish({});
    const std::string number = std::to_string(static_cast<int>(code));
    return reader.finish("libcurl error " + number + " (" + ::curl_easy_strerror(code) + ")");
  }

 private:
  static constexpr std::string_view user_agent = "User-Agent: droplit";  // CURLOPT_USERAGENT would cost more

  static constexpr std::size_t max_idle = 8;  // connections that are kept

  // A longer body is sent only after 100 Continue: this is the contract's limit.
  static constexpr std::size_t expect_above = 1024 * 1024;

  [[nodiscard]] std::string_view find_flaw() const {
    constexpr std::string_view not_http = "the URL is not an HTTP URL";
    constexpr std::string_view has_more = "the URL has more than a scheme, a host, a port and a path";
    if (detail::trim(token_) != token_ || !HeaderFields().add("authorization", token_)) {
      return "the token cannot be a header field";
    }
    const bool has_nul = (options_.ca_file + options_.proxy.value_or("")).find('\0') != std::string::npos;
    if (has_nul) return "a path or the proxy has a NUL";
    const auto is_url_character = [](char c) { return c > 0x20 && c < 0x7F; };
    if (!detail::all_of(options_.url, is_url_character)) return "the URL has characters that no URL has";
    if (options_.url.find_first_of("?#") != std::string::npos) return has_more;
    const detail::curl::Owner<CURLU, &::curl_url_cleanup> url(::curl_url());
    if (url == nullptr || ::curl_url_set(url.get(), CURLUPART_URL, options_.url.c_str(), 0) != CURLUE_OK) {
      return not_http;
    }
    const auto part = [&url](CURLUPart which) -> std::optional<std::string> {
      char* text = nullptr;
      if (::curl_url_get(url.get(), which, &text, 0) != CURLUE_OK) return std::nullopt;
      return detail::curl::Owner<char, &::curl_free>(text).get();
    };
    const auto scheme = part(CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") return not_http;
    if (part(CURLUPART_USER) || part(CURLUPART_PASSWORD)) return has_more;
    return {};
  }

  // A kept connection without unread data, or a new one.
  detail::curl::Connection take() {
    for (;;) {
      detail::curl::Connection connection;
      {
        const std::lock_guard lock(mutex_);
        if (idle_.empty()) return connection;
        connection = std::move(idle_.back());
        idle_.pop_back();
      }
      if (!connection.has_unsolicited_data()) return connection;
    }
  }

  void give_back(detail::curl::Connection connection) noexcept {
    const std::lock_guard lock(mutex_);
    if (idle_.size() != max_idle) idle_.push_back(std::move(connection));  // within the reserved capacity
  }

  CURLcode perform(const Request& request, detail::curl::Connection& connection,
                   detail::curl::ResponseReader& reader) const {
    const std::string url = options_.url + request.target;
    detail::curl::Lines lines(head_of(request));
    const bool with_tls = options_.url[4] != ':';  // an HTTP URL, since there is no flaw
    detail::curl::EasyHandle handle = connection.make_handle(with_tls);
    handle.set(CURLOPT_NOSIGNAL, 1L);
    handle.set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});  // with HTTP/2, libcurl repeats requests by itself
    handle.set(CURLOPT_FOLLOWLOCATION, 0L);
    handle.set(CURLOPT_PATH_AS_IS, 1L);
    handle.set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
    if (with_tls) set_tls(handle);
    handle.set(CURLOPT_QUICK_EXIT, 1L);  // or an unresponsive name server would delay the end
    handle.set(CURLOPT_OPENSOCKETFUNCTION, static_cast<curl_opensocket_callback>(&detail::curl::open_socket));
    handle.set(CURLOPT_CONNECTTIMEOUT_MS, detail::curl::millis(options_.connect_timeout));
    handle.set(CURLOPT_TIMEOUT_MS, detail::curl::millis(options_.timeout));
    if (options_.proxy) {
      handle.set(CURLOPT_PROXY, options_.proxy->c_str());
      handle.set(CURLOPT_NOPROXY, "");  // overrides the environment
    }
    handle.set(CURLOPT_URL, url.c_str());
    if (request.method == "HEAD") handle.set(CURLOPT_NOBODY, 1L);
    handle.set(CURLOPT_POSTFIELDS, request.body.c_str());
    handle.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    if (request.method != "POST") handle.set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    handle.set(CURLOPT_HTTPHEADER, lines.get());
    handle.set(CURLOPT_PREREQFUNCTION, static_cast<curl_prereq_callback>(&begin));
    Beginning beginning{reader, connection, handle.get()};
    handle.set(CURLOPT_PREREQDATA, &beginning);
    handle.set(CURLOPT_HEADERFUNCTION, static_cast<curl_write_callback>(&read<&detail::curl::ResponseReader::head>));
    handle.set(CURLOPT_HEADERDATA, &reader);
    handle.set(CURLOPT_WRITEFUNCTION, static_cast<curl_write_callback>(&read<&detail::curl::ResponseReader::body>));
    handle.set(CURLOPT_WRITEDATA, &reader);
    return connection.perform(handle);
  }

  // What an https URL needs: the host is verified, and a proxy gets a CONNECT.
  void set_tls(detail::curl::EasyHandle& handle) const {
    static detail::curl::Lines proxy_lines(std::string(user_agent) + '\0');
    handle.set(CURLOPT_PROXYHEADER, proxy_lines.get());
    handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    handle.set(CURLOPT_SSL_VERIFYPEER, 1L);
    handle.set(CURLOPT_SSL_VERIFYHOST, 2L);
    handle.set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    if (options_.ca_file.empty()) return;
    handle.set(CURLOPT_CAINFO, options_.ca_file.c_str());
    handle.set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }

  // The lines of the head, each with a NUL after it, as libcurl's options have them.
  [[nodiscard]] std::string head_of(const Request& request) const {
    std::string lines;
    lines.reserve(request.fields.lines().size() + token_.size() + 128);
    const auto end_line = [&lines] { lines.push_back('\0'); };
    if (!token_.empty()) {
      lines.append("authorization: ").append(token_);
      end_line();
    }
    for (const HeaderField field : request.fields) {
      lines.append(field.name).append(field.value.empty() ? ";" : ": ").append(field.value);
      end_line();
    }
    if (request.fields.count("user-agent") == 0) {
      lines.append(user_agent);
      end_line();
    }
    if (request.fields.count("content-type") == 0) {
      lines.append("content-type:");  // keeps libcurl from adding one
      end_line();
    }
    if (request.body.size() > expect_above) {  // libcurl's own limit, too
      lines.append("expect: 100-continue");
      end_line();
    }
    return lines;
  }

  // libcurl's callbacks.

  struct Beginning {
    detail::curl::ResponseReader& reader;
    detail::curl::Connection& connection;
    CURL* handle;
  };

  static int begin(void* data, char*, char*, int, int) noexcept {
    const Beginning& request = *static_cast<const Beginning*>(data);
    request.connection.begin(request.handle);
    return request.reader.begin() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
  }

  template <bool (detail::curl::ResponseReader::*Read)(std::string_view)>
  static std::size_t read(char* data, std::size_t, std::size_t size, void* reader) noexcept {
    try {
      if ((static_cast<detail::curl::ResponseReader*>(reader)->*Read)({data, size})) return size;
    } catch (...) {  // no memory
    }
    return CURL_WRITEFUNC_ERROR;  // ends the transfer
  }

  std::string token_;
  CurlOptions options_;
  std::string_view flaw_;  // why no request can be sent; empty if it can
  std::mutex mutex_;
  std::vector<detail::curl::Connection> idle_;
};

static_assert(Transport<CurlTransport>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
