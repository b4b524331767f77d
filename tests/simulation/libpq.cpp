// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The functions of libpq that the library calls, over the simulated database: connections that are refused, lost and
// silent, and a pooler that answers for its server.
#include "database.hpp"

#include <libpq-fe.h>

#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

struct pg_result {
  ExecStatusType status = PGRES_EMPTY_QUERY;
  sim::Cells cells;
  std::string state;
  std::string function;
};

namespace {

using sim::scheduler;

/// What a connection gets: a result, or that the server is ready, or the end.
struct Message {
  enum class Kind { result, notice, ready, lost } kind = Kind::result;
  pg_result result;
};

/// Outlives its PGconn while messages are on the way.
struct Wire : sim::PolledSocket {
  std::deque<Message> arrived;  // not taken by PQconsumeInput yet
  bool lost = false;
  sim::Process* process = nullptr;
  int life = 0;  // of the database

  bool is_readable() override { return !arrived.empty() || lost || (process != nullptr && process->dead); }

  void deliver(const std::shared_ptr<Wire>& self, Message message, sim::Nanos delay) {
    arrival = std::max(arrival + 1, scheduler().now() + delay);
    scheduler().at(arrival, [self, message = std::move(message)] {
      if (self->lost) return;
      if (message.kind == Message::Kind::lost) {
        self->lost = true;
      } else {
        self->arrived.push_back(message);
      }
      scheduler().notify(self->readers);
    });
  }

  sim::Nanos arrival = 0;
};

pg_result rows(const sim::Cells& cells) {
  pg_result result;
  result.status = PGRES_TUPLES_OK;
  result.cells = cells;
  return result;
}

pg_result error(const std::string& state) {
  pg_result result;
  result.status = PGRES_FATAL_ERROR;
  result.state = state;
  return result;
}

}  // namespace

struct pg_conn {
  std::shared_ptr<Wire> wire = std::make_shared<Wire>();
  int descriptor = 0;
  bool failed = false;
  bool busy = false;  // a statement is under way
  bool in_pipeline = false;
  std::deque<Message> taken;
  bool null_due = false;  // after the results of a statement
  bool known_lost = false;
  std::string message;
  std::map<std::string, std::string> prepared;
  PQnoticeReceiver receiver = nullptr;
  void* receiver_argument = nullptr;
  std::vector<std::pair<std::string, sim::Cells>> pipeline;

  void send(const std::string& sql, sim::Cells values);
  void answer(const sim::Reply& reply, const std::shared_ptr<Wire>& to);
};

namespace {

int next_descriptor = sim::first_descriptor;

sim::StatementKind kind_of(const std::string& sql) {
  if (sql.find("DO UPDATE SET type") != std::string::npos) return sim::StatementKind::insert_again;
  if (sql.starts_with("WITH setting")) return sim::StatementKind::batch;
  if (sql.starts_with("WITH owner")) return sim::StatementKind::insert_once;
  if (sql.starts_with("WITH ecosystem")) return sim::StatementKind::insert;
  return sim::StatementKind::settings;
}

sim::Nanos delay() { return scheduler().random().between(30 * sim::micro, 600 * sim::micro); }

enum class Trouble {
  none,
  lost_before,
  lost_after,
  rows_then_lost,
  pooler_57,
  pooler_57_after_rows,
  pooler_ready_57,
  code_08,
  unconfirmed,
  deadlock,
  cancelled,
  silent,
  forgotten
};

Trouble draw_trouble() {
  const auto& site = sim::database_site();
  if (scheduler().random().below(1000) >= site.trouble) return Trouble::none;
  static constexpr Trouble all[] = {Trouble::lost_before, Trouble::lost_after,  Trouble::rows_then_lost,
                                    Trouble::code_08,     Trouble::unconfirmed, Trouble::deadlock,
                                    Trouble::cancelled,   Trouble::silent,      Trouble::forgotten};
  static constexpr Trouble of_pooler[] = {Trouble::pooler_57, Trouble::pooler_57_after_rows, Trouble::pooler_ready_57};
  return site.pooler && scheduler().random().one_in(2) ? scheduler().random().one_of(of_pooler)
                                                       : scheduler().random().one_of(all);
}

}  // namespace

