// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "client_type.hpp"
#include "detail/config.hpp"
#include "detail/name_list.hpp"
#include "id.hpp"
#include "optional_string_view.hpp"
#include "outcome.hpp"
#include "text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a field of the contract accepts.
enum class FieldKind : std::uint8_t { ecosystem_id, client_type, text };

/// One row of the table of fields.
struct FieldRow {
  Field field;
  bool required;
  FieldKind kind;
  std::string_view sentence;

  [[nodiscard]] constexpr std::string_view name() const noexcept { return to_string(field); }
};

/// The fields of the body of "create a client", in the order of the API's page.
inline constexpr std::array<FieldRow, 4> client_fields{{
    {Field::ecosystem_id, true, FieldKind::ecosystem_id, "The ID of the ecosystem."},
    {Field::type, true, FieldKind::client_type, "The type of the client."},
    {Field::name, false, FieldKind::text, "The name of the client."},
    {Field::description, false, FieldKind::text, "The description of the client."},
}};

/// The four fields as a caller has them, not yet judged; a field that is not given is absent.
///
/// They are views. Temporaries may be written into the call itself, `create({.name = make_name()})`; a variable of this
/// type must not outlive its texts.
struct ClientParameters {
  OptionalStringView ecosystem_id = {};
  OptionalStringView type = {};
  OptionalStringView name = {};
  OptionalStringView description = {};
};

namespace detail {

/// A text that was checked: in a string that may be taken, or somewhere else.
struct FoundText {
  std::string* own = nullptr;
  std::string_view view = {};
};

struct DraftTexts;

}  // namespace detail

/// What a caller asks for when it creates a client: whole and right, or it would not exist.
class ClientDraft {
 public:
  ClientDraft(EcosystemId ecosystem_id, ClientType type, std::optional<Text> name = {},
              std::optional<Text> description = {}) noexcept
      : name_(std::move(name)), description_(std::move(description)), ecosystem_id_(ecosystem_id), type_(type) {}

  /// The draft, or the very refusal that a server would answer to a body with these members: every violation at once.
  /// Text that is not UTF-8 could never be a body and is refused as Body Parameters Missing alone (ours).
  static Outcome<ClientDraft> make(const ClientParameters& parameters);

  [[nodiscard]] EcosystemId ecosystem_id() const noexcept { return ecosystem_id_; }
  [[nodiscard]] ClientType type() const noexcept { return type_; }
  [[nodiscard]] const std::optional<Text>& name() const& noexcept { return name_; }
  [[nodiscard]] const std::optional<Text>& description() const& noexcept { return description_; }
  [[nodiscard]] std::optional<Text> name() && noexcept { return std::move(name_); }
  [[nodiscard]] std::optional<Text> description() && noexcept { return std::move(description_); }

  bool operator==(const ClientDraft&) const = default;

  /// For the reader of drafts: takes the texts that it found.
  ClientDraft(Text::Checked checked, EcosystemId ecosystem_id, ClientType type, const detail::FoundText* name,
              const detail::FoundText* description)
      : name_(take(checked, name)),
        description_(take(checked, description)),
        ecosystem_id_(ecosystem_id),
        type_(type) {}

 private:
  friend struct detail::DraftTexts;

  static std::optional<Text> take(Text::Checked checked, const detail::FoundText* found) {
    if (found == nullptr) return std::nullopt;
    if (found->own == nullptr) return std::optional<Text>(std::in_place, checked, found->view);
    return std::optional<Text>(std::in_place, checked, std::move(*found->own));
  }

  std::optional<Text> name_;
  std::optional<Text> description_;
  EcosystemId ecosystem_id_;
  ClientType type_;
};

namespace detail {

/// For the verb: the texts of a draft that is used up, without a move between.
struct DraftTexts {
  static std::optional<Text>&& name(ClientDraft& draft) noexcept { return std::move(draft.name_); }
  static std::optional<Text>&& description(ClientDraft& draft) noexcept { return std::move(draft.description_); }
};

/// What the members of a body say of the four fields, given in any order and any number of times; the last one of a
/// name counts. The rules of each field stand here and nowhere else.
class DraftFields {
 public:
  /// The member is right.
  void set(EcosystemId id) noexcept {
    state(Field::ecosystem_id) = State::right;
    id_ = id;
  }
  void set(ClientType type) noexcept {
    state(Field::type) = State::right;
    type_ = type;
  }

  /// The member is right: UTF-8 without U+0000, which must stay where it is until `finish`.
  void set(Field field, FoundText text) noexcept {
    state(field) = State::right;
    texts_[index(field) - first_text] = text;
  }

