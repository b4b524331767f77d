// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// One connection on a loopback socket. Its clock, and all that runs but the store, is driven by the test's only thread.
#include <droplit/server/detail/http_connection.hpp>

#include "support/catch.hpp"
#include "support/server_parties.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using droplit::ServerOptions;
using test::good_body;
using test::post;
using test::statuses;

/// Advances only by hand, from the thread that drives the connection.
struct ManualClock {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ManualClock>;
  [[maybe_unused]] static constexpr bool is_steady = true;
  static time_point now() noexcept { return current; }
  static inline time_point current{1h};
};

}  // namespace

// Asio looks at the clock again as soon as it can.
template <>
struct boost::asio::wait_traits<ManualClock> {
  static ManualClock::duration to_wait_duration(ManualClock::duration) { return 0ms; }
};

namespace {

using Connection = droplit::detail::HttpConnection<test::TestEndpoint, ManualClock>;
using Timer = droplit::detail::ServerTimer<droplit::detail::ServerExecutor, ManualClock>;

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::size_t max_linger = 1'048'576;

/// What all connections of a test run on.
class Loop {
 public:
  boost::asio::io_context context{1};

  /// Runs what can run now and the timers that are due.
  void run() {
    Timer due(context, ManualClock::now());
    bool waited = false;
    due.async_wait([&](boost::system::error_code) { waited = true; });
    REQUIRE(until([&] { return waited; }));
    poll();
  }

  void advance(ManualClock::duration time) {
    ManualClock::current += time;
    run();
  }

  /// Runs until `reached()`; false if that takes too long.
  template <class Condition>
  bool until(Condition reached) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!reached()) {
      if (std::chrono::steady_clock::now() > end) return false;
      if (poll() == 0) std::this_thread::sleep_for(100us);
    }
    return true;
  }

  std::size_t poll() {
    context.restart();
    return context.poll();
  }
};

/// What a server has for its connections.
struct Host {
  Host(const ServerOptions& options, boost::asio::thread_pool* store_threads, test::TestEndpoint& endpoint)
      : budget(options.max_memory),
        sessions(endpoint, options, store_threads != nullptr, budget, droplit::no_observer),
        host{options,     store_threads,      sessions,
             connections, [this] { ++left; }, [this](auto& ended) { connections.remove(ended); }} {}

  droplit::detail::MemoryBudget budget;
  droplit::detail::SessionPool<test::TestEndpoint, ManualClock, droplit::NoObserver> sessions;
  droplit::detail::Connections<Connection, ManualClock> connections;
  Connection::Host host;
  int left = 0;
};

/// A connection and its peer.
class Wire {
 public:
  /// `buffer`: the size of the kernel's buffers for what the peer has not received; 0: the system's.
  explicit Wire(Loop& loop, ServerOptions options = {}, boost::asio::thread_pool* store_threads = nullptr,
                int buffer = 0)
      : Wire(loop, std::move(options), nullptr, store_threads, buffer, {}) {}

  /// One more connection of the same server, which ends before it.
  Wire(Loop& loop, const Wire& server, droplit::detail::MemoryShare memory = {})
      : Wire(loop, {}, server.host_, nullptr, 0, std::move(memory)) {}

  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() {
    parties.store.open();
    abort();
    loop_.until([this] { return ended(); });
  }

  void abort() {
    if (const auto alive = connection_.lock()) alive->abort();
  }

  /// What a server at its limit does: evicts a connection that was silent for a second. False if there is none.
  bool evict_one() {
    const auto silent = host_->connections.take_waiting(ManualClock::now() - Connection::min_silence);
    if (!silent) return false;
    silent->evict();
    loop_.run();
    return true;
  }

  /// The same where this is the only one. Whether it ends.
  bool evict() {
    if (!evict_one()) return false;
    const bool ends = host_->connections.serving() == 0;
    CHECK(left() == (ends ? 1 : 0));
    return ends;
  }

  /// The same where `request` comes after it was found silent, and before it leaves.
  void evict_right_before(std::string_view request) {
    const auto silent = host_->connections.take_waiting(ManualClock::now() - Connection::min_silence);
    REQUIRE(silent);
    silent->evict();
    loop_.context.restart();
    REQUIRE(loop_.context.poll_one() == 1);
    put(request);
    loop_.run();
  }

  /// The same while the connection works and another thread sees `request` for it, which comes right after, or before.
  void evict_beside(std::string_view request, bool comes_before) {
    const auto ask = [&] {
      const auto silent = host_->connections.take_waiting(ManualClock::now() - Connection::min_silence);
      if (silent) silent->evict();
      loop_.context.poll();
    };
    const auto read = [&] {
      if (!comes_before) ask();
      put(request);
      while (loop_.context.poll() == 0) {
      }
      if (comes_before) ask();
    };
    connection_.lock()->post([read](Connection&) { std::thread(read).join(); });
    loop_.run();
  }

