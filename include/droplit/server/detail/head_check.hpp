// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/http/head_field.hpp>
#include <droplit/detail/http/host.hpp>
#include <droplit/request_head.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// What a byte of a head may be part of.
struct HeadBytes {
  std::array<bool, 256> plain{};  // neither a control character nor a space
  std::array<bool, 256> token{};

  constexpr HeadBytes() noexcept {
    for (std::size_t i = 0; i != 256; ++i) {
      plain[i] = i > 0x20 && i != 0x7F;
      token[i] = is_token_character(static_cast<char>(i));
    }
  }
};
inline constexpr HeadBytes head_bytes;

/// Finds the end of a request's head in bytes that arrive bit by bit, and what no head may hold: control characters, a
/// bare CR or LF, too much of it. A first line that is not HTTP is told as soon as it is there.
class HeadScanner {
 public:
  enum class State : std::uint8_t { more, complete, refused };

  /// Reads on in `bytes`, which are all of the head that arrived, from its first on; a head may have `most` of them.
  constexpr State read(std::string_view bytes, std::size_t most) noexcept {
    const std::size_t end = bytes.size() < most ? bytes.size() : most;
    for (;; ++at_) {
      if (!after_cr_) at_ = skip_plain(bytes, at_, end);
      if (at_ == end) return at_ == bytes.size() ? State::more : too_long(bytes.substr(0, at_));
      const char c = bytes[at_];
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
  }

  /// The size of the head that is complete, the empty line at its end included.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return at_; }
  [[nodiscard]] constexpr ApiErrc refusal() const noexcept { return refusal_; }

 private:
  static constexpr bool is_http_line(std::string_view line) noexcept {
    return line.size() > 9 && line.substr(line.size() - 9).starts_with(" HTTP/1.");
  }

  static constexpr std::size_t skip_plain(std::string_view bytes, std::size_t at, std::size_t end) noexcept {
    while (!std::is_constant_evaluated() && end - at >= 8 && all_plain(bytes.data() + at)) at += 8;
    while (at != end && head_bytes.plain[static_cast<unsigned char>(bytes[at])]) ++at;
    return at;
  }

  // All eight bytes at once.
  static bool all_plain(const char* bytes) noexcept {
    constexpr std::uint64_t each = 0x0101010101010101;
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes, sizeof eight);
    const std::uint64_t deleted = eight ^ each * 0x7F;
    return ((((eight - each * 0x21) & ~eight) | ((deleted - each) & ~deleted)) & each * 0x80) == 0;
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
struct ParsedHead {
  RequestHead request{{}, {}};
  std::uint64_t length = 0;       ///< of the body, if it is not chunked
  bool chunked = false;           ///< length is 0
  bool persistent = false;        ///< the peer wants to use the connection again
  bool old = false;               ///< HTTP/1.0: an answer must say so if the connection stays
  bool expects_continue = false;  ///< the peer may wait for 100 Continue; HTTP/1.0 has none
};

/// Takes a head apart that `HeadScanner` found complete. The error, if there is one, is the answer: what RFC 9112 lets
/// be read in two ways is refused, even where it lets a server choose.
class HeadParser {
 public:
  static constexpr std::size_t max_fields = 100;

  static constexpr std::optional<ApiErrc> read(std::string_view head, ParsedHead& facts) noexcept {
    return HeadParser(facts).run(head);
  }

 private:
  constexpr explicit HeadParser(ParsedHead& facts) noexcept : facts_(facts) {}

  constexpr std::optional<ApiErrc> run(std::string_view head) noexcept {
    if (!start_line(take_line(head))) return ApiErrc::bad_request;
    std::size_t count = 0;
    for (std::string_view line = take_line(head); !line.empty(); line = take_line(head)) {
      if (++count > max_fields) return ApiErrc::header_fields_too_large;
      const std::size_t colon = token_size(line);
      const std::string_view name = line.substr(0, colon);
      // A folded line begins with a space, which no name does.
      if (colon == 0 || colon == line.size() || line[colon] != ':') return ApiErrc::bad_request;
      const std::string_view value = trim(line.substr(colon + 1));
      if (!field(head_field(name).field, value)) return ApiErrc::bad_request;
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
    const std::size_t first = token_size(line);
    if (first == 0 || first == line.size() || line[first] != ' ') return false;
    const std::size_t second = line.find(' ', first + 1);
    if (second == std::string_view::npos || second == first + 1) return false;
    const std::string_view version = line.substr(second + 1);
    if (version.size() != 8 || !version.starts_with("HTTP/1.")) return false;
    const std::string_view target = line.substr(first + 1, second - first - 1);
    if (version[7] < '0' || version[7] > '9' || target.find('\t') != std::string_view::npos) return false;
    facts_.old = version[7] == '0';
    facts_.request = RequestHead(line.substr(0, first), target);
    return true;
  }

  constexpr bool field(HeadField field, std::string_view value) noexcept {
    switch (field) {
      case HeadField::host: return ++hosts_ == 1 && is_host(value);
      case HeadField::transfer_encoding:
        if (facts_.chunked || !equals_ignoring_case(value, "chunked")) return false;
        facts_.chunked = true;
        return true;
      case HeadField::connection:
        while (!value.empty()) {
          const std::string_view option = trim(take_until(value, ','));
          if (equals_ignoring_case(option, "close")) close_ = true;
          if (equals_ignoring_case(option, "keep-alive")) keep_alive_ = true;
        }
        return true;
      case HeadField::expect:
        if (equals_ignoring_case(value, "100-continue")) facts_.expects_continue = true;
        return true;
      default: facts_.request.add(field, value); return true;
    }
  }

  // Of the token that the line begins with.
  static constexpr std::size_t token_size(std::string_view line) noexcept {
    std::size_t size = 0;
    while (size != line.size() && head_bytes.token[static_cast<unsigned char>(line[size])]) ++size;
    return size;
  }

  static constexpr std::string_view take_line(std::string_view& text) noexcept {
    const std::string_view line = text.substr(0, text.find('\r'));
    text.remove_prefix(line.size() + 2);
    return line;
  }

  ParsedHead& facts_;
  unsigned hosts_ = 0;
  bool close_ = false;
  bool keep_alive_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
