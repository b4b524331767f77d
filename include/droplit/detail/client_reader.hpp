// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../client.hpp"
#include "../client_draft.hpp"
#include "config.hpp"
#include "json_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reads the body of a 201. Members that the contract does not know are ignored, and the last of a repeated one counts.
class ClientReader final : private JsonEvents {
 public:
  /// The client, or nothing if a member is missing, of another type or malformed. `name` and `description` may be
  /// missing or null.
  std::optional<Client> read(std::string_view body) {
    JsonReader reader(*this);
    if (!reader.finish(body)) return std::nullopt;
    const auto created_at = given(Member::created_at) ? Timestamp::parse(text(Member::created_at)) : std::nullopt;
    const auto ecosystem_id =
        given(Member::ecosystem_id) ? EcosystemId::parse(text(Member::ecosystem_id)) : std::nullopt;
    const auto id = given(Member::id) ? ClientId::parse(text(Member::id)) : std::nullopt;
    const auto type = given(Member::type) ? parse_client_type(text(Member::type)) : std::nullopt;
    std::optional<Text> name;
    std::optional<Text> description;
    if (!created_at || !ecosystem_id || !id || !type || !take(Member::name, name) ||
        !take(Member::description, description)) {
      return std::nullopt;
    }
    return Client(*id, *created_at, *ecosystem_id, *type, std::move(name), std::move(description));
  }

 private:
  enum class Member : std::uint8_t { created_at, description, ecosystem_id, id, name, type, none };
  enum class State : std::uint8_t { absent, given, wrong };

  static constexpr std::array<std::string_view, 6> names{"createdAt", "description", "ecosystemId",
                                                         "id",        "name",        "type"};

  bool given(Member member) const noexcept { return states_[static_cast<std::size_t>(member)] == State::given; }
  std::string& text(Member member) noexcept { return texts_[static_cast<std::size_t>(member)]; }
  void set(State state) noexcept {
    if (member_ != Member::none) states_[static_cast<std::size_t>(member_)] = state;
  }

  bool take(Member member, std::optional<Text>& out) {
    const State state = states_[static_cast<std::size_t>(member)];
    if (state == State::given) out = Text::parse(std::move(text(member)));
    return state == State::absent || out.has_value();
  }

  void name(std::string_view piece, bool last) final {
    if (name_.size() <= 16) name_.append(piece.substr(0, 17));
    if (!last) return;
    std::size_t at = 0;
    while (at != names.size() && names[at] != name_) ++at;
    member_ = static_cast<Member>(at);
    name_.clear();
    begun_ = false;
  }

  void string(std::string_view piece, bool last) final {
    if (member_ == Member::none) return;
    if (!std::exchange(begun_, !last)) text(member_).clear();
    text(member_) += piece;
    set(State::given);
  }

  void scalar(JsonKind kind) final { set(kind == JsonKind::null ? State::absent : State::wrong); }

  bool begin(JsonKind) final {
    set(State::wrong);
    return false;
  }

  void end() final {}

  std::string name_;
  std::array<std::string, names.size()> texts_;
  std::array<State, names.size()> states_{};
  Member member_ = Member::none;
  bool begun_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
