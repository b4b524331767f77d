// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What a SqliteStorage says and keeps while its disk fails, the power fails, threads share commits, and somebody
// takes a copy. DROPLIT_LONG=1 in the environment leaves nothing out.
#include <droplit/storage/sqlite.hpp>

#include "support/catch.hpp"
#include "support/failures.hpp"
#include "support/fault_vfs.hpp"
#include "support/power_cut.hpp"
#include "support/sqlite.hpp"
#include "support/sqlite_trouble.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <iostream>
#include <latch>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;
using test::Directory;
using test::DiskCall;
using test::DiskFault;
using test::DiskTrouble;
using test::FaultyDisk;
using test::FaultyMemory;
using test::leave;
using test::MemoryTrouble;
using test::PowerCut;
using test::Raw;
namespace fs = std::filesystem;

namespace {

using Lines = std::vector<std::string>;

constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr EcosystemId spare = "C594b89aea18568c408c3ad00"_ecosystem_id;
constexpr EcosystemId never = "C594b89aea18568c408c3ad11"_ecosystem_id;

ClientId id(std::uint32_t n) { return test::numbered_id(n); }

Client client(std::uint32_t n, EcosystemId in = home, std::size_t size = 1) {
  return {id(n),
          Timestamp::clamp_unix_millis(n),
          in,
          ClientType::server,
          Text::parse(std::string(size, 'n')),
          Text::parse(std::to_string(n))};
}

SqliteOptions patient(int millis) { return {SqliteDurability::full, std::chrono::milliseconds(millis)}; }

/// The calls of a store and their results, as what may therefore be in its file. A later result that contradicts them
/// is a lie.
class Book {
 public:
  void added(EcosystemId ecosystem, const Outcome<EcosystemState>& outcome) {
    States& may = ecosystems_[ecosystem];
    if (outcome.has_exception()) {
      if (maybe("add_ecosystem", outcome.exception()) && may.contains(EcosystemState::unknown)) {
        may.insert(EcosystemState::active);
      }
      return;
    }
    const EcosystemState now = outcome.assume_value();
    const bool fits = may.contains(now) || (now == EcosystemState::active && may.contains(EcosystemState::unknown));
    if (!fits) lie("added ", ecosystem.text(), " and it is ", to_string(now));
    may = {now};
  }

  void deleted(EcosystemId ecosystem, const Outcome<EcosystemState>& outcome) {
    States& may = ecosystems_[ecosystem];
    if (outcome.has_exception()) {
      if (maybe("delete_ecosystem", outcome.exception()) && may.contains(EcosystemState::active)) {
        may.insert(EcosystemState::deleted);
      }
      return;
    }
    const EcosystemState was = outcome.assume_value();
    if (!may.contains(was)) lie("deleted ", ecosystem.text(), " and it was ", to_string(was));
    if (was != EcosystemState::unknown) may = {EcosystemState::deleted};
  }

  void inserted(const Client& client, const Outcome<Insertion>& outcome) {
    Rows& may = clients_[client.id()];
    States& states = ecosystems_[client.ecosystem_id()];
    const bool free = has(may, std::nullopt);
    if (outcome.has_exception()) {
      if (maybe("insert", outcome.exception()) && free && states.contains(EcosystemState::active)) {
        may.push_back(client);
      }
      return;
    }
    const auto needs = [&](bool right, std::string_view what) {
      if (!right) lie(what, ": ", client.id().text(), "");
    };
    switch (outcome.assume_value()) {
      case Insertion::inserted:
        needs(free, "kept over another");
        needs(states.contains(EcosystemState::active), "kept in an ecosystem that is not active");
        may = {client};
        states = {EcosystemState::active};
        break;
      case Insertion::id_taken:
        std::erase(may, std::nullopt);
        needs(!may.empty(), "refused for an id that is free");
        break;
      case Insertion::ecosystem_deleted:
        needs(states.contains(EcosystemState::deleted), "refused for a deletion that was none");
        states = {EcosystemState::deleted};
        break;
      case Insertion::ecosystem_unknown:
        needs(states.contains(EcosystemState::unknown), "refused for an ecosystem that was added");
        break;
      case Insertion::replayed:
      case Insertion::key_reused:
      default: lie("met a key");
    }
  }

