// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A rule of a behaviour suite. Its id does not change from version to version.
struct ContractCheck {
  std::string_view id;        ///< as a failure names it
  std::string_view sentence;  ///< what the rule asks
  /// The id of the rule without which this one cannot be checked: this one is skipped if that one fails or is skipped.
  /// `*` means all rules before it; empty means none.
  std::string_view rests_on;
};

/// A rule that a model violates: its id, and its sentence with what was observed instead.
struct FailedCheck {
  std::string_view id;   ///< of the rule
  std::string sentence;  ///< what the rule asks, and what was observed
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
