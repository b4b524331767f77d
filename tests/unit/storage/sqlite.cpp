// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/storage/sqlite.hpp>

#include <droplit/testing/storage_contract.hpp>

#include "support/catch.hpp"
#include "support/fault_vfs.hpp"
#include "support/sqlite.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace droplit;
using test::Directory;
using test::DiskCall;
using test::FaultyDisk;
using test::in_child;
using test::Raw;
namespace fs = std::filesystem;

namespace {

/// A file of which each sync takes so long; set while no other thread runs.
struct SlowSync {
  std::string path;
  std::chrono::milliseconds time{};
} slow_sync;

int sync(int fd, long call) {
  if (!slow_sync.path.empty()) {
    std::array<char, 4096> path{};
    const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
    const bool is_slow = size > 0 && std::string_view(path.data(), static_cast<std::size_t>(size)) == slow_sync.path;
    if (is_slow) std::this_thread::sleep_for(slow_sync.time);
  }
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace

// In the place of the system's, also for SQLite.
extern "C" int fsync(int fd) { return sync(fd, SYS_fsync); }
extern "C" int fdatasync(int fd) { return sync(fd, SYS_fdatasync); }

namespace {

constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
const std::string current = std::to_string(detail::sqlite::schema_version);
const std::string unfit = "the upgrade does not fit the tables and indexes of the file";
const std::string newer = std::to_string(detail::sqlite::schema_version + 1);
constexpr EcosystemId elsewhere = "C594b89aea18568c408c3ad00"_ecosystem_id;

static_assert(!std::is_copy_constructible_v<SqliteStorage>);
static_assert(std::is_nothrow_move_constructible_v<SqliteStorage>);
static_assert(std::is_nothrow_move_assignable_v<SqliteStorage>);
static_assert(!std::is_default_constructible_v<SqliteStorage>);
static_assert(!Storage<const SqliteStorage>);
static_assert(TestableStorage<SqliteStorage>);
static_assert(KeyedStorage<SqliteStorage>);
static_assert(!KeyedStorage<const SqliteStorage>);

ClientId id(std::uint32_t n) { return test::numbered_id(n); }

Client client(std::uint32_t n) {
  return {id(n), Timestamp::clamp_unix_millis(n), home, ClientType::server, Text::parse("n"), Text::parse("d")};
}

SqliteStorage open(const std::string& path, SqliteOptions options = {}) {
  return SqliteStorage::open(path, options).value();
}

SqliteOptions patient(int millis) { return {SqliteDurability::full, std::chrono::milliseconds(millis)}; }

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::string& path, std::string_view bytes) { std::ofstream(path, std::ios::binary) << bytes; }

Fault refusal(const std::string& path, SqliteOptions options = {}) {
  const auto opened = SqliteStorage::open(path, options);
  REQUIRE(opened.has_exception());
  CHECK(opened.exception().source() == FaultSource::storage);
  CHECK(opened.exception().fate() == Fate::not_applied);
  CHECK(opened.exception().what().starts_with("sqlite open: "));
  return opened.exception();
}

/// What a child process does, that was made before this one opened anything, when it is let go; its status then.
class Later {
 public:
  explicit Later(const std::function<int()>& act) {
    REQUIRE(::pipe(go_.data()) == 0);
    child_ = ::fork();
    if (child_ != 0) return;
    char word = 0;
    ::close(go_[1]);
    const bool may_go = ::read(go_[0], &word, 1) == 1;
    int status = 99;
    try {
      if (may_go) status = act();
    } catch (...) {
    }
    ::_exit(status);
  }
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;
  ~Later() {
    if (child_ != 0) end();
  }

  int go() {
    REQUIRE(::write(go_[1], "g", 1) == 1);
    return end();
  }

 private:
  int end() {
    ::close(go_[0]);
    ::close(go_[1]);
    int status = 0;
    ::waitpid(std::exchange(child_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::array<int, 2> go_{};
  pid_t child_ = 0;
};

/// Whether this process holds a lock on a file, as another one sees it.
bool is_locked(const std::string& path) {
  return in_child([&] {
           struct ::flock lock {};
           lock.l_type = F_WRLCK;
           lock.l_whence = SEEK_SET;  // and no length: all of it
           return ::fcntl(::open(path.c_str(), O_RDWR), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1;
         }) == 0;
}

/// The bytes of a database and of all files beside it, by name.
std::map<std::string, std::string> all_bytes(const std::string& path) {
  std::map<std::string, std::string> all;
  for (const std::string end : {"", "-journal", "-wal", "-shm"}) {
    if (fs::exists(path + end)) all[end] = bytes_of(path + end);
  }
  return all;
}

/// Another program that runs `sql` and is killed before it has closed the file.
void run_and_die(const std::string& path, const std::string& sql) {
  REQUIRE(in_child([&] {
            sqlite3* db = nullptr;
            return sqlite3_open(path.c_str(), &db) == SQLITE_OK &&
                           sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK
                       ? 0
                       : 1;
          }) == 0);
}

/// SQLite's own file system, in which one call may be made to fail.
namespace failing {

long left = -1;  // calls until the one that fails; below zero: none will
int code = SQLITE_IOERR;
bool only_sync = false;
bool knows_moves = true;  // whether it can say that a file was moved
std::function<void()> on_sync;

struct Methods {
  sqlite3_io_methods mine;  // first: a file's pMethods points here
  const sqlite3_io_methods* theirs;
};

const sqlite3_io_methods& theirs(sqlite3_file* file) {
  return *reinterpret_cast<const Methods*>(file->pMethods)->theirs;
}

bool fails(bool sync = false) { return (!only_sync || sync) && left >= 0 && left-- == 0; }

int open_file(sqlite3_vfs* self, const char* name, sqlite3_file* file, int flags, int* out) {
  auto* real = static_cast<sqlite3_vfs*>(self->pAppData);
  if (fails()) {
    file->pMethods = nullptr;
    return SQLITE_CANTOPEN;
  }
  const int opened = real->xOpen(real, name, file, flags, out);
  if (opened != SQLITE_OK || file->pMethods == nullptr) return opened;
  static std::map<const sqlite3_io_methods*, Methods> known;
  Methods& methods = known[file->pMethods];
  if (methods.theirs == nullptr) {
    methods.theirs = file->pMethods;
    methods.mine = *file->pMethods;
    methods.mine.xRead = [](sqlite3_file* f, void* data, int size, sqlite3_int64 at) {
      return fails() ? SQLITE_IOERR_READ : theirs(f).xRead(f, data, size, at);
    };
    methods.mine.xWrite = [](sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
      return fails() ? code : theirs(f).xWrite(f, data, size, at);
    };
    methods.mine.xSync = [](sqlite3_file* f, int how) {
      if (on_sync) std::exchange(on_sync, nullptr)();
      return fails(true) ? SQLITE_IOERR_FSYNC : theirs(f).xSync(f, how);
    };
    methods.mine.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
      return fails() ? SQLITE_IOERR_TRUNCATE : theirs(f).xTruncate(f, size);
    };
    methods.mine.xLock = [](sqlite3_file* f, int how) { return fails() ? SQLITE_IOERR_LOCK : theirs(f).xLock(f, how); };
    methods.mine.xFileControl = [](sqlite3_file* f, int what, void* result) {
      const bool is_unknown = what == SQLITE_FCNTL_HAS_MOVED && !knows_moves;
      return is_unknown ? SQLITE_NOTFOUND : theirs(f).xFileControl(f, what, result);
    };
    methods.mine.xShmLock = [](sqlite3_file* f, int at, int n, int how) {
      const bool locking = (how & SQLITE_SHM_LOCK) != 0;  // a failed unlock leaves the lock
      return locking && fails() ? SQLITE_IOERR_SHMLOCK : theirs(f).xShmLock(f, at, n, how);
    };
    methods.mine.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out_page) {
      return fails() ? SQLITE_IOERR_SHMMAP : theirs(f).xShmMap(f, page, size, extend, out_page);
    };
  }
  file->pMethods = &methods.mine;
  return opened;
}

/// The default file system as long as it is.
class Disk {
 public:
  Disk() {
    vfs_ = *sqlite3_vfs_find("unix");
    vfs_.pAppData = sqlite3_vfs_find("unix");
    vfs_.zName = "droplit-failing";
    vfs_.xOpen = open_file;
    REQUIRE(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() {
    left = -1;
    code = SQLITE_IOERR_WRITE;
    only_sync = false;
    knows_moves = true;
    on_sync = nullptr;
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(sqlite3_vfs_find("unix"), 1);
  }

 private:
  sqlite3_vfs vfs_;
};

/// Another program that is killed while it commits `sql`, when it has written the main file and its journal is hot.
void cut_off(const std::string& path, const std::string& sql) {
  const std::string before = bytes_of(path);
  REQUIRE(in_child([&] {
            const Disk disk;
            std::function<void()> observe = [&] {
              if (bytes_of(path) != before) ::_exit(0);
              on_sync = observe;
            };
            on_sync = observe;
            Raw(path).run(sql);
            return 1;
          }) == 0);
  REQUIRE(fs::file_size(path + "-journal") != 0);
}

}  // namespace failing

}  // namespace

// ---- the contract ----

TEST_CASE("a SqliteStorage keeps the contract of storages, at either durability") {
  struct Rig {
    Rig(const fs::path& file, SqliteDurability level)
        : path(file),
          options{.durability = level, .busy_timeout = std::chrono::seconds(10)},
          store(open(path, options)) {}
    auto insert(const Client& client) { return store->insert(client); }
    auto insert_once(const Client& client, const IdempotencyKey& key) { return store->insert_once(client, key); }
    auto add_ecosystem(EcosystemId e) { return store->add_ecosystem(e); }
    auto delete_ecosystem(EcosystemId e) { return store->delete_ecosystem(e); }
    auto find_client(ClientId c) { return store->find_client(c); }
    void reopen() {
      store.reset();
      store.emplace(open(path, options));
    }
    void fail(bool on) {  // another program holds the file
      options.busy_timeout = on ? std::chrono::milliseconds(0) : std::chrono::seconds(10);
      reopen();
      sqlite3* other = nullptr;
      if (on) sqlite3_open(path.c_str(), &other);
      if (on) sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
      holder.reset(other);
    }
    struct Close {
      void operator()(sqlite3* database) const { sqlite3_close(database); }
    };
    fs::path path;
    SqliteOptions options;
    std::optional<SqliteStorage> store;
    std::unique_ptr<sqlite3, Close> holder;
  };
  const Directory directory;
  int n = 0;
  for (const SqliteDurability durability : {SqliteDurability::full, SqliteDurability::normal}) {
    CHECK(check_storage_contract([&] { return Rig(directory / std::to_string(n++), durability); }));
  }
}

TEST_CASE("two connections to one file keep the contract together") {
  struct Pair {
    SqliteStorage a;
    SqliteStorage b;
    std::atomic<unsigned> turn = 0;
    explicit Pair(const std::string& path) : a(open(path, patient(20000))), b(open(path, patient(20000))) {}
    SqliteStorage& next() { return ++turn % 2 == 0 ? a : b; }
    auto insert(const Client& c) { return next().insert(c); }
    auto insert_once(const Client& c, const IdempotencyKey& key) { return next().insert_once(c, key); }
    auto add_ecosystem(EcosystemId e) { return next().add_ecosystem(e); }
    auto delete_ecosystem(EcosystemId e) { return next().delete_ecosystem(e); }
    auto find_client(ClientId c) { return next().find_client(c); }
  };
  const Directory directory;
  int n = 0;
  CHECK(check_storage_contract([&] { return Pair(directory / std::to_string(n++)); }));
}

TEST_CASE("what was kept is there when the file is opened again, wherever it was moved to in between") {
  const Directory directory;
  {
    SqliteStorage storage = open(directory / "a");
    storage.add_ecosystem(home).value();
    storage.add_ecosystem(elsewhere).value();
    CHECK(storage.insert(client(1)).value() == Insertion::inserted);
    storage.delete_ecosystem(elsewhere).value();
  }
  CHECK(directory.list() == std::vector<std::string>{"a"});
  fs::rename(directory / "a", directory / "b");
  SqliteStorage storage = open(directory / "b");
  CHECK(storage.find_client(id(1)).value() == client(1));
  CHECK(storage.find_client(id(2)).value() == std::nullopt);
  CHECK(storage.find_ecosystem(home).value() == Ecosystem(home, EcosystemState::active));
  CHECK(storage.find_ecosystem(elsewhere).value() == Ecosystem(elsewhere, EcosystemState::deleted));
  CHECK(storage.insert(client(1)).value() == Insertion::id_taken);
}

TEST_CASE("a SqliteStorage can be moved") {
  const Directory directory;
  SqliteStorage a = open(directory / "a");
  a.add_ecosystem(home).value();
  SqliteStorage b = std::move(a);
  CHECK(b.insert(client(1)).value() == Insertion::inserted);
  a = open(directory / "other");
  a = std::move(b);
  CHECK(a.find_client(id(1)).value() == client(1));
}

TEST_CASE("a relative path means the same file when the working directory changes") {
  const Directory directory;
  const fs::path before = fs::current_path();
  fs::current_path(directory / "");
  SqliteStorage storage = open("a");
  fs::current_path(before);
  CHECK(storage.add_ecosystem(home).value() == EcosystemState::active);
  CHECK(fs::exists(directory / "a"));
  fs::current_path(directory / "");
  CHECK(open(":memory:").add_ecosystem(home).value() == EcosystemState::active);
  fs::current_path(before);
  CHECK(fs::exists(directory / ":memory:"));
}

TEST_CASE("the file's columns are what they are said to be, and texts that look like SQL are texts") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  const std::vector<std::string> texts{"'; DROP TABLE client; --",
                                       "\"id\"",
                                       "`id`",
                                       "[id]",
                                       "?1",
                                       ":id",
                                       "x'00'",
                                       "NULL",
                                       "'||(SELECT state FROM ecosystem)||'",
                                       "%",
                                       "\\",
                                       "1e3",
                                       "\xEF\xBF\xBF"};
  std::uint32_t n = 0;
  for (const std::string& text : texts) {
    const Client c(id(++n), Timestamp::clamp_unix_millis(-5), home, {}, Text::parse(text), Text::parse(text));
    CHECK(storage.insert(c).value() == Insertion::inserted);
    CHECK(storage.find_client(c.id()).value() == c);
  }
  CHECK(storage.insert(Client(id(0), Timestamp::clamp_unix_millis(7), home, ClientType::server)).value() ==
        Insertion::inserted);
  Raw raw(directory / "a");
  CHECK(raw.ask("SELECT count(*) FROM client") == std::to_string(texts.size() + 1) + "|");
  CHECK(raw.ask("SELECT DISTINCT typeof(id), typeof(created_at), typeof(ecosystem_id), typeof(name) FROM client"
                " WHERE name IS NOT NULL") == "blob|integer|blob|text|");
  CHECK(raw.ask("SELECT hex(id), created_at, hex(ecosystem_id), type, name, description FROM client"
                " WHERE created_at = 7") == "000000000000000000000000|7|594B89AEA18568C408C3AD24|server|NULL|NULL|");
  CHECK(raw.ask("PRAGMA journal_mode") == "wal|");
  CHECK(raw.ask("PRAGMA integrity_check") == "ok|");
  CHECK(raw.ask("PRAGMA foreign_key_check").empty());
}

// ---- opening ----

TEST_CASE("what is not the name of a file is refused, and nothing is made") {
  const Directory directory;
  fs::create_directory(directory / "d");
  ::mkfifo((directory / "fifo").c_str(), 0600);
  for (const std::string& path : {std::string(), directory / "d", directory / "fifo", std::string("/dev/null"),
                                  directory / std::string_view("a\0b", 3)}) {
    CAPTURE(path);
    CHECK(refusal(path).what() == "sqlite open: the path is not that of a file");
  }
  CHECK(refusal(directory / "absent/a").what() == "sqlite open: SQLITE_CANTOPEN (14)");
  CHECK(refusal(directory / "fifo/a").status() == 503);
  CHECK(directory.list().size() == 2);
}

TEST_CASE("a file that is not ours is refused and left as it was") {
  const Directory directory;
  const std::string path = directory / "a";
  const auto sql = [&](const std::string& text) { REQUIRE(Raw(path).run(text) == SQLITE_OK); };
  std::string why = "sqlite open: the file is another program's, or of a newer version";
  SECTION("text") {
    write_bytes(path,
                "this is not a database, but it is longer than the head of one, which has a hundred bytes in it .....");
    why = "sqlite open: SQLITE_NOTADB (26)";
  }
  SECTION("noise with the right beginning") {
    write_bytes(path, std::string("SQLite format 3\0", 16) + std::string(4080, '\x5A'));
  }
  SECTION("another program's tables") { sql("CREATE TABLE t (a); INSERT INTO t VALUES (1)"); }
  SECTION("tables with our names") { sql("CREATE TABLE client (id TEXT); CREATE TABLE ecosystem (id TEXT)"); }
  SECTION("another program's mark on an empty database") { sql("PRAGMA application_id = 7"); }
  SECTION("another program's version on an empty database") { sql("PRAGMA user_version = 7"); }
  SECTION("another program's database in WAL mode") { sql("PRAGMA journal_mode = WAL; CREATE TABLE t (a)"); }
  SECTION("a newer version of our tables") {
    open(path);
    sql("PRAGMA user_version = " + newer);
  }
  SECTION("our tables with a version that never was") {
    open(path);
    sql("PRAGMA user_version = 0");
  }
  SECTION("our mark without our tables") {
    const std::string version = GENERATE(std::string("1"), current);
    sql("PRAGMA application_id = 0x64726F70; PRAGMA user_version = " + version + "; PRAGMA journal_mode = WAL");
    why = version == current ? "sqlite open: SQLITE_ERROR (1)" : "sqlite open: " + unfit;
  }
  const std::string before = bytes_of(path);
  CHECK(refusal(path).what() == why);
  CHECK(bytes_of(path) == before);
  CHECK(directory.list() == std::vector<std::string>{"a"});
}

// ---- whose a file is ----

TEST_CASE("a file of another program whose transaction was cut off is refused, and its journal is hot as before") {
  const Directory directory;
  const std::string path = directory / "a";
  std::string why = "the file is another program's, or of a newer version";
  const std::string ask = "SELECT count(*) FROM sqlite_schema";
  std::string answer = "1|";
  SECTION("tables that are not ours") {
    Raw(path).run("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    failing::cut_off(path, "CREATE TABLE u (a)");
  }
  SECTION("its first transaction") {
    write_bytes(path, "");
    failing::cut_off(path, "CREATE TABLE t (a)");
    answer = "0|";
  }
  SECTION("a file that looks blank, and whose tables are in the journal") {
    Raw(path).run("CREATE TABLE t (a)");
    failing::cut_off(path, "DROP TABLE t");
    why = "a transaction in the file was cut off; open it with its own program first";
  }
  const auto before = all_bytes(path);
  CHECK(refusal(path).what() == "sqlite open: " + why);
  CHECK(all_bytes(path) == before);
  CHECK(Raw(path).ask(ask) == answer);  // rolled back only now
}

TEST_CASE("a file of ours whose first transaction was cut off is opened") {
  const Directory directory;
  const std::string path = directory / "a";
  write_bytes(path, "");
  REQUIRE(in_child([&] {
            const failing::Disk disk;
            std::function<void()> observe = [&] {
              if (fs::file_size(path) != 0) ::_exit(0);
              failing::on_sync = observe;
            };
            failing::on_sync = observe;
            open(path);
            return 1;
          }) == 0);
  REQUIRE(fs::file_size(path + "-journal") != 0);
  CHECK(open(path).add_ecosystem(home).value() == EcosystemState::active);
}

TEST_CASE("a blank file with a journal is waited for while another program writes it") {
  const Directory directory;
  const std::string path = directory / "a";
  Raw other(path);
  REQUIRE(other.run("CREATE TABLE t (a); DROP TABLE t") == SQLITE_OK);
  REQUIRE(other.run("PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN; CREATE TABLE t (a)") == SQLITE_OK);
  REQUIRE(other.run("INSERT INTO t VALUES (zeroblob(100000))") == SQLITE_OK);
  REQUIRE(fs::exists(path + "-journal"));
  CHECK(refusal(path, patient(0)).what() == "sqlite open: SQLITE_BUSY (5)");
  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  CHECK(open(path).add_ecosystem(home).value() == EcosystemState::active);
}

TEST_CASE("a file whose tables are in its log is judged by the log, and nothing is changed") {
  const Directory directory;
  const std::string path = directory / "a";
  std::string why = "the file is another program's, or of a newer version";
  const std::string wal = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; ";
  SECTION("another program's") { run_and_die(path, wal + "CREATE TABLE t (a); INSERT INTO t VALUES (1)"); }
  SECTION("another program's, without an index") {
    run_and_die(path, wal + "CREATE TABLE t (a)");
    fs::remove(path + "-shm");
  }
  SECTION("another program's, whose last transaction is not whole") {
    run_and_die(path, wal + "CREATE TABLE t (a); DROP TABLE t; CREATE TABLE u (a)");
    run_and_die(path, "PRAGMA cache_size = 1; BEGIN; DROP TABLE u; CREATE TABLE v AS SELECT zeroblob(100000)");
  }
  SECTION("ours, of a newer version") {
    open(path);
    run_and_die(path, "PRAGMA user_version = " + newer);
    REQUIRE(bytes_of(path)[63] == detail::sqlite::schema_version);
  }
  SECTION("a main file that was emptied") {
    REQUIRE(in_child([&] { return open(path).add_ecosystem(home) ? ::_exit(0), 0 : 1; }) == 0);
    fs::resize_file(path, 0);
    why = "the file is empty, but its log (-wal) is not";
  }
  SECTION("a main file that is gone") {
    run_and_die(path, wal + "CREATE TABLE t (a)");
    write_bytes(path, "");
    why = "the file is empty, but its log (-wal) is not";
  }
  REQUIRE(fs::file_size(path + "-wal") != 0);
  const auto before = all_bytes(path);
  CHECK(refusal(path).what() == "sqlite open: " + why);
  CHECK(all_bytes(path) == before);
}

TEST_CASE("a file that another program makes its own while it is opened stays as that program left it") {
  const Directory directory;
  const std::string path = directory / "a";
  const std::string log = directory / "log";
  {
    std::ofstream(directory / "other");
    Raw other(directory / "other");
    REQUIRE(other.ask("PRAGMA journal_mode = WAL") == "wal|");
    fs::copy_file(directory / "other", path);
    REQUIRE(other.run("CREATE TABLE t (a)") == SQLITE_OK);
    fs::copy_file(directory / "other-wal", log);
  }
  const auto size = fs::file_size(log);
  FaultyDisk disk;
  bool once = true;
  disk.before = [&](DiskCall call, std::string_view) {  // it is killed at once
    if (call == DiskCall::lock && std::exchange(once, false)) fs::copy_file(log, path + "-wal");
  };
  const auto opened = SqliteStorage::open(path);
  disk.before = nullptr;
  CHECK(!once);
  REQUIRE(opened.has_exception());
  CHECK(opened.exception().what() == "sqlite open: the file is another program's, or of a newer version");
  REQUIRE(fs::exists(path + "-wal"));
  CHECK(fs::file_size(path + "-wal") == size);
  CHECK(Raw(path).ask("SELECT name FROM sqlite_schema") == "t|");
}

TEST_CASE("a file of ours that was made in a log is opened with all that is in it") {
  const Directory directory;
  const std::string path = directory / "a";
  Raw(path).run("PRAGMA journal_mode = WAL");
  REQUIRE(in_child([&] {
            SqliteStorage storage = open(path);
            if (storage.add_ecosystem(home) && storage.insert(client(1))) ::_exit(0);
            return 1;
          }) == 0);
  REQUIRE(bytes_of(path)[63] == 0);  // no version: the file itself is still blank
  CHECK(open(path).find_client(id(1)).value() == client(1));
}

namespace {

std::uint32_t number_at(const std::string& bytes, std::size_t at, bool big_endian = true) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i != 4; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + (big_endian ? i : 3 - i)]);
  }
  return number;
}

/// A log with the right checksums, which machines add up in their own order of bytes.
std::string with_sums(std::string log, bool big_endian) {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  const auto add = [&](std::size_t from, std::size_t to) {
    for (std::size_t at = from; at != to; at += 8) {
      first += number_at(log, at, big_endian) + second;
      second += number_at(log, at + 4, big_endian) + first;
    }
  };
  const auto put = [&](std::size_t at) {
    for (const std::uint32_t sum : {first, second}) {
      for (int shift = 24; shift >= 0; shift -= 8) log[at++] = static_cast<char>(sum >> shift & 0xFF);
    }
  };
  log[3] = big_endian ? '\x83' : '\x82';
  add(0, 24);
  put(24);
  const std::size_t page = number_at(log, 8);
  for (std::size_t at = 32; at < log.size(); at += 24 + page) {
    add(at, at + 8);
    add(at + 24, at + 24 + page);
    put(at + 16);
  }
  return log;
}

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xFF);
  return bytes;
}

