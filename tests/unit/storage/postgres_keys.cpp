// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Creates under a key.
#include <droplit/storage/postgres.hpp>

#include <droplit/create_client.hpp>

#include "support/catch.hpp"
#include "support/pgbouncer.hpp"
#include "support/postgres_site.hpp"
#include "support/postgres_wire.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;
using std::chrono::milliseconds;

namespace {

static_assert(KeyedStorage<PostgresStorage>);

constexpr std::int64_t days = 24 * 60 * 60 * std::int64_t{1000};

IdempotencyKey key(std::string_view text) { return IdempotencyKey::parse(text).value(); }

/// A client of the draft of `client(n)`, or of another one, that is created so much later.
Client later(std::uint32_t n, std::int64_t millis, std::string_view description = "d") {
  return {id(n),
          Timestamp::clamp_unix_millis(millis),
          home,
          ClientType::server,
          Text::parse("n"),
          Text::parse(std::string(description))};
}

PostgresSessionMode session;
PostgresSessionMode each_mode() { return session = GENERATE(PostgresSessionMode::own, PostgresSessionMode::pooled); }
PostgresOptions with_mode(PostgresOptions options) {
  options.session = session;
  return options;
}

Insertion insertion(const Outcome<KeyedInsertion>& outcome) { return outcome.value().insertion(); }

/// The statement of another program that inserts `client(n)` with the key `k`.
std::string insertion_of(std::uint32_t n) {
  return "INSERT INTO @.clients SELECT '" + id(n).text() + "', " + std::to_string(n) + ", '" + home.text() +
         "', 'server', 'n', 'd', 'k'";
}

constexpr std::string_view lock_ecosystem = "BEGIN; SELECT * FROM @.ecosystems FOR UPDATE";
constexpr std::string_view kept_keys = "SELECT idempotency_key FROM @.clients ORDER BY id";

}  // namespace

TEST_CASE("a key is kept with the client that it created, and replays it whatever became of the ecosystem") {
  each_mode();
  Site site(with_mode(in("")));
  site.storage.add_ecosystem(elsewhere).value();
  CHECK(site.storage.insert_once(client(1), key("k")).value() == KeyedInsertion(Insertion::inserted));
  CHECK(site.storage.find_client(id(1)).value() == client(1));
  CHECK(site.ask(kept_keys) == "k|");
  const auto replayed = KeyedInsertion::replayed(client(1));
  CHECK(site.storage.insert_once(later(2, 5), key("k")).value() == replayed);
  CHECK(site.storage.insert_once(client(1), key("k")).value() == replayed);
  CHECK(insertion(site.storage.insert_once(later(2, 5, "other"), key("k"))) == Insertion::key_reused);
  CHECK(insertion(site.storage.insert_once(later(1, 5, "other"), key("k"))) == Insertion::key_reused);
  CHECK(insertion(site.storage.insert_once(client(2), key("K"))) == Insertion::inserted);
  const Client other(id(3), Timestamp::clamp_unix_millis(5), elsewhere, {});
  CHECK(insertion(site.storage.insert_once(other, key("k"))) == Insertion::inserted);
  CHECK(site.storage.delete_ecosystem(home).value() == EcosystemState::active);
  CHECK(site.storage.insert_once(later(4, 5), key("k")).value() == replayed);
  CHECK(insertion(site.storage.insert_once(later(4, 5, "other"), key("k"))) == Insertion::key_reused);
  CHECK(insertion(site.storage.insert_once(later(4, 5), key("new"))) == Insertion::ecosystem_deleted);
  PostgresStorage again = open(with_mode(in(site.schema)));
  CHECK(again.insert_once(later(4, 5), key("k")).value() == replayed);
  CHECK(site.ask(kept_keys) == "k|K|k|");
}

TEST_CASE("a key of a create that was refused is new, and a client without a key has none") {
  each_mode();
  Site site(with_mode(in("")));
  const Client nowhere(id(1), Timestamp::clamp_unix_millis(5), elsewhere, {});
  CHECK(insertion(site.storage.insert_once(nowhere, key("k"))) == Insertion::ecosystem_unknown);
  site.storage.add_ecosystem(elsewhere).value();
  CHECK(insertion(site.storage.insert_once(nowhere, key("k"))) == Insertion::inserted);
  CHECK(site.storage.insert(client(2)).value() == Insertion::inserted);
  CHECK(insertion(site.storage.insert_once(client(2), key("k"))) == Insertion::id_taken);
  CHECK(insertion(site.storage.insert_once(client(1), key("k"))) == Insertion::id_taken);
  CHECK(insertion(site.storage.insert_once(client(3), key("k"))) == Insertion::inserted);
  REQUIRE(site.run("DELETE FROM @.clients WHERE id = '" + id(3).text() + "'").empty());
  CHECK(insertion(site.storage.insert_once(later(4, 5, "other"), key("k"))) == Insertion::inserted);
  CHECK(site.ask(kept_keys) == "k|NULL|k|");
}

