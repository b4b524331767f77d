// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/access/token_file.hpp>

#include "support/asleep.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

int flags_of_last_open = 0;

}  // namespace

// In the place of the C library's, for what calls it in this program.
extern "C" int open(const char* path, int flags, ...) {
  ::mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, ::mode_t);
    va_end(more);
  }
  flags_of_last_open = flags;
  return ::openat(AT_FDCWD, path, flags, mode);
}

namespace {

using droplit::PrincipalKind;
using droplit::TokenFile;
using namespace droplit::literals;

constexpr auto one = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr auto two = "C594b89aea18568c408c3ad25"_ecosystem_id;

constexpr std::string_view canary = "canary-5f0e";

TokenFile parsed(std::string_view text) { return TokenFile::parse(text).value(); }

std::string refusal(std::string_view text) {
  const auto file = TokenFile::parse(text);
  if (file.has_value()) return "accepted";
  return file.exception().what();
}

std::string with_entry(std::string_view members) { return "{\"tokens\":[\n{" + std::string(members) + "}]}"; }

constexpr std::string_view good = R"({"tokens": [
  {"token": "acc-all", "kind": "account"},
  {"token": "acc-one", "kind": "account", "ecosystems": ["C594b89aea18568c408c3ad24"]},
  {"token": "srv-non", "kind": "server"},
  {"token": "srv-one", "kind": "server", "ecosystems": ["c"]},
  {"token": "cli", "kind": "client"},
  {"token": "usr", "kind": "user"}
]})";

}  // namespace

static_assert(!std::is_default_constructible_v<TokenFile>);

TEST_CASE("the holder of a token has its kind and ecosystems") {
  std::string text(good);
  text.replace(text.find("[\"c\"]"), 5, "[\"C594B89AEA18568C408C3AD25\"]");
  const TokenFile file = parsed(text);
  const auto kind = [&](std::string_view token) { return file.authenticate(token).kind(); };
  const auto may = [&](std::string_view token, droplit::EcosystemId id) {
    return file.authorize(file.authenticate(token), id);
  };
  CHECK(kind("acc-all") == PrincipalKind::account);
  CHECK(kind("srv-one") == PrincipalKind::server);
  CHECK(kind("cli") == PrincipalKind::other);
  CHECK(kind("usr") == PrincipalKind::other);

  CHECK(may("acc-all", one));
  CHECK(may("acc-all", two));
  CHECK(may("acc-one", one));
  CHECK_FALSE(may("acc-one", two));
  CHECK_FALSE(may("srv-non", one));
  CHECK_FALSE(may("srv-one", one));
  CHECK(may("srv-one", two));
  CHECK_FALSE(may("cli", one));
  CHECK_FALSE(may("nobody", one));
}

TEST_CASE("only the whole token, exact, is the token") {
  const TokenFile file = parsed(with_entry(R"("token":"AbC-123","kind":"account")"));
  for (const char* wrong :
       {"", "A", "AbC-12", "AbC-1234", "abc-123", "AbC-124", "XbC-123", "Bearer AbC-123", " AbC-123"}) {
    CHECK(file.authenticate(wrong).kind() == PrincipalKind::none);
  }
  CHECK(file.authenticate("AbC-123").kind() == PrincipalKind::account);
}

TEST_CASE("a revoked token is unknown, and a holder that was authenticated before stays authorized") {
  TokenFile file = parsed(with_entry(R"("token":"t","kind":"account")"));
  const auto before = file.authenticate("t");
  CHECK(file.revoke("t"));
  CHECK_FALSE(file.revoke("t"));
  CHECK_FALSE(file.revoke("never"));
  CHECK(file.authenticate("t").kind() == PrincipalKind::none);
  CHECK(before.kind() == PrincipalKind::account);
  CHECK(file.authorize(before, one));
}

TEST_CASE("revoking while other threads authenticate is free of races") {
  TokenFile file = parsed(with_entry(R"("token":"t","kind":"account")"));
  std::vector<std::thread> threads;
  for (int i = 0; i != 4; ++i) {
    threads.emplace_back([&file] {
      for (int n = 0; n != 1000; ++n) static_cast<void>(file.authorize(file.authenticate("t"), one));
    });
  }
  file.revoke("t");
  for (auto& thread : threads) thread.join();
  CHECK(file.authenticate("t").kind() == PrincipalKind::none);
}

TEST_CASE("an empty list of tokens is fine, and so is an empty list of ecosystems") {
  CHECK(parsed(R"({"tokens":[]})").authenticate("x").kind() == PrincipalKind::none);
  const TokenFile file = parsed(with_entry(R"("token":"t","kind":"account","ecosystems":[])"));
  CHECK_FALSE(file.authorize(file.authenticate("t"), one));
}