/// A log of one commit, after which the file is another program's.
std::string foreign_log(std::uint32_t page_size, std::uint32_t version = 3007000) {
  const std::string salts = "saltsalt", sums(8, '\0');
  std::string page(page_size, '\0');
  page.replace(68, 4, big_endian(7));  // the application's id
  page[100] = 13;
  return with_sums(big_endian(0x377F0682) + big_endian(version) + big_endian(page_size) + big_endian(0) + salts + sums +
                       big_endian(1) + big_endian(1) + salts + sums + page,
                   false);
}

}  // namespace

TEST_CASE(
    "however a log is cut, damaged or written, its file is judged as SQLite sees it, and never changed if refused") {
  const Directory directory;
  const std::string path = directory / "a";
  Raw(path).run("PRAGMA page_size = 1024; PRAGMA journal_mode = WAL");  // blank
  run_and_die(path,
              "PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (a); DROP TABLE t; PRAGMA application_id = 0x64726F70;"
              "PRAGMA user_version = " +
                  newer + "; PRAGMA user_version = 1; PRAGMA user_version = " + current + "; CREATE TABLE u (a)");
  const std::string log = bytes_of(path + "-wal");
  std::vector<std::string> logs{log};
  REQUIRE(logs[0].substr(0, 4) == "\x37\x7F\x06\x82");
  for (std::size_t size = 0; size < log.size(); size += 131) logs.push_back(log.substr(0, size));
  for (std::size_t frame = 32; frame <= log.size(); frame += 1024 + 24) {
    logs.push_back(log.substr(0, frame));
    logs.push_back(with_sums(logs.back(), true));
  }
  for (std::size_t at = 0; at < log.size(); at += at < 80 ? 1 : 257) {
    logs.push_back(log);
    logs.back()[at] = static_cast<char>(logs.back()[at] ^ 0x10);
  }
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i != logs.size(); ++i) {
    CAPTURE(i);
    const std::string mine = directory / "mine";
    const std::string oracle = directory / "oracle";
    for (const std::string& name : {mine, oracle}) {
      for (const std::string end : {"-shm", "-wal", "-journal"}) fs::remove(name + end);
      write_bytes(name, bytes_of(path));
      write_bytes(name + "-wal", logs[i]);
    }
    std::string sees = "error";
    {
      sqlite3* db = nullptr;
      sqlite3_open(oracle.c_str(), &db);
      const auto append = [](void* out, int, char** values, char**) {
        static_cast<std::string*>(out)->assign(values[0]);
        return 0;
      };
      sqlite3_exec(db,
                   ("SELECT CASE WHEN application_id = 0x64726F70 AND user_version BETWEEN 1 AND " + current +
                    " THEN 'ours'"
                    " WHEN application_id = 0 AND user_version = 0 AND (SELECT count(*) FROM sqlite_schema) = 0"
                    " THEN 'blank' ELSE 'foreign' END FROM pragma_application_id, pragma_user_version")
                       .c_str(),
                   append, &sees, nullptr);
      sqlite3_close(db);
    }
    ++seen[sees];
    const auto before = all_bytes(mine);
    const auto opened = SqliteStorage::open(mine);
    const std::string what = opened ? "" : opened.exception().what();
    if (sees == "blank") CHECK(what == "");
    if (sees == "ours") {  // by its mark alone: our tables are not there
      const bool at_current = what == "sqlite open: SQLITE_ERROR (1)";
      CHECK((at_current || what == "sqlite open: " + unfit));
    }
    if (sees == "foreign") {
      CHECK(what == "sqlite open: the file is another program's, or of a newer version");
      CHECK(all_bytes(mine) == before);
    }
    if (sees == "error") CHECK(what != "");
  }
  CHECK(seen["blank"] > 5);
  CHECK(seen["ours"] > 5);
  CHECK(seen["foreign"] > 5);
}

