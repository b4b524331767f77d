// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/observation.hpp>
#include <droplit/fault.hpp>
#include <droplit/handler.hpp>
#include <droplit/observer.hpp>
#include <droplit/server/detail/connections.hpp>
#include <droplit/server/detail/http_connection.hpp>
#include <droplit/server/detail/listener.hpp>
#include <droplit/server/detail/memory_budget.hpp>
#include <droplit/server/detail/server_types.hpp>
#include <droplit/server/detail/serving_loop.hpp>
#include <droplit/server/server_options.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// An HTTP/1.1 server for a handler, such as an `Endpoint` or a `Router`.
///
/// Boost.Asio moves the bytes; Boost.Beast provides buffers and the reason phrases of status lines. Beast's parser does
/// not read requests: in Debian 12's Boost 1.81 it accepts too much (docs/server.md).
///
/// Handles no signals, writes no log and starts threads only in `run`. The handler must outlive it, and so must the
/// observer, which is informed of every request, connection and fault. Programs that the process starts inherit none of
/// its descriptors.
template <ServedHandler H, Observer O = NoObserver>
class BeastServer {
 public:
  /// Listens, so that peers can connect, but serves only in `run`. Throws `std::system_error` if it cannot listen.
  explicit BeastServer(H& handler, ServerOptions options = {}, O& observer = no_observer)
      : observer_(observer),
        options_(detail::bounded(std::move(options))),
        memory_(options_.max_memory),
        sessions_(handler, options_, options_.store_threads != 0, memory_, observer),
        max_connections_(
            (std::min)(std::uint64_t{options_.max_connections}, options_.max_memory / 8 / Connection::own_memory)),
        connections_((std::max)(max_connections_ / 8, std::uint64_t{1})),
        host_{options_,
              options_.store_threads != 0 ? &store_threads_ : nullptr,
              sessions_,
              connections_,
              [this] { on_strand([this] { accept(); }); },
              [this](auto& ended) { has_ended(ended); }},
        context_(static_cast<int>(options_.threads)),
        strand_(opened(context_)),
        listener_(strand_),
        timer_(strand_),
        work_(context_.get_executor()) {
    std::string host = options_.host;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    try {
      listener_.listen({boost::asio::ip::make_address(host), options_.port});
    } catch (const boost::system::system_error& error) {
      throw std::system_error(error.code(),
                              "cannot listen on " + options_.host + " port " + std::to_string(options_.port));
    }
  }

  BeastServer(const BeastServer&) = delete;
  BeastServer& operator=(const BeastServer&) = delete;

