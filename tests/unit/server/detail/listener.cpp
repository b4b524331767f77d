// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The sockets of a server as the operating system sees them: what a child program inherits, and a lack of descriptors.
#include <droplit/server/detail/listener.hpp>

#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/socket.hpp"
#include "support/test_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace {

using namespace std::chrono_literals;
using test::RawSocket;

using droplit::detail::Accepted;
using Listener = droplit::detail::Listener<boost::asio::io_context::executor_type>;
using Server = droplit::BeastServer<test::TestEndpoint>;

/// A server that runs in a thread from here to `stop`, or to the end of the block.
class Running {
 public:
  explicit Running(const droplit::ServerOptions& options = {})
      : server(parties.endpoint, options), thread_([this] {
          thread_id = ::gettid();
          server.run();
        }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { stop(); }

  void stop() {
    server.stop();
    if (thread_.joinable()) thread_.join();
  }

  test::Parties parties;
  Server server;
  std::atomic<pid_t> thread_id{0};

 private:
  std::thread thread_;
};

int status(const std::optional<test::WireResponse>& received) { return received ? received->response.status : 0; }

/// What the descriptors of a process are open to, such as `socket:[123]` or `anon_inode:[eventpoll]`.
std::multiset<std::string> descriptors(const std::string& process) {
  std::multiset<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + process + "/fd")) {
    std::error_code gone;  // the one that reads this folder
    if (auto target = std::filesystem::read_symlink(entry.path(), gone); !gone) all.insert(target.string());
  }
  return all;
}

/// A program that is started by this one and sleeps.
class Child {
 public:
  Child() {
    char name[] = "sleep";
    char seconds[] = "600";
    const std::array<char*, 3> arguments{name, seconds, nullptr};
    const int error = ::posix_spawnp(&id_, name, nullptr, nullptr, arguments.data(), environ);
    if (error != 0) throw std::system_error(error, std::generic_category(), "sleep");
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }

  [[nodiscard]] std::string id() const { return std::to_string(id_); }

 private:
  pid_t id_ = 0;
};

/// The most descriptors that this process may have, lowered to `most` for the time of a block.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lowered{most, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// How often a thread of this process has gone to sleep, read again from a descriptor that it already has.
class Sleeps {
 public:
  explicit Sleeps(pid_t thread)
      : file_(::open(("/proc/self/task/" + std::to_string(thread) + "/status").c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) throw std::system_error(errno, std::generic_category(), "/proc");
  }
  Sleeps(const Sleeps&) = delete;
  Sleeps& operator=(const Sleeps&) = delete;
  ~Sleeps() { ::close(file_); }

  [[nodiscard]] std::uint64_t count() const {
    char text[8192];
    const ssize_t size = ::pread(file_, text, sizeof text, 0);
    const std::string_view all(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::string_view name = "\nvoluntary_ctxt_switches:\t";
    const std::size_t at = all.find(name);
    if (at == std::string_view::npos) throw std::runtime_error("no count of switches in /proc");
    std::uint64_t count = 0;
    std::from_chars(all.data() + at + name.size(), all.data() + all.size(), count);
    return count;
  }

 private:
  int file_;
};

/// Has descriptor 0 closed for the time of a block, as a program without standard input has.
class WithoutInput {
 public:
  WithoutInput() : input_(::fcntl(0, F_DUPFD_CLOEXEC, 3)) { ::close(0); }
  WithoutInput(const WithoutInput&) = delete;
  WithoutInput& operator=(const WithoutInput&) = delete;
  ~WithoutInput() {
    if (input_ < 0) return;
    ::dup2(input_, 0);
    ::close(input_);
  }