void pg_conn::send(const std::string& sql, sim::Cells values) {
  busy = true;
  const auto to = wire;
  const auto reply_ready = [to](std::vector<Message> messages, sim::Nanos after) {
    for (Message& each : messages) to->deliver(to, std::move(each), after);
  };
  const sim::StatementKind kind = kind_of(sql);
  using Kind = Message::Kind;
  if (wire->process->dead) {
    wire->lost = true;
    return;
  }
  if (kind == sim::StatementKind::settings) {
    return reply_ready({{Kind::result, rows({""})}, {Kind::ready, {}}}, delay());
  }
  if (kind == sim::StatementKind::batch) {  // as if a lock was held: then each insert goes alone
    return reply_ready({{Kind::result, error("55P03")}, {Kind::ready, {}}}, delay());
  }
  const Trouble trouble = draw_trouble();
  scheduler().trace("statement", static_cast<std::uint64_t>(kind), static_cast<std::uint64_t>(trouble));
  switch (trouble) {
    case Trouble::lost_before: return reply_ready({{Kind::lost, {}}}, delay());
    case Trouble::deadlock:
      return reply_ready({{Kind::result, error(scheduler().random().one_in(2) ? "40001" : "40P01")}, {Kind::ready, {}}},
                         delay());
    case Trouble::cancelled: return reply_ready({{Kind::result, error("57014")}, {Kind::ready, {}}}, delay());
    case Trouble::forgotten:
      if (in_pipeline) break;
      prepared.clear();
      return reply_ready({{Kind::result, error("26000")}, {Kind::ready, {}}}, delay());
    default: break;
  }
  const auto early = [&](std::vector<Message> messages) { reply_ready(std::move(messages), delay()); };
  // What a pooler says while its server goes on.
  if (trouble == Trouble::pooler_57) early({{Kind::result, error("57P01")}, {Kind::lost, {}}});
  if (trouble == Trouble::pooler_ready_57) {
    const char* const states[] = {"57P01", "57000", "57P02"};
    early({{Kind::result, error(scheduler().random().one_of(states))}, {Kind::ready, {}}});
  }
  if (trouble == Trouble::code_08) {
    early({{Kind::result, error(scheduler().random().one_in(2) ? "08006" : "40003")}, {Kind::ready, {}}});
  }
  if (trouble != Trouble::none && sim::database_site().on_lost) sim::database_site().on_lost(values);
  const bool answered =
      trouble == Trouble::pooler_57 || trouble == Trouble::pooler_ready_57 || trouble == Trouble::code_08;
  scheduler().after(
      scheduler().random().one_in(20) ? scheduler().random().between(sim::milli, 400 * sim::milli) : delay(),
      [kind, values = std::move(values), to, trouble, answered, reply_ready] {
        sim::Database* const database = sim::database_site().database;
        if (database == nullptr || !database->is_up || database->lives != to->life)
          return to->deliver(to, {Kind::lost, {}}, 0);
        auto ending = sim::Ending::commits;
        const bool has_rows_early = trouble == Trouble::rows_then_lost || trouble == Trouble::pooler_57_after_rows;
        if (has_rows_early && scheduler().random().one_in(2))
          ending = sim::Ending::rolls_back;  // rows come before the commit
        if (trouble == Trouble::unconfirmed) ending = sim::Ending::commits_unconfirmed;
        database->run(kind, values, ending, [to, trouble, answered, reply_ready](const sim::Reply& reply) {
          if (reply.crashed) return reply_ready({{Kind::lost, {}}}, delay());
          if (answered || trouble == Trouble::silent) return;
          if (trouble == Trouble::lost_after) return reply_ready({{Kind::lost, {}}}, delay());
          pg_result result = reply.state.empty() ? rows(reply.row) : error(reply.state);
          if (trouble == Trouble::rows_then_lost)
            return reply_ready({{Kind::result, result}, {Kind::lost, {}}}, delay());
          if (trouble == Trouble::pooler_57_after_rows) {
            return reply_ready({{Kind::result, result}, {Kind::result, error("57P01")}, {Kind::ready, {}}}, delay());
          }
          if (trouble == Trouble::unconfirmed && reply.state.empty()) {
            pg_result notice;
            notice.status = PGRES_NONFATAL_ERROR;
            notice.function = "SyncRepWaitForLSN";
            if (scheduler().random().one_in(3)) {  // and the standby takes over
              sim::Database* const lost = sim::database_site().database;
              scheduler().after(2 * sim::milli, [lost] { lost->crash(true); });
              scheduler().after(300 * sim::milli, [lost] { lost->is_up = true; });
            }
            return reply_ready({{Kind::notice, notice}, {Kind::result, result}, {Kind::ready, {}}}, delay());
          }
          reply_ready({{Kind::result, result}, {Kind::ready, {}}}, delay());
        });
      });
}