TEST_CASE("a log of any size of pages that SQLite has is read, no other one is, and of another version it is a fault") {
  const Directory directory;
  const std::string path = directory / "a";
  const std::uint32_t size = GENERATE(512U, 1024U, 65536U);
  Raw(path).run("PRAGMA page_size = " + std::to_string(size) + "; PRAGMA journal_mode = WAL");
  CHECK(SqliteStorage::inspect(path).value() == StoreState::absent);
  write_bytes(path + "-wal", foreign_log(size));
  CHECK(SqliteStorage::inspect(path).value() == StoreState::foreign);
  for (const std::uint32_t other : {128U, 256U, 600U, 131072U}) {
    CAPTURE(other);
    write_bytes(path + "-wal", foreign_log(other));
    CHECK(SqliteStorage::inspect(path).value() == StoreState::absent);
  }
  write_bytes(path + "-wal", foreign_log(size, 3007001));
  CHECK(SqliteStorage::inspect(path).exception().what() == "sqlite open: SQLITE_CANTOPEN (14)");
}

TEST_CASE("a log that cannot be read is a fault, and its file is not judged without it") {
  const Directory directory;
  const std::string path = directory / "a";
  Raw(path).run("PRAGMA journal_mode = WAL");
  const auto what = [&] { return SqliteStorage::inspect(path).exception().what(); };
  SECTION("a directory") {
    fs::create_directory(path + "-wal");
    CHECK(what() == "sqlite open: SQLITE_CANTOPEN (14)");
  }
  SECTION("a file") {
    write_bytes(path + "-wal", foreign_log(4096));
    FaultyDisk disk;
    disk.fail({.call = DiskCall::open, .nth = 1});
    CHECK(what() == "sqlite open: SQLITE_CANTOPEN (14)");
    disk.fail({.call = DiskCall::read, .nth = 1});  // SQLite itself reads the head of the file
    CHECK(what() == "sqlite open: SQLITE_IOERR (266)");
    disk.heal();
    CHECK(SqliteStorage::inspect(path).value() == StoreState::foreign);
  }
}

