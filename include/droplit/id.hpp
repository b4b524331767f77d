// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <array>
#include <bit>
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
  static constexpr char letter = 'C';
};

/// The tag of a client's id: no letter, but one ASCII letter before the digits is taken and kept, because other objects
/// of the vendor have one. An id made by this library never has it (ours: no page shows a client's id).
struct ClientTag {
  static constexpr char letter = '\0';
};

namespace detail {

/// The value of a hex digit, or -1.
constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The four bytes that eight hex digits write, the first one lowest; false if one of them is none. All at once: each
/// digit is turned into a value as if it were one, and that is turned back and compared.
constexpr bool read_hex8(const char* digits, std::uint32_t& bytes) noexcept {
  std::uint64_t text = 0;  // the first digit lowest
  if (!std::is_constant_evaluated() && std::endian::native == std::endian::little) {
    std::memcpy(&text, digits, sizeof text);
  } else {
    for (int i = 0; i != 8; ++i) text |= std::uint64_t{static_cast<unsigned char>(digits[i])} << (8 * i);
  }
  constexpr std::uint64_t each = 0x0101010101010101;
  const std::uint64_t values = (text & each * 0x0F) + (text >> 6 & each) * 9;
  const std::uint64_t letters = (values + each * 0x76) >> 7 & each;  // of values from 10
  if ((values & each * 0xF0) != 0 || values + each * '0' + letters * ('a' - '0' - 10) != (text | letters << 5)) {
    return false;
  }
  std::uint64_t pairs = (values << 4 | values >> 8) & 0x00FF00FF00FF00FF;
  pairs = (pairs | pairs >> 8) & 0x0000FFFF0000FFFF;
  bytes = static_cast<std::uint32_t>(pairs | pairs >> 16);
  return true;
}

/// Writes four bytes, the first one lowest, as eight lower-case digits.
constexpr void write_hex8(std::uint32_t bytes, char* out) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101;
  std::uint64_t values = bytes;
  values = (values | values << 16) & 0x0000FFFF0000FFFF;
  values = (values | values << 8) & 0x00FF00FF00FF00FF;
  values = (values >> 4 | values << 8) & each * 0x0F;
  const std::uint64_t letters = (values + each * 0x76) >> 7 & each;  // of values from 10
  const std::uint64_t text = values + each * '0' + letters * ('a' - '0' - 10);
  if (!std::is_constant_evaluated() && std::endian::native == std::endian::little) {
    std::memcpy(out, &text, sizeof text);
  } else {
    for (int i = 0; i != 8; ++i) out[i] = static_cast<char>(text >> (8 * i));
  }
}

inline void malformed_literal() {}  // not constexpr: reached in a constant expression, it is the compile error

struct FixedLetter {
  constexpr auto operator<=>(const FixedLetter&) const noexcept = default;
};

struct KeptLetter {
  char value = '\0';
  constexpr auto operator<=>(const KeptLetter&) const noexcept = default;
};

}  // namespace detail

/// An id of one kind of object: twelve bytes, written as 24 hex digits behind the letter of its kind.
///
/// Digits are read in either case and written in lower case. Ids of different kinds neither compare nor convert.
template <class Tag>
class Id {
  static constexpr bool fixed_letter = Tag::letter != '\0';

 public:
  using Bytes = std::array<std::uint8_t, 12>;

  /// The longest text of such an id, in characters.
  static constexpr std::size_t max_size = 25;

  constexpr explicit Id(const Bytes& bytes) noexcept : bytes_(bytes) {}

  /// The id written in `text`, or nothing if `text` is not exactly one well-formed id.
  static constexpr std::optional<Id> parse(std::string_view text) noexcept {
    Id id{Bytes{}};
    if (text.size() == max_size) {
      if constexpr (fixed_letter) {
        if (text[0] != Tag::letter) return std::nullopt;
      } else {
        const char c = text[0];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return std::nullopt;
        id.letter_.value = c;
      }
      text.remove_prefix(1);
    } else if (fixed_letter || text.size() != max_size - 1) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i != 12; i += 4) {
      std::uint32_t four = 0;
      if (!detail::read_hex8(text.data() + 2 * i, four)) return std::nullopt;
      if (!std::is_constant_evaluated() && std::endian::native == std::endian::little) {
        std::memcpy(id.bytes_.data() + i, &four, sizeof four);
      } else {
        for (std::size_t j = 0; j != 4; ++j) id.bytes_[i + j] = static_cast<std::uint8_t>(four >> (8 * j));
      }
    }
    return id;
  }

  /// Writes the text to `out`, which has room for `max_size` characters, and returns its end. No NUL is written.
  constexpr char* write(char* out) const noexcept {
    if (letter() != '\0') *out++ = letter();
    for (std::size_t i = 0; i != 12; i += 4, out += 8) {
      std::uint32_t four = 0;
      if (!std::is_constant_evaluated() && std::endian::native == std::endian::little) {
        std::memcpy(&four, bytes_.data() + i, sizeof four);
      } else {
        for (std::size_t j = 0; j != 4; ++j) four |= std::uint32_t{bytes_[i + j]} << (8 * j);
      }
      detail::write_hex8(four, out);
    }
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

  /// The twelve bytes; they do not tell a client id's letter, if it has one.
  [[nodiscard]] constexpr const Bytes& bytes() const& noexcept { return bytes_; }
  [[nodiscard]] constexpr Bytes bytes() const&& noexcept { return bytes_; }

  constexpr auto operator<=>(const Id&) const noexcept = default;

 private:
  Bytes bytes_;
  [[no_unique_address]] std::conditional_t<fixed_letter, detail::FixedLetter, detail::KeptLetter> letter_{};
};

using EcosystemId = Id<EcosystemTag>;
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

/// Not keyed: for ids that a program made or accepted itself, not for tables that a stranger can fill.
template <class Tag>
struct std::hash<droplit::Id<Tag>> {
  std::size_t operator()(const droplit::Id<Tag>& id) const noexcept {
    std::uint64_t head = 0;
    std::uint32_t tail = 0;
    std::memcpy(&head, id.bytes().data(), sizeof head);
    std::memcpy(&tail, id.bytes().data() + sizeof head, sizeof tail);
    head = (head ^ (std::uint64_t{tail} << 17)) * 0x9E3779B97F4A7C15u;
    head = (head ^ (head >> 32) ^ tail) * 0xD6E8FEB86659FD93u;
    return std::hash<std::uint64_t>()(head ^ (head >> 32));
  }
};