TEST_CASE("with a key every result is one round trip") {
  each_mode();
  WiredSite p(with_mode(in("")));
  p.site.storage.add_ecosystem(elsewhere).value();
  p.site.storage.delete_ecosystem(elsewhere).value();
  CHECK(insertion(p.storage.insert_once(client(1), key("k"))) == Insertion::inserted);
  const Client deleted(id(5), Timestamp::clamp_unix_millis(5), elsewhere, {});
  const Client unknown(id(5), Timestamp::clamp_unix_millis(5), EcosystemId(EcosystemId::Bytes{}), {});
  const int before = p.wire.flights();
  CHECK(insertion(p.storage.insert_once(client(2), key("l"))) == Insertion::inserted);
  CHECK(insertion(p.storage.insert_once(later(3, 90 * days), key("k"))) == Insertion::inserted);  // it was expired
  CHECK(insertion(p.storage.insert_once(later(4, 90 * days), key("k"))) == Insertion::replayed);
  CHECK(insertion(p.storage.insert_once(later(4, 90 * days, "other"), key("k"))) == Insertion::key_reused);
  CHECK(insertion(p.storage.insert_once(later(3, 90 * days), key("m"))) == Insertion::id_taken);
  CHECK(insertion(p.storage.insert_once(deleted, key("k"))) == Insertion::ecosystem_deleted);
  CHECK(insertion(p.storage.insert_once(unknown, key("k"))) == Insertion::ecosystem_unknown);
  CHECK(p.wire.flights() - before == 7);
}

TEST_CASE("rows are found by the key's index, whatever the statistics of the table say") {
  Site site;
  const detail::postgres::Target target{"", {}, milliseconds(60000), milliseconds(60000), false};
  const std::string rows = "INSERT INTO @.clients SELECT 'u' || n, n, '" + home.text() + "', 'server', 'n', 'd'";
  PostgresSession planner(cluster().conninfo());
  REQUIRE(planner.run(target.settings()).empty());
  REQUIRE(planner.run("PREPARE p AS " + site.sql(detail::postgres::Queries{site.schema}.keyed_insertion())).empty());
  const auto check_plans = [&] {
    for (const std::string mode : {"force_generic_plan", "force_custom_plan"}) {
      REQUIRE(planner.run("SET plan_cache_mode = " + mode).empty());
      const std::string plan =
          planner.ask("EXPLAIN EXECUTE p('a', 1, '" + home.text() + "', 'server', 'n', 'd', 'k', -1, -9)");
      INFO(plan);
      std::size_t by_key = 0;
      for (auto at = plan.find("clients_idempotency_key on"); at != std::string::npos;
           at = plan.find("clients_idempotency_key on", at + 1)) {
        ++by_key;
      }
      CHECK(by_key == 2);
      CHECK(plan.find("Seq Scan") == std::string::npos);
      CHECK(plan.find("Sort") == std::string::npos);
    }
  };
  check_plans();
  REQUIRE(site.run(rows + " FROM generate_series(1, 1000) AS n; ANALYZE @.clients").empty());
  check_plans();  // while the statistics know no key
  REQUIRE(site.run(rows + ", 'k' || n FROM generate_series(1001, 2000) AS n").empty());
  check_plans();  // or none, although there are many
  REQUIRE(site.run("ANALYZE @.clients").empty());
  check_plans();
}

// ---- age ----

TEST_CASE("a key is remembered for its limit by the times of creation, and then the key is new and the client stays") {
  each_mode();
  for (const std::int64_t limit : {30 * days, 2 * days}) {
    PostgresOptions options = with_mode(in(""));
    if (limit != 30 * days) options.max_key_age = milliseconds(limit);
    Site site(options);
    CHECK(insertion(site.storage.insert_once(client(1), key("k"))) == Insertion::inserted);
    CHECK(insertion(site.storage.insert_once(later(2, 1 + limit), key("k"))) == Insertion::replayed);
    CHECK(insertion(site.storage.insert_once(later(2, 1 + limit, "other"), key("k"))) == Insertion::key_reused);
    CHECK(insertion(site.storage.insert_once(later(2, -days), key("k"))) == Insertion::replayed);
    CHECK(site.ask(kept_keys) == "k|");
    CHECK(insertion(site.storage.insert_once(later(2, 2 + limit, "other"), key("k"))) == Insertion::inserted);
    CHECK(site.storage.find_client(id(1)).value() == client(1));
    CHECK(site.ask(kept_keys) == "NULL|k|");
  }
}