TEST_CASE("a file whose tables are listed on a page of 256, or on another page than the first, has tables") {
  const Directory directory;
  const std::string path = directory / "a";
  Raw raw(path);
  SECTION("256") {
    REQUIRE(raw.run("PRAGMA page_size = 65536; BEGIN") == SQLITE_OK);
    for (int n = 0; n != 256; ++n) REQUIRE(raw.run("CREATE TABLE t" + std::to_string(n) + " (a)") == SQLITE_OK);
    REQUIRE(raw.run("COMMIT") == SQLITE_OK);
    const std::string bytes = bytes_of(path);
    REQUIRE(std::pair(bytes[100], number_at(bytes, 101) & 0xFFFF) == std::pair('\x0D', std::uint32_t{256}));
  }
  SECTION("on another page") {  // too much for the first page, which has the file's header, but not for another one
    REQUIRE(raw.run("PRAGMA page_size = 512") == SQLITE_OK);
    for (const std::string name : {"t", "u"})
      REQUIRE(raw.run("CREATE TABLE " + name + " (a /*" + std::string(180, '.') + "*/)") == SQLITE_OK);
    const std::string bytes = bytes_of(path);
    REQUIRE(std::pair(bytes[100], number_at(bytes, 101) & 0xFFFF) == std::pair('\x05', std::uint32_t{0}));
  }
  CHECK(SqliteStorage::inspect(path).value() == StoreState::foreign);
}

TEST_CASE("an empty journal is none: a blank file beside it is opened") {
  const Directory directory;
  const std::string path = directory / "a";
  Raw(path).run("CREATE TABLE t (a); DROP TABLE t");
  REQUIRE(fs::file_size(path) != 0);
  write_bytes(path + "-journal", "");
  CHECK(open(path).add_ecosystem(home).value() == EcosystemState::active);
}

TEST_CASE("a file layer without shared memory, in which SQLite has no log, is refused") {
  const Directory directory;
  sqlite3_vfs* const real = sqlite3_vfs_find(nullptr);
  sqlite3_vfs_register(sqlite3_vfs_find("unix-none"), 1);
  const auto opened = SqliteStorage::open(directory / "a");
  sqlite3_vfs_register(real, 1);
  REQUIRE(opened.has_exception());
  CHECK(opened.exception().what() == "sqlite open: SQLITE_CANTOPEN (14)");
}

TEST_CASE("a file that is not in WAL mode is opened as soon as nobody reads it") {
  const Directory directory;
  const std::string path = directory / "a";
  { open(path); }
  Raw reader(path, "unix");
  REQUIRE(reader.ask("PRAGMA journal_mode = DELETE") == "delete|");
  REQUIRE(reader.ask("BEGIN; SELECT count(*) FROM client") == "0|");
  FaultyDisk disk;
  int tries = 0;
  disk.before = [&](DiskCall call, std::string_view) {
    if (call == DiskCall::lock && ++tries == 20) reader.run("COMMIT");
  };
  const auto storage = SqliteStorage::open(path, {.busy_timeout = std::chrono::hours(1)});
  disk.before = {};
  INFO((storage ? "" : storage.exception().what()));
  CHECK(storage.has_value());
  CHECK(tries > 20);
  CHECK(Raw(path).ask("PRAGMA journal_mode") == "wal|");
}

TEST_CASE("another program's trigger does not reach virtual tables through an insert") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  Raw other(directory / "a");
  REQUIRE(other.run("CREATE VIRTUAL TABLE v USING fts5(a)") == SQLITE_OK);
  REQUIRE(other.run("CREATE TRIGGER t AFTER INSERT ON client BEGIN INSERT INTO v VALUES (1); END") == SQLITE_OK);
  CHECK(storage.insert(client(1)).exception().what() == "sqlite insert: SQLITE_ERROR (1)");
  REQUIRE(other.run("DROP TRIGGER t") == SQLITE_OK);
  CHECK(storage.insert(client(1)).value() == Insertion::inserted);
}

TEST_CASE("at normal durability an insert is not synced, at full it is") {
  const Directory directory;
  const FaultyDisk disk;
  const auto syncs_of_insert = [&](SqliteDurability durability, std::uint32_t n) {
    SqliteStorage storage = open(directory / "a", {.durability = durability});
    storage.add_ecosystem(home).value();
    storage.insert(client(n)).value();
    const long before = disk.count(DiskCall::sync);
    storage.insert(client(n + 1)).value();
    return disk.count(DiskCall::sync) - before;
  };
  CHECK(syncs_of_insert(SqliteDurability::normal, 1) == 0);
  CHECK(syncs_of_insert(SqliteDurability::full, 3) == 1);
}

TEST_CASE("an opening does not take away the locks of another store in the process") {
  const Directory directory;
  const std::string path = directory / "a";
  bool refused = false;
  Later other([&] {
    Raw raw(path);
    return raw.run(
               "INSERT INTO client SELECT x'000000000000000000000009', created_at, ecosystem_id, type, name,"
               " description, NULL FROM client WHERE id = x'000000000000000000000001'") == SQLITE_OK
               ? 0
               : 1;
  });
  {
    SqliteStorage storage = open(path);
    storage.add_ecosystem(home).value();
    REQUIRE(storage.insert(client(1)).value() == Insertion::inserted);
    REQUIRE(is_locked(path));
    REQUIRE(is_locked(path + "-shm"));
    SECTION("opened") { open(path).find_client(id(1)).value(); }
    SECTION("opened, and written") { REQUIRE(open(path).insert(client(8)).value() == Insertion::inserted); }
    SECTION("refused for a second name") {
      fs::create_hard_link(path, directory / "b");
      refusal(path);
      refused = true;
    }
    SECTION("refused by the second name") {
      fs::create_hard_link(path, directory / "b");
      fs::create_hard_link(path + "-wal", directory / "b-wal");
      refusal(directory / "b");
      refused = true;
    }
    CHECK(is_locked(path));
    CHECK(is_locked(path + "-shm"));
    REQUIRE(other.go() == 0);
    CHECK(fs::exists(path + "-wal"));  // it saw that it was not the last one
    CHECK(storage.insert(client(2)).value() == Insertion::inserted);
    CHECK(storage.find_client(id(9)).value().has_value());
  }
  if (refused) fs::remove(directory / "b");
  if (refused) fs::remove(directory / "b-wal");
  SqliteStorage storage = open(path);
  CHECK(storage.find_client(id(1)).value() == client(1));
  CHECK(storage.find_client(id(2)).value() == client(2));
  CHECK(storage.find_client(id(9)).value().has_value());
  CHECK(Raw(path).ask("PRAGMA integrity_check") == "ok|");
}

TEST_CASE("a process without standard streams keeps its clients in files that are none of them") {
  const Directory directory;
  CHECK(in_child([&] {
          for (const int stream : {0, 1, 2}) ::close(stream);
          SqliteStorage storage = open(directory / "a");
          storage.add_ecosystem(home).value();
          if (storage.insert(client(1)).value() != Insertion::inserted) return 1;
          for (const std::string stream : {"0", "1", "2"}) {
            std::error_code closed;
            const auto file = fs::read_symlink("/proc/self/fd/" + stream, closed);
            if (!closed && file != "/dev/null") return 2;
          }
          return 0;
        }) == 0);
}

// ---- two names of one file ----

TEST_CASE("a database with a second name is refused, and the fault says how to find the names") {
  const Directory directory;
  const std::string path = directory / "a";
  REQUIRE(in_child([&] { return open(path).add_ecosystem(home) ? ::_exit(0), 0 : 1; }) == 0);  // and leaves its log
  const std::string end = GENERATE("", "-wal", "-shm");
  CAPTURE(end);
  fs::create_hard_link(path + end, directory / "other");
  const auto before = all_bytes(path);
  const Fault fault = refusal(path);
  CHECK(fault.what().find("`find MOUNT -xdev -samefile FILE`") != std::string::npos);
  CHECK(!fault.status());
  CHECK(all_bytes(path) == before);
  if (end.empty()) CHECK(refusal(directory / "other").what() == fault.what());
  fs::remove(directory / "other");
  CHECK(open(path).find_ecosystem(home).value().state() == EcosystemState::active);
}

TEST_CASE("a second name that a file gets while it is open is reported once, and the service goes on") {
  const std::string end = GENERATE("", "-wal", "-shm");
  CAPTURE(end);
  const Directory directory;
  const std::string path = directory / "a";
  std::vector<std::string> warnings;
  SqliteOptions options;
  options.on_warning = [&](std::string_view text) {
    warnings.emplace_back(text);
    throw std::runtime_error("a log that fails");
  };
  SqliteStorage storage = open(path, options);
  SqliteStorage silent = open(path);
  storage.add_ecosystem(home).value();
  CHECK(warnings.empty());
  fs::create_hard_link(path + end, directory / "other");
  CHECK(storage.insert(client(1)).value() == Insertion::inserted);
  CHECK(storage.find_client(id(1)).value() == client(1));
  CHECK(silent.insert(client(2)).value() == Insertion::inserted);
  fs::remove(directory / "other");
  CHECK(storage.insert(client(3)).value() == Insertion::inserted);
  fs::create_hard_link(path + end, directory / "other");
  CHECK(storage.insert(client(4)).value() == Insertion::inserted);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].starts_with("sqlite: the file has another name"));
  CHECK(warnings[0].find("-samefile") != std::string::npos);
}

// ---- options ----

TEST_CASE("a busy_timeout of any value counts as the nearest of those that it may have") {
  using std::chrono::milliseconds;
  const Directory directory;
  for (const milliseconds timeout :
       {milliseconds(0), milliseconds(-1), milliseconds::min(), milliseconds::max(), milliseconds(86'400'001)}) {
    CAPTURE(timeout.count());
    SqliteStorage storage = open(directory / "a", {.busy_timeout = timeout});
    CHECK(storage.add_ecosystem(home).value() == EcosystemState::active);
    CHECK(storage.insert(client(1)));
    Raw other(directory / "a");
    if (timeout > milliseconds(0)) continue;
    REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
    CHECK(storage.insert(client(2)).exception().status() == 503);
    REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  }
  SqliteOptions odd;
  odd.durability = static_cast<SqliteDurability>(7);  // as if it were `full`
  CHECK(open(directory / "a", odd).insert(client(3)).value() == Insertion::inserted);
}

TEST_CASE("a client whose ecosystem another program takes away in the same transaction is not kept") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  Raw raw(directory / "a");
  REQUIRE(raw.run("CREATE TRIGGER t BEFORE INSERT ON client BEGIN DELETE FROM ecosystem; END") == SQLITE_OK);
  const auto outcome = storage.insert(client(1));
  REQUIRE(outcome.has_exception());
  CHECK(outcome.exception().what() == "sqlite insert: SQLITE_CONSTRAINT (787)");  // a foreign key
  CHECK(outcome.exception().fate() == Fate::not_applied);
  CHECK(raw.ask("SELECT count(*) FROM client") == "0|");
  CHECK(raw.ask("PRAGMA foreign_key_check").empty());
}

TEST_CASE("an empty file is made ours") {
  const Directory directory;
  write_bytes(directory / "a", "");
  CHECK(open(directory / "a").add_ecosystem(home).value() == EcosystemState::active);
}

TEST_CASE("a damaged file is a fault, and never repaired") {
  const Directory directory;
  {
    SqliteStorage storage = open(directory / "a");
    storage.add_ecosystem(home).value();
    for (std::uint32_t n = 0; n != 200; ++n) storage.insert(client(n)).value();
  }
  const std::string whole = bytes_of(directory / "a");
  write_bytes(directory / "a", whole.substr(0, 4096) + std::string(whole.size() - 4096, '\xFF'));
  const auto storage = SqliteStorage::open(directory / "a");
  if (storage) {
    const auto found = open(directory / "a").find_client(id(1));
    REQUIRE(found.has_exception());
    CHECK(found.exception().what().find("SQLITE_CORRUPT") != std::string::npos);
    CHECK(!found.exception().status());
  }
}

TEST_CASE("a row that is not a client is a fault") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  storage.insert(client(1)).value();
  for (const std::string change : {"created_at = 1 << 62", "name = CAST(x'ff' AS TEXT)",
                                   "description = CAST(x'610062' AS TEXT)", "ecosystem_id = x'00'"}) {
    CAPTURE(change);
    Raw raw(directory / "a");
    REQUIRE(raw.run("BEGIN; UPDATE client SET " + change + "; COMMIT") == SQLITE_OK);
    const auto found = storage.find_client(id(1));
    REQUIRE(found.has_exception());
    CHECK(found.exception().what() == "sqlite find_client: a row that is not a client");
    REQUIRE(raw.run("DELETE FROM client") == SQLITE_OK);
    REQUIRE(storage.insert(client(1)).value() == Insertion::inserted);
  }
}

TEST_CASE("a column that another program takes away is a fault, and its name is never read as a text") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  storage.insert(client(1)).value();
  REQUIRE(Raw(directory / "a").run("ALTER TABLE client DROP COLUMN description") == SQLITE_OK);
  const auto found = storage.find_client(id(1));
  REQUIRE(found.has_exception());
  CHECK(found.exception().what() == "sqlite find_client: SQLITE_ERROR (1)");
}

TEST_CASE("a file or a directory that may not be written is refused") {
  const Directory directory;
  { open(directory / "a"); }
  ::chmod((directory / "").c_str(), 0755);
  fs::create_directory(directory / "open");
  { open(directory / "open/b"); }
  ::chmod((directory / "open").c_str(), 0777);
  ::chmod((directory / "open/b").c_str(), 0444);
  const auto refused = [](const std::string& path) {
    return [path] {
      if (::geteuid() == 0 && ::setuid(65534) != 0) return 2;  // for root no mode is an obstacle
      const auto opened = SqliteStorage::open(path);
      if (!opened.has_exception() || opened.exception().status() != 503) return 1;
      const std::string what = opened.exception().what();
      return what.find("READONLY") != std::string::npos || what.find("CANTOPEN") != std::string::npos ? 0 : 3;
    };
  };
  ::chmod((directory / "").c_str(), 0555);
  CHECK(in_child(refused(directory / "a")) == 0);       // neither the file nor its directory
  CHECK(in_child(refused(directory / "new")) == 0);     // not the directory
  CHECK(in_child(refused(directory / "open/b")) == 0);  // not the file
  ::chmod((directory / "open/b").c_str(), 0);
  CHECK(in_child([&] {
          if (::geteuid() == 0 && ::setuid(65534) != 0) return 2;
          const auto created = SqliteStorage::inspect(directory / "new"),
                     read = SqliteStorage::inspect(directory / "open/b");
          return created.has_exception() && read.has_exception() ? 0 : 1;
        }) == 0);
  ::chmod((directory / "").c_str(), 0755);
}

