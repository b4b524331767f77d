// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The texts that only few errors and faults have. An outcome has room for an error and a fault, and a request makes
// many outcomes, so an absent text must cost no more than a null pointer to make, move and destroy. Used by `ApiError`,
// `Fault`, `DraftParser` and `DraftPieces`.

#include <droplit/detail/config.hpp>

#include <new>
#include <type_traits>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A value that is rarely present, and then costs its owner one pointer. Copied and compared as its value.
template <class T>
class Box {
 public:
  Box() noexcept = default;
  Box(const Box& other) : value_(other.value_ == nullptr ? nullptr : new T(*other.value_)) {}
  Box(Box&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  // Two, since clang takes an owner's implicit assignment for noexcept where one by value is.
  Box& operator=(const Box& other) {
    Box copy(other);
    std::swap(value_, copy.value_);
    return *this;
  }
  Box& operator=(Box&& other) noexcept {
    Box before(std::move(other));
    std::swap(value_, before.value_);
    return *this;
  }
  ~Box() {
    if (value_ != nullptr)
      drop(std::exchange(value_, nullptr));  // clang's analyser destroys what std::optional had twice
  }

  /// The value, made if there is none.
  T& get_or_make() {
    if (value_ == nullptr) value_ = new T();
    return *value_;
  }

  /// The value, made if there is none; null if there is no memory for it.
  T* try_get_or_make() noexcept {
    static_assert(std::is_nothrow_default_constructible_v<T>);
    if (value_ == nullptr) value_ = new (std::nothrow) T();
    return value_;
  }

  /// The value, or null.
  [[nodiscard]] const T* get() const noexcept { return value_; }

  bool operator==(const Box& other) const {
    if (value_ == nullptr || other.value_ == nullptr) return value_ == other.value_;
    return *value_ == *other.value_;
  }

 private:
  DROPLIT_DETAIL_NOINLINE static void drop(T* value) noexcept { delete value; }  // rare

  T* value_ = nullptr;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
