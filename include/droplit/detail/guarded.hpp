// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>

#include <exception>
#include <optional>
#include <string>
#include <utility>

// Turns an exception into a `Fault`: policies may throw, and so may an allocation, but callers get an outcome.
// `Creation`, `Exchange` and the drivers of both machines guard each call of a policy once. The stores guard their own
// calls, since they know what an exception means for the fate. `Endpoint` guards against a lack of memory.

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

#if defined(__cpp_exceptions)
/// The exception that is being handled, as a `Fault`: the one that was thrown, or one of `source` with `fate`.
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
      std::string what(to_string(source));
      what += " threw an exception";
      return Fault(source, fate, std::move(what), cause);
    }
  } catch (...) {  // no memory for a text
    return Fault(source, fate, {}, cause);
  }
}
#endif
#endif

/// The result of `call`; an exception is a `Fault` of `source`, which `call` may change while it runs.
template <class T, class Call>
Outcome<T> guarded(const FaultSource& source, Fate fate, Call&& call) {
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

/// What `call` throws, as a `Fault` of `source`; nothing if it returns. Costs less than an `Outcome<void>`. `F` is a
/// parameter only so that headers that do not call this compile none of it.
template <class Call, class F = Fault>
std::optional<F> thrown_by(FaultSource source, Fate fate, Call&& call) {
#if defined(__cpp_exceptions)
  try {
    call();
  } catch (...) {
    return std::optional<F>(caught_fault(source, fate));
  }
#else
  static_cast<void>(source);
  static_cast<void>(fate);
  call();
#endif
  return std::nullopt;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
