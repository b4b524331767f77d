// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The table of steps by which a schema becomes that of version 1, 2, ...: a new version is a row at its end. `Opening`
// takes the steps that a schema lacks.
//
// Servers of earlier versions go on while a step is taken and after it, so from version 2 on a step only adds: columns
// without a default, and indexes. A step that was cut off is taken again from its beginning, so its SQL says IF NOT
// EXISTS. In all texts `@` is the schema.

#include <droplit/detail/config.hpp>

#include <array>
#include <span>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

/// An index that a step adds, built without a lock against writers.
struct Index {
  bool is_unique;
  const char* name;
  const char* table;
  const char* rows;  ///< its columns and, if it is partial, its condition
};

struct Step {
  const char* sql;  ///< one transaction
  std::span<const Index> indexes = {};
};

/// For `insert_once`: both only over the rows that have a key.
inline constexpr std::array<Index, 2> idempotency_key_indexes{{
    {true, "clients_idempotency_key", "@.clients", "(ecosystem_id, idempotency_key) WHERE idempotency_key IS NOT NULL"},
    {false, "clients_idempotency_key_age", "@.clients", "(created_at) WHERE idempotency_key IS NOT NULL"},
}};

inline constexpr auto steps = std::to_array<Step>({
    {"CREATE TABLE @.droplit_versions (version integer PRIMARY KEY);"
     "CREATE TABLE @.ecosystems ("
     " id text PRIMARY KEY,"
     " state text NOT NULL CHECK (state IN ('active', 'deleted'))"
     ");"
     "CREATE TABLE @.clients ("
     " id text PRIMARY KEY,"
     " created_at bigint NOT NULL,"
     " ecosystem_id text NOT NULL REFERENCES @.ecosystems (id),"
     " type text NOT NULL CHECK (type IN ('application', 'server')),"
     " name text,"
     " description text"
     ");"},
    {"ALTER TABLE @.clients ADD COLUMN IF NOT EXISTS idempotency_key text;", idempotency_key_indexes},
});

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
