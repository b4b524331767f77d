// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The argument type of functions that keep a view of a text beyond the call, those of `RequestHead`. A temporary that
// owns its characters, such as a `std::string` returned by value, would be destroyed by then, so it does not compile.

#include <droplit/detail/config.hpp>
#include <droplit/optional_string_view.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline constexpr char viewed[] = "x";

/// True if `T` is a class of views, such as `std::string_view`: it owns nothing, and returns the pointer that it was
/// made of.
template <class T>
concept TextView = std::is_class_v<T> && std::is_trivially_copyable_v<T> && requires {
  typename std::enable_if_t<T(viewed, 1).data() == viewed>;
};

/// True if the characters of a temporary `T` are not its own.
template <class T>
inline constexpr bool is_view = std::is_pointer_v<T> || TextView<T>;
template <class T>
inline constexpr bool is_view<std::optional<T>> = is_view<T>;
template <>
inline constexpr bool is_view<OptionalStringView> = true;
template <>
inline constexpr bool is_view<std::nullopt_t> = true;

/// True if the characters of an argument of type `T&&` outlive the call.
template <class T>
concept Lasting = std::is_convertible_v<T, OptionalStringView> &&
    (std::is_lvalue_reference_v<T> || is_view<std::remove_cv_t<T>>);

/// A view of a text that outlives it, or absent.
class LastingText {
 public:
  constexpr LastingText() noexcept = default;
  constexpr LastingText(const char* text, std::size_t size) noexcept : view_(std::string_view(text, size)) {}
  template <Lasting T>
  constexpr LastingText(T&& text) : view_(std::forward<T>(text)) {}

  [[nodiscard]] constexpr OptionalStringView view() const noexcept { return view_; }

 private:
  OptionalStringView view_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