 private:
  int input_;
};

/// Accepts the connection that a peer has made.
Accepted accept_next(boost::asio::io_context& context, Listener& listener, droplit::detail::ServerSocket& socket) {
  listener.wait([] {});
  context.restart();
  context.run();
  return listener.accept(socket);
}

const auto loopback = boost::asio::ip::make_address("127.0.0.1");
const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace

TEST_CASE("a child program inherits nothing of a server, whose port is free after its end", "[listener]") {
  const auto before = descriptors("self");
  droplit::ServerOptions options;
  options.store_threads = 1;
  std::optional<Running> running(std::in_place, options);
  options.port = running->server.port();
  std::optional<RawSocket> connected(std::in_place, options.port);
  REQUIRE(status(connected->ask(test::post(test::good_body))) == 201);
  auto ours = descriptors("self");  // listener, accepted one, epoll and what wakes it
  for (const std::string& open : before) ours.erase(open);
  REQUIRE(ours.size() > 4);

  const Child child;
  for (const std::string& open : descriptors(child.id())) {
    CAPTURE(open);
    CHECK_FALSE(ours.contains(open));
  }

  connected.reset();
  running.reset();
  CHECK_THROWS_AS(RawSocket(options.port), std::system_error);
  running.emplace(options);
  CHECK(status(RawSocket(options.port).ask(get)) == 404);
}

TEST_CASE("without file descriptors a server pauses between its attempts, and goes on when there are some",
          "[listener]") {
  const Running running;
  RawSocket served(running.server.port());
  CHECK(status(served.ask(get)) == 404);
  const Sleeps sleeps(running.thread_id);
  const int free = ::dup(0);
  REQUIRE(free >= 0);
  ::close(free);
  bool slept = false;
  std::optional<DescriptorLimit> limit(std::in_place, static_cast<rlim_t>(free) + 1);
  RawSocket waits(running.server.port());  // has the last descriptor; the kernel connects it
  waits.send(get);
  // A server that tries again and again never sleeps. Nothing is checked here: sanitizers need descriptors for that.
  const auto end = std::chrono::steady_clock::now() + 30s;
  for (const std::uint64_t before = sleeps.count(); !slept && std::chrono::steady_clock::now() < end;) {
    std::this_thread::sleep_for(10ms);
    slept = sleeps.count() >= before + 5;
  }
  const bool accepted = waits.readable(0ms);
  const bool others_served = status(served.ask(get)) == 404;
  limit.reset();
  CHECK(slept);
  CHECK_FALSE(accepted);
  CHECK(others_served);
  CHECK(status(waits.receive()) == 404);
}

TEST_CASE("an accept that fails is repeated at once, when there is a connection, or after a pause", "[listener]") {
  using droplit::detail::accept_failure;
  CHECK(accept_failure(EAGAIN) == Accepted::none);
  CHECK(accept_failure(EWOULDBLOCK) == Accepted::none);
  for (const int lost : {ECONNABORTED, EINTR, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH})
    CHECK(accept_failure(lost) == Accepted::failed);
  for (const int lasting : {EMFILE, ENFILE, ENOMEM, ENOBUFS, EBADF, EINVAL, ENOTSOCK, 0})
    CHECK(accept_failure(lasting) == Accepted::exhausted);
}

TEST_CASE("what a listener makes does not block, and is closed in child programs", "[listener]") {
  boost::asio::io_context context;
  Listener listener(context.get_executor());
  listener.listen({loopback, 0});
  droplit::detail::ServerSocket socket(context.get_executor());
  CHECK(listener.accept(socket) == Accepted::none);
  CHECK_FALSE(listener.is_readable());
  RawSocket first(listener.local().port());
  bool called = false;
  listener.wait([] { FAIL("the wait was replaced"); });
  listener.wait([&called] { called = true; });
  context.run();
  CHECK(called);
  CHECK(listener.is_readable());
  REQUIRE(listener.accept(socket) == Accepted::connection);
  CHECK_FALSE(listener.is_readable());
  CHECK((::fcntl(socket.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(socket.native_handle(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK(listener.accept(socket) == Accepted::none);
  listener.wait([] { FAIL("the listener was closed"); });
  listener.close();
  context.restart();
  context.run();
}

TEST_CASE("a listener listens and accepts without standard input too, whose descriptor is then a socket's",
          "[listener]") {
  for (const bool before_listening : {true, false}) {
    std::optional<WithoutInput> closed;
    boost::asio::io_context context;
    Listener listener(context.get_executor());
    droplit::detail::ServerSocket socket(context.get_executor());
    if (before_listening) closed.emplace();
    listener.listen({loopback, 0});
    const RawSocket peer(listener.local().port());
    if (!before_listening) closed.emplace();
    REQUIRE(accept_next(context, listener, socket) == Accepted::connection);
    CHECK(::fcntl(0, F_GETFD) >= 0);
    CHECK((socket.native_handle() == 0) == !before_listening);
  }
}

TEST_CASE("where connections have just ended, the port can be listened on again at once", "[listener]") {
  boost::asio::io_context context;
  std::uint16_t port = 0;
  for (int i = 0; i != 2; ++i) {
    Listener listener(context.get_executor());
    REQUIRE_NOTHROW(listener.listen({loopback, port}));
    port = listener.local().port();
    const RawSocket peer(port);
    droplit::detail::ServerSocket socket(context.get_executor());
    REQUIRE(accept_next(context, listener, socket) == Accepted::connection);
    socket.close();  // before the peer does, so that the kernel keeps the port for this end
  }
}

TEST_CASE("a socket that cannot be taken over is closed", "[listener]") {
  boost::asio::io_context context;
  Listener listener(context.get_executor());
  listener.listen({loopback, 0});
  const auto before = descriptors("self");
  CHECK_THROWS_AS(listener.listen({loopback, 0}), boost::system::system_error);  // it has one
  CHECK(descriptors("self") == before);
}
