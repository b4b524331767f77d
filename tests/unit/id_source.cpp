// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/id_source.hpp>

#include "support/catch.hpp"

#if !defined(_WIN32)
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <latch>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace droplit;

namespace {

struct SaysId {
  ClientId next(Timestamp) { return ClientId({}); }
};

struct SaysFault {
  Fault next(Timestamp) { return {}; }
};

struct SaysEcosystemId {
  EcosystemId next(Timestamp) { return EcosystemId({}); }
};

struct SaysText {
  std::string next(Timestamp) { return ""; }
};

struct AsksNoTime {
  ClientId next() { return ClientId({}); }
};

static_assert(IdSource<ObjectIds>);
static_assert(IdSource<const ObjectIds>);
static_assert(IdSource<SaysId>);
static_assert(IdSource<SaysFault>);
static_assert(!IdSource<const SaysId>);
static_assert(!IdSource<SaysEcosystemId>);
static_assert(!IdSource<SaysText>);
static_assert(!IdSource<AsksNoTime>);

ClientId next(std::int64_t millis) { return ObjectIds().next(Timestamp::clamp_unix_millis(millis)).value(); }

std::string seconds_of(ClientId id) { return id.text().substr(0, 8); }
std::string random_of(ClientId id) { return id.text().substr(8, 10); }

std::uint32_t count_of(ClientId id) {
  const auto& bytes = id.bytes();
  return std::uint32_t{bytes[9]} << 16 | std::uint32_t{bytes[10]} << 8 | bytes[11];
}

// The random bytes and the counter.
std::uint64_t number_of(ClientId id) {
  std::uint64_t number = 0;
  for (std::size_t i = 4; i != id.bytes().size(); ++i) number = number << 8 | id.bytes()[i];
  return number;
}

constexpr std::uint64_t block_size = 1024;  // the most numbers that a thread takes at once

bool all_differ(std::vector<std::uint64_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end();
}

#if !defined(_WIN32)
/// What each of so many threads made, all of which make their first ids before one ends.
std::vector<std::uint64_t> numbers_of_threads(std::size_t threads, std::size_t each) {
  std::vector<std::vector<std::uint64_t>> made(threads);
  std::latch all(static_cast<std::ptrdiff_t>(threads));
  {
    std::vector<std::jthread> running;
    for (auto& mine : made) {
      running.emplace_back([&] {
        for (std::size_t i = 0; i != each; ++i) {
          mine.push_back(number_of(next(0)));
          if (i == 0) all.arrive_and_wait();
        }
      });
    }
  }
  std::vector<std::uint64_t> numbers;
  for (const auto& mine : made) numbers.insert(numbers.end(), mine.begin(), mine.end());
  return numbers;
}

/// What two new threads made, one id each in turns, after they made many at an earlier time. The times of turns are
/// `step` ms apart.
std::vector<std::uint64_t> numbers_in_turns(std::size_t turns, std::int64_t step) {
  std::vector<std::uint64_t> numbers(turns);
  std::atomic<std::size_t> turn = 0;
  std::latch both(2);
  const auto take_turns = [&](std::size_t mine) {
    for (int i = 0; i != 100; ++i) next(-1);
    both.arrive_and_wait();
    for (; mine < turns; mine += 2) {
      for (std::size_t seen = turn; seen != mine; seen = turn) turn.wait(seen);
      numbers[mine] = number_of(next(step * static_cast<std::int64_t>(mine)));
      turn = mine + 1;
      turn.notify_all();
    }
  };
  {
    const std::jthread one(take_turns, 0);
    const std::jthread other(take_turns, 1);
  }
  return numbers;
}

/// In how many blocks two new threads take so many ids in turns.
std::size_t blocks_of(const std::vector<std::uint64_t>& numbers_in_turns) {
  std::size_t blocks = 2;
  for (std::size_t i = 2; i != numbers_in_turns.size(); ++i) {
    if (numbers_in_turns[i] != numbers_in_turns[i - 2] + 1) ++blocks;
  }
  return blocks;
}

/// Whether there are blocks at all: not on other systems, nor under qemu, which clears no pages in a child.
bool has_blocks() { return process::Numbers::cleared_pages() != nullptr; }

/// Whether new threads find free blocks.
bool find_blocks() { return blocks_of(numbers_in_turns(block_size, 0)) <= 2 * 10; }

/// Whether this thread has a number left that it took before another thread took one.
bool is_in_block() {
  static std::int64_t time = 1'000'000;
  for (int i = 0; i != 20; ++i) {
    std::uint64_t newest = 0;
    std::jthread([&newest] { newest = number_of(next(++time)); }).join();
    if (number_of(next(0)) < newest) return true;
  }
  return false;
}

/// Makes an id when its thread ends, after the thread gave its block back.
struct MakesLast {
  std::vector<std::uint64_t>* numbers;
  ~MakesLast() { numbers->push_back(number_of(next(0))); }
};
#endif

}  // namespace

