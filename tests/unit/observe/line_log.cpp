// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A log whose readers stall, disappear and come back.
#include <droplit/observe/line_log.hpp>

#include <droplit/timestamp.hpp>

#include "support/catch.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using Log = droplit::LineLog;

constexpr std::chrono::milliseconds forever = 1h;

droplit::LineLogOptions summed_up_every(std::chrono::milliseconds period) {
  return {.prefix = "droplit-server: ", .period = period};
}

constexpr std::chrono::milliseconds extremes[] = {std::chrono::milliseconds::min(), -1ms, 0ms,
                                                  std::chrono::milliseconds::max()};

struct Pipe {
  std::array<int, 2> ends{};
  Pipe() {
    REQUIRE(::pipe(ends.data()) == 0);
    std::signal(SIGPIPE, SIG_IGN);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    ::close(ends[1]);
  }
  void close_reader() {
    if (ends[0] != -1) ::close(ends[0]);
    ends[0] = -1;
  }

  /// The next line; waits for it.
  std::string whole_line() {
    std::string text;
    for (char c = 0; ::read(ends[0], &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }

  /// The same without its prefix.
  std::string line() {
    const std::string text = whole_line();
    constexpr std::string_view prefix = "droplit-server: ";
    REQUIRE(text.starts_with(prefix));
    return text.substr(prefix.size());
  }

  [[nodiscard]] bool is_readable() const {
    pollfd one{ends[0], POLLIN, 0};
    return ::poll(&one, 1, 20) == 1;
  }

  /// Writes as much as finds room, and returns how much that is.
  std::size_t fill() const {
    const std::string piece(4096, '.');
    std::size_t size = 0;
    ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (::write(ends[1], piece.data(), piece.size()) > 0) size += piece.size();
    ::fcntl(ends[1], F_SETFL, 0);
    return size;
  }

  /// Reads that much, and waits for it.
  void take(std::size_t size) const {
    std::array<char, 4096> piece{};
    while (size != 0) {
      const ssize_t got = ::read(ends[0], piece.data(), std::min(size, piece.size()));
      REQUIRE(got > 0);
      size -= static_cast<std::size_t>(got);
    }
  }
};

std::uint64_t number_before(const std::string& text, std::string_view rest) {
  REQUIRE(text.ends_with(rest));
  return std::stoull(text);
}

}  // namespace

TEST_CASE("times beyond their range count as the nearest within it") {
  for (const auto extreme : extremes) {
    CAPTURE(extreme.count());
    Pipe pipe;
    const Log log(pipe.ends[1], {.prefix = "droplit-server: ", .period = extreme, .delay = extreme});
    log.line("one");
    log.repeated("another");
    CHECK(log.drain(std::chrono::milliseconds::max()));
    CHECK(pipe.line() == "one");
    CHECK(pipe.line() == "another");
    CHECK(log.drain(extreme));
  }
}

TEST_CASE("a text is one line, and moves no cursor") {
  Pipe pipe;
  const Log log(pipe.ends[1], summed_up_every(forever));
  log.line("x\ndroplit-server: y\r\t\x1b[2J\x7f\xc3\xa9 z");
  CHECK(pipe.line() == "x?droplit-server: y???[2J?\xc3\xa9 z");
  log.line("\xc2\x9b\x32J\xc2\x80\xc2\x9f\xc2\xa0\xc3\x9b\xc2");
  CHECK(pipe.line() == "??2J????\xc2\xa0\xc3\x9b\xc2");
}

TEST_CASE("lines are written whole and in order") {
  Pipe pipe;
  const Log log(pipe.ends[1], summed_up_every(forever));
  for (int i = 0; i != 500; ++i) log.line("line " + std::to_string(i));
  for (int i = 0; i != 500; ++i) CHECK(pipe.line() == "line " + std::to_string(i));
  log.line(std::string(5000, 'x'));
  CHECK(pipe.line() == std::string(Log::max_line, 'x'));
  CHECK(log.drain(forever));
}

TEST_CASE("a line into a full pipe that another process made non-blocking is written once there is room") {
  Pipe pipe;
  const std::size_t before = pipe.fill();
  REQUIRE(::fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK) == 0);
  const Log log(pipe.ends[1], summed_up_every(forever));
  log.line("kept");
  CHECK_FALSE(log.drain(20ms));
  pipe.take(before);
  CHECK(pipe.line() == "kept");
  CHECK(log.drain(forever));
}