// ---- several at once ----

TEST_CASE("processes that open one new file at the same time all get it") {
  for (int round = 0; round != 5; ++round) {
    const Directory directory;
    constexpr int processes = 8;
    std::vector<pid_t> children;
    for (int p = 0; p != processes; ++p) {
      children.push_back(::fork());
      if (children.back() != 0) continue;
      const auto failed = [&] {
        auto opened = SqliteStorage::open(directory / "a", patient(20000));
        if (!opened) return 1;
        SqliteStorage& storage = opened.assume_value();
        if (storage.add_ecosystem(home).value() != EcosystemState::active) return 2;
        for (std::uint32_t n = 0; n != 5; ++n) {
          if (storage.insert(client(static_cast<std::uint32_t>(p) << 8 | n)).value() != Insertion::inserted) return 3;
        }
        return 0;
      };
      int status = 4;
      try {
        status = failed();
      } catch (...) {
      }
      ::_exit(status);
    }
    for (const pid_t child : children) {
      int status = 0;
      ::waitpid(child, &status, 0);
      CHECK(status == 0);
    }
    Raw raw(directory / "a");
    CHECK(raw.ask("SELECT count(*) FROM client") == std::to_string(processes * 5) + "|");
  }
}

TEST_CASE("a deletion in one process is at once the law in another") {
  const Directory directory;
  CHECK(in_child([&] { return open(directory / "a").add_ecosystem(home).value() == EcosystemState::active ? 0 : 1; }) ==
        0);
  SqliteStorage storage = open(directory / "a");
  CHECK(storage.insert(client(1)).value() == Insertion::inserted);
  Raw other(directory / "a");
  REQUIRE(other.run("UPDATE ecosystem SET state = 'deleted'") == SQLITE_OK);
  CHECK(storage.insert(client(2)).value() == Insertion::ecosystem_deleted);
  CHECK(storage.find_client(id(1)).value() == client(1));
}

TEST_CASE("a read waits while another process mends the log's index, however long the store did nothing") {
  const Directory directory;
  int tries = 0;
  FaultyDisk disk;
  SqliteStorage storage = open(directory / "a", patient(3000));
  storage.add_ecosystem(home).value();
  storage.insert(client(1)).value();
  std::array<int, 2> ready{};
  std::array<int, 2> done{};
  REQUIRE(::pipe(ready.data()) == 0);
  REQUIRE(::pipe(done.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(done[1]);
    const int index = ::open((directory / "a-shm").c_str(), O_RDWR);
    const std::array<char, 96> no_header{};
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_start = 120;  // SQLite's: who writes, who copies, who mends
    lock.l_len = 3;
    char byte = 0;
    const bool good = ::fcntl(index, F_SETLK, &lock) == 0 &&
                      ::pwrite(index, no_header.data(), no_header.size(), 0) == 96 &&
                      ::write(ready[1], &byte, 1) == 1 && ::read(done[0], &byte, 1) == 1;
    ::_exit(good ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(3100));
  disk.before = [&](DiskCall call, std::string_view) {
    if (call == DiskCall::shm_lock && ++tries == 20) CHECK(::write(done[1], &byte, 1) == 1);
  };
  const auto found = storage.find_client(id(1));
  disk.before = nullptr;
  ::close(done[1]);  // ends the other process in any case
  CHECK(tries >= 20);
  CHECK(found.value() == client(1));
  int status = -1;
  ::waitpid(child, &status, 0);
  for (const int fd : {ready[0], ready[1], done[0]}) ::close(fd);
}

TEST_CASE("the log of a file that two write is copied into it, however long its syncs take") {
  const Directory directory;
  const std::string path = directory / "a";
  slow_sync = {path, std::chrono::milliseconds(30)};
  const SqliteOptions options{.durability = SqliteDurability::normal};
  SqliteStorage a = open(path, options);
  SqliteStorage b = open(path, options);
  a.add_ecosystem(home).value();
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t t = 0; t != 8; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint32_t n = t * 1000; n != t * 1000 + 600; ++n) {
          const Client one(id(n * 2'654'435'761U), Timestamp::clamp_unix_millis(n), home, ClientType::server,
                           Text::parse(std::string(1000, 'n')));  // scattered, so that more pages change
          refused += (t % 2 == 0 ? a : b).insert(one).has_exception() ? 1 : 0;
        }
      });
    }
  }
  slow_sync = {};
  CHECK(refused == 0);
  CHECK(std::filesystem::file_size(path + "-wal") < 32U << 20);  // three times as much is written
}

// ---- a log that is too long ----

namespace {

/// A store, another program that may keep its log from beginning anew, and how long the log is.
struct LongLog {
  Directory directory;
  std::string path = directory / "a";
  FaultyDisk disk;  // where nothing is synced
  SqliteStorage storage = open(path, {.durability = SqliteDurability::normal, .busy_timeout = std::chrono::hours(1)});
  Raw reader{path};
  std::uint32_t n = 0;

  LongLog() { storage.add_ecosystem(home).value(); }

  [[nodiscard]] std::uintmax_t bytes() const { return fs::file_size(path + "-wal"); }
  void keep() { REQUIRE(reader.ask("BEGIN; SELECT count(*) FROM ecosystem") == "1|"); }
  void let_go() { REQUIRE(reader.run("COMMIT") == SQLITE_OK); }

  /// One commit of this many clients, of about three pages each.
  void insert(std::size_t count) {
    std::deque<Client> clients;
    std::deque<BatchInsert> inserts;
    std::vector<BatchInsert*> all;
    while (clients.size() != count) {
      clients.emplace_back(id(n), Timestamp::clamp_unix_millis(n), home, ClientType::server,
                           Text::parse(std::string(9000, 'n')));
      all.push_back(&inserts.emplace_back(clients.back()));
      ++n;
    }
    storage.insert_all(all);
    for (const BatchInsert& each : inserts) REQUIRE(each.outcome.value() == Insertion::inserted);
  }
  /// Makes the log, which was empty, so many pages long, or a few more.
  void grow(std::uintmax_t pages) {
    while (bytes() < (pages - 400) * page) insert(100);
    while (bytes() < pages * page) insert(1);
  }
  static constexpr std::uintmax_t page = 4096 + 24;
};

}  // namespace

TEST_CASE(
    "a log of 16 MB that a reader keeps is cut as soon as it lets go, or after a try in vain from a quarter more on") {
  LongLog log;
  log.keep();
  log.grow(3980);
  log.let_go();
  log.insert(100);
  CHECK(log.bytes() == 0);

  log.keep();
  log.grow(4000);  // in vain
  log.grow(4900);
  log.let_go();
  log.insert(1);
  CHECK(log.bytes() >= 4900 * log.page);  // copied, but not cut: not before 5,000
  REQUIRE(log.reader.run("PRAGMA wal_checkpoint(TRUNCATE)") == SQLITE_OK);

  log.keep();
  log.grow(4000);
  log.grow(4980);
  log.let_go();
  log.insert(100);
  CHECK(log.bytes() == 0);

  log.keep();
  log.grow(3980);  // where the log begins anew, a quarter more is not asked for
  log.let_go();
  log.insert(100);
  CHECK(log.bytes() == 0);
}

TEST_CASE("a log of 16 MB that another connection is just copying is cut by the next commit") {
  LongLog log;
  log.keep();
  log.grow(3980);
  log.let_go();
  bool once = true;
  log.disk.before = [&](DiskCall call, std::string_view path) {
    if (call == DiskCall::write && path == log.path && std::exchange(once, false)) log.insert(100);
  };
  REQUIRE(log.reader.run("PRAGMA wal_checkpoint") == SQLITE_OK);
  REQUIRE_FALSE(once);
  CHECK(log.bytes() > 4000 * log.page);
  log.disk.before = {};
  log.insert(1);
  CHECK(log.bytes() == 0);
}

TEST_CASE("a process that writes all the time shuts no other one out") {
  const Directory directory;
  SqliteStorage a = open(directory / "a");
  SqliteStorage b = open(directory / "a");
  a.add_ecosystem(home).value();
  slow_sync = {directory / "a-wal", std::chrono::milliseconds(2)};  // nearly all of the time somebody has the lock
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t t = 0; t != 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint32_t n = t * 1000; n != t * 1000 + 800; ++n) {
          refused += (t % 2 == 0 ? a : b).insert(client(n)).has_exception() ? 1 : 0;
        }
      });
    }
  }
  slow_sync = {};
  CHECK(refused == 0);
}

