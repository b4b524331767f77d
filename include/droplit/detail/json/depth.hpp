// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// How deep objects and arrays of a JSON text may stand in each other; the outermost is the first level (ours).
inline constexpr unsigned max_json_depth = 32;

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
