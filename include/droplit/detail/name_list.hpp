// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The names of fields that are not allowed, as a request has them, until they are listed once each. The names are
// untrusted: all are in one buffer with four bytes of index each, and there is no hash table that chosen names could
// make slow. Used for query fields (http/target.hpp) and for unknown members of a body (json/draft_stream.hpp).

#include <droplit/detail/config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Names in order of arrival. Holds up to 4 GiB of them; the callers' limits on a request are far below that.
class NameList {
 public:
  void add(std::string_view name) {
    text_ += name;
    ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  }

  void clear() noexcept {
    text_.clear();
    ends_.clear();
  }

  [[nodiscard]] bool empty() const noexcept { return ends_.empty(); }

  /// The names joined by `, `, each once, in order of first appearance. O(n log n) comparisons.
  [[nodiscard]] std::string join() const {
    std::vector<std::uint32_t> order(ends_.size());
    for (std::uint32_t i = 0; i != order.size(); ++i) order[i] = i;
    const auto before = [this](std::uint32_t a, std::uint32_t b) {
      const std::string_view first = name(a);
      const std::string_view second = name(b);
      if (first.size() != second.size()) return first.size() < second.size();  // any order will do; this one is cheap
      const int compared = first.compare(second);
      return compared != 0 ? compared < 0 : a < b;
    };
    // As std::sort, with a quarter of the code, which every file that includes this compiles.
    std::make_heap(order.begin(), order.end(), before);
    std::sort_heap(order.begin(), order.end(), before);
    std::vector<std::uint32_t> repeated(order.size());  // 1 where an earlier name is the same
    for (std::size_t i = 1; i < order.size(); ++i) repeated[order[i]] = name(order[i]) == name(order[i - 1]) ? 1 : 0;

    constexpr std::size_t message = 64;  // of which the names will be a part
    std::size_t size = message;
    for (std::uint32_t i = 0; i != repeated.size(); ++i) size += repeated[i] != 0 ? 0 : name(i).size() + 2;
    std::string joined;
    joined.reserve(size);
    for (std::uint32_t i = 0; i != repeated.size(); ++i) {
      if (repeated[i] != 0) continue;
      if (i != 0) joined += ", ";
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
