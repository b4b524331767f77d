// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {
class TransportFixture;
}

/// The server at the other end of a transport, as the suite plays it. Whatever receives a request passes it to
/// `receive` and sends the result. Thread-safe.
class TransportPeer {
 public:
  TransportPeer() = default;
  TransportPeer(const TransportPeer&) = delete;
  TransportPeer& operator=(const TransportPeer&) = delete;

  /// Takes a request as it arrived, with all its fields. Returns the response to send; if absent, the connection must
  /// be closed without a response.
  std::optional<Response> receive(const Request& request) {
    const std::lock_guard lock(mutex_);
    received_.push_back(request);
    return responses_[(std::min)(received_.size(), responses_.size()) - 1];
  }

 private:
  friend class detail::TransportFixture;

  using Responses = std::vector<std::optional<Response>>;

  // Forgets the requests. The last of the responses serves all further requests, too.
  void prepare(Responses responses) {
    const std::lock_guard lock(mutex_);
    received_.clear();
    responses_ = std::move(responses);
  }

  [[nodiscard]] std::vector<Request> received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

  mutable std::mutex mutex_;
  std::vector<Request> received_;
  Responses responses_{Response{204, {}, {}, false}};
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
