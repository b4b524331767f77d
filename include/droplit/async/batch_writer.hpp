// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/fault.hpp>
#include <droplit/idempotency_key.hpp>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A value outside its range counts as the nearest one within it.
struct BatchWriterOptions {
  unsigned threads = 1;         ///< each has a batch of its own in progress: 1 to 1024
  std::size_t max_batch = 256;  ///< how many inserts one batch has at most: 1 to 65,536
};

/// An insert that a `BatchWriter` does later, and the function that it calls then.
class QueuedInsert : public BatchInsert {
 public:
  /// Called once with the insert, whose outcome is set; may destroy it or give it to a writer again,
  /// but to one that was stopped only once.
  using Completion = void (*)(QueuedInsert&) noexcept;

  /// Refers to the client and, if there is one, to the key: both, and this, must remain until `done` is called.
  QueuedInsert(const Client& new_client, const IdempotencyKey* new_key, Completion done) noexcept
      : BatchInsert(new_client, new_key), done_(done) {}
  QueuedInsert(const Client&& new_client, const IdempotencyKey* new_key, Completion done) = delete;
  QueuedInsert(const QueuedInsert&) = delete;
  QueuedInsert& operator=(const QueuedInsert&) = delete;

 private:
  template <BatchStorage S>
  friend class BatchWriter;

  Completion done_;
  QueuedInsert* next_ = nullptr;  // in the writer's queue
};

/// Inserts into a storage on threads of its own, so that no other thread waits for a commit: all that was queued while
/// one batch was committed is the next one.
///
/// Holds a reference to the storage, which must outlive it. Thread-safe. The queue allocates nothing, and has no limit:
/// its inserts are the callers'. An insert waits for the batches before it, so for several times as long as the storage
/// itself may wait.
template <BatchStorage S>
class BatchWriter {
 public:
  /// Starts the threads; throws `std::system_error` or `std::bad_alloc`.
  explicit BatchWriter(S& storage, BatchWriterOptions options = {})
      : storage_(storage),
        batches_(detail::bounded(options.threads, 1U, 1024U),
                 std::vector<BatchInsert*>(detail::bounded<std::size_t>(options.max_batch, 1, 65'536))) {
    threads_.reserve(batches_.size());
    try {
      for (std::vector<BatchInsert*>& batch : batches_) threads_.emplace_back([this, &batch] { write(batch); });
    } catch (...) {
      stop();
      join();
      throw;
    }
  }
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;
  /// Stops, and returns when all inserts that were queued are done.
  ~BatchWriter() {
    stop();
    join();
  }

  /// Queues an insert, which one of the writer's threads does and completes. After `stop` the calling thread completes
  /// it at once, with an unavailable fault. Never waits for the storage.
  void insert(QueuedInsert& insert) noexcept {
    insert.next_ = nullptr;
    std::unique_lock lock(mutex_);
    if (stopped_) {
      lock.unlock();
      return refuse(insert);
    }
    const bool was_empty = first_ == nullptr;
    if (was_empty) {
      first_ = &insert;
    } else {
      last_->next_ = &insert;
    }
    last_ = &insert;
    // Otherwise a thread was woken before, or is about to look. Under the lock: once the insert is completed, its owner
    // may destroy the writer.
    if (was_empty) queued_.notify_one();
  }

  /// Refuses all inserts from now on; those that were queued are done. Does not wait.
  void stop() noexcept {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    queued_.notify_all();
  }

 private:
  static void refuse(QueuedInsert& insert) noexcept {
    insert.outcome = Fault::unavailable(FaultSource::library, "writer stopped");  // too short to need memory
    insert.done_(insert);
  }

  // `batch` has room for the longest one.
  void write(std::span<BatchInsert*> batch) noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
      queued_.wait(lock, [this] { return first_ != nullptr || stopped_; });
      if (first_ == nullptr) return;
      std::size_t size = 0;
      for (; first_ != nullptr && size != batch.size(); ++size) batch[size] = std::exchange(first_, first_->next_);
      const bool has_more = first_ != nullptr;
      lock.unlock();
      if (has_more) queued_.notify_one();
      storage_.insert_all(batch.first(size));
      for (BatchInsert* const each : batch.first(size)) {
        auto& insert = static_cast<QueuedInsert&>(*each);
        insert.done_(insert);
      }
      lock.lock();
    }
  }

  void join() noexcept {
    for (std::thread& thread : threads_) thread.join();
  }

  S& storage_;
  std::vector<std::vector<BatchInsert*>> batches_;  // one for each thread
  std::mutex mutex_;
  std::condition_variable queued_;
  QueuedInsert* first_ = nullptr;
  QueuedInsert* last_ = nullptr;  // if there is a first
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
