// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Boost.Beast's parser accepts framing that two parties can read in two ways (docs/server.md). `HttpSession` reads the
// heads of requests with these two strict readers instead: `HeadScanner` finds the end of a head while its bytes
// arrive, and `HeadParser` then takes the complete head apart, as views of the same bytes.

#include <droplit/api_errc.hpp>
#include <droplit/detail/bytes16.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/http/head_field.hpp>
#include <droplit/detail/http/host.hpp>
#include <droplit/request_head.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Finds the end of a request's head while it arrives, and refuses what no head may contain: control characters, a bare
/// CR or LF, too many bytes. A first line that is not HTTP is refused as soon as it is complete.
class HeadScanner {
 public:
  enum class State : std::uint8_t { more, complete, refused };

  /// Continues in `bytes`, all of the head that has arrived so far; a head may have at most `most` of them.
  constexpr State read(std::string_view bytes, std::size_t most) noexcept {
    const std::size_t end = bytes.size() < most ? bytes.size() : most;
    for (;; ++at_) {
      if (!after_cr_) at_ = skip_text(bytes, at_, end);
      if (at_ == end) return at_ == bytes.size() ? State::more : too_long(bytes.substr(0, at_));
      const char c = bytes[at_];
      if (after_cr_ ? c != '\n' : c != '\r' && c != '\t') return refuse(ApiErrc::bad_request);
      after_cr_ = c == '\r';
      if (c != '\n') continue;
      if (at_ + 1 - line_ == 2) {
        ++at_;
        return State::complete;
      }
      if (line_ == 0 && !is_http_line(bytes.substr(0, at_ - 1))) return refuse(ApiErrc::bad_request);
      line_ = at_ + 1;
    }
  }

  /// The size of the complete head, the empty line at its end included.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return at_; }
  [[nodiscard]] constexpr ApiErrc refusal() const noexcept { return refusal_; }

 private:
  static constexpr bool is_http_line(std::string_view line) noexcept {
    return line.size() > 9 && line.substr(line.size() - 9).starts_with(" HTTP/1.");
  }

  // Skips visible characters and spaces.
  static constexpr std::size_t skip_text(std::string_view bytes, std::size_t at, std::size_t end) noexcept {
    if (!std::is_constant_evaluated()) at += text_blocks(bytes.substr(at, end - at));
    while (at != end && (is_visible(bytes[at]) || bytes[at] == ' ')) ++at;
    return at;
  }

  // How many characters at the front of `bytes` it skips, or fewer, but then fewer than a block are left.
  static std::size_t text_blocks(std::string_view bytes) noexcept {
    std::size_t at = 0;
    for (; bytes.size() - at >= Bytes16::size; at += Bytes16::size) {
      const Bytes16 block(bytes.data() + at);
      const unsigned controls = (is_at_most(block, 0x1F) | is_byte(block, 0x7F)).high_bits();
      if (controls != 0) return at + static_cast<std::size_t>(std::countr_zero(controls));
    }
    return at;
  }

  constexpr State too_long(std::string_view head) noexcept {
    if (line_ != 0) return refuse(ApiErrc::header_fields_too_large);
    const bool has_method = !take_token(head).empty() && head.starts_with(' ');
    return refuse(has_method ? ApiErrc::uri_too_long : ApiErrc::bad_request);
  }

  constexpr State refuse(ApiErrc code) noexcept {
    refusal_ = code;
    return State::refused;
  }

  std::size_t at_ = 0;
  std::size_t line_ = 0;  // where the current line begins
  ApiErrc refusal_ = ApiErrc::bad_request;
  bool after_cr_ = false;
};

/// How a request's body is framed, and what becomes of its connection.
struct Framing {
  std::uint64_t length = 0;       ///< of the body, if it is not chunked
  bool chunked = false;           ///< `length` is 0
  bool persistent = false;        ///< the peer wants to use the connection again
  bool http_1_0 = false;          ///< a response must say so if the connection stays
  bool expects_continue = false;  ///< the peer may wait for 100 Continue; HTTP/1.0 has none
};