  /// Reads everything that was written. If it `must` succeed, no fault is accepted.
  void compare(const SqliteStorage& storage, bool must) {
    for (auto& [key, may] : clients_) {
      const auto found = storage.find_client(key);
      if (found.has_exception()) {
        maybe("find_client", found.exception());
        if (must) lie("no answer for ", key.text(), ": ", found.exception().what());
      } else if (!has(may, found.assume_value())) {
        lie(found.assume_value() ? "wrongly there, or not whole: " : "not there: ", key.text(), "", "");
      }
    }
    for (auto& [key, may] : ecosystems_) {
      const auto found = storage.find_ecosystem(key);
      if (found.has_exception()) {
        maybe("find_ecosystem", found.exception());
        if (must) lie("no answer for ", key.text(), ": ", found.exception().what());
      } else if (!may.contains(found.assume_value().state())) {
        lie("ecosystem ", key.text(), " is ", to_string(found.assume_value().state()));
      }
    }
  }

  std::size_t clients() const { return clients_.size(); }
  const Lines& lies() const { return lies_; }
  void lie(std::string_view a, std::string_view b = "", std::string_view c = "", std::string_view d = "") {
    lies_.push_back(std::string(a).append(b).append(c).append(d));
  }

  /// Whether the call may have been applied. Its fault must be one of ours.
  bool maybe(std::string_view operation, const Fault& fault) {
    const std::string begin = std::string("sqlite ").append(operation).append(": SQLITE_");
    if (fault.source() != FaultSource::storage || !fault.what().starts_with(begin)) lie("odd words: ", fault.what());
    if (fault.status() && (fault.status() != 503 || fault.fate() != Fate::not_applied)) lie("odd: ", fault.what());
    return fault.fate() == Fate::maybe_applied;
  }

 private:
  struct States : std::set<EcosystemState> {
    States() : set{EcosystemState::unknown} {}
    States(std::initializer_list<EcosystemState> states) : set(states) {}
  };
  struct Rows : std::vector<std::optional<Client>> {
    Rows() : vector(1) {}
    Rows(std::initializer_list<std::optional<Client>> rows) : vector(rows) {}
  };
  static bool has(const Rows& rows, const std::optional<Client>& row) {
    return std::find(rows.begin(), rows.end(), row) != rows.end();
  }

