// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// How deep the JSON of a body may be nested, in a header of its own because Boost.JSON's reader and the fast reader
// share nothing else. Used by `JsonReader` and by the skipping of unknown members.

#include <droplit/detail/config.hpp>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The levels of objects and arrays that a body may have; the outermost is the first (ours).
inline constexpr unsigned max_json_depth = 32;

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
