// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The fate of a change whose connection does not report it: servers that end, poolers, standbys.
#include <droplit/storage/postgres.hpp>

#include "support/catch.hpp"
#include "support/failing_memory.hpp"
#include "support/postgres_peer.hpp"
#include "support/postgres_site.hpp"

#include <dlfcn.h>
#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <utility>
#include <vector>

using namespace droplit;
using std::chrono::milliseconds;

namespace {

using Reply = PostgresPeer::Reply;
using Peer = PostgresPeer;

/// The row of an insert, a commit and a server that is ready.
Reply says(const std::optional<std::string>& state, const std::string& count) {
  return {Peer::row({state, count}) + Peer::complete() + Peer::ready()};
}

const Reply kept = says("active", "1");

/// The row of an insert with a key: the client that has it, whether the client was inserted, the state of the
/// ecosystem, that state as the statement began, whether the client that has the id is equal, and how far expired keys
/// are cleared.
std::string keyed_row(const std::optional<Client>& owner, const std::string& count,
                      const std::optional<std::string>& state = {}, const std::optional<std::string>& before = {},
                      const std::optional<std::string>& is_equal = {}) {
  std::vector<std::optional<std::string>> row(detail::sql::column_count);
  if (owner) {
    row = {owner->id().text(), std::to_string(owner->created_at().unix_millis()), owner->ecosystem_id().text(),
           "server"};
    for (const auto& text : owner->texts()) row.push_back(text ? std::optional(text->str()) : std::nullopt);
  }
  row.insert(row.end(),
             {count, state, before, is_equal, count == "1" ? std::optional<std::string>("0") : std::nullopt});
  return Peer::row(row) + Peer::complete();
}

Reply says_once(const std::string& row) { return {row + Peer::ready()}; }

const IdempotencyKey key = IdempotencyKey::parse("k").value();

std::atomic<bool> always_readable{false};  // says the kernel to who asks without waiting
std::atomic<bool> cannot_sync{false};      // says libpq, once
std::atomic<int> polls{0};                 // with a time limit

/// How the stores of a test use their sessions.
PostgresSessionMode session;
PostgresSessionMode each_mode() { return session = GENERATE(PostgresSessionMode::own, PostgresSessionMode::pooled); }

/// A store whose server follows a script.
struct Scripted {
  Peer peer;
  PostgresStorage storage;
  explicit Scripted(std::vector<Reply> script, milliseconds timeout = milliseconds(60000))
      : peer(std::move(script)),
        storage(PostgresStorage::open(
                    peer.conninfo(),
                    {.connect_timeout = milliseconds(60000), .timeout = timeout, .schema = "s", .session = session})
                    .value()) {}

  /// Which statement it was that ran as the `n`th, and on a new connection.
  [[nodiscard]] bool settles(std::size_t n) const {
    const auto all = peer.executions();
    REQUIRE(n < all.size());
    return all[n].sql.find("ON CONFLICT (id) DO UPDATE") != std::string::npos &&
           all[n].connection == all[n - 1].connection + 1;
  }
  /// Whether the `n`th ran on a new connection.
  [[nodiscard]] bool is_new(std::size_t n) const {
    const auto all = peer.executions();
    REQUIRE(n < all.size());
    return all[n].connection == all[n - 1].connection + 1;
  }
  [[nodiscard]] std::size_t executions() const { return peer.executions().size(); }
};

template <class T>
void check_maybe_applied(const Outcome<T>& outcome) {
  const Fault why = fault(outcome);
  INFO(why.what());
  CHECK(why.fate() == Fate::maybe_applied);
  CHECK(!why.status());
}

const std::vector<std::string> codes{"57000", "57014", "57P01", "57P02", "57P03", "57P05", "53100",
                                     "53300", "55P03", "40001", "40P01", "40003", "08006", "23505",
                                     "XX000", "42501", "25006", "26000", "42P05"};

}  // namespace

// In place of the C library's.
extern "C" int poll(pollfd* all, nfds_t count, int timeout) {
  static const auto real = reinterpret_cast<decltype(&poll)>(::dlsym(RTLD_NEXT, "poll"));
  polls += timeout != 0;
  if (!always_readable || timeout != 0) return real(all, count, timeout);
  all->revents = all->events;
  return 1;
}

// In place of libpq's.
extern "C" int PQpipelineSync(PGconn* connection) {
  static const auto real = reinterpret_cast<decltype(&PQpipelineSync)>(::dlsym(RTLD_NEXT, "PQpipelineSync"));
  return cannot_sync.exchange(false) ? 0 : real(connection);
}