TEST_CASE("a limit of keys outside of its range counts as the nearest one within it") {
  constexpr std::int64_t shortest = 2 * days;
  constexpr std::int64_t longest = 36'525 * days;
  const std::array<std::pair<milliseconds, std::int64_t>, 4> limits{{{milliseconds::min(), shortest},
                                                                     {milliseconds(0), shortest},
                                                                     {milliseconds(longest + 1), longest},
                                                                     {milliseconds::max(), longest}}};
  for (const auto& [given, limit] : limits) {
    PostgresOptions options = in("");
    options.max_key_age = given;
    Site site(options);
    CHECK(insertion(site.storage.insert_once(client(0), key("k"))) == Insertion::inserted);
    CHECK(insertion(site.storage.insert_once(later(2, limit), key("k"))) == Insertion::replayed);
    CHECK(insertion(site.storage.insert_once(later(2, limit + 1), key("k"))) == Insertion::inserted);
  }
  Site site;
  for (const std::int64_t millis : {Timestamp::max_unix_millis, Timestamp::min_unix_millis}) {
    CHECK(insertion(site.storage.insert_once(later(1, millis), key("k"))) == Insertion::inserted);
    REQUIRE(site.run("DELETE FROM @.clients").empty());
  }
}

TEST_CASE("an insert with a key clears the key that it meets and at most 8 more, oldest first, and no refusal does") {
  each_mode();
  Site site(with_mode(in("")));
  site.storage.add_ecosystem(elsewhere).value();
  const auto keys = [&] { return site.ask("SELECT count(idempotency_key) FROM @.clients"); };
  for (std::uint32_t n = 1; n != 31; ++n) {  // from the youngest to the oldest
    CHECK(insertion(site.storage.insert_once(client(31 - n), key("k" + std::to_string(31 - n)))) ==
          Insertion::inserted);
  }
  const std::int64_t now = 100 + 30 * days;
  const Client first(id(100), Timestamp::clamp_unix_millis(now), elsewhere, {});
  CHECK(insertion(site.storage.insert_once(later(200, 25 + 30 * days), key("k26"))) == Insertion::replayed);
  CHECK(keys() == "30|");
  CHECK(insertion(site.storage.insert_once(later(200, 25 + 30 * days), key("k25"))) == Insertion::replayed);
  CHECK(keys() == "30|");
  CHECK(insertion(site.storage.insert_once(first, key("k1"))) == Insertion::inserted);  // of another ecosystem
  CHECK(site.ask("SELECT min(created_at), count(*) FROM @.clients WHERE idempotency_key IS NOT NULL") == "9|23|");
  CHECK(insertion(site.storage.insert_once(later(101, now), key("k30"))) == Insertion::inserted);
  CHECK(site.ask("SELECT min(created_at), count(*) FROM @.clients WHERE idempotency_key IS NOT NULL") == "17|15|");
  site.storage.delete_ecosystem(elsewhere).value();
  const Client refused(id(102), Timestamp::clamp_unix_millis(now), elsewhere, {});
  CHECK(insertion(site.storage.insert_once(refused, key("new"))) == Insertion::ecosystem_deleted);
  CHECK(keys() == "15|");
  CHECK(insertion(site.storage.insert_once(later(103, now), key("k30"))) == Insertion::replayed);
  CHECK(keys() == "15|");
  CHECK(insertion(site.storage.insert_once(later(104, now), key("a"))) == Insertion::inserted);
  CHECK(insertion(site.storage.insert_once(later(105, now), key("b"))) == Insertion::inserted);
  CHECK(site.ask("SELECT idempotency_key FROM @.clients WHERE idempotency_key IS NOT NULL ORDER BY id") ==
        "k1|k30|a|b|");
  CHECK(site.ask("SELECT count(*) FROM @.clients") == "34|");
}

TEST_CASE("rows with expired keys that others have locked are not waited for, unless it is the key of the create") {
  Site site;
  for (std::uint32_t n = 1; n != 4; ++n) {
    CHECK(insertion(site.storage.insert_once(client(n), key("k" + std::to_string(n)))) == Insertion::inserted);
  }
  REQUIRE(site.run("BEGIN; SELECT * FROM @.clients WHERE id = '" + id(2).text() + "' FOR SHARE").empty());
  CHECK(insertion(site.storage.insert_once(later(4, 90 * days), key("k1"))) == Insertion::inserted);
  CHECK(site.ask(kept_keys) == "NULL|k2|NULL|k1|");
  auto inserting = std::async(std::launch::async, [&] {
    return site.storage.insert_once(later(5, 90 * days, "other"), key("k2")).value().insertion();
  });
  site.await_waiting(1);
  REQUIRE(site.run("COMMIT").empty());
  CHECK(inserting.get() == Insertion::inserted);
  CHECK(site.ask(kept_keys) == "NULL|NULL|NULL|k1|k2|");
}

// ---- keys that were cleared while an older snapshot is open ----

