// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/optional_string_view.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The field of a violation: one of `client_fields`, `additional_parameters` for names that the contract does not know,
/// `idempotency_key` for the header field, or `none` for a response without entries.
enum class Field : std::uint8_t { none, additional_parameters, idempotency_key, ecosystem_id, type, name, description };

/// What a field accepts, and with that its rules.
enum class FieldKind : std::uint8_t { ecosystem_id, client_type, text };

/// The fields as texts that are not validated yet; each may be absent.
///
/// They are views. Temporaries may be made in the call itself, `create({.name = make_name()})`; a variable of this type
/// must not outlive its texts.
struct ClientParameters {
  OptionalStringView ecosystem_id = {};  ///< 24 hex digits after a `C`
  OptionalStringView type = {};          ///< `application` or `server`
  OptionalStringView name = {};          ///< optional
  OptionalStringView description = {};   ///< optional
};

/// One row of the table of fields.
struct FieldRow {
  Field field;                                      ///< the field that the row is about
  std::string_view name;                            ///< on the wire: the member of a body, and the `path` of an entry
  bool required;                                    ///< its absence is a violation
  FieldKind kind;                                   ///< what it accepts
  OptionalStringView ClientParameters::*parameter;  ///< its place among the parameters
  std::string_view sentence;                        ///< as the API's page has it
};

/// The fields of the body of "create a client", in the order of the API's page: the required ones, then the texts.
/// Readers, writers, stores, SDK and programs have no other list of fields.
inline constexpr auto client_fields = std::to_array<FieldRow>({
    // clang-format off
    {Field::ecosystem_id, "ecosystemId", true, FieldKind::ecosystem_id, &ClientParameters::ecosystem_id, "The ID of the ecosystem."},
    {Field::type, "type", true, FieldKind::client_type, &ClientParameters::type, "The type of the client."},
    {Field::name, "name", false, FieldKind::text, &ClientParameters::name, "The name of the client."},
    {Field::description, "description", false, FieldKind::text, &ClientParameters::description, "The description of the client."},
    // clang-format on
});

/// A member of a 201: what the service adds, or a field of the client.
enum class ClientMember : std::uint8_t { created_at, id, field };

/// One row of the table of a 201's members.
struct ClientMemberRow {
  ClientMember member;        ///< what the member contains
  std::string_view name;      ///< on the wire
  Field field = Field::none;  ///< which field, if it is one
};

namespace detail {

/// The place of a field in `client_fields`.
constexpr std::size_t field_index(Field field) noexcept {
  return static_cast<std::size_t>(field) - static_cast<std::size_t>(Field::ecosystem_id);
}

constexpr const FieldRow& field_row(Field field) noexcept { return client_fields[field_index(field)]; }

inline constexpr std::size_t first_text = 2;
inline constexpr std::size_t text_count = client_fields.size() - first_text;

/// The place of a text among the texts.
constexpr std::size_t text_index(Field field) noexcept { return field_index(field) - first_text; }

consteval bool are_fields_in_order() {
  for (std::size_t i = 0; i != client_fields.size(); ++i) {
    const FieldRow& row = client_fields[i];
    if (field_index(row.field) != i || row.required != (i < first_text)) return false;
    if ((row.kind == FieldKind::text) != (i >= first_text)) return false;
  }
  return true;
}
static_assert(are_fields_in_order(), "a row out of the enumerators' order, or a text that is not after the others");

constexpr ClientMemberRow field_member(Field field) noexcept {
  return {ClientMember::field, field_row(field).name, field};
}

}  // namespace detail

/// The members of a 201 in their order on the wire.
inline constexpr auto client_members = std::to_array<ClientMemberRow>({
    {ClientMember::created_at, "createdAt"},
    detail::field_member(Field::description),
    detail::field_member(Field::ecosystem_id),
    {ClientMember::id, "id"},
    detail::field_member(Field::name),
    detail::field_member(Field::type),
});

static_assert(client_members.size() == client_fields.size() + 2, "a field that is not in the 201");

/// The wire name: the `path` of an entry.
constexpr std::string_view to_string(Field field) noexcept {
  if (field == Field::additional_parameters) return "additional parameters";
  if (field == Field::idempotency_key) return "idempotency-key";
  const std::size_t index = detail::field_index(field);
  return index < client_fields.size() ? client_fields[index].name : std::string_view();
}

template <>
struct detail::Print<Field> {
  static void append(std::string& out, Field field) { out += field == Field::none ? "none" : to_string(field); }
};

namespace detail {

/// The codes of the violations of a field of a kind. `missing` is for required fields, `characters` for texts.
struct FieldCodes {
  ApiErrc missing;
  ApiErrc invalid;
  ApiErrc characters;
};

constexpr FieldCodes codes_of(FieldKind kind) noexcept {
  using enum ApiErrc;
  return std::to_array<FieldCodes>({
      {ecosystem_missing, ecosystem_invalid, ecosystem_invalid},
      {client_type_missing, client_type_invalid, client_type_invalid},
      {body_parameters_missing, body_parameter_invalid, body_parameter_characters_invalid},
  })[static_cast<std::size_t>(kind)];
}

}  // namespace detail
}  // namespace droplit::inline DROPLIT_DETAIL_ABI
