// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// For tests of batches: any storage as one of batches, one whose inserts all go through a BatchWriter and are waited
// for, and what a server passes to an async handler.
#pragma once

#include <droplit/async/batch_writer.hpp>
#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/fault.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <condition_variable>
#include <mutex>
#include <span>
#include <utility>

namespace test {

/// An insert whose caller waits until it is completed.
class AwaitedInsert : public droplit::QueuedInsert {
 public:
  explicit AwaitedInsert(const droplit::Client& new_client, const droplit::IdempotencyKey* new_key = nullptr)
      : QueuedInsert(new_client, new_key, [](QueuedInsert& insert) noexcept {
          auto& self = static_cast<AwaitedInsert&>(insert);
          const std::lock_guard lock(self.mutex_);
          self.is_done_ = true;
          self.changed_.notify_one();
        }) {}

  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_done_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_done_ = false;
};

/// Inserts through a writer of its own.
template <class S>
class Written {
 public:
  explicit Written(S& storage, droplit::BatchWriterOptions options = {}) : writer_(storage, options) {}

  droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) {
    AwaitedInsert mine(client);
    writer_.insert(mine);
    mine.wait();
    if (!mine.outcome) return std::move(mine.outcome).as_failure();
    return mine.outcome.assume_value().insertion();
  }
  droplit::Outcome<droplit::KeyedInsertion> insert_once(const droplit::Client& client,
                                                        const droplit::IdempotencyKey& key) {
    AwaitedInsert mine(client, &key);
    writer_.insert(mine);
    mine.wait();
    return std::move(mine.outcome);
  }

 private:
  droplit::BatchWriter<S> writer_;
};

/// A storage whose batches are calls of another storage, one after another.
template <class S>
class OneByOne {
 public:
  explicit OneByOne(S& storage) : storage_(storage) {}

  droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) { return storage_.insert(client); }
  droplit::Outcome<droplit::KeyedInsertion> insert_once(
      const droplit::Client& client, const droplit::IdempotencyKey& key) requires droplit::KeyedStorage<S> {
    return storage_.insert_once(client, key);
  }
  void insert_all(std::span<droplit::BatchInsert* const> inserts) noexcept {
    using droplit::KeyedInsertion, droplit::Outcome;
    for (droplit::BatchInsert* const each : inserts) {
      each->outcome = droplit::detail::guarded<KeyedInsertion>(
          droplit::FaultSource::storage, droplit::Fate::maybe_applied, [&]() -> Outcome<KeyedInsertion> {
            if constexpr (droplit::KeyedStorage<S>) {
              if (each->key != nullptr) return storage_.insert_once(each->client, *each->key);
            }
            Outcome<droplit::Insertion> insertion = storage_.insert(each->client);
            if (!insertion) return std::move(insertion).as_failure();
            return insertion.assume_value();
          });
    }
  }

 private:
  S& storage_;
};

/// What a server passes to `complete`, for a thread that waits until it is called, or destroyed without a call.
class AwaitedDone {
 public:
  class State {
   public:
    /// Whether it was called, once it has ended.
    bool wait() {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_; });
      return called_;
    }
    void end(bool called) noexcept {
      const std::lock_guard lock(mutex_);
      called_ = called;
      ended_ = true;
      changed_.notify_one();
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
    bool called_ = false;
  };
  explicit AwaitedDone(State& state) noexcept : state_(&state) {}
  AwaitedDone(AwaitedDone&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  AwaitedDone& operator=(AwaitedDone&&) = delete;
  ~AwaitedDone() { end(false); }
  void operator()() noexcept { end(true); }

 private:
  void end(bool called) noexcept {
    State* const state = std::exchange(state_, nullptr);
    if (state != nullptr) state->end(called);
  }

  State* state_;
};

}  // namespace test
