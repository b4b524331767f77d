// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <concepts>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A storage that can check whether it works. A storage without this verb always works, as `MemoryStorage` does.
template <class S>
concept CheckedStorage = Storage<S> && requires(S& storage) {
  /// One trivial read, which changes nothing; it may block as long as an insert may. Throws or returns a `Fault` if the
  /// store cannot be used now.
  { storage.check() } -> std::convertible_to<Outcome<void>>;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
