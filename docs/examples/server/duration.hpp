// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace server {

/// A whole number of ms, s, m, h or d, within these limits; nothing if it is not one.
inline std::optional<std::chrono::milliseconds> parse_duration(std::string_view text, std::chrono::milliseconds least,
                                                               std::chrono::milliseconds most) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t factor = unit == "ms"  ? 1
                              : unit == "s" ? 1000
                              : unit == "m" ? 60'000
                              : unit == "h" ? 3'600'000
                              : unit == "d" ? 86'400'000
                                            : 0;
  if (error != std::errc{} || factor == 0 || count < 0 || count > most.count() / factor) return std::nullopt;
  const std::chrono::milliseconds duration{count * factor};
  return duration < least ? std::nullopt : std::optional(duration);
}

/// In the largest unit that leaves no rest; a day is 24h.
inline std::string to_text(std::chrono::milliseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0 || count % 1000 != 0) return std::to_string(count) + "ms";
  if (count % 60'000 != 0) return std::to_string(count / 1000) + "s";
  if (count % 3'600'000 != 0) return std::to_string(count / 60'000) + "m";
  if (count % 86'400'000 != 0 || count == 86'400'000) return std::to_string(count / 3'600'000) + "h";
  return std::to_string(count / 86'400'000) + "d";
}

}  // namespace server