TEST_CASE("a file that another holds is waited for, and then it is unavailable; when it is free all works again") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a", patient(200));
  storage.add_ecosystem(home).value();
  Raw other(directory / "a");
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);

  const auto begin = std::chrono::steady_clock::now();
  const auto busy = storage.insert(client(1));
  const auto waited = std::chrono::steady_clock::now() - begin;
  REQUIRE(busy.has_exception());
  CHECK(busy.exception().what() == "sqlite insert: SQLITE_BUSY (5)");
  CHECK(busy.exception().fate() == Fate::not_applied);
  CHECK(busy.exception().status() == 503);
  CHECK(busy.exception().retry_after() == 1);
  CHECK(waited >= std::chrono::milliseconds(150));
  CHECK(waited < std::chrono::seconds(5));
  CHECK(storage.delete_ecosystem(home).has_exception());
  CHECK(storage.add_ecosystem(elsewhere).exception().what() == "sqlite add_ecosystem: SQLITE_BUSY (5)");
  CHECK(storage.find_client(id(1)).value() == std::nullopt);  // readers do not wait
  CHECK(storage.find_ecosystem(home).value().state() == EcosystemState::active);

  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  CHECK(storage.find_client(id(1)).value() == std::nullopt);
  CHECK(storage.insert(client(1)).value() == Insertion::inserted);

  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  std::jthread releasing([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    other.run("COMMIT");
  });
  SqliteStorage patient_one = open(directory / "a", patient(20000));
  CHECK(patient_one.insert(client(2)).value() == Insertion::inserted);
}

TEST_CASE("a new file that another holds is waited for, and then it is unavailable") {
  const Directory directory;
  Raw other(directory / "a");
  REQUIRE(other.run("BEGIN EXCLUSIVE") == SQLITE_OK);
  const Fault fault = refusal(directory / "a", patient(100));
  CHECK(fault.status() == 503);
  CHECK(refusal(directory / "a", patient(-5)).what() == "sqlite open: SQLITE_BUSY (5)");
  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  CHECK(open(directory / "a").add_ecosystem(home).value() == EcosystemState::active);
}

TEST_CASE("threads that wait for their turn in vain get unavailable, and no other word") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a", patient(100));
  storage.add_ecosystem(home).value();
  Raw other(directory / "a");
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  std::array<bool, 8> right{};
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t t = 0; t != right.size(); ++t) {
      threads.emplace_back([&, t] {
        const auto outcome = storage.insert(client(t));
        right[t] = outcome.has_exception() && outcome.exception().status() == 503;
      });
    }
  }
  CHECK(right == std::array<bool, 8>{true, true, true, true, true, true, true, true});
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));  // not one after the other for ever
  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  for (std::uint32_t n = 0; n != 8; ++n) CHECK(storage.insert(client(n)).value() == Insertion::inserted);
}

TEST_CASE("one after another does not wait anew for a file that is held for long") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a", patient(300));
  storage.add_ecosystem(home).value();
  Raw other(directory / "a");
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK(storage.insert(client(1)).exception().status() == 503);  // waited
  // If the machine pauses meanwhile, the second is over, and one of these waits again; never all of them.
  auto least = std::chrono::steady_clock::duration::max();
  for (int n = 0; n != 5; ++n) {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(storage.insert(client(1)).exception().status() == 503);
    least = std::min(least, std::chrono::steady_clock::now() - begin);
  }
  CHECK(least < std::chrono::milliseconds(300));
  // After that second one waits again, however many did not meanwhile.
  bool waited = false;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!waited && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const auto begin = std::chrono::steady_clock::now();
    CHECK(storage.insert(client(1)).exception().status() == 503);
    waited = std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(300);
  }
  CHECK(waited);
  REQUIRE(other.run("ROLLBACK") == SQLITE_OK);
  CHECK(storage.insert(client(1)).value() == Insertion::inserted);
  std::jthread releasing;
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
  releasing = std::jthread([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    other.run("COMMIT");
  });
  CHECK(storage.insert(client(2)).value() ==
        Insertion::inserted);  // since it was free meanwhile, it is waited for again
}

// ---- files that are taken away ----

TEST_CASE("a file that was deleted, moved or replaced takes nothing more, and says so") {
  const Directory directory;
  const std::string path = directory / "a";
  std::optional<SqliteStorage> storage = open(path);
  storage->add_ecosystem(home).value();
  REQUIRE(storage->insert(client(1)).value() == Insertion::inserted);
  SECTION("deleted") { fs::remove(path); }
  SECTION("moved") { fs::rename(path, directory / "b"); }
  SECTION("replaced by a copy") {
    fs::copy(path, directory / "b");
    fs::rename(directory / "b", path);
  }
  SECTION("deleted and made again") {
    fs::remove(path);
    Raw(path).run("CREATE TABLE t (a)");
  }
  SECTION("emptied") { fs::resize_file(path, 0); }
  SECTION("the log's index cut short") { fs::resize_file(path + "-shm", 0); }
  SECTION("its log deleted") { fs::remove(path + "-wal"); }
  SECTION("its log replaced") {
    fs::copy(path + "-wal", directory / "b");
    fs::rename(directory / "b", path + "-wal");
  }
  SECTION("the log's index deleted") { fs::remove(path + "-shm"); }
  SECTION("its directory moved") {
    fs::create_directory(directory / "inner");
    storage = open(directory / "inner/a");
    fs::rename(directory / "inner", directory / "moved");
  }
  const auto check = [](const auto& outcome) {
    REQUIRE(outcome.has_exception());
    CHECK(outcome.exception().fate() == Fate::not_applied);
    CHECK(outcome.exception().what().ends_with(": the file was moved or replaced"));
  };
  check(storage->insert(client(2)));
  check(storage->add_ecosystem(elsewhere));
  check(storage->delete_ecosystem(home));
  check(storage->find_client(id(1)));
  check(storage->find_ecosystem(home));
}

TEST_CASE("a file that is taken away while an insert is committed is not acknowledged") {
  failing::Disk disk;
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  failing::on_sync = [&] { fs::rename(directory / "a", directory / "b"); };
  const auto outcome = storage.insert(client(1));
  REQUIRE(!failing::on_sync);
  REQUIRE(outcome.has_exception());
  CHECK(outcome.exception().fate() == Fate::maybe_applied);
  CHECK(outcome.exception().what() == "sqlite insert: the file was moved or replaced");
  fs::rename(directory / "b", directory / "a");
  CHECK(storage.find_client(id(1)).value() == client(1));
}

TEST_CASE("a file that is taken away before an insert is committed surely has nothing of it") {
  const Directory directory;
  bool is_away = false;
  FaultyDisk disk;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  disk.before = [&](DiskCall call, std::string_view) {  // the transaction begins
    if (call == DiskCall::shm_lock && !std::exchange(is_away, true)) fs::rename(directory / "a", directory / "b");
  };
  const auto outcome = storage.insert(client(1));
  REQUIRE(is_away);
  REQUIRE(outcome.has_exception());
  CHECK(outcome.exception().fate() == Fate::not_applied);
  CHECK(outcome.exception().what() == "sqlite insert: the file was moved or replaced");
  fs::rename(directory / "b", directory / "a");
  CHECK(storage.find_client(id(1)).value() == std::nullopt);
}

TEST_CASE("a file system that cannot say whether a file was moved may have one that clients are kept in") {
  failing::Disk disk;
  failing::knows_moves = false;
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  CHECK(storage.insert(client(1)).value() == Insertion::inserted);
}

TEST_CASE("a link that leads elsewhere now is a file that was replaced, and one that leads back is not") {
  const Directory directory;
  { open(directory / "other").add_ecosystem(home).value(); }
  fs::create_symlink(directory / "real", directory / "a");
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  CHECK(storage.insert(client(1)).value() == Insertion::inserted);
  fs::remove(directory / "a");
  fs::create_symlink(directory / "other", directory / "a");
  CHECK(storage.insert(client(2)).has_exception());
  fs::remove(directory / "a");
  fs::create_symlink(directory / "real", directory / "a");
  CHECK(storage.insert(client(2)).value() == Insertion::inserted);
}

// ---- disks that fail ----

TEST_CASE("whichever call of the disk fails, an insert says what became of it and the store goes on working") {
  failing::Disk disk;
  const Directory directory;
  int stories = 0;
  int proven = 0;
  for (const int code : {SQLITE_IOERR_WRITE, SQLITE_FULL, SQLITE_IOERR_NOMEM, SQLITE_READONLY}) {
    failing::code = code;
    for (long n = 0;; ++n) {
      CAPTURE(code, n);
      const std::string path = directory / std::to_string(stories++);
      std::optional<SqliteStorage> storage = open(path);
      storage->add_ecosystem(home).value();
      REQUIRE(storage->insert(client(1)).value() == Insertion::inserted);

      failing::left = n;
      const Outcome<Insertion> outcome = storage->insert(client(2));
      const bool failed = failing::left < 0;
      failing::left = -1;
      if (outcome) {
        CHECK(outcome.value() == Insertion::inserted);
      } else {
        const Fault& fault = outcome.exception();
        CHECK(fault.source() == FaultSource::storage);
        CHECK(fault.what().starts_with("sqlite insert: SQLITE_"));
        if (fault.fate() == Fate::not_applied) {
          ++proven;
          CHECK(storage->find_client(id(2)).value() == std::nullopt);
          fs::copy(path, path + "-copy");  // as a crash at this moment would leave it
          fs::copy(path + "-wal", path + "-copy-wal");
          CHECK(open(path + "-copy").find_client(id(2)).value() == std::nullopt);
        }
      }
      const auto there = storage->find_client(id(2));
      CHECK((!outcome || there.value() == client(2)));
      CHECK(storage->insert(client(3)).value() == Insertion::inserted);  // no transaction was left open
      const auto again = storage->insert(client(2)).value();
      CHECK(again == (there.value() ? Insertion::id_taken : Insertion::inserted));
      storage.reset();
      storage = open(path);
      for (std::uint32_t i = 1; i != 4; ++i) CHECK(storage->find_client(id(i)).value() == client(i));
      if (!failed) break;
    }
  }
  CHECK(stories > 20);
  CHECK(proven > 4);
}

