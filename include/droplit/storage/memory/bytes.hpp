// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// An array of bytes that are not set to zero first, whose owner can be moved. It stands for `std::unique_ptr`, whose
// header would be a twentieth of what a program that includes the store costs to compile.

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory {

/// Owns an array of `T`, a type of bytes, or none.
template <class T>
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::size_t size) : data_(new T[size]) {}
  Bytes(Bytes&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Bytes& operator=(Bytes&&) = delete;
  ~Bytes() { delete[] data_; }

  [[nodiscard]] T* get() const noexcept { return data_; }

 private:
  T* data_ = nullptr;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory
