// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Version 1 of the schema of PostgresStorage, and all that a server of that version sends to its database, as it was
// when that version was the latest. `@` is the schema.
#pragma once

#include <array>
#include <string_view>

namespace postgres_version_1 {

inline constexpr std::string_view creation =
    "CREATE SCHEMA @;"
    "CREATE TABLE @.droplit_versions (version integer PRIMARY KEY);"
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
    ");"
    "INSERT INTO @.droplit_versions (version) VALUES (1);";

inline constexpr std::string_view settings =
    "SET search_path = 'pg_catalog'; SET client_min_messages = 'warning'; SET statement_timeout = '2000'; "
    "SET lock_timeout = '1500'; SET default_transaction_isolation = 'read committed'";

/// The two questions of an opening.
inline constexpr std::array<std::string_view, 2> opening{
    "SELECT (SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = '@'), count(*),"
    " count(CASE WHEN c.relname = 'droplit_versions' AND c.relkind IN ('r', 'p') THEN 1 END)"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '@'",
    "SELECT coalesce(max(version), 0), count(*) FROM @.droplit_versions"};

inline constexpr std::string_view insert =
    "WITH home AS (SELECT state FROM @.ecosystems WHERE id = $3 FOR SHARE), "
    "kept AS (INSERT INTO @.clients AS c (id, created_at, ecosystem_id, type, name, description)"
    " SELECT $1::text, $2::bigint, $3::text, $4::text, $5::text, $6::text FROM home WHERE state = 'active' "
    "ON CONFLICT (id) DO NOTHING RETURNING 1)"
    " SELECT (SELECT state FROM home), (SELECT count(*) FROM kept)";

inline constexpr std::string_view insert_again =
    "WITH home AS (SELECT state FROM @.ecosystems WHERE id = $3 FOR SHARE), "
    "kept AS (INSERT INTO @.clients AS c (id, created_at, ecosystem_id, type, name, description)"
    " SELECT $1::text, $2::bigint, $3::text, $4::text, $5::text, $6::text FROM home WHERE state = 'active' "
    "ON CONFLICT (id) DO UPDATE SET type = c.type WHERE c.created_at = EXCLUDED.created_at"
    " AND c.ecosystem_id = EXCLUDED.ecosystem_id AND c.type = EXCLUDED.type"
    " AND c.name IS NOT DISTINCT FROM EXCLUDED.name AND c.description IS NOT DISTINCT FROM EXCLUDED.description"
    " RETURNING 1)"
    " SELECT (SELECT state FROM home), (SELECT count(*) FROM kept) + (SELECT count(*) FROM @.clients"
    " WHERE id = $1::text AND created_at = $2::bigint AND ecosystem_id = $3::text AND type = $4::text"
    " AND name IS NOT DISTINCT FROM $5::text AND description IS NOT DISTINCT FROM $6::text)";

inline constexpr std::string_view add_ecosystem =
    "INSERT INTO @.ecosystems AS e (id, state) VALUES ($1, 'active')"
    " ON CONFLICT (id) DO UPDATE SET state = e.state RETURNING state";

inline constexpr std::string_view delete_ecosystem =
    "WITH before AS (SELECT state FROM @.ecosystems WHERE id = $1 FOR UPDATE),"
    " deleted AS (UPDATE @.ecosystems SET state = 'deleted'"
    " WHERE id = $1 AND (SELECT state FROM before) = 'active' RETURNING 1)"
    " SELECT (SELECT state FROM before), (SELECT count(*) FROM deleted)";

inline constexpr std::string_view find_ecosystem = "SELECT (SELECT state FROM @.ecosystems WHERE id = $1)";

inline constexpr std::string_view find_client =
    "SELECT created_at, ecosystem_id, type, name, description FROM @.clients WHERE id = $1";

}  // namespace postgres_version_1
