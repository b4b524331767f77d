// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Batches in a SqliteStorage, called directly and through a BatchWriter: each insert has an outcome of its own, none
// has one before its commit, whatever fails.
#include <droplit/storage/sqlite.hpp>

#include <droplit/async/batch_writer.hpp>
#include <droplit/testing/storage_contract.hpp>

#include "support/catch.hpp"
#include "support/failures.hpp"
#include "support/fault_vfs.hpp"
#include "support/power_cut.hpp"
#include "support/sqlite.hpp"
#include "support/sqlite_trouble.hpp"
#include "support/written.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;
using namespace std::chrono_literals;
using test::Directory;
using test::DiskCall;
using test::DiskFault;
using test::DiskTrouble;
using test::FaultyDisk;
using test::FaultyMemory;
using test::MemoryTrouble;
using test::PowerCut;
using test::Raw;
namespace fs = std::filesystem;

namespace {

constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr EcosystemId spare = "C594b89aea18568c408c3ad00"_ecosystem_id;
constexpr EcosystemId gone = "C594b89aea18568c408c3ad01"_ecosystem_id;
constexpr EcosystemId never = "C594b89aea18568c408c3ad11"_ecosystem_id;

Client client(std::uint32_t n, std::string_view text = "lobby", EcosystemId in = home) {
  return {test::numbered_id(n), Timestamp::clamp_unix_millis(n), in,
          ClientType::server,   Text::parse(std::string(text)),  std::nullopt};
}

IdempotencyKey key(std::string_view text) { return *IdempotencyKey::parse(text); }

SqliteStorage open(const std::string& path, std::chrono::milliseconds busy_timeout = 20s,
                   SqliteDurability durability = SqliteDurability::full) {
  return SqliteStorage::open(path, {.durability = durability, .busy_timeout = busy_timeout}).value();
}

/// One that has the ecosystems, of which `gone` is deleted.
SqliteStorage open_filled(const std::string& path) {
  SqliteStorage storage = open(path);
  for (const EcosystemId id : {home, spare, gone}) storage.add_ecosystem(id).value();
  storage.delete_ecosystem(gone).value();
  return storage;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Inserts that own what they refer to.
class Batch {
 public:
  struct One {
    One(Client&& new_client, std::optional<IdempotencyKey> new_key)
        : client(std::move(new_client)), key(std::move(new_key)), insert(client, key ? &*key : nullptr) {}
    Client client;
    std::optional<IdempotencyKey> key;
    test::AwaitedInsert insert;
  };

  void add(Client one) { all_.emplace_back(std::move(one), std::nullopt); }
  void add(Client one, std::string_view text) { all_.emplace_back(std::move(one), key(text)); }

  void run(SqliteStorage& storage) {
    std::vector<BatchInsert*> inserts;
    for (One& each : all_) inserts.push_back(&each.insert);
    storage.insert_all(inserts);
  }
  /// By a writer, whose first batch is the first of them or more, and the next the others.
  void write(SqliteStorage& storage) {
    BatchWriter writer(storage);
    for (One& each : all_) writer.insert(each.insert);
    for (One& each : all_) each.insert.wait();
  }

  [[nodiscard]] std::deque<One>& all() noexcept { return all_; }
  [[nodiscard]] const Outcome<KeyedInsertion>& outcome(std::size_t i) const { return all_[i].insert.outcome; }

 private:
  std::deque<One> all_;
};

/// One of each kind: who is stored, is refused, or has a key that one before it in the batch has.
void fill(Batch& batch, std::uint32_t first) {
  batch.add(client(first));
  batch.add(client(first + 1), "k");
  batch.add(client(first, "garage"));
  batch.add(client(first + 2), "k");
  batch.add(client(first + 3, "garage"), "k");
  batch.add(client(first + 4, "lobby", spare), "k");
  batch.add(client(first + 5, "lobby", gone));
  batch.add(client(first + 6, "lobby", never), "k");
  batch.add(client(first + 7, std::string(9000, 'x')));
  batch.add(client(first + 8, "lobby", spare));
}

/// What `fill` must give.
std::vector<KeyedInsertion> expected(std::uint32_t first) {
  return {Insertion::inserted,          Insertion::inserted,
          Insertion::id_taken,          KeyedInsertion::replayed(client(first + 1)),
          Insertion::key_reused,        Insertion::inserted,
          Insertion::ecosystem_deleted, Insertion::ecosystem_unknown,
          Insertion::inserted,          Insertion::inserted};
}

/// A store for the suite whose inserts go through a writer, whose file another program may hold, and whose process may
/// die.
struct Rig {
  Rig() {
    disk.recording = true;
    start(20s);
  }
  auto insert(const Client& c) { return written->insert(c); }
  auto insert_once(const Client& c, const IdempotencyKey& k) { return written->insert_once(c, k); }
  auto add_ecosystem(EcosystemId e) { return store->add_ecosystem(e); }
  auto delete_ecosystem(EcosystemId e) { return store->delete_ecosystem(e); }
  auto find_client(ClientId c) { return store->find_client(c); }

  void start(std::chrono::milliseconds busy_timeout) {
    end();
    store.emplace(open(path, busy_timeout));
    written.emplace(*store, BatchWriterOptions{.threads = 2, .max_batch = 3});
  }
  void end() {
    written.reset();
    store.reset();
  }
  void reopen() { start(20s); }
  void fail(bool on) {  // another program holds the file
    start(on ? 0ms : 20s);
    sqlite3* other = nullptr;
    if (on) sqlite3_open(path.c_str(), &other);
    if (on) sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
    holder.reset(other);
  }
  bool crash(std::size_t step, const std::function<void()>& call) {
    disk.fail({DiskCall::any, SQLITE_OK, static_cast<long>(step), true});
    call();
    const bool crashed = disk.fired();
    const fs::path left = directory / std::to_string(++crashes);
    test::leave(disk, left, PowerCut::Loss::all);
    disk.heal();
    end();
    path = left / "a";
    disk.events.clear();
    for (const auto& each : fs::directory_iterator(left)) {  // what the next crash begins with
      const std::string name = each.path();
      disk.events.push_back({DiskCall::open, name, 0, {}, true});
      disk.events.push_back({DiskCall::write, name, 0, read_file(each.path())});
      disk.events.push_back({DiskCall::sync, name, 0, {}});
    }
    reopen();
    return crashed;
  }
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
  };

  Directory directory;
  FaultyDisk disk;
  std::string path = directory / "a";
  std::optional<SqliteStorage> store;
  std::optional<test::Written<SqliteStorage>> written;
  std::unique_ptr<sqlite3, Close> holder;
  int crashes = 0;
};

}  // namespace

