// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Reads the body of a 201 into a client, by the table `client_members`. Used by `read_response`, on the side that asks
// for clients.

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/reader.hpp>
#include <droplit/fields.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reads the body of a 201. Unknown members are ignored, and the last of a repeated one counts.
class ClientReader final : private JsonEvents {
 public:
  /// The client, or nothing if a member is missing, of the wrong type or invalid. A text may be missing or null.
  std::optional<Client> read(std::string_view body) {
    JsonReader reader(*this);
    if (!reader.finish(body)) return std::nullopt;
    const auto created_at = Timestamp::parse(text_of(ClientMember::created_at));
    const auto ecosystem_id = EcosystemId::parse(text_of(Field::ecosystem_id));
    const auto id = ClientId::parse(text_of(ClientMember::id));
    const auto type = parse_client_type(text_of(Field::type));
    ClientTexts::Array texts;
    for (std::size_t i = 0; i != texts.size(); ++i) {
      const std::size_t at = index_of(ClientMember::field, client_fields[first_text + i].field);
      if (states_[at] == State::string) texts[i] = Text::parse(std::move(texts_[at]));
      if (states_[at] != State::absent && !texts[i]) return std::nullopt;
    }
    if (!created_at || !ecosystem_id || !id || !type) return std::nullopt;
    return Client(*id, *created_at, *ecosystem_id, *type, ClientTexts(std::move(texts)));
  }

 private:
  enum class State : std::uint8_t { absent, string, wrong_type };

  static constexpr std::size_t none = client_members.size();

  static constexpr std::size_t index_of(ClientMember member, Field field = Field::none) noexcept {
    std::size_t i = 0;
    while (client_members[i].member != member || client_members[i].field != field) ++i;
    return i;
  }

  // The string of a member; empty, which no required member may be, if it is not a string.
  std::string_view text_of(ClientMember member, Field field = Field::none) const noexcept {
    const std::size_t at = index_of(member, field);
    return states_[at] == State::string ? std::string_view(texts_[at]) : std::string_view();
  }
  std::string_view text_of(Field field) const noexcept { return text_of(ClientMember::field, field); }

  void set(State state) noexcept {
    if (member_ != none) states_[member_] = state;
  }

  void name(std::string_view piece, bool last) final {
    name_.append(piece);
    if (!last) return;
    member_ = 0;
    while (member_ != none && client_members[member_].name != name_.view()) ++member_;
    name_.clear();
    begun_ = false;
  }

  void string(std::string_view piece, bool last) final {
    if (member_ == none) return;
    if (!std::exchange(begun_, !last)) texts_[member_].clear();
    texts_[member_] += piece;
    set(State::string);
  }

  void scalar(JsonKind kind) final { set(kind == JsonKind::null ? State::absent : State::wrong_type); }

  bool begin(JsonKind) final {
    set(State::wrong_type);
    return false;
  }

  void end() final {}

  ShortText name_;
  std::array<std::string, none> texts_;
  std::array<State, none> states_{};
  std::size_t member_ = none;  // whose value is next
  bool begun_ = false;         // whether a piece of its string was received
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
