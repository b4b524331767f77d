// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The small parts that the other headers of this folder share: owners of what libpq allocates, the server's error
// codes, the words of faults, a statement, where a server is and the settings of its sessions, and the wait between two
// tries.

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/sleeper.hpp>
#include <droplit/storage/detail/sql.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#if !defined(LIBPQ_HAS_PIPELINING)
#error "PostgresStorage needs libpq 14 or newer."
#endif

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

using Handle = std::unique_ptr<PGconn, sql::Deleter<PQfinish>>;
using Result = std::unique_ptr<PGresult, sql::Deleter<PQclear>>;
using ParsedConninfo = std::unique_ptr<PQconninfoOption, sql::Deleter<PQconninfoFree>>;
using Time = std::chrono::steady_clock;
using Deadline = Time::time_point;

/// A SQLSTATE: the five characters that say what went wrong (PostgreSQL's documentation, appendix A). Empty if the
/// server sent none, or anything else.
struct SqlState {
  std::string code;

  static SqlState parse(std::string_view text) {
    const bool valid = text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos;
    return {std::string(valid && text.size() == 5 ? text : std::string_view())};
  }

  /// Whether it is one of these, or of one of these classes: their first two characters.
  template <class... Codes>
  [[nodiscard]] bool is(Codes... codes) const noexcept {
    return (code.starts_with(codes) || ...);
  }

  /// The server is busy or away and may be asked again soon: connections, resources, an operator, locks, conflicts, a
  /// standby.
  [[nodiscard]] bool is_transient() const noexcept { return is("08", "53", "57", "55P03", "40001", "40P01", "25006"); }
};

/// The failure of `operation` in words of ours, with the server's code if there is one. Never libpq's own text, which
/// may contain hosts, users and values.
inline std::string words(std::string_view operation, std::string_view what, const SqlState& state = {}) {
  std::string text("postgres ");
  text.append(operation).append(": ").append(what);
  if (!state.code.empty()) text.append(what.empty() ? "SQLSTATE " : ", SQLSTATE ").append(state.code);
  return text;
}

/// The server was not reached or is busy, and nothing was changed.
inline Fault unavailable(std::string_view operation, std::string_view what, const SqlState& state = {}) {
  return Fault::unavailable(FaultSource::storage, words(operation, what, state));
}

/// Trying again does not help, and nothing was changed.
inline Fault refused(std::string_view operation, std::string_view why, const SqlState& state = {}) {
  return {FaultSource::storage, Fate::not_applied, words(operation, why, state)};
}

inline std::string within(std::string_view what, std::chrono::milliseconds limit) {
  return std::string(what).append(" within ").append(std::to_string(limit.count())).append(" ms");
}

/// A text of SQL in which `@` is the schema; outside of literals in quotes, since it may be a word of SQL.
inline std::string with_schema(std::string_view text, std::string_view schema) {
  std::string sql;
  bool in_literal = false;
  for (const char c : text) {
    if (c == '\'') in_literal = !in_literal;
    if (c != '@') {
      sql += c;
    } else {
      sql.append(in_literal ? "" : "\"").append(schema).append(in_literal ? "" : "\"");
    }
  }
  return sql;
}

/// One of the few statements of a store. Its name is made of its text: in a session that several programs share, no
/// program runs another's statement by it.
struct Statement {
  Statement(std::size_t number, std::string_view schema, std::string_view sql)
      : index(number),
        text(with_schema(sql, schema)),
        name("droplit_" + std::to_string(std::hash<std::string>()(text))) {}

  std::size_t index;  ///< below 8
  std::string text;
  std::string name;
};

/// Where the server is, the limits that its sessions have, and whether they are shared with other programs.
struct Target {
  std::string conninfo;
  std::chrono::milliseconds connect_timeout;
  std::chrono::milliseconds statement_timeout;
  std::chrono::milliseconds lock_timeout;
  bool pooled = false;

  /// A statement that makes the settings, for the session or, if it is pooled, for the transaction. Statements need no
  /// others: they name their tables in full, and have no literal with a backslash and no column but texts and integers.
  [[nodiscard]] std::string settings() const {
    std::string sql("SELECT ");
    const auto set = [&](std::string_view name, std::string_view value) {
      sql.append(sql.back() == ' ' ? "" : ", ").append("pg_catalog.set_config('").append(name);
      sql.append("', '").append(value).append(pooled ? "', true)" : "', false)");
    };
    set("search_path", "pg_catalog");       // for operators
    set("client_min_messages", "warning");  // for those of a commit
    set("statement_timeout", std::to_string(statement_timeout.count()));
    set("lock_timeout", std::to_string(lock_timeout.count()));
    if (!pooled) set("default_transaction_isolation", "read committed");
    // Rows are found by an index, in its order: also by plans made for small tables, or with old statistics of keys.
    set("enable_seqscan", "off");
    set("enable_sort", "off");
    set("jit", "off");  // which costs more than any of our statements
    return sql;
  }
};

/// Sleeps between two tries: longer each time, up to `longest`, and for a random part of it, so that others who wait
/// for the same do not try at the same time.
class Backoff {
 public:
  explicit Backoff(std::chrono::microseconds longest = std::chrono::milliseconds(100)) noexcept : longest_(longest) {}

  /// Not beyond `until`.
  void sleep(Deadline until) {
    const auto part = SystemSleeper().random_bits() % 768 + 256;  // from a quarter, in 1024ths
    std::this_thread::sleep_until((std::min)(Time::now() + most_ * part / 1024, until));
    most_ = (std::min)(most_ * 2, longest_);
  }

 private:
  std::chrono::microseconds longest_;
  std::chrono::microseconds most_{2000};
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
