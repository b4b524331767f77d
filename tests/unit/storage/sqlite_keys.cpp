// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Creates under a key in a SqliteStorage: those that share a commit, that commit's fate, keys that expire, and what is
// left when the disk fails or the process dies in between.
#include <droplit/storage/sqlite.hpp>

#include <droplit/testing/storage_contract.hpp>

#include "support/catch.hpp"
#include "support/failures.hpp"
#include "support/fault_vfs.hpp"
#include "support/power_cut.hpp"
#include "support/sqlite.hpp"
#include "support/sqlite_trouble.hpp"

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace droplit;
using test::Directory;
using test::DiskCall;
using test::DiskTrouble;
using test::FaultyDisk;
using test::FaultyMemory;
using test::MemoryTrouble;
using test::PowerCut;
using test::Raw;
namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::milliseconds;

namespace {

constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr EcosystemId spare = "C594b89aea18568c408c3ad00"_ecosystem_id;
constexpr std::int64_t two_days = 2 * 86'400'000;

ClientId id(std::uint32_t n) { return test::numbered_id(n); }

/// One of the draft that `text` names; times are 1970 plus so many milliseconds.
Client client(std::uint32_t n, std::string_view text = "lobby", std::int64_t millis = 0, EcosystemId in = home) {
  return {id(n),       Timestamp::clamp_unix_millis(millis), in, ClientType::server, Text::parse(std::string(text)),
          std::nullopt};
}

IdempotencyKey key(std::string_view text) { return *IdempotencyKey::parse(text); }

SqliteOptions remembers(std::chrono::milliseconds max_key_age) {
  SqliteOptions options;
  options.busy_timeout = milliseconds(60000);
  options.max_key_age = max_key_age;
  return options;
}

SqliteStorage open(const std::string& path, milliseconds max_key_age = hours(48)) {
  return SqliteStorage::open(path, remembers(max_key_age)).value();
}

/// The keys that are in the file, the oldest first.
std::string keys(const std::string& path) {
  return Raw(path).ask("SELECT idempotency_key FROM client WHERE idempotency_key IS NOT NULL ORDER BY created_at, id");
}

std::string clients(const std::string& path) { return Raw(path).ask("SELECT count(*) FROM client"); }

using Results = std::vector<std::optional<Outcome<KeyedInsertion>>>;

/// Whether `done` is `replayed` or `key_reused`.
bool met_key(const Outcome<KeyedInsertion>& done) {
  return done && (done.assume_value().insertion() == Insertion::replayed ||
                  done.assume_value().insertion() == Insertion::key_reused);
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A store for the suite whose disk stops working at a call: then the process dies, or the power fails too.
struct Mortal {
  explicit Mortal(PowerCut::Loss what) : loss(what) {
    disk.recording = true;
    store.emplace(open(path));
  }

  auto insert(const Client& c) { return store->insert(c); }
  auto insert_once(const Client& c, const IdempotencyKey& k) { return store->insert_once(c, k); }
  auto add_ecosystem(EcosystemId e) { return store->add_ecosystem(e); }
  auto delete_ecosystem(EcosystemId e) { return store->delete_ecosystem(e); }
  auto find_client(ClientId c) { return store->find_client(c); }

  bool crash(std::size_t step, const std::function<void()>& call) {
    disk.fail({DiskCall::any, SQLITE_OK, static_cast<long>(step), true});
    call();
    const bool crashed = disk.fired();
    const fs::path left = directory / std::to_string(++crashes);
    test::leave(disk, left, loss);
    disk.heal();
    store.reset();
    path = left / "a";
    disk.events.clear();
    for (const auto& each : fs::directory_iterator(left)) {  // what the next crash begins with
      const std::string name = each.path();
      disk.events.push_back({DiskCall::open, name, 0, {}, true});
      disk.events.push_back({DiskCall::write, name, 0, read_file(each.path())});
      disk.events.push_back({DiskCall::sync, name, 0, {}});
    }
    store.emplace(open(path));
    return crashed;
  }

  PowerCut::Loss loss;
  Directory directory;
  FaultyDisk disk;
  std::string path = directory / "a";
  std::optional<SqliteStorage> store;
  int crashes = 0;
};

}  // namespace

TEST_CASE("a SqliteStorage that dies or loses power at any call of its disk leaves a client with its key, or neither") {
  for (const PowerCut::Loss loss : {PowerCut::Loss::nothing, PowerCut::Loss::all}) {
    std::optional<Mortal> mortal;
    CHECK(check_storage_contract([&]() -> Mortal& { return mortal.emplace(loss); }));
  }
}

TEST_CASE("a max_key_age of any value counts as the nearest of those that it may have, and is exact") {
  struct Rig {
    SqliteStorage store;
    milliseconds age;
    auto insert(const Client& c) { return store.insert(c); }
    auto insert_once(const Client& c, const IdempotencyKey& k) { return store.insert_once(c, k); }
    auto add_ecosystem(EcosystemId e) { return store.add_ecosystem(e); }
    auto delete_ecosystem(EcosystemId e) { return store.delete_ecosystem(e); }
    auto find_client(ClientId c) { return store.find_client(c); }
    [[nodiscard]] milliseconds max_key_age() const { return age; }
  };
  const Directory directory;
  int n = 0;
  const auto check = [&](milliseconds given, milliseconds counts) {
    CAPTURE(given.count());
    const std::string path = directory / std::to_string(++n);
    SqliteStorage storage = open(path, given);
    storage.add_ecosystem(home).value();
    CHECK(storage.insert_once(client(1), key("k")).value() == Insertion::inserted);
    CHECK(storage.insert_once(client(2, "lobby", counts.count()), key("k")).value() ==
          KeyedInsertion::replayed(client(1)));
    CHECK(storage.insert_once(client(3, "lobby", counts.count() + 1), key("k")).value() == Insertion::inserted);
  };
  constexpr auto most = hours(24 * 36'525);
  check(milliseconds::min(), hours(48));
  check(milliseconds(0), hours(48));
  check(hours(48) - milliseconds(1), hours(48));
  check(hours(48) + milliseconds(1), hours(48) + milliseconds(1));
  check(most, most);
  check(milliseconds::max(), most);
  CHECK(SqliteOptions().max_key_age == hours(24 * 30));
  CHECK(check_storage_contract([&] { return Rig{open(directory / std::to_string(++n), hours(50)), hours(50)}; }));
}

TEST_CASE("a key is the text of the client's own row, whatever its characters and up to 255 of them") {
  const Directory directory;
  const std::string path = directory / "a";
  std::string all;
  for (char c = 0x21; c != 0x7F; ++c) all += c;
  const std::string longest = all + all + all.substr(0, IdempotencyKey::max_size - 2 * all.size());
  {
    SqliteStorage storage = open(path);
    storage.add_ecosystem(home).value();
    storage.add_ecosystem(spare).value();
    CHECK(storage.insert_once(client(1), key(longest)).value() == Insertion::inserted);
    CHECK(storage.insert_once(client(2, "lobby", 0, spare), key(longest)).value() == Insertion::inserted);
    CHECK(storage.insert(client(3)).value() == Insertion::inserted);
  }
  CHECK(Raw(path).ask("SELECT hex(id), idempotency_key FROM client ORDER BY id") ==
        "000000000000000000000001|" + longest + "|000000000000000000000002|" + longest +
            "|000000000000000000000003|NULL|");
  SqliteStorage storage = open(path);
  CHECK(storage.insert_once(client(4), key(longest)).value() == KeyedInsertion::replayed(client(1)));
  CHECK(storage.insert_once(client(4, "garage"), key(longest)).value() == Insertion::key_reused);
  CHECK(storage.insert_once(client(4, "lobby", 0, spare), key(longest)).value() ==
        KeyedInsertion::replayed(client(2, "lobby", 0, spare)));
  CHECK(clients(path) == "3|");
}

TEST_CASE("a key that another process took is replayed, and a client that it removes leaves its key new") {
  const Directory directory;
  const std::string path = directory / "a";
  REQUIRE(test::in_child([&] {
            SqliteStorage other = open(path);
            other.add_ecosystem(home).value();
            return other.insert_once(client(1), key("k")).value() == Insertion::inserted ? 0 : 1;
          }) == 0);
  SqliteStorage storage = open(path);
  CHECK(storage.insert_once(client(2), key("k")).value() == KeyedInsertion::replayed(client(1)));
  REQUIRE(Raw(path).run("DELETE FROM client") == SQLITE_OK);
  CHECK(storage.insert_once(client(2), key("k")).value() == Insertion::inserted);
}

TEST_CASE("a row under the key that is not a client is a fault, and nothing is inserted") {
  const Directory directory;
  const std::string path = directory / "a";
  SqliteStorage storage = open(path);
  storage.add_ecosystem(home).value();
  storage.insert_once(client(1), key("k")).value();
  REQUIRE(Raw(path).run("UPDATE client SET created_at = 999999999999999999") == SQLITE_OK);
  const auto done = storage.insert_once(client(2), key("k"));
  REQUIRE(done.has_exception());
  CHECK(done.exception().what() == "sqlite insert: a row that is not a client");
  CHECK(done.exception().fate() == Fate::not_applied);
  CHECK(clients(path) == "1|");
}

TEST_CASE("a key of 36 characters takes at most 160 bytes of the file, and leaves its room when it is cleared") {
  constexpr std::uint32_t count = 10000;
  const Directory directory;
  const std::string path = directory / "a";
  SqliteOptions options = remembers(hours(48));
  options.durability = SqliteDurability::normal;
  {
    SqliteStorage storage = SqliteStorage::open(path, options).value();
    storage.add_ecosystem(home).value();
    for (std::uint32_t n = 0; n != 2 * count; ++n) {
      const std::int64_t age = n < count ? 0 : two_days + count;  // the second half clears the keys of the first
      const Client usual(id(n), Timestamp::clamp_unix_millis(1519829816941 + n + age), home, ClientType::server,
                         Text::parse("Lobby panel"), Text::parse("Wall panel by the north entrance"));
      std::string text = std::to_string(n * 2654435761U);  // in no order
      text.append(36 - text.size(), '-');
      REQUIRE(storage.insert_once(usual, key(text)).value() == Insertion::inserted);
      if (n + 1 == count) REQUIRE(Raw(path).run("PRAGMA wal_checkpoint(TRUNCATE)") == SQLITE_OK);
      if (n + 1 == count) CHECK(fs::file_size(path) / count <= 125 + 160);
    }
  }
  CHECK(Raw(path).ask("SELECT count(*) FROM client WHERE idempotency_key IS NOT NULL") == std::to_string(count) + "|");
  CHECK(fs::file_size(path) / count <= 125 + 125 + 160);
}

// A commit that was written when the process died is found by the next one, which must not return it before a loss of
// power cannot take it away.
TEST_CASE("a replay outlives a loss of power, also of a client whose process died before its commit was synced") {
  const Directory directory;
  const std::string path = directory / "a";
  FaultyDisk disk;
  disk.recording = true;
  {
    SqliteStorage storage = open(path);
    storage.add_ecosystem(home).value();
    disk.fail({DiskCall::sync, SQLITE_OK, 0, true});
    CHECK(storage.insert_once(client(1), key("k")).exception().fate() == Fate::maybe_applied);
    disk.fail({DiskCall::any, SQLITE_OK, 0, true});  // so that nothing more is done at the end
  }
  disk.heal();
  std::erase_if(disk.events, [](const test::DiskEvent& each) { return each.failed; });  // it died before
  {
    SqliteStorage next = open(path);
    CHECK(next.insert_once(client(2), key("k")).value() == KeyedInsertion::replayed(client(1)));
    test::leave(disk, directory / "left", PowerCut::Loss::all);
  }
  CHECK(open(directory / "left/a").find_client(id(1)).value() == client(1));
}

// ---- keys that expire ----

TEST_CASE("a keyed insert clears the expired key that it meets and at most eight more, the oldest first") {
  const Directory directory;
  const std::string path = directory / "a";
  SqliteStorage storage = open(path);
  storage.add_ecosystem(home).value();
  for (std::uint32_t n = 0; n != 22; ++n) {
    storage.insert_once(client(n, "old", 10 * (21 - n)), key("old" + std::to_string(n))).value();
  }
  storage.insert_once(client(30, "new", two_days), key("new")).value();
  constexpr std::int64_t now = 205 + two_days;  // all have expired but two
  const auto rest = [&](std::uint32_t first, std::string_view since = "") {
    std::string all;
    for (std::uint32_t n = first + 1; n-- != 0;) all += "old" + std::to_string(n) + "|";
    return all + "new|" + std::string(since);
  };
  CHECK(keys(path) == rest(21));

  CHECK(storage.insert(client(31, "x", now)).value() == Insertion::inserted);
  CHECK(storage.insert_once(client(32, "new", now), key("new")).value().insertion() == Insertion::replayed);
  CHECK(storage.insert_once(client(32, "x", now), key("new")).value() == Insertion::key_reused);
  CHECK(storage.insert_once(client(32, "x", now, spare), key("k")).value() == Insertion::ecosystem_unknown);
  CHECK(storage.insert_once(client(31, "x", now), key("k")).value() == Insertion::id_taken);
  CHECK(storage.insert_once(client(31, "old", now), key("old3")).value() == Insertion::id_taken);
  CHECK(keys(path) == rest(21));  // none of these has inserted under a key

  CHECK(storage.insert_once(client(40, "y", now), key("y")).value() == Insertion::inserted);
  CHECK(keys(path) == rest(13, "y|"));
  CHECK(storage.insert_once(client(41, "other", now), key("old2")).value() == Insertion::inserted);
  CHECK(keys(path) == "old5|old4|old3|old1|old0|new|y|old2|");
  CHECK(storage.insert_once(client(42, "z", now), key("z")).value() == Insertion::inserted);
  CHECK(keys(path) == "old0|new|y|old2|z|");
  CHECK(storage.insert_once(client(50, "old", now), key("old0")).value() ==
        KeyedInsertion::replayed(client(0, "old", 210)));
  for (std::uint32_t n = 0; n != 22; ++n) CHECK(storage.find_client(id(n)).value().has_value());
  CHECK(storage.insert_once(client(51, "other", now + 1), key("old2")).value().insertion() == Insertion::replayed);
  CHECK(Raw(path).ask("PRAGMA integrity_check") == "ok|");
}

TEST_CASE("two keyed inserts of one batch clear sixteen expired keys, and an insert without a key clears none") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  for (std::uint32_t n = 0; n != 20; ++n) {
    storage.insert_once(client(n, "old", n), key("old" + std::to_string(n))).value();
  }
  constexpr std::int64_t now = two_days + 20;  // all have expired
  const Client x = client(30, "x", now), y = client(31, "y", now), z = client(32, "z", now);
  const IdempotencyKey x_key = key("x"), y_key = key("y");
  BatchInsert first(x, &x_key), second(y, &y_key), third(z);
  const std::array<BatchInsert*, 3> batch{&first, &second, &third};
  storage.insert_all(batch);
  for (const BatchInsert* each : batch) CHECK(each->outcome.value() == Insertion::inserted);
  CHECK(keys(directory / "a") == "old16|old17|old18|old19|x|y|");
}

TEST_CASE("an expired key of a deleted ecosystem stays with its client, and the create is refused") {
  const Directory directory;
  const std::string path = directory / "a";
  SqliteStorage storage = open(path);
  storage.add_ecosystem(home).value();
  storage.insert_once(client(1), key("k")).value();
  storage.delete_ecosystem(home).value();
  CHECK(storage.insert_once(client(2, "lobby", two_days + 1), key("k")).value() == Insertion::ecosystem_deleted);
  CHECK(keys(path) == "k|");
  CHECK(storage.insert_once(client(2, "lobby", two_days), key("k")).value() == KeyedInsertion::replayed(client(1)));
  CHECK(storage.insert_once(client(2, "garage", two_days), key("k")).value() == Insertion::key_reused);
}

TEST_CASE("keys are looked for by their index, expired ones by the index of ages, and every row by an index") {
  const Directory directory;
  const std::string path = directory / "a";
  open(path);
  using detail::sqlite::Opening, detail::sqlite::Connection;
  Connection store(Opening::run(path, "FULL", milliseconds(60000), milliseconds(60000)).value(), milliseconds(60000),
                   two_days, nullptr);
  REQUIRE(store.prepare_all() == SQLITE_OK);
  Raw raw(path);
  std::string plans;
  for (auto* each = sqlite3_next_stmt(store.database.get(), nullptr); each != nullptr;
       each = sqlite3_next_stmt(store.database.get(), each)) {
    const std::string_view sql = sqlite3_sql(each);
    if (!sql.starts_with("PRAGMA")) plans += raw.ask("EXPLAIN QUERY PLAN " + std::string(sql));
  }
  INFO(plans);
  const auto count = [&plans](std::string_view text) {
    std::size_t n = 0;
    for (auto at = plans.find(text); at != std::string::npos; at = plans.find(text, at + 1)) ++n;
    return n;
  };
  CHECK(count("SEARCH client USING INDEX clients_by_key (ecosystem_id=? AND idempotency_key=?)") == 1);
  CHECK(count("SEARCH client USING INDEX keyed_clients_by_age (created_at<?)") == 1);
  CHECK(count("SEARCH client USING PRIMARY KEY (id=?)") >= 3);  // found, given up its key, cleared
  CHECK(count("SCAN client") == 0);
  CHECK(count("TEMP B-TREE") == 0);
}

// ---- creates that share a commit ----

TEST_CASE("of creates of one key that share a commit one inserts, and none returns before it is committed") {
  const Directory directory;
  const std::string path = directory / "a";
  constexpr std::size_t size = 32;
  Results results(size);
  {
    FaultyDisk disk;
    SqliteStorage storage = open(path);
    storage.add_ecosystem(home).value();
    std::atomic<int> returned = 0;
    int returned_before_commit = -1;
    const auto insert = [&](std::size_t i) {
      if (i == 0) {
        results[0].emplace(storage.insert_once(client(100), key("first")));
      } else {
        const auto n = static_cast<std::uint32_t>(i);
        results[i].emplace(storage.insert_once(client(n, i % 3 == 0 ? "garage" : "lobby"), key("k")));
        ++returned;
      }
    };
    test::insert_together(
        disk, size, insert, [] {},
        [&] { returned_before_commit = returned_before_commit < 0 ? returned.load() : returned_before_commit; });
    CHECK(returned_before_commit == 0);
  }
  CHECK(results[0]->value() == Insertion::inserted);
  std::optional<Client> winner;
  for (std::size_t i = 1; i != size; ++i) {
    if (results[i]->value().insertion() != Insertion::inserted) continue;
    CHECK(!winner);
    winner = client(static_cast<std::uint32_t>(i), i % 3 == 0 ? "garage" : "lobby");
  }
  REQUIRE(winner);
  for (std::size_t i = 1; i != size; ++i) {
    const Client mine = client(static_cast<std::uint32_t>(i), i % 3 == 0 ? "garage" : "lobby");
    if (mine.id() == winner->id()) continue;
    const auto expected =
        mine.has_same_draft(*winner) ? KeyedInsertion::replayed(*winner) : KeyedInsertion(Insertion::key_reused);
    CHECK(results[i]->value() == expected);
  }
  CHECK(clients(path) == "2|");
}

TEST_CASE("a replay has the fate of the commit that it shares, and a key that is reused there is surely not applied") {
  const auto text_of = [](std::size_t i) { return i % 2 == 0 ? "garage" : "lobby"; };
  const test::DiskFault sync{DiskCall::sync, SQLITE_OK, 1};  // the first sync, in which it is set, is another's
  for (const bool is_committed : {false, true}) {            // whether the key was taken before
    const Directory directory;
    const std::string path = directory / "a";
    constexpr std::size_t size = 32;
    Results results(size);
    FaultyDisk disk;
    disk.recording = true;
    SqliteStorage storage = open(path);
    storage.add_ecosystem(home).value();
    if (is_committed) storage.insert_once(client(99, "lobby"), key("k")).value();
    const auto insert = [&](std::size_t i) {
      const auto n = static_cast<std::uint32_t>(i);
      if (i % 4 == 0) {  // what makes the commit needed where the key was taken before
        results[i].emplace(storage.insert_once(client(n), key("own" + std::to_string(i))));
      } else {
        results[i].emplace(storage.insert_once(client(n, text_of(i)), key("k")));
      }
    };
    test::insert_together(disk, size, insert, [&] { disk.fail(sync); });
    CHECK(disk.fired());
    std::set<std::pair<std::string, Fate>> fates;
    std::size_t failed = 0;
    for (std::size_t i = 0; i != size; ++i) {
      if (!results[i]->has_exception()) continue;
      ++failed;
      const Fault& fault = results[i]->assume_exception();
      CHECK(fault.what() == "sqlite insert: SQLITE_IOERR (1034)");
      if (i % 4 == 0) CHECK(fault.fate() == Fate::maybe_applied);
      if (i % 4 != 0) fates.emplace(text_of(i), fault.fate());
    }
    CHECK(failed > 4);  // all but the first, if none was held up for long
    // The draft that has the key is maybe applied, the other one is not.
    CHECK(fates.size() == 2);
    if (is_committed) CHECK(fates.contains({"lobby", Fate::maybe_applied}));
    CHECK((fates.contains({"lobby", Fate::maybe_applied})
               ? fates.contains({"garage", Fate::not_applied})
               : fates.contains({"lobby", Fate::not_applied}) && fates.contains({"garage", Fate::maybe_applied})));

    // The commit is rolled back here, and may be found by a recovery: in both files the creates can be repeated.
    test::leave(disk, directory / "crash", PowerCut::Loss::nothing);
    SqliteStorage recovered = open(directory / "crash/a");
    for (SqliteStorage* const each : {&storage, &recovered}) {
      std::optional<Client> holder;
      if (is_committed) holder = client(99, "lobby");
      for (std::uint32_t n = 1; n != size; ++n) {
        if (n % 4 == 0) continue;
        const auto found = each->find_client(id(n)).value();
        if (found) CHECK(!holder);
        if (found) holder = found;
      }
      const auto again = each->insert_once(client(200, "lobby"), key("k")).value();
      if (!holder) CHECK(again == Insertion::inserted);
      if (holder) CHECK(met_key(again));
      if (again.client()) CHECK(again.client() == holder);
    }
  }
}

TEST_CASE("a replay whose shared commit was surely not applied is not applied, and may be repeated at once") {
  const Directory directory;
  FaultyDisk disk;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  constexpr std::size_t size = 16;
  Results results(size);
  const auto insert = [&](std::size_t i) {
    results[i].emplace(storage.insert_once(client(static_cast<std::uint32_t>(i)), key(i == 0 ? "first" : "k")));
  };
  test::insert_together(disk, size, insert, [&] { disk.fail({DiskCall::write, SQLITE_BUSY, 0}); });
  CHECK(disk.fired());
  int failed = 0;
  for (std::size_t i = 1; i != size; ++i) {
    if (!results[i]->has_exception()) continue;
    ++failed;
    CHECK(results[i]->exception().fate() == Fate::not_applied);
    CHECK(results[i]->exception().status() == 503);
  }
  CHECK(failed > 1);
}

TEST_CASE("where a statement of a group fails, each key is taken by one of its creates and replayed to the other") {
  for (const bool lasting : {false, true}) {
    CAPTURE(lasting);
    const Directory directory;
    const std::string path = directory / "a";
    constexpr std::size_t size = 33;
    Results results(size);
    // Together they are more than SQLite's cache, so that some of it goes to the log before the commit.
    const std::string large(150000, 'n');
    const auto key_of = [](std::size_t i) { return key("pair" + std::to_string((i + 1) / 2)); };
    {
      FaultyDisk disk;
      SqliteStorage storage = open(path);
      storage.add_ecosystem(home).value();
      const auto insert = [&](std::size_t i) {
        results[i].emplace(storage.insert_once(client(static_cast<std::uint32_t>(i), large), key_of(i)));
      };
      test::insert_together(disk, size, insert, [&] { disk.fail({DiskCall::write, SQLITE_FULL, 0, lasting}); });
      CHECK(disk.fired());
      disk.heal();
      CHECK(results[0]->value() == Insertion::inserted);
      std::size_t failed = 0;
      for (std::size_t i = 1; i != size; ++i) failed += results[i]->has_exception() ? 1U : 0U;
      CHECK((lasting ? failed > 2 : failed == 0));
      for (std::size_t i = 1; i != size; i += 2) {
        int inserted = 0;
        for (const std::size_t each : {i, i + 1}) {
          if (results[each]->has_exception()) {
            results[each].emplace(storage.insert_once(client(static_cast<std::uint32_t>(each), large), key_of(each)));
          }
          inserted += results[each]->value() == Insertion::inserted ? 1 : 0;
        }
        // Where both failed and neither was there, the first of them is inserted now.
        CHECK(inserted == 1);
      }
    }
    CHECK(clients(path) == std::to_string(1 + (size - 1) / 2) + "|");
    CHECK(Raw(path).ask("PRAGMA integrity_check") == "ok|");
  }
}

// ---- failures of the disk and of memory ----

namespace {

/// Creates under keys while there is trouble, each repeated until it is settled when the trouble is over. Returns
/// whether the trouble came.
template <class Trouble>
bool create_in_trouble(const Trouble& trouble) {
  const Directory directory;
  const std::string path = directory / "a";
  FaultyDisk disk;
  SqliteStorage storage =
      SqliteStorage::open(path, {.busy_timeout = milliseconds(1), .max_key_age = hours(48)}).value();
  storage.add_ecosystem(home).value();
  for (std::uint32_t n = 0; n != 3; ++n) {
    storage.insert_once(client(90 + n, "old"), key("old" + std::to_string(n))).value();
  }
  struct Step {
    Client client;
    IdempotencyKey key;
    Insertion result;                // without trouble
    std::optional<Client> replayed;  // what is replayed then
  };
  const Client large = client(3, std::string(9000, 'n'), two_days + 2);
  const std::vector<Step> steps{
      {client(1, "lobby", two_days), key("k"), Insertion::inserted, {}},
      {client(2, "lobby", two_days), key("k"), Insertion::replayed, client(1, "lobby", two_days)},
      {client(2, "garage", two_days), key("k"), Insertion::key_reused, {}},
      {large, key("old1"), Insertion::inserted, {}},  // expired, and the others with it
      {client(4, std::string(9000, 'n'), two_days + 2), key("old1"), Insertion::replayed, large},
  };
  trouble.begin(disk);
  bool fired = false;
  for (const Step& step : steps) {
    auto done = storage.insert_once(step.client, step.key);
    if (done.has_exception()) {
      const Fault& fault = done.assume_exception();
      CHECK(fault.what().starts_with("sqlite insert: SQLITE_"));
      fired = fired || trouble.came(disk);
      trouble.end(disk);
      const auto found = storage.find_client(step.client.id());
      if (fault.fate() == Fate::not_applied) CHECK(found.value() == std::nullopt);
      done = storage.insert_once(step.client, step.key);
      if (step.result == Insertion::inserted && found.value()) {
        CHECK(done.value() == KeyedInsertion::replayed(step.client));
        continue;
      }
    }
    CHECK(done.value() == (step.replayed ? KeyedInsertion::replayed(*step.replayed) : KeyedInsertion(step.result)));
  }
  fired = fired || trouble.came(disk);
  trouble.end(disk);
  CHECK(keys(path) == "k|old1|");
  CHECK(clients(path) == "5|");
  CHECK(Raw(path).ask("PRAGMA integrity_check") == "ok|");
  return fired;
}

}  // namespace

TEST_CASE("whichever call of the disk fails, a create that is repeated under its key is applied once") {
  for (const test::DiskFault kind : {test::DiskFault{DiskCall::any}, test::DiskFault{DiskCall::any, SQLITE_FULL},
                                     test::DiskFault{DiskCall::write}, test::DiskFault{DiskCall::sync}}) {
    CAPTURE(static_cast<int>(kind.call), kind.code);
    const long failed =
        test::each_failure([&](test::Failure failure) { return create_in_trouble(DiskTrouble(kind, failure)); });
    CHECK(failed >= (kind.call == DiskCall::any ? 40 : 4));
  }
}

TEST_CASE("whichever allocation of SQLite's fails, a create that is repeated under its key is applied once") {
  const FaultyMemory memory;
  CHECK(test::each_failure([](test::Failure failure) { return create_in_trouble(MemoryTrouble{failure}); }) > 40);
}
