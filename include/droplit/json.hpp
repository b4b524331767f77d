// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/error.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/timestamp.hpp>

#if defined(DROPLIT_DETAIL_DEFINES)
#include <droplit/detail/json/writer.hpp>
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Appends the body of a 201: a JSON object with the members of `client_members`, a text only if it was given.
void append_json(std::string& out, const Client& client);

/// Appends the `InvalidParams` body of a 400, one entry for each violation. Only errors whose row has entries have it.
void append_json(std::string& out, const ApiError& error);

/// The text that `append_json` appends.
template <class T>
requires requires(std::string& out, const T& value) { append_json(out, value); }
std::string to_json(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

#if defined(DROPLIT_DETAIL_DEFINES)

namespace detail {

// What precedes a member's string: the end of the member before it, and its name.
template <std::size_t I>
inline constexpr auto member_opening = [] {
  constexpr std::string_view before = I == 0 ? "{\"" : "\",\"";
  constexpr std::string_view name = client_members[I].name;
  constexpr std::string_view after = "\":\"";
  std::array<char, before.size() + name.size() + after.size()> text{};
  before.copy(text.data(), before.size());
  name.copy(text.data() + before.size(), name.size());
  after.copy(text.data() + before.size() + name.size(), after.size());
  return text;
}();

template <std::size_t I>
void write_member(JsonWriter& json, const Client& client) {
  constexpr ClientMemberRow row = client_members[I];
  constexpr std::string_view opening(member_opening<I>.data(), member_opening<I>.size());
  if constexpr (row.member == ClientMember::created_at) {
    json << opening << client.created_at();
  } else if constexpr (row.member == ClientMember::id) {
    json << opening << client.id();
  } else if constexpr (field_row(row.field).kind == FieldKind::ecosystem_id) {
    json << opening << client.ecosystem_id();
  } else if constexpr (field_row(row.field).kind == FieldKind::client_type) {
    json << opening << to_string(client.type());
  } else if (const auto& text = client.text(row.field)) {
    json << opening << JsonText{text->str()};
  }
}

// An entry of a 400 up to the field's name, for a message that is the same in every response.
struct EntryOpening {
  std::array<char, 110> text{};
  std::size_t size = 0;

  consteval explicit EntryOpening(const ApiErrcRow& row) {
    for (const std::string_view part :
         {std::string_view(R"({"in":")"), to_string(location_of(row.code)), std::string_view(R"(","message":")"),
          row.message, std::string_view(R"(","path":")")}) {
      part.copy(text.data() + size, part.size());
      size += part.size();
    }
  }

  [[nodiscard]] std::string_view view() const noexcept { return {text.data(), size}; }
};

template <std::size_t... I>
consteval std::array<EntryOpening, sizeof...(I)> make_entry_openings(std::index_sequence<I...>) {
  return {EntryOpening(api_errc_table[I])...};
}

inline constexpr auto entry_openings = make_entry_openings(std::make_index_sequence<api_errc_table.size()>());

consteval bool are_messages_plain() {
  for (const ApiErrcRow& row : api_errc_table) {
    for (const char c : row.message) {
      if (needs_escape(c)) return false;
    }
  }
  return true;
}
static_assert(are_messages_plain(), "a message with a character that JSON escapes");

template <std::size_t... I>
void append_client(std::string& out, const Client& client, std::index_sequence<I...>) {
  constexpr std::size_t most_but_texts =
      (member_opening<I>.size() + ...) + Timestamp::text_size + EcosystemId::max_size + ClientId::max_size + 16;
  std::size_t room = most_but_texts;
  for (const auto& text : client.texts()) {
    if (text) room += JsonText{text->str()}.room();
  }
  JsonWriter json(out, room);
  (write_member<I>(json, client), ...);
  json << "\"}";
  json.finish();
}

}  // namespace detail

DROPLIT_DETAIL_INLINE void append_json(std::string& out, const Client& client) {
  detail::append_client(out, client, std::make_index_sequence<client_members.size()>());
}

DROPLIT_DETAIL_INLINE void append_json(std::string& out, const ApiError& error) {
  constexpr std::size_t most_but_texts = sizeof(detail::EntryOpening) + 32;  // in an entry, and around them
  std::size_t room = most_but_texts;
  for (const Violation violation : error.violations())
    room += most_but_texts + detail::JsonText{violation.message}.room();
  detail::JsonWriter json(out, room);
  json << R"({"errorType":"InvalidParams","errors":[)";
  bool first = true;
  for (const Violation violation : error.violations()) {
    if (!first) json << ",";
    first = false;
    if (violation.field == Field::additional_parameters) {  // with names of the request in the message
      json << R"({"in":")" << to_string(violation.location) << R"(","message":")" << detail::JsonText{violation.message}
           << R"(","path":")";
    } else {
      json << detail::entry_openings[static_cast<std::size_t>(violation.code) - 1].view();
    }
    json << to_string(violation.field) << R"("})";
  }
  json << "]}";
  json.finish();
}

#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
