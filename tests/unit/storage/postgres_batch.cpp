// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Inserts that share a statement and a commit: each gets its own result, and the fate that is true.
#include <droplit/storage/postgres.hpp>

#include <droplit/create_client.hpp>

#include "support/catch.hpp"
#include "support/pgbouncer.hpp"
#include "support/postgres_peer.hpp"
#include "support/postgres_site.hpp"
#include "support/postgres_wire.hpp"

#include <dlfcn.h>
#include <libpq-fe.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;
using std::chrono::milliseconds;

namespace {

using Peer = PostgresPeer;

IdempotencyKey key(const std::string& text) { return IdempotencyKey::parse(text).value(); }

Client in_ecosystem(std::uint32_t n, EcosystemId ecosystem, std::int64_t millis = 0, const std::string& name = "n") {
  return {id(n), Timestamp::clamp_unix_millis(millis), ecosystem, ClientType::server, Text::parse(name)};
}

EcosystemId ecosystem(std::uint8_t n) {
  EcosystemId::Bytes bytes{};
  bytes[11] = n;
  return EcosystemId(bytes);
}

/// A batch that owns its clients and keys.
struct Batch {
  std::deque<Client> clients;
  std::deque<IdempotencyKey> keys;
  std::deque<BatchInsert> inserts;
  std::vector<BatchInsert*> all;

  void add(Client one) { all.push_back(&inserts.emplace_back(clients.emplace_back(std::move(one)))); }
  void add(Client one, IdempotencyKey its_key) {
    all.push_back(&inserts.emplace_back(clients.emplace_back(std::move(one)), &keys.emplace_back(std::move(its_key))));
  }
  [[nodiscard]] const Outcome<KeyedInsertion>& outcome(std::size_t i) const { return inserts.at(i).outcome; }
  [[nodiscard]] Insertion insertion(std::size_t i) const { return outcome(i).value().insertion(); }
  [[nodiscard]] std::size_t count(Insertion wanted) const {
    std::size_t n = 0;
    for (const BatchInsert& each : inserts) n += each.outcome && each.outcome.value().insertion() == wanted;
    return n;
  }
};

/// So many clients of `home`, from `client(first)` on.
Batch several(std::uint32_t first, std::uint32_t size) {
  Batch batch;
  for (std::uint32_t n = first; n != first + size; ++n) batch.add(client(n));
  return batch;
}

/// Where a store of the test is, and how it uses its sessions.
struct Where {
  PostgresSessionMode mode = PostgresSessionMode::own;
  std::unique_ptr<PgBouncer> bouncer = {};

  explicit Where(int way) {
    cluster();
    if (way != 0) mode = PostgresSessionMode::pooled;
    if (way == 2) bouncer = std::make_unique<PgBouncer>(cluster(), "transaction", 8);
  }
  [[nodiscard]] std::string conninfo() const { return bouncer ? bouncer->conninfo() : cluster().conninfo(); }
  [[nodiscard]] std::string socket() const { return bouncer ? bouncer->socket() : cluster().socket(); }
  [[nodiscard]] PostgresOptions options(PostgresOptions options) const {
    options.session = mode;
    return options;
  }
};

constexpr std::string_view waiting_statements =
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'WITH % AND pg_advisory_xact_lock%'";

}  // namespace

// In place of libpq's: counts what may look up a name, for longer than any limit.
std::atomic<int> connections{0};
extern "C" PGconn* PQconnectStartParams(const char* const* keywords, const char* const* values, int expands) {
  static const auto real =
      reinterpret_cast<decltype(&PQconnectStartParams)>(::dlsym(RTLD_NEXT, "PQconnectStartParams"));
  ++connections;
  return real(keywords, values, expands);
}

namespace {

/// What comes of so many inserts at a peer that answers nothing, once the time limit lasts until it gets a statement.
struct AtSilentPeer {
  Batch batch;
  std::size_t statements = 0;

  AtSilentPeer(std::uint32_t size, PostgresSessionMode mode) {
    const auto attempt = [&](milliseconds limit) {
      const Peer peer(std::vector<Peer::Reply>(8));
      PostgresStorage storage = open(
          {.connect_timeout = milliseconds(60000), .timeout = limit, .schema = "s", .session = mode}, peer.conninfo());
      batch = several(1, size);
      connections = 0;
      storage.insert_all(batch.all);
      for (const auto& each : peer.executions()) statements += each.sql.find("unnest") != std::string::npos;
      return statements == 0 ? "nothing was sent" : "";
    };
    CHECK(with_growing_limit(milliseconds(400), attempt) == "");
  }
};

}  // namespace

// ---- results ----