TEST_CASE("a SqliteStorage whose inserts go through a writer keeps the contract of storages") {
  CHECK(check_storage_contract([] { return Rig(); }));
}

TEST_CASE("each insert of a batch has the outcome of its own, in one commit") {
  const Directory directory;
  SqliteStorage storage = open_filled(directory / "a");
  const auto before = storage.stats().group_commits.value();
  Batch batch;
  fill(batch, 1);
  batch.run(storage);
  const std::vector<KeyedInsertion> right = expected(1);
  for (std::size_t i = 0; i != right.size(); ++i) {
    INFO(i);
    CHECK(batch.outcome(i).value() == right[i]);
    const auto found = storage.find_client(batch.all()[i].client.id()).value();
    if (right[i] == Insertion::inserted) CHECK(found == batch.all()[i].client);
    if (right[i] != Insertion::inserted) CHECK(found != batch.all()[i].client);
  }
  auto after = before;
  after.add(right.size());
  CHECK(storage.stats().group_commits == after);
  storage.insert_all({});
  CHECK(storage.stats().group_commits == after);
}

TEST_CASE("an insert that fails in a batch costs few commits, and no other insert anything else") {
  const Directory directory;
  const std::string path = directory / "a";
  FaultyDisk disk;
  SqliteStorage storage = open_filled(path);
  REQUIRE(Raw(path).run("CREATE TRIGGER t BEFORE INSERT ON client WHEN NEW.name = 'bad'"
                        " BEGIN SELECT RAISE(ABORT, 'no'); END") == SQLITE_OK);
  constexpr std::uint32_t size = 1000, bad = 700;
  Batch batch;
  for (std::uint32_t n = 0; n != size; ++n) batch.add(client(n, n == bad ? "bad" : "lobby"));
  const long before = disk.count(DiskCall::sync);
  batch.run(storage);
  CHECK(disk.count(DiskCall::sync) - before <= 20);  // where it is halved ten times, some of them with a checkpoint
  for (std::uint32_t n = 0; n != size; ++n) {
    const auto& outcome = batch.outcome(n);
    if (n == bad ? !outcome.has_exception() : outcome.value() != Insertion::inserted) FAIL("of client " << n);
  }
  CHECK(batch.outcome(bad).assume_exception().fate() == Fate::not_applied);
}

