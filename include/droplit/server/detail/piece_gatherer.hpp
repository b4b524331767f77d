// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// A call of the JSON parser costs as much as hundreds of bytes, so a body in tiny pieces or chunks would be expensive.
// `HttpSession` passes bodies through a `PieceGatherer`, whose pieces are few and large.

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Gathers the small pieces of a body. Large pieces are not copied.
class PieceGatherer {
 public:
  static constexpr std::size_t small_piece = 256;      ///< bytes; smaller ones are gathered
  static constexpr std::size_t most_gathered = 2'048;  ///< bytes

  /// Takes the next piece. Calls `parse`, in the body's order, with what must be parsed now; false if that returned
  /// false.
  template <class Parse>
  bool take(std::string_view piece, Parse parse) {
    const bool large = piece.size() >= small_piece;
    if (large || gathered_.size() + piece.size() > most_gathered) {
      if (!gathered_.empty() && !parse(std::string_view(gathered_))) return false;
      gathered_.clear();
    }
    if (large) return parse(piece);
    if (gathered_.empty()) gathered_.reserve(most_gathered);
    gathered_ += piece;
    return true;
  }

  /// What was taken and not yet parsed; valid until the next call.
  [[nodiscard]] std::string_view gathered() const noexcept { return gathered_; }

  void clear() noexcept { gathered_.clear(); }

 private:
  std::string gathered_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