TEST_CASE("a file with anything malformed, repeated or unknown is refused, with line and field") {
  struct Case {
    std::string text;
    std::string said;
  };
  const std::string line = "access file: line 2: ";
  const Case cases[] = {
      {"", "access file: line 1: is not part of a JSON object"},
      {"{}", "access file: line 1: field \"tokens\" is missing"},
      {"[]", "access file: line 1: is not part of a JSON object"},
      {"{\"tokens\":[]}\n\nx", "access file: line 3: is not part of a JSON object"},
      {"{\"tokens\":[\n{\"token\":\"canary-5f0e\n", line + "is not part of a JSON object"},
      {"{\"tokens\":[],\n\"tokens\":[]}", line + "field \"tokens\" is repeated"},
      {"{\"tokens\":[],\n\"canary-5f0e\":1}", line + "has a field that is not known"},
      {"{\n\"tokens\":null}", line + "field \"tokens\" has a value of an invalid type"},
      {"{\n\"tokens\":{\"canary-5f0e\":1}}", line + "field \"tokens\" has a value of an invalid type"},
      {"{\"tokens\":[\n\"canary-5f0e\"]}", line + "field \"tokens\" has a value of an invalid type"},
      {"{\"tokens\":[\n[]]}", line + "field \"tokens\" has a value of an invalid type"},
      {with_entry(R"("kind":"account")"), line + "field \"token\" is missing"},
      {with_entry(R"("token":"canary-5f0e")"), line + "field \"kind\" is missing"},
      {with_entry(R"("token":"canary-5f0e","kind":"Account")"),
       line + "field \"kind\" must be one of: account, server, client, user"},
      {with_entry(R"("token":"canary-5f0e","kind":"account","tokens":[])"), line + "has a field that is not known"},
      {with_entry(R"("token":"canary-5f0e","kind":"account","ecosystem":[])"), line + "has a field that is not known"},
      {with_entry(R"("token":"canary-5f0e","token":"canary-5f0e","kind":"account")"),
       line + "field \"token\" is repeated"},
      {with_entry(R"("token":"canary-5f0e","kind":"account","kind":"account")"), line + "field \"kind\" is repeated"},
      {with_entry(R"("token":"","kind":"account")"),
       line + "field \"token\" must be 1 to 4096 visible ASCII characters"},
      {with_entry(R"("token":"canary 5f0e","kind":"account")"),
       line + "field \"token\" must be 1 to 4096 visible ASCII characters"},
      {with_entry(R"("token":"canary\u0000","kind":"account")"),
       line + "field \"token\" must be 1 to 4096 visible ASCII characters"},
      {with_entry(R"("token":"canary\u00e9","kind":"account")"),
       line + "field \"token\" must be 1 to 4096 visible ASCII characters"},
      {with_entry("\"token\":\"" + std::string(4097, 'x') + "\",\"kind\":\"account\""),
       line + "field \"token\" must be 1 to 4096 visible ASCII characters"},
      {with_entry(R"("token":7,"kind":"account")"), line + "field \"token\" has a value of an invalid type"},
      {with_entry(R"("token":null,"kind":"account")"), line + "field \"token\" has a value of an invalid type"},
      {with_entry(R"("token":["canary-5f0e"],"kind":"account")"),
       line + "field \"token\" has a value of an invalid type"},
      {with_entry(R"("token":"canary-5f0e","kind":"server","ecosystems":null)"),
       line + "field \"ecosystems\" has a value of an invalid type"},
      {with_entry(R"("token":"canary-5f0e","kind":"server","ecosystems":"C594b89aea18568c408c3ad24")"),
       line + "field \"ecosystems\" has a value of an invalid type"},
      {with_entry(R"("token":"canary-5f0e","kind":"server","ecosystems":[1])"),
       line + "field \"ecosystems\" has a value of an invalid type"},
      {with_entry(R"("token":"canary-5f0e","kind":"server","ecosystems":[[]])"),
       line + "field \"ecosystems\" has a value of an invalid type"},
      {with_entry(R"("token":"canary-5f0e","kind":"server","ecosystems":["canary-5f0e"])"),
       line + "field \"ecosystems\" has an id that is not well-formed"},
      {with_entry(
           R"("token":"t","kind":"server","ecosystems":["C594b89aea18568c408c3ad24","C594B89aea18568c408c3ad24"])"),
       line + "field \"ecosystems\" has a repeated id"},
      {"{\"tokens\":[{\"token\":\"canary-5f0e\",\"kind\":\"user\"},\n{\"token\":\"canary-5f0e\",\"kind\":\"user\"}]}",
       line + "field \"token\" repeats an earlier one"},
      {"{\"tokens\":[{\"token\":\"t\",\"kind\":\"user\"},\n{\"token\":\"t\",\"kind\":\"user\"},\n7]}",
       line + "field \"token\" repeats an earlier one"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const std::string said = refusal(c.text);
    CHECK(said == c.said);
    CHECK(said.find(canary) == std::string::npos);
  }
}

namespace {

/// A path of its own, removed at the end.
struct Path {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("droplit-tokens-" + std::to_string(::getpid()) + ".json");
  Path() = default;
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  ~Path() { std::filesystem::remove(path); }
  [[nodiscard]] std::string refusal() const {
    const auto file = TokenFile::load(path.string());
    return file.has_value() ? "accepted" : file.exception().what();
  }
};

}  // namespace

TEST_CASE("a file is read from disk, and one that cannot be read is refused with the system's reason") {
  const Path file;
  CHECK(file.refusal() == "access file: cannot be opened: No such file or directory");
  std::ofstream(file.path) << with_entry(R"("token":"t","kind":"account")");
  CHECK(TokenFile::load(file.path.string()).value().authenticate("t").kind() == PrincipalKind::account);
  const auto other = TokenFile::load(file.path.string() + '\0' + ".other");
  CHECK(other.exception().what() == "access file: its path has a NUL");
  std::filesystem::resize_file(file.path, 0);
  CHECK(file.refusal() == "access file: line 1: is not part of a JSON object");
  std::ofstream(file.path) << "canary-5f0e";
  CHECK(file.refusal() == "access file: line 1: is not part of a JSON object");
}

TEST_CASE("the file is closed in child programs, and a terminal does not become the process's own") {
  flags_of_last_open = 0;
  CHECK(TokenFile::load("/proc/self/status").has_exception());
  CHECK((flags_of_last_open & O_CLOEXEC) != 0);
  CHECK((flags_of_last_open & O_NOCTTY) != 0);
}

TEST_CASE("what is not a regular file is refused at once, without opening it: a pipe, a device, a folder") {
  const auto refusal_of = [](const char* path) {
    const auto file = TokenFile::load(path);
    return file.has_value() ? "accepted" : file.exception().what();
  };
  const std::string said = "access file: is not a regular file";
  flags_of_last_open = -1;
  CHECK(refusal_of("/") == said);
  CHECK(refusal_of("/dev/zero") == said);
  CHECK(refusal_of("/dev/null") == said);
  const Path file;
  REQUIRE(::mkfifo(file.path.c_str(), 0600) == 0);
  CHECK(file.refusal() == said);
  CHECK(flags_of_last_open == -1);
}

TEST_CASE("a program that waits for the reader of a pipe still waits, and its data is not lost") {
  std::signal(SIGPIPE, SIG_IGN);
  const Path file;
  REQUIRE(::mkfifo(file.path.c_str(), 0600) == 0);
  std::atomic<::pid_t> id{0};
  std::atomic<bool> opened{false};
  std::thread writer([&] {
    id = ::gettid();
    const int end = ::openat(AT_FDCWD, file.path.c_str(), O_WRONLY | O_CLOEXEC);
    opened = true;
    static_cast<void>(!::write(end, "x", 1));
    ::close(end);
  });
  while (id == 0 || !test::is_asleep(id)) std::this_thread::yield();
  CHECK(file.refusal() == "access file: is not a regular file");
  for (int i = 0; i != 50 && !opened; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK_FALSE(opened);
  const int end = ::openat(AT_FDCWD, file.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ::fcntl(end, F_SETFL, 0);
  char got = 0;
  CHECK(::read(end, &got, 1) == 1);  // 0 if there is no writer any more
  CHECK(got == 'x');
  ::close(end);
  writer.join();
}

TEST_CASE("a file of 16 MiB is read, and a longer one is refused, also one whose size does not show") {
  constexpr std::uintmax_t most = std::uintmax_t{16} * 1024 * 1024;
  const Path file;
  const std::string text = with_entry(R"("token":"t","kind":"account")");
  std::ofstream(file.path) << text << std::string(most - text.size(), ' ');
  CHECK(file.refusal() == "accepted");
  std::ofstream(file.path, std::ios::app) << ' ';
  CHECK(file.refusal() == "access file: is longer than 16 MiB");
  std::filesystem::resize_file(file.path, most * 64);  // with no blocks of a disk
  CHECK(file.refusal() == "access file: is longer than 16 MiB");
  // the kernel's files have no size
  CHECK(TokenFile::load("/proc/self/status").exception().what() == "access file: line 1: is not part of a JSON object");
}

TEST_CASE("a file to which others have access is reported as open to them") {
  namespace fs = std::filesystem;
  const Path file;
  std::ofstream(file.path) << with_entry(R"("token":"t","kind":"account")");
  const auto open_with = [&](int mode) {
    fs::permissions(file.path, static_cast<fs::perms>(mode));
    return TokenFile::load(file.path.string()).value().is_open_to_others();
  };
  CHECK_FALSE(open_with(0600));
  CHECK(open_with(0640));
  CHECK(open_with(0604));
  CHECK(open_with(0620));
  CHECK(open_with(0602));
  CHECK_FALSE(parsed("{\"tokens\":[]}").is_open_to_others());
}
