// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "postgres_handles.hpp"

#include "../../detail/config.hpp"
#include "../../fault.hpp"
#include "../../outcome.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Where the server is, and the limits that it sets itself for us.
struct PostgresTarget {
  std::string conninfo;
  std::chrono::milliseconds connect_timeout;
  std::chrono::milliseconds statement_timeout;
  std::chrono::milliseconds lock_timeout;
};

/// One of the few statements of a store. Its name tells its text, so that behind a pooler nobody else's is run by it.
struct PostgresStatement {
  PostgresStatement(std::size_t number, std::string sql) : index(number), text(std::move(sql)), name("droplit_") {
    std::uint64_t hash = 0xCBF29CE484222325u;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    for (int shift = 60; shift >= 0; shift -= 4) name += "0123456789abcdef"[hash >> shift & 15];
  }

  std::size_t index;  // below 8
  std::string text;
  std::string name;
};

enum class PostgresEnd : std::uint8_t {
  answered,  ///< rows; what was changed is committed
  refused,   ///< the server's error; surely nothing was changed
  unsent,    ///< lost, or silent for too long, before all was sent; surely nothing was changed
  lost,      ///< lost, or silent for too long, afterwards; nobody can say
};

struct PostgresReply {
  PostgresEnd end = PostgresEnd::lost;
  SqlState state;
  PostgresResult rows;
};

/// A connection on which nothing ever waits beyond a time given. One thread at a time.
class PostgresConnection {
 public:
  /// Whether it is a connection string in libpq's eyes. It says nothing about a server.
  static bool can_read(const std::string& conninfo) {
    if (conninfo.find('\0') != std::string::npos) return false;
    return std::unique_ptr<PQconninfoOption, Free>(PQconninfoParse(conninfo.c_str(), nullptr)) != nullptr;
  }

