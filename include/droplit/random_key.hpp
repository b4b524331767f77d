// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/clock.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/random_digits.hpp>
#include <droplit/idempotency_key.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A new key: the time in milliseconds as 12 hex digits, then 128 random bits of the system as 32; nothing if the
/// system gives none. Thread-safe.
///
/// If two creates had one key by chance, the second would replay the first or be refused. So the bits are not those of
/// a `Sleeper`, which are for delays, and a child process makes other keys than its parent. The time comes first, since
/// an index of keys in a store is cheaper to keep if keys come in order.
inline std::optional<IdempotencyKey> random_key() {
  const detail::RandomDigits digits;
  if (digits.view().empty()) return std::nullopt;
  const auto millis = static_cast<std::uint64_t>(SystemClock().now().unix_millis());
  std::string text;
  for (int shift = 44; shift >= 0; shift -= 4) text += detail::hex_digits[millis >> shift & 0xF];
  return IdempotencyKey::parse(text.append(digits.view()));
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
