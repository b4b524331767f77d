// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// One connection to a server, with a deadline for everything that waits for the network: libpq's non-blocking functions
// and poll. It also decides what a reply proves, which is what the fates of faults rest on. Used by the pool, for the
// operations of a store, and by the opening.

#include <droplit/storage/postgres/handles.hpp>
#include <droplit/storage/postgres/hosts.hpp>

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/outcome.hpp>

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
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

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

enum class QueryStatus : std::uint8_t {
  completed,    ///< rows; what was changed is committed
  failed,       ///< the server's error; nothing was changed
  unsent,       ///< lost, or silent for too long, before the statement was sent; nothing was changed
  lost,         ///< lost, silent for too long, or not ready afterwards; what became of the statement is not known
  unconfirmed,  ///< committed, but the wait for a synchronous standby was cancelled
};

struct Reply {
  QueryStatus status = QueryStatus::lost;
  SqlState state;
  Result rows;
  bool is_late = false;  ///< lost, or unsent, because it was silent for too long

  /// The fault of a statement that changed nothing.
  [[nodiscard]] Fault fault(std::string_view operation) const {
    if (status != QueryStatus::failed) {
      return unavailable(operation, is_late ? "no answer before the time limit" : "the connection was lost", state);
    }
    return state.is_transient() ? unavailable(operation, "", state) : refused(operation, "", state);
  }
};

/// A connection on which nothing waits beyond a deadline. One thread at a time.
class Connection {
 public:
  /// Whether libpq can read the connection string. It says nothing about a server.
  static bool can_read(const std::string& conninfo) {
    const bool has_nul = conninfo.find('\0') != std::string::npos;
    return !has_nul && ParsedConninfo(PQconninfoParse(conninfo.c_str(), nullptr)) != nullptr;
  }

  /// Connects and makes the settings of the session, before `until` and within the target's own limit, of which each
  /// listed host gets its share. (The system's resolver, which looks up a host's name, knows neither.)
  static Outcome<std::unique_ptr<Connection>> connect(const Target& target, std::string_view operation,
                                                      Deadline until) {
    until = (std::min)(until, Time::now() + target.connect_timeout);
    const std::vector<Host> hosts = listed_hosts(target.conninfo);
    for (std::size_t i = 0;; ++i) {
      const Deadline now = Time::now();
      auto made = connect(target, hosts[i], operation, now + (until - now) / static_cast<int>(hosts.size() - i));
      if (made || i + 1 == hosts.size() || Time::now() >= until) return made;
    }
  }

  /// Makes sure that `held` can be used: if not, it is replaced by a new connection.
  static Outcome<Connection*> ensure(std::unique_ptr<Connection>& held, const Target& target,
                                     std::string_view operation, Deadline until) {
    if (!held || !held->is_ready()) {
      held.reset();
      auto made = connect(target, operation, until);
      if (!made) return std::move(made).as_failure();
      held = std::move(made).assume_value();
    }
    return held.get();
  }

  /// Whether nothing is under way. Does not ask the system, so the server may have closed it.
  [[nodiscard]] bool is_idle() const noexcept { return usable_ && PQtransactionStatus(handle_.get()) == PQTRANS_IDLE; }

  /// Whether it can be used now: nothing is under way, and the server has not closed it.
  [[nodiscard]] bool is_ready() noexcept {
    for (int i = 0; i != 16 && is_idle(); ++i) {
      if (!wait(POLLIN, {})) return true;
      usable_ = PQconsumeInput(handle_.get()) != 0 && PQisBusy(handle_.get()) == 0;
    }
    return false;
  }

  /// Runs a statement, one round trip if it was run before; `values` are texts, or null.
  Reply run(const Statement& statement, std::span<const char* const> values, Deadline until) {
    if (!local_settings_.empty()) return run_pooled(statement, values, until);
    for (; forgotten_ != most_forgotten; ++forgotten_) {
      Reply reply = prepare(statement, until);
      if (reply.status != QueryStatus::completed) return reply;
      reply = collect(PQsendQueryPrepared(handle_.get(), statement.name.c_str(), static_cast<int>(values.size()),
                                          values.data(), nullptr, nullptr, 0),
                      until);
      if (reply.status != QueryStatus::failed || !reply.state.is("26000")) return reply;
      prepared_.reset();
    }
    return collect(send(statement.text, values), until);
  }

