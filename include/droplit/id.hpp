// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/print.hpp>

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The tag of an ecosystem's id: always the letter `C` before the digits (source: the API's page "Create a client").
struct EcosystemTag {
  static constexpr char letter = 'C';  ///< before the digits
};

/// The tag of a client's id: no letter. One ASCII letter before the digits is accepted and preserved, because other
/// objects of the vendor have one; an id made by this library never has it (ours: no page shows a client's id).
struct ClientTag {
  static constexpr char letter = '\0';  ///< none is required
};

namespace detail {

/// The two lower-case digits of each byte.
inline constexpr auto hex_pairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t byte = 0; byte != pairs.size(); ++byte) pairs[byte] = {hex_digits[byte >> 4], hex_digits[byte & 15]};
  return pairs;
}();

inline void malformed_literal() {}  // not constexpr: calling it in a constant expression is the compile error

struct FixedLetter {
  constexpr auto operator<=>(const FixedLetter&) const noexcept = default;
};

struct KeptLetter {
  char value = '\0';
  constexpr auto operator<=>(const KeptLetter&) const noexcept = default;
};

}  // namespace detail

/// An id of one kind of object: twelve bytes, written as 24 hex digits after the letter of its kind.
///
/// Digits are read in either case and written in lower case. Ids of different kinds neither compare nor convert.
template <class Tag>
class Id {
  static constexpr bool fixed_letter = Tag::letter != '\0';

 public:
  /// What the digits say, most significant byte first.
  using Bytes = std::array<std::uint8_t, 12>;

  /// The longest text of such an id, in characters.
  static constexpr std::size_t max_size = 25;

  /// The id of these bytes, without an optional letter.
  constexpr explicit Id(const Bytes& bytes) noexcept : bytes_(bytes) {}

  /// The id written in `text`, or nothing if `text` is not exactly one well-formed id.
  static constexpr std::optional<Id> parse(std::string_view text) noexcept {
    Id id{Bytes{}};
    if (text.size() == max_size) {
      if constexpr (fixed_letter) {
        if (text[0] != Tag::letter) return std::nullopt;
      } else {
        if (!detail::is_letter(text[0])) return std::nullopt;
        id.letter_.value = text[0];
      }
      text.remove_prefix(1);
    } else if (fixed_letter || text.size() != max_size - 1) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i != id.bytes_.size(); ++i) {
      const int high = detail::hex_value(text[2 * i]);
      const int low = detail::hex_value(text[2 * i + 1]);
      if (high < 0 || low < 0) return std::nullopt;
      id.bytes_[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return id;
  }

  /// Writes the text to `out`, which has room for `max_size` characters, and returns its end. No NUL is written.
  constexpr char* write(char* out) const noexcept {
    if (letter() != '\0') *out++ = letter();
    for (const std::uint8_t byte : bytes_) out = std::copy_n(detail::hex_pairs[byte].data(), 2, out);
    return out;
  }

  /// The canonical text: the letter, if any, and 24 lower-case digits.
  [[nodiscard]] std::string text() const {
    char buffer[max_size];
    return {buffer, write(buffer)};
  }

  /// The letter before the digits; U+0000 if there is none.
  [[nodiscard]] constexpr char letter() const noexcept {
    if constexpr (fixed_letter) {
      return Tag::letter;
    } else {
      return letter_.value;
    }
  }

  /// The twelve bytes. A client id's letter, if it has one, is not part of them.
  [[nodiscard]] constexpr const Bytes& bytes() const& noexcept { return bytes_; }
  [[nodiscard]] constexpr Bytes bytes() const&& noexcept { return bytes_; }

  constexpr auto operator<=>(const Id&) const noexcept = default;

 private:
  Bytes bytes_;
  [[no_unique_address]] std::conditional_t<fixed_letter, detail::FixedLetter, detail::KeptLetter> letter_{};
};

template <class Tag>
struct detail::Print<Id<Tag>> : PrintText<Id<Tag>> {};

/// The id of an ecosystem: `C594b89aea18568c408c3ad24`.
using EcosystemId = Id<EcosystemTag>;
/// The id of a client: `594b89aea18568c408c3ad25`.
using ClientId = Id<ClientTag>;

inline namespace literals {

/// `"C594b89aea18568c408c3ad24"_ecosystem_id`; a text that is not an ecosystem id does not compile.
consteval EcosystemId operator""_ecosystem_id(const char* text, std::size_t size) {
  const auto id = EcosystemId::parse({text, size});
  if (!id) detail::malformed_literal();
  return *id;
}

/// `"594b89aea18568c408c3ad25"_client_id`; a text that is not a client id does not compile.
consteval ClientId operator""_client_id(const char* text, std::size_t size) {
  const auto id = ClientId::parse({text, size});
  if (!id) detail::malformed_literal();
  return *id;
}

}  // namespace literals
}  // namespace droplit::inline DROPLIT_DETAIL_ABI

/// Not keyed: for ids that a program made or accepted itself, not for tables that untrusted callers can fill.
template <class Tag>
struct std::hash<droplit::Id<Tag>> {
  std::size_t operator()(const droplit::Id<Tag>& id) const noexcept {
    std::uint64_t head = 0;
    std::uint32_t tail = 0;
    std::memcpy(&head, id.bytes().data(), sizeof head);
    std::memcpy(&tail, id.bytes().data() + sizeof head, sizeof tail);
    head ^= head >> 32;  // a product's low bits are those of low bits alone
    head = (head ^ (std::uint64_t{tail} << 17)) * 0x9E3779B97F4A7C15u;
    head = (head ^ (head >> 32) ^ tail) * 0xD6E8FEB86659FD93u;
    return std::hash<std::uint64_t>()(head ^ (head >> 32));
  }
};