TEST_CASE("in a batch each insert gets its own result, as if one had come after the other") {
  const Where where(GENERATE(0, 1, 2));
  Site site;
  PostgresStorage storage = open(where.options(in(site.schema)), where.conninfo());
  storage.add_ecosystem(ecosystem(1)).value();
  storage.delete_ecosystem(ecosystem(1)).value();
  REQUIRE(storage.insert(client(1)).value() == Insertion::inserted);
  REQUIRE(storage.insert_once(client(2), key("old")).value().insertion() == Insertion::inserted);

  Batch batch;
  batch.add(client(10));                          // 0: inserted
  batch.add(client(1));                           // 1: its id is taken
  batch.add(in_ecosystem(11, ecosystem(1)));      // 2: its ecosystem is deleted
  batch.add(in_ecosystem(12, ecosystem(2)));      // 3: its ecosystem is unknown
  batch.add(client(13), key("old"));              // 4: replayed
  batch.add(in_ecosystem(14, home), key("old"));  // 5: of another draft
  batch.add(client(15), key("new"));              // 6 and 7: one inserts, the other one replays it
  batch.add(client(16), key("new"));
  batch.add(client(17));  // 8 and 9: one id
  batch.add(in_ecosystem(17, home));
  batch.add(in_ecosystem(18, ecosystem(1)), key("old"));  // 10: the key is another ecosystem's
  storage.insert_all(batch.all);

  CHECK(batch.insertion(0) == Insertion::inserted);
  CHECK(batch.insertion(1) == Insertion::id_taken);
  CHECK(batch.insertion(2) == Insertion::ecosystem_deleted);
  CHECK(batch.insertion(3) == Insertion::ecosystem_unknown);
  CHECK(batch.outcome(4).value() == KeyedInsertion::replayed(client(2)));
  CHECK(batch.insertion(5) == Insertion::key_reused);
  const bool first = batch.insertion(6) == Insertion::inserted;
  CHECK(batch.insertion(first ? 6 : 7) == Insertion::inserted);
  CHECK(batch.outcome(first ? 7 : 6).value() == KeyedInsertion::replayed(client(first ? 15 : 16)));
  const bool ninth = batch.insertion(8) == Insertion::inserted;
  CHECK(batch.insertion(ninth ? 8 : 9) == Insertion::inserted);
  CHECK(batch.insertion(ninth ? 9 : 8) == Insertion::id_taken);
  CHECK(storage.find_client(id(17)).value() == batch.clients[ninth ? 8 : 9]);
  CHECK(batch.insertion(10) == Insertion::ecosystem_deleted);
  CHECK(site.count() == "5|");
  CHECK(site.ask("SELECT id FROM @.clients WHERE idempotency_key = 'new'") == id(first ? 15 : 16).text() + "|");
}

TEST_CASE("in a batch every column is stored as it is, whatever its text looks like") {
  const Where where(GENERATE(0, 1));
  Site site;
  PostgresStorage storage = open(where.options(in(site.schema)), where.conninfo());
  Batch batch;
  std::uint32_t n = 0;
  for (const char* const name : {"", "NULL", "null", "{", "}", "{}", ",", "\"", "\\", "\\\"", "a\"b,c\\d}", " ", "\t\n",
                                 "\xC3\xA9", "\xF0\x9F\x90\x9D", "'); DROP TABLE x; --", "$1", "@"}) {
    for (const bool is_name : {true, false}) {
      const auto text = Text::parse(name);
      if (!text) continue;  // no text of ours
      batch.add(Client(id(++n), Timestamp::clamp_unix_millis(is_name ? Timestamp::min_unix_millis : 1700000000000),
                       home, is_name ? ClientType::server : ClientType::application, is_name ? text : std::nullopt,
                       is_name ? std::nullopt : text));
    }
  }
  batch.add(client(1000), key("k\\'\",{}"));
  storage.insert_all(batch.all);
  for (std::size_t i = 0; i != batch.all.size(); ++i) {
    CAPTURE(i);
    CHECK(batch.insertion(i) == Insertion::inserted);
    CHECK(storage.find_client(batch.clients[i].id()).value() == batch.clients[i]);
  }
  CHECK(site.ask("SELECT count(DISTINCT xmin::text) FROM @.clients") == "1|");  // none was left to be inserted alone
  CHECK(storage.insert_once(client(1001), batch.keys[0]).value() == KeyedInsertion::replayed(client(1000)));
}

TEST_CASE("of two clients with one id in a batch, the one that is said to be inserted is stored") {
  Site site;
  const bool first_is_first = GENERATE(true, false);
  Batch batch;  // they are inserted in the order of their keys
  batch.add(in_ecosystem(1, home, 0, "x"), key(first_is_first ? "a" : "b"));
  batch.add(in_ecosystem(1, home, 0, "y"), key(first_is_first ? "b" : "a"));
  site.storage.insert_all(batch.all);
  REQUIRE(batch.count(Insertion::inserted) == 1);
  const std::size_t stored = batch.insertion(0) == Insertion::inserted ? 0 : 1;
  CHECK(site.storage.find_client(id(1)).value() == batch.clients[stored]);
  CHECK(batch.insertion(1 - stored) == Insertion::id_taken);
}

TEST_CASE("a batch is one commit for each 256 of its inserts, an empty one nothing, and one of one an insert") {
  Site site;
  site.storage.insert_all({});
  CHECK(site.storage.stats().group_commits == GroupCommitStats());
  Batch many = several(1, 600);
  site.storage.insert_all(many.all);
  CHECK(many.count(Insertion::inserted) == 600);
  CHECK(site.ask("SELECT count(DISTINCT xmin::text), count(*) FROM @.clients") == "3|600|");
  Batch one = several(600, 1);
  site.storage.insert_all(one.all);
  CHECK(one.insertion(0) == Insertion::id_taken);
}

