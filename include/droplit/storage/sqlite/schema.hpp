// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The tables of a store's file, as the steps that make them: step n makes version n of version n - 1, and a blank file
// takes all of them. The version is the file's `user_version`, which each step sets. `Opening` takes the steps that a
// file lacks, in one transaction. A new column is one more step; what a step that was released makes never changes.

#include <droplit/storage/sqlite/handles.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/id.hpp>
#include <droplit/storage.hpp>

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite {

/// What marks our databases, in their header.
inline constexpr std::uint32_t application_id = 0x64726F70;  // "drop"

inline constexpr auto schema_steps = std::to_array<const char*>({
    // 1
    "CREATE TABLE ecosystems ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('active', 'deleted'))"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE clients ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " ecosystem_id TEXT NOT NULL REFERENCES ecosystems (id),"
    " type TEXT NOT NULL CHECK (type IN ('application', 'server')),"
    " name TEXT,"
    " description TEXT"
    ") STRICT;"
    "PRAGMA application_id = 0x64726F70;"
    "PRAGMA user_version = 1",
    // 2: ids as bytes, and a client's id as the one key; idempotency keys. The tables have other names, so that
    // each statement of version 1 fails on a connection that is still open, and none finds nothing
    "CREATE TABLE ecosystem ("
    " id BLOB PRIMARY KEY NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('active', 'deleted'))"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE client ("
    " id BLOB PRIMARY KEY NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " ecosystem_id BLOB NOT NULL REFERENCES ecosystem (id),"
    " type TEXT NOT NULL CHECK (type IN ('application', 'server')),"
    " name TEXT,"
    " description TEXT,"
    " idempotency_key TEXT"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO ecosystem"
    " SELECT pack_id(iif(id GLOB 'C*' AND length(CAST(id AS BLOB)) = 25, substr(id, 2), NULL)), state FROM ecosystems;"
    "INSERT INTO client SELECT pack_id(id), created_at, pack_id(substr(ecosystem_id, 2)), type, name,"
    " description, NULL FROM clients;"
    "DROP TABLE clients;"
    "DROP TABLE ecosystems;"
    "CREATE UNIQUE INDEX clients_by_key ON client (ecosystem_id, idempotency_key) WHERE idempotency_key IS NOT NULL;"
    "CREATE INDEX keyed_clients_by_age ON client (created_at) WHERE idempotency_key IS NOT NULL;"
    "PRAGMA user_version = 2",
});

inline constexpr std::uint32_t schema_version = schema_steps.size();

/// What a file with these marks is to the store.
constexpr StoreState state_of(std::int64_t application, std::int64_t version, bool has_tables) noexcept {
  if (application == 0 && version == 0 && !has_tables) return StoreState::absent;
  if (application != application_id || version < 1 || version > schema_version) return StoreState::foreign;
  return version == schema_version ? StoreState::current : StoreState::older;
}

/// The SQL function `pack_id` of the steps: an id, as text, to what a column contains. An ecosystem's is given without
/// its letter, which the shorter blob does not contain.
inline void pack_id_text(sqlite3_context* context, int, sqlite3_value** arguments) {
  const auto* const text = reinterpret_cast<const char*>(sqlite3_value_text(arguments[0]));
  const auto size = static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]));
  const auto id = text != nullptr ? ClientId::parse({text, size}) : std::nullopt;
  if (!id) return sqlite3_result_error_code(context, SQLITE_CORRUPT);
  const std::string packed = pack_id(id->bytes(), id->letter());
  sqlite3_result_blob64(context, packed.data(), packed.size(), SQLITE_TRANSIENT);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::sqlite
