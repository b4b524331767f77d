// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <new>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A value that is mostly not there, and then costs its owner one pointer. Copied and compared as the value that it
/// holds.
template <class T>
class Box {
 public:
  Box() noexcept = default;
  Box(const Box& other) : value_(other.value_ == nullptr ? nullptr : new T(*other.value_)) {}
  Box(Box&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Box& operator=(const Box& other) { return *this = Box(other); }
  Box& operator=(Box&& other) noexcept {
    Box before(std::move(other));
    std::swap(value_, before.value_);
    return *this;
  }
  ~Box() {
    if (value_ != nullptr) drop(value_);
  }

  /// The value, made if there is none.
  T& get_or_make() {
    if (value_ == nullptr) value_ = new T();
    return *value_;
  }

  /// The value, made if there is none; null if there is no memory for it.
  T* try_get_or_make() noexcept {
#if defined(__cpp_exceptions)
    try {
      return &get_or_make();
    } catch (...) {
      return nullptr;
    }
#else
    if (value_ == nullptr) value_ = new (std::nothrow) T();
    return value_;
#endif
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