TEST_CASE("a reader that stalls holds no line up, and what is lost is counted where it belongs") {
  Pipe pipe;
  const std::size_t before = pipe.fill();
  const Log log(pipe.ends[1], summed_up_every(forever));
  constexpr std::uint64_t all = 5000;
  const std::uint64_t max_queued = droplit::LineLogOptions().max_queued;
  for (std::uint64_t i = 0; i != all; ++i) log.line("line " + std::to_string(i));  // returns, all the same
  CHECK_FALSE(log.drain(1ms));
  bool drained = false;
  std::thread later([&] {
    drained = log.drain(forever);
    log.line("again");
  });
  pipe.take(before);
  std::uint64_t written = 0;
  std::uint64_t lost = 0;
  for (std::string text = pipe.line(); text != "again"; text = pipe.line()) {
    if (text.starts_with("line ")) {
      CHECK(text == "line " + std::to_string(written + lost));
      ++written;
    } else {
      lost += number_before(text, " lines lost");
    }
  }
  CHECK(written == max_queued);
  CHECK(written + lost == all);
  CHECK(log.lost() == lost);
  later.join();
  CHECK(drained);
}

TEST_CASE("without a reader lines are lost and counted, also where the count itself cannot be written") {
  Pipe pipe;
  pipe.close_reader();
  const Log log(pipe.ends[1], summed_up_every(forever));
  for (int i = 0; i != 10; ++i) {
    log.line("unheard");
    CHECK(log.drain(forever));
  }
  const Log closed(-1, summed_up_every(forever));
  closed.line("unheard");
  CHECK(closed.drain(forever));
}

TEST_CASE("lines that could not be written are counted once there is room again") {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full != -1);
  const Log log(full, summed_up_every(forever));
  for (int i = 0; i != 3; ++i) {
    log.line("lost");
    CHECK(log.drain(forever));
  }
  Pipe pipe;
  REQUIRE(::dup2(pipe.ends[1], full) == full);
  log.line("heard");
  CHECK(pipe.line() == "3 lines lost");
  CHECK(pipe.line() == "heard");
  CHECK(log.lost() == 3);
  CHECK(log.drain(forever));
  ::close(full);
}

TEST_CASE("equal lines are one line and their number, at the end of each period and at the end") {
  Pipe pipe;
  const Log log(pipe.ends[1], summed_up_every(forever));
  for (int i = 0; i != 4; ++i) {
    log.repeated("fault A");
    log.repeated("fault B");
  }
  log.repeated("fault C");
  CHECK(pipe.line() == "fault A");
  CHECK(pipe.line() == "fault B");
  CHECK(pipe.line() == "fault C");
  CHECK(log.drain(forever));
  CHECK(pipe.line() == "fault A (the same 3 times more)");
  CHECK(pipe.line() == "fault B (the same 3 times more)");
  log.repeated("fault C");  // was forgotten, since it did not come again
  CHECK(pipe.line() == "fault C");
  log.repeated("fault A");
  CHECK(log.drain(forever));
  CHECK(pipe.line() == "fault A (the same 1 times more)");

  log.repeated("fault D", " (request 1)");
  log.repeated("fault D", " (request 2)");
  CHECK(pipe.line() == "fault D (request 1)");
  CHECK(log.drain(forever));
  CHECK(pipe.line() == "fault D (the same 1 times more)");

  Pipe other;
  const Log periodic(other.ends[1], summed_up_every(1ms));
  for (int i = 0; i != 3; ++i) periodic.repeated("fault");
  CHECK(other.line() == "fault");
  std::uint64_t more = 0;
  while (more < 2) {  // without being asked
    const std::string text = other.line();
    if (text == "fault") {
      ++more;  // a period ended between two
    } else {
      more += number_before(text.substr(text.find("same ") + 5), " times more)");
    }
  }
  CHECK(more == 2);
}

