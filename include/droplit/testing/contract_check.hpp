// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A rule of a contract suite. Its id never changes.
struct ContractCheck {
  std::string_view id;
  std::string_view sentence;
  /// The rule without which this one cannot be checked: it is left out where that one fails or is left out. `*` is all
  /// rules before it.
  std::string_view rests_on;
};

/// A rule that was broken: its id in the suite's table, and the rule in words with what was seen instead.
struct FailedCheck {
  std::string_view id;
  std::string sentence;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