  std::map<EcosystemId, States> ecosystems_;
  std::map<ClientId, Rows> clients_;
  Lines lies_;
};

/// Whether a closed file is whole and says what the book does, by SQLite's own file layer.
void verify(Book& book, const std::string& path) {
  if (fs::exists(path)) {
    Raw raw(path, "unix");
    if (const auto found = raw.ask("PRAGMA integrity_check"); found != "ok|") book.lie("integrity: ", found);
    if (const auto found = raw.ask("PRAGMA foreign_key_check"); !found.empty()) book.lie("keys: ", found);
  }
  const auto opened = SqliteStorage::open(path);
  if (opened.has_exception()) return book.lie("not opened: ", opened.exception().what());
  book.compare(opened.assume_value(), true);
}

/// A deletion, refusals of each kind, clients small and large, and a checkpoint by somebody else.
void tell(SqliteStorage& storage, const std::string& path, Book& book) {
  const auto insert = [&](const Client& client) { book.inserted(client, storage.insert(client)); };
  book.added(home, storage.add_ecosystem(home));
  book.added(spare, storage.add_ecosystem(spare));
  insert(client(1));
  insert(client(2, spare));
  insert(client(1, home, 7));
  insert(client(3, never));
  Raw(path).run("PRAGMA wal_checkpoint(TRUNCATE)");
  book.deleted(spare, storage.delete_ecosystem(spare));
  insert(client(4, spare));
  insert(client(5, home, 20000));
  book.added(spare, storage.add_ecosystem(spare));
  insert(client(6));
  book.compare(storage, false);
  insert(client(6, home, 7));
  insert(client(7, home, 5000));
}

/// All that is invalid in what is reported of a file that is new at first, or kept in it, in whatever trouble. Says
/// whether the trouble came.
template <class Trouble>
bool story(const Trouble& trouble, Lines& lies) {
  const Directory directory;
  const std::string path = directory / "a";
  Book book;
  bool fired = false;
  std::vector<std::pair<std::string, Book>> images;
  {
    FaultyDisk disk;
    disk.recording = true;
    trouble.begin(disk);
    std::optional<SqliteStorage> storage;
    const auto open = [&] {
      auto opened = SqliteStorage::open(path, patient(1));
      if (opened) {
        storage = std::move(opened).value();
      } else if (book.maybe("open", opened.exception())) {
        book.lie("an opening that may be applied");
      }
    };
    const auto image = [&](const std::string& name, PowerCut::Loss loss) {
      leave(disk, directory / name, loss);
      images.emplace_back(directory / (name + "/a"), book);
    };
    open();
    if (!storage && !trouble.lasts()) open();  // the cause is gone
    if (storage) tell(*storage, path, book);
    fired = trouble.came(disk);
    image("crash", PowerCut::Loss::nothing);
    image("power cut", PowerCut::Loss::all);

    trouble.end(disk);
    if (!storage) open();
    if (storage) {
      const auto must = [&book](const auto& outcome) {
        if (outcome.has_exception()) book.lie("works no more: ", outcome.exception().what());
      };
      const auto added = storage->add_ecosystem(home);
      must(added);
      book.added(home, added);
      const auto inserted = storage->insert(client(8));
      must(inserted);
      book.inserted(client(8), inserted);
      book.compare(*storage, true);
    } else {
      book.lie("not opened again");
    }
    image("later power cut", PowerCut::Loss::all);
  }
  images.emplace_back(path, book);
  for (auto& [file, ledger] : images) {
    verify(ledger, file);
    for (const std::string& lie : ledger.lies()) lies.push_back(fs::path(file).parent_path().filename() / lie);
  }
  return fired;
}

// Not among them: a read that falsely says that the file ends there. SQLite takes its word and the missing bytes for
// zeros, and no program can know better. Nor NOMEM from a write, a read or a sync, which its own layer never says: with
// it a rollback that cannot read leaves the connection's cache as it is, and all later answers are CORRUPT.
const std::vector<DiskFault> kinds{
    {DiskCall::open},
    {DiskCall::open, SQLITE_NOMEM},
    {DiskCall::path},
    {DiskCall::access},
    {DiskCall::remove},
    {DiskCall::read},
    {DiskCall::read, SQLITE_IOERR_NOMEM},
    {DiskCall::write},
    {DiskCall::write, SQLITE_FULL},
    {DiskCall::write, SQLITE_READONLY},
    {DiskCall::truncate},
    {DiskCall::sync},
    {DiskCall::sync, SQLITE_IOERR_DIR_FSYNC},
    {DiskCall::size},
    {DiskCall::lock},
    {DiskCall::lock, SQLITE_BUSY},
    {DiskCall::unlock},
    {DiskCall::reserved},
    {DiskCall::shm_map},
    {DiskCall::shm_map, SQLITE_NOMEM},
    {DiskCall::shm_map, SQLITE_CANTOPEN},
    {DiskCall::shm_lock},
    {DiskCall::shm_lock, SQLITE_BUSY},
    {DiskCall::any},
    {DiskCall::any, SQLITE_IOERR_NOMEM},
    {DiskCall::any, SQLITE_FULL},
};

/// Everything in a file, as one text; nothing where there are no tables.
std::string contents(const std::string& path, const char* layer = nullptr) {
  Raw raw(path, layer);
  const auto clients = raw.ask(
      "SELECT hex(id), created_at, hex(ecosystem_id), type, hex(name), hex(description) FROM client ORDER BY id");
  return clients.starts_with("code") ? "" : clients + raw.ask("SELECT hex(id), state FROM ecosystem ORDER BY id");
}

/// What was done to the disk by one run of a store, and how far it was when each of its answers was given.
struct Recording {
  std::vector<test::DiskEvent> events;
  std::vector<std::size_t> answered;  // events before the answer
  std::vector<std::string> states;    // what is in the file after so many answers
};

Recording record(const std::string& path, SqliteDurability durability) {
  Recording recording;
  FaultyDisk disk;
  disk.recording = true;
  const auto open = [&] { return SqliteStorage::open(path, {.durability = durability}).value(); };
  std::optional<SqliteStorage> storage = open();
  recording.states.emplace_back();
  const auto answered = [&](bool right) {
    REQUIRE(right);
    recording.answered.push_back(disk.events.size());
    recording.states.push_back(contents(path));
  };
  const auto insert = [&](const Client& client) { answered(storage->insert(client).value() == Insertion::inserted); };
  const auto checkpoint = [&](const std::string& how) { Raw(path).run("PRAGMA wal_checkpoint(" + how + ")"); };
  answered(storage->add_ecosystem(home).value() == EcosystemState::active);
  insert(client(1));
  answered(storage->add_ecosystem(spare).value() == EcosystemState::active);
  insert(client(2, spare));
  checkpoint("PASSIVE");
  insert(client(3));  // begins the log anew
  insert(client(4, home, 20000));
  answered(storage->delete_ecosystem(spare).value() == EcosystemState::active);
  storage.reset();  // moves the log into the file
  storage = open();
  insert(client(5));
  checkpoint("TRUNCATE");
  insert(client(6, home, 9000));
  insert(client(7));
  storage.reset();
  recording.events = disk.events;
  return recording;
}

}  // namespace

