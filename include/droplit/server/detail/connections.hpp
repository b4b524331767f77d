// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The open connections of a server. They are removed by their destructors, on any thread. Thread-safe.
template <class Connection>
class Connections {
 public:
  void add(const std::shared_ptr<Connection>& connection) {
    const std::lock_guard lock(mutex_);
    set_.insert(connection.get());
  }

  void remove(Connection& connection) {
    const std::lock_guard lock(mutex_);
    set_.erase(&connection);
  }

  bool contains(Connection& connection) {
    const std::lock_guard lock(mutex_);
    return set_.contains(&connection);
  }

  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return set_.size();
  }

  std::vector<std::shared_ptr<Connection>> all() {
    std::vector<std::shared_ptr<Connection>> all;
    const std::lock_guard lock(mutex_);
    all.reserve(set_.size());
    for (Connection* connection : set_) {
      if (auto alive = connection->weak_from_this().lock()) all.push_back(std::move(alive));
    }
    return all;
  }

 private:
  std::mutex mutex_;
  std::unordered_set<Connection*> set_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