extern "C" {

PGconn* PQconnectStartParams(const char* const*, const char* const*, int) {
  auto* const connection = new pg_conn;
  connection->descriptor = next_descriptor++;
  connection->wire->process = scheduler().process();
  sim::polled_socket(connection->descriptor) = connection->wire.get();
  const sim::Database* const database = sim::database_site().database;
  connection->wire->life = database != nullptr ? database->lives : 0;
  connection->failed = database == nullptr || !database->is_up || scheduler().process()->dead;
  if (connection->failed) connection->message = "connection failed: 57P03\n";
  return connection;
}

void PQfinish(PGconn* connection) {
  connection->wire->lost = true;
  sim::polled_socket(connection->descriptor) = nullptr;
  delete connection;
}

ConnStatusType PQstatus(const PGconn*) { return CONNECTION_STARTED; }
PostgresPollingStatusType PQconnectPoll(PGconn* connection) {
  scheduler().sleep(delay());
  return connection->failed ? PGRES_POLLING_FAILED : PGRES_POLLING_OK;
}
PQnoticeReceiver PQsetNoticeReceiver(PGconn* connection, PQnoticeReceiver receiver, void* argument) {
  connection->receiver_argument = argument;
  return std::exchange(connection->receiver, receiver);
}
PGVerbosity PQsetErrorVerbosity(PGconn*, PGVerbosity) { return PQERRORS_DEFAULT; }
int PQsetnonblocking(PGconn*, int) { return 0; }
const char* PQparameterStatus(const PGconn*, const char*) { return "UTF8"; }
char* PQerrorMessage(const PGconn* connection) { return const_cast<char*>(connection->message.c_str()); }
int PQsocket(const PGconn* connection) { return connection->known_lost ? -1 : connection->descriptor; }
int PQflush(PGconn*) { return 0; }

PGTransactionStatusType PQtransactionStatus(const PGconn* connection) {
  if (connection->known_lost || connection->failed) return PQTRANS_UNKNOWN;
  return connection->busy ? PQTRANS_ACTIVE : PQTRANS_IDLE;
}

int PQconsumeInput(PGconn* connection) {
  for (Message& each : std::exchange(connection->wire->arrived, {})) {
    if (each.kind == Message::Kind::notice) {
      if (connection->receiver != nullptr) connection->receiver(connection->receiver_argument, &each.result);
    } else {
      connection->taken.push_back(std::move(each));
    }
  }
  if (connection->wire->is_readable()) connection->known_lost = true;
  return connection->known_lost && connection->taken.empty() ? 0 : 1;
}

int PQisBusy(PGconn* connection) {
  return connection->busy && connection->taken.empty() && !connection->null_due && !connection->known_lost ? 1 : 0;
}

PGresult* PQgetResult(PGconn* connection) {
  if (std::exchange(connection->null_due, false)) return nullptr;
  if (connection->taken.empty()) {
    if (!connection->known_lost || !connection->busy) return nullptr;
    connection->busy = false;
    return new pg_result(error(""));
  }
  Message next = std::move(connection->taken.front());
  connection->taken.pop_front();
  if (next.kind == Message::Kind::ready) {
    connection->busy = false;
    if (!connection->in_pipeline) return nullptr;
    auto* const sync = new pg_result;
    sync->status = PGRES_PIPELINE_SYNC;
    return sync;
  }
  if (connection->in_pipeline) connection->null_due = true;
  return new pg_result(std::move(next.result));
}

int PQsendPrepare(PGconn* connection, const char* name, const char* sql, int, const Oid*) {
  if (connection->known_lost) return 0;
  connection->prepared[name] = sql;
  connection->send("prepare", {});
  return 1;
}

static sim::Cells cells_of(const char* const* values, int count) {
  sim::Cells cells;
  for (int i = 0; i != count; ++i) cells.push_back(values[i] == nullptr ? sim::Cell() : sim::Cell(values[i]));
  return cells;
}

int PQsendQueryPrepared(PGconn* connection, const char* name, int count, const char* const* values, const int*,
                        const int*, int) {
  if (connection->known_lost) return 0;
  connection->send(connection->prepared[name], cells_of(values, count));
  return 1;
}

int PQsendQueryParams(PGconn* connection, const char* sql, int count, const Oid*, const char* const* values, const int*,
                      const int*, int) {
  if (connection->known_lost) return 0;
  if (connection->in_pipeline) {
    connection->pipeline.emplace_back(sql, cells_of(values, count));
  } else {
    connection->send(sql, cells_of(values, count));
  }
  return 1;
}

int PQsendQuery(PGconn* connection, const char*) {
  if (connection->known_lost) return 0;
  connection->send("settings", {});
  return 1;
}

int PQenterPipelineMode(PGconn* connection) {
  connection->in_pipeline = true;
  return connection->known_lost ? 0 : 1;
}
int PQexitPipelineMode(PGconn* connection) {
  connection->in_pipeline = false;
  return connection->busy ? 0 : 1;
}
int PQpipelineSync(PGconn* connection) {
  auto statements = std::exchange(connection->pipeline, {});
  connection->send(statements.back().first, std::move(statements.back().second));
  return 1;
}

ExecStatusType PQresultStatus(const PGresult* result) { return result == nullptr ? PGRES_FATAL_ERROR : result->status; }
char* PQresultErrorField(const PGresult* result, int field) {
  const std::string& text = field == PG_DIAG_SQLSTATE ? result->state : result->function;
  return text.empty() ? nullptr : const_cast<char*>(text.c_str());
}
void PQclear(PGresult* result) { delete result; }
int PQntuples(const PGresult* result) { return result == nullptr || result->status != PGRES_TUPLES_OK ? 0 : 1; }
int PQnfields(const PGresult* result) { return static_cast<int>(result->cells.size()); }
int PQgetisnull(const PGresult* result, int, int column) {
  return result->cells[static_cast<std::size_t>(column)] ? 0 : 1;
}
char* PQgetvalue(const PGresult* result, int, int column) {
  return const_cast<char*>(result->cells[static_cast<std::size_t>(column)]->c_str());
}
int PQgetlength(const PGresult* result, int, int column) {
  return static_cast<int>(result->cells[static_cast<std::size_t>(column)]->size());
}
PQconninfoOption* PQconninfoParse(const char*, char**) { return nullptr; }
void PQconninfoFree(PQconninfoOption*) {}

}  // extern "C"