TEST_CASE("whichever call of the disk fails, once or from then on, no result is untrue and the file is whole") {
  long failed = 0;
  for (const DiskFault& fault : kinds) {
    CAPTURE(static_cast<int>(fault.call), fault.code);
    for (const long times : {1L, test::from_then_on}) {
      // Each single failure of any call is one of a kind above.
      const bool twice = fault.call == DiskCall::any && (times == 1 || fault.code != SQLITE_OK);
      if (twice && !test::is_long) continue;
      failed += test::each_failure(
          [&](test::Failure failure) {
            Lines lies;
            const bool fired = story(DiskTrouble(fault, failure), lies);
            CHECK(lies == Lines());
            return fired;
          },
          {times});
    }
  }
  std::cout << "calls of the disk that failed: " << failed << '\n';
  CHECK(failed > 500);
}

TEST_CASE("whichever allocation of SQLite's fails, once or from then on, no result is untrue and the file is whole") {
  const FaultyMemory memory;
  const long failed = test::each_failure(
      [](test::Failure failure) {
        Lines lies;
        const bool came = story(MemoryTrouble{failure}, lies);
        CHECK(lies == Lines());
        return came;
      },
      {1, test::from_then_on}, test::is_long ? 1 : 7);
  std::cout << "allocations of SQLite that failed: " << failed << '\n';
  CHECK(failed > 100);
}

TEST_CASE("whichever call of the disk fails in a checkpoint, no result is untrue and the file is whole") {
  constexpr std::uint32_t more = 1000000;
  const Directory directory;
  Book before;
  {
    FaultyDisk disk;
    disk.recording = true;
    auto storage = SqliteStorage::open(directory / "a").value();
    before.added(home, storage.add_ecosystem(home));
    for (std::uint32_t n = 0; fs::file_size(directory / "a-wal") < 996 * (4096 + 24); ++n) {
      before.inserted(client(n), storage.insert(client(n)));
    }
    leave(disk, directory / "long", PowerCut::Loss::nothing);
  }
  REQUIRE(before.lies() == Lines());
  for (DiskFault fault : kinds) {
    if (!test::is_long && (fault.call == DiskCall::any || fault.code != SQLITE_OK)) continue;
    test::each_failure([&](test::Failure failure) {
      fault = DiskTrouble(fault, failure).fault;
      CAPTURE(static_cast<int>(fault.call), fault.code);
      const std::string path = directory / "b";
      for (const std::string end : {"", "-wal"}) {
        fs::copy_file(directory / ("long/a" + end), path + end, fs::copy_options::overwrite_existing);
      }
      bool fired = false;
      Book book = before;
      {
        bool moved = false;  // the store sets it while it closes, too
        FaultyDisk disk;
        auto storage = SqliteStorage::open(path, patient(1)).value();
        disk.before = [&](DiskCall call, std::string_view file) {
          if (call == DiskCall::write && file == path) moved = true;
        };
        disk.fail(fault);
        for (std::uint32_t n = more; n != more + 8; ++n) book.inserted(client(n), storage.insert(client(n)));
        fired = disk.fired();
        CHECK((fired || moved));
        disk.heal();
        const auto inserted = storage.insert(client(more + 8));
        if (!inserted) book.lie("works no more");
        book.inserted(client(more + 8), inserted);
      }
      verify(book, path);
      CHECK(book.lies() == Lines());
      return fired;
    });
  }
}