TEST_CASE("an error of a connection that does not come back ready is no proof, whatever its code") {
  each_mode();
  for (const std::string& code : codes) {
    for (const std::string severity : {"ERROR", "FATAL", "PANIC"}) {
      CAPTURE(code, severity);
      Scripted done({{Peer::error(severity, code), true}, kept});
      CHECK(done.storage.insert(client(1)).value() == Insertion::inserted);
      CHECK(done.executions() == 2);
      CHECK(done.settles(1));
    }
    CAPTURE(code);
    Scripted unknown(
        {{Peer::error("FATAL", code), true}, says(std::nullopt, "0")});  // it may yet run, and find it added
    const auto outcome = unknown.storage.insert(client(1));
    check_maybe_applied(outcome);
    CHECK(fault(outcome).what() == "postgres insert: an earlier try may yet run");
  }
}

TEST_CASE("an error of a lost connection that cannot be settled may have been applied") {
  each_mode();
  for (const std::string& code : codes) {
    CAPTURE(code);
    Scripted p({{Peer::error("FATAL", code), true}}, milliseconds(100));
    check_maybe_applied(p.storage.insert(client(1)));
  }
}

TEST_CASE("a response that begins a COPY is no proof, and nobody waits for its end") {
  each_mode();
  for (const char type : {'H', 'G', 'W'}) {
    CAPTURE(type);
    Scripted done({{Peer::copy(type)}, kept});
    CHECK(done.storage.insert(client(1)).value() == Insertion::inserted);
    CHECK(done.settles(1));
    Scripted unknown({{Peer::copy(type) + Peer::complete() + Peer::ready()}}, milliseconds(400));
    check_maybe_applied(unknown.storage.insert(client(1)));
  }
}

TEST_CASE("the time limit counts where there is always something to read") {
  each_mode();
  Scripted silent({{}}, milliseconds(100));
  always_readable = true;
  check_maybe_applied(silent.storage.insert(client(1)));
  always_readable = false;
}

TEST_CASE("an insert of a batch that was lost may have been applied, whichever allocation fails") {
  session = PostgresSessionMode::own;
  const Client first = client(1);
  const Client second = client(2);
  int unknown = 0;
  const auto attempt = [&](test::Failure failure) {
    Scripted p({{"", true}, kept, kept, kept});
    BatchInsert one(first);
    BatchInsert two(second);
    const std::array<BatchInsert*, 2> both{&one, &two};
    memory::events.prepare(failure);
    memory::events.resume();
    p.storage.insert_all(both);
    memory::events.suspend();
    const auto all = p.peer.executions();
    const bool is_lost = !all.empty() && all[0].sql.find("unnest") != std::string::npos;
    for (const BatchInsert* const each : both) {
      if (each->outcome) continue;
      unknown += is_lost;
      CHECK(fault(each->outcome).fate() == (is_lost ? Fate::maybe_applied : Fate::not_applied));
    }
    return memory::events.have_come();
  };
  test::each_failure(attempt, {1});
  CHECK(unknown != 0);
}

TEST_CASE("an insert that was not sent, since an allocation failed, was not applied") {
  session = PostgresSessionMode::own;
  const Client one = client(1);
  int unsent = 0;
  const auto attempt = [&](test::Failure failure) {
    Scripted p({kept, kept});
    memory::events.prepare(failure);
    memory::events.resume();
    const auto outcome = p.storage.insert(one);
    memory::events.suspend();
    if (p.executions() == 0) {
      ++unsent;
      CHECK(fault(outcome).fate() == Fate::not_applied);
    }
    return memory::events.have_come();
  };
  test::each_failure(attempt, {1});
  CHECK(unsent != 0);
}

TEST_CASE("rows before the operator's word are no proof either") {
  each_mode();
  for (const bool complete : {true, false}) {
    const std::string rows = Peer::row({"active", "1"}) + (complete ? Peer::complete() : "");
    Scripted kept_once({{rows + Peer::error("FATAL", "57P01"), true}, kept});
    CHECK(kept_once.storage.insert(client(1)).value() == Insertion::inserted);
    CHECK(kept_once.settles(1));
    Scripted never({{rows + Peer::error("FATAL", "57P01"), true}, says("deleted", "0"), says("deleted", "0")});
    CHECK(never.storage.insert(client(1)).value() == Insertion::ecosystem_deleted);
    Scripted gone({{rows + Peer::error("FATAL", "57P01"), true}}, milliseconds(100));
    check_maybe_applied(gone.storage.insert(client(1)));
  }
}