  /// The port on which it listens.
  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.local().port(); }

  /// The address on which it listens, as a URL without a path: `http://127.0.0.1:8080`, `http://[::1]:8080`.
  [[nodiscard]] std::string url() const {
    const auto address = listener_.local().address();
    const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return "http://" + host + ":" + std::to_string(port());
  }

  /// Serves until `stop` was called and all connections have ended, at the latest after `stop_grace`. Can be called
  /// once. Throws `std::system_error`, and has then stopped, if the threads cannot be started.
  void run() {
    run([] {});
  }

  /// The same, but calls `ready()`, in the calling thread, after all threads were started and before the first
  /// connection is accepted. What `ready` throws stops the server and is rethrown.
  template <class F>
  void run(F ready) {
    Threads threads(*this);
    threads.start();
    ready();
    on_strand([this] { accept(); });
    serve();
  }

  /// Stops accepting, and ends connections: at once if they have no request in progress, otherwise after its response
  /// or when `stop_grace` is over, but never while a handler blocks. From any thread, any number of times; not from a
  /// signal handler. Waits for memory if there is none.
  void stop() noexcept {
    on_strand([this] {
      if (std::exchange(stopping_, true)) return;
      listener_.close();
      stop_end_ = std::chrono::steady_clock::now() + options_.stop_grace;
      end();
    });
  }

 private:
  using Connection = detail::HttpConnection<H, std::chrono::steady_clock, O>;

  // All threads of `run` except the one that calls it. They are idle until there is work.
  class Threads {
   public:
    explicit Threads(BeastServer& server) noexcept : server_(server) {}
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;
    ~Threads() {
      server_.context_.stop();
      server_.store_threads_.stop();
      for (auto& thread : threads_) thread.join();
      server_.sessions_.clear();  // steps of the handler may use executors that they got
    }

    void start() {
      const ServerOptions& options = server_.options_;
      const auto complete = [this] { server_.store_threads_.attach(); };
      for (unsigned i = 0; i != options.store_threads; ++i) threads_.emplace_back(complete);
      for (unsigned i = 1; i != options.threads; ++i) threads_.emplace_back([this] { server_.serve(); });
    }

   private:
    BeastServer& server_;
    std::vector<std::thread> threads_;
  };

  // Opens the descriptors of Asio's own.
  static detail::ServerExecutor opened(boost::asio::io_context& context) {
    try {
      const detail::ServerSocket first(context.get_executor());
    } catch (const boost::system::system_error& error) {
      throw std::system_error(error.code(), "cannot wait for sockets");
    }
    return context.get_executor();
  }

  static constexpr int accepts_in_a_row = 16;
  static constexpr std::chrono::milliseconds soon{10};    // between checks for a free place, or for the end
  static constexpr std::chrono::milliseconds later{100};  // after a lack of descriptors or memory

  void serve() {
    for (;;) {
      try {
        return options_.threads == 1 ? static_cast<void>(context_.run()) : detail::run_beside_others(context_);
      } catch (...) {  // no memory to accept or to wait
        recover();
      }
    }
  }

  // Begins again what may have ended for lack of memory.
  void recover() noexcept {
    report("no memory to accept a connection or to wait for one");
    std::this_thread::sleep_for(later);
    on_strand([this] { stopping_ ? end() : accept(); });
  }

  // Calls `call` on the strand, dispatched from a serving thread, where an idle strand calls it at once. (From another
  // thread, Asio 1.81 locks a strand before it allocates; if that fails, the strand never runs again.)
  template <class F>
  void on_strand(F call) noexcept {
    const auto guarded = [this, call] {
      try {
        call();
      } catch (...) {
        recover();
      }
    };
    const auto dispatched = [this, guarded] { detail::until_done([&] { boost::asio::dispatch(strand_, guarded); }); };
    detail::until_done([&] { boost::asio::post(context_, dispatched); });
  }

  void accept() {
    if (stopping_) return;
    const auto pause = accept_some();
    if (pause == pause.zero()) return listener_.wait([this] { accept(); });
    timer_.expires_after(pause);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) accept();
    });
  }

  // Accepts what is pending, but not too many in a row. Returns how long to pause then; 0: until there is another one.
  std::chrono::milliseconds accept_some() noexcept {
    try {
      for (int i = 0, lost = 0; i != accepts_in_a_row; ++i) {
        detail::MemoryShare memory(memory_);
        if (!take_place(memory)) return make_room();
        detail::ServerSocket socket(context_.get_executor());
        switch (listener_.accept(socket)) {
          case detail::Accepted::connection: begin(std::move(socket), std::move(memory)); break;
          case detail::Accepted::none: return {};
          case detail::Accepted::failed:
            if (++lost != accepts_in_a_row) break;
            [[fallthrough]];
          default: report("a connection cannot be accepted"); return later;  // exhausted, or all in a row were lost
        }
      }
      return {};
    } catch (...) {
      report("no memory for a connection, which is closed");
      return later;
    }
  }

  // Whether there may be another connection, which then has memory.
  bool take_place(detail::MemoryShare& memory) noexcept {
    if (connections_.serving() >= max_connections_) return false;
    if (memory.take_own(Connection::own_memory)) return true;
    sessions_.clear();
    return memory.take_own(Connection::own_memory);
  }

  // Evicts a connection that is silent if another one is pending. Returns how long to pause, as `accept_some`.
  std::chrono::milliseconds make_room() {
    if (!listener_.is_readable()) return {};
    const auto latest = std::chrono::steady_clock::now() - Connection::min_silence;
    if (const auto silent = connections_.take_waiting(latest)) detail::until_done([&] { silent->evict(); });
    return soon;
  }

  void begin(detail::ServerSocket socket, detail::MemoryShare memory) {
    const auto connection = std::make_shared<Connection>(host_, std::move(socket), std::move(memory));
    connections_.add(connection, std::chrono::steady_clock::now());
    detail::notify(observer_, [](O& observer) { observer.connection_opened(); });
    connection->start();
  }

  // Also for one that could not begin. Once the last one is removed, `run` may return.
  void has_ended(detail::ConnectionEntry<std::chrono::steady_clock>& connection) {
    if (connection.added) detail::notify(observer_, [](O& observer) { observer.connection_closed(); });
    connections_.remove(connection);
  }

  void report(const char* what) noexcept {
    detail::notify(observer_, [what](O& observer) { observer.fault(Fault::unavailable(FaultSource::library, what)); });
  }

  void end() {
    for (const auto& connection : connections_.all()) connection->finish();
    await_end();
  }

  // The last connection's end ends `run`.
  void await_end() {
    if (connections_.empty()) return work_.reset();
    if (std::chrono::steady_clock::now() >= stop_end_) {
      for (const auto& connection : connections_.all()) connection->abort();
      stop_end_ += options_.stop_grace + later;
    }
    timer_.expires_after(soon);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) await_end();
    });
  }

  O& observer_;
  const ServerOptions options_;
  detail::MemoryBudget memory_;
  detail::SessionPool<H, std::chrono::steady_clock, O> sessions_;
  const std::uint64_t max_connections_;  // all of them can wait in an eighth of the memory
  detail::Connections<Connection, std::chrono::steady_clock> connections_;
  typename Connection::Host host_;
  std::chrono::steady_clock::time_point stop_end_;
  boost::asio::io_context context_;
  detail::ServerStrand strand_;
  detail::Listener<detail::ServerStrand> listener_;
  detail::ServerTimer<detail::ServerStrand> timer_;  // for accepting, or else for the end
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  // Idle when the last connection has ended. Its threads are those of `run`: a pool that cannot start all threads of
  // its own waits without a limit.
  boost::asio::thread_pool store_threads_{0};
  bool stopping_ = false;  // used only on the strand, as all of the listener
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
