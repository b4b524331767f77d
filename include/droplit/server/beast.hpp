// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/server/detail/http_connection.hpp>
#include <droplit/server/detail/listener.hpp>
#include <droplit/server/detail/memory_budget.hpp>
#include <droplit/server/detail/server_types.hpp>
#include <droplit/server/server_options.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// An HTTP/1.1 server before an `Endpoint`, or anything that has its `begin`, `create`, `answer` and `options`.
///
/// Boost.Asio moves the bytes, Boost.Beast gives the buffers and the words of the status line. Requests are not read by
/// Beast's parser: what that lets through in Debian 12's Boost 1.81 (docs/server.md) would have had to be judged before
/// it, which takes a stricter reader that then leaves it nothing to do.
///
/// Handles no signals, writes no log and starts no thread but in `run`. Its endpoint must outlive it. No descriptor
/// that it opens is inherited by programs that its process starts.
template <class E>
class BeastServer {
 public:
  /// Listens, so that peers can connect, but serves nobody before `run`. Throws `std::system_error` if it cannot.
  explicit BeastServer(E& endpoint, ServerOptions options = {})
      : endpoint_(endpoint),
        options_(detail::bounded(std::move(options))),
        memory_(options_.max_memory),
        context_(static_cast<int>(options_.threads)),
        strand_(context_.get_executor()),
        listener_(strand_),
        timer_(strand_),
        work_(context_.get_executor()) {
    try {
      listen();
    } catch (const boost::system::system_error& error) {
      throw std::system_error(error.code(),
                              "cannot listen on " + options_.host + " port " + std::to_string(options_.port));
    }
  }

  BeastServer(const BeastServer&) = delete;
  BeastServer& operator=(const BeastServer&) = delete;

