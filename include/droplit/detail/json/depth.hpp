// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The levels of objects and arrays that a body may have; the outermost is the first (ours). In a header of its own
/// since the reader on Boost.JSON and the fast reader share nothing else.
inline constexpr unsigned max_json_depth = 32;

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
