// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>

#include <exception>
#include <string>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

#if defined(__cpp_exceptions)
/// The exception that is being handled, as a `Fault`: its own, or one of `source` with `fate`. Throws nothing.
Fault caught_fault(FaultSource source, Fate fate) noexcept;
#if defined(DROPLIT_DETAIL_DEFINES)
DROPLIT_DETAIL_INLINE Fault caught_fault(FaultSource source, Fate fate) noexcept {
  const std::exception_ptr cause = std::current_exception();
  try {
    try {
      throw;
    } catch (const Fault& thrown) {
      return thrown;
    } catch (const FaultException& thrown) {
      return thrown.fault();
    } catch (...) {
      return Fault(source, fate, std::string(to_string(source)).append(" threw an exception"), cause);
    }
  } catch (...) {  // no memory for words: none, then
    return Fault(source, fate, {}, cause);
  }
}
#endif
#endif

/// What `call` returns; whatever it throws comes back as a `Fault`.
template <class T, class Call>
Outcome<T> guarded(FaultSource source, Fate fate, Call&& call) {
#if defined(__cpp_exceptions)
  try {
    return call();
  } catch (...) {
    return caught_fault(source, fate);
  }
#else
  static_cast<void>(source);
  static_cast<void>(fate);
  return call();
#endif
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