TEST_CASE("where settling finds the ecosystem deleted it looks once more") {
  each_mode();
  const Reply lost{"", true};
  // The first look began before the lost insert was committed, and waited for the deletion after that.
  Scripted before({lost, says("deleted", "0"), says("deleted", "1")});
  CHECK(before.storage.insert(client(1)).value() == Insertion::inserted);
  CHECK(before.executions() == 3);
  Scripted never({lost, says("deleted", "0"), says("deleted", "0")});
  CHECK(never.storage.insert(client(1)).value() == Insertion::ecosystem_deleted);
  CHECK(never.executions() == 3);
  Scripted at_once({says("deleted", "0")});
  CHECK(at_once.storage.insert(client(1)).value() == Insertion::ecosystem_deleted);
  CHECK(at_once.executions() == 1);
}

TEST_CASE(
    "a server that ends its sessions is not ready, so an error and a ready server are a pooler's and proves nothing") {
  each_mode();
  for (const std::string code : {"57000", "57P01", "57P02", "57P03", "57P05"}) {
    CAPTURE(code);
    Scripted p({{Peer::error("ERROR", code) + Peer::ready()}, kept});
    CHECK(p.storage.insert(client(1)).value() == Insertion::inserted);
    CHECK(p.settles(1));
  }
  Scripted cancelled({{Peer::error("ERROR", "57014") + Peer::ready()}});
  check_unavailable(cancelled.storage.insert(client(1)));
  CHECK(cancelled.executions() == 1);
}

TEST_CASE("rows in a transaction that stays open are not committed") {
  each_mode();
  for (const char transaction : {'T', 'E'}) {
    CAPTURE(transaction);
    Scripted p({{Peer::row({"active", "1"}) + Peer::complete() + Peer::ready(transaction)}, kept});
    CHECK(p.storage.insert(client(1)).value() == Insertion::inserted);
    CHECK(p.settles(1));
    Scripted refused({{Peer::error("ERROR", "53100") + Peer::ready(transaction)}, kept});
    CHECK(refused.storage.insert(client(1)).value() == Insertion::inserted);
    CHECK(refused.settles(1));
  }
}

TEST_CASE("a statement that was sent in part may have been applied") {
  each_mode();
  const Client large(id(1), Timestamp::clamp_unix_millis(1), home, ClientType::server, {},
                     Text::parse(std::string(4u << 20, 'd')));
  Scripted p({{"", false, true}, kept}, milliseconds(10000));  // half of which the first try lasts
  CHECK(p.storage.insert(large).value() == Insertion::inserted);
  CHECK(p.settles(1));
}

TEST_CASE("where libpq cannot send all of a pooled statement nobody waits for its reply") {
  session = PostgresSessionMode::pooled;
  Scripted p({kept, kept});
  cannot_sync = true;
  CHECK(p.storage.insert(client(1)).value() == Insertion::inserted);
  CHECK(!cannot_sync);
  REQUIRE(p.executions() != 0);  // libpq may send what it has of the first one at the end of its connection
  CHECK(p.peer.executions().back().connection == 2);
  CHECK(p.peer.executions().back().sql.find("ON CONFLICT (id) DO UPDATE") != std::string::npos);
}

TEST_CASE("after an error a session is replaced, which may be the cause, but not after a conflict or a limit") {
  each_mode();
  for (const std::string code : {"25006", "42501", "53100", "57014", "55P03", "XX000"}) {
    CAPTURE(code);
    Scripted p({{Peer::error("ERROR", code) + Peer::ready()}, kept});
    const Fault why = fault(p.storage.insert(client(1)));
    CHECK(why.what() == "postgres insert: SQLSTATE " + code);
    CHECK(why.fate() == Fate::not_applied);
    CHECK(p.storage.insert(client(1)).value() == Insertion::inserted);
    CHECK(p.is_new(1) == (code != "57014" && code != "55P03"));
  }
}

TEST_CASE("a statement is prepared once for a session, and again when the server has forgotten it, but not for ever") {
  session = PostgresSessionMode::own;
  const Reply forgotten{Peer::error("ERROR", "26000") + Peer::ready()};
  Scripted here({kept, kept, forgotten, kept, forgotten, forgotten, kept, kept});
  for (std::uint32_t n = 0; n != 5; ++n) CHECK(here.storage.insert(client(n)).value() == Insertion::inserted);
  const auto all = here.peer.executions();
  REQUIRE(all.size() == 8);
  const int before = all[0].prepared;
  const std::vector<int> prepared{0, 0, 0, 1, 1, 2, 2, 2};
  for (std::size_t i = 0; i != all.size(); ++i) {
    CAPTURE(i);
    CHECK(all[i].prepared - before == prepared[i]);
    CHECK(all[i].name.empty() == (i >= 6));  // sent as a text
    CHECK(all[i].connection == 1);
  }
}