  /// Prepares the statement; where sessions are shared, the server only checks it.
  Reply prepare(const Statement& statement, Deadline until) {
    Reply reply{QueryStatus::completed, {}, nullptr};
    if (prepared_[statement.index]) return reply;
    const bool named = local_settings_.empty();
    const char* const name = named ? statement.name.c_str() : "";
    reply = collect(PQsendPrepare(handle_.get(), name, statement.text.c_str(), 0, nullptr), until);
    const bool is_there = reply.status == QueryStatus::failed && reply.state.is("42P05");
    if (is_there) reply.status = QueryStatus::completed;
    if (reply.status == QueryStatus::lost) reply.status = QueryStatus::unsent;
    prepared_[statement.index] = named && reply.status == QueryStatus::completed;
    return reply;
  }

  /// Runs statements without parameters as one transaction, or one that must not be in a transaction; the rows are the
  /// last one's.
  Reply script(const std::string& sql, Deadline until) {
    const std::string all = local_settings_.empty() ? sql : local_settings_ + "; " + sql;
    return collect(PQsendQuery(handle_.get(), all.c_str()), until);
  }

 private:
  static constexpr int most_forgotten = 3;
  static constexpr int most_late_reads = 16;

  Connection(Handle handle, const Target& target)
      : handle_(std::move(handle)), local_settings_(target.pooled ? target.settings() : std::string()) {}

