// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// An argument that is a text or absent: made from `std::nullopt` or `{}`, from anything that converts to
/// `std::string_view`, or from a `std::optional` of that.
///
/// A null `const char*` is absent; the literal `nullptr` does not compile. It is a view: made from a temporary, it is
/// valid until the end of the full expression, which includes the call that it is passed to.
class OptionalStringView : public std::optional<std::string_view> {
 public:
  constexpr OptionalStringView() noexcept = default;
  /// Absent.
  constexpr OptionalStringView(std::nullopt_t) noexcept {}
  OptionalStringView(std::nullptr_t) = delete;

  /// The text up to its NUL; absent if `text` is null.
  constexpr OptionalStringView(const char* text) noexcept {
    if (text != nullptr) emplace(text);
  }

  /// A view of any text, such as a `std::string`.
  template <class T>
  requires(std::is_class_v<T>&& std::is_convertible_v<const T&, std::string_view>) constexpr OptionalStringView(
      const T& text) {
    const std::string_view view = text;
    emplace(view);
  }

  /// A view of the text in an optional; absent if it has none.
  template <class T>
  requires std::is_convertible_v<const T&, OptionalStringView>
  constexpr OptionalStringView(const std::optional<T>& text) {
    if (text) *this = *text;
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
