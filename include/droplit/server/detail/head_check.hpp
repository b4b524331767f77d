// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../../api_errc.hpp"
#include "../../detail/host.hpp"
#include "../../http.hpp"
#include "../../request_head.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace droplit::detail {

/// Finds the end of a request's head in bytes that arrive bit by bit, and what no head may hold: control characters, a
/// bare CR or LF, too much of it. A first line that is not HTTP is told as soon as it is there.
class HeadScan {
 public:
  enum class State : std::uint8_t { more, complete, refused };

  /// Reads on in `bytes`, which are all of the head that arrived, from its first on; a head may have `most` of them.
  constexpr State read(std::string_view bytes, std::size_t most) noexcept {
    for (; at_ != bytes.size(); ++at_) {
      if (at_ == most) return too_long(bytes.substr(0, at_));
      const char c = bytes[at_];
      if (static_cast<unsigned char>(c) > 0x20 && c != 0x7F && !after_cr_) continue;
      if (after_cr_ ? c != '\n' : c != '\r' && c != ' ' && c != '\t') return refuse(ApiErrc::bad_request);
      after_cr_ = c == '\r';
      if (c != '\n') continue;
      if (at_ + 1 - line_ == 2) {
        ++at_;
        return State::complete;
      }
      if (line_ == 0 && !is_http_line(bytes.substr(0, at_ - 1))) return refuse(ApiErrc::bad_request);
      line_ = at_ + 1;
    }
    return State::more;
  }

  /// The size of the head that is complete, the empty line at its end included.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return at_; }
  [[nodiscard]] constexpr ApiErrc refusal() const noexcept { return refusal_; }

 private:
  static constexpr bool is_http_line(std::string_view line) noexcept {
    return line.size() > 9 && line.substr(line.size() - 9).starts_with(" HTTP/1.");
  }

  constexpr State too_long(std::string_view head) noexcept {
    if (line_ != 0) return refuse(ApiErrc::header_fields_too_large);
    return refuse(is_token(head.substr(0, head.find(' '))) && head.find(' ') != std::string_view::npos
                      ? ApiErrc::uri_too_long
                      : ApiErrc::bad_request);
  }

  constexpr State refuse(ApiErrc code) noexcept {
    refusal_ = code;
    return State::refused;
  }

  std::size_t at_ = 0;
  std::size_t line_ = 0;  // where the line begins that is being read
  ApiErrc refusal_ = ApiErrc::bad_request;
  bool after_cr_ = false;
};

/// What a server reads of a request's head: the contract's part of it, as views, and the framing.
struct HeadFacts {
  RequestHead request{{}, {}};
  std::uint64_t length = 0;       ///< of the body, if it is not chunked
  bool chunked = false;           ///< length is 0
  bool persistent = false;        ///< the peer wants to use the connection again
  bool old = false;               ///< HTTP/1.0: an answer must say so if the connection stays
  bool expects_continue = false;  ///< the peer may wait for 100 Continue; HTTP/1.0 has none
};

/// Takes a head apart that `HeadScan` found complete. The error, if there is one, is the answer: what RFC 9112 lets be
/// read in two ways is refused, even where it lets a server choose.
class HeadReader {
 public:
  static constexpr std::size_t max_fields = 100;

  static constexpr std::optional<ApiErrc> read(std::string_view head, HeadFacts& facts) noexcept {
    return HeadReader(facts).run(head);
  }

 private:
  constexpr explicit HeadReader(HeadFacts& facts) noexcept : facts_(facts) {}

  constexpr std::optional<ApiErrc> run(std::string_view head) noexcept {
    if (!start_line(take_line(head))) return ApiErrc::bad_request;
    std::size_t count = 0;
    for (std::string_view line = take_line(head); !line.empty(); line = take_line(head)) {
      if (++count > max_fields) return ApiErrc::header_fields_too_large;
      const std::size_t colon = line.find(':');
      const std::string_view name = line.substr(0, colon);
      // A folded line begins with a space, which no name does.
      if (colon == std::string_view::npos || !is_token(name)) return ApiErrc::bad_request;
      const std::string_view value = trim(line.substr(colon + 1));
      if (!field(name, value)) return ApiErrc::bad_request;
      facts_.request.add(name, value);
    }
    if (hosts_ != 1 && !(facts_.old && hosts_ == 0)) return ApiErrc::bad_request;
    const auto length = facts_.request.announced_length();
    if (facts_.request.length_malformed() || (facts_.chunked && (length || facts_.old))) return ApiErrc::bad_request;
    facts_.length = length.value_or(0);
    facts_.persistent = !close_ && (!facts_.old || keep_alive_);
    if (facts_.old) facts_.expects_continue = false;
    return std::nullopt;
  }

  // `method SP target SP HTTP/1.x`, with exactly these spaces. Minor versions beyond 1 are read as 1 (RFC 9110, 2.5).
  constexpr bool start_line(std::string_view line) noexcept {
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos || second == first + 1) return false;
    const std::string_view version = line.substr(second + 1);
    if (!is_token(line.substr(0, first)) || version.size() != 8 || !version.starts_with("HTTP/1.")) return false;
    const std::string_view target = line.substr(first + 1, second - first - 1);
    if (version[7] < '0' || version[7] > '9' || target.find('\t') != std::string_view::npos) return false;
    facts_.old = version[7] == '0';
    facts_.request = RequestHead(line.substr(0, first), target);
    return true;
  }

  constexpr bool field(std::string_view name, std::string_view value) noexcept {
    if (equals_ignoring_case(name, "host")) return ++hosts_ == 1 && is_host(value);
    if (equals_ignoring_case(name, "transfer-encoding")) {
      if (facts_.chunked || !equals_ignoring_case(value, "chunked")) return false;
      return facts_.chunked = true;
    }
    if (equals_ignoring_case(name, "connection")) {
      while (!value.empty()) {
        const std::string_view option = trim(value.substr(0, value.find(',')));
        if (equals_ignoring_case(option, "close")) close_ = true;
        if (equals_ignoring_case(option, "keep-alive")) keep_alive_ = true;
        value.remove_prefix(value.find(',') == std::string_view::npos ? value.size() : value.find(',') + 1);
      }
    } else if (equals_ignoring_case(name, "expect")) {
      if (equals_ignoring_case(value, "100-continue")) facts_.expects_continue = true;
    }
    return true;
  }

  static constexpr std::string_view take_line(std::string_view& text) noexcept {
    const std::string_view line = text.substr(0, text.find('\r'));
    text.remove_prefix(line.size() + 2);
    return line;
  }

  HeadFacts& facts_;
  unsigned hosts_ = 0;
  bool close_ = false;
  bool keep_alive_ = false;
};

}  // namespace droplit::detail
