// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "client_type.hpp"
#include "detail/name_list.hpp"
#include "id.hpp"
#include "outcome.hpp"
#include "text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit {

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
struct ClientParameters {
  std::optional<std::string_view> ecosystem_id = {};
  std::optional<std::string_view> type = {};
  std::optional<std::string_view> name = {};
  std::optional<std::string_view> description = {};
};

namespace detail {

/// A text that was checked: in a string that may be taken, or somewhere else, or none was given.
struct FoundText {
  std::string* own;
  std::string_view view;
  bool given;
};

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
  ClientDraft(Text::Checked checked, EcosystemId ecosystem_id, ClientType type, const detail::FoundText& name,
              const detail::FoundText& description)
      : ecosystem_id_(ecosystem_id), type_(type) {
    const auto take = [checked](std::optional<Text>& text, const detail::FoundText& found) {
      if (found.own != nullptr) {
        text.emplace(checked, std::move(*found.own));
      } else if (found.given) {
        text.emplace(checked, std::string(found.view));
      }
    };
    take(name_, name);
    take(description_, description);
  }

 private:
  std::optional<Text> name_;
  std::optional<Text> description_;
  EcosystemId ecosystem_id_;
  ClientType type_;
};

namespace detail {

/// The members of a body as they come in, in any order and any number of times; the last one of a name counts. The
/// rules of each field stand here and nowhere else. Texts given to it are UTF-8.
class DraftForm {
 public:
  /// A member of this field begins with a string: what an earlier one said, for good or ill, is forgotten.
  void begin_text(Field field) noexcept {
    state(field) = State::given;
    is_text(field) ? text(field).clear() : word(field).clear();
  }

  /// A further piece of that string.
  void append(Field field, std::string_view piece) {
    is_text(field) ? static_cast<void>(text(field).append(piece)) : word(field).append(piece);
  }

  /// The member is right.
  void set(EcosystemId id) noexcept {
    state(Field::ecosystem_id) = State::right;
    id_ = id;
  }
  void set(ClientType type) noexcept {
    state(Field::type) = State::right;
    type_ = type;
  }

  /// A member of this field, which is kept as a text, begins: where to write it.
  std::string& begin_whole_text(Field field) noexcept {
    begin_text(field);
    return text(field);
  }

  /// The member is right: UTF-8 without U+0000, which must stay where it is until `finish`.
  void set_view(Field field, std::string_view text) noexcept {
    state(field) = State::viewed;
    view(field) = text;
  }

  /// The member is null: the same as absent.
  void set_null(Field field) noexcept { state(field) = State::absent; }

  /// The member has another JSON type.
  void set_other(Field field) noexcept { state(field) = State::other; }

  /// Names of members that the contract does not know.
  NameList& unknown() noexcept { return unknown_; }

  /// The draft, or the refusal that tells every violation, those of the query included. The texts are given away.
  Outcome<ClientDraft> finish(std::optional<std::string>&& query_fields) {
    judge();
    const auto right = [this](Field field) { return state(field) == State::right; };
    const auto fine = [&](Field field) { return state(field) != State::given && state(field) != State::other; };
    if (right(Field::ecosystem_id) && right(Field::type) && fine(Field::name) && fine(Field::description) &&
        !query_fields) {
      return Outcome<ClientDraft>(std::in_place_type<ClientDraft>, Text::Checked(), id_, type_, found(Field::name),
                                  found(Field::description));
    }

    Findings findings;
    findings.query_fields = std::move(query_fields);
    findings.ecosystem_id = flaw_of_required(Field::ecosystem_id);
    findings.type = flaw_of_required(Field::type);
    findings.name = flaw_of_text(Field::name);
    findings.description = flaw_of_text(Field::description);
    if (findings.ecosystem_id == Findings::Flaw::missing && !unknown_.empty()) findings.body_fields = unknown_.join();
    return *ApiError::from(std::move(findings));
  }

  /// The refusal of a body that cannot be read.
  static Outcome<ClientDraft> unreadable(std::optional<std::string>&& query_fields) {
    Findings findings;
    findings.query_fields = std::move(query_fields);
    findings.body_missing = true;
    return *ApiError::from(std::move(findings));
  }

  void clear() noexcept {
    states_.fill(State::absent);
    unknown_.clear();
  }

 private:
  enum class State : std::uint8_t { absent, given, other, right, viewed };

  /// A word of a closed set, of which no more is kept than tells that it is none of them.
  class Word {
   public:
    void clear() noexcept { size_ = 0; }
    void append(std::string_view piece) noexcept { size_ += piece.copy(text_.data() + size_, text_.size() - size_); }
    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

   private:
    std::array<char, EcosystemId::max_size + 1> text_;
    std::size_t size_ = 0;
  };

  static constexpr std::size_t index(Field field) noexcept {
    return static_cast<std::size_t>(field) - static_cast<std::size_t>(Field::ecosystem_id);
  }
  static constexpr bool is_text(Field field) noexcept { return client_fields[index(field)].kind == FieldKind::text; }

  State& state(Field field) noexcept { return states_[index(field)]; }
  Word& word(Field field) noexcept { return words_[index(field)]; }
  std::string_view& view(Field field) noexcept { return views_[index(field) - words_.size()]; }

  FoundText found(Field field) noexcept {
    if (state(field) == State::right) return {&text(field), {}, true};
    return {nullptr, view(field), state(field) == State::viewed};
  }

  std::string& text(Field field) noexcept { return texts_[index(field) - words_.size()]; }

  // Every text that was given is now right, or stays given.
  void judge() noexcept {
    if (state(Field::ecosystem_id) == State::given) {
      if (const auto id = EcosystemId::parse(word(Field::ecosystem_id).view())) set(*id);
    }
    if (state(Field::type) == State::given) {
      if (const auto type = parse_client_type(word(Field::type).view())) set(*type);
    }
    for (const Field field : {Field::name, Field::description}) {
      if (state(field) == State::given && text(field).find('\0') == std::string::npos) state(field) = State::right;
    }
  }

  Findings::Flaw flaw_of_required(Field field) noexcept {
    if (state(field) == State::right) return Findings::Flaw::none;
    return state(field) == State::absent ? Findings::Flaw::missing : Findings::Flaw::invalid;
  }

  Findings::Flaw flaw_of_text(Field field) noexcept {
    if (state(field) == State::other) return Findings::Flaw::invalid;
    return state(field) == State::given ? Findings::Flaw::characters : Findings::Flaw::none;
  }

  std::array<State, client_fields.size()> states_{};
  EcosystemId id_{EcosystemId::Bytes{}};
  ClientType type_{};
  std::array<Word, 2> words_;         // of ecosystemId and type, the first two fields
  std::array<std::string, 2> texts_;  // of name and description
  std::array<std::string_view, 2> views_;
  NameList unknown_;
};

}  // namespace detail

inline Outcome<ClientDraft> ClientDraft::make(const ClientParameters& parameters) {
  detail::DraftForm form;
  const std::array<std::optional<std::string_view>, client_fields.size()> given{
      parameters.ecosystem_id, parameters.type, parameters.name, parameters.description};
  for (std::size_t i = 0; i != given.size(); ++i) {
    if (!given[i]) continue;
    if (!detail::is_utf8(*given[i])) return detail::DraftForm::unreadable(std::nullopt);
    form.begin_text(client_fields[i].field);
    form.append(client_fields[i].field, *given[i]);
  }
  return form.finish(std::nullopt);
}

}  // namespace droplit
