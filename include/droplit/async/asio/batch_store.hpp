// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/async/batch_writer.hpp>
#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

/// An insert of a coroutine, whose `Handler` it owns while the coroutine is suspended. Nothing else owns the coroutine
/// meanwhile, so what the insert refers to in it remains.
template <class T>
class QueuedCoroutine : public QueuedInsert, public std::enable_shared_from_this<QueuedCoroutine<T>> {
 public:
  using Handler = typename boost::asio::async_result<boost::asio::use_awaitable_t<>, void(Outcome<T>)>::handler_type;

  QueuedCoroutine(const Client& new_client, const IdempotencyKey* new_key, const boost::asio::any_io_executor& executor)
      : QueuedInsert(new_client, new_key, resume),
        executor_(boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked)) {}

  /// Lives until it has resumed the coroutine.
  void own(Handler handler) noexcept {
    handler_.emplace(std::move(handler));
    own_ = this->shared_from_this();
  }

 private:
  // On the coroutine's own executor, whose work ends last: until then its context does not run out of work.
  static void resume(QueuedInsert& insert) noexcept {
    const auto self = std::move(static_cast<QueuedCoroutine&>(insert).own_);
    const auto executor = std::move(self->executor_);
    for (;;) {
      try {
        return boost::asio::post(executor, [self] { (*std::exchange(self->handler_, std::nullopt))(self->result()); });
      } catch (...) {  // no memory: the insert is done, so the coroutine must be told
        std::this_thread::yield();
      }
    }
  }

  Outcome<T> result() {
    if constexpr (std::same_as<T, KeyedInsertion>) {
      return std::move(outcome);
    } else {
      if (!outcome) return std::move(outcome).as_failure();
      return outcome.assume_value().insertion();
    }
  }

  boost::asio::any_io_executor executor_;
  std::optional<Handler> handler_;
  std::shared_ptr<QueuedCoroutine> own_;
};

}  // namespace detail

/// An `AsyncStorage` over a `BatchWriter`: coroutines that create at the same time share the storage's commits, and
/// each is resumed on its own executor. Made by `batch_store`.
///
/// An insert that was queued is done, also if its coroutine is cancelled meanwhile: the result is awaited. As
/// thread-safe as the writer, which must outlive all calls. So must the coroutine's execution context: it does not run
/// out of work before they end, but a program that stops it must destroy the writer first.
template <BatchStorage S>
class BatchStore {
 public:
  /// Over this writer.
  explicit BatchStore(BatchWriter<S>& writer) noexcept : writer_(writer) {}

  /// `insert` of the storage. `client` must remain until the end.
  boost::asio::awaitable<Outcome<Insertion>> insert(const Client& client) { return run<Insertion>(client, nullptr); }

  /// `insert_once` of the storage. `client` and `key` must remain until the end.
  boost::asio::awaitable<Outcome<KeyedInsertion>> insert_once(const Client& client,
                                                              const IdempotencyKey& key) requires KeyedStorage<S> {
    return run<KeyedInsertion>(client, &key);
  }

 private:
  // What needs memory comes before the suspension: from there on an exception would not reach the coroutine.
  template <class T>
  boost::asio::awaitable<Outcome<T>> run(const Client& client, const IdempotencyKey* key) {
    const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
    auto queued = std::make_shared<detail::QueuedCoroutine<T>>(client, key, executor);
    auto done = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Outcome<T>)>(
        [&writer = writer_, &queued](auto handler) {
          const auto insert = std::move(queued);
          insert->own(std::move(handler));
          writer.insert(*insert);
        },
        boost::asio::use_awaitable);
    co_return co_await std::move(done);
  }

  BatchWriter<S>& writer_;
};

/// Makes an `AsyncStorage` of a writer.
///
///     droplit::BatchWriter writer(postgres);
///     auto store = batch_store(writer);
///     auto client = co_await async_create_client(store, clock, ids, draft);
template <BatchStorage S>
BatchStore<S> batch_store(BatchWriter<S>& writer) noexcept {
  return BatchStore<S>(writer);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
