// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// How many letters must be changed, left out, added or swapped with their neighbour to make one of the other, whatever
/// their case.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = row[j - 1] + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      next[j] = std::min({changed, row[j] + 1, next[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

/// What was probably meant: the candidate that is nearest to `given`, if it is near enough, a third of the letters at
/// the most; or else the first that begins with it; empty if there is none.
inline std::string_view nearest(std::string_view given, std::span<const std::string_view> candidates) {
  constexpr std::size_t longest = 32;
  if (given.size() < 2 || given.size() > longest) return {};
  std::string_view best;
  std::size_t least = longest;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(given, candidate);
    if (distance < least && 3 * distance <= std::max<std::size_t>(given.size(), 3)) {
      least = distance;
      best = candidate;
    }
  }
  if (!best.empty() || given.size() < 3) return best;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > given.size() && edit_distance(given, candidate.substr(0, given.size())) == 0)
      return candidate;
  }
  return {};
}

/// `; did you mean server?`, or nothing.
inline std::string did_you_mean(std::string_view given, std::span<const std::string_view> candidates,
                                std::string_view before = {}) {
  const std::string_view best = nearest(given, candidates);
  if (best.empty()) return {};
  return std::string("; did you mean ").append(before).append(best).append("?");
}

}  // namespace program