TEST_CASE("a period ends on time also while the queue is never empty") {
  Pipe pipe;
  REQUIRE(::fcntl(pipe.ends[1], F_SETPIPE_SZ, 4096) >= 4096);
  const Log log(pipe.ends[1], summed_up_every(1ms));
  const std::string other(1000, 'x');
  for (int i = 0; i != 200; ++i) log.line(other);  // much more than the pipe takes
  for (int i = 0; i != 3; ++i) log.repeated("fault");
  std::uint64_t faults = 0;
  for (int i = 0; i != 2000 && faults < 3; ++i) {
    const std::string text = pipe.line();
    if (text == "fault") {
      ++faults;
    } else if (text.starts_with("fault (the same ")) {
      faults += number_before(text.substr(text.find("same ") + 5), " times more)");
    }
    log.line(other);
  }
  CHECK(faults == 3);
  bool drained = false;
  std::thread last([&] {
    drained = log.drain(forever);
    log.line("end");
  });
  while (pipe.line() != "end") {
  }
  last.join();
  CHECK(drained);
  CHECK(log.drain(forever));
}

TEST_CASE("more different lines than are summed up are written as they come") {
  Pipe pipe;
  const Log log(pipe.ends[1], summed_up_every(forever));
  for (std::size_t i = 0; i != Log::max_repeated + 10; ++i) log.repeated("fault " + std::to_string(i));
  log.repeated("fault " + std::to_string(Log::max_repeated));
  for (std::size_t i = 0; i != Log::max_repeated + 10; ++i) CHECK(pipe.line() == "fault " + std::to_string(i));
  CHECK(pipe.line() == "fault " + std::to_string(Log::max_repeated));
  CHECK(log.drain(forever));
}

TEST_CASE("threads that log together lose no line that found room") {
  Pipe pipe;
  const Log log(pipe.ends[1], summed_up_every(forever));
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t) {
    threads.emplace_back([&log] {
      for (int i = 0; i != 200; ++i) log.line("x");
    });
  }
  for (int i = 0; i != 800; ++i) CHECK(pipe.line() == "x");
  for (auto& thread : threads) thread.join();
  CHECK(log.drain(forever));
}

TEST_CASE("lines of JSON are JSON objects, whatever the text is and however long") {
  Pipe pipe;
  const Log log(pipe.ends[1], {.format = droplit::LogFormat::json, .period = forever});
  // The text of the next line, whose time is cut out and checked.
  const auto text = [&pipe] {
    const std::string line = pipe.whole_line();
    constexpr std::string_view before = "{\"time\":\"";
    REQUIRE(line.starts_with(before));
    CHECK(droplit::Timestamp::parse(line.substr(before.size(), droplit::Timestamp::text_size)));
    return line.substr(before.size() + droplit::Timestamp::text_size + 2);
  };
  // The system's time, also where an earlier one was later, since the clock was set back.
  const auto latest =
      droplit::process::latest_millis.exchange(droplit::Timestamp::parse("9999-01-01T00:00:00.000Z")->unix_millis());
  log.line("now");
  CHECK(pipe.whole_line().starts_with("{\"time\":\"2"));
  droplit::process::latest_millis = latest;
  log.line("a \"quoted\" text\n");
  CHECK(text() == R"("event":"message","text":"a \"quoted\" text\n"})");
  log.line("\xFF and \xC3\xA9");
  CHECK(text() == "\"event\":\"message\",\"text\":\"\xEF\xBF\xBD and \xC3\xA9\"}");
  for (const std::string_view piece : {"x", "\x01", "\"", "\xC3\xA9", "\xFF"}) {
    std::string longer;
    while (longer.size() < 5000) longer += piece;
    log.line(longer);
    const std::string line = pipe.whole_line();
    CHECK(line.size() <= Log::max_line);
    CHECK(line.size() > Log::max_line - 70);
    CHECK(line.ends_with("\"}"));
    CHECK(boost::json::parse(line).as_object().size() == 3);
  }
  log.record(R"({"event":"mine"})");
  CHECK(pipe.whole_line() == R"({"event":"mine"})");
  log.repeated("fault");
  log.repeated("fault");
  CHECK(text() == R"("event":"message","text":"fault"})");
  CHECK(log.drain(forever));
  CHECK(text() == "\"event\":\"message\",\"text\":\"fault (the same 1 times more)\"}");
}

