// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_texts.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/text.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a caller asks for when it creates a client. Every draft is valid.
class ClientDraft : public ClientTexts {
 public:
  /// The draft of these parts, which are valid already.
  ClientDraft(EcosystemId ecosystem_id, ClientType type, std::optional<Text> name = {},
              std::optional<Text> description = {}) noexcept
      : ClientDraft(ecosystem_id, type, ClientTexts(std::move(name), std::move(description))) {}

  /// The same with all texts.
  ClientDraft(EcosystemId ecosystem_id, ClientType type, ClientTexts&& texts) noexcept
      : ClientTexts(std::move(texts)), ecosystem_id_(ecosystem_id), type_(type) {}

  /// The draft, or the refusal that a server would respond with to a body with these members: every violation at once.
  /// Text that is not UTF-8 could never be a body and is refused as Body Parameters Missing alone (ours).
  static Outcome<ClientDraft> make(const ClientParameters& parameters);

  [[nodiscard]] EcosystemId ecosystem_id() const noexcept {
    return ecosystem_id_;
  }                                                                 ///< where the client is to be created
  [[nodiscard]] ClientType type() const noexcept { return type_; }  ///< what it is to be

  bool operator==(const ClientDraft&) const = default;

  /// For the readers of bodies: moves from the texts that they found, null where there is none.
  ClientDraft(Text::Checked checked, EcosystemId ecosystem_id, ClientType type,
              const std::array<const detail::ParsedText*, detail::text_count>& texts)
      : ClientTexts(checked, texts), ecosystem_id_(ecosystem_id), type_(type) {}

 private:
  EcosystemId ecosystem_id_;
  ClientType type_;
};

template <>
struct detail::Print<ClientDraft> {
  static void append(std::string& out, const ClientDraft& draft) {
    PrintedMembers members(out, "ClientDraft");
    members.add(to_string(Field::ecosystem_id), draft.ecosystem_id());
    members.add(to_string(Field::type), draft.type());
    Print<ClientTexts>::add(members, draft);
    members.end();
  }
};

namespace detail {

/// The members of a body as a reader finds them, in any order and any number of times; the last one of a name counts.
/// The rules of each field are here and nowhere else.
class DraftFields {
 public:
  DraftFields() noexcept { flaws_.fill(Flaw::missing); }

  /// The member is valid.
  void set(EcosystemId id) noexcept {
    flaw(Field::ecosystem_id) = Flaw::none;
    id_ = id;
  }
  void set(ClientType type) noexcept {
    flaw(Field::type) = Flaw::none;
    type_ = type;
  }

  /// The member is valid: UTF-8 without U+0000, which must not move or change until `finish`.
  void set(Field field, ParsedText text) noexcept {
    flaw(field) = Flaw::none;
    texts_[text_index(field)] = text;
  }

  /// The member is this string, UTF-8; if the field is a text it must not move or change until `finish`.
  void set_string(Field field, ParsedText found) noexcept {
    flaw(field) = Flaw::invalid;
    switch (field_row(field).kind) {
      case FieldKind::ecosystem_id:
        if (const auto id = EcosystemId::parse(found.view)) set(*id);
        return;
      case FieldKind::client_type:
        if (const auto type = parse_client_type(found.view)) set(*type);
        return;
      case FieldKind::text:
        flaw(field) = Flaw::characters;
        if (found.view.find('\0') == std::string_view::npos) set(field, found);
        return;
      default: return;
    }
  }

  /// The member has another JSON type. Null is the same as absent.
  void set_no_string(Field field, bool is_null) noexcept { flaw(field) = is_null ? Flaw::missing : Flaw::invalid; }

  /// True if there is such a member and it is not null.
  [[nodiscard]] bool given(Field field) const noexcept { return flaws_[field_index(field)] != Flaw::missing; }

  /// The draft, or the refusal with every violation, those of the query and of the unknown members, joined, included.
  /// The texts are moved from.
  Outcome<ClientDraft> finish(std::optional<std::string>&& query_fields, std::string* body_fields = nullptr) const {
    bool valid = !query_fields;
    for (std::size_t i = 0; i != flaws_.size(); ++i) {
      valid = valid && (flaws_[i] == Flaw::none || (flaws_[i] == Flaw::missing && !client_fields[i].required));
    }
    if (!valid) return refusal(std::move(query_fields), body_fields);
    std::array<const ParsedText*, text_count> found{};
    for (std::size_t i = 0; i != text_count; ++i) {
      if (flaws_[first_text + i] == Flaw::none) found[i] = &texts_[i];
    }
    return Outcome<ClientDraft>(std::in_place_type<ClientDraft>, Text::Checked(), id_, type_, found);
  }

 private:
  using Flaw = Findings::Flaw;

  Flaw& flaw(Field field) noexcept { return flaws_[field_index(field)]; }

  // Rare, and so not inlined; inlined, g++ 12 takes the empty query fields of `make` for uninitialised.
  [[nodiscard]] ApiError refusal(std::optional<std::string>&& query_fields, std::string* body_fields) const;

  std::array<Flaw, client_fields.size()> flaws_;  // `missing` also where an optional field is absent
  ClientType type_{};
  EcosystemId id_{EcosystemId::Bytes{}};
  std::array<ParsedText, text_count> texts_;
};

/// The refusal of a body that cannot be read.
ApiError unreadable_body(std::optional<std::string>&& query_fields);

#if defined(DROPLIT_DETAIL_DEFINES)
DROPLIT_DETAIL_NOINLINE DROPLIT_DETAIL_INLINE ApiError DraftFields::refusal(std::optional<std::string>&& query_fields,
                                                                            std::string* body_fields) const {
  std::optional<std::string> names;
  if (body_fields != nullptr) names = std::move(*body_fields);
  return *ApiError::from({.query_fields = std::move(query_fields), .body_fields = std::move(names), .flaws = flaws_});
}

DROPLIT_DETAIL_INLINE ApiError unreadable_body(std::optional<std::string>&& query_fields) {
  return *ApiError::from({.query_fields = std::move(query_fields), .body_missing = true});
}
#endif

}  // namespace detail

#if defined(DROPLIT_DETAIL_DEFINES)

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> ClientDraft::make(const ClientParameters& parameters) {
  detail::DraftFields fields;
  for (const FieldRow& row : client_fields) {
    const OptionalStringView given = parameters.*row.parameter;
    if (!given) continue;
    if (!detail::is_utf8(*given)) return detail::unreadable_body(std::nullopt);
    fields.set_string(row.field, {nullptr, *given});
  }
  return fields.finish(std::nullopt);
}
#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