  /// Connects to one of the hosts.
  static Outcome<std::unique_ptr<Connection>> connect(const Target& target, const Host& host,
                                                      std::string_view operation, Deadline until) {
    // Later keywords override earlier ones, those in the connection string included; empty ones do not. PgBouncer would
    // leave an application's name in the session. As `dbname`, a blank connection string would be a database's name.
    const bool is_blank = target.conninfo.find_first_not_of(" \t\n\v\f\r") == std::string::npos;
    const std::array<const char*, 7> keywords{
        "fallback_application_name", "dbname", "client_encoding", "host", "hostaddr", "port", nullptr};
    const std::array<const char*, 7> values{target.pooled ? nullptr : "droplit",
                                            is_blank ? nullptr : target.conninfo.c_str(),
                                            "UTF8",
                                            host[0].c_str(),
                                            host[1].c_str(),
                                            host[2].c_str()};
    Handle owned(PQconnectStartParams(keywords.data(), values.data(), 1));
    PGconn* const handle = owned.get();
    std::unique_ptr<Connection> made(new Connection(std::move(owned), target));
    PQsetNoticeReceiver(handle, notice, made.get());
    PQsetErrorVerbosity(handle, PQERRORS_SQLSTATE);
    auto next = PQstatus(handle) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
      if (!made->wait_in_time(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until)) {
        return unavailable(operation, "no connection to the server before the time limit");
      }
      next = PQconnectPoll(handle);
    }
    if (next != PGRES_POLLING_OK) return unavailable(operation, "no connection to the server", made->last_state());
    PQsetnonblocking(handle, 1);
    for (const char* encoding : {"server_encoding", "client_encoding"}) {
      const char* const name = PQparameterStatus(handle, encoding);
      if (name == nullptr || std::string_view(name) != "UTF8") {
        return refused(operation, "the database's encoding is not UTF8");
      }
    }
    if (target.pooled) return made;
    const Reply set = made->script(target.settings(), until);
    if (set.status != QueryStatus::completed) return set.fault(operation);
    return made;
  }

  /// Takes the server's notices, which libpq would write to the standard error stream. Texts are in the server's
  /// language, so the function that sent one says which it is.
  static void notice(void* connection, const PGresult* result) noexcept {
    const char* const function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    if (function != nullptr && std::string_view(function) == "SyncRepWaitForLSN") {
      static_cast<Connection*>(connection)->unconfirmed_ = true;
    }
  }

  int send(const std::string& sql, std::span<const char* const> values) noexcept {
    return PQsendQueryParams(handle_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                             nullptr, nullptr, 0);
  }

  /// The settings and the statement in one transaction and one round trip.
  Reply run_pooled(const Statement& statement, std::span<const char* const> values, Deadline until) {
    PGconn* const handle = handle_.get();
    const bool sent = PQenterPipelineMode(handle) != 0 && send(local_settings_, {}) != 0 &&
                      send(statement.text, values) != 0 && PQpipelineSync(handle) != 0;
    Reply reply = collect(sent ? 1 : 0, until);
    usable_ = usable_ && PQexitPipelineMode(handle) != 0;
    return reply;
  }

  /// Sends what is to be sent and takes all that comes back, until the server is ready for more. `sent` is the result
  /// of libpq's sending function; if it is 0, a part may have been sent.
  Reply collect(int sent, Deadline until) {
    PGconn* const handle = handle_.get();
    Reply reply;
    unconfirmed_ = false;
    bool failed = false;
    bool ended = false;  // a null result ends a statement, a second one all of them
    for (bool open = sent != 0; open;) {
      const int unsent = PQflush(handle);
      while (PQisBusy(handle) == 0) {
        Result result(PQgetResult(handle));
        if (!result && ended) return judged(std::move(reply), failed);
        ended = !result;
        switch (PQresultStatus(result.get())) {
          case PGRES_TUPLES_OK:
          case PGRES_COMMAND_OK: reply.rows = std::move(result); break;
          case PGRES_PIPELINE_SYNC: break;
          case PGRES_COPY_OUT:
          case PGRES_COPY_IN:
          case PGRES_COPY_BOTH: return reply;  // nothing asked for it, and libpq would say so for ever
          default:
            if (!result || std::exchange(failed, true)) break;
            if (const char* code = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE))
              reply.state = SqlState::parse(code);
        }
      }
      reply.is_late = !wait_in_time(unsent > 0 ? POLLIN | POLLOUT : POLLIN, until);
      open = !reply.is_late && PQconsumeInput(handle) != 0;
    }
    usable_ = false;
    return reply;
  }

  /// Decides what a reply proves. Only a server that is ready again, on this connection and outside of a transaction,
  /// proves anything: rows come before the commit, and what ends a connection may come from a pooler whose server goes
  /// on. A server that ends sessions (class 57, except for a statement's limit) is not ready, so "ready" after it is a
  /// pooler's; and by 08 and 40003 the server says that it does not know either.
  Reply judged(Reply reply, bool failed) noexcept {
    const bool ready = PQtransactionStatus(handle_.get()) == PQTRANS_IDLE;
    const bool proof = reply.state.is("57014") || !(reply.state.code.empty() || reply.state.is("08", "40003", "57"));
    if (ready && !failed && reply.rows) {
      reply.status = unconfirmed_ ? QueryStatus::unconfirmed : QueryStatus::completed;
    } else if (ready && failed && proof) {
      reply.status = QueryStatus::failed;
      usable_ = reply.state.is("26000", "40001", "40P01", "42P05", "55P03", "57014");  // after others it is replaced
    } else {
      usable_ = false;
    }
    return reply;
  }

  /// Whether the socket became ready; asks once if `until` is past.
  bool wait(int events, Deadline until) const noexcept {
    pollfd one{PQsocket(handle_.get()), static_cast<short>(events), 0};
    if (one.fd < 0) return true;  // libpq has closed it, and reports that when asked
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Time::now()).count();
      const int found = ::poll(&one, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60 * 60 * 1000)));
      if (found > 0) return true;
      if (left <= 0) return false;
    }
  }

  /// The same, but false beyond `until` also where there is always something to read, except for the little that may
  /// have come in time.
  bool wait_in_time(int events, Deadline until) noexcept {
    late_reads_ = Time::now() < until ? 0 : late_reads_ + 1;
    return late_reads_ <= most_late_reads && wait(events, until);
  }

  /// The code of a connection that was refused: libpq gives it only as the last word of a text.
  [[nodiscard]] SqlState last_state() const {
    std::string_view text = PQerrorMessage(handle_.get());
    while (text.ends_with('\n')) text.remove_suffix(1);
    return SqlState::parse(text.substr(text.rfind(' ') + 1));
  }

  Handle handle_;
  std::string local_settings_;  // of each transaction; empty if the session is our own
  std::bitset<8> prepared_;
  int forgotten_ = 0;   // how often the server forgot a prepared statement; texts are sent after `most_forgotten`
  int late_reads_ = 0;  // in a row
  bool usable_ = true;
  bool unconfirmed_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