  /// The connection is woken for a byte that is gone when it comes to read.
  void wake_in_vain() {
    const auto wake = [&] {
      put("x");
      while (loop_.context.poll() == 0) {
      }
      char byte;
      CHECK(::recv(server_, &byte, 1, 0) == 1);
    };
    connection_.lock()->post([wake](Connection&) { std::thread(wake).join(); });
    loop_.run();
  }

  /// Leaves no room in the kernel for what is sent to the peer.
  void fill() {
    const std::string bytes(65'536, 'x');
    ssize_t sent = 0;
    for (; sent != -1; sent = ::send(server_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL))
      filled_ += static_cast<std::size_t>(sent);
  }

  /// The peer receives all of that.
  void drain() {
    REQUIRE(loop_.until([this] {
      receive();
      return received_.size() >= filled_;
    }));
    received_.erase(0, filled_);
  }

  /// Whatever the connection sends fails.
  void break_sending() { REQUIRE(::shutdown(server_, SHUT_WR) == 0); }

  /// How many connections have left their places because they were evicted.
  [[nodiscard]] int left() const noexcept { return host_->left; }

  /// The memory that is counted for sessions.
  [[nodiscard]] std::uint64_t lent() const noexcept { return host_->budget.used(); }
  droplit::detail::MemoryBudget& budget() noexcept { return host_->budget; }
  void free_sessions() { host_->sessions.clear(); }

  void finish() {
    if (const auto alive = connection_.lock()) alive->finish();
    loop_.run();
  }

  /// Puts `bytes`, at most some thousands, where the connection reads them next; nothing runs meanwhile.
  void put(std::string_view bytes) {
    REQUIRE(unread() == 0);
    REQUIRE(send(bytes) == bytes.size());
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (unread() != bytes.size()) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      std::this_thread::yield();
    }
  }

  /// Has the connection read `bytes`, and do what follows.
  void feed(std::string_view bytes) {
    put(bytes);
    loop_.run();
  }

  /// The same for any number of bytes.
  void feed_long(std::string_view bytes) {
    REQUIRE(loop_.until([&] {
      bytes.remove_prefix(send(bytes));
      return bytes.empty() && waiting(peer_.native_handle(), SIOCOUTQ) == 0 && unread() == 0;
    }));
    loop_.run();
  }

  /// Sends what the kernel takes at once; nothing after a reset.
  std::size_t send(std::string_view bytes) {
    boost::system::error_code ignored;
    return peer_.write_some(boost::asio::buffer(bytes.data(), bytes.size()), ignored);
  }

  void finish_sending() { peer_.shutdown(tcp::socket::shutdown_send); }

  void reset() {
    peer_.set_option(boost::asio::socket_base::linger(true, 0));
    peer_.close();
  }

  /// Whether exactly these responses come, which are then forgotten.
  bool receives(std::string_view expected) {
    loop_.until([&] {
      receive();
      return statuses(received_) == expected || end_;
    });
    const std::string all = statuses(std::exchange(received_, {}));
    UNSCOPED_INFO("received: " << all << (end_ ? ", " + end_.message() : ""));
    return all == expected;
  }

  /// Whether this end comes, and no byte before it.
  bool receives_end(boost::system::error_code expected) {
    loop_.until([&] {
      receive();
      return bool(end_);
    });
    UNSCOPED_INFO("received: " << statuses(received_) << ", " << end_.message());
    return end_ == expected && received_.empty();
  }

  /// Whether neither a byte nor an end has come.
  bool is_silent() {
    receive();
    return received_.empty() && !end_;
  }

  /// Whether the connection ends without the help of time.
  bool ends() {
    return loop_.until([this] { return ended(); });
  }

  [[nodiscard]] bool ended() const noexcept { return connection_.expired() && (shares_ || host_->connections.empty()); }
  [[nodiscard]] boost::asio::any_io_executor executor() const {
    return connection_.lock()->executor<boost::asio::any_io_executor>();
  }
  [[nodiscard]] std::size_t unread() const { return waiting(server_, FIONREAD); }
  [[nodiscard]] int server() const noexcept { return server_; }
  void forget_received() {
    receive();
    received_.clear();
  }

  test::Parties parties;