namespace {

constexpr std::uint32_t many = 400;

/// Inserts `many` clients with the keys k1, k2, ..., created a millisecond after each other. Another session then opens
/// a snapshot, which keeps the entries of the indexes that are of no use to any later statement.
void insert_many(Site& site) {
  REQUIRE(site.run("INSERT INTO @.clients SELECT 'u' || n, n, '" + home.text() +
                   "', 'server', 'n', 'd', 'k' || n FROM generate_series(1, " + std::to_string(many) + ") AS n")
              .empty());
  REQUIRE(site.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM @.clients").empty());
}

/// How many entries of the index by age were read for the creates of stores that are destroyed.
std::int64_t entries_read(Site& site) {
  // A session has reported what it read when it is gone.
  site.onlooker.await(site.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'WITH %@.clients%'"), "0|");
  return std::stoll(site.onlooker.ask("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE schemaname = '" +
                                      site.schema + "' AND indexrelname = 'clients_idempotency_key_age'"));
}

std::string keys_left(Site& site) {
  return site.onlooker.ask(site.sql("SELECT count(*) FROM @.clients WHERE idempotency_key LIKE 'k%' AND id LIKE 'u%'"));
}

}  // namespace

TEST_CASE("inserts with keys do not read again and again what was cleared while an older snapshot is open") {
  each_mode();
  const bool in_batches = GENERATE(false, true);
  CAPTURE(in_batches);
  Site site;
  insert_many(site);
  {
    PostgresStorage storage = open(with_mode(in(site.schema)));
    for (std::uint32_t n = 1; n <= many; n += 2) {
      const std::array<Client, 2> clients{later(n, 90 * days + n), later(n + 1, 90 * days + n)};
      const std::array<IdempotencyKey, 2> keys{key("a" + std::to_string(n)), key("b" + std::to_string(n))};
      std::array<BatchInsert, 2> inserts{BatchInsert(clients[0], &keys[0]), BatchInsert(clients[1], &keys[1])};
      if (in_batches) storage.insert_all(std::array{inserts.data(), &inserts[1]});
      for (std::size_t i = 0; i != 2; ++i) {
        if (!in_batches) inserts[i].outcome = storage.insert_once(clients[i], keys[i]);
        REQUIRE(insertion(inserts[i].outcome) == Insertion::inserted);
      }
    }
  }
  CHECK(keys_left(site) == "0|");
  CHECK(entries_read(site) < 8 * many);
}

TEST_CASE(
    "inserts with keys do not read again and again what others have cleared, or they themselves where they met it") {
  const bool by_key = GENERATE(false, true);
  CAPTURE(by_key);
  Site site;
  insert_many(site);
  {
    PostgresStorage storage = open(in(site.schema));
    PostgresStorage other = open(in(site.schema));
    for (std::uint32_t n = 1; n <= many; ++n) {  // for which one more key has expired
      const std::string old_key = 'k' + std::to_string(n);
      const std::string new_key = 'a' + std::to_string(n);
      const Client first = later(n, 30 * days + n + 1);
      REQUIRE(insertion(storage.insert_once(first, key(by_key ? old_key : new_key))) == Insertion::inserted);
      if (by_key) continue;
      const Client second = later(many + n, 30 * days + n + 1);
      REQUIRE(insertion(other.insert_once(second, key('b' + std::to_string(n)))) == Insertion::inserted);
    }
  }
  CHECK(keys_left(site) == "0|");
  CHECK(entries_read(site) < 8 * many);
}

TEST_CASE("keys that were locked while others were cleared are cleared a minute later, or by another store") {
  const bool by_other = GENERATE(false, true);
  CAPTURE(by_other);
  Site site;
  const auto left = [&](std::uint32_t first) {
    return site.onlooker.ask(
        site.sql("SELECT count(*), min(created_at) FROM @.clients WHERE idempotency_key LIKE 'k%'"
                 " AND created_at >= " +
                 std::to_string(first)));
  };
  insert_many(site);
  REQUIRE(site.run("COMMIT; BEGIN; SELECT FROM @.clients WHERE created_at <= 20 FOR UPDATE").empty());
  const detail::postgres::Queries queries{site.schema};
  detail::postgres::QueryRunner runner(
      {cluster().conninfo(), milliseconds(60000), milliseconds(60000), milliseconds(60000), false}, 1,
      milliseconds(60000), nullptr);
  detail::postgres::ClearedKeys cleared;
  const auto start = detail::postgres::Time::now();
  std::uint32_t next = 0;
  const auto insert = [&](milliseconds after) {
    const Client one = later(++next, 90 * days);
    const IdempotencyKey its_key = key("a" + std::to_string(next));
    BatchInsert single(one, &its_key);
    detail::postgres::PendingInsert pending{single, {start + after}};
    const std::array all{&pending};
    detail::postgres::Batch(queries.batch, all).run(runner, 30 * days, cleared);
    CHECK(insertion(single.outcome) == Insertion::inserted);
  };
  PostgresStorage other = open(in(site.schema));
  const auto insert_later = [&] {
    if (!by_other) return insert(milliseconds(60000));
    const Client one = later(++next, 90 * days);
    CHECK(insertion(other.insert_once(one, key("a" + std::to_string(next)))) == Insertion::inserted);
  };
  insert(milliseconds(0));
  CHECK(left(21) == std::to_string(many - 28) + "|29|");
  insert(milliseconds(0));
  CHECK(left(21) == std::to_string(many - 36) + "|37|");
  REQUIRE(site.run("COMMIT").empty());
  insert(milliseconds(59999));
  CHECK(left(21) == std::to_string(many - 44) + "|45|");
  CHECK(left(0) == std::to_string(many - 24) + "|1|");
  insert_later();
  CHECK(left(0) == std::to_string(many - 32) + "|9|");
  insert_later();
  CHECK(left(0) == std::to_string(many - 40) + "|17|");
  insert_later();
  CHECK(left(0) == std::to_string(many - 48) + "|49|");
}

TEST_CASE("where clearing begins grows, but for one statement in a period, and what that one leaves comes next") {
  using detail::postgres::ClearedKeys;
  using detail::postgres::Deadline;
  constexpr std::int64_t all = ClearedKeys::all;
  const Deadline start;
  ClearedKeys cleared(milliseconds(10));
  CHECK(cleared.next(start) == all);
  const std::int64_t nowhere = cleared.next(start);  // while the first statement is under way
  CHECK(nowhere > Timestamp::max_unix_millis);
  cleared.add(nowhere, 700);
  CHECK(cleared.next(start) == 700);  // although the first statement may never end
  cleared.add(all, 100);
  CHECK(cleared.next(start) == 100);
  cleared.add(100, 50);  // for a client that is older than others
  cleared.add(100, std::nullopt);
  CHECK(cleared.next(start) == 100);
  cleared.add(100, 200);
  cleared.add(100, 300);  // ends second
  CHECK(cleared.next(start + milliseconds(9)) == 200);
  CHECK(cleared.next(start + milliseconds(10)) == all);
  CHECK(cleared.next(start + milliseconds(10)) == 200);
  cleared.add(all, 20);
  cleared.add(200, 400);  // began before it
  CHECK(cleared.next(start + milliseconds(19)) == 20);
  CHECK(cleared.next(start + milliseconds(20)) == all);  // which fails
  CHECK(cleared.next(start + milliseconds(29)) == 20);
  CHECK(cleared.next(start + milliseconds(30)) == all);
  cleared.add(all, std::nullopt);  // it inserted nothing, so another one does it
  CHECK(cleared.next(start + milliseconds(30)) == all);
  CHECK(cleared.next(start + milliseconds(30)) == 20);
}

// ---- at the same time ----

TEST_CASE("a create whose key another one is inserting waits for it, and follows it") {
  each_mode();
  for (const std::string ending : {"COMMIT", "ROLLBACK"}) {
    for (const std::string description : {"d", "other"}) {
      CAPTURE(ending, description);
      Site site(with_mode(in("")));
      REQUIRE(site.run("BEGIN; " + insertion_of(1)).empty());
      auto inserting = std::async(std::launch::async,
                                  [&] { return site.storage.insert_once(later(2, 5, description), key("k")).value(); });
      site.onlooker.await("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1|");
      REQUIRE(site.run(ending).empty());
      const KeyedInsertion done = inserting.get();
      if (ending == "ROLLBACK") {
        CHECK(done.insertion() == Insertion::inserted);
      } else if (description == "other") {
        CHECK(done.insertion() == Insertion::key_reused);
      } else {
        CHECK(done == KeyedInsertion::replayed(client(1)));
      }
      CHECK(site.count() == "1|");
    }
  }
}

TEST_CASE("while a create waits for another one with its key, nothing waits for what it would clear") {
  each_mode();
  Site site(with_mode(in("")));
  CHECK(insertion(site.storage.insert_once(later(2, -90 * days), key("old"))) == Insertion::inserted);
  REQUIRE(site.run("BEGIN; " + insertion_of(1)).empty());
  auto inserting =
      std::async(std::launch::async, [&] { return site.storage.insert_once(client(3), key("k")).value(); });
  site.onlooker.await("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1|");
  CHECK(site.onlooker.ask("SELECT count(*) FROM (SELECT FROM " + site.schema +
                          ".clients WHERE idempotency_key = 'old' FOR UPDATE SKIP LOCKED) AS free") == "1|");
  REQUIRE(site.run("COMMIT").empty());
  CHECK(inserting.get() == KeyedInsertion::replayed(client(1)));
}

TEST_CASE("a create that meets an expired key that another one is taking over follows that one") {
  Site site;
  CHECK(insertion(site.storage.insert_once(later(1, -90 * days), key("k"))) == Insertion::inserted);
  for (const std::string ending : {"ROLLBACK", "COMMIT"}) {
    CAPTURE(ending);
    REQUIRE(site.run("BEGIN; UPDATE @.clients SET idempotency_key = NULL; " + insertion_of(2)).empty());
    auto inserting = std::async(std::launch::async, [&] {
      return site.storage.insert_once(later(ending == "COMMIT" ? 4 : 3, 5), key("k")).value();
    });
    site.await_waiting(1);
    REQUIRE(site.run(ending).empty());
    if (ending == "COMMIT") CHECK(inserting.get() == KeyedInsertion::replayed(client(2)));
    if (ending == "ROLLBACK") CHECK(inserting.get() == KeyedInsertion(Insertion::inserted));
    REQUIRE(site.run("DELETE FROM @.clients WHERE id = '" + id(3).text() + "'").empty());
    REQUIRE(site.run("UPDATE @.clients SET idempotency_key = 'k' WHERE id = '" + id(1).text() + "' AND " +
                     (ending == "ROLLBACK" ? "true" : "false"))
                .empty());
  }
}

TEST_CASE("a create whose key is inserted before its ecosystem is deleted, while it waits for that, replays it") {
  each_mode();
  Site site(with_mode(in("")));
  REQUIRE(site.run("BEGIN; UPDATE @.ecosystems SET state = 'deleted'").empty());
  auto inserting =
      std::async(std::launch::async, [&] { return site.storage.insert_once(client(2), key("k")).value(); });
  site.onlooker.await("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1|");
  REQUIRE(site.run(insertion_of(1)).empty());
  REQUIRE(site.run("COMMIT").empty());
  CHECK(inserting.get() == KeyedInsertion::replayed(client(1)));
}

TEST_CASE("of many threads with one key, over two stores, one creates the client and the others replay it") {
  const bool through_pooler = GENERATE(false, true);
  cluster();
  const PgBouncer bouncer(cluster(), "transaction", 6);
  Site site;
  PostgresOptions options = in(site.schema);
  options.session = through_pooler ? PostgresSessionMode::pooled : PostgresSessionMode::own;
  const std::string conninfo = through_pooler ? bouncer.conninfo() : cluster().conninfo();
  std::array<PostgresStorage, 2> stores{open(options, conninfo), open(options, conninfo)};
  const SystemClock clock;
  const ObjectIds ids;
  constexpr std::size_t threads = 16;
  constexpr std::size_t keys = 12;
  std::array<std::array<std::string, threads>, keys> results;
  std::atomic<std::size_t> created = 0;
  std::atomic<std::size_t> reused = 0;
  {
    std::atomic<std::size_t> begun = 0;
    std::vector<std::jthread> running;
    for (std::size_t t = 0; t != threads; ++t) {
      running.emplace_back([&, t] {
        ++begun;
        for (std::size_t k = 0; k != keys; ++k) {
          while (begun < threads * (k + 1)) std::this_thread::yield();
          const ClientDraft draft(home, ClientType::server, Text::parse(t == 0 && k % 2 == 1 ? "other" : "n"), {});
          const auto outcome = create_client(stores[t % 2], clock, ids, draft, key("k" + std::to_string(k)));
          if (outcome) {
            created += !outcome.value().replayed;
            results[k][t] = outcome.value().client.id().text() + outcome.value().client.name()->str();
          } else if (outcome.has_error() && outcome.error() == ApiError::idempotency_key_reused()) {
            ++reused;
          } else {
            results[k][t] = "failed";
          }
          ++begun;
        }
      });
    }
  }
  CHECK(created == keys);
  CHECK(site.count() == std::to_string(keys) + "|");
  std::size_t other = 0;
  for (auto& each : results) {
    std::set<std::string> different(each.begin(), each.end());
    other += different.erase("");
    CHECK(different.size() == 1);
    CHECK(!different.contains("failed"));
  }
  CHECK(other <= reused);
  CHECK(other == keys / 2);  // in each, one draft or the other was first
}

TEST_CASE(
    "creates that clear expired keys and take them over at the same time do not wait for each other in a circle") {
  Site site;
  std::array<PostgresStorage, 2> stores{open(in(site.schema)), open(in(site.schema))};
  constexpr std::uint32_t keys = 24;
  std::atomic<std::uint32_t> next = 0;
  std::atomic<std::size_t> wrong = 0;
  constexpr std::uint32_t rounds = 6;
  for (std::uint32_t round = 0; round != rounds; ++round) {
    std::vector<std::jthread> running;
    for (std::uint32_t t = 0; t != 8; ++t) {
      running.emplace_back([&, t] {
        for (std::uint32_t k = 0; k != keys; ++k) {  // each in an order of its own
          const Client mine = later(++next, 1000 + 60 * days * round + t);
          const auto outcome =
              stores[t % 2].insert_once(mine, key("k" + std::to_string((k * (2 * t + 1) * 5 + t) % keys)));
          const bool right = outcome && (outcome.value().insertion() == Insertion::inserted ||
                                         outcome.value().insertion() == Insertion::replayed);
          wrong += right ? 0 : 1;
        }
      });
    }
    running.clear();
  }
  CHECK(wrong == 0);
  CHECK(site.ask("SELECT count(*), count(DISTINCT idempotency_key) FROM @.clients WHERE idempotency_key IS NOT NULL"
                 " AND created_at >= " +
                 std::to_string(1000 + 60 * days * (rounds - 1))) ==
        std::to_string(keys) + '|' + std::to_string(keys) + '|');
  CHECK(site.count() == std::to_string(keys * rounds) + '|');
  const std::string log = cluster().log();
  const std::string deadlock(std::string_view(log).substr(std::min(log.size(), log.find("deadlock detected"))));
  CHECK(deadlock.substr(0, 4'000) == "");
}

// ---- connections that are lost ----

TEST_CASE("an insert with a key whose connection is lost is settled, and stored once") {
  each_mode();
  for (const Wire::Action action : {Wire::cut_before, Wire::cut_at_once, Wire::cut_after}) {
    CAPTURE(action);
    WiredSite p(with_mode(in("")));
    p.wire.when(id(1).text(), action);
    CHECK(p.storage.insert_once(client(1), key("k")).value() == KeyedInsertion(Insertion::inserted));
    CHECK(p.wire.is_done());
    CHECK(p.there(1) == "1|");
    p.wire.when(id(2).text(), action);
    CHECK(p.storage.insert_once(later(2, 5), key("k")).value() == KeyedInsertion::replayed(client(1)));
    CHECK(p.wire.is_done());
    p.wire.when(id(2).text(), action);
    CHECK(insertion(p.storage.insert_once(later(2, 5, "other"), key("k"))) == Insertion::key_reused);
    CHECK(p.wire.is_done());
    CHECK(p.there(2) == "0|");
    p.wire.when(id(0).text(), action);
    CHECK(insertion(p.storage.insert_once(later(0, 5), key("l"))) == Insertion::id_taken);
    CHECK(p.wire.is_done());
  }
}

TEST_CASE("an insert with a key that was lost is one that was inserted, though its key or its ecosystem is gone then") {
  each_mode();
  for (const bool by_other : {false, true}) {
    WiredSite p(with_mode(in("")));
    p.wire.when(id(1).text(), Wire::cut_after, [&] {
      p.site.storage.delete_ecosystem(home).value();
      REQUIRE(p.site.run("UPDATE @.clients SET idempotency_key = NULL").empty());
      if (by_other) REQUIRE(p.site.run(insertion_of(2)).empty());
    });
    CHECK(p.storage.insert_once(client(1), key("k")).value() == KeyedInsertion(Insertion::inserted));
    CHECK(p.wire.is_done());
  }
  WiredSite p(with_mode(in("")));
  p.wire.when(id(1).text(), Wire::cut_before, [&] { p.site.storage.delete_ecosystem(home).value(); });
  CHECK(insertion(p.storage.insert_once(client(1), key("k"))) == Insertion::ecosystem_deleted);
  CHECK(p.there(1) == "0|");
}

TEST_CASE("an insert with a key that was lost and is still under way is waited for by the one that settles it") {
  for (const std::string ending : {"ROLLBACK", "COMMIT"}) {
    WiredSite p;
    PostgresSession second(cluster().conninfo());
    REQUIRE(second.run(p.site.sql("BEGIN; " + insertion_of(1))).empty());
    p.wire.when(id(1).text(), Wire::cut_at_once);
    auto inserting = std::async(std::launch::async, [&] { return p.storage.insert_once(client(1), key("k")).value(); });
    p.site.await_waiting(2);
    REQUIRE(second.run(ending).empty());
    CHECK(inserting.get() == KeyedInsertion(Insertion::inserted));
    CHECK(p.there(1) == "1|");
  }
}

TEST_CASE("an insert with a key that was lost, and cannot be settled, may have been applied") {
  each_mode();
  for (const Wire::Action action : {Wire::cut_before, Wire::cut_after}) {
    CHECK(with_growing_limit(milliseconds(1500), [&](milliseconds limit) {
            WiredSite p(with_mode(failing_after(limit, "")));
            p.wire.when(
                id(1).text(), action, [] {}, true);
            const std::string what =
                "postgres insert_once: the server did not answer within " + std::to_string(limit.count()) + " ms";
            std::string late = unless_unknown(p.storage.insert_once(client(1), key("k")), what);
            if (!late.empty()) return late;
            CHECK(p.there(1) == (action == Wire::cut_after ? "1|" : "0|"));
            const bool is_there = action == Wire::cut_after;
            const Insertion repeated = is_there ? Insertion::replayed : Insertion::inserted;
            CHECK(insertion(p.site.storage.insert_once(later(2, 5), key("k"))) == repeated);
            return late;
          }) == "");
  }
}

TEST_CASE(
    "a create that is repeated under its key until there is a client creates one, wherever its connection is cut") {
  each_mode();
  const SystemClock clock;
  const ObjectIds ids;
  const ClientDraft draft(home, ClientType::server, Text::parse("n"), {});
  for (const std::string at : {"user", "set_config", "WITH owner", "k-of-a-call"}) {
    for (const Wire::Action action : {Wire::cut_before, Wire::cut_at_once, Wire::cut_after, Wire::cut_after_reply}) {
      if (at == "user" && action == Wire::cut_after_reply) continue;  // then the next cut is the same
      CAPTURE(at, action);
      Site site;
      Wire wire(cluster().socket());
      PostgresStorage storage = open(with_mode(in(site.schema)), wire.conninfo());
      if (at == "user" || (at != "k-of-a-call" && session == PostgresSessionMode::own)) {
        wire.when("k-of-a-call", Wire::cut_at_once, [&] { wire.when(at, action); });
      } else {
        wire.when(at, action);
      }
      std::set<std::string> created;
      for (int tries = 0; tries != 20 && created.empty(); ++tries) {
        const auto outcome = create_client(storage, clock, ids, draft, key("k-of-a-call"));
        if (outcome) created.insert(outcome.value().client.id().text());
      }
      CHECK(wire.is_done());
      const auto again = create_client(storage, clock, ids, draft, key("k-of-a-call"));
      CHECK(again.value().replayed);
      CHECK(created == std::set{again.value().client.id().text()});
      CHECK(site.count() == "1|");
    }
  }
}

// ---- what a replay rests on ----

TEST_CASE("a replay waits for a synchronous standby as an insert does, so what it returns outlives a failover") {
  each_mode();
  Site site(with_mode(in("")));
  CHECK(insertion(site.storage.insert_once(client(1), key("k"))) == Insertion::inserted);
  cluster().stop_fast();
  cluster().start({"synchronous_standby_names=nowhere"});
  PostgresSession observer(cluster().conninfo());
  auto replaying = std::async(std::launch::async, [&] { return site.storage.insert_once(later(2, 5), key("k")); });
  const std::string waits = " FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
  observer.await("SELECT count(*)" + waits, "1|");
  observer.ask("SELECT pg_cancel_backend(pid)" + waits);
  const auto outcome = replaying.get();
  cluster().stop_fast();
  cluster().start();
  CHECK(fault(outcome).fate() == Fate::maybe_applied);
  CHECK(outcome.exception().what() ==
        "postgres insert_once: committed, but no synchronous standby is known to have it");
  CHECK(site.storage.insert_once(later(2, 5), key("k")).value() == KeyedInsertion::replayed(client(1)));
}

TEST_CASE("a row with the key that is no client is a fault, and nothing was applied") {
  Site site;
  CHECK(insertion(site.storage.insert_once(client(1), key("k"))) == Insertion::inserted);
  REQUIRE(
      site.run("ALTER TABLE @.clients DROP CONSTRAINT clients_type_check; UPDATE @.clients SET type = 'x'").empty());
  const Fault why = fault(site.storage.insert_once(client(2), key("k")));
  CHECK(why.what() == "postgres insert_once: a row that is no client");
  CHECK(why.fate() == Fate::not_applied);
  CHECK(!why.status());
}

TEST_CASE(
    "an insert with a key that the server refuses leaves its key, those that are expired and the client as they were") {
  Site site;
  CHECK(insertion(site.storage.insert_once(client(1), key("k"))) == Insertion::inserted);
  site.on_insert("RAISE EXCEPTION USING ERRCODE = '53100';");
  check_unavailable(site.storage.insert_once(later(2, 90 * days), key("k")));
  CHECK(site.ask(kept_keys) == "k|");
  REQUIRE(site.run("DROP TRIGGER trap ON @.clients").empty());
  REQUIRE(site.run(std::string(lock_ecosystem)).empty());
  CHECK(with_growing_limit(milliseconds(1500), [&](milliseconds limit) {
          PostgresStorage storage = open(failing_after(limit, site.schema));
          return unless_unavailable(storage.insert_once(later(2, 90 * days), key("k")),
                                    "postgres insert_once: SQLSTATE 55P03");
        }) == "");
  CHECK(insertion(site.storage.insert_once(client(3), key("k"))) == Insertion::replayed);  // needs no ecosystem
  REQUIRE(site.run("COMMIT").empty());
  CHECK(insertion(site.storage.insert_once(later(2, 90 * days), key("k"))) == Insertion::inserted);
}
