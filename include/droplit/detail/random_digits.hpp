// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Random bits of the system as text, for names that must not be given twice: idempotency keys and ids of requests.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/platform.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// 32 hex digits of 128 random bits; empty if the system gives none. Nothing is kept between calls, so that a child
/// process makes others than its parent.
class RandomDigits {
 public:
  RandomDigits() {
    std::array<std::uint8_t, 16> bytes{};
    if (!process::random_bytes(bytes.data(), bytes.size())) return;
    for (const std::uint8_t byte : bytes) {
      digits_[size_++] = hex_digits[byte >> 4];
      digits_[size_++] = hex_digits[byte & 0xF];
    }
  }

  [[nodiscard]] std::string_view view() const& noexcept { return {digits_.data(), size_}; }
  std::string_view view() const&& = delete;

 private:
  std::array<char, 32> digits_;
  std::size_t size_ = 0;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
