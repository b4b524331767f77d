// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#if !defined(LIBPQ_HAS_PIPELINING)
#error "PostgresStorage needs libpq 14 or newer."
#endif

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

struct PostgresFinish {
  void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};
using PostgresHandle = std::unique_ptr<PGconn, PostgresFinish>;

struct PostgresClear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using PostgresResult = std::unique_ptr<PGresult, PostgresClear>;

using PostgresTime = std::chrono::steady_clock::time_point;

/// The five characters by which a server says what went wrong; none where it said nothing, or something else.
class SqlState {
 public:
  constexpr SqlState() noexcept = default;

  constexpr explicit SqlState(std::string_view code) noexcept {
    const auto right = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
    if (code.size() == code_.size() && std::all_of(code.begin(), code.end(), right)) {
      std::copy(code.begin(), code.end(), code_.begin());
    }
  }

  explicit SqlState(const PGresult* result) noexcept {
    if (const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE)) *this = SqlState(std::string_view(code));
  }

  [[nodiscard]] constexpr std::string_view text() const noexcept {
    return {code_.data(), code_[0] == '\0' ? 0 : code_.size()};
  }
  [[nodiscard]] constexpr bool is_none() const noexcept { return text().empty(); }

  /// Whether it is one of these, or of one of these classes: their first two characters.
  template <class... Codes>
  [[nodiscard]] constexpr bool is(Codes... codes) const noexcept {
    return (text().starts_with(std::string_view(codes)) || ...);
  }

  /// The server is busy or away and may be asked again soon: connections, resources, an operator, locks, conflicts, a
  /// standby.
  [[nodiscard]] constexpr bool is_passing() const noexcept {
    return is("08", "53", "57", "55P03", "40001", "40P01", "25006");
  }

 private:
  std::array<char, 5> code_{};
};

/// The failure of `operation` in words of ours, with the server's code if there is one. Never libpq's own text, which
/// may hold hosts, users and values.
inline std::string postgres_words(std::string_view operation, std::string_view what, SqlState state = {}) {
  std::string words("postgres ");
  words.append(operation).append(": ").append(what);
  if (!state.is_none()) words.append(what.empty() ? "SQLSTATE " : ", SQLSTATE ").append(state.text());
  return words;
}

/// What the server refused, so that surely nothing was kept.
inline Fault postgres_refused(std::string_view operation, SqlState state) {
  std::string words = postgres_words(operation, "", state);
  if (state.is_passing()) return Fault::unavailable(FaultSource::storage, std::move(words));
  return {FaultSource::storage, Fate::not_applied, std::move(words)};
}

/// What never reached the server, so that surely nothing was kept.
inline Fault postgres_away(std::string_view operation, std::string_view what, SqlState state = {}) {
  return Fault::unavailable(FaultSource::storage, postgres_words(operation, what, state));
}

inline std::string postgres_limit(std::string_view what, std::chrono::milliseconds limit) {
  return std::string(what).append(" within ").append(std::to_string(limit.count())).append(" ms");
}

/// A text of SQL in which `@` stands for the schema.
inline std::string postgres_sql(std::string_view text, std::string_view schema) {
  std::string sql;
  for (const char c : text) c == '@' ? sql.append(schema) : sql.append(1, c);
  return sql;
}

/// Where the server is, the limits that it sets itself for us, and whether its sessions are shared with others.
struct PostgresTarget {
  std::string conninfo;
  std::chrono::milliseconds connect_timeout;
  std::chrono::milliseconds statement_timeout;
  std::chrono::milliseconds lock_timeout;
  bool pooled = false;

  /// What a statement needs of its session, for the whole of it or for one transaction. Nothing else matters to one: it
  /// names its tables in full, has no literal with a backslash and no column but texts and integers.
  [[nodiscard]] std::string settings() const {
    const std::array<std::pair<const char*, std::string>, 4> all{{
        {"search_path", "pg_catalog"},       // for operators
        {"client_min_messages", "warning"},  // for a commit's
        {"statement_timeout", std::to_string(statement_timeout.count())},
        {"lock_timeout", std::to_string(lock_timeout.count())},
    }};
    std::string sql;
    for (const auto& [name, value] : all) {
      if (pooled) {
        sql.append(sql.empty() ? "SELECT " : ", ").append("pg_catalog.set_config('").append(name);
        sql.append("', '").append(value).append("', true)");
      } else {
        sql.append("SET ").append(name).append(" = '").append(value).append("'; ");
      }
    }
    return sql.append(pooled ? "" : "SET default_transaction_isolation = 'read committed'");
  }
};

/// Waits between one try and the next: longer each time, and never as long as others who wait for the same.
class PostgresPause {
 public:
  PostgresPause() : dice_(seed()) {}

  /// Not beyond `until`.
  void take(PostgresTime until) {
    using std::chrono::microseconds;
    std::uniform_int_distribution<std::int64_t> any(most_.count() / 4, most_.count());
    const PostgresTime end = std::chrono::steady_clock::now() + microseconds(any(dice_));
    std::this_thread::sleep_until((std::min)(end, until));
    most_ = (std::min)(most_ * 2, microseconds(std::chrono::milliseconds(100)));
  }

 private:
  static std::uint32_t seed() noexcept {
    const auto now = static_cast<std::size_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    return static_cast<std::uint32_t>(now ^ std::hash<std::thread::id>()(std::this_thread::get_id()));
  }

  std::minstd_rand dice_;
  std::chrono::microseconds most_{2000};
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