  /// The member is this string, UTF-8; if the field is a text it must stay where it is until `finish`.
  void set_string(Field field, FoundText found) noexcept {
    state(field) = State::wrong;
    switch (client_fields[index(field)].kind) {
      case FieldKind::ecosystem_id:
        if (const auto id = EcosystemId::parse(found.view)) set(*id);
        return;
      case FieldKind::client_type:
        if (const auto type = parse_client_type(found.view)) set(*type);
        return;
      case FieldKind::text:
        if (found.view.find('\0') == std::string_view::npos) set(field, found);
        return;
      default: return;
    }
  }

  /// The member is null: the same as absent.
  void set_absent(Field field) noexcept { state(field) = State::absent; }

  /// The member has another JSON type.
  void set_other(Field field) noexcept { state(field) = State::other; }

  /// Whether there is such a member, and it is not null.
  [[nodiscard]] bool given(Field field) const noexcept { return state(field) != State::absent; }

  /// The draft, or the refusal that tells every violation, those of the query and of the unknown members included. The
  /// texts are given away.
  Outcome<ClientDraft> finish(std::optional<std::string>&& query_fields, const NameList* unknown) const {
    const auto fine = [this](Field field) { return state(field) == State::right || state(field) == State::absent; };
    if (state(Field::ecosystem_id) == State::right && state(Field::type) == State::right && fine(Field::name) &&
        fine(Field::description) && !query_fields) {
      return Outcome<ClientDraft>(std::in_place_type<ClientDraft>, Text::Checked(), id_, type_, found(Field::name),
                                  found(Field::description));
    }
    return refusal(std::move(query_fields), unknown);
  }

 private:
  enum class State : std::uint8_t { absent, right, wrong, other };

  static constexpr std::size_t first_text = 2;  // behind ecosystemId and type

  static constexpr std::size_t index(Field field) noexcept {
    return static_cast<std::size_t>(field) - static_cast<std::size_t>(Field::ecosystem_id);
  }

  State& state(Field field) noexcept { return states_[index(field)]; }
  [[nodiscard]] State state(Field field) const noexcept { return states_[index(field)]; }

  [[nodiscard]] const FoundText* found(Field field) const noexcept {
    return state(field) == State::right ? &texts_[index(field) - first_text] : nullptr;
  }

  // Cold, and so not inlined: there g++ 12 takes the empty query fields of `make` for uninitialised.
  [[nodiscard, gnu::cold]] ApiError refusal(std::optional<std::string>&& query_fields, const NameList* unknown) const;

  [[nodiscard]] Findings::Flaw flaw_of_required(Field field) const noexcept {
    if (state(field) == State::right) return Findings::Flaw::none;
    return state(field) == State::absent ? Findings::Flaw::missing : Findings::Flaw::invalid;
  }

  [[nodiscard]] Findings::Flaw flaw_of_text(Field field) const noexcept {
    if (state(field) == State::other) return Findings::Flaw::invalid;
    return state(field) == State::wrong ? Findings::Flaw::characters : Findings::Flaw::none;
  }

  std::array<State, client_fields.size()> states_{};
  ClientType type_{};
  EcosystemId id_{EcosystemId::Bytes{}};
  std::array<FoundText, client_fields.size() - first_text> texts_;
};

/// The refusal of a body that cannot be read.
ApiError unreadable_body(std::optional<std::string>&& query_fields);

#if defined(DROPLIT_DETAIL_DEFINES)
DROPLIT_DETAIL_INLINE ApiError DraftFields::refusal(std::optional<std::string>&& query_fields,
                                                    const NameList* unknown) const {
  Findings findings;
  findings.query_fields = std::move(query_fields);
  findings.ecosystem_id = flaw_of_required(Field::ecosystem_id);
  findings.type = flaw_of_required(Field::type);
  findings.name = flaw_of_text(Field::name);
  findings.description = flaw_of_text(Field::description);
  if (findings.ecosystem_id == Findings::Flaw::missing && unknown != nullptr && !unknown->empty()) {
    findings.body_fields = unknown->join();
  }
  return *ApiError::from(std::move(findings));
}

DROPLIT_DETAIL_INLINE ApiError unreadable_body(std::optional<std::string>&& query_fields) {
  Findings findings;
  findings.query_fields = std::move(query_fields);
  findings.body_missing = true;
  return *ApiError::from(std::move(findings));
}
#endif

}  // namespace detail

#if defined(DROPLIT_DETAIL_DEFINES)

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> ClientDraft::make(const ClientParameters& parameters) {
  detail::DraftFields fields;
  const std::array<OptionalStringView, client_fields.size()> given{parameters.ecosystem_id, parameters.type,
                                                                   parameters.name, parameters.description};
  for (std::size_t i = 0; i != given.size(); ++i) {
    if (!given[i]) continue;
    if (!detail::is_utf8(*given[i])) return detail::unreadable_body(std::nullopt);
    fields.set_string(client_fields[i].field, {nullptr, *given[i]});
  }
  return fields.finish(std::nullopt, nullptr);
}
#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
