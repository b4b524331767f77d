// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the tests of coroutines share: a store that suspends, and a server's callback.
#pragma once

#include <droplit/client.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <utility>

namespace test {

/// Runs a coroutine that may not throw.
template <class Context>
void spawn(Context& context, boost::asio::awaitable<void> coroutine) {
  boost::asio::co_spawn(context, std::move(coroutine), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
}

/// An async storage that suspends before and after the call of another storage.
template <class S>
class AsyncStore {
 public:
  explicit AsyncStore(S& storage) : storage_(storage) {}

  boost::asio::awaitable<droplit::Outcome<droplit::Insertion>> insert(const droplit::Client& client) {
    co_await boost::asio::post(boost::asio::use_awaitable);
    droplit::Outcome<droplit::Insertion> insertion = storage_.insert(client);
    co_await boost::asio::post(boost::asio::use_awaitable);
    co_return std::move(insertion);
  }

  boost::asio::awaitable<droplit::Outcome<droplit::KeyedInsertion>> insert_once(
      const droplit::Client& client, const droplit::IdempotencyKey& key) requires droplit::KeyedStorage<S> {
    co_await boost::asio::post(boost::asio::use_awaitable);
    droplit::Outcome<droplit::KeyedInsertion> insertion = storage_.insert_once(client, key);
    co_await boost::asio::post(boost::asio::use_awaitable);
    co_return std::move(insertion);
  }

 private:
  S& storage_;
};

/// What a server passes to an async handler: runs on `context`, and sets `called`.
class Done {
 public:
  Done(boost::asio::io_context& context, bool& called) : context_(&context), called_(&called) {}
  Done(Done&& other) noexcept : context_(other.context_), called_(std::exchange(other.called_, nullptr)) {}
  Done& operator=(Done&&) = delete;
  ~Done() = default;

  void operator()() noexcept { *std::exchange(called_, nullptr) = true; }
  [[nodiscard]] boost::asio::any_io_executor get_executor() const { return context_->get_executor(); }

 private:
  boost::asio::io_context* context_;
  bool* called_;
};

}  // namespace test
