// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What the stores in SQL databases share: the columns of a client's row, read off the table of fields, so that
// statements, bindings and readings are loops over it; how a row becomes a `Client`; the words for an ecosystem's
// state; the deleter of their libraries' handles. It opens no database's library: a store adapts its library's rows to
// the concept `Row`. Used by storage/sqlite and storage/postgres.

#include <droplit/client.hpp>
#include <droplit/client_texts.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sql {

/// For a `std::unique_ptr`: destroys a handle by the function of the C library that made it.
template <auto destroy>
struct Deleter {
  template <class Handle>
  void operator()(Handle* handle) const noexcept {
    destroy(handle);
  }
};

/// The columns of a client, in the order of every statement: `id`, `created_at`, and one for each of `client_fields`.
inline constexpr std::size_t column_count = 2 + client_fields.size();
inline constexpr std::size_t first_text_column = 2 + first_text;

enum class ColumnKind : std::uint8_t { client_id, created_at, ecosystem_id, text };

struct Column {
  std::string name;    ///< quoted; the wire name in snake case
  std::string number;  ///< counted from 1, as placeholders are
  ColumnKind kind;     ///< `created_at` is a 64-bit integer
};

inline std::array<Column, column_count> client_columns() {
  const auto quoted = [](std::string_view wire_name) {
    std::string name("\"");
    for (const char c : wire_name) {
      const bool is_upper = c >= 'A' && c <= 'Z';
      if (is_upper) name += '_';
      name += is_upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return name += '"';
  };
  std::array<Column, column_count> columns{Column{"\"id\"", "1", ColumnKind::client_id},
                                           Column{"\"created_at\"", "2", ColumnKind::created_at}};
  for (std::size_t i = 2; i != columns.size(); ++i) {
    const FieldRow& field = client_fields[i - 2];
    const bool is_id = field.kind == FieldKind::ecosystem_id;
    columns[i] = {quoted(field.name), std::to_string(i + 1), is_id ? ColumnKind::ecosystem_id : ColumnKind::text};
  }
  return columns;
}

/// What `write(column)` returns for each column of a client, joined by `separator`.
template <class Write>
std::string join_columns(std::string_view separator, Write write) {
  std::string joined;
  for (const Column& column : client_columns()) {
    if (!joined.empty()) joined += separator;
    joined += write(column);
  }
  return joined;
}

/// The names of all columns of a client, separated by commas.
inline std::string column_names() {
  return join_columns(", ", [](const Column& column) { return column.name; });
}

/// One row of a result. `text(n)` is the text of the column `n`, counted from 0; it is absent if the column is null. A
/// number is written in decimal.
template <class R>
concept Row = requires(R& row, int n) {
  { row.text(n) } -> std::same_as<std::optional<std::string_view>>;
};

/// The integer in this column; absent if it contains anything else.
template <Row R>
std::optional<std::int64_t> read_integer(R& row, int column) {
  const std::string_view digits = row.text(column).value_or(std::string_view());
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

/// The client of a row that has all columns of a client in their order; absent if the row is not that of a client.
template <Row R>
std::optional<Client> read_client(R& row) {
  const auto text = [&](std::size_t column) { return row.text(static_cast<int>(column)); };
  const auto id = ClientId::parse(text(0).value_or(std::string_view()));
  const auto millis = read_integer(row, 1);
  const auto created_at = millis ? Timestamp::from_unix_millis(*millis) : std::nullopt;
  const auto ecosystem = EcosystemId::parse(text(2).value_or(std::string_view()));
  const auto type = parse_client_type(text(3).value_or(std::string_view()));
  if (!id || !created_at || !ecosystem || !type) return std::nullopt;
  ClientTexts::Array texts;
  for (std::size_t i = 0; i != texts.size(); ++i) {
    const auto bytes = text(first_text_column + i);
    if (bytes) texts[i] = Text::parse(std::string(*bytes));
    if (bytes && !texts[i]) return std::nullopt;
  }
  return Client(*id, *created_at, *ecosystem, *type, ClientTexts(std::move(texts)));
}

/// The state in a row of an ecosystem; absent for any other word. No row at all is `EcosystemState::unknown`.
constexpr std::optional<EcosystemState> parse_state(std::string_view word) noexcept {
  for (const EcosystemState state : {EcosystemState::active, EcosystemState::deleted}) {
    if (word == to_string(state)) return state;
  }
  return std::nullopt;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sql
