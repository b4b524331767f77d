// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Reads the body of a 201 into a client, by the table `client_members`. Used by `read_response`, on the side that asks
// for clients.

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/fast/client_reader.hpp>
#include <droplit/detail/json/reader.hpp>
#include <droplit/fields.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reads any body of a 201, and decides. Unknown members are ignored, and the last of a repeated one counts.
class ClientReader final : private JsonEvents {
 public:
  /// The client, or nothing if a member is missing, of the wrong type or invalid. A text may be missing or null.
  std::optional<Client> read(std::string_view body) {
    JsonReader reader(*this);
    if (!reader.finish(body)) return std::nullopt;
    const auto created_at = Timestamp::parse(value_of(ClientMember::created_at).value_or(""));
    const auto ecosystem_id = EcosystemId::parse(value_of(ClientMember::field, Field::ecosystem_id).value_or(""));
    const auto id = ClientId::parse(value_of(ClientMember::id).value_or(""));
    const auto type = parse_client_type(value_of(ClientMember::field, Field::type).value_or(""));
    if (!created_at || !ecosystem_id || !id || !type) return std::nullopt;
    ClientTexts::Array texts;
    for (std::size_t i = 0; i != texts.size(); ++i) {
      auto& value = value_of(ClientMember::field, client_fields[first_text + i].field);
      if (!value) continue;
      texts[i] = Text::parse(*std::move(value));
      if (!texts[i]) return std::nullopt;
    }
    return Client(*id, *created_at, *ecosystem_id, *type, ClientTexts(std::move(texts)));
  }

 private:
  std::optional<std::string>& value_of(ClientMember member, Field field = Field::none) noexcept {
    std::size_t i = 0;
    while (client_members[i].member != member || client_members[i].field != field) ++i;
    return values_[i];
  }

  void name(std::string_view name) final {
    std::size_t i = 0;
    while (i != client_members.size() && client_members[i].name != name) ++i;
    value_ = &values_[i];
    value_->reset();
  }

  void string(std::string_view piece, bool) final {
    if (!*value_) value_->emplace();
    (*value_)->append(piece);
  }

  void scalar(JsonKind kind) final {
    if (kind != JsonKind::null) value_->emplace(1, '\0');  // invalid, whichever member it is
  }

  bool begin(JsonKind kind) final {
    scalar(kind);
    return false;
  }

  void end() final {}

  std::array<std::optional<std::string>, client_members.size() + 1> values_;  // the last is of unknown members
  std::optional<std::string>* value_ = nullptr;                               // the next one
};

/// Reads the body of a 201: the client, or nothing if `ClientReader` finds none.
inline std::optional<Client> read_client(std::string_view body) {
  // The fast reader; docs/fast_reader.md says how to delete it.
  auto client = FastClientReader().read(body);
  if (!client) client = ClientReader().read(body);
  return client;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