 private:
  Wire(Loop& loop, ServerOptions options, std::shared_ptr<Host> server, boost::asio::thread_pool* store_threads,
       int buffer, droplit::detail::MemoryShare memory)
      : loop_(loop),
        options_(std::move(options)),
        peer_(loop.context),
        shares_(server != nullptr),
        host_(std::move(server)) {
    tcp::acceptor acceptor(loop.context, {boost::asio::ip::address_v4::loopback(), 0});
    peer_.open(tcp::v4());
    peer_.set_option(tcp::no_delay(true));
    if (buffer != 0) {
      acceptor.set_option(boost::asio::socket_base::send_buffer_size(buffer));
      peer_.set_option(boost::asio::socket_base::receive_buffer_size(buffer));
    }
    peer_.connect(acceptor.local_endpoint());
    peer_.non_blocking(true);
    droplit::detail::ServerSocket socket(loop.context.get_executor());
    acceptor.accept(socket);
    server_ = socket.native_handle();
    if (!shares_) host_ = std::make_shared<Host>(options_, store_threads, parties.endpoint);
    const auto connection = std::make_shared<Connection>(host_->host, std::move(socket), std::move(memory));
    host_->connections.add(connection, ManualClock::now());
    connection_ = connection;
    connection->start();
    loop.run();
  }

  void receive() {
    std::array<char, 16'384> piece;
    boost::system::error_code error;
    while (!error && !end_) received_.append(piece.data(), peer_.read_some(boost::asio::buffer(piece), error));
    if (error && error != boost::asio::error::would_block) end_ = error;
  }

  static std::size_t waiting(int socket, unsigned long what) {
    int count = 0;
    return ::ioctl(socket, what, &count) == 0 ? static_cast<std::size_t>(count) : 0;
  }

  Loop& loop_;
  const ServerOptions options_;
  tcp::socket peer_;
  int server_ = -1;
  std::size_t filled_ = 0;
  const bool shares_;
  std::shared_ptr<Host> host_;
  std::weak_ptr<Connection> connection_;
  std::string received_;
  boost::system::error_code end_;
};

const auto eof = make_error_code(boost::asio::error::eof);
const auto reset = make_error_code(boost::asio::error::connection_reset);

/// Runs handler by handler until the connection has created a client, and no longer.
void run_until_kept(Loop& loop, const Wire& wire) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (wire.parties.store.kept == 0 && std::chrono::steady_clock::now() < end) loop.context.poll_one();
  CHECK(wire.parties.store.kept == 1);
}

/// A request whose response is about a megabyte.
std::string post_for_much(std::string_view fields = {}) {
  return post("{\"" + std::string(1'000'000, 'x') + "\":0}", fields);
}

}  // namespace

TEST_CASE("a head has one deadline, from its first byte, however its bytes come", "[http_connection]") {
  Loop loop;
  Wire wire(loop, {.head_deadline = 10s, .idle_deadline = 60s, .linger_deadline = 2s});
  loop.advance(55s);
  for (const char& byte : std::string_view("POST /api")) {
    wire.feed({&byte, 1});
    loop.advance(1s);
  }
  wire.feed("/");
  loop.advance(999ms);
  CHECK(wire.is_silent());
  loop.advance(1ms);
  CHECK(wire.receives("408 close"));
  CHECK(wire.receives_end(eof));
  wire.feed(std::string(10'000, 'x'));
  loop.advance(1999ms);
  CHECK_FALSE(wire.ended());
  loop.advance(1ms);
  CHECK(wire.ends());
}

TEST_CASE("a deadline's timer is set where it would expire too late, and again when it has expired too early",
          "[http_connection]") {
  Loop loop;
  droplit::detail::MovingDeadline<ManualClock> deadline(loop.context.get_executor());
  const auto start = ManualClock::now();
  CHECK(deadline.move_to(start + 10s));
  CHECK_FALSE(deadline.move_to(start + 10s));
  CHECK_FALSE(deadline.move_to(start + 20s));
  CHECK(deadline.move_to(start + 5s));
  CHECK_FALSE(deadline.move_to(start + 6s));
  loop.advance(5s);
  CHECK_FALSE(deadline.is_reached());
  CHECK_FALSE(deadline.move_to(start + 7s));
  loop.advance(1s);
  CHECK_FALSE(deadline.is_reached());
  loop.advance(1s);
  CHECK(deadline.is_reached());
  CHECK(deadline.move_to(start + 10s));
}

TEST_CASE("each head has a time of its own, as has each body", "[http_connection]") {
  Loop loop;
  Wire wire(loop, {.head_deadline = 10s, .body_rate = 0, .body_deadline = 20s});
  const std::string request = post(good_body);
  const std::size_t head = request.size() - good_body.size();
  wire.feed(get.substr(0, 5));
  loop.advance(9s);
  for (int i = 0; i != 5; ++i) {
    wire.feed(std::string(get.substr(5)).append(get.substr(0, 5)));
    REQUIRE(wire.receives("404"));
    loop.advance(9s);
  }
  wire.feed(std::string(get.substr(5)) + request.substr(0, head + 5));
  REQUIRE(wire.receives("404"));
  loop.advance(19s);
  for (int i = 0; i != 5; ++i) {
    wire.feed(request.substr(head + 5) + request.substr(0, head + 5));
    REQUIRE(wire.receives("201"));
    loop.advance(19s);
  }
  CHECK(wire.is_silent());
  loop.advance(1s);
  CHECK(wire.receives("408 close"));
}

TEST_CASE("a body may be as slow as its rate and its deadline say, and no slower", "[http_connection]") {
  struct Case {
    std::uint32_t rate;
    std::size_t each_second;
    std::chrono::milliseconds end;  // of the body's time
  };
  for (const auto& [rate, each_second, end] :
       {Case{1000, 0, 10'000ms}, Case{1000, 500, 19'000ms}, Case{1000, 900, 60'000ms}, Case{1000, 1000, 60'000ms},
        Case{0, 0, 60'000ms}, Case{0, 1, 60'000ms}, Case{4'294'967'295, 1000, 10'000ms}}) {
    CAPTURE(rate, each_second, end);
    Loop loop;
    Wire wire(loop, {.body_grace = 10s, .body_rate = rate, .body_deadline = 60s});
    const std::string request = post(std::string(100'000, ' '));
    wire.feed(request.substr(0, request.size() - 100'000));
    auto now = 0ms;
    while (now + 1s < end) {
      loop.advance(1s);
      now += 1s;
      REQUIRE(wire.is_silent());
      if (each_second != 0) wire.feed(std::string(each_second, ' '));
    }
    loop.advance(end - now - 1ms);
    CHECK(wire.is_silent());
    loop.advance(1ms);
    CHECK(wire.receives("408 close"));
  }
}

TEST_CASE("a connection without a request ends when the idle deadline is over, without a byte and at once",
          "[http_connection]") {
  Loop loop;
  for (const bool used : {false, true}) {
    Wire wire(loop, {.idle_deadline = 60s});
    loop.advance(59s);
    if (used) {
      wire.feed(get);
      CHECK(wire.receives("404"));
      loop.advance(59s);
    }
    loop.advance(999ms);
    CHECK(wire.is_silent());
    loop.advance(1ms);
    CHECK(wire.ends());
    CHECK(wire.receives_end(eof));
  }
}

TEST_CASE("a connection that is closed when its timer has expired too early ends at once", "[http_connection]") {
  Loop loop;
  Wire wire(loop, {.head_deadline = 10s, .idle_deadline = 60s});
  wire.feed(get.substr(0, 5));
  wire.feed(get.substr(5));
  CHECK(wire.receives("404"));
  ManualClock::current += 10s;
  wire.abort();
  CHECK(wire.ends());
}

TEST_CASE("several serving threads run a connection on a strand of its own", "[http_connection]") {
  Loop loop;
  const boost::asio::any_io_executor plain = loop.context.get_executor();
  const Wire alone(loop);
  CHECK(alone.executor() == plain);
  const Wire first(loop, {.threads = 2});
  const Wire second(loop, {.threads = 2});
  CHECK(first.executor() != plain);
  CHECK(first.executor() != second.executor());
  CHECK(first.executor() == first.executor());
}

TEST_CASE("a store may take longer than every deadline", "[http_connection]") {
  Loop loop;
  boost::asio::thread_pool store_threads(1);
  Wire wire(loop, {.idle_deadline = 60s}, &store_threads);
  loop.advance(30s);
  wire.feed(post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"slow"})"));
  wire.parties.store.wait_for_insert();
  for (int i = 0; i != 10; ++i) loop.advance(60s);
  CHECK(wire.is_silent());
  CHECK_FALSE(wire.ended());
  wire.parties.store.open();
  CHECK(wire.receives("201"));
  loop.advance(59'999ms);
  CHECK(wire.is_silent());
  loop.advance(1ms);
  CHECK(wire.receives_end(eof));
}

TEST_CASE("after the last response comes the half-close, and then the peer has time to read and to close too",
          "[http_connection]") {
  Loop loop;
  const ServerOptions options{.linger_deadline = 2s};
  for (const std::string& last : {std::string("GET /\r\n\r\n"), post(good_body, "Connection: close\r\n"),
                                  post(good_body, "Connection: close\r\n") + std::string(get)}) {
    CAPTURE(last);
    Wire ends(loop, options);
    ends.feed(last);
    CHECK(ends.receives(last.starts_with("GET") ? "400 close" : "201 close"));
    CHECK(ends.receives_end(eof));
    CHECK_FALSE(ends.ended());
    ends.feed(get);
    CHECK_FALSE(ends.ended());
    ends.finish_sending();
    CHECK(ends.ends());

    Wire stays(loop, options);
    stays.feed(last);
    loop.advance(1s);
    stays.feed(get);  // which gives it no more time
    loop.advance(999ms);
    CHECK_FALSE(stays.ended());
    loop.advance(1ms);
    CHECK(stays.ends());
  }
}

TEST_CASE("what comes after the last response is dropped, up to a mebibyte", "[http_connection]") {
  Loop loop;
  const std::string_view request = "GET /\r\n\r\n";
  for (const std::string_view begun : {request, request.substr(0, 1)}) {
    for (const bool late : {false, true}) {
      if (late && begun == request) continue;
      CAPTURE(begun, late);
      Wire wire(loop, {.head_deadline = 10s});
      wire.feed(begun);
      if (late) {
        loop.advance(10s);
      } else if (begun != request) {
        wire.feed(request.substr(begun.size()));
      }
      CHECK(wire.receives(late ? "408 close" : "400 close"));
      CHECK(wire.receives_end(eof));
      for (std::size_t sent = 0; sent != max_linger; sent += 16'384) wire.feed(std::string(16'384, 'x'));
      CHECK_FALSE(wire.ended());
      CHECK(wire.unread() == 0);
      wire.put("x");
      CHECK(wire.ends());
    }
  }
}

TEST_CASE("a peer that does not take its response in time is reset", "[http_connection]") {
  Loop loop;
  Wire wire(loop, {.write_deadline = 30s}, nullptr, 65'536);
  loop.advance(50s);
  wire.feed_long(post_for_much());
  loop.advance(29'999ms);
  CHECK_FALSE(wire.ended());
  loop.advance(1ms);
  CHECK(wire.ends());
  wire.forget_received();
  CHECK(wire.receives_end(reset));
}

TEST_CASE("a peer that sends on and takes no response delays no other, and is reset", "[http_connection]") {
  Loop loop;
  Wire wire(loop, {.write_deadline = 30s}, nullptr, 65'536);
  std::string gets;
  for (int i = 0; i != 100; ++i) gets += get;
  REQUIRE(loop.until([&] {
    wire.send(gets);
    loop.poll();
    return wire.unread() > 10 * gets.size();  // it reads no more
  }));
  Wire other(loop);
  other.feed(get);
  CHECK(other.receives("404"));
  loop.advance(30s);
  CHECK(wire.ends());
  wire.forget_received();
  CHECK(wire.receives_end(reset));
}

TEST_CASE("a long response that is taken in time is complete, and so is the next", "[http_connection]") {
  Loop loop;
  for (const bool last : {false, true}) {
    Wire wire(loop, {.write_deadline = 30s}, nullptr, 65'536);
    wire.feed_long(post_for_much(last ? "Connection: close\r\n" : ""));
    loop.advance(29'999ms);
    CHECK(wire.receives(last ? "400 close" : "400"));
    if (last) {
      CHECK(wire.receives_end(eof));
      CHECK_FALSE(wire.ended());
      loop.advance(2s);
      CHECK(wire.ends());
    } else {
      loop.advance(59'999ms);
      wire.feed(get);
      CHECK(wire.receives("404"));
    }
  }
}

TEST_CASE("a response that has to wait for room is sent whatever comes meanwhile, unless that is a reset",
          "[http_connection]") {
  Loop loop;
  for (const std::string_view next : {"nothing", "bytes", "end", "reset"}) {
    CAPTURE(next);
    Wire wire(loop, {.head_deadline = 10s, .linger_deadline = 2s}, nullptr, 65'536);
    wire.feed("GET");
    wire.fill();
    loop.advance(10s);
    if (next == "bytes") wire.put("x");
    if (next == "end") wire.finish_sending();
    if (next == "reset") {
      wire.reset();
      CHECK(wire.ends());
      continue;
    }
    wire.fill();  // what comes may have made room
    loop.run();
    wire.drain();
    CHECK(wire.receives("408 close"));
    CHECK(wire.receives_end(eof));
    if (next != "end") wire.finish_sending();
    CHECK(wire.ends());
  }
}

TEST_CASE("a response that cannot be sent ends the connection at once", "[http_connection]") {
  Loop loop;
  Wire served(loop);
  served.break_sending();
  served.feed(get);
  CHECK(served.ends());

  Wire refused(loop, {.head_deadline = 10s});
  droplit::detail::MemoryShare all(refused.budget());
  REQUIRE(all.take_own(refused.budget().limit()));
  refused.break_sending();
  refused.feed(get);
  loop.advance(10s);
  CHECK(refused.ends());
}

TEST_CASE("a peer that resets ends the connection at once", "[http_connection]") {
  Loop loop;
  const std::string request = post(good_body);
  for (const std::string& begun : {std::string("\r\n"), request.substr(0, 50), request.substr(0, request.size() - 1),
                                   std::string("GET /\r\n\r\n")}) {
    CAPTURE(begun);
    Wire wire(loop);
    wire.feed(begun);
    CHECK_FALSE(wire.ended());
    wire.reset();
    CHECK(wire.ends());
    CHECK(wire.parties.store.kept == 0);
  }
  Wire writes(loop, {}, nullptr, 65'536);
  const std::string much = post_for_much();
  writes.feed_long(much.substr(0, much.size() - 1));
  writes.feed(much.substr(much.size() - 1) + request);
  CHECK_FALSE(writes.ended());
  writes.reset();
  CHECK(writes.ends());
  CHECK(writes.parties.store.kept == 0);
}

TEST_CASE("of pipelined requests one gets its response, then other connections have their turn", "[http_connection]") {
  Loop loop;
  std::string many;
  for (int i = 0; i != 20; ++i) many += post(good_body);
  REQUIRE(many.size() < 4096);
  Wire pipelines(loop);
  Wire other(loop);
  pipelines.put(many);
  run_until_kept(loop, pipelines);
  other.put(post(good_body));
  run_until_kept(loop, other);
  CHECK(pipelines.parties.store.kept < 10);
  CHECK(loop.until([&] { return pipelines.parties.store.kept == 20; }));
}

TEST_CASE("a finish ends what waits for a request, and lets a request that has begun be the last",
          "[http_connection]") {
  Loop loop;
  Wire idle(loop);
  idle.feed(get);
  CHECK(idle.receives("404"));
  idle.finish();
  CHECK(idle.ends());
  CHECK(idle.receives_end(eof));
  CHECK(idle.left() == 0);

  Wire writes(loop, {}, nullptr, 65'536);
  writes.feed_long(post_for_much());
  writes.finish();
  CHECK(writes.receives("400"));
  CHECK(writes.ends());
  CHECK(writes.receives_end(eof));

  const std::string request = post(good_body);
  for (const std::size_t cut : {std::size_t{1}, request.size() - 1}) {
    Wire busy(loop);
    busy.feed(request.substr(0, cut));
    busy.finish();
    CHECK(busy.is_silent());
    busy.feed(request.substr(cut) + std::string(get));
    CHECK(busy.receives("201 close"));
    CHECK(busy.receives_end(eof));
  }
}

TEST_CASE("an abort ends a connection wherever it is, and nothing more is created", "[http_connection]") {
  Loop loop;
  const std::string request = post(good_body);
  for (const std::string& begun : {std::string("\r\n"), request.substr(0, 1), request.substr(0, request.size() - 1),
                                   std::string("GET /\r\n\r\n")}) {
    Wire wire(loop);
    wire.feed(begun);
    wire.abort();
    CHECK(wire.ends());
    CHECK(wire.parties.store.kept == 0);
  }
  Wire pipelines(loop);
  pipelines.put(request + request + request);
  run_until_kept(loop, pipelines);
  pipelines.abort();  // has its turn after the second request
  CHECK(pipelines.ends());
  CHECK(pipelines.parties.store.kept < 3);

  boost::asio::thread_pool store_threads(1);
  Wire waits(loop, {}, &store_threads);
  waits.feed(post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"slow"})") + request);
  waits.parties.store.wait_for_insert();
  waits.abort();
  CHECK(waits.receives_end(eof));
  waits.parties.store.open();
  CHECK(waits.ends());
  CHECK(waits.parties.store.kept == 1);
}

TEST_CASE("small reads are counted for each request anew, so that none waits", "[http_connection]") {
  Loop loop;
  Wire wire(loop);
  wire.feed(get.substr(0, 5));
  for (int i = 0; i != 100; ++i) {
    wire.feed(std::string(get.substr(5)).append(get.substr(0, 5)));
    REQUIRE(wire.receives("404"));
  }
}

TEST_CASE("responses are sent at once, not joined", "[http_connection]") {
  Loop loop;
  const Wire wire(loop);
  int on = 0;
  socklen_t size = sizeof on;
  REQUIRE(::getsockopt(wire.server(), IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0);
  CHECK(on != 0);
}

TEST_CASE("a connection that waits for a request has no session, whether it had one or not", "[http_connection]") {
  Loop loop;
  Wire wire(loop);
  CHECK(wire.lent() == 0);
  const std::string request = post(good_body);
  for (const std::string& all : {std::string(get), request, post(good_body, "x: " + std::string(3'000, 'x') + "\r\n"),
                                 post(std::string(50'000, ' ')), request + std::string(get)}) {
    wire.feed_long(all.substr(0, all.size() - 1));
    CHECK(wire.lent() != 0);
    wire.feed_long(all.substr(all.size() - 1));
    wire.forget_received();
    wire.free_sessions();
    CHECK(wire.lent() == 0);
  }
  wire.feed(request);
  CHECK(wire.receives("201"));
}

TEST_CASE("a peer that sends empty lines and falls silent keeps no session, and has four lines as before",
          "[http_connection]") {
  Loop loop;
  const std::string request = post(good_body);
  Wire first(loop);
  first.feed("\r\n\r\n\r\n\r\n" + request);
  CHECK(first.receives("201"));
  Wire wire(loop);
  wire.feed(request + "\r\n");  // as some clients end a body
  CHECK(wire.receives("201"));
  for (int lines = 1; lines <= 4; ++lines) {
    if (lines != 1) wire.feed("\r\n");
    wire.free_sessions();
    CHECK(wire.lent() == 0);
  }
  wire.feed(request);
  CHECK(wire.receives("201"));
  wire.feed("\r\n\r\n\r\n");
  wire.feed("\r\n");
  CHECK(wire.is_silent());
  wire.feed("\r\n");
  CHECK(wire.receives("400 close"));
}

TEST_CASE(
    "without memory a request waits in the kernel, is served once there is some, and gets 503 at its head's deadline",
    "[http_connection]") {
  Loop loop;
  const std::string request = post(good_body, "x: " + std::string(5'000, 'x') + "\r\n");
  for (const bool in_time : {true, false}) {
    Wire wire(loop, {.head_deadline = 10s, .idle_deadline = 60s});
    {
      droplit::detail::MemoryShare all(wire.budget());
      REQUIRE(all.take_own(wire.budget().limit()));
      loop.advance(30s);
      wire.feed(request.substr(0, 256));
      CHECK(wire.is_silent());
      CHECK_FALSE(wire.evict());
      loop.advance(in_time ? 9'800ms : 10s);
    }
    if (!in_time) {
      CHECK(wire.receives("503 close"));
      CHECK(wire.receives_end(eof));
      loop.advance(10ms);
      CHECK(wire.lent() == 0);  // it does not try again
      continue;
    }
    CHECK(wire.is_silent());
    loop.advance(160ms);
    wire.feed_long(request.substr(256));
    CHECK(wire.receives("201"));
  }
}

TEST_CASE("what ends while there is no memory for a request is closed at once", "[http_connection]") {
  Loop loop;
  Wire wire(loop);
  droplit::detail::MemoryShare all(wire.budget());
  REQUIRE(all.take_own(wire.budget().limit()));
  wire.finish_sending();
  CHECK(wire.ends());
  Wire queued(loop, wire);
  queued.feed(get);
  CHECK(queued.is_silent());
  queued.abort();
  CHECK(queued.ends());
}

TEST_CASE("requests that wait for memory have it in the order in which they came, whatever comes or leaves meanwhile",
          "[http_connection]") {
  Loop loop;
  Wire a(loop, {.head_deadline = 10s, .idle_deadline = 60s});
  Wire b(loop, a), c(loop, a), d(loop, a), e(loop, a), f(loop, a);
  auto& budget = a.budget();
  const auto begin = [](Wire& wire) { wire.feed(get.substr(0, get.size() - 1)); };
  const auto finish = [](Wire& wire) {
    wire.feed(get.substr(get.size() - 1));
    return wire.receives("404");
  };
  begin(a);
  const std::uint64_t one = budget.used();
  CHECK(finish(a));
  a.free_sessions();
  REQUIRE(budget.take(budget.limit(), budget.limit()));

  for (Wire* const wire : {&d, &b, &c, &a}) begin(*wire);
  budget.give_back(one);
  begin(e);  // it is not its turn
  loop.advance(10ms);
  CHECK(finish(d));
  loop.advance(10ms);
  c.abort();  // when it is the next one
  CHECK(finish(b));
  loop.advance(10ms);
  CHECK(finish(a));
  a.free_sessions();
  REQUIRE(budget.take(one, budget.limit()));

  loop.advance(9s);
  begin(f);
  loop.advance(1s);
  CHECK(e.receives("503 close"));
  CHECK(f.is_silent());
  budget.give_back(one);
  loop.advance(10ms);
  CHECK(finish(f));
}

TEST_CASE("what was silent for a second can be evicted: a half-close first, then time to close", "[http_connection]") {
  Loop loop;
  for (const std::string& before : {std::string(), post(good_body), std::string("\r\n")}) {
    CAPTURE(before);
    Wire wire(loop, {.linger_deadline = 2s});
    if (!before.empty()) wire.feed(before);
    wire.forget_received();
    loop.advance(999ms);
    CHECK_FALSE(wire.evict());
    CHECK(wire.is_silent());
    loop.advance(1ms);
    CHECK(wire.evict());
    CHECK(wire.receives_end(eof));
    CHECK_FALSE(wire.ended());
    wire.feed(post(good_body));  // too late, but no reset
    CHECK(wire.parties.store.kept == (before.size() > 2 ? 1 : 0));
    loop.advance(1'999ms);
    CHECK_FALSE(wire.ended());
    loop.advance(1ms);
    CHECK(wire.ends());
  }
}

TEST_CASE("of two that are silent the one that never sent a byte is evicted first", "[http_connection]") {
  Loop loop;
  Wire served(loop);
  served.feed(get);
  CHECK(served.receives("404"));
  loop.advance(1s);
  Wire fresh(loop, served);
  loop.advance(1s);
  CHECK(served.evict_one());
  CHECK(fresh.receives_end(eof));
  CHECK(served.is_silent());
  CHECK(served.evict_one());
  CHECK(served.receives_end(eof));
}

TEST_CASE("what was evicted gives its memory back at once, and the oldest of more than 16 ends then",
          "[http_connection]") {
  Loop loop;
  Wire first(loop);
  std::vector<std::unique_ptr<Wire>> others;
  for (int i = 0; i != 17; ++i) {
    droplit::detail::MemoryShare memory(first.budget());
    REQUIRE(memory.take_own(Connection::own_memory));
    others.push_back(std::make_unique<Wire>(loop, first, std::move(memory)));
  }
  loop.advance(1s);
  for (int i = 0; i != 18; ++i) CHECK(first.evict_one());
  CHECK(others[0]->ends());
  for (std::size_t i = 1; i != 17; ++i) CHECK_FALSE(others[i]->ended());
  CHECK(first.budget().used() == 0);
}

TEST_CASE("what has begun a request is not evicted, and neither is what has bytes that were not read",
          "[http_connection]") {
  Loop loop;
  const std::string request = post(good_body);
  for (const std::size_t cut : {std::size_t{1}, request.size() - 1}) {
    Wire wire(loop);
    wire.feed(request.substr(0, cut));
    loop.advance(5s);
    CHECK_FALSE(wire.evict());
    wire.feed(request.substr(cut));
    CHECK(wire.receives("201"));
  }
  Wire unread(loop);
  loop.advance(5s);
  unread.put(request);
  CHECK_FALSE(unread.evict());
  CHECK(unread.receives("201"));
  loop.advance(999ms);
  CHECK_FALSE(unread.evict());  // its silence began with the response
  loop.advance(1ms);
  unread.evict_right_before(request);
  CHECK(unread.receives("201"));
  loop.advance(1s);
  CHECK(unread.evict());

  boost::asio::thread_pool store_threads(1);
  Wire waits(loop, {}, &store_threads);
  waits.feed(post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":"slow"})"));
  waits.parties.store.wait_for_insert();
  loop.advance(5s);
  CHECK_FALSE(waits.evict());
  waits.parties.store.open();
  CHECK(waits.receives("201"));
}

TEST_CASE("a connection that is woken in vain waits on, and was silent as long as before", "[http_connection]") {
  Loop loop;
  Wire wire(loop, {.threads = 2});
  loop.advance(5s);
  wire.wake_in_vain();
  CHECK(wire.is_silent());
  wire.feed(post(good_body));
  CHECK(wire.receives("201"));
  loop.advance(5s);
  wire.wake_in_vain();
  CHECK(wire.evict());
}

TEST_CASE("a request that another thread has read already is served although its connection was to be evicted",
          "[http_connection]") {
  Loop loop;
  Wire wire(loop, {.threads = 2});
  loop.advance(5s);
  const std::string request = post(good_body);
  const bool comes_before = GENERATE(false, true);
  wire.evict_beside(request, comes_before);
  REQUIRE(wire.receives("201"));
  loop.advance(5s);
  REQUIRE_FALSE(wire.ended());
  wire.evict_beside(request.substr(0, request.size() / 2), comes_before);
  wire.feed(request.substr(request.size() / 2));
  CHECK(wire.receives("201"));
  loop.advance(1s);
  CHECK(wire.evict());
}
