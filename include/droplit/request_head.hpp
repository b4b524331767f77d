// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/content_type.hpp>
#include <droplit/detail/lasting_text.hpp>
#include <droplit/http.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What the contract reads of a request's head, as views into the server's own buffers; nothing is copied.
///
///     RequestHead head(request.method, request.target);
///     for (auto& field : request.fields) head.add(field.name, field.value);
///
/// Method, target and values must outlive their use: a temporary that owns its characters, such as a `std::string` that
/// is returned by value, does not compile.
class RequestHead {
 public:
  /// A field that may stand once: how often it stands, and the first value.
  struct SingletonField {
    unsigned count = 0;
    std::string_view value;
  };

  constexpr RequestHead(detail::LastingText method, detail::LastingText target) noexcept
      : method_(method.view().value_or("")), target_(target.view().value_or("")) {}

  /// Every field line, once for each time it was received, in any order; the ones the contract does not read are
  /// dropped. An absent value, such as a null pointer, adds nothing.
  constexpr void add(std::string_view name, detail::LastingText text) noexcept {
    using detail::equals_ignoring_case;
    if (!text.view()) return;
    const std::string_view value = *text.view();
    if (equals_ignoring_case(name, "authorization")) {
      note(authorization_, value);
    } else if (equals_ignoring_case(name, "content-type")) {
      note(content_type_, value);
    } else if (equals_ignoring_case(name, "content-encoding")) {
      note_encoding(value);
    } else if (equals_ignoring_case(name, "content-length")) {
      note_length(detail::trim(value));
    }
  }

  [[nodiscard]] constexpr std::string_view method() const noexcept { return method_; }
  [[nodiscard]] constexpr std::string_view target() const noexcept { return target_; }
  [[nodiscard]] constexpr SingletonField authorization() const noexcept { return authorization_; }
  [[nodiscard]] constexpr SingletonField content_type() const noexcept { return content_type_; }

  /// Whether a content-encoding other than identity was applied to the body.
  [[nodiscard]] constexpr bool encoded() const noexcept { return encoded_; }

  /// The length that was announced, in bytes, if one was.
  [[nodiscard]] constexpr std::optional<std::uint64_t> announced_length() const noexcept { return length_; }

  /// Whether the announced length is not a number of 64 bits, or two that differ. It is a framing error.
  [[nodiscard]] constexpr bool length_malformed() const noexcept { return length_malformed_; }

 private:
  static constexpr void note(SingletonField& field, std::string_view value) noexcept {
    if (field.count++ == 0) field.value = detail::trim(value);
  }

  constexpr void note_encoding(std::string_view value) noexcept {
    if (!detail::is_identity_encoding(value)) encoded_ = true;
  }

  constexpr void note_length(std::string_view value) noexcept {
    constexpr std::uint64_t most = (std::numeric_limits<std::uint64_t>::max)();
    std::uint64_t length = 0;
    for (const char c : value) {
      if (c < '0' || c > '9') {
        length_malformed_ = true;
        return;
      }
      const auto digit = static_cast<std::uint64_t>(c - '0');
      if (length > (most - digit) / 10) {
        length_malformed_ = true;
        return;
      }
      length = length * 10 + digit;
    }
    if (value.empty() || (length_ && *length_ != length)) length_malformed_ = true;
    length_ = length;
  }

  std::string_view method_;
  std::string_view target_;
  SingletonField authorization_;
  SingletonField content_type_;
  std::optional<std::uint64_t> length_;
  bool encoded_ = false;
  bool length_malformed_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
