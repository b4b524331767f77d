// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/id_source.hpp>
#include <droplit/outcome.hpp>
#include <droplit/timestamp.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Returns the given ids in their order, at any time, and then always a `Fault`. Not thread-safe.
class FixedIds {
 public:
  /// The source of these ids, each once.
  explicit FixedIds(std::vector<ClientId> ids) noexcept : ids_(std::move(ids)) {}

  /// The next of the ids, or a `Fault` once they are used up.
  Outcome<ClientId> next(Timestamp) {
    if (used_ == ids_.size()) return Fault(FaultSource::ids, Fate::not_applied, "the fixed ids are used up");
    return ids_[used_++];
  }

 private:
  std::vector<ClientId> ids_;
  std::size_t used_ = 0;
};

static_assert(IdSource<FixedIds>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
