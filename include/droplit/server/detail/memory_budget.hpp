// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Bounds the memory of a server: `BeastServer` has one `MemoryBudget`, and each of its connections a `MemoryShare` of
// it, which its `HttpSession` enlarges while it has a long request. Bytes are counted by formula before they are
// allocated (docs/server.md).

#include <droplit/detail/config.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The bound of the memory of all connections, in bytes, and how much of it is in use. Counts, but does not allocate.
/// Every function can be called from any thread.
class MemoryBudget {
 public:
  explicit constexpr MemoryBudget(std::uint64_t limit) noexcept : limit_(limit) {}

  [[nodiscard]] constexpr std::uint64_t limit() const noexcept { return limit_; }
  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

  /// False, and nothing changes, where more than `most` would then be in use.
  bool take(std::uint64_t size, std::uint64_t most) noexcept {
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (used > most || size > most - used) return false;
    } while (!used_.compare_exchange_weak(used, used + size, std::memory_order_relaxed));
    return true;
  }

  void give_back(std::uint64_t size) noexcept { used_.fetch_sub(size, std::memory_order_relaxed); }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_{0};
};

/// The part of a `MemoryBudget` that one connection uses, and its destructor gives back: its own bytes, and extra ones
/// while it has a long request. Without a budget there is no bound. Not thread-safe.
class MemoryShare {
 public:
  MemoryShare() noexcept = default;

  /// No bytes yet.
  explicit MemoryShare(MemoryBudget& budget) noexcept : budget_(&budget) {}

  MemoryShare(MemoryShare&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), own_(other.own_), extra_(other.extra_) {}
  MemoryShare& operator=(MemoryShare&&) = delete;
  ~MemoryShare() {
    if (budget_ != nullptr) budget_->give_back(own_ + extra_);
  }

  /// Takes the connection's own bytes, once. False, and nothing changes, if that is beyond the bound.
  [[nodiscard]] bool take_own(std::uint64_t size) noexcept {
    if (budget_ != nullptr && !budget_->take(size, budget_->limit())) return false;
    own_ = size;
    return true;
  }

  /// Gives everything back.
  void give_back() noexcept {
    give_extra_back();
    if (budget_ != nullptr) budget_->give_back(own_);
    own_ = 0;
  }

  /// Takes what is missing to `size` extra bytes; false, and nothing changes, if that would use the last quarter of the
  /// bound: it is reserved for connections and short requests, which are served however many long requests there are.
  [[nodiscard]] bool take_extra(std::uint64_t size) noexcept {
    if (size <= extra_) return true;
    const std::uint64_t missing = (std::max)(size - extra_, step);
    if (budget_ != nullptr && !budget_->take(missing, budget_->limit() - budget_->limit() / 4)) return false;
    extra_ += missing;
    return true;
  }

  [[nodiscard]] bool has_extra() const noexcept { return extra_ != 0; }

  void give_extra_back() noexcept {
    if (budget_ != nullptr) budget_->give_back(extra_);
    extra_ = 0;
  }

 private:
  static constexpr std::uint64_t step = 65'536;  // so that not every piece of a body is counted

  MemoryBudget* budget_ = nullptr;
  std::uint64_t own_ = 0;
  std::uint64_t extra_ = 0;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