TEST_CASE(
    "after a power cut at any write all that was acknowledged is there, or with normal durability its first part") {
  std::minstd_rand luck(2018);
  for (const SqliteDurability durability : {SqliteDurability::full, SqliteDurability::normal}) {
    Recording recording;
    {
      const Directory directory;
      recording = record(directory / "a", durability);
    }
    PowerCut cut;
    std::size_t images = 0;
    std::size_t lost = 0;  // images that lack something that was acknowledged
    const auto inspect = [&](std::size_t events, PowerCut::Loss loss) {
      CAPTURE(static_cast<int>(durability), events, static_cast<int>(loss));
      const Directory directory;
      const std::string path = directory / "a";
      cut.leave(directory.path(), loss, luck);
      std::size_t answers = 0;
      while (answers != recording.answered.size() && recording.answered[answers] <= events) ++answers;
      std::string left;
      if (fs::exists(path)) {
        left = contents(path, "unix");
        CHECK(Raw(path, "unix").ask("PRAGMA integrity_check") == "ok|");
      }
      const auto last = std::min(answers + 1, recording.answered.size());  // what was under way may be there too
      const auto from = recording.states.begin();
      const auto state = std::find(from, from + static_cast<std::ptrdiff_t>(last) + 1, left);
      const auto answered = from + static_cast<std::ptrdiff_t>(answers);
      CHECK(state != from + static_cast<std::ptrdiff_t>(last) + 1);
      if (durability == SqliteDurability::full || loss == PowerCut::Loss::nothing) CHECK(state >= answered);
      ++images;
      if (state < answered) ++lost;

      auto storage = SqliteStorage::open(path).value();
      CHECK(storage.add_ecosystem(home).value() == EcosystemState::active);
      CHECK(storage.insert(client(99)).value() == Insertion::inserted);
    };
    for (std::size_t i = 0;; ++i) {
      inspect(i, PowerCut::Loss::nothing);
      inspect(i, PowerCut::Loss::all);
      for (int times = test::is_long ? 50 : 2; times != 0; --times) {
        inspect(i, PowerCut::Loss::later);
        inspect(i, PowerCut::Loss::some);
      }
      if (i == recording.events.size()) break;
      if (recording.events[i].call == DiskCall::write) {  // in the middle of it
        std::vector<test::DiskEvent> events(recording.events.begin(),
                                            recording.events.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        events.back().bytes.resize(events.back().bytes.size() / 2);
        const PowerCut whole = std::exchange(cut, PowerCut());
        for (const test::DiskEvent& each : events) cut.apply(each);
        inspect(i, PowerCut::Loss::nothing);
        cut = whole;
      }
      cut.apply(recording.events[i]);
    }
    CHECK(images > 500);
    CHECK((durability == SqliteDurability::full ? lost == 0 : lost > 10));
  }
}

// ---- threads that share a commit ----

namespace {

/// Inserts `clients` at the same time, in a group after the first. `then` is called before any of them commits.
std::vector<Outcome<Insertion>> together(FaultyDisk& disk, SqliteStorage& storage, const std::vector<Client>& clients,
                                         const std::function<void()>& then) {
  std::vector<Outcome<Insertion>> outcomes(clients.size(), Fault());
  test::insert_together(
      disk, clients.size(), [&](std::size_t i) { outcomes[i] = storage.insert(clients[i]); }, then);
  return outcomes;
}

/// 32 of them, whose ids are far from each other.
std::vector<Client> crowd(std::size_t size) {
  std::vector<Client> clients;
  for (std::uint32_t n = 0; n != 32; ++n) clients.push_back(client(n * 20000 + 7, home, size));
  return clients;
}

SqliteOptions long_patient() { return patient(60000); }

}  // namespace

TEST_CASE("threads that insert at the same time share their syncs") {
  constexpr std::uint32_t threads = 32;
  constexpr std::uint32_t each = 20;
  const Directory directory;
  const std::string path = directory / "a";
  Book book;
  {
    FaultyDisk disk;
    auto storage = SqliteStorage::open(path, long_patient()).value();
    book.added(home, storage.add_ecosystem(home));
    const long before = disk.count(DiskCall::sync);
    disk.before = [](DiskCall call, std::string_view) {
      if (call == DiskCall::sync) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    };
    std::vector<Outcome<Insertion>> outcomes(threads * each, Fault());
    {
      std::vector<std::jthread> running;
      for (std::uint32_t t = 0; t != threads; ++t) {
        running.emplace_back([&, t] {
          for (std::uint32_t n = t * each; n != (t + 1) * each; ++n) outcomes[n] = storage.insert(client(n));
        });
      }
    }
    const long syncs = disk.count(DiskCall::sync) - before;
    long kept = 0;
    for (std::uint32_t n = 0; n != threads * each; ++n) {
      book.inserted(client(n), outcomes[n]);
      if (outcomes[n] && outcomes[n].value() == Insertion::inserted) ++kept;
    }
    CHECK(kept == threads * each);
    CHECK(syncs > 0);
    CHECK(syncs < kept / 4);
    disk.before = nullptr;
  }
  verify(book, path);
  CHECK(book.lies() == Lines());
}

TEST_CASE("a shared commit that fails is maybe applied to each of its members, and to no other call") {
  for (const DiskCall call : {DiskCall::sync, DiskCall::write}) {
    const Directory directory;
    const std::string path = directory / "a";
    Book book;
    Book at_crash;
    std::vector<Client> failed;
    {
      FaultyDisk disk;
      disk.recording = true;
      auto storage = SqliteStorage::open(path, long_patient()).value();
      book.added(home, storage.add_ecosystem(home));
      book.inserted(client(1), storage.insert(client(1)));
      const auto clients = crowd(10);
      const long nth = call == DiskCall::sync ? 1 : 0;  // the first sync, in which it is said, is another's
      const auto outcomes = together(disk, storage, clients, [&] { disk.fail({call, SQLITE_OK, nth}); });
      CHECK(disk.fired());
      CHECK(outcomes[0].value() == Insertion::inserted);
      for (std::size_t i = 0; i != clients.size(); ++i) {
        book.inserted(clients[i], outcomes[i]);
        if (!outcomes[i].has_exception()) continue;
        CHECK(outcomes[i].exception().fate() == Fate::maybe_applied);
        failed.push_back(clients[i]);
      }
      CHECK(failed.size() > 1);  // all 31, if none was held up for long
      leave(disk, directory / "crash", PowerCut::Loss::nothing);
      at_crash = book;
      for (const Client& each : failed) {
        CHECK(storage.find_client(each.id()).value() == std::nullopt);
        const auto again = storage.insert(each);
        CHECK(again.value() == Insertion::inserted);
        book.inserted(each, again);
      }
    }
    verify(book, path);
    CHECK(book.lies() == Lines());
    verify(at_crash, directory / "crash/a");
    CHECK(at_crash.lies() == Lines());
    const auto storage = SqliteStorage::open(directory / "crash/a").value();
    std::size_t there = 0;
    for (const Client& each : failed) there += storage.find_client(each.id()).value() ? 1U : 0U;
    CHECK((there == 0 || there == failed.size()));  // they were one transaction
  }
}

TEST_CASE("where a statement of a group fails, each of its members has a commit and a result of its own") {
  const DiskFault spilling{DiskCall::write, SQLITE_OK};
  const DiskFault full{DiskCall::write, SQLITE_FULL};
  const DiskFault reading{DiskCall::read, SQLITE_OK};
  const DiskFault no_memory{DiskCall::read, SQLITE_IOERR_NOMEM};
  for (DiskFault fault : {spilling, full, reading, no_memory}) {
    for (const bool lasting : {false, true}) {
      CAPTURE(static_cast<int>(fault.call), fault.code, lasting);
      fault.lasting = lasting;
      const bool spills = fault.call == DiskCall::write;
      const Directory directory;
      const std::string path = directory / "a";
      Book book;
      {
        FaultyDisk disk;
        auto storage = SqliteStorage::open(path, long_patient()).value();
        book.added(home, storage.add_ecosystem(home));
        for (std::uint32_t n = 0; n != 640; ++n) book.inserted(client(n * 1000), storage.insert(client(n * 1000)));
        // Somebody else's change empties SQLite's cache, and the first insert leaves most pages to be read by the
        // group.
        REQUIRE(Raw(path).run("INSERT INTO ecosystem VALUES (x'00', 'deleted')") == SQLITE_OK);
        // Together they are more than that cache, so that some of it goes to the log before the commit.
        const auto clients = crowd(spills ? 150000 : 10);
        const auto outcomes = together(disk, storage, clients, [&] { disk.fail(fault); });
        CHECK(disk.fired());
        disk.heal();
        CHECK(outcomes[0].value() == Insertion::inserted);
        std::size_t kept = 0;
        for (std::size_t i = 0; i != clients.size(); ++i) {
          book.inserted(clients[i], outcomes[i]);
          if (outcomes[i].has_value()) ++kept;
        }
        CHECK((lasting ? kept < clients.size() : kept == clients.size()));
        for (const Client& each : clients) book.inserted(each, storage.insert(each));
      }
      verify(book, path);
      CHECK(book.lies() == Lines());
    }
  }
}

TEST_CASE("a client that was refused in a shared commit that fails has surely nothing kept") {
  const Directory directory;
  const std::string path = directory / "a";
  Book book;
  {
    FaultyDisk disk;
    auto storage = SqliteStorage::open(path, long_patient()).value();
    book.added(home, storage.add_ecosystem(home));
    book.inserted(client(1), storage.insert(client(1)));
    std::vector<Client> clients = crowd(10);
    for (std::size_t i = 1; i < clients.size(); i += 2)
      clients[i] = client(1000 + static_cast<std::uint32_t>(i), never);
    const auto outcomes = together(disk, storage, clients, [&] { disk.fail({DiskCall::sync, SQLITE_OK, 1}); });
    CHECK(disk.fired());
    int refused = 0;
    int unknown = 0;
    for (std::size_t i = 0; i != clients.size(); ++i) {
      book.inserted(clients[i], outcomes[i]);
      const bool failed = outcomes[i].has_exception();
      if (clients[i].ecosystem_id() == never) {
        CHECK((failed || outcomes[i].value() == Insertion::ecosystem_unknown));
        if (failed) CHECK(outcomes[i].exception().fate() == Fate::not_applied);
        if (failed) CHECK(outcomes[i].exception().what() == "sqlite insert: SQLITE_IOERR (1034)");
        refused += failed ? 1 : 0;
      } else if (failed) {
        CHECK(outcomes[i].exception().fate() == Fate::maybe_applied);
        ++unknown;
      }
    }
    CHECK(refused > 0);
    CHECK(unknown > 0);
  }
  verify(book, path);
  CHECK(book.lies() == Lines());
}

// ---- files that are taken away while they are opened, and descriptors ----

TEST_CASE("a file that is replaced at any moment of its opening is not the one that clients are kept in") {
  const bool by_a_link = GENERATE(false, true);
  bool replaced = true;
  int refused = 0;
  for (long nth = 0; replaced; ++nth) {
    CAPTURE(nth, by_a_link);
    const Directory directory;
    const std::string path = directory / "a";
    const std::string first = directory / "first";
    const std::string second = directory / "second";
    for (const std::string& name : {first, second}) SqliteStorage::open(name).value().add_ecosystem(home).value();
    const auto place = [&](const std::string& name) {
      if (!by_a_link) return fs::rename(name, path);
      fs::remove(path);
      fs::create_symlink(name, path);
    };
    place(first);
    FaultyDisk disk;
    long calls = 0;
    replaced = false;
    disk.before = [&](DiskCall, std::string_view) {
      if (calls++ != nth) return;
      place(second);
      replaced = true;
    };
    auto opened = SqliteStorage::open(path);
    disk.before = nullptr;
    if (!opened) {
      ++refused;
      CHECK(opened.exception().what() == "sqlite open: the file was moved or replaced");
      continue;
    }
    const auto outcome = opened.assume_value().insert(client(1));
    opened = Fault();
    const auto there = SqliteStorage::open(path).value().find_client(id(1)).value();
    CHECK(there.has_value() == (outcome && outcome.assume_value() == Insertion::inserted));
  }
  CHECK(refused > 5);
}

TEST_CASE("a log that its last user moves into the file and deletes while the file is opened does no harm") {
  const Directory directory;
  const std::string path = directory / "a";
  {
    FaultyDisk disk;
    disk.recording = true;
    auto storage = SqliteStorage::open(path).value();
    storage.add_ecosystem(home).value();
    REQUIRE(storage.insert(client(1)).value() == Insertion::inserted);
    leave(disk, directory / "killed", PowerCut::Loss::nothing);
  }
  const std::string left = directory / "killed/a";
  REQUIRE(fs::file_size(left + "-wal") != 0);
  FaultyDisk disk;
  bool once = true;
  disk.before = [&](DiskCall call, std::string_view file) {
    if (call == DiskCall::open && file.ends_with("-wal") && std::exchange(once, false))
      Raw(left, "unix").run("PRAGMA user_version");
  };
  const auto storage = SqliteStorage::open(left).value();
  CHECK(!once);
  CHECK(storage.find_client(id(1)).value() == client(1));
}

TEST_CASE("no file that a store opens is left to a program that the process starts") {
  const Directory directory;
  std::set<std::string> seen;
  Lines inherited;
  {
    FaultyDisk disk;
    const auto inspect = [&](DiskCall, std::string_view) {
      for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string name = fs::read_symlink(entry.path(), gone).string();
        if (gone || !name.starts_with(directory.path().string())) continue;
        const auto flags = ::fcntl(std::stoi(entry.path().filename()), F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) inherited.push_back(name);
        seen.insert(fs::path(name).filename());
      }
    };
    disk.before = inspect;
    Book book;
    auto storage = SqliteStorage::open(directory / "a").value();
    tell(storage, directory / "a", book);
    inspect(DiskCall::any, "");
  }
  CHECK(inherited == Lines());
  for (const std::string name : {"a", "a-journal", "a-wal", "a-shm"}) CHECK(seen.contains(name));
}