TEST_CASE("a statement that cannot be prepared was not run, and is prepared when it is needed next") {
  session = PostgresSessionMode::own;
  const Reply conflict{Peer::error("ERROR", "25006") + Peer::ready()};  // after which the session is replaced
  for (const std::string code : {"53200", "57014"}) {
    CAPTURE(code);
    Scripted here({conflict, kept});
    check_unavailable(here.storage.insert(client(1)));
    here.peer.refuse_to_prepare(code);
    CHECK(fault(here.storage.insert(client(1))).what() == "postgres insert: SQLSTATE " + code);
    REQUIRE(here.executions() == 1);
    CHECK(here.storage.insert(client(1)).value() == Insertion::inserted);
    const auto all = here.peer.executions();
    CHECK(all[1].prepared == all[0].prepared + 1);
    CHECK(all[1].connection == (code == "57014" ? 2 : 3));
  }
  Scripted cut({conflict, kept});
  check_unavailable(cut.storage.insert(client(1)));
  cut.peer.refuse_to_prepare("");
  CHECK(cut.storage.insert(client(1)).value() == Insertion::inserted);
  CHECK(cut.executions() == 2);
  CHECK(cut.peer.executions()[1].sql == cut.peer.executions()[0].sql);  // which settles nothing
}

TEST_CASE("a statement that never can be prepared is given up after five tries, but for one that settles another") {
  session = PostgresSessionMode::own;
  const Reply conflict{Peer::error("ERROR", "25006") + Peer::ready()};  // after which the session is replaced
  Scripted here({conflict});
  check_unavailable(here.storage.insert(client(1)));
  here.peer.refuse_to_prepare("", 1000);
  const auto refused = here.storage.insert(client(1));
  check_unavailable(refused);
  CHECK(fault(refused).what() == "postgres insert: the connection was lost");
  CHECK(here.peer.connections() == 1 + 5);
  Scripted lost({{"", true}}, milliseconds(2000));
  lost.peer.refuse_to_prepare("", 1000);
  check_maybe_applied(lost.storage.insert(client(1)));
  Scripted reading({{"", true}}, milliseconds(1000));
  reading.peer.refuse_to_prepare("", 1000);
  check_unavailable(reading.storage.find_client(id(1)));  // which changes nothing
}

TEST_CASE("a statement that the server has already is as good as one that was prepared") {
  session = PostgresSessionMode::own;
  Peer peer({kept});
  peer.refuse_to_prepare("42P05");
  CHECK(open(in("s"), peer.conninfo()).insert(client(1)).value() == Insertion::inserted);
  peer.refuse_to_prepare("53200");
  CHECK(fault(PostgresStorage::open(peer.conninfo(), in("s"))).what() == "postgres open: SQLSTATE 53200");
}

TEST_CASE("a row of an insert that is no state may be of one that was applied") {
  each_mode();
  Scripted here({says("other", "0"), says_once(keyed_row({}, "0", "other")), says("other", "0")});
  CHECK(fault(here.storage.insert(client(1))).what() == "postgres insert: a row that is no state");
  const auto outcome = here.storage.insert_once(client(1), key);
  check_maybe_applied(outcome);
  CHECK(fault(outcome).what() == "postgres insert_once: a row that is no state");
  check_maybe_applied(here.storage.insert(client(1)));
}

TEST_CASE("a batch of one insert is an insert") {
  each_mode();
  Scripted here({kept, kept});
  CHECK(here.storage.insert(client(1)).value() == Insertion::inserted);
  const Client two = client(2);
  BatchInsert one(two);
  const std::array<BatchInsert*, 1> all{&one};
  here.storage.insert_all(all);
  CHECK(one.outcome.value() == Insertion::inserted);
  REQUIRE(here.executions() == 2);
  CHECK(here.peer.executions()[1].sql == here.peer.executions()[0].sql);
}

TEST_CASE("a connection that cannot be used again is closed when its operation ends") {
  each_mode();
  Scripted late({{}, {}, {}}, milliseconds(100));
  CHECK(!late.storage.insert(client(1)));
  CHECK(PostgresStorage::open(late.peer.conninfo(), in("s")).has_value());  // the peer serves one at a time
}

