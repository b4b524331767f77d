// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server of coroutines. One thread serves all connections; while a create waits for the store, it keeps no thread.
#include <droplit/access/token_file.hpp>
#include <droplit/async/asio.hpp>
#include <droplit/droplit.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/transport/curl.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace asio = boost::asio;
using namespace droplit::literals;
using droplit::Outcome;

/// A storage that blocks its caller, and is busy at first.
struct Database {
  Outcome<droplit::Insertion> insert(const droplit::Client& client) {
    if (++calls <= 3) return droplit::Fault::unavailable(droplit::FaultSource::storage, "the database is busy");
    return clients.insert(client);
  }
  droplit::MemoryStorage clients;
  std::atomic<int> calls{0};
};

/// An async storage around another one: while that is busy, tries again after a pause.
template <droplit::AsyncStorage S>
class RetryingStore {
 public:
  explicit RetryingStore(S& storage) : storage_(storage) {}
  asio::awaitable<Outcome<droplit::Insertion>> insert(const droplit::Client& client) {
    asio::steady_timer pause(co_await asio::this_coro::executor);
    for (int tries = 1;; ++tries) {
      Outcome<droplit::Insertion> insertion = co_await storage_.insert(client);
      const bool busy = insertion.has_exception() && insertion.exception().status() == 503;  // nothing was stored
      if (!busy || tries == 5) co_return insertion;
      pause.expires_after(std::chrono::milliseconds(10 * tries));
      co_await pause.async_wait(asio::use_awaitable);
    }
  }

 private:
  S& storage_;
};

/// Sends a request through a transport that blocks, on another thread.
asio::awaitable<Outcome<droplit::Response>> send(asio::thread_pool& threads, const droplit::Request& request,
                                                 const std::string& url) {
  std::optional<Outcome<droplit::Response>> response;
  const auto blocking = [&]() -> asio::awaitable<void> {
    droplit::CurlTransport transport("demo", {.url = url, .proxy = ""});
    response = transport.send(request);
    co_return;
  };
  co_await asio::co_spawn(threads, blocking, asio::use_awaitable);
  co_return *std::move(response);
}

/// Creates a client at the service. What waits is a coroutine: RemoteCreation does no I/O.
asio::awaitable<Outcome<droplit::Client>> create(asio::thread_pool& threads, std::string url) {
  droplit::SystemSleeper sleeper;  // for its clock and its random bits
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const droplit::ClientDraft draft("C594b89aea18568c408c3ad24"_ecosystem_id, droplit::ClientType::server);
  droplit::RemoteCreation creation(draft, {.max_attempts = 3}, sleeper.now());
  while (creation.step() != droplit::RemoteCreation::Step::done) {
    if (creation.step() == droplit::RemoteCreation::Step::send) {
      const Outcome<droplit::Response> response = co_await send(threads, creation.request(), url);
      creation.settle(response, sleeper.now(), sleeper.random_bits());
    } else {
      timer.expires_after(std::chrono::milliseconds(creation.wait_until() - sleeper.now()));
      co_await timer.async_wait(asio::use_awaitable);
      creation.wake(sleeper.now());
    }
  }
  co_return std::move(creation).outcome();
}

int main() {
  Database database;
  database.clients.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  asio::thread_pool threads(2);  // the only ones that the database blocks
  auto store = droplit::blocking_store(database, threads.get_executor());
  RetryingStore retrying(store);
  const auto access = droplit::TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::AsyncEndpoint endpoint(retrying, access, clock, ids);
  droplit::BeastServer server(endpoint);  // one serving thread, no store threads

  int created = 0;
  std::thread caller([&] {  // ten creates at the same time, then it stops the server
    asio::io_context context;
    asio::thread_pool connections(10);
    for (int i = 0; i != 10; ++i) {
      const auto count = [&]() -> asio::awaitable<void> {
        const auto client = co_await create(connections, server.url());
        created += client.has_value() && database.clients.find_client(client.value().id()).has_value();
      };
      asio::co_spawn(context, count, asio::detached);
    }
    context.run();
    server.stop();
  });
  server.run();
  caller.join();
  std::cout << "created " << created << " clients\n";
}
