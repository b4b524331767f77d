// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The groups of inserts that shared a commit, since the store was opened.
struct GroupCommitStats {
  /// The sizes that are counted apart: 1, at most 2, 4, 8, 16, 32, 64, and more.
  static constexpr std::array<std::uint64_t, 7> bounds{1, 2, 4, 8, 16, 32, 64};

  std::array<std::uint64_t, bounds.size() + 1> groups{};  ///< of each size, those that failed too
  std::uint64_t inserts = 0;                              ///< in all of them

  /// Counts a group of so many.
  constexpr void add(std::size_t size) noexcept {
    std::size_t i = 0;
    while (i != bounds.size() && size > bounds[i]) ++i;
    ++groups[i];
    inserts += size;
  }

  bool operator==(const GroupCommitStats&) const = default;
};

/// What a store counts, since it was opened.
struct StoreStats {
  std::optional<GroupCommitStats> group_commits = {};  ///< nothing where each insert has a commit of its own
  std::uint64_t waits = 0;             ///< operations that found the store's connections taken by other threads
  std::uint64_t wait_nanoseconds = 0;  ///< how long these have waited together
  std::uint64_t wait_timeouts = 0;     ///< those that gave up

  /// Counts an operation that waited so long, and gave up if not `got`.
  constexpr void add_wait(std::int64_t nanoseconds, bool got) noexcept {
    ++waits;
    wait_nanoseconds += static_cast<std::uint64_t>(nanoseconds);
    if (!got) ++wait_timeouts;
  }

  bool operator==(const StoreStats&) const = default;
};

/// A storage that counts. `stats` may be called at any time, by any thread, and waits for no operation.
template <class S>
concept CountingStorage = requires(const S& storage) {
  /// The counts now.
  { storage.stats() } -> std::same_as<StoreStats>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