TEST_CASE("a statement of a batch has a bounded size: long texts are spread over several") {
  Site site({.timeout = milliseconds(600'000)});  // of which all must have begun within a quarter
  Batch batch;
  const std::string half(std::size_t{512} << 10, '\\');
  for (std::uint32_t n = 1; n != 6; ++n) batch.add(in_ecosystem(n, home, 0, half));
  batch.add(in_ecosystem(6, home, 0, half + half + half));
  batch.add(client(7), key("k"));
  site.storage.insert_all(batch.all);
  CHECK(batch.count(Insertion::inserted) == 7);
  CHECK(site.ask("SELECT string_agg(n, ' ' ORDER BY n) FROM (SELECT string_agg(ltrim(substr(id, 18), '0'), ','"
                 " ORDER BY id) FROM @.clients GROUP BY xmin::text) AS one (n)") == "1,2 3,4 5,6 7|");
}

TEST_CASE(
    "the rows of a batch are in the order of keys and then ecosystems, in which no two batches wait for each other") {
  Site site;
  site.storage.add_ecosystem(elsewhere).value();
  REQUIRE(elsewhere < home);
  Batch batch;
  batch.add(in_ecosystem(1, home), key("b"));
  batch.add(in_ecosystem(2, home), key("a"));
  batch.add(in_ecosystem(3, elsewhere), key("b"));
  batch.add(in_ecosystem(4, elsewhere), key("a"));
  site.storage.insert_all(batch.all);
  CHECK(batch.count(Insertion::inserted) == 4);
  CHECK(site.ask("SELECT string_agg(right(id, 1), ',' ORDER BY ctid) FROM @.clients") == "4,2,3,1|");
}

TEST_CASE("inserts of many threads share commits, and each thread gets its own result") {
  Site site;
  site.on_insert("IF NEW.name = 'slow' THEN PERFORM pg_advisory_lock(1); PERFORM pg_advisory_unlock(1); END IF;");
  REQUIRE(site.run("SELECT pg_advisory_lock(1)").empty());
  std::vector<std::future<Outcome<Insertion>>> slow;  // as many as may be under way before others are gathered
  for (std::uint32_t n = 1000; n != 1002; ++n) {
    slow.push_back(
        std::async(std::launch::async, [&, n] { return site.storage.insert(in_ecosystem(n, home, 0, "slow")); }));
    site.onlooker.await("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
                        std::to_string(n - 999) + "|");
  }
  std::vector<std::future<Outcome<Insertion>>> others;
  for (std::uint32_t n = 0; n != 32; ++n) {
    others.push_back(std::async(std::launch::async, [&, n] { return site.storage.insert(client(n / 2)); }));
  }
  std::size_t inserted = 0;
  for (auto& each : others) inserted += each.get().value() == Insertion::inserted;  // though the slow ones are not done
  CHECK(inserted == 16);
  CHECK(site.count() == "16|");
  REQUIRE(site.run("SELECT pg_advisory_unlock(1)").empty());
  for (auto& each : slow) CHECK(each.get().value() == Insertion::inserted);
  const GroupCommitStats groups = site.storage.stats().group_commits.value();
  CHECK(groups.inserts == 34);
  CHECK(groups.groups[0] >= 2);
  CHECK(groups.groups[0] < 34);
  const std::uint64_t made = std::accumulate(groups.groups.begin(), groups.groups.end(), std::uint64_t{0});
  CHECK(site.ask("SELECT count(DISTINCT xmin::text) <= " + std::to_string(made) + " FROM @.clients") == "t|");
}

TEST_CASE("an insert beside which no group is under way waits for no other one") {
  detail::postgres::GroupCommit groups{std::chrono::hours(1)};
  const Client one = client(1);
  BatchInsert insert(one);
  detail::postgres::PendingInsert pending{insert};
  for (std::size_t runs = 0; runs != 2; ++runs) {
    std::size_t size = 0;
    groups.run(pending, [&](std::span<detail::postgres::PendingInsert* const> group) noexcept { size = group.size(); });
    CHECK(size == 1);
  }
}

TEST_CASE("two groups are under way at a time, and when one has ended the next one begins") {
  using detail::postgres::PendingInsert;
  detail::postgres::GroupCommit groups{std::chrono::seconds(30)};
  const Client one = client(1);
  std::atomic<int> begun{0};
  std::array<std::promise<void>, 2> ends;  // of the first two groups
  std::vector<std::future<void>> inserts;
  const auto start = [&](std::future<void> end) {
    inserts.push_back(std::async(std::launch::async, [&, end = std::move(end)] {
      BatchInsert insert(one);
      PendingInsert pending{insert};
      groups.run(pending, [&](std::span<PendingInsert* const>) noexcept {
        ++begun;
        if (end.valid()) end.wait();
      });
    }));
  };
  for (int n = 0; n != 2; ++n) {
    start(ends.at(static_cast<std::size_t>(n)).get_future());
    while (begun != n + 1) std::this_thread::yield();
  }
  for (int n = 0; n != 2; ++n) start({});
  std::this_thread::sleep_for(milliseconds(50));  // in which a third group would begin
  CHECK(begun == 2);
  ends[0].set_value();
  for (std::size_t n = 2; n != 4; ++n)
    CHECK(inserts[n].wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  ends[1].set_value();
  for (auto& each : inserts) each.get();
  CHECK(groups.stats().inserts == 4);
}

TEST_CASE("groups, and waits for a connection, are counted by several threads at once") {
  using detail::postgres::Pool;
  using detail::postgres::Time;
  detail::postgres::GroupCommit groups{milliseconds(1)};
  Pool pool({}, 1, nullptr);
  constexpr std::uint64_t count = 2000;
  {
    const auto add = [&] {
      for (std::uint64_t n = 0; n != count; ++n) {
        groups.add(1);
        const Pool::Lease lease(pool, Time::now() + std::chrono::hours(1));
        if (!lease) std::abort();
      }
    };
    const std::jthread first(add);
    const std::jthread second(add);
    while (groups.stats().inserts != 2 * count) static_cast<void>(pool.stats());
  }
  CHECK(groups.stats().groups[0] == 2 * count);
  CHECK(pool.stats().wait_timeouts == 0);
}

TEST_CASE("an insert with a key in a batch clears at most 8 expired keys, oldest first, and no refusal does") {
  Site site;
  constexpr std::int64_t month = std::int64_t{31} * 24 * 60 * 60 * 1000;
  for (std::uint32_t n = 0; n != 40; ++n) {
    REQUIRE(site.storage.insert_once(client(n), key("k" + std::to_string(n))).value().insertion() ==
            Insertion::inserted);
  }
  const std::string_view keys =
      "SELECT count(idempotency_key), min(created_at) FROM @.clients WHERE idempotency_key LIKE 'k%'";
  Batch refused;
  refused.add(in_ecosystem(100, elsewhere, month), key("a"));
  refused.add(in_ecosystem(101, home, month));
  site.storage.insert_all(refused.all);
  CHECK(refused.insertion(0) == Insertion::ecosystem_unknown);
  CHECK(refused.insertion(1) == Insertion::inserted);
  CHECK(site.ask(keys) == "40|0|");
  Batch batch;
  batch.add(in_ecosystem(102, home, month), key("b"));
  batch.add(in_ecosystem(103, home, month), key("c"));
  site.storage.insert_all(batch.all);
  CHECK(batch.count(Insertion::inserted) == 2);
  CHECK(site.ask(keys) == "24|16|");
  Batch early;  // for one of the two nothing has expired
  early.add(in_ecosystem(104, home, month), key("d"));
  early.add(in_ecosystem(105, home, 16), key("e"));
  site.storage.insert_all(early.all);
  CHECK(early.count(Insertion::inserted) == 2);
  CHECK(site.ask(keys) == "24|16|");
  Batch met;
  met.add(in_ecosystem(106, home, month), key("k39"));
  met.add(in_ecosystem(107, home, 17), key("k38"));
  site.storage.insert_all(met.all);
  CHECK(met.insertion(0) == Insertion::inserted);
  CHECK(met.insertion(1) == Insertion::key_reused);
}

// ---- locks ----

TEST_CASE("an insert whose ecosystem is locked, or whose id another program is inserting, keeps no other waiting") {
  const Where where(GENERATE(0, 1));
  Site site;
  PostgresStorage storage = open(where.options({.timeout = milliseconds(20000), .schema = site.schema}));
  storage.add_ecosystem(elsewhere).value();
  const bool by_id = GENERATE(false, true);
  CAPTURE(by_id);
  if (by_id) {
    REQUIRE(
        site.run("BEGIN; INSERT INTO @.clients SELECT '" + id(3).text() + "', 0, '" + elsewhere.text() + "', 'server'")
            .empty());
  } else {
    REQUIRE(site.run("BEGIN; SELECT FROM @.ecosystems WHERE id = '" + elsewhere.text() + "' FOR UPDATE").empty());
  }
  Batch batch = several(1, 2);
  batch.add(in_ecosystem(3, elsewhere));
  if (!by_id) batch.add(in_ecosystem(4, home), key("k"));
  auto inserting = std::async(std::launch::async, [&] { storage.insert_all(batch.all); });
  site.onlooker.await(site.sql("SELECT count(*) FROM @.clients"), by_id ? "2|" : "3|");
  REQUIRE(site.run("COMMIT").empty());
  inserting.get();
  CHECK(batch.insertion(0) == Insertion::inserted);
  CHECK(batch.insertion(1) == Insertion::inserted);
  CHECK(batch.insertion(2) == (by_id ? Insertion::id_taken : Insertion::inserted));
}

TEST_CASE("of what a batch leaves, that which need not wait for its ecosystem's lock comes first") {
  const Where where(GENERATE(0, 1));
  Site site;
  PostgresStorage storage = open(where.options({.timeout = milliseconds(20000), .schema = site.schema}));
  storage.add_ecosystem(elsewhere).value();
  REQUIRE(storage.insert_once(client(1), key("k")).value().insertion() == Insertion::inserted);
  REQUIRE(site.run("BEGIN; SELECT FROM @.ecosystems WHERE id = '" + elsewhere.text() + "' FOR UPDATE").empty());
  Batch batch;
  batch.add(in_ecosystem(2, elsewhere));
  batch.add(in_ecosystem(3, home, std::int64_t{31} * 24 * 60 * 60 * 1000), key("k"));  // which has expired
  auto inserting = std::async(std::launch::async, [&] { storage.insert_all(batch.all); });
  site.onlooker.await(site.sql("SELECT count(*) FROM @.clients"), "2|");
  REQUIRE(site.run("COMMIT").empty());
  inserting.get();
  CHECK(batch.count(Insertion::inserted) == 2);
}

TEST_CASE("a deletion waits for the inserts that are under way, and those that come later wait for it") {
  const Where where(GENERATE(0, 1));
  Site site;
  PostgresStorage storage = open(where.options(in(site.schema)), where.conninfo());
  PostgresStorage other = open(in(site.schema));
  // Another program has the id, and may yet give it up: so the insert waits, with its ecosystem's lock.
  REQUIRE(site.run("BEGIN; INSERT INTO @.clients SELECT '" + id(1).text() + "', 0, '" + home.text() + "', 'server'")
              .empty());
  auto first = std::async(std::launch::async, [&] { return storage.insert(client(1)); });
  site.onlooker.await(std::string(waiting_statements), "1|");
  auto deleting = std::async(std::launch::async, [&] { return other.delete_ecosystem(home); });
  site.onlooker.await(std::string(waiting_statements), "2|");
  std::vector<std::future<Outcome<Insertion>>> later;
  for (std::uint32_t n = 10; n != 14; ++n) {
    later.push_back(std::async(std::launch::async, [&, n] { return other.insert(client(n)); }));
    site.onlooker.await(std::string(waiting_statements), std::to_string(n - 7) + "|");
  }
  Batch batch = several(20, 3);
  batch.add(client(23), key("k"));
  auto inserting = std::async(std::launch::async, [&] { storage.insert_all(batch.all); });
  site.onlooker.await(std::string(waiting_statements), "7|");  // its first insert, alone
  CHECK(site.ask("SELECT count(*) FROM @.clients") == "1|");   // the other program's own
  REQUIRE(site.run("ROLLBACK").empty());
  CHECK(first.get().value() == Insertion::inserted);
  CHECK(deleting.get().value() == EcosystemState::active);
  for (auto& each : later) CHECK(each.get().value() == Insertion::ecosystem_deleted);
  inserting.get();
  CHECK(batch.count(Insertion::ecosystem_deleted) == 4);
  CHECK(site.count() == "1|");
}

TEST_CASE("an ecosystem that is there already is added again under load without being overtaken, and stays as it was") {
  Site site;
  REQUIRE(site.run("BEGIN; INSERT INTO @.clients SELECT '" + id(1).text() + "', 0, '" + home.text() + "', 'server'")
              .empty());
  auto first = std::async(std::launch::async, [&] { return site.storage.insert(client(1)); });
  site.await_waiting(1);
  auto adding = std::async(std::launch::async, [&] { return site.storage.add_ecosystem(home); });
  site.await_waiting(2);
  auto later = std::async(std::launch::async, [&] { return site.storage.insert(client(2)); });
  site.await_waiting(3);
  CHECK(site.ask("SELECT count(*) FROM @.clients") == "1|");
  REQUIRE(site.run("ROLLBACK").empty());
  CHECK(first.get().value() == Insertion::inserted);
  CHECK(adding.get().value() == EcosystemState::active);
  CHECK(later.get().value() == Insertion::inserted);
}

TEST_CASE("an operation for which no connection is free says so in its part of the limit, and makes none") {
  const auto attempt = [](milliseconds limit) -> std::string {
    using detail::postgres::Row;
    using detail::postgres::Time;
    using Settled = detail::postgres::Settled<int>;
    const detail::postgres::Queries queries{"s"};
    const Peer peer({{Peer::row({"active"}) + Peer::complete() + Peer::ready()}});
    const milliseconds minute(60000);
    detail::postgres::QueryRunner runner({peer.conninfo(), minute, minute, minute}, 1, limit, nullptr);
    const std::vector<const char*> values(1, "");
    const auto none_free = [&](int part) {
      return "postgres insert: no connection was free within " + std::to_string(limit.count() / part) + " ms";
    };
    std::string late = "nothing was read; ";
    const auto read = [&](const Row&, bool) -> Settled {  // with the only connection
      const int before = connections;
      const auto insert = [&](const detail::postgres::Begun& begun) {
        return runner.run<int>(
            queries.insert, values, [](const Row&, bool) -> Settled { return 0; }, begun);
      };
      late = unless_unavailable(insert({}), none_free(4));
      late += unless_unavailable(insert({.tried = true}), none_free(2));
      late += unless_unknown(insert({.settling = true}), none_free(1));
      const auto batch = runner.run_once(queries.batch, values, Time::now());
      CHECK(batch.status == detail::postgres::QueryStatus::unsent);
      CHECK(connections == before);
      return 1;
    };
    const auto outer = runner.run<int>(queries.find_ecosystem, values, read, {.at = Time::now() + minute});
    return late + unless_value(outer, 1);
  };
  CHECK(with_growing_limit(milliseconds(400), attempt) == "");
}

TEST_CASE("an operation whose part of the limit has passed is not begun, and makes no connection") {
  using detail::postgres::Time;
  const detail::postgres::Queries queries{"s"};
  const milliseconds minute(60000);
  detail::postgres::QueryRunner runner({"", minute, minute, minute}, 1, minute, nullptr);
  const std::vector<const char*> values(1, "");
  const int before = connections;
  const auto insert = [&](milliseconds since, bool tried) {
    return runner.run<int>(queries.insert, values,
                           [](const auto&, bool) -> detail::postgres::Settled<int> { return 0; },
                           {.at = Time::now() - since, .tried = tried});
  };
  const auto early = insert(minute / 4, false);
  check_unavailable(early);
  CHECK(fault(early).what() == "postgres insert: not begun within 15000 ms");
  CHECK(fault(insert(minute / 2, true)).what() == "postgres insert: not begun within 30000 ms");
  CHECK(runner.run_once(queries.batch, values, Time::now() - minute / 4).status ==
        detail::postgres::QueryStatus::unsent);
  CHECK(connections == before);
}

TEST_CASE("a batch waits a twentieth of the limit for a lock, and an insert a sixteenth for a batch, at most 20 ms") {
  const auto check = [](int limit, int for_lock, int for_batch) {
    const detail::postgres::QueryRunner runner({}, 1, milliseconds(limit), nullptr);
    CHECK(runner.batch_lock_timeout() == milliseconds(for_lock));
    CHECK(runner.longest_group_wait() == milliseconds(for_batch));
  };
  check(100, 5, 6);
  check(320, 16, 20);
  check(5000, 250, 20);
}

// ---- errors and lost connections ----

TEST_CASE("what the server refuses of one insert changes no other one of its batch, nor does a conflict of all") {
  for (const std::string code : {"23514", "53100", "57014", "40P01", "40001", "55P03"}) {
    CAPTURE(code);
    Site site;
    site.on_insert("IF NEW.name = 'bad' THEN RAISE EXCEPTION USING ERRCODE = '" + code + "'; END IF;");
    Batch batch = several(1, 3);
    batch.add(in_ecosystem(4, home, 0, "bad"));
    batch.add(client(5), key("k"));
    site.storage.insert_all(batch.all);
    CHECK(batch.count(Insertion::inserted) == 4);
    CHECK(fault(batch.outcome(3)).fate() == Fate::not_applied);
    CHECK(fault(batch.outcome(3)).what() == "postgres insert: SQLSTATE " + code);
    CHECK(site.count() == "4|");
    // The first statement that meets it is the batch's.
    REQUIRE(site.run("DROP TRIGGER trap ON @.clients; DROP FUNCTION @.trap; DROP SEQUENCE @.tries").empty());
    site.on_insert("IF nextval('@.tries') = 1 THEN RAISE EXCEPTION USING ERRCODE = '" + code + "'; END IF;");
    Batch all = several(10, 5);
    site.storage.insert_all(all.all);
    CHECK(all.count(Insertion::inserted) == 5);
    CHECK(site.count() == "9|");
  }
}

TEST_CASE("an error of a batch's commit is an error of each of its inserts") {
  Site site;
  site.on_insert("");
  REQUIRE(site.run("CREATE FUNCTION @.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING"
                   " ERRCODE = '53100'; END $$")
              .empty());
  REQUIRE(site.run("CREATE CONSTRAINT TRIGGER late AFTER INSERT ON @.clients DEFERRABLE INITIALLY DEFERRED FOR EACH"
                   " ROW EXECUTE FUNCTION @.late()")
              .empty());
  Batch batch = several(1, 3);
  site.storage.insert_all(batch.all);
  for (std::size_t i = 0; i != 3; ++i) check_unavailable(batch.outcome(i));
  CHECK(site.count() == "0|");
}

TEST_CASE("wherever the wire is cut in a batch, each insert gets what became of it, and is stored once") {
  const Where where(GENERATE(0, 1, 2));
  const auto attempt = [&](milliseconds limit) -> std::string {
    Wire wire{where.socket()};
    Site site;
    site.storage.add_ecosystem(ecosystem(1)).value();
    site.storage.delete_ecosystem(ecosystem(1)).value();
    PostgresStorage storage = open(where.options({.timeout = limit, .schema = site.schema}), wire.conninfo());
    if (const auto first = storage.insert(client(0)); !first) return fault(first).what();
    std::uint32_t n = 1;
    for (const Wire::Action action : {Wire::cut_before, Wire::cut_at_once, Wire::cut_after, Wire::cut_after_reply,
                                      Wire::fall_silent, Wire::arrive_late}) {
      CAPTURE(action);
      Batch batch = several(n, 3);
      batch.add(client(n + 3), key("k" + std::to_string(n)));
      batch.add(client(n + 4), key("k" + std::to_string(n)));
      batch.add(in_ecosystem(n + 5, ecosystem(1)));
      batch.add(in_ecosystem(0, home));
      wire.when(id(n).text(), action);
      storage.insert_all(batch.all);
      for (const BatchInsert& each : batch.inserts) {
        if (!each.outcome) return fault(each.outcome).what();
      }
      CHECK(wire.is_done());
      for (std::size_t i = 0; i != 3; ++i) CHECK(batch.insertion(i) == Insertion::inserted);
      const bool first = batch.insertion(3) == Insertion::inserted;
      CHECK(batch.outcome(first ? 4 : 3).value() == KeyedInsertion::replayed(client(n + (first ? 3 : 4))));
      CHECK(batch.insertion(5) == Insertion::ecosystem_deleted);
      CHECK(batch.insertion(6) == Insertion::id_taken);
      CHECK(site.ask("SELECT count(*) FROM @.clients") == std::to_string((n + 9) / 10 * 4 + 1) + "|");
      n += 10;
    }
    return "";
  };
  CHECK(with_growing_limit(milliseconds(4000), attempt) == "");
}

TEST_CASE("a batch whose wire is cut while its inserts are settled is settled by the next connection") {
  int cuts = 0;
  std::function<void()> again;
  Wire wire{cluster().socket()};
  Site site;
  PostgresStorage storage = open(in(site.schema), wire.conninfo());
  REQUIRE(storage.insert(client(0)).value() == Insertion::inserted);
  Batch batch = several(1, 4);
  again = [&] {
    if (++cuts != 4)
      wire.when(id(static_cast<std::uint32_t>(cuts)).text(), cuts % 2 == 0 ? Wire::cut_before : Wire::cut_after, again);
  };
  wire.when(id(1).text(), Wire::cut_after, again);
  storage.insert_all(batch.all);
  CHECK(cuts == 4);
  CHECK(batch.count(Insertion::inserted) == 4);
  CHECK(site.count() == "5|");
}

TEST_CASE("a batch that was lost, and cannot be settled, may have been applied as a whole") {
  for (const Wire::Action action : {Wire::cut_before, Wire::cut_after}) {
    CAPTURE(action);
    const auto attempt = [&](milliseconds limit) -> std::string {
      Wire wire{cluster().socket()};
      Site site;
      PostgresStorage storage = open({.timeout = limit, .schema = site.schema}, wire.conninfo());
      if (const auto first = storage.insert(client(0)); !first) return fault(first).what();
      Batch batch = several(1, 4);
      wire.when(
          id(1).text(), action, [] {}, true);
      storage.insert_all(batch.all);
      if (!wire.is_done()) return fault(batch.outcome(0)).what();
      for (std::size_t i = 0; i != 4; ++i) {
        CHECK(fault(batch.outcome(i)).fate() == Fate::maybe_applied);
        CHECK(!fault(batch.outcome(i)).status());
      }
      CHECK(site.count() == (action == Wire::cut_after ? "5|" : "1|"));
      return "";
    };
    CHECK(with_growing_limit(milliseconds(500), attempt) == "");
  }
}

TEST_CASE("a batch that was lost is not settled beyond the time limit: nobody connects for each of its inserts") {
  const auto mode = GENERATE(PostgresSessionMode::own, PostgresSessionMode::pooled);
  const AtSilentPeer got(64, mode);
  CHECK(connections <= 2);
  for (std::size_t i = 0; i != 64; ++i) CHECK(fault(got.batch.outcome(i)).fate() == Fate::maybe_applied);
}

TEST_CASE("a batch of which an earlier part took all of the time limit is not begun") {
  const auto mode = GENERATE(PostgresSessionMode::own, PostgresSessionMode::pooled);
  const AtSilentPeer got(256 + 2, mode);
  CHECK(got.statements == 1);
  for (std::size_t i = 0; i != 256; ++i) CHECK(fault(got.batch.outcome(i)).fate() == Fate::maybe_applied);
  for (std::size_t i = 256; i != 258; ++i) check_unavailable(got.batch.outcome(i));
}

TEST_CASE("rows of a batch are no proof before the server is ready, and no row is another insert's") {
  const auto mode = GENERATE(PostgresSessionMode::own, PostgresSessionMode::pooled);
  const auto row = [](std::uint32_t n) -> Peer::Values { return {id(n).text(), std::nullopt}; };
  const Peer::Values state{home.text(), "active"};
  const auto opened = [&](const Peer& peer) {
    return PostgresStorage::open(
               peer.conninfo(),
               {.connect_timeout = milliseconds(60000), .timeout = milliseconds(60000), .schema = "s", .session = mode})
        .value();
  };
  const std::string both = Peer::rows({row(1), row(2), state}) + Peer::complete();
  const Peer::Reply is_there{Peer::row({"active", "1"}) + Peer::complete() + Peer::ready()};
  const Peer::Reply is_taken{Peer::row({"active", "0"}) + Peer::complete() + Peer::ready()};
  SECTION("ready") {
    Peer peer({{both + Peer::ready()}});
    PostgresStorage storage = opened(peer);
    Batch batch = several(1, 2);
    storage.insert_all(batch.all);
    CHECK(batch.count(Insertion::inserted) == 2);
    CHECK(peer.executions().size() == 1);
  }
  SECTION("lost, or in a transaction that is open") {
    for (const Peer::Reply& first : {Peer::Reply{both, true}, Peer::Reply{both + Peer::error("FATAL", "57P01"), true},
                                     Peer::Reply{both + Peer::ready('T')}, Peer::Reply{"", true},
                                     Peer::Reply{Peer::error("ERROR", "57P01") + Peer::ready()}}) {
      Peer peer({first, is_there, is_there});
      PostgresStorage storage = opened(peer);
      Batch batch = several(1, 2);
      storage.insert_all(batch.all);
      CHECK(batch.count(Insertion::inserted) == 2);
      const auto executions = peer.executions();
      REQUIRE(executions.size() == 3);
      for (const std::size_t i : {1U, 2U}) {
        CHECK(executions[i].sql.find("ON CONFLICT (id) DO UPDATE") != std::string::npos);
        CHECK(executions[i].connection > 1);
      }
    }
  }
  SECTION("one row only") {
    Peer peer({{Peer::rows({row(2), state}) + Peer::complete() + Peer::ready()}, is_taken});
    PostgresStorage storage = opened(peer);
    Batch batch = several(1, 2);
    storage.insert_all(batch.all);
    CHECK(batch.insertion(0) == Insertion::id_taken);
    CHECK(batch.insertion(1) == Insertion::inserted);
    REQUIRE(peer.executions().size() == 2);
    CHECK(peer.executions()[1].sql.find("DO NOTHING") != std::string::npos);
  }
  SECTION("rows of other clients, or of no client, prove nothing") {
    for (const Peer::Values& odd : {row(3), Peer::Values{"x", std::nullopt}, Peer::Values{home.text(), "sleeping"},
                                    Peer::Values{std::nullopt, std::nullopt}}) {
      Peer peer({{Peer::rows({row(1), odd}) + Peer::complete() + Peer::ready()}, is_there, is_there});
      PostgresStorage storage = opened(peer);
      Batch batch = several(1, 2);
      storage.insert_all(batch.all);
      CHECK(batch.count(Insertion::inserted) == 2);
      REQUIRE(peer.executions().size() == 3);
      CHECK(peer.executions()[1].sql.find("DO UPDATE") != std::string::npos);
    }
  }
  SECTION("a commit that no standby is known to have") {
    const std::string cancelled = Peer::warning("WARNING", "SyncRepWaitForLSN");
    Peer peer({{Peer::rows({row(2), state}) + Peer::complete() + cancelled + Peer::ready()}, is_taken});
    PostgresStorage storage = opened(peer);
    Batch batch = several(1, 2);
    storage.insert_all(batch.all);
    CHECK(batch.insertion(0) == Insertion::id_taken);
    CHECK(fault(batch.outcome(1)).fate() == Fate::maybe_applied);
    CHECK(fault(batch.outcome(1)).what() ==
          "postgres insert_all: committed, but no synchronous standby is known to have it");
  }
}

TEST_CASE("batches of many threads with the same keys, under deletions, give results in one order") {
  const Where where(GENERATE(0, 2));
  Site site;
  PostgresStorage storage = open(where.options(in(site.schema)), where.conninfo());
  PostgresStorage other = open(in(site.schema));
  constexpr std::size_t threads = 8;
  constexpr std::uint32_t rounds = 12;
  constexpr std::uint8_t ecosystems = 4;
  for (std::uint8_t e = 0; e != ecosystems; ++e) storage.add_ecosystem(ecosystem(e)).value();
  std::atomic<std::size_t> wrong = 0;
  std::atomic<std::uint32_t> done = 0;
  std::atomic<std::uint8_t> deleted = 0;
  std::vector<Batch> batches(threads * rounds);
  {
    std::vector<std::jthread> running;
    for (std::size_t t = 0; t != threads; ++t) {
      running.emplace_back([&, t] {
        for (std::uint32_t round = 0; round != rounds; ++round) {
          Batch& batch = batches[t * rounds + round];
          const std::uint8_t gone = deleted;
          for (std::uint32_t i = 0; i != 12; ++i) {  // in different orders
            const std::uint32_t k = t % 2 == 0 ? i : 11 - i;
            const auto e = static_cast<std::uint8_t>(i % ecosystems);
            const std::uint32_t number = static_cast<std::uint32_t>(t) << 16 | round << 8 | i;
            if (k % 3 == 0) batch.add(in_ecosystem(number, ecosystem(e), 0, "k"));
            if (k % 3 != 0)
              batch.add(in_ecosystem(number, ecosystem(e), 0, "k"),
                        key(std::to_string(round) + '-' + std::to_string(i)));
          }
          (t % 2 == 0 ? storage : other).insert_all(batch.all);
          for (std::size_t i = 0; i != batch.all.size(); ++i) {
            const auto& outcome = batch.outcome(i);
            const bool after = i % ecosystems < gone;
            const Insertion insertion = outcome ? outcome.value().insertion() : Insertion::id_taken;
            if (insertion == Insertion::id_taken || insertion == Insertion::key_reused ||
                insertion == Insertion::ecosystem_unknown || (after && insertion == Insertion::inserted)) {
              ++wrong;
            }
          }
          ++done;
        }
      });
    }
    for (std::uint8_t e = 0; e != 2; ++e) {
      while (done < threads * rounds * (e + 1U) / 3) std::this_thread::yield();
      if (site.storage.delete_ecosystem(ecosystem(e)).value() != EcosystemState::active) ++wrong;
      deleted = static_cast<std::uint8_t>(e + 1);
    }
  }
  CHECK(wrong == 0);
  std::size_t inserted = 0;
  std::size_t not_as_said = 0;
  for (const Batch& batch : batches) {
    for (const BatchInsert& each : batch.inserts) {
      const auto found = storage.find_client(each.client.id()).value();
      const bool is_inserted = each.outcome && each.outcome.value().insertion() == Insertion::inserted;
      inserted += is_inserted;
      not_as_said += is_inserted ? found != each.client : found.has_value();
      if (each.outcome && each.outcome.value().client()) {
        not_as_said +=
            storage.find_client(each.outcome.value().client()->id()).value() != each.outcome.value().client();
      }
    }
  }
  CHECK(not_as_said == 0);
  CHECK(inserted > 0);
  CHECK(site.count() == std::to_string(inserted) + "|");
  CHECK(site.ask("SELECT count(*) = count(DISTINCT (ecosystem_id, idempotency_key)) FROM @.clients"
                 " WHERE idempotency_key IS NOT NULL") == "t|");
}
