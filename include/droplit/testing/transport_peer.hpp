// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {
template <class T>
class TransportFixture;
}

/// The other end of a transport, as the suite plays it: whatever a request arrives at hands it in and sends what comes
/// back. Thread-safe.
class TransportPeer {
 public:
  TransportPeer() = default;
  TransportPeer(const TransportPeer&) = delete;
  TransportPeer& operator=(const TransportPeer&) = delete;

  /// Hears a request as it arrived, with all its fields. Gives the answer to be sent, or nothing: then the way is to be
  /// cut without an answer.
  std::optional<Response> hear(const Request& request) {
    const std::lock_guard lock(mutex_);
    heard_.push_back(request);
    return answers_[(std::min)(heard_.size(), answers_.size()) - 1];
  }

 private:
  template <class T>
  friend class detail::TransportFixture;

  using Answers = std::vector<std::optional<Response>>;

  // Forgets what was heard. The last of the answers serves all requests that come after it.
  void prepare(Answers answers) {
    const std::lock_guard lock(mutex_);
    heard_.clear();
    answers_ = std::move(answers);
  }

  [[nodiscard]] std::vector<Request> heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

  mutable std::mutex mutex_;
  std::vector<Request> heard_;
  Answers answers_{Response{204, {}, {}, false}};
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