TEST_CASE("an id is the seconds, then the bytes of the process, then a counter that goes up by one") {
  const ClientId first = next(1498122670123);
  const ClientId second = next(1498122671000);
  CHECK(first.text().size() == 24);
  CHECK(seconds_of(first) == "594b89ae");
  CHECK(seconds_of(second) == "594b89af");
  CHECK(random_of(first) == random_of(second));
  CHECK(((count_of(first) + 1) & 0xFFFFFF) == count_of(second));
  const std::uint64_t number = process::numbers().next(1498122671000);
  CHECK(number_of(next(1498122671000)) == number + 1);
}

TEST_CASE("of the ids of one thread, if no other makes any, each is the one after the one before") {
  next(1);
  const std::uint64_t first = number_of(next(0));
  for (std::uint64_t i = 1; i != 4 * block_size; ++i) {
    const std::uint64_t number = number_of(next(0));
    if (number != first + i) FAIL(number << " after " << i << " from " << first);
  }
}

TEST_CASE("all sources of a process count together") {
  const ObjectIds a;
  const ObjectIds b;
  std::set<ClientId> ids;
  for (int i = 0; i != 1000; ++i) {
    ids.insert(a.next(Timestamp::clamp_unix_millis(0)).value());
    ids.insert(b.next(Timestamp::clamp_unix_millis(0)).value());
  }
  CHECK(ids.size() == 2000);
}

TEST_CASE("the seconds are the nearest value that four bytes hold") {
  for (const std::int64_t millis : {Timestamp::min_unix_millis, std::int64_t{-1}, std::int64_t{0}, std::int64_t{999}}) {
    CHECK(seconds_of(next(millis)) == "00000000");
  }
  CHECK(seconds_of(next(1000)) == "00000001");
  CHECK(seconds_of(next(Timestamp::parse("2038-01-19T03:14:08.000Z")->unix_millis())) == "80000000");
  CHECK(seconds_of(next(Timestamp::parse("2106-02-07T06:28:14.999Z")->unix_millis())) == "fffffffe");
  for (const std::string_view late :
       {"2106-02-07T06:28:15.000Z", "2106-02-07T06:28:16.000Z", "9999-12-31T23:59:59.999Z"}) {
    CHECK(seconds_of(next(Timestamp::parse(late)->unix_millis())) == "ffffffff");
  }
}