/// A request's head, as views.
struct ParsedHead {
  RequestHead request{{}, {}};
  std::string_view lines;  ///< all field lines, each ended by CR LF
  Framing framing;
};

/// Parses a head that `HeadScanner` found complete. The error, if there is one, is the response: what RFC 9112 lets be
/// read in two ways is refused, even where it lets a server choose.
class HeadParser {
 public:
  static constexpr std::size_t max_fields = 100;

  static constexpr std::optional<ApiErrc> read(std::string_view head, ParsedHead& out) noexcept {
    return HeadParser(out).run(head);
  }

 private:
  constexpr explicit HeadParser(ParsedHead& out) noexcept : out_(out), framing_(out.framing) {}

  constexpr std::optional<ApiErrc> run(std::string_view head) noexcept {
    if (!start_line(take_line(head))) return ApiErrc::bad_request;
    out_.lines = head.substr(0, head.size() - 2);
    std::size_t count = 0;
    for (std::string_view line = take_line(head); !line.empty(); line = take_line(head)) {
      if (++count > max_fields) return ApiErrc::header_fields_too_large;
      const std::string_view name = take_token(line);  // empty if the line begins with a space, which folds it
      if (name.empty() || !line.starts_with(':')) return ApiErrc::bad_request;
      if (!field(head_field(name).field, trim(line.substr(1)))) return ApiErrc::bad_request;
    }
    if (hosts_ != 1 && !(framing_.http_1_0 && hosts_ == 0)) return ApiErrc::bad_request;
    const auto length = out_.request.announced_length();
    if (out_.request.length_malformed() || (framing_.chunked && (length || framing_.http_1_0)))
      return ApiErrc::bad_request;
    framing_.length = length.value_or(0);
    framing_.persistent = !close_ && (!framing_.http_1_0 || keep_alive_);
    if (framing_.http_1_0) framing_.expects_continue = false;
    return std::nullopt;
  }

  // `method SP target SP HTTP/1.x`, with exactly these spaces. Minor versions beyond 1 are read as 1 (RFC 9110, 2.5).
  constexpr bool start_line(std::string_view line) noexcept {
    const std::string_view method = take_token(line);
    if (method.empty() || !line.starts_with(' ')) return false;
    line.remove_prefix(1);
    const std::string_view target = take_until(line, ' ');
    if (target.empty() || target.find('\t') != std::string_view::npos) return false;
    if (line.size() != 8 || !line.starts_with("HTTP/1.") || !is_digit(line.back())) return false;
    framing_.http_1_0 = line.back() == '0';
    out_.request = RequestHead(method, target);
    return true;
  }

  constexpr bool field(HeadField field, std::string_view value) noexcept {
    switch (field) {
      case HeadField::host: return ++hosts_ == 1 && is_host(value);
      case HeadField::transfer_encoding:
        if (framing_.chunked || !equals_ignoring_case(value, "chunked")) return false;
        framing_.chunked = true;
        return true;
      case HeadField::connection:
        while (!value.empty()) {
          const std::string_view option = trim(take_until(value, ','));
          if (equals_ignoring_case(option, "close")) close_ = true;
          if (equals_ignoring_case(option, "keep-alive")) keep_alive_ = true;
        }
        return true;
      case HeadField::expect:
        if (equals_ignoring_case(value, "100-continue")) framing_.expects_continue = true;
        return true;
      default: out_.request.add_known(field, value); return true;
    }
  }

  static constexpr std::string_view take_line(std::string_view& text) noexcept {
    const std::string_view line = text.substr(0, text.find('\r'));
    text.remove_prefix(line.size() + 2);
    return line;
  }

  ParsedHead& out_;
  Framing& framing_;
  unsigned hosts_ = 0;
  bool close_ = false;
  bool keep_alive_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
