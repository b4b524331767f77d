// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Makes the numbers that `ObjectIds` writes after the seconds: 40 random bits and 24 of a counter, as one number of 64
// bits that only ever grows, so that the random bits change when the counter wraps. A process has one state, shared by
// all its shared objects, however their files are compiled.
//
// A thread that needs many at one time takes them in blocks, so that threads do not wait for each other's caches: one
// number, then twice as many each time, up to 1024. When the time changes it begins with one again and drops what it
// had left. So numbers grow with the time over all threads, and a tree of ids that many threads insert into, each a few
// times a millisecond, grows in one place. What a thread has left when it ends is in a block of the state, which the
// next thread takes over; a thread that finds no free block takes its numbers one by one.
//
// A child process must not continue its parent's numbers. On Linux the state is in pages that the kernel clears in a
// child (MADV_WIPEONFORK), whichever call made the child, and with them the blocks; without such pages there are no
// blocks, and each call compares the process id.

#include <droplit/detail/config.hpp>
#include <droplit/detail/platform.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace droplit::inline v0::process {

class DROPLIT_DETAIL_SHARED Numbers {
  using Number = std::atomic<std::uint64_t>;

  struct Thread;

  struct alignas(128) Block {                   // two cache lines, which processors fetch together
    std::atomic<const Thread*> owner{nullptr};  // the numbers are for this thread alone
    std::int64_t time = 0;                      // that they are for
    std::uint64_t size = 0;                     // how many were asked for
    std::uint64_t next = 0;
    std::uint64_t end = 0;
  };

  // What a thread has until it ends. In a child its block has no owner, or another one.
  struct Thread {
    Block* block;
    std::uint64_t singles;  // how many numbers it takes one by one before it looks for a free block again

    [[nodiscard]] bool has_block() const noexcept {
      return block != nullptr && block->owner.load(std::memory_order_relaxed) == this;
    }
  };

 public:
  /// Memory that is zero at first and in every child process.
  struct Pages {
    Number next{0};
    std::array<Block, 255> blocks;
  };

  /// Without pages the process id is compared. One of a process has pages at most.
  explicit Numbers(Pages* cleared_in_child) noexcept
      : pages_(cleared_in_child), next_(cleared_in_child != nullptr ? cleared_in_child->next : own_) {}

  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;

  /// A number that this process has not returned before, and, while times only grow, larger than those for earlier
  /// times; 0 if the system gives no random bytes. `time`: milliseconds. Thread-safe.
  std::uint64_t next(std::int64_t time) noexcept {
    if (pages_ == nullptr) {
      clear_in_child();
      return take(1).begin;
    }
    const Thread& me = thread();
    if (me.has_block() && me.block->next != me.block->end && me.block->time == time) return me.block->next++;
    return next_of_new_block(time);
  }

  /// Pages for a `Numbers`, never freed; null if the system has none that it clears in a child.
  static Pages* cleared_pages() noexcept {
    void* const pages = memory_cleared_in_child(sizeof(Pages));
    return pages != nullptr ? new (pages) Pages : nullptr;
  }

 private:
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
  };

  // Gives the thread's block to others when the thread ends.
  struct Release {
    Release() = default;
    Release(const Release&) = delete;
    Release& operator=(const Release&) = delete;
    ~Release() {
      Thread& me = thread();
      if (me.has_block()) me.block->owner.store(nullptr, std::memory_order_release);
      me = {nullptr, ~std::uint64_t{0}};
    }
  };

  static constexpr std::uint64_t max_block_size = 1024;

  static bool is_drawn(std::uint64_t number) noexcept { return number >> 24 != 0; }

  static Thread& thread() noexcept {
    static constinit thread_local Thread me{nullptr, 0};
    return me;
  }

  DROPLIT_DETAIL_NOINLINE std::uint64_t next_of_new_block(std::int64_t time) noexcept {
    Thread& me = thread();
    if (!me.has_block() && !claim_block(me)) return take(1).begin;
    Block& block = *me.block;
    if (block.next == block.end || block.time != time) {
      const std::uint64_t size = block.time == time ? 2 * block.size : 1;
      block.size = std::clamp<std::uint64_t>(size, 1, max_block_size);
      block.time = time;
      const Range range = take(block.size);
      if (range.begin == range.end) return 0;
      block.next = range.begin;
      block.end = range.end;
    }
    return block.next++;
  }

  bool claim_block(Thread& me) noexcept {
    if (me.singles != 0) {
      --me.singles;
      return false;
    }
    static thread_local const Release at_the_end;
    for (Block& block : pages_->blocks) {
      const Thread* none = nullptr;
      if (block.owner.load(std::memory_order_relaxed) != nullptr) continue;
      if (!block.owner.compare_exchange_strong(none, &me, std::memory_order_acquire)) continue;
      me.block = &block;
      return true;
    }
    me.singles = max_block_size;
    return false;
  }

  // At least one new number, and at most so many that the last is one less than a multiple of `size`; none if the
  // system gives no random bytes.
  Range take(std::uint64_t size) noexcept {
    std::uint64_t seen = next_.load(std::memory_order_relaxed);
    for (;;) {
      const std::uint64_t begin = is_drawn(seen) ? seen : draw();
      if (begin == 0) return {0, 0};
      const std::uint64_t end = (begin | (size - 1)) + 1;
      if (next_.compare_exchange_weak(seen, end, std::memory_order_relaxed)) return {begin, end};
    }
  }

  void clear_in_child() noexcept {
    const std::int64_t me = process_id();
    if (owner_.load(std::memory_order_acquire) == me) return;
    own_.store(0, std::memory_order_relaxed);  // if two threads do so, the number is drawn twice
    owner_.store(me, std::memory_order_release);
  }

  // Random bits above a counter that starts anywhere in its lower half; 0 if the system gives no random bytes.
  static std::uint64_t draw() noexcept {
    std::uint64_t bits = 0;
    do {
      if (!random_bytes(&bits, sizeof bits)) return 0;
    } while (!is_drawn(bits));
    return bits & ~std::uint64_t{0x800000};
  }

  Pages* pages_;
  Number own_{0};
  std::atomic<std::int64_t> owner_{0};  // the process that `own_` was drawn in
  Number& next_;
};

DROPLIT_DETAIL_SHARED inline Numbers& numbers() noexcept {
  static Numbers state(Numbers::cleared_pages());
  return state;
}

}  // namespace droplit::inline v0::process
