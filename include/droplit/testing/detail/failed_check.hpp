// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../../detail/config.hpp"

#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A rule that was broken: its id in the suite's table, and the rule in words with what was seen instead.
struct FailedCheck {
  std::string_view id;
  std::string sentence;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
