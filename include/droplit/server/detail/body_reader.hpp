// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Boost.Beast's parser accepts chunks that two parties can read in two ways, and throws at long trailers
// (docs/server.md). `HttpSession` reads the bodies of requests with this strict state machine instead, which takes one
// byte of framing at a time, and the body's own bytes as views.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reads a body in pieces as they arrive: as many bytes as `content-length` announced, or chunks.
///
/// Chunks (RFC 9112, section 7.1) are read strictly: exact line ends, sizes of at most 16 hex digits, no spaces around
/// sizes and extensions (the RFC lets servers accept some there; ours). Extensions and trailers are checked by their
/// grammar, within limits, and dropped. The length of the body also limits all bytes that are not the body's own.
class BodyReader {
 public:
  enum class State : std::uint8_t {
    more,   ///< all of `input` was taken, and more of the body follows
    piece,  ///< read on
    end,    ///< the body and its trailers are complete; `input` begins with the next request
    bad,    ///< malformed; the connection cannot be used any longer
  };

  static constexpr std::uint32_t max_extensions = 4096;  ///< bytes, in all chunks together
  static constexpr std::uint32_t max_trailers = 4096;    ///< bytes
  static constexpr std::uint32_t max_trailer_fields = 32;
  static constexpr std::uint32_t framing_grace = 16'384;  ///< bytes of sizes, line ends, extensions and trailers
  static constexpr std::uint32_t framing_rate = 8;  ///< such bytes for each byte of the body, beyond the grace; the
                                                    ///< shortest form of a chunk of one byte has 5

  /// Reads chunks.
  constexpr BodyReader() noexcept = default;

  /// Reads `length` bytes.
  constexpr explicit BodyReader(std::uint64_t length) noexcept
      : left_(length), after_data_(At::end), at_(length == 0 ? At::end : At::data) {}

  /// Takes bytes off the front of `input`, up to the end of a piece of the body: `data`, which may be empty.
  constexpr State read(std::string_view& input, std::string_view& data) noexcept {
    data = {};
    while (!input.empty() && at_ != At::end) {
      if (at_ == At::data) {
        data = input.substr(0, static_cast<std::size_t>((std::min<std::uint64_t>)(left_, input.size())));
        input.remove_prefix(data.size());
        left_ -= data.size();
        framing_left_ += data.size() * framing_rate;
        if (left_ != 0) return State::more;
        at_ = after_data_;
        return at_ == At::end ? State::end : State::piece;
      }
      const char c = input.front();
      input.remove_prefix(1);
      if (framing_left_-- == 0 || !step(c)) at_ = At::bad;
      if (at_ == At::bad) return State::bad;
    }
    return at_ == At::end ? State::end : State::more;
  }

  /// How much of the body, or of its current chunk, has yet to come.
  [[nodiscard]] constexpr std::uint64_t announced() const noexcept { return at_ == At::data ? left_ : 0; }

 private:
  // clang-format off
  enum class At : std::uint8_t {
    size_start, size, extension_name_start, extension_name, extension_value_start, extension_token, extension_quoted,
    extension_escape, extension_end, size_lf, data, data_cr, data_lf, trailer_start, trailer_name, trailer_value,
    trailer_lf, last_lf, end, bad,
  };
  // clang-format on

  constexpr bool go(At at) noexcept {
    at_ = at;
    return true;
  }

  constexpr bool step(char c) noexcept {
    if (at_ > At::size && at_ < At::size_lf && ++extensions_ > max_extensions) return false;
    switch (at_) {
      case At::size_start: return add_digit(c) && go(At::size);
      case At::size:
        if (c == '\r') return go(At::size_lf);
        return c == ';' ? go(At::extension_name_start) : add_digit(c);
      case At::extension_name_start: return is_token_character(c) && go(At::extension_name);
      case At::extension_name:
        if (c == '=') return go(At::extension_value_start);
        return is_token_character(c) || end_extension(c);
      case At::extension_value_start:
        return c == '"' ? go(At::extension_quoted) : is_token_character(c) && go(At::extension_token);
      case At::extension_token: return is_token_character(c) || end_extension(c);
      case At::extension_quoted:
        if (c == '"') return go(At::extension_end);
        return c == '\\' ? go(At::extension_escape) : is_field_character(c);
      case At::extension_escape: return is_field_character(c) && go(At::extension_quoted);
      case At::extension_end: return end_extension(c);
      case At::size_lf: return c == '\n' && go(left_ == 0 ? At::trailer_start : At::data);
      case At::data_cr: return c == '\r' && go(At::data_lf);
      case At::data_lf: digits_ = 0; return c == '\n' && go(At::size_start);
      case At::last_lf: return c == '\n' && go(At::end);
      case At::trailer_start:
        if (c == '\r') return go(At::last_lf);
        return ++trailer_fields_ <= max_trailer_fields && count_trailer() && is_token_character(c) &&
               go(At::trailer_name);
      case At::trailer_name: return count_trailer() && (c == ':' ? go(At::trailer_value) : is_token_character(c));
      case At::trailer_value: return count_trailer() && (c == '\r' ? go(At::trailer_lf) : is_field_character(c));
      case At::trailer_lf: return count_trailer() && c == '\n' && go(At::trailer_start);
      default: return false;
    }
  }

  constexpr bool end_extension(char c) noexcept {
    if (c == ';') return go(At::extension_name_start);
    return c == '\r' && go(At::size_lf);
  }

  constexpr bool add_digit(char c) noexcept {
    const int digit = hex_value(c);
    if (digit < 0 || digits_++ == 16) return false;
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    return true;
  }

  constexpr bool count_trailer() noexcept { return ++trailers_ <= max_trailers; }

  std::uint64_t left_ = 0;  // of the body, or of this chunk
  std::uint64_t framing_left_ = framing_grace;
  std::uint32_t extensions_ = 0;
  std::uint32_t trailers_ = 0;
  std::uint32_t trailer_fields_ = 0;
  std::uint8_t digits_ = 0;
  At after_data_ = At::data_cr;
  At at_ = At::size_start;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