TEST_CASE("of two inserts of a batch, one is inserted where the other fails") {
  const Directory directory;
  SqliteStorage storage = open_filled(directory / "a");
  REQUIRE(Raw(directory / "a")
              .run("CREATE TRIGGER t BEFORE INSERT ON client WHEN NEW.name = 'bad'"
                   " BEGIN SELECT RAISE(ABORT, 'no'); END") == SQLITE_OK);
  for (const std::uint32_t bad : {0U, 1U}) {
    CAPTURE(bad);
    Batch batch;
    for (std::uint32_t n = 0; n != 2; ++n) batch.add(client(2 * bad + n, n == bad ? "bad" : "lobby"));
    batch.run(storage);
    CHECK(batch.outcome(bad).has_exception());
    REQUIRE(batch.outcome(1 - bad).has_value());
    CHECK(batch.outcome(1 - bad).assume_value() == Insertion::inserted);
  }
}

TEST_CASE("an insert that a writer completes is found by another connection already") {
  struct Watched : QueuedInsert {
    Watched(std::uint32_t n, SqliteStorage& storage)
        : QueuedInsert(own, nullptr, look), own(::client(n)), other(storage) {}
    static void look(QueuedInsert& insert) noexcept {
      auto& self = static_cast<Watched&>(insert);
      const auto found = self.other.find_client(self.own.id());
      self.is_there = found && found.assume_value() == self.own;
    }
    Client own;
    SqliteStorage& other;
    bool is_there = false;
  };
  const Directory directory;
  SqliteStorage storage = open_filled(directory / "a");
  SqliteStorage other = open(directory / "a");
  std::deque<Watched> inserts;
  for (std::uint32_t n = 0; n != 50; ++n) inserts.emplace_back(n, other);
  {
    BatchWriter writer(storage, {.max_batch = 7});
    for (Watched& each : inserts) writer.insert(each);
  }
  for (const Watched& each : inserts) {
    CHECK(each.outcome.value() == Insertion::inserted);
    CHECK(each.is_there);
  }
}

