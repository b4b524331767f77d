// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// A client as the bytes that a `MemoryStorage` keeps of it, which never change:
//
//     id    ecosystem   time, type, letter of the id   size of each text   texts
//     12    12          8                              1 or more each
//
// A size is written as seven bits a byte, the low ones first, the highest bit set in all but the last; 0 is a text that
// is absent, and others are one more than the size.

#include <droplit/client.hpp>
#include <droplit/client_texts.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory {

/// A view of a packed client; by default of none.
class PackedClient {
 public:
  PackedClient() = default;
  /// Of the client that was packed there.
  explicit PackedClient(const unsigned char* at) noexcept : at_(at) {}

  /// How many bytes `pack` writes.
  static std::size_t size(const Client& client) noexcept {
    std::size_t size = texts_at;
    for (const std::optional<Text>& text : client.texts()) {
      const std::size_t written = number_of(text);
      for (std::size_t rest = written; rest > 127; rest >>= 7) ++size;
      size += written != 0 ? written : 1;
    }
    return size;
  }

  static PackedClient pack(const Client& client, unsigned char* at) noexcept {
    const std::uint64_t facts =
        static_cast<std::uint64_t>(client.created_at().unix_millis() - Timestamp::min_unix_millis) |
        std::uint64_t{static_cast<std::uint8_t>(client.type())} << type_bit |
        std::uint64_t{static_cast<std::uint8_t>(client.id().letter())} << letter_bit;
    std::memcpy(at, client.id().bytes().data(), id_size);
    std::memcpy(at + ecosystem_at, client.ecosystem_id().bytes().data(), id_size);
    std::memcpy(at + facts_at, &facts, sizeof facts);
    unsigned char* out = at + texts_at;
    for (const std::optional<Text>& text : client.texts()) {
      std::size_t rest = number_of(text);
      for (; rest > 127; rest >>= 7) *out++ = static_cast<unsigned char>(rest | 128);
      *out++ = static_cast<unsigned char>(rest);
    }
    for (const std::optional<Text>& text : client.texts()) {
      if (!text || text->str().empty()) continue;
      std::memcpy(out, text->str().data(), text->str().size());
      out += text->str().size();
    }
    return PackedClient(at);
  }

  [[nodiscard]] bool has_value() const noexcept { return at_ != nullptr; }  ///< it is a view of a client
  [[nodiscard]] bool has_id(ClientId id) const noexcept {
    return std::memcmp(at_, id.bytes().data(), id_size) == 0 && letter() == id.letter();
  }
  [[nodiscard]] EcosystemId ecosystem_id() const noexcept { return EcosystemId(bytes(ecosystem_at)); }
  [[nodiscard]] Timestamp created_at() const noexcept {
    const std::uint64_t millis = facts() & ((std::uint64_t{1} << type_bit) - 1);
    return Timestamp::clamp_unix_millis(static_cast<std::int64_t>(millis) + Timestamp::min_unix_millis);
  }

  [[nodiscard]] Client unpack() const {
    const unsigned char* in = at_ + texts_at;
    std::array<std::size_t, text_count> numbers{};
    for (std::size_t& number : numbers) {
      int shift = 0;
      for (; *in > 127; shift += 7) number |= std::size_t{*in++ & 127U} << shift;
      number |= std::size_t{*in++} << shift;
    }
    ClientTexts::Array texts;
    for (std::size_t i = 0; i != texts.size(); ++i) {
      if (numbers[i] == 0) continue;
      const std::size_t text_size = numbers[i] - 1;
      texts[i] = Text::parse(std::string(reinterpret_cast<const char*>(in), text_size));
      in += text_size;
    }
    return {id(), created_at(), ecosystem_id(), static_cast<ClientType>(facts() >> type_bit & 255),
            ClientTexts(std::move(texts))};
  }

 private:
  static constexpr std::size_t id_size = sizeof(ClientId::Bytes);
  static constexpr std::size_t ecosystem_at = id_size;
  static constexpr std::size_t facts_at = 2 * id_size;
  static constexpr std::size_t texts_at = facts_at + sizeof(std::uint64_t);
  static constexpr int type_bit = 49;
  static constexpr int letter_bit = 57;
  static_assert(Timestamp::max_unix_millis - Timestamp::min_unix_millis < std::int64_t{1} << type_bit);
  static_assert(sizeof(ClientType) == 1);

  // One more than the size of the text; 0 if it is absent.
  static std::size_t number_of(const std::optional<Text>& text) noexcept { return text ? text->str().size() + 1 : 0; }

  [[nodiscard]] ClientId::Bytes bytes(std::size_t at) const noexcept {
    ClientId::Bytes bytes;
    std::memcpy(bytes.data(), at_ + at, id_size);
    return bytes;
  }
  [[nodiscard]] std::uint64_t facts() const noexcept {
    std::uint64_t facts = 0;
    std::memcpy(&facts, at_ + facts_at, sizeof facts);
    return facts;
  }
  [[nodiscard]] char letter() const noexcept { return static_cast<char>(facts() >> letter_bit); }

  // As the constructor of an id takes no letter, it is read from the text.
  [[nodiscard]] ClientId id() const {
    const ClientId without(bytes(0));
    return letter() == '\0' ? without : *ClientId::parse(letter() + without.text());
  }

  const unsigned char* at_ = nullptr;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory
