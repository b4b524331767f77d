// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Each system call of the server's sockets and of the transport's fails in turn, or transfers one byte; and each
// allocation of a thread that does a coroutine's call.
#include "support/failing_calls.hpp"
#include "support/failing_memory.hpp"
#include "support/socket.hpp"
#include "support/test_server.hpp"

#include <droplit/async/asio.hpp>
#include <droplit/async/batch_writer.hpp>
#include <droplit/testing/scripted_server.hpp>
#include <droplit/transport/curl.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace droplit;
using calls::Call;
using test::each_failure;
using test::Events;
using test::Failure;
using test::from_then_on;
using test::RawSocket;
using Millis = std::chrono::milliseconds;

namespace {

/// A way to fail, and how often in a row.
struct Kind {
  calls::Fault fault;
  std::vector<long> times = {1, from_then_on};
  long step = 1;  ///< in the short form
};

const std::vector<long> now_and_then{1, 3};  // an error that does not last

/// Has each call that the kind is about fail in turn, in every attempt. No kind may be without one. Returns how many
/// failed.
template <class... Attempt>
long each_call(const std::vector<Kind>& kinds, Attempt... attempts) {
  long failed = 0;
  for (const Kind& kind : kinds) {
    CAPTURE(static_cast<int>(kind.fault.call), kind.fault.error);
    long here = 0;
    const auto fail_each = [&](auto& attempt) {
      for (const long times : kind.times) {
        here += each_failure([&](Failure failure) { return attempt(kind.fault, failure); }, {times},
                             test::is_long ? 1 : kind.step);
      }
    };
    (fail_each(attempts), ...);
    CHECK(here > 0);
    if (::getenv("DROPLIT_VERBOSE") != nullptr) {
      std::cout << static_cast<int>(kind.fault.call) << ", error " << kind.fault.error << ": " << here << '\n';
    }
    failed += here;
  }
  return failed;
}

/// No more calls fail. Those of `close` do until what closes has ended, since nothing waits for them.
void suspend_before_end(calls::Fault fault) {
  if (fault.call != Call::close) calls::events.suspend();
}

// ---- the server ----

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string named = test::post(R"({"ecosystemId":"C0123456789abcdef01234567","type":"server","name":")" +
                                     std::string(700, 'n') + "\"}");

bool is_served(RawSocket& socket) {
  if (!socket.send(get)) return false;
  const auto received = socket.receive();
  return received && received->response.status == 404;
}

/// Counts what a server says of its connections.
struct Counts : NoObserver {
  void connection_opened() noexcept { ++open; }
  void connection_closed() noexcept { --open; }
  std::atomic<int> open{0};
};

/// Whether the call that fails came while a server served two connections. What it does meanwhile is true, and when the
/// cause is gone it serves on.
bool serve(calls::Fault fault, Failure failure) {
  const auto before = calls::open_descriptors();
  {
    test::Parties parties;
    Counts counts;
    BeastServer server(parties.endpoint, ServerOptions{.max_connections = 4}, counts);
    std::thread thread([&] { server.run(); });
    int created = 0;
    {
      RawSocket first(server.port());
      CHECK(is_served(first));
      calls::prepare(fault, failure, Events::Of::other_threads);
      calls::events.resume();
      RawSocket second(server.port());
      // Without a response for long, the cause goes.
      const auto await = [fault](RawSocket& socket) {
        if (!socket.readable(Millis(300))) suspend_before_end(fault);
      };
      const auto create = [&](RawSocket& socket) {
        if (socket.send(std::string_view(named).substr(0, 300))) socket.send(std::string_view(named).substr(300));
        await(socket);
        const auto received = socket.receive();
        CHECK((received || socket.ended()));
        if (!received) return;
        CHECK((received->response.status == 201 || received->response.status >= 400));
        if (received->response.status == 201) ++created;
      };
      create(second);
      create(first);
      second.send(get.substr(0, 10));
      second.finish_sending();
      second.receive_all(Millis(300));  // the end may need calls that fail, also after a response
      if (!second.ended()) suspend_before_end(fault);
      second.receive_all();
      CHECK(second.ended());
      suspend_before_end(fault);
    }
    CHECK(parties.store.kept >= created);
    CHECK(parties.store.kept <= 2);
    if (fault.call == Call::close || !calls::events.have_come()) CHECK(created == 2);
    {
      RawSocket third(server.port());
      REQUIRE(is_served(third));
      const auto received = third.ask(named);
      REQUIRE(received);
      CHECK(received->response.status == 201);
    }
    server.stop();
    thread.join();
    calls::events.suspend();
    CHECK(counts.open == 0);
  }
  CHECK(calls::open_descriptors() == before);
  return calls::events.have_come();
}

/// The same while it is made and stopped: it is made, or throws what it says.
bool make(calls::Fault fault, Failure failure) {
  const auto before = calls::open_descriptors();
  bool came = false;
  {
    test::Parties parties;
    calls::prepare(fault, failure);
    std::optional<BeastServer<test::TestEndpoint>> server;
    calls::events.resume();
    try {
      server.emplace(parties.endpoint, ServerOptions());
      calls::events.suspend();
    } catch (const std::system_error& error) {
      calls::events.suspend();
      CHECK(error.code().value() != 0);
    }
    came = calls::events.have_come();
    if (!came) CHECK(server);
    if (server) {
      std::thread thread([&] { server->run(); });
      {
        RawSocket socket(server->port());
        CHECK(is_served(socket));
      }
      server->stop();
      thread.join();
    }
  }
  CHECK(calls::open_descriptors() == before);
  return came;
}

// ---- the transport ----

struct Service {
  std::atomic<int> requests{0};  ///< that have arrived whole
  std::atomic<bool> has_bytes{false};
  ScriptedServer server{[this](ScriptedConnection& connection) {
    for (;;) {
      const auto request = connection.read_request();
      if (!connection.received().empty()) has_bytes = true;
      if (!request) return;
      ++requests;
      Response response{201, {}, std::string(700, 'x'), false};
      if (!connection.send(to_http(response))) return;
    }
  }};
};

const Request sent{"POST", "/api/clients", {}, std::string(700, 'y')};

/// Whether the call that fails came while a transport sent a request, on a new connection or on one that it had kept.
/// What it returns is true, and the next request is sent.
bool send(Service& service, bool kept, calls::Fault fault, Failure failure) {
  CAPTURE(kept);
  const auto before = calls::open_descriptors();
  {
    CurlTransport transport("a-token", {.url = service.server.url(), .proxy = "", .timeout = Millis(10'000)});
    if (kept) REQUIRE(transport.send(sent).has_value());
    const int earlier = service.requests;
    service.has_bytes = false;
    calls::prepare(fault, failure);
    calls::events.resume();
    const auto outcome = transport.send(sent);
    suspend_before_end(fault);
    const int arrived = service.requests - earlier;
    if (outcome.has_value()) {
      CHECK(arrived == 1);
      CHECK(outcome.value().status == 201);
      CHECK(outcome.value().body.size() == 700);
    } else {
      CHECK(calls::events.have_come());
      INFO(outcome.exception().what());
      if (outcome.exception().fate() == Fate::not_sent) CHECK(arrived == 0);
      if (outcome.exception().fate() == Fate::not_sent && !kept) CHECK_FALSE(service.has_bytes);
    }
    const auto next = transport.send(sent);
    INFO((next.has_exception() ? next.exception().what() : ""));
    CHECK(next.has_value());
    CHECK(service.requests - earlier <= 2);
  }
  calls::events.suspend();
  for (int i = 0; i != 1000 && calls::open_descriptors() > before; ++i) {  // the service closes its ends later
    std::this_thread::sleep_for(Millis(10));
  }
  CHECK(calls::open_descriptors() <= before);
  return calls::events.have_come();
}

}  // namespace

TEST_CASE("whichever system call of a serving thread fails, what it says is true, and it serves on") {
  const std::vector<Kind> kinds{
      {{Call::accept, EMFILE}},
      {{Call::accept, ENFILE}, {1}},
      {{Call::accept, ENOMEM}, {1}},
      {{Call::accept, ECONNABORTED}, now_and_then},
      {{Call::accept, EINTR}, now_and_then},
      {{Call::receive, EINTR}, now_and_then},
      {{Call::receive, EAGAIN}, now_and_then},
      {{Call::receive, ECONNRESET}},
      {{Call::receive, ENOMEM}, {1}},
      {{Call::receive, 0}, {1, 30}},  // a server pauses between small pieces
      {{Call::send, EINTR}, now_and_then},
      {{Call::send, EAGAIN}, now_and_then},
      {{Call::send, ECONNRESET}},
      {{Call::send, EPIPE}, {1}},
      {{Call::send, ENOMEM}, {1}},
      {{Call::send, 0}, {1}},
      {{Call::send, 0}, {from_then_on}, 701},
      {{Call::epoll_add, ENOMEM}},
      {{Call::epoll_add, ENOSPC}, {1}},
      {{Call::epoll_wait, EINTR}, {1}},
      {{Call::setsockopt, ENOMEM}},
      {{Call::control, ENOMEM}},
      {{Call::shutdown, ENOTCONN}},
      {{Call::close, EINTR}},
      {{Call::close, EIO}, {1}},
      {{Call::any, ENOMEM}, {1}},
      {{Call::any, ENOMEM}, {from_then_on}, 5},
  };
  const long failed = each_call(kinds, serve);
  std::cout << "system calls of a serving thread that failed: " << failed << '\n';
  CHECK(failed > 100);
}

TEST_CASE("where no connection can be accepted for a lasting cause, the server says so and waits") {
  struct Told : NoObserver {
    void fault(const droplit::Fault&) noexcept { ++faults; }
    std::atomic<int> faults{0};
  };
  for (const int cause : {EPERM, EPROTO, EMFILE}) {  // of which the first two may also be a single connection's
    CAPTURE(cause);
    test::Parties parties;
    Told told;
    BeastServer server(parties.endpoint, ServerOptions(), told);
    std::thread thread([&] { server.run(); });
    calls::prepare({Call::accept, cause}, {1, from_then_on}, Events::Of::all_threads);
    calls::events.resume();
    RawSocket socket(server.port());
    for (int i = 0; i != 1000 && told.faults < 3; ++i) std::this_thread::sleep_for(Millis(10));
    const int faults = told.faults;
    const long accepts = calls::events.count();
    calls::events.suspend();
    CHECK(faults >= 3);
    CHECK(accepts <= 16 * (faults + 1));
    CHECK(is_served(socket));
    server.stop();
    thread.join();
  }
}

TEST_CASE("a request of any length that fits one read is read with one system call") {
  test::Parties parties;
  BeastServer server(parties.endpoint, ServerOptions());
  std::thread thread([&] { server.run(); });
  RawSocket socket(server.port());
  CHECK(is_served(socket));
  for (const Call call : {Call::receive, Call::send}) {
    calls::prepare({call, EINTR}, {}, Events::Of::other_threads);
    calls::events.resume();
    for (int i = 0; i != 20; ++i) REQUIRE(socket.ask(named));
    calls::events.suspend();
    CHECK(calls::events.count() >= 20);
    CHECK(calls::events.count() < 30);  // a thread may be woken in vain
  }
  server.stop();
  thread.join();
}

TEST_CASE("whichever system call fails while a server is made, it is made, or says that it is not") {
  std::vector<Kind> kinds;
  for (const Call call : {Call::socket, Call::bind, Call::listen, Call::name, Call::setsockopt, Call::epoll_create,
                          Call::eventfd, Call::timerfd}) {
    kinds.push_back({{call, ENOMEM}});
    kinds.push_back({{call, EMFILE}, {1}});
  }
  long failed = each_call(kinds, make);
  const long adds = each_failure([](Failure failure) {
    failure.nth += 2;  // Asio does not look at what becomes of its own two descriptors
    return make({Call::epoll_add, ENOSPC}, failure);
  });
  CHECK(adds > 0);
  failed += adds;
  std::cout << "system calls that failed while a server was made: " << failed << '\n';
  CHECK(failed > 10);
}

TEST_CASE("whichever system call of a transport fails, its outcome is true, and the next request is sent") {
  const std::vector<Kind> kinds{
      {{Call::socket, EMFILE}},
      {{Call::socket, ENOMEM}, {1}},
      {{Call::socketpair, EMFILE}},
      {{Call::connect, ECONNREFUSED}},
      {{Call::connect, ENETUNREACH}, {1}},
      {{Call::control, ENOMEM}},
      {{Call::setsockopt, ENOMEM}},
      {{Call::getsockopt, ENOMEM}},
      {{Call::name, ENOTCONN}},
      {{Call::poll, EINTR}, now_and_then},
      {{Call::poll, ENOMEM}, {1}},
      {{Call::send, EINTR}, now_and_then},
      {{Call::send, EAGAIN}, now_and_then},
      {{Call::send, ECONNRESET}},
      {{Call::send, EPIPE}, {1}},
      {{Call::send, ENOMEM}, {1}},
      {{Call::send, 0}, {1}},
      {{Call::send, 0}, {from_then_on}, 701},
      {{Call::receive, EINTR}, now_and_then},
      {{Call::receive, EAGAIN}, now_and_then},
      {{Call::receive, ECONNRESET}},
      {{Call::receive, ENOMEM}, {1}},
      {{Call::receive, 0}, {1}},
      {{Call::receive, 0}, {from_then_on}, 701},
      {{Call::close, EINTR}},
      {{Call::any, ENOMEM}, {1}},
      {{Call::any, ENOMEM}, {from_then_on}, 3},
  };
  Service service;
  const auto on = [&service](bool kept) {
    return [&service, kept](calls::Fault fault, Failure failure) { return send(service, kept, fault, failure); };
  };
  const long failed = each_call(kinds, on(false), on(true));
  std::cout << "system calls of a transport that failed: " << failed << '\n';
  CHECK(failed > 100);
}

TEST_CASE(
    "whichever allocation of a transport and of libcurl fails, its outcome is true, and the next request is sent") {
  Service service;
  for (const bool kept : {false, true}) {
    CAPTURE(kept);
    const long failed = each_failure([&](Failure failure) {
      CurlTransport transport("a-token", {.url = service.server.url(), .proxy = "", .timeout = Millis(10'000)});
      if (kept) REQUIRE(transport.send(sent).has_value());
      const int earlier = service.requests;
      memory::events.prepare(failure);
      std::optional<Outcome<Response>> outcome;
      memory::events.resume();
      try {
        outcome.emplace(transport.send(sent));
        memory::events.suspend();
      } catch (const std::bad_alloc&) {
        memory::events.suspend();
      }
      const bool came = memory::events.have_come();
      const int arrived = service.requests - earlier;
      if (outcome && outcome->has_value()) {
        CHECK(outcome->value().body.size() == 700);
        CHECK(arrived == 1);
      } else {
        CHECK(came);
        if (outcome && outcome->exception().fate() == Fate::not_sent) CHECK(arrived == 0);
      }
      CHECK(transport.send(sent).has_value());
      return came;
    });
    std::cout << "allocations of a transport that failed: " << failed << '\n';
    CHECK(failed > 50);
  }
}

TEST_CASE("whichever allocation of a coroutine fails, or of a thread that does its call, the coroutine ends") {
  namespace asio = boost::asio;
  memory::has_c = false;
  for (int which = 0; which != 4; ++which) {
    const bool batched = which % 2 == 1;
    const bool of_its_own = which / 2 == 1;
    const Events::Of threads_of = of_its_own ? Events::Of::this_thread : Events::Of::other_threads;
    CAPTURE(batched, of_its_own);
    const long failed = each_failure(
        [&](Failure failure) {
          MemoryStorage memory_storage;
          const EcosystemId ecosystem = *EcosystemId::parse("C0123456789abcdef01234567");
          memory_storage.add_ecosystem(ecosystem);
          struct Batches {
            MemoryStorage& storage;
            Insertion insert(const Client& client) { return storage.insert(client); }
            void insert_all(std::span<BatchInsert* const> all) noexcept {
              for (BatchInsert* const each : all) {
                try {
                  each->outcome = KeyedInsertion(storage.insert(each->client));
                } catch (...) {
                  each->outcome = Fault(FaultSource::storage, Fate::not_applied, {});
                }
              }
            }
          } batches{memory_storage};
          FixedClock clock(Timestamp::clamp_unix_millis(1));
          test::CountingIds ids;
          asio::io_context context;
          asio::thread_pool threads(1);
          std::optional<BatchWriter<Batches>> writer;
          std::optional<Outcome<Client>> outcome;
          const auto create_in = [&](auto store) -> asio::awaitable<void> {
            ClientDraft draft(ecosystem, ClientType::server, Text::parse(std::string(100, 'n')));
            struct Counted {
              Counted() { memory::events.resume(); }
              ~Counted() { memory::events.suspend(); }
            } counted;
            auto created = co_await async_create_client(store, clock, ids, std::move(draft));
            outcome.emplace(std::move(created));
          };
          const auto create = [&] {
            return batched ? create_in(batch_store(*writer))
                           : create_in(blocking_store(memory_storage, threads.get_executor()));
          };
          int ended = 0;
          bool threw = false;
          const auto end = [&](const std::exception_ptr& error) {
            ++ended;
            threw = error != nullptr;
          };
          memory::events.prepare({});
          if (batched) writer.emplace(batches);
          for (int i = 0; i != 2; ++i) {  // the threads run, and have what they allocate once
            asio::co_spawn(context, create(), end);
            context.run();
            context.restart();
          }
          outcome.reset();
          asio::co_spawn(context, create(), end);
          memory::events.prepare(failure, threads_of);
          context.run();
          threads.join();
          writer.reset();
          REQUIRE(ended == 3);
          REQUIRE(outcome.has_value() != threw);
          if (threw) CHECK((of_its_own && memory::events.have_come()));
          const bool there = memory_storage.find_client(ClientId({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3})).has_value();
          if (!outcome || (outcome->has_exception() && outcome->exception().fate() == Fate::not_applied)) {
            CHECK_FALSE(there);
          } else if (outcome->has_value()) {
            CHECK(there);
          }
          return memory::events.have_come();
        },
        {1, 3});
    std::cout << "allocations of a coroutine's call that failed: " << failed << '\n';
    CHECK(failed > 1);
  }
}

TEST_CASE("a coroutine whose call is cancelled before it began ends also where there is no memory for that") {
  namespace asio = boost::asio;
  memory::has_c = false;
  const long failed = each_failure(
      [](Failure failure) {
        MemoryStorage storage;
        FixedClock clock(Timestamp::clamp_unix_millis(1));
        test::CountingIds ids;
        asio::io_context context;
        asio::io_context workers;  // which never work
        auto store = blocking_store(storage, workers.get_executor());
        asio::cancellation_signal cancel;
        std::optional<Outcome<Client>> outcome;
        const auto create = [&]() -> asio::awaitable<void> {
          const ClientDraft draft(*EcosystemId::parse("C0123456789abcdef01234567"), ClientType::server);
          auto created = co_await async_create_client(store, clock, ids, draft);
          memory::events.suspend();  // what follows is Asio's
          outcome.emplace(std::move(created));
        };
        asio::co_spawn(context, create(), asio::bind_cancellation_slot(cancel.slot(), asio::detached));
        while (context.poll_one() != 0) {
        }
        cancel.emit(asio::cancellation_type::terminal);
        memory::events.prepare(failure);
        memory::events.resume();
        context.restart();
        context.poll();
        REQUIRE(outcome);
        CHECK(outcome->exception().fate() == Fate::not_applied);
        return memory::events.have_come();
      },
      {1, 3});
  CHECK(failed > 0);
}
