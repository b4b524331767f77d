// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/storage/detail/sql.hpp>

#include "support/catch.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace droplit;
using detail::sql::Column;

struct TextRow {
  std::array<std::optional<std::string_view>, detail::sql::column_count> cells{
      "594b89aea18568c408c3ad25", "1519829816941", "C594b89aea18568c408c3ad24", "server", "a name", std::nullopt};
  std::optional<std::string_view> text(int column) { return cells[static_cast<std::size_t>(column)]; }
};

const Client client(*ClientId::parse("594b89aea18568c408c3ad25"), *Timestamp::from_unix_millis(1519829816941),
                    *EcosystemId::parse("C594b89aea18568c408c3ad24"), ClientType::server, Text::parse("a name"));

}  // namespace

TEST_CASE("a client has a column for its id, its time and each field") {
  CHECK(
      detail::sql::column_names().starts_with(R"("id", "created_at", "ecosystem_id", "type", "name", "description")"));
  const auto placeholder = [](const Column& column) { return "?" + column.number; };
  CHECK(detail::sql::join_columns(", ", placeholder).starts_with("?1, ?2, ?3, ?4, ?5, ?6"));
  CHECK(detail::sql::client_columns().size() == client_fields.size() + 2);
  for (const Column& column : detail::sql::client_columns()) {
    CHECK((column.kind == detail::sql::ColumnKind::created_at) == (column.name == "\"created_at\""));
    CHECK((column.kind == detail::sql::ColumnKind::ecosystem_id) == (column.name == "\"ecosystem_id\""));
  }
}

TEST_CASE("a row is read as the client that was written") {
  TextRow row;
  CHECK(detail::sql::read_client(row) == client);
  row.cells[0] = "x594b89aea18568c408c3ad25";
  CHECK(detail::sql::read_client(row)->id().letter() == 'x');
  row.cells[0] = "594b89aea18568c408c3ad25";
  row.cells[1] = std::string_view("15198298169410").substr(0, 13);  // what comes after a text is not read
  CHECK(detail::sql::read_client(row) == client);
}

TEST_CASE("an empty text and an absent one are different") {
  TextRow row;
  row.cells[5] = "";
  CHECK(detail::sql::read_client(row)->description() == Text::parse(""));
  CHECK_FALSE(detail::sql::read_client(row) == client);
}

TEST_CASE("a row with one invalid column is not a client") {
  const std::array<std::string_view, 6> invalid{"id", "12x", "594b89aea18568c408c3ad24", "Server", "\xFF", "\xC0"};
  for (std::size_t i = 0; i != invalid.size(); ++i) {
    TextRow row;
    row.cells[i] = invalid[i];
    INFO(i);
    CHECK_FALSE(detail::sql::read_client(row));
    if (i >= detail::sql::first_text_column) continue;
    row.cells[i] = std::nullopt;
    CHECK_FALSE(detail::sql::read_client(row));
  }
  TextRow row;
  for (const auto* const out_of_range : {"9223372036854775807", "9223372036854775808", "-9223372036854775808", ""}) {
    row.cells[1] = out_of_range;
    CHECK_FALSE(detail::sql::read_client(row));
  }
}

TEST_CASE("a state is read from the two words that are written, and from no other") {
  CHECK(detail::sql::parse_state("active") == EcosystemState::active);
  CHECK(detail::sql::parse_state("deleted") == EcosystemState::deleted);
  for (const auto* const word : {"unknown", "", "Active", "active "}) CHECK_FALSE(detail::sql::parse_state(word));
}
