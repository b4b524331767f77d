// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/content_type.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/http/head_field.hpp>
#include <droplit/detail/http/trace_fields.hpp>
#include <droplit/detail/lasting_text.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {
class HeadParser;
}

/// What the contract reads of a request's head, as views of the server's own buffers; nothing is copied.
///
///     RequestHead head(request.method, request.target);
///     for (auto& field : request.fields) head.add(field.name, field.value);
///
/// Method, target and values must outlive their use: a temporary that owns its characters, such as a `std::string` that
/// is returned by value, does not compile.
class RequestHead {
 public:
  /// A field that must not be repeated: how many lines it has, and the first one's value.
  struct SingletonField {
    unsigned count = 0;      ///< of lines
    std::string_view value;  ///< of the first line
  };

  /// The head of a request line, without fields yet.
  constexpr RequestHead(detail::LastingText method, detail::LastingText target) noexcept
      : method_(method.view().value_or("")), target_(target.view().value_or("")) {}

  /// Adds a field line; every line that was received is to be added, in any order. Those that the contract does not
  /// read are dropped. An absent value, such as a null pointer, adds nothing.
  constexpr void add(std::string_view name, detail::LastingText text) noexcept {
    if (text.view()) add_known(detail::head_field(name).field, detail::trim(*text.view()));
  }

  [[nodiscard]] constexpr std::string_view method() const noexcept { return method_; }  ///< case counts
  /// As it was received, not decoded.
  [[nodiscard]] constexpr std::string_view target() const noexcept { return target_; }
  [[nodiscard]] constexpr SingletonField authorization() const noexcept { return authorization_; }  ///< the token
  [[nodiscard]] constexpr SingletonField content_type() const noexcept { return content_type_; }    ///< of the body
  /// Of the create, as it was received.
  [[nodiscard]] constexpr SingletonField idempotency_key() const noexcept { return idempotency_key_; }

  ///@{
  /// What identifies the request in logs and traces: the values of `x-request-id` and `traceparent`; empty if a field
  /// is absent, repeated or malformed (see `RequestBegan`).
  [[nodiscard]] constexpr std::string_view request_id() const noexcept {
    return request_id_.count == 1 && detail::is_request_id(request_id_.value) ? request_id_.value : std::string_view();
  }
  [[nodiscard]] constexpr std::string_view traceparent() const noexcept {
    return traceparent_.count == 1 && detail::is_traceparent(traceparent_.value) ? traceparent_.value
                                                                                 : std::string_view();
  }
  ///@}

  /// Whether a content-encoding other than identity was applied to the body.
  [[nodiscard]] constexpr bool encoded() const noexcept { return encoded_; }

  /// The length that was announced, in bytes, if one was.
  [[nodiscard]] constexpr std::optional<std::uint64_t> announced_length() const noexcept { return length_; }

  /// Whether an announced length is not a number of 64 bits, or two of them differ: a framing error.
  [[nodiscard]] constexpr bool length_malformed() const noexcept { return length_malformed_; }

 private:
  friend class detail::HeadParser;  // it has looked up the field already

  // `value` has no spaces around it.
  constexpr void add_known(detail::HeadField field, std::string_view value) noexcept {
    switch (field) {
      case detail::HeadField::authorization: return add_to(authorization_, value);
      case detail::HeadField::content_type: return add_to(content_type_, value);
      case detail::HeadField::content_encoding:
        if (!detail::is_identity_encoding(value)) encoded_ = true;
        return;
      case detail::HeadField::content_length: return add_length(value);
      case detail::HeadField::idempotency_key: return add_to(idempotency_key_, value);
      case detail::HeadField::request_id: return add_to(request_id_, value);
      case detail::HeadField::traceparent: return add_to(traceparent_, value);
      default: return;
    }
  }

  static constexpr void add_to(SingletonField& field, std::string_view value) noexcept {
    if (field.count++ == 0) field.value = value;
  }

  constexpr void add_length(std::string_view value) noexcept {
    const std::optional<std::uint64_t> length = detail::parse_decimal(value);
    if (!length || (length_ && *length_ != *length)) length_malformed_ = true;
    if (length) length_ = length;
  }

  std::string_view method_;
  std::string_view target_;
  SingletonField authorization_;
  SingletonField content_type_;
  SingletonField idempotency_key_;
  SingletonField request_id_;
  SingletonField traceparent_;
  std::optional<std::uint64_t> length_;
  bool encoded_ = false;
  bool length_malformed_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