TEST_CASE("who waits for a server's answer does not ask the system again and again") {
  each_mode();
  Scripted here({{}, {}}, milliseconds(400));
  polls = 0;
  CHECK(!here.storage.insert(client(1)));
  CHECK(polls < 10000);  // the peer asks every 10 ms
}

TEST_CASE("of two errors the first one says what became of a statement") {
  each_mode();
  const std::string proof = Peer::error("ERROR", "53100");
  const std::string none = Peer::error("ERROR", "57P01");
  Scripted failed({{proof + none + Peer::ready()}});
  const Fault why = fault(failed.storage.insert(client(1)));
  CHECK(why.what() == "postgres insert: SQLSTATE 53100");
  CHECK(why.fate() == Fate::not_applied);
  Scripted done({{none + proof + Peer::ready()}, kept});
  CHECK(done.storage.insert(client(1)).value() == Insertion::inserted);
  CHECK(done.settles(1));
}

TEST_CASE("a session whose server says something while it is idle is used again") {
  each_mode();
  Scripted here({kept, kept, kept});
  for (std::uint32_t n = 1; n != 4; ++n) {
    CHECK(here.storage.insert(client(n)).value() == Insertion::inserted);
    here.peer.say(Peer::warning("NOTICE", "canary"));
  }
  CHECK(here.peer.executions().back().connection == 1);
}

TEST_CASE("a commit for which no synchronous standby was waited may be lost with its server") {
  each_mode();
  const std::string done = Peer::row({"active", "1"}) + Peer::complete();
  for (const std::string severity : {"WARNING", "WARNUNG"}) {
    const std::string cancelled = Peer::warning(severity, "SyncRepWaitForLSN");
    Scripted p({{done + cancelled + Peer::ready()}, kept});
    const auto outcome = p.storage.insert(client(1));
    check_maybe_applied(outcome);
    CHECK(outcome.exception().what() == "postgres insert: committed, but no synchronous standby is known to have it");
    CHECK(p.executions() == 1);
    CHECK(p.storage.insert(client(2)).value() == Insertion::inserted);  // the warning was of one commit
  }
  const Reply unconfirmed{done + Peer::warning("WARNING", "SyncRepWaitForLSN") + Peer::ready()};
  Scripted settling({{"", true}, unconfirmed});
  check_maybe_applied(settling.storage.insert(client(1)));
  Scripted adding({unconfirmed});
  check_maybe_applied(adding.storage.add_ecosystem(home));
  Scripted deleting({unconfirmed});
  check_maybe_applied(deleting.storage.delete_ecosystem(home));
  Scripted other({{Peer::warning("WARNING", "exec_simple_query") + done + Peer::ready()}});
  CHECK(other.storage.insert(client(1)).value() == Insertion::inserted);
}

TEST_CASE("with a key, too, only a server that is ready afterwards proves anything") {
  each_mode();
  const std::string done = keyed_row({}, "1", "active");
  const std::string replays = keyed_row(client(2), "0");
  for (const std::string& rows : {done, replays, std::string()}) {
    for (const std::string& end : {Peer::error("FATAL", "57P01"), Peer::error("ERROR", "XX000"), std::string()}) {
      Scripted there({{rows + end, true}, says_once(keyed_row(client(1), "0", {}, {}, "t"))});
      CHECK(there.storage.insert_once(client(1), key).value() == KeyedInsertion(Insertion::inserted));
      CHECK(there.executions() == 2);
      CHECK(there.is_new(1));
      Scripted without_key({{rows + end, true}, says_once(keyed_row(client(2), "0", {}, {}, "t"))});
      CHECK(without_key.storage.insert_once(client(1), key).value() == KeyedInsertion(Insertion::inserted));
      Scripted again({{rows + end, true}, says_once(done)});
      CHECK(again.storage.insert_once(client(1), key).value() == KeyedInsertion(Insertion::inserted));
      Scripted other({{rows + end, true}, says_once(replays)});
      CHECK(other.storage.insert_once(client(1), key).value() == KeyedInsertion::replayed(client(2)));
      Scripted taken({{rows + end, true}, says_once(keyed_row({}, "0", "active", {}, "f"))});
      CHECK(taken.storage.insert_once(client(1), key).value() == KeyedInsertion(Insertion::id_taken));
      Scripted unknown({{rows + end, true}, says_once(keyed_row({}, "0"))});
      check_maybe_applied(unknown.storage.insert_once(client(1), key));
    }
    Scripted open_transaction(
        {{rows.empty() ? Peer::complete() + Peer::ready('T') : rows + Peer::ready('T')}, says_once(replays)});
    CHECK(open_transaction.storage.insert_once(client(1), key).value() == KeyedInsertion::replayed(client(2)));
    CHECK(open_transaction.is_new(1));
    Scripted gone({{rows + Peer::error("FATAL", "57P01"), true}}, milliseconds(100));
    check_maybe_applied(gone.storage.insert_once(client(1), key));
  }
  Scripted refused({{Peer::error("ERROR", "53100") + Peer::ready()}});
  check_unavailable(refused.storage.insert_once(client(1), key));
  CHECK(refused.executions() == 1);
}