TEST_CASE("batches that wait at the same time are inserted once each, and those that waited in vain are not") {
  using detail::sqlite::GroupCommit;
  using detail::sqlite::PendingInserts;
  GroupCommit lock;
  std::vector<Client> clients;
  for (std::uint32_t n = 0; n != 12; ++n) clients.push_back(client(n));
  std::deque<BatchInsert> inserts(clients.begin(), clients.end());
  std::vector<BatchInsert*> all;
  for (BatchInsert& each : inserts) all.push_back(&each);
  const std::span<BatchInsert* const> every(all);
  std::vector<BatchInsert*> done;  // by whoever has the lock
  const auto insert_all = [&](std::span<BatchInsert* const> group) noexcept {
    done.insert(done.end(), group.begin(), group.end());
  };
  std::atomic<int> run = 0;
  std::vector<std::thread> threads;
  REQUIRE(lock.try_lock_for(1ms));
  for (std::size_t i = 0; i != 4; ++i) {
    threads.emplace_back([&, i] {
      PendingInserts mine(every.subspan(i * 3, 2));
      if (lock.run(mine, 1h, insert_all)) ++run;
    });
    PendingInserts in_vain(every.subspan(i * 3 + 2, 1));
    CHECK_FALSE(lock.run(in_vain, 2ms, insert_all));
  }
  lock.unlock();
  for (std::thread& thread : threads) thread.join();
  CHECK(run == 4);
  REQUIRE(done.size() == 8);
  for (std::size_t i = 0; i != done.size(); i += 2) {  // the two of a batch stay together
    const auto at = static_cast<std::size_t>(std::find(all.begin(), all.end(), done[i]) - all.begin());
    CHECK(at % 3 == 0);
    CHECK(done[i + 1] == all[at + 1]);
  }
  std::sort(done.begin(), done.end());
  CHECK(std::adjacent_find(done.begin(), done.end()) == done.end());
  CHECK(lock.stats().group_commits->inserts == 8);
  CHECK(lock.stats().wait_timeouts == 4);
}

TEST_CASE("what another thread inserts is waited for beyond the limit, and the wait for it is counted") {
  using detail::sqlite::GroupCommit;
  using detail::sqlite::PendingInserts;
  const std::array<Client, 2> clients{client(0), client(1)};
  std::array<BatchInsert, 2> inserts{BatchInsert(clients[0]), BatchInsert(clients[1])};
  bool together = false;
  for (std::chrono::milliseconds limit = 16ms; !together; limit *= 2) {  // until both have waited for the lock
    REQUIRE(limit < 1min);
    GroupCommit lock;
    const auto insert_all = [&](std::span<BatchInsert* const> group) noexcept {
      together = group.size() == 2;
      if (together) std::this_thread::sleep_for(2 * limit);
    };
    std::array<bool, 2> run{};
    REQUIRE(lock.try_lock_for(1ms));
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i != 2; ++i) {
        threads.emplace_back([&, i] {
          BatchInsert* const one[] = {&inserts[i]};
          PendingInserts mine(one);
          run[i] = lock.run(mine, limit, insert_all);
        });
      }
      std::this_thread::sleep_for(limit / 4);
      lock.unlock();
    }
    if (!together) continue;
    CHECK(run == std::array{true, true});
    CHECK(lock.stats().waits == 2);
    CHECK(lock.stats().wait_timeouts == 0);
  }
}

TEST_CASE("a batch that waits after one that waited in vain is woken") {
  using detail::sqlite::GroupCommit;
  using detail::sqlite::PendingInserts;
  const Client one = client(0);
  BatchInsert insert(one);
  BatchInsert* const inserts[] = {&insert};
  std::uint64_t waits = 1;
  for (std::chrono::milliseconds start = 1ms; waits == 1; start *= 2) {  // until the second one has waited
    REQUIRE(start < 10s);
    GroupCommit lock;
    REQUIRE(lock.try_lock_for(1ms));
    PendingInserts in_vain(inserts);
    const auto insert_all = [](std::span<BatchInsert* const>) noexcept {};
    CHECK_FALSE(lock.run(in_vain, 1ms, insert_all));
    bool run = false;
    {
      const std::jthread thread([&] {
        PendingInserts mine(inserts);
        run = lock.run(mine, 20s, insert_all);
      });
      std::this_thread::sleep_for(start);
      lock.unlock();
    }
    CHECK(run);
    waits = lock.stats().waits;
  }
}

