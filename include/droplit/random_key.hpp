// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/random_digits.hpp>
#include <droplit/idempotency_key.hpp>

#include <optional>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A new key of 128 random bits from the system, as hex digits; nothing if the system gives none. Thread-safe.
///
/// If two creates had one key by chance, the second would replay the first or be refused. So the bits are not those of
/// a `Sleeper`, which are for delays, and a child process makes other keys than its parent.
inline std::optional<IdempotencyKey> random_key() {
  const detail::RandomDigits digits;
  return IdempotencyKey::parse(digits.view());
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
