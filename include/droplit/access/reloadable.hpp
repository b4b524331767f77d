// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/id.hpp>

#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// An access policy that is replaced while requests are served: by what a file says now, for example.
///
/// Thread-safe. A request is judged whole by the policy that authenticated it; the next one by the policy that is
/// current then. No request waits for a replacement: a lock is held only while a pointer is copied. A policy that was
/// replaced is destroyed once the last request that it authenticated was authorized or refused, by the thread of that
/// request; an idle connection keeps none.
template <Access A>
class ReloadableAccess {
 public:
  /// The holder of a token; keeps the policy that authenticated it.
  class Principal {
   public:
    Principal(const Principal&) = default;  ///< another holder of the same policy
    Principal(Principal&&) = default;       ///< takes the policy
    /// Lets go of its policy last.
    Principal& operator=(Principal other) {
      holder_ = std::move(other.holder_);  // first: the one before may refer to the policy before
      access_.swap(other.access_);
      return *this;
    }
    ~Principal() = default;

    /// As the policy says.
    [[nodiscard]] PrincipalKind kind() const { return holder_.kind(); }

   private:
    friend class ReloadableAccess;
    Principal(std::shared_ptr<const A> access, std::string_view token)
        : access_(std::move(access)), holder_(access_->authenticate(token)) {}

    std::shared_ptr<const A> access_;  // first: the holder may refer to it
    decltype(std::declval<const A&>().authenticate(std::string_view())) holder_;
  };

  /// Begins with this policy.
  explicit ReloadableAccess(A access) : access_(std::make_shared<const A>(std::move(access))) {}
  ReloadableAccess(const ReloadableAccess&) = delete;
  ReloadableAccess& operator=(const ReloadableAccess&) = delete;

  /// Uses this policy from now on. Throws `std::bad_alloc`, and then nothing has changed.
  void replace(A access) {
    auto next = std::make_shared<const A>(std::move(access));
    const std::lock_guard lock(mutex_);
    access_.swap(next);  // the one before is destroyed after the lock was released
  }

  /// The policy that is current now.
  [[nodiscard]] std::shared_ptr<const A> current() const {
    const std::lock_guard lock(mutex_);
    return access_;
  }

  /// The holder of the token, by the current policy.
  [[nodiscard]] Principal authenticate(std::string_view token) const { return Principal(current(), token); }

  /// Whether the holder may create clients in this ecosystem, by the policy that authenticated it.
  [[nodiscard]] bool authorize(Principal& holder, EcosystemId ecosystem) const {
    return static_cast<bool>(holder.access_->authorize(holder.holder_, ecosystem));
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const A> access_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