// ---- copies ----

TEST_CASE("a copy that is taken while threads insert is whole, and has all that was acknowledged before it began") {
  constexpr std::uint32_t threads = 4;
  constexpr std::uint32_t most = 20000;  // of a thread
  const auto nth = [](std::uint32_t thread, std::uint32_t n) { return client(thread << 24 | n); };
  const Directory directory;
  const std::string path = directory / "a";
  auto storage = SqliteStorage::open(path, long_patient()).value();
  REQUIRE(storage.add_ecosystem(home).value() == EcosystemState::active);
  REQUIRE(storage.add_ecosystem(spare).value() == EcosystemState::active);
  REQUIRE(storage.delete_ecosystem(spare).value() == EcosystemState::active);

  const auto back_up = [&](const std::string& copy, bool in_steps) {
    sqlite3* to = nullptr;
    REQUIRE(sqlite3_open(copy.c_str(), &to) == SQLITE_OK);
    Raw from(path);
    sqlite3_backup* const backup = sqlite3_backup_init(to, "main", from.get(), "main");
    REQUIRE(backup != nullptr);
    int code = SQLITE_OK;
    for (int i = 0; in_steps && i != 50 && code == SQLITE_OK; ++i) code = sqlite3_backup_step(backup, 3);
    if (code == SQLITE_OK) code = sqlite3_backup_step(backup, -1);  // others' inserts make it begin again and again
    CHECK(code == SQLITE_DONE);
    CHECK(sqlite3_backup_finish(backup) == SQLITE_OK);
    CHECK(sqlite3_close(to) == SQLITE_OK);
  };
  const std::array<std::function<void(const std::string&)>, 3> ways{
      [&](const std::string& copy) { back_up(copy, false); },
      [&](const std::string& copy) { back_up(copy, true); },
      [&](const std::string& copy) { CHECK(Raw(path).run("VACUUM INTO '" + copy + "'") == SQLITE_OK); },
  };

  std::array<std::atomic<std::uint32_t>, threads> acknowledged{};
  std::array<std::array<std::uint32_t, threads>, ways.size()> before{};
  std::atomic<bool> enough = false;
  std::atomic<bool> wrong = false;
  {
    std::vector<std::jthread> running;
    for (std::uint32_t t = 0; t != threads; ++t) {
      running.emplace_back([&, t] {
        for (std::uint32_t n = 0; n != most && !enough; ++n) {
          const auto outcome = storage.insert(nth(t, n));
          if (!outcome || outcome.assume_value() != Insertion::inserted) wrong = true;
          ++acknowledged[t];
        }
      });
    }
    for (std::size_t way = 0; way != ways.size(); ++way) {
      for (std::uint32_t t = 0; t != threads; ++t) {
        while (acknowledged[t] < 50 * (way + 1)) std::this_thread::yield();
        before[way][t] = acknowledged[t];
      }
      ways[way](directory / std::to_string(way));
    }
    enough = true;
  }
  CHECK(!wrong);

  for (std::size_t way = 0; way != ways.size(); ++way) {
    CAPTURE(way);
    const std::string copy = directory / std::to_string(way);
    CHECK(Raw(copy).ask("PRAGMA integrity_check") == "ok|");
    CHECK(Raw(copy).ask("PRAGMA foreign_key_check").empty());
    const auto copied = SqliteStorage::open(copy).value();
    CHECK(copied.find_ecosystem(spare).value().state() == EcosystemState::deleted);
    std::size_t all = 0;
    for (std::uint32_t t = 0; t != threads; ++t) {
      std::uint32_t there = 0;
      while (there != most && copied.find_client(nth(t, there).id()).value() == nth(t, there)) ++there;
      CHECK(there >= before[way][t]);
      CHECK(there <= acknowledged[t]);
      all += there;
    }
    CHECK(Raw(copy).ask("SELECT count(*) FROM client") == std::to_string(all) + "|");  // and no others
  }
}