  /// Connects and sets the session up, before `until` and within the target's own limit. (The system's resolver, which
  /// looks up a host's name, knows neither.)
  static Outcome<std::unique_ptr<PostgresConnection>> connect(const PostgresTarget& target, std::string_view operation,
                                                              PostgresTime until) {
    until = (std::min)(until, std::chrono::steady_clock::now() + target.connect_timeout);
    const std::unique_ptr<PQconninfoOption, Free> given(PQconninfoParse(target.conninfo.c_str(), nullptr));
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    const auto add = [&](const char* keyword, const char* value) {
      keywords.push_back(keyword);
      values.push_back(value);
    };
    add("fallback_application_name", "droplit");
    for (const auto* each = given.get(); each != nullptr && each->keyword != nullptr; ++each) {
      if (each->val != nullptr) add(each->keyword, each->val);
    }
    add("client_encoding", "UTF8");
    add(nullptr, nullptr);

    std::unique_ptr<PostgresConnection> made(
        new PostgresConnection(PQconnectStartParams(keywords.data(), values.data(), 0)));
    PGconn* const handle = made->handle_.get();
    PQsetNoticeReceiver(
        handle, [](void*, const PGresult*) {}, nullptr);  // or they go to the standard error stream
    PQsetErrorVerbosity(handle, PQERRORS_SQLSTATE);
    auto next = PQstatus(handle) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
      if (!made->wait(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until)) {
        return postgres_away(operation, "the server let nobody in before the time limit");
      }
      next = PQconnectPoll(handle);
    }
    if (next != PGRES_POLLING_OK) return postgres_away(operation, "no connection to the server", made->last_state());
    PQsetnonblocking(handle, 1);
    const char* encoding = PQparameterStatus(handle, "server_encoding");
    if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
      return Fault(FaultSource::storage, Fate::not_applied,
                   postgres_words(operation, "the database's encoding is not UTF8"));
    }
    const PostgresReply set = made->script(
        "SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET search_path = pg_catalog;"
        "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET default_transaction_isolation = 'read committed';"
        "SET statement_timeout = " +
            std::to_string(target.statement_timeout.count()) +
            "; SET lock_timeout = " + std::to_string(target.lock_timeout.count()),
        until);
    if (set.end == PostgresEnd::answered) return made;
    if (set.end == PostgresEnd::refused) return postgres_refused(operation, set.state);
    return postgres_away(operation, "no connection to the server");
  }

  /// Whether it can be used now: nothing is under way, and the server has not closed it.
  [[nodiscard]] bool is_ready() noexcept {
    for (int i = 0; i != 16 && usable_ && PQtransactionStatus(handle_.get()) == PQTRANS_IDLE; ++i) {
      if (!wait(POLLIN, {})) return true;
      usable_ = PQconsumeInput(handle_.get()) != 0 && PQisBusy(handle_.get()) == 0;
    }
    return false;
  }

  /// Runs a statement, one round trip if it was run before; `values` are texts, or null.
  PostgresReply run(const PostgresStatement& statement, std::span<const char* const> values, PostgresTime until) {
    const int count = static_cast<int>(values.size());
    for (;;) {
      const bool by_name = forgotten_ < 3;  // behind a pooler that forgets, the text is sent each time
      if (by_name) {
        PostgresReply prepared = prepare(statement, until);
        if (prepared.end != PostgresEnd::answered) return prepared;
      }
      const int sent = by_name ? PQsendQueryPrepared(handle_.get(), statement.name.c_str(), count, values.data(),
                                                     nullptr, nullptr, 0)
                               : PQsendQueryParams(handle_.get(), statement.text.c_str(), count, nullptr, values.data(),
                                                   nullptr, nullptr, 0);
      PostgresReply reply = sent != 0 ? collect(until) : broken(PostgresEnd::unsent);
      if (!by_name || reply.end != PostgresEnd::refused || !reply.state.is("26000")) return reply;
      prepared_.reset();
      ++forgotten_;
    }
  }

  /// Has the server know the statement.
  PostgresReply prepare(const PostgresStatement& statement, PostgresTime until) {
    PostgresReply reply{PostgresEnd::answered, {}, nullptr};
    if (prepared_[statement.index]) return reply;
    const int sent = PQsendPrepare(handle_.get(), statement.name.c_str(), statement.text.c_str(), 0, nullptr);
    reply = sent != 0 ? collect(until) : broken(PostgresEnd::unsent);
    if (reply.end == PostgresEnd::refused && reply.state.is("42P05")) reply.end = PostgresEnd::answered;  // it does
    if (reply.end == PostgresEnd::lost) reply.end = PostgresEnd::unsent;
    prepared_[statement.index] = reply.end == PostgresEnd::answered;
    return reply;
  }

  /// Runs several statements without parameters as one transaction.
  PostgresReply script(const std::string& sql, PostgresTime until) {
    return PQsendQuery(handle_.get(), sql.c_str()) != 0 ? collect(until) : broken(PostgresEnd::unsent);
  }

 private:
  struct Free {
    void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
  };

  explicit PostgresConnection(PGconn* handle) noexcept : handle_(handle) {}

  PostgresReply broken(PostgresEnd end) noexcept {
    usable_ = false;
    return {end, {}, nullptr};
  }

  /// Sends what is to be sent and takes all that comes back, until the server is ready for more.
  PostgresReply collect(PostgresTime until) noexcept {
    PGconn* const handle = handle_.get();
    PostgresReply reply;
    bool sent = false;
    bool failed = false;
    for (bool open = true;;) {
      const int unsent = PQflush(handle);
      sent = sent || unsent == 0;
      while (PQisBusy(handle) == 0) {
        PostgresResult result(PQgetResult(handle));
        if (!result) return judged(std::move(reply), sent, failed);
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
          reply.rows = std::move(result);
        } else if (!std::exchange(failed, true)) {
          reply.state = SqlState(result.get());
        }
      }
      if (unsent < 0 || !open || !wait(unsent > 0 ? POLLIN | POLLOUT : POLLIN, until)) break;
      open = PQconsumeInput(handle) != 0;
    }
    usable_ = false;
    return judged(std::move(reply), sent, failed);
  }

  /// Rows are no proof, since the commit comes after them; nor is an error, unless the server was ready afterwards and
  /// did not say that it does not know either. The operator's word that ends a session is one if no rows came before.
  PostgresReply judged(PostgresReply reply, bool sent, bool failed) noexcept {
    const bool ready = usable_ && PQstatus(handle_.get()) == CONNECTION_OK;
    const bool proof = !reply.state.is_none() && !reply.state.is("08", "40003");
    if (ready && !failed && reply.rows) {
      reply.end = PostgresEnd::answered;
    } else if (failed && (ready ? proof : !reply.rows && reply.state.is("57"))) {
      reply.end = PostgresEnd::refused;
      usable_ = ready && reply.state.is("26000", "40001", "40P01", "42P05", "55P03", "57014");  // else best anew
    } else {
      reply.end = sent ? PostgresEnd::lost : PostgresEnd::unsent;
      usable_ = false;
    }
    return reply;
  }

  /// Whether the socket came to be ready; asks once where `until` is past.
  bool wait(int events, PostgresTime until) const noexcept {
    pollfd one{PQsocket(handle_.get()), static_cast<short>(events), 0};
    if (one.fd < 0) return true;  // libpq gave it up, and says so when asked
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
      const int found = ::poll(&one, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60 * 60 * 1000)));
      if (found > 0) return true;
      if (left <= 0) return false;
    }
  }

  /// The code of a connection that was refused, which libpq gives away only as the end of a text.
  [[nodiscard]] SqlState last_state() const noexcept {
    std::string_view text = PQerrorMessage(handle_.get());
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (text.size() < 6 || text[text.size() - 6] != ' ') return {};
    return SqlState(text.substr(text.size() - 5));
  }

  PostgresHandle handle_;
  std::bitset<8> prepared_;
  int forgotten_ = 0;
  bool usable_ = true;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