  /// The port it listens on.
  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.local().port(); }

  /// Where it listens, as a URL without a path: `http://127.0.0.1:8080`, `http://[::1]:8080`.
  [[nodiscard]] std::string url() const {
    const auto address = listener_.local().address();
    const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return "http://" + host + ":" + std::to_string(port());
  }

  /// Serves until `stop` was called and all connections have ended, or were ended when the grace was over. Once only.
  /// Throws `std::system_error`, and has then stopped, if the threads cannot be started.
  void run() {
    run([] {});
  }

  /// The same, but calls `ready()`, in the thread that called this, when all threads were started and before the first
  /// connection is accepted. What `ready` throws stops the server, and this throws it.
  template <class F>
  void run(F ready) {
    Threads threads(*this);
    threads.start();
    ready();
    on_strand([this] { accept(); });
    serve();
  }

  /// Accepts nobody any more, ends connections that have no request under way at once and the others after their
  /// answer, or when the grace is over; a policy that waits is waited for all the same. From any thread, any number of
  /// times; not from a signal handler. Throws `std::bad_alloc`, and then nothing has changed.
  void stop() {
    on_strand([this] {
      if (std::exchange(stopping_, true)) return;
      listener_.close();
      stop_end_ = std::chrono::steady_clock::now() + options_.stop_grace;
      for (const auto& connection : connections_.all()) connection->finish();
      await_end();
    });
  }

 private:
  using Connection = detail::HttpConnection<E>;

  // The connections there are. They leave by themselves, on any thread.
  class Connections {
   public:
    void add(const std::shared_ptr<Connection>& connection) {
      const std::lock_guard lock(mutex_);
      set_.insert(connection.get());
    }

    void remove(Connection& connection) {
      const std::lock_guard lock(mutex_);
      set_.erase(&connection);
    }

    std::size_t count() {
      const std::lock_guard lock(mutex_);
      return set_.size();
    }

    std::vector<std::shared_ptr<Connection>> all() {
      std::vector<std::shared_ptr<Connection>> all;
      const std::lock_guard lock(mutex_);
      all.reserve(set_.size());
      for (Connection* connection : set_) {
        if (auto alive = connection->weak_from_this().lock()) all.push_back(std::move(alive));
      }
      return all;
    }

   private:
    std::mutex mutex_;
    std::unordered_set<Connection*> set_;
  };

  // All threads of `run` but the one that calls it. They are idle until there is work.
  class Threads {
   public:
    explicit Threads(BeastServer& server) noexcept : server_(server) {}
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;
    ~Threads() {
      server_.context_.stop();
      server_.store_threads_.stop();
      for (auto& thread : threads_) thread.join();
    }

    void start() {
      const ServerOptions& options = server_.options_;
      const auto ask_store = [this] { server_.store_threads_.attach(); };
      for (unsigned i = 0; i != options.store_threads; ++i) threads_.emplace_back(ask_store);
      for (unsigned i = 1; i != options.threads; ++i) threads_.emplace_back([this] { server_.serve(); });
    }

   private:
    BeastServer& server_;
    std::vector<std::thread> threads_;
  };

  static constexpr int accepts_in_a_row = 16;
  static constexpr std::chrono::milliseconds soon{10};    // to look again for a free place, or for the end
  static constexpr std::chrono::milliseconds later{100};  // to try again after a lack of descriptors or memory

  void listen() {
    std::string host = options_.host;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    listener_.listen({boost::asio::ip::make_address(host), options_.port});
  }

  void serve() {
    for (;;) {
      try {
        return static_cast<void>(context_.run());
      } catch (...) {  // no memory to accept or to wait, which ended that
        recover();
      }
    }
  }

  // Begins anew what may have ended for lack of memory, when there is some.
  void recover() noexcept {
    std::this_thread::sleep_for(later);
    detail::until_done([this] {
      on_strand([this] {
        if (stopping_) return await_end();
        accept();
      });
    });
  }

  // Calls `call` on the strand, by way of a thread that serves, in which an idle strand calls it at once. (From another
  // thread a strand of Asio 1.81 is taken before memory is; where there is none, it never runs again.)
  template <class F>
  void on_strand(F call) {
    boost::asio::post(context_, [this, call] {
      detail::until_done([&] {
        boost::asio::dispatch(strand_, [this, call] {
          try {
            call();
          } catch (...) {
            recover();
          }
        });
      });
    });
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

  // Accepts what waits, but not too many in a row, since others come first. Returns how long to pause then; 0: until
  // there is a next one.
  std::chrono::milliseconds accept_some() noexcept {
    try {
      for (int i = 0; i != accepts_in_a_row; ++i) {
        detail::MemoryShare memory(memory_);
        if (connections_.count() >= options_.max_connections || !memory.take_own(memory_of_connection())) return soon;
        detail::ServerSocket socket(context_.get_executor());
        switch (listener_.accept(socket)) {
          case detail::Accepted::connection: welcome(std::move(socket), std::move(memory)); break;
          case detail::Accepted::failed: break;
          case detail::Accepted::none: return {};
          default: return later;  // exhausted
        }
      }
      return {};
    } catch (...) {  // no memory for the connection, which is closed
      return later;
    }
  }

  // With no long request; a buffer that grows exists twice.
  [[nodiscard]] std::uint64_t memory_of_connection() const noexcept {
    return Connection::own_memory + 2 * std::uint64_t{options_.max_head} + detail::HttpSession<E>::own_memory;
  }

  void welcome(detail::ServerSocket socket, detail::MemoryShare memory) {
    const auto connection = std::make_shared<Connection>(
        endpoint_, options_, options_.store_threads != 0 ? &store_threads_ : nullptr, std::move(socket),
        std::move(memory), [this](Connection& ended) { connections_.remove(ended); });
    connections_.add(connection);
    connection->start();
  }

  // The last connection's end ends `run`.
  void await_end() {
    if (connections_.count() == 0) return work_.reset();
    if (std::chrono::steady_clock::now() >= stop_end_) {
      for (const auto& connection : connections_.all()) connection->abort();
      stop_end_ += options_.stop_grace + later;
    }
    timer_.expires_after(soon);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) await_end();
    });
  }

  E& endpoint_;
  const ServerOptions options_;
  detail::MemoryBudget memory_;
  Connections connections_;
  std::chrono::steady_clock::time_point stop_end_;
  boost::asio::io_context context_;
  detail::ServerStrand strand_;
  detail::Listener<detail::ServerStrand> listener_;
  detail::ServerTimer<detail::ServerStrand> timer_;  // for accepting, or else for the end
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::thread_pool store_threads_{0};  // idle when the last connection has ended. The threads are those of
                                               // `run`: a pool that can start only some of its own waits for ever
  bool stopping_ = false;                      // as all of the listener, only on the strand
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