TEST_CASE("ids of many threads in one second differ") {
  constexpr std::size_t threads = 16;
  constexpr std::size_t each = 5000;
  std::vector<std::vector<ClientId>> made(threads);
  {
    std::vector<std::jthread> running;
    for (auto& mine : made) {
      running.emplace_back([&mine] {
        const ObjectIds ids;
        for (std::size_t i = 0; i != each; ++i) mine.push_back(ids.next(Timestamp::clamp_unix_millis(0)).value());
      });
    }
  }
  std::vector<ClientId> all;
  for (const auto& mine : made) {
    all.insert(all.end(), mine.begin(), mine.end());
    for (const ClientId id : mine) {
      if (random_of(id) != random_of(mine[0])) FAIL("the bytes of the process changed");
    }
  }
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("with a clock that never advances no id is made twice: after 2^24 ids the bytes before the counter change",
          "[slow]") {
  const ClientId first = next(0);
  ClientId last = first;
  std::uint32_t wraps = 0;
  for (std::uint32_t i = 0; i != 1U << 24; ++i) {
    const ClientId id = next(0);
    if (number_of(id) <= number_of(last)) FAIL("an id that is not after the one before");
    if (count_of(id) < count_of(last)) ++wraps;
    last = id;
  }
  CHECK(wraps == (number_of(last) >> 24) - (number_of(first) >> 24));
  CHECK(number_of(last) - number_of(first) >= 1U << 24);
  CHECK(random_of(last) != random_of(first));
}

// On Windows numbers are taken one by one, and no process continues its parent. Nor can these tests run there: mingw
// frees a thread's objects before it destroys them, and its std::latch may not wake who waits.
#if !defined(_WIN32)
TEST_CASE("ids that threads make at different times follow each other, so that a tree of them grows in one place") {
  const auto numbers = numbers_in_turns(1000, 1);
  for (std::size_t i = 0; i != numbers.size(); ++i) {
    if (numbers[i] != numbers[0] + i) FAIL(numbers[i] << " in turn " << i << " from " << numbers[0]);
  }
}

TEST_CASE("a thread that makes many ids at one time takes them in blocks that grow") {
  const auto numbers = numbers_in_turns(32 * block_size, 0);
  if (has_blocks()) CHECK(blocks_of(numbers) <= 2 * (10 + 16));
  CHECK(all_differ(numbers));
}

TEST_CASE("ten thousand threads one after the other, eight at once, use up the ids that they make and few more") {
  std::vector<std::uint64_t> numbers;
  for (int round = 0; round != 1250; ++round) {
    const auto made = numbers_of_threads(8, 1);
    numbers.insert(numbers.end(), made.begin(), made.end());
  }
  CHECK(numbers.size() == 10'000);
  CHECK(all_differ(numbers));
  std::set<std::uint64_t> blocks;
  for (const std::uint64_t number : numbers) blocks.insert(number / block_size);
  CHECK(blocks.size() < 40);  // of which 10 are the least that there can be
  CHECK(find_blocks() == has_blocks());
}

TEST_CASE("ids of more threads than there are blocks for differ, also where threads end and others begin") {
  std::vector<std::uint64_t> numbers;
  for (int round = 0; round != 3; ++round) {
    const auto made = numbers_of_threads(300, 700);
    numbers.insert(numbers.end(), made.begin(), made.end());
  }
  CHECK(all_differ(numbers));
}

TEST_CASE("an id that a thread makes while it ends differs from those of the next thread") {
  std::vector<std::uint64_t> numbers;
  for (int round = 0; round != 300; ++round) {
    std::jthread([&numbers] {
      thread_local const MakesLast last{&numbers};
      numbers.push_back(number_of(next(0)));
      static_cast<void>(last.numbers);
    });
  }
  CHECK(numbers.size() == 600);
  CHECK(all_differ(numbers));
  CHECK(find_blocks() == has_blocks());
}

TEST_CASE("a thread that finds no free block takes ids one by one, and looks again when it has taken 1024") {
  std::latch taken(256);
  std::latch end(1);
  std::vector<std::jthread> holders;
  for (int i = 0; i != 256; ++i) {
    holders.emplace_back([&] {
      next(0);
      taken.arrive_and_wait();
      end.wait();
    });
  }
  taken.wait();
  std::jthread([&] {
    CHECK_FALSE(is_in_block());
    const std::uint64_t first = number_of(next(0));
    for (std::uint64_t i = 1; i != 5; ++i) CHECK(number_of(next(0)) == first + i);
    end.count_down();
    holders.clear();
    CHECK_FALSE(is_in_block());
    for (std::uint64_t i = 0; i != block_size; ++i) next(0);
    CHECK(is_in_block() == has_blocks());
  }).join();
}

TEST_CASE("threads that look for a free block at the same time find different ones, and make different ids") {
  process::Numbers::Pages pages;
  process::Numbers shared(&pages);
  std::array<std::vector<std::uint64_t>, 2> made;
  std::atomic<std::size_t> arrived = 0;
  std::size_t shared_blocks = 0;
  const auto run = [&](std::size_t mine) {
    std::size_t meetings = 0;
    const auto meet = [&] {
      ++arrived;
      meetings += 2;
      for (int i = 1; arrived < meetings; ++i) {
        if (i % 1000 == 0) std::this_thread::yield();
      }
    };
    for (unsigned round = 0; round != 100'000; ++round) {
      meet();
      for (volatile unsigned i = mine == 0 ? 16 : round % 32; i != 0;) i = i - 1;  // each is first now and then
      made[mine].push_back(shared.next(0));
      meet();
      if (mine != 0) continue;
      if (pages.blocks[1].owner == nullptr) ++shared_blocks;
      for (auto& block : pages.blocks) block.owner = nullptr;  // as if both were new
    }
    meet();  // a thread that ends gives its block back
  };
  {
    const std::jthread one(run, 0);
    const std::jthread other(run, 1);
  }
  CHECK(shared_blocks == 0);
  std::vector<std::uint64_t> numbers = made[0];
  numbers.insert(numbers.end(), made[1].begin(), made[1].end());
  CHECK(all_differ(numbers));
}

// What makes a child process: fork, or what goes past pthread_atfork.
using Make = pid_t (*)();
pid_t raw_clone() {
#if defined(__s390x__)
  return static_cast<pid_t>(::syscall(SYS_clone, nullptr, SIGCHLD, nullptr, nullptr, nullptr));
#else
  return static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
#endif
}

/// The result of `random` in a child that `make` makes.
std::string in_child(Make make, const std::function<std::string()>& random) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = make();
  if (child == 0) {
    const std::string mine = random();
    ::_exit(::write(ends[1], mine.data(), mine.size()) == 10 ? 0 : 1);
  }
  ::close(ends[1]);
  std::string read(10, ' ');
  CHECK(::read(ends[0], read.data(), read.size()) == 10);
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  return read;
}

/// Whether a child sees zeros in the pages that it is not to have from its parent.
bool has_pages_cleared_in_child() {
#if defined(MADV_WIPEONFORK)
  constexpr std::size_t size = 4096;
  void* const pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  ::madvise(pages, size, MADV_WIPEONFORK);
  auto& byte = *static_cast<unsigned char*>(pages);
  byte = 1;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(byte);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  ::munmap(pages, size);
  return status == 0;
#else
  return false;
#endif
}

TEST_CASE("numbers have pages that are cleared in a child where the system has such pages, and only there") {
  CHECK((process::Numbers::cleared_pages() != nullptr) == has_pages_cleared_in_child());
}

TEST_CASE("a child draws new bytes, however it was made, and its parent keeps its own") {
  process::Numbers without_page(nullptr);
  const auto of_ids = [] { return random_of(next(0)); };
  const auto of_numbers = [&] {
    return std::to_string((without_page.next(0) >> 24) + 1'000'000'000'000).substr(0, 10);
  };
  for (const std::function<std::string()>& random : {std::function<std::string()>(of_ids), {of_numbers}}) {
    const std::string parent = random();
    std::set<std::string> drawn{parent};
    for (int i = 0; i != 4; ++i) {
      for (const Make make : {Make(&::fork), Make(&::_Fork), Make(&raw_clone)})
        CHECK(drawn.insert(in_child(make, random)).second);
    }
    CHECK(random() == parent);
  }
}

TEST_CASE("in a child the thread that made it and its new threads make different ids") {
  next(0);
  const std::string made = in_child(&::fork, [] {
    std::vector<std::uint64_t> numbers = numbers_of_threads(8, 100);
    for (int i = 0; i != 100; ++i) numbers.push_back(number_of(next(0)));
    const auto more = numbers_of_threads(8, 100);
    numbers.insert(numbers.end(), more.begin(), more.end());
    return std::string(all_differ(numbers) ? "different " : "the same  ");
  });
  CHECK(made == "different ");
}
#endif
