// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The names of enumerators: each `to_string` of an enumeration lists its own. A value beyond the enumerators, which a
// cast can make, has an empty name.

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The name of `value`; `names` are those of all enumerators in their order.
template <class Enum, std::size_t Count>
constexpr std::string_view enum_name(Enum value, const std::string_view (&names)[Count]) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < Count ? names[index] : std::string_view();
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