TEST_CASE("with a key a result that does not say why nothing was inserted is queried again, a few times only") {
  each_mode();
  const Reply by_key = says_once(keyed_row({}, "0", "active"));
  const Reply by_deletion = says_once(keyed_row({}, "0", "deleted", "active"));
  for (const bool lost : {false, true}) {
    for (const Reply& first : {by_key, by_deletion}) {
      std::vector<Reply> script;
      if (lost) script.push_back({"", true});
      script.push_back(first);
      std::vector<Reply> replays = script;
      replays.push_back(says_once(keyed_row(client(2), "0")));
      Scripted replayed(replays);
      CHECK(replayed.storage.insert_once(client(1), key).value() == KeyedInsertion::replayed(client(2)));
      CHECK(replayed.executions() == replays.size());
      std::vector<Reply> deletes = script;
      deletes.push_back(says_once(keyed_row({}, "0", "deleted", "deleted")));
      Scripted deleted(deletes);
      CHECK(deleted.storage.insert_once(client(1), key).value() == KeyedInsertion(Insertion::ecosystem_deleted));
      std::vector<Reply> inserts = script;
      inserts.push_back(says_once(keyed_row({}, "1", "active")));
      Scripted inserted(inserts);
      CHECK(inserted.storage.insert_once(client(1), key).value() == KeyedInsertion(Insertion::inserted));
    }
  }
  Scripted never(std::vector<Reply>(20, by_key));
  const auto outcome = never.storage.insert_once(client(1), key);
  check_unavailable(outcome);
  CHECK(fault(outcome).what() == "postgres insert_once: too much was changed meanwhile");
  CHECK(never.executions() == 5);
  std::vector<Reply> lost(1000, by_key);
  lost[0] = {"", true};
  Scripted unsettled(lost, milliseconds(100));
  check_maybe_applied(unsettled.storage.insert_once(client(1), key));
}

TEST_CASE("with a key a row that is no client, or a commit that no standby has, is no replay") {
  each_mode();
  std::string odd = keyed_row(client(2), "0");
  odd.replace(odd.find("server"), 6, "sErver");
  Scripted first({says_once(odd)});
  const Fault why = fault(first.storage.insert_once(client(1), key));
  CHECK(why.fate() == Fate::not_applied);
  CHECK(why.what() == "postgres insert_once: a row that is no client");
  Scripted settling({{"", true}, says_once(odd)});
  check_maybe_applied(settling.storage.insert_once(client(1), key));
  Scripted unconfirmed({{keyed_row(client(2), "0") + Peer::warning("WARNING", "SyncRepWaitForLSN") + Peer::ready()}});
  check_maybe_applied(unconfirmed.storage.insert_once(client(1), key));
}

TEST_CASE("an insert whose wait for a synchronous standby is cancelled may have been applied, and is there") {
  each_mode();
  PostgresOptions options = in("");
  options.session = session;
  Site site(options);
  REQUIRE(site.run("ALTER DATABASE postgres SET client_min_messages = error").empty());
  cluster().stop_fast();
  cluster().start({"synchronous_standby_names=nowhere"});
  PostgresSession observer(cluster().conninfo());
  auto inserting = std::async(std::launch::async, [&] { return site.storage.insert(client(1)); });
  const std::string waits = " FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
  observer.await("SELECT count(*)" + waits, "1|");
  observer.ask("SELECT pg_cancel_backend(pid)" + waits);
  const auto outcome = inserting.get();
  cluster().stop_fast();
  cluster().start();
  REQUIRE(PostgresSession(cluster().conninfo()).run("ALTER DATABASE postgres RESET client_min_messages").empty());
  check_maybe_applied(outcome);
  CHECK(site.storage.find_client(id(1)).value() == client(1));
}