TEST_CASE("a batch whose turn does not come is unavailable, and surely not stored") {
  const Directory directory;
  std::atomic<bool> is_writing = false;
  std::atomic<bool> goes_on = false;
  FaultyDisk disk;
  SqliteStorage storage = open(directory / "a", 50ms);
  storage.add_ecosystem(home).value();
  disk.before = [&](DiskCall call, std::string_view) {
    if (call != DiskCall::write || is_writing.exchange(true)) return;
    is_writing.notify_all();
    goes_on.wait(false);
  };
  const Client first = client(1);
  const Client second = client(2);
  BatchInsert late(second);
  {
    const std::jthread slow([&] { static_cast<void>(storage.insert(first).value()); });
    is_writing.wait(false);
    BatchInsert* const one[] = {&late};
    storage.insert_all(one);
    goes_on = true;
    goes_on.notify_all();
  }
  REQUIRE(late.outcome.has_exception());
  CHECK(late.outcome.exception().what() == "sqlite insert: SQLITE_BUSY (5)");
  CHECK(late.outcome.exception().fate() == Fate::not_applied);
  CHECK(late.outcome.exception().status() == 503);
  CHECK(storage.find_client(first.id()).value() == first);
  CHECK(storage.find_client(second.id()).value() == std::nullopt);
}

TEST_CASE("an ecosystem that another program's trigger deletes within a batch takes no more of the batch") {
  const Directory directory;
  SqliteStorage storage = open_filled(directory / "a");
  REQUIRE(Raw(directory / "a")
              .run("CREATE TRIGGER t AFTER INSERT ON client BEGIN UPDATE ecosystem SET state = 'deleted'"
                   " WHERE id = NEW.ecosystem_id; END") == SQLITE_OK);
  Batch batch;
  batch.add(client(1));
  batch.add(client(2));
  batch.run(storage);
  CHECK(batch.outcome(0).value() == Insertion::inserted);
  CHECK(batch.outcome(1).value() == Insertion::ecosystem_deleted);
}

TEST_CASE("a trigger that deletes the ecosystem before a client that is not inserted is noticed, too") {
  const Directory directory;
  SqliteStorage storage = open_filled(directory / "a");
  REQUIRE(storage.insert(client(1)).value() == Insertion::inserted);
  REQUIRE(Raw(directory / "a")
              .run("CREATE TRIGGER t BEFORE INSERT ON client BEGIN UPDATE ecosystem SET state = 'deleted'"
                   " WHERE id = NEW.ecosystem_id; END") == SQLITE_OK);
  Batch batch;
  batch.add(client(1));
  batch.add(client(2));
  batch.run(storage);
  CHECK(batch.outcome(0).value() == Insertion::id_taken);
  CHECK(batch.outcome(1).value() == Insertion::ecosystem_deleted);
}

TEST_CASE("while another process keeps the file busy, each of a batch is unavailable") {
  const Directory directory;
  open_filled(directory / "a");
  SqliteStorage storage = open(directory / "a", 30ms);
  Raw other(directory / "a");
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  Batch batch;
  fill(batch, 1);
  batch.run(storage);
  for (std::size_t i = 0; i != batch.all().size(); ++i) {
    CHECK(batch.outcome(i).assume_exception().status() == 503);
    CHECK(batch.outcome(i).assume_exception().fate() == Fate::not_applied);
  }
  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  batch.run(storage);
  CHECK(batch.outcome(0).value() == Insertion::inserted);
}

