// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/fault.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

/// One blocking call for a coroutine, whose `Handler` it owns while the coroutine is suspended: on an executor's
/// thread, or not at all if the coroutine is cancelled before. Nothing else owns the coroutine meanwhile, so what the
/// call refers to in it remains.
template <class T, class Call>
class BlockingCall : public std::enable_shared_from_this<BlockingCall<T, Call>> {
 public:
  using Handler = typename boost::asio::async_result<boost::asio::use_awaitable_t<>, void(Outcome<T>)>::handler_type;

  BlockingCall(Call call, const boost::asio::any_io_executor& executor)
      : executor_(boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked)),
        call_(std::move(call)) {}

  template <class Executor>
  void start(const Executor& executor, Handler handler) {
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    handler_.emplace(std::move(handler));
    try {
      if (slot.is_connected()) {
        slot.assign([weak = this->weak_from_this()](boost::asio::cancellation_type type) {
          if (type == boost::asio::cancellation_type::none) return;
          if (const auto call = weak.lock()) call->cancel();
        });
      }
      boost::asio::post(executor, [self = this->shared_from_this()] { self->run(); });
    } catch (...) {  // no memory
      if (!taken_.exchange(true)) complete(caught_fault(FaultSource::library, Fate::not_applied));
    }
  }

 private:
  void run() {
    if (!taken_.exchange(true)) complete(guarded<T>(FaultSource::storage, Fate::maybe_applied, call_));
  }

  void cancel() {
    if (taken_.exchange(true)) return;  // the call runs, and its result is awaited
    // A text that is too short to need memory.
    complete(Fault::unavailable(FaultSource::storage, "cancelled"));
  }

  // Resumes the coroutine on its own executor, whose work ends last: until then its context does not run out of work.
  void complete(Outcome<T> result) noexcept {
    result_ = std::move(result);
    const auto executor = std::move(executor_);
    for (;;) {
      try {
        return boost::asio::post(executor, [self = this->shared_from_this()] {
          (*std::exchange(self->handler_, std::nullopt))(std::move(self->result_));
        });
      } catch (...) {  // no memory: the call is done, so the coroutine must be told
        std::this_thread::yield();
      }
    }
  }

  boost::asio::any_io_executor executor_;
  Call call_;
  std::optional<Handler> handler_;
  Outcome<T> result_ = Fault(FaultSource::library, Fate::not_applied, {});
  std::atomic<bool> taken_{false};
};

}  // namespace detail

/// An `AsyncStorage` of a storage that blocks: runs its calls on an executor's threads, such as those of a
/// `boost::asio::thread_pool`, and resumes the coroutine on the coroutine's own executor. Made by `blocking_store`.
///
/// A coroutine that is cancelled before a thread has begun its call resumes at once, with a `Fault` that was not
/// applied; later the call's result is awaited. As thread-safe as the storage. The storage and the threads must outlive
/// all calls. So must the coroutine's execution context: it does not run out of work before they end, but a program
/// that stops it must end the threads first.
template <Storage S, class Executor>
class BlockingStore {
 public:
  /// The storage and its calls' executor.
  BlockingStore(S& storage, Executor executor) : storage_(storage), executor_(std::move(executor)) {}

  /// `insert` of the storage. `client` must remain until the end.
  boost::asio::awaitable<Outcome<Insertion>> insert(const Client& client) {
    return run<Insertion>([this, &client]() -> Outcome<Insertion> { return storage_.insert(client); });
  }

  /// `insert_once` of the storage. `client` and `key` must remain until the end.
  boost::asio::awaitable<Outcome<KeyedInsertion>> insert_once(const Client& client,
                                                              const IdempotencyKey& key) requires KeyedStorage<S> {
    return run<KeyedInsertion>(
        [this, &client, &key]() -> Outcome<KeyedInsertion> { return storage_.insert_once(client, key); });
  }

 private:
  // What needs memory comes before the suspension: from there on an exception would not reach the coroutine.
  template <class T, class Call>
  boost::asio::awaitable<Outcome<T>> run(Call call) {
    const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
    auto blocking = std::make_shared<detail::BlockingCall<T, Call>>(std::move(call), executor);
    auto done = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Outcome<T>)>(
        [this, &blocking](auto handler) {
          const auto started = std::move(blocking);
          started->start(executor_, std::move(handler));
        },
        boost::asio::use_awaitable);
    co_return co_await std::move(done);
  }

  S& storage_;
  Executor executor_;
};

/// Makes an `AsyncStorage` of `storage`, whose calls block threads of `executor`.
///
///     boost::asio::thread_pool threads(8);
///     auto store = blocking_store(sqlite, threads.get_executor());
///     auto client = co_await async_create_client(store, clock, ids, draft);
template <Storage S, class Executor>
requires boost::asio::execution::is_executor<Executor>::value BlockingStore<S, Executor> blocking_store(
    S& storage, Executor executor) {
  return {storage, std::move(executor)};
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
