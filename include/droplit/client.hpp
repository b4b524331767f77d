// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_texts.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A client that was created: what a 201 contains.
class Client : public ClientTexts {
 public:
  /// A client with these parts, for stores that read it back; `Creation` makes new ones.
  Client(ClientId id, Timestamp created_at, EcosystemId ecosystem_id, ClientType type, std::optional<Text> name = {},
         std::optional<Text> description = {}) noexcept
      : Client(id, created_at, ecosystem_id, type, ClientTexts(std::move(name), std::move(description))) {}

  /// The same with all texts.
  Client(ClientId id, Timestamp created_at, EcosystemId ecosystem_id, ClientType type, ClientTexts&& texts) noexcept
      : ClientTexts(std::move(texts)), created_at_(created_at), id_(id), ecosystem_id_(ecosystem_id), type_(type) {}

  /// For the reader of responses: moves from the texts that it found, null where there is none.
  Client(Text::Checked checked, ClientId id, Timestamp created_at, EcosystemId ecosystem_id, ClientType type,
         const std::array<const detail::ParsedText*, detail::text_count>& texts)
      : ClientTexts(checked, texts), created_at_(created_at), id_(id), ecosystem_id_(ecosystem_id), type_(type) {}

  [[nodiscard]] ClientId id() const noexcept { return id_; }                   ///< unique in its store
  [[nodiscard]] Timestamp created_at() const noexcept { return created_at_; }  ///< when it was created
  [[nodiscard]] EcosystemId ecosystem_id() const noexcept {
    return ecosystem_id_;
  }                                                                 ///< the ecosystem that it may connect to
  [[nodiscard]] ClientType type() const noexcept { return type_; }  ///< what it is

  bool operator==(const Client&) const = default;

  /// True if both were created from equal drafts: all but id and time of creation is equal.
  [[nodiscard]] bool has_same_draft(const Client& other) const noexcept {
    return ecosystem_id_ == other.ecosystem_id_ && type_ == other.type_ && texts() == other.texts();
  }

 private:
  friend class Creation;  // sets time and id of a client that is not stored yet

  Timestamp created_at_;
  ClientId id_;
  EcosystemId ecosystem_id_;
  ClientType type_;
};

template <>
struct detail::Print<Client> {
  static void append(std::string& out, const Client& client);
};

#if defined(DROPLIT_DETAIL_DEFINES)
DROPLIT_DETAIL_INLINE void detail::Print<Client>::append(std::string& out, const Client& client) {
  PrintedMembers members(out, "Client");
  for (const ClientMemberRow& row : client_members) {
    if (row.member == ClientMember::created_at) {
      members.add(row.name, client.created_at());
    } else if (row.member == ClientMember::id) {
      members.add(row.name, client.id());
    } else if (field_row(row.field).kind == FieldKind::ecosystem_id) {
      members.add(row.name, client.ecosystem_id());
    } else if (field_row(row.field).kind == FieldKind::client_type) {
      members.add(row.name, client.type());
    } else if (const auto& text = client.text(row.field)) {
      members.add(row.name, *text);
    }
  }
  members.end();
}
#endif

/// A client that was created under a key, and whether an earlier call with the key had created it.
struct KeyedClient {
  Client client;  ///< as it is stored
  bool replayed;  ///< true if this call created nothing

  bool operator==(const KeyedClient&) const = default;
};

template <>
struct detail::Print<KeyedClient> {
  static void append(std::string& out, const KeyedClient& created) {
    append_printed(out += created.replayed ? "replayed " : "created ", created.client);
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