namespace {

/// A batch in `trouble`, and what is in the file after it, after a loss of power and in the end. Returns whether the
/// trouble came.
template <class Trouble>
bool story(const Trouble& trouble, bool by_writer) {
  const Directory directory;
  const std::string path = directory / "a";
  const std::vector<KeyedInsertion> right = expected(1);
  Batch batch;
  fill(batch, 1);
  bool came = false;
  FaultyDisk disk;
  disk.recording = true;
  {
    SqliteStorage storage = open_filled(path);
    storage.insert(client(100)).value();
    trouble.begin(disk);
    if (by_writer) {
      batch.write(storage);
    } else {
      batch.run(storage);
    }
    came = trouble.came(disk);
    test::leave(disk, directory / "cut", PowerCut::Loss::all);
    trouble.end(disk);
    CHECK(storage.insert(client(101)).value() == Insertion::inserted);  // it goes on working
  }
  for (const std::string& file : {std::string(directory / "cut/a"), path}) {
    SqliteStorage storage = open(file);
    std::optional<Client> holder;
    for (std::size_t i = 0; i != right.size(); ++i) {
      CAPTURE(file, i);
      const Client& mine = batch.all()[i].client;
      const Outcome<KeyedInsertion>& outcome = batch.outcome(i);
      const bool is_there = storage.find_client(mine.id()).value() == mine;
      if (is_there && batch.all()[i].key && mine.ecosystem_id() == home) holder = mine;
      if (outcome.has_exception()) {
        CHECK(outcome.assume_exception().source() == FaultSource::storage);
        CHECK(outcome.assume_exception().what().starts_with("sqlite insert: SQLITE_"));
        if (outcome.assume_exception().fate() == Fate::not_applied) CHECK_FALSE(is_there);
        continue;
      }
      // One of the same id or key that failed before it leaves its place to it, and is then not there.
      const Insertion insertion = outcome.assume_value().insertion();
      if (insertion == Insertion::inserted) CHECK(is_there);
      if (insertion != Insertion::inserted) CHECK_FALSE(is_there);
      if (insertion == Insertion::replayed) CHECK(storage.find_client(outcome.assume_value().client()->id()).value());
      if (insertion == Insertion::ecosystem_deleted) CHECK(mine.ecosystem_id() == gone);
      if (insertion == Insertion::ecosystem_unknown) CHECK(mine.ecosystem_id() == never);
      if (!came) CHECK(outcome.assume_value() == right[i]);
    }
    const auto again = storage.insert_once(client(200), key("k")).value();
    CHECK((again == Insertion::inserted) == !holder);
    CHECK(Raw(file, "unix").ask("PRAGMA integrity_check") == "ok|");
    CHECK(Raw(file, "unix").ask("PRAGMA foreign_key_check").empty());
  }
  return came;
}

}  // namespace

TEST_CASE("whichever call of the disk fails, once or from then on, each of a batch says what became of it") {
  for (const int code : {SQLITE_OK, SQLITE_FULL, SQLITE_IOERR_NOMEM}) {
    for (const bool by_writer : {false, true}) {
      CAPTURE(code, by_writer);
      test::each_failure([&](test::Failure failure) {
        return story(DiskTrouble({DiskCall::any, code}, failure), by_writer);
      });
    }
  }
}

TEST_CASE("whichever allocation of SQLite's fails, once or from then on, each of a batch says what became of it") {
  const FaultyMemory memory;
  for (const bool by_writer : {false, true}) {
    CAPTURE(by_writer);
    test::each_failure([&](test::Failure failure) { return story(MemoryTrouble{failure}, by_writer); },
                       {1, test::from_then_on}, 3);
  }
}

TEST_CASE("a batch whose commit fails has the fate of the commit, a replay too, and who was refused none of it") {
  const Directory directory;
  FaultyDisk disk;
  SqliteStorage storage = open_filled(directory / "a");
  Batch batch;
  fill(batch, 1);
  disk.fail({DiskCall::sync, SQLITE_OK, 0});
  batch.run(storage);
  CHECK(disk.fired());
  const std::vector<KeyedInsertion> right = expected(1);
  for (std::size_t i = 0; i != right.size(); ++i) {
    INFO(i);
    const bool depends = right[i] == Insertion::inserted || right[i].insertion() == Insertion::replayed;
    CHECK(batch.outcome(i).assume_exception().fate() == (depends ? Fate::maybe_applied : Fate::not_applied));
  }
}