TEST_CASE("whichever call of the disk fails, an opening is a fault or a store, and the next one is a store") {
  failing::Disk disk;
  const Directory directory;
  long n = 0;
  for (bool failed = true; failed; ++n) {
    CAPTURE(n);
    const std::string path = directory / std::to_string(n);
    failing::left = n;
    {
      const auto opened = SqliteStorage::open(path);
      if (opened.has_exception()) CHECK(opened.exception().fate() == Fate::not_applied);
      failed = failing::left < 0;
      failing::left = -1;
      CHECK((failed || opened.has_value()));
    }
    SqliteStorage storage = open(path);
    storage.add_ecosystem(home).value();
    CHECK(storage.insert(client(1)).value() == Insertion::inserted);
  }
  CHECK(n > 20);
}

TEST_CASE("an insert whose log could not be synced may have been applied, for a recovery may find it") {
  failing::Disk disk;
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  failing::only_sync = true;
  failing::left = 0;
  const auto outcome = storage.insert(client(1));
  REQUIRE(outcome.has_exception());
  CHECK(outcome.exception().fate() == Fate::maybe_applied);
  CHECK(!outcome.exception().status());
  CHECK(outcome.exception().what() == "sqlite insert: SQLITE_IOERR (1034)");
  // The very files, as a crash at this moment would leave them, hold the client.
  fs::copy(directory / "a", directory / "b");
  fs::copy(directory / "a-wal", directory / "b-wal");
  CHECK(open(directory / "b").find_client(id(1)).value() == client(1));
  CHECK(storage.find_client(id(1)).value() == std::nullopt);
  CHECK(storage.insert(client(2)).value() == Insertion::inserted);
}

TEST_CASE("the words of a fault are codes and never what is in a request or an SQL text") {
  const Directory directory;
  SqliteStorage storage = open(directory / "a");
  storage.add_ecosystem(home).value();
  REQUIRE(Raw(directory / "a").run("DROP TABLE client") == SQLITE_OK);
  const Client secret(id(1), Timestamp::clamp_unix_millis(0), home, {}, Text::parse("secret"), Text::parse("secret"));
  for (int i = 0; i != 2; ++i) {
    const auto outcome = storage.insert(secret);
    REQUIRE(outcome.has_exception());
    CHECK(outcome.exception().what() == "sqlite insert: SQLITE_ERROR (1)");
    CHECK(outcome.exception().fate() == Fate::not_applied);
  }
  CHECK(storage.add_ecosystem(elsewhere).value() == EcosystemState::active);
  CHECK(detail::sqlite::make_fault("insert", SQLITE_NOTADB).what() == "sqlite insert: SQLITE_NOTADB (26)");
  CHECK(detail::sqlite::make_fault("insert", SQLITE_NOTICE).what() == "sqlite insert: SQLITE_OTHER (27)");
}

TEST_CASE("a statement is not executed without one of its parameters") {
  Raw database(":memory:");
  sqlite3_limit(database.get(), SQLITE_LIMIT_LENGTH, 100);
  detail::sqlite::Statement statement;
  REQUIRE(detail::sqlite::prepare(database.get(), "SELECT ?1, ?2", statement) == SQLITE_OK);
  const std::string too_long(101, 'x');
  CHECK(detail::sqlite::StatementExecution(statement).bind(too_long).bind(1).step() == SQLITE_TOOBIG);
  CHECK(detail::sqlite::StatementExecution(statement).bind("a text").bind(1).step() == SQLITE_ROW);
}

// ---- crashes ----

TEST_CASE("what was acknowledged is there after a kill at any instant, at either durability") {
  int acknowledged_at_all = 0;
  for (int round = 0; round != 12; ++round) {
    const Directory directory;
    const auto durability = round % 2 == 0 ? SqliteDurability::full : SqliteDurability::normal;
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto opened = SqliteStorage::open(directory / "a", {.durability = durability});
      if (!opened || !opened.assume_value().add_ecosystem(home)) ::_exit(1);
      for (std::uint32_t n = 0;; ++n) {
        const auto outcome = opened.assume_value().insert(client(n));
        if (!outcome || outcome.assume_value() != Insertion::inserted) ::_exit(2);
        if (::write(ends[1], &n, sizeof n) != sizeof n) ::_exit(3);
      }
    }
    ::close(ends[1]);
    std::uint32_t last = 0;
    int acknowledged = 0;
    const int enough = 1 + round * 7;
    while (::read(ends[0], &last, sizeof last) == sizeof last) {
      if (++acknowledged == enough) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));

    SqliteStorage storage = open(directory / "a");
    for (std::uint32_t n = 0; n <= last; ++n) {
      if (storage.find_client(id(n)).value() != client(n)) FAIL("an acknowledged client is gone: " << n);
    }
    CHECK(storage.find_client(id(last + 2)).value() == std::nullopt);
    CHECK(Raw(directory / "a").ask("PRAGMA integrity_check") == "ok|");
    acknowledged_at_all += acknowledged;
  }
  CHECK(acknowledged_at_all > 100);
}

TEST_CASE("a kill while a file is being made leaves one that can be opened") {
  const Directory directory;
  for (int round = 0; round != 20; ++round) {
    const std::string path = directory / std::to_string(round);
    const pid_t child = ::fork();
    if (child == 0) {
      auto opened = SqliteStorage::open(path);
      ::pause();
      ::_exit(1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(open(path).add_ecosystem(home).value() == EcosystemState::active);
  }
}

TEST_CASE("an inspection says what opening would find, and changes nothing") {
  const Directory directory;
  const std::string path = directory / "a store?with%odd#name.db";
  const auto inspect = [](const std::string& at) { return SqliteStorage::inspect(at).value(); };
  // By names, sizes and times: to open the file here would drop the locks of SQLite.
  const auto everything = [&] {
    std::map<std::string, std::pair<std::uintmax_t, fs::file_time_type>> files;
    for (const std::string& name : directory.list()) {
      files[name] = {fs::file_size(directory / name), fs::last_write_time(directory / name)};
    }
    return files;
  };
  CHECK(inspect(path) == StoreState::absent);
  CHECK(directory.list().empty());
  CHECK(SqliteStorage::inspect(directory / "no/folder.db").has_exception());
  CHECK(SqliteStorage::inspect(directory / "").has_exception());
  CHECK(SqliteStorage::inspect("").has_exception());

  for (const std::string name : {":memory:", "file:x?mode=memory"}) {  // files, as to `open`
    const fs::path before = fs::current_path();
    fs::current_path(directory / "");
    CHECK(inspect(name) == StoreState::absent);
    CHECK(SqliteStorage::open(name).has_value());
    CHECK(inspect(name) == StoreState::current);
    fs::remove(name);
    fs::current_path(before);
  }

  std::ofstream(path).close();
  CHECK(inspect(path) == StoreState::absent);
  fs::create_hard_link(path, directory / "other name");
  CHECK(SqliteStorage::inspect(path).has_exception());
  fs::remove(directory / "other name");
  {
    SqliteStorage storage = open(path);
    storage.add_ecosystem(home).value();
    const auto before = everything();
    CHECK(before.size() == 3);  // the log and its index too
    CHECK(inspect(path) == StoreState::current);
    CHECK(everything() == before);
    CHECK(storage.insert(client(1)).value() == Insertion::inserted);  // its locks are still there
  }
  const std::string before = bytes_of(path);
  CHECK(inspect(path) == StoreState::current);
  CHECK(bytes_of(path) == before);
  CHECK(directory.list().size() == 1);

  const auto with_header = [&](std::string_view pragma) {
    CHECK(Raw(path).run(std::string(pragma)) == SQLITE_OK);
    return inspect(path);
  };
  CHECK(with_header("PRAGMA user_version = " + newer) == StoreState::foreign);
  CHECK(with_header("PRAGMA user_version = 0") == StoreState::foreign);
  CHECK(with_header("PRAGMA user_version = 1") == StoreState::older);
  CHECK(with_header("PRAGMA user_version = " + current) == StoreState::current);
  CHECK(with_header("PRAGMA application_id = 7") == StoreState::foreign);
  write_bytes(path, "This is not a database, and long enough to be looked at as one." + std::string(200, '.'));
  CHECK(SqliteStorage::inspect(path).has_exception());
}

TEST_CASE("a log that is read to recognize a file does not stay open") {
  const Directory directory;
  const std::string path = directory / "a";
  REQUIRE(in_child([&] { return open(path).add_ecosystem(home) ? ::_exit(0), 0 : 1; }) == 0);
  REQUIRE(fs::file_size(path + "-wal") != 0);
  CHECK(SqliteStorage::inspect(path).value() == StoreState::current);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the descriptor of the iterator itself
    const std::string name = fs::read_symlink(entry.path(), gone).string();
    if (name.starts_with(path)) left.push_back(name);
  }
  CHECK(left == std::vector<std::string>());
}
