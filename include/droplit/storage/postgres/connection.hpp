// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/postgres/handles.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>

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
  answered,     ///< rows; what was changed is committed
  refused,      ///< the server's error; surely nothing was changed
  unsent,       ///< lost, or silent for too long, before the statement was sent; surely nothing was changed
  lost,         ///< lost, silent for too long, or not ready afterwards; what became of the statement is not known
  unconfirmed,  ///< committed, but the wait for a synchronous standby was cancelled
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
    if (!target.pooled) add("fallback_application_name", "droplit");  // PgBouncer would leave it in the session
    for (const auto* each = given.get(); each != nullptr && each->keyword != nullptr; ++each) {
      if (each->val != nullptr) add(each->keyword, each->val);
    }
    add("client_encoding", "UTF8");
    add(nullptr, nullptr);

    std::unique_ptr<PostgresConnection> made(
        new PostgresConnection(PQconnectStartParams(keywords.data(), values.data(), 0), target));
    PGconn* const handle = made->handle_.get();
    PQsetNoticeReceiver(handle, notice, made.get());
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
    for (const char* encoding : {"server_encoding", "client_encoding"}) {
      const char* name = PQparameterStatus(handle, encoding);
      if (name == nullptr || std::string_view(name) != "UTF8") {
        return Fault(FaultSource::storage, Fate::not_applied,
                     postgres_words(operation, "the database's encoding is not UTF8"));
      }
    }
    if (target.pooled) return made;
    const PostgresReply set = made->script(target.settings(), until);
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
    if (!local_settings_.empty()) return run_pooled(statement, values, until);
    for (;;) {
      const bool by_name = forgotten_ < 3;  // where it is forgotten each time the text is sent
      if (by_name) {
        PostgresReply prepared = prepare(statement, until);
        if (prepared.end != PostgresEnd::answered) return prepared;
      }
      const int sent = by_name
                           ? PQsendQueryPrepared(handle_.get(), statement.name.c_str(), static_cast<int>(values.size()),
                                                 values.data(), nullptr, nullptr, 0)
                           : send(statement.text, values);
      PostgresReply reply = collect(sent, until);
      if (!by_name || reply.end != PostgresEnd::refused || !reply.state.is("26000")) return reply;
      prepared_.reset();
      ++forgotten_;
    }
  }

  /// Has the server know the statement; where sessions are shared, only look at it.
  PostgresReply prepare(const PostgresStatement& statement, PostgresTime until) {
    PostgresReply reply{PostgresEnd::answered, {}, nullptr};
    if (prepared_[statement.index]) return reply;
    const bool named = local_settings_.empty();
    reply = collect(
        PQsendPrepare(handle_.get(), named ? statement.name.c_str() : "", statement.text.c_str(), 0, nullptr), until);
    if (reply.end == PostgresEnd::refused && reply.state.is("42P05")) reply.end = PostgresEnd::answered;  // it does
    if (reply.end == PostgresEnd::lost) reply.end = PostgresEnd::unsent;
    prepared_[statement.index] = named && reply.end == PostgresEnd::answered;
    return reply;
  }

  /// Runs several statements without parameters as one transaction; the rows are the last one's.
  PostgresReply script(const std::string& sql, PostgresTime until) {
    const std::string all = local_settings_.empty() ? sql : local_settings_ + "; " + sql;
    return collect(PQsendQuery(handle_.get(), all.c_str()), until);
  }

 private:
  struct Free {
    void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
  };

  PostgresConnection(PGconn* handle, const PostgresTarget& target)
      : handle_(handle), local_settings_(target.pooled ? target.settings() : std::string()) {}

  /// A notice of the server's; without this they go to the standard error stream. Texts are in the server's language.
  static void notice(void* connection, const PGresult* result) noexcept {
    const char* function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    if (function != nullptr && std::string_view(function) == "SyncRepWaitForLSN") {
      static_cast<PostgresConnection*>(connection)->unconfirmed_ = true;
    }
  }

  int send(const std::string& sql, std::span<const char* const> values) noexcept {
    return PQsendQueryParams(handle_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                             nullptr, nullptr, 0);
  }

  /// The settings and the statement, which are one transaction and one round trip: nothing between them waits.
  PostgresReply run_pooled(const PostgresStatement& statement, std::span<const char* const> values,
                           PostgresTime until) {
    PGconn* const handle = handle_.get();
    const bool sent = PQenterPipelineMode(handle) != 0 && send(local_settings_, {}) != 0 &&
                      send(statement.text, values) != 0 && PQpipelineSync(handle) != 0;
    PostgresReply reply = collect(sent ? 1 : 0, until);
    usable_ = usable_ && PQexitPipelineMode(handle) != 0;
    return reply;
  }

  /// Sends what is to be sent and takes all that comes back, until the server is ready for more. `sent` is what the
  /// function of libpq said that was to send it; if it was 0, a part may have been sent.
  PostgresReply collect(int sent, PostgresTime until) noexcept {
    PGconn* const handle = handle_.get();
    PostgresReply reply;
    unconfirmed_ = false;
    bool failed = false;
    bool ended = false;  // a null result ends a statement, a second one all of them
    for (bool open = sent != 0; open;) {
      const int unsent = PQflush(handle);
      while (PQisBusy(handle) == 0) {
        PostgresResult result(PQgetResult(handle));
        if (!result && ended) return judged(std::move(reply), failed);
        ended = !result;
        switch (PQresultStatus(result.get())) {
          case PGRES_TUPLES_OK:
          case PGRES_COMMAND_OK: reply.rows = std::move(result); break;
          case PGRES_PIPELINE_SYNC: break;
          default:
            if (result && !std::exchange(failed, true)) reply.state = SqlState(result.get());
        }
      }
      if (unsent < 0 || !wait(unsent > 0 ? POLLIN | POLLOUT : POLLIN, until)) break;
      open = PQconsumeInput(handle) != 0;
    }
    usable_ = false;
    return reply;
  }

  /// What a reply means. Only a server that is ready again, on this connection and outside of a transaction, proves
  /// anything: rows come before the commit, and what ends a connection may be said by a pooler whose server goes on.
  /// One that ends sessions (class 57, a statement's limit aside) is not ready, so that it is a pooler that says so;
  /// and 08 and 40003 say that the server does not know either.
  PostgresReply judged(PostgresReply reply, bool failed) noexcept {
    const bool ready = PQtransactionStatus(handle_.get()) == PQTRANS_IDLE;
    const bool proof = reply.state.is("57014") || !(reply.state.is_none() || reply.state.is("08", "40003", "57"));
    if (ready && !failed && reply.rows) {
      reply.end = unconfirmed_ ? PostgresEnd::unconfirmed : PostgresEnd::answered;
    } else if (ready && failed && proof) {
      reply.end = PostgresEnd::refused;
      usable_ = reply.state.is("26000", "40001", "40P01", "42P05", "55P03", "57014");  // else best anew
    } else {
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
  std::string local_settings_;  // of each transaction; empty where the session is our own
  std::bitset<8> prepared_;
  int forgotten_ = 0;
  bool usable_ = true;
  bool unconfirmed_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
