// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Counters by closed dimensions, without a lock or an allocation for a request: a route or a combination of labels gets
// its place in a table of fixed size when it first comes. What finds no place is counted as `other`, so that no caller
// can make the tables, or the page of metrics, grow. Used by `Prometheus`.

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The routes that have come, each with a number. Thread-safe.
class RouteNumbers {
 public:
  static constexpr std::size_t most = 32;  ///< `other`, which is number 0, among them

  /// The number of `route`; 0 if there is no place for it.
  std::size_t find_or_add(std::string_view route) noexcept {
    const std::size_t known = count_.load(std::memory_order_acquire);
    if (const auto found = find(route, 0, known)) return *found;
    if (known == most || route.size() > max_size) return 0;
    const std::lock_guard lock(mutex_);
    const std::size_t count = count_.load(std::memory_order_relaxed);
    if (const auto found = find(route, known, count)) return *found;
    if (count == most) return 0;
    std::copy(route.begin(), route.end(), names_[count].text.begin());
    names_[count].size = route.size();
    count_.store(count + 1, std::memory_order_release);
    return count;
  }

  [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_acquire); }

  /// The route of a number below `count()`.
  [[nodiscard]] std::string_view name(std::size_t number) const noexcept { return names_[number].view(); }

 private:
  static constexpr std::size_t max_size = 120;

  struct Name {
    std::array<char, max_size> text{};
    std::size_t size = 0;
    [[nodiscard]] std::string_view view() const noexcept { return {text.data(), size}; }
  };

  [[nodiscard]] std::optional<std::size_t> find(std::string_view route, std::size_t first,
                                                std::size_t end) const noexcept {
    for (std::size_t i = first; i != end; ++i) {
      if (names_[i].view() == route) return i;
    }
    return std::nullopt;
  }

  std::array<Name, most> names_ = [] {
    std::array<Name, most> names;
    constexpr std::string_view other = "other";
    std::copy(other.begin(), other.end(), names[0].text.begin());
    names[0].size = other.size();
    return names;
  }();
  std::atomic<std::size_t> count_ = 1;
  std::mutex mutex_;
};

/// The methods that are counted apart, `other` last.
inline constexpr std::array<std::string_view, 10> counted_methods{"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                                                  "CONNECT", "OPTIONS", "TRACE", "PATCH", "other"};

/// The labels of a counter of requests.
struct RequestLabels {
  std::size_t route = 0;             ///< a number of `RouteNumbers`
  std::size_t method = 0;            ///< an index in `counted_methods`
  int status = 0;                    ///< 0 to 999
  std::optional<ApiErrc> code = {};  ///< of the refusal, if it was one

  bool operator==(const RequestLabels&) const = default;
};

/// Counters of requests, one for each combination of labels that has come. Thread-safe.
class RequestCounts {
 public:
  void add(const RequestLabels& labels) noexcept {
    const std::uint64_t key = pack(labels);
    const auto first = static_cast<unsigned>((key * 0x9E3779B97F4A7C15U) >> 55U);
    for (std::size_t i = 0; i != cells_.size(); ++i) {
      Cell& cell = cells_[(first + i) % cells_.size()];
      std::uint64_t there = cell.key.load(std::memory_order_relaxed);
      if (there == 0 && publish(cell, there, key)) there = key;
      if (there != key) continue;
      cell.count.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    others_.fetch_add(1, std::memory_order_relaxed);
  }

  /// Calls `call(labels, count)` for each combination that has come.
  template <class Call>
  void for_each(Call call) const {
    for (const Cell& cell : cells_) {
      const std::uint64_t key = cell.key.load(std::memory_order_acquire);
      if (key != 0) call(unpack(key), cell.count.load(std::memory_order_relaxed));
    }
  }

  /// How many requests found no place.
  [[nodiscard]] std::uint64_t others() const noexcept { return others_.load(std::memory_order_relaxed); }

 private:
  struct Cell {
    std::atomic<std::uint64_t> key = 0;  // 0: free
    std::atomic<std::uint64_t> count = 0;
  };

  /// Takes a free cell. Who reads the key there also sees the name of its route.
  static bool publish(Cell& cell, std::uint64_t& there, std::uint64_t key) noexcept {
    return cell.key.compare_exchange_strong(there, key, std::memory_order_release, std::memory_order_relaxed);
  }

  static std::uint64_t pack(const RequestLabels& labels) noexcept {
    const auto code = labels.code ? static_cast<std::uint64_t>(*labels.code) : 0U;
    const auto status = static_cast<std::uint64_t>(std::clamp(labels.status, 0, 999));
    return 1U | labels.route << 1U | labels.method << 9U | code << 17U | status << 25U;
  }

  static RequestLabels unpack(std::uint64_t key) noexcept {
    const std::uint64_t code = key >> 17U & 0xFFU;
    RequestLabels labels{key >> 1U & 0xFFU, key >> 9U & 0xFFU, static_cast<int>(key >> 25U), {}};
    if (code != 0) labels.code = static_cast<ApiErrc>(code);
    return labels;
  }

  std::array<Cell, 512> cells_;
  std::atomic<std::uint64_t> others_ = 0;
};

/// A histogram of durations. Thread-safe.
class DurationHistogram {
 public:
  struct Bound {
    std::int64_t nanoseconds;  ///< a duration of that is within it
    std::string_view text;     ///< in seconds
  };
  static constexpr std::array<Bound, 15> bounds{{{100'000, "0.0001"},
                                                 {250'000, "0.00025"},
                                                 {500'000, "0.0005"},
                                                 {1'000'000, "0.001"},
                                                 {2'500'000, "0.0025"},
                                                 {5'000'000, "0.005"},
                                                 {10'000'000, "0.01"},
                                                 {25'000'000, "0.025"},
                                                 {50'000'000, "0.05"},
                                                 {100'000'000, "0.1"},
                                                 {250'000'000, "0.25"},
                                                 {500'000'000, "0.5"},
                                                 {1'000'000'000, "1"},
                                                 {2'500'000'000, "2.5"},
                                                 {10'000'000'000, "10"}}};

  void add(std::int64_t nanoseconds) noexcept {
    const auto* const bound =
        std::lower_bound(bounds.begin(), bounds.end(), nanoseconds,
                         [](const Bound& one, std::int64_t time) { return one.nanoseconds < time; });
    counts_[static_cast<std::size_t>(bound - bounds.begin())].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(static_cast<std::uint64_t>((std::max)(nanoseconds, std::int64_t{0})), std::memory_order_relaxed);
  }

  /// How many were at most bound `i`, and longer than the one before; of those beyond all bounds at the end.
  [[nodiscard]] std::uint64_t count(std::size_t i) const noexcept { return counts_[i].load(std::memory_order_relaxed); }

  [[nodiscard]] bool is_empty() const noexcept {
    return std::all_of(counts_.begin(), counts_.end(), [](const auto& count) { return count == 0; });
  }

  /// All durations together, in nanoseconds.
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> counts_{};
  std::atomic<std::uint64_t> sum_ = 0;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
