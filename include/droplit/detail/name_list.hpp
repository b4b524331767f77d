// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The names of fields that are not allowed, as a request gives them: kept whole, told once each.
///
/// Built to be fed by strangers: one buffer and four bytes a name, and no table that chosen names could make slow.
/// Holds up to 4 GiB of names; the callers' limits on a request are far below that.
class NameList {
 public:
  void add(std::string_view name) {
    append(name);
    end_name();
  }

  /// Adds to the pending name, which `end_name` makes one of the list and `drop_pending` forgets.
  void append(std::string_view part) { text_ += part; }

  void end_name() { ends_.push_back(static_cast<std::uint32_t>(text_.size())); }

  void drop_pending() noexcept { text_.resize(ends_.empty() ? 0 : ends_.back()); }

  [[nodiscard]] std::string_view pending() const noexcept {
    return std::string_view(text_).substr(ends_.empty() ? 0 : ends_.back());
  }

  void clear() noexcept {
    text_.clear();
    ends_.clear();
  }

  [[nodiscard]] bool empty() const noexcept { return ends_.empty(); }

  /// The names joined by `, `, each once, in order of first appearance. O(n log n) comparisons.
  [[nodiscard]] std::string join() const {
    std::vector<std::uint32_t> order(ends_.size());
    for (std::size_t i = 0; i != order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    std::sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
      const std::string_view first = name(a);
      const std::string_view second = name(b);
      if (first.size() != second.size()) return first.size() < second.size();  // any order will do, so the cheapest
      const int compared = first.compare(second);
      return compared != 0 ? compared < 0 : a < b;
    });
    const auto repeats = std::unique(order.begin(), order.end(),
                                     [this](std::uint32_t a, std::uint32_t b) { return name(a) == name(b); });
    order.erase(repeats, order.end());
    std::sort(order.begin(), order.end());

    constexpr std::size_t sentence = 64;  // what will be said around the names
    std::size_t size = sentence;
    for (const std::uint32_t i : order) size += name(i).size() + 2;
    std::string joined;
    joined.reserve(size);
    for (const std::uint32_t i : order) {
      if (i != order.front()) joined += ", ";
      joined += name(i);
    }
    return joined;
  }

 private:
  [[nodiscard]] std::string_view name(std::uint32_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(begin, ends_[i] - begin);
  }

  std::string text_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