TEST_CASE("the number of lost lines of JSON is an object of its own") {
  Pipe pipe;
  const std::size_t before = pipe.fill();
  const Log log(pipe.ends[1], {.format = droplit::LogFormat::json, .period = forever, .max_queued = 4});
  for (int i = 0; i != 10; ++i) log.record("{}");
  CHECK_FALSE(log.drain(1ms));
  pipe.take(before);
  for (int i = 0; i != 4; ++i) CHECK(pipe.whole_line() == "{}");
  CHECK(log.drain(forever));
  const std::string line = pipe.whole_line();
  CHECK(line.find(R"(,"event":"lost","lines":6})") != std::string::npos);
  CHECK(boost::json::parse(line).is_object());
  CHECK(log.lost() == 6);
}

TEST_CASE("what was lost before a drain is said by its end, also if there was no room for it before") {
  Pipe pipe;
  const std::size_t before = pipe.fill();
  const Log log(pipe.ends[1], {.period = forever, .max_queued = 2});
  for (int i = 0; i != 5; ++i) log.line("line");
  bool drained = false;
  std::thread last([&] { drained = log.drain(forever); });
  std::this_thread::sleep_for(50ms);  // so that it has found the queue full; if it has not, this shows nothing
  pipe.take(before);
  last.join();
  CHECK(drained);
  for (int i = 0; i != 2; ++i) CHECK(pipe.whole_line() == "line");
  REQUIRE(pipe.is_readable());
  CHECK(pipe.whole_line() == "3 lines lost");
}

TEST_CASE("a line that was cut, since the disk is full, spoils no other one") {
  std::string path = (std::filesystem::temp_directory_path() / "droplit-log-XXXXXX").string();
  const int file = ::mkstemp(path.data());
  REQUIRE(file != -1);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit whole{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &whole) == 0);
  const Log log(file, {.period = forever});
  log.line("first");
  CHECK(log.drain(forever));
  rlimit full = whole;
  full.rlim_cur = 10;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
  for (int i = 0; i != 2; ++i) {
    log.line("second");
    CHECK(log.drain(forever));
  }
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &whole) == 0);
  log.line("third");
  CHECK(log.drain(forever));
  std::ifstream written(path);
  CHECK(std::string{std::istreambuf_iterator<char>(written), {}} == "first\nseco\n2 lines lost\nthird\n");
  std::filesystem::remove(path);
  ::close(file);
}

TEST_CASE("lines that come while the writer waits for more are written together, at the latest when half is full") {
  Pipe pipe;
  const Log log(pipe.ends[1], {.period = forever, .delay = forever, .max_queued = 8});
  for (int i = 0; i != 3; ++i) log.line("line " + std::to_string(i));
  CHECK_FALSE(pipe.is_readable());
  log.line("line 3");  // half of 8
  for (int i = 0; i != 4; ++i) CHECK(pipe.whole_line() == "line " + std::to_string(i));
  log.line("last");
  CHECK(log.drain(forever));  // waits for no more
  CHECK(pipe.whole_line() == "last");
}
