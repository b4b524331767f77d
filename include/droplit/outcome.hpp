// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>

#include <boost/outcome/std_outcome.hpp>

#include <cstdlib>
#include <exception>
#include <system_error>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What `.value()` throws when there is an `ApiError`: a `std::system_error` with its code, and the error itself.
class ApiException : public std::system_error {
 public:
  /// The exception of this error.
  explicit ApiException(ApiError error) : std::system_error(make_error_code(error)), error_(std::move(error)) {}
  [[nodiscard]] const ApiError& error() const& noexcept { return error_; }  ///< what was refused, and why
  [[nodiscard]] ApiError error() const&& { return error_; }

 private:
  ApiError error_;
};

/// What `.value()` throws when there is a `Fault`, with the fault itself.
class FaultException : public std::exception {
 public:
  /// The exception of this fault.
  explicit FaultException(Fault fault) noexcept : fault_(std::move(fault)) {}
  [[nodiscard]] const char* what() const noexcept override { return fault_.what().c_str(); }  ///< the fault's
  [[nodiscard]] const Fault& fault() const& noexcept { return fault_; }                       ///< what failed
  [[nodiscard]] Fault fault() const&& { return fault_; }

 private:
  Fault fault_;
};

/// Called by Boost.Outcome where `.value()` finds an `ApiError`. Ends the program where exceptions are switched off.
[[noreturn]] inline void outcome_throw_as_system_error_with_payload(ApiError error) {
#if defined(__cpp_exceptions)
  throw ApiException(std::move(error));
#else
  static_cast<void>(error);
  std::abort();
#endif
}

/// Called by Boost.Outcome where `.value()` finds a `Fault`. Ends the program where exceptions are switched off.
inline std::exception_ptr make_exception_ptr(Fault fault) {
#if defined(__cpp_exceptions)
  return std::make_exception_ptr(FaultException(std::move(fault)));
#else
  static_cast<void>(fault);
  std::abort();
#endif
}

/// A value; or an `ApiError`, one of the documented refusals, as its error; or a `Fault` as its third channel, returned
/// by `.exception()`.
template <class T, class E = ApiError, class P = Fault>
using outcome = BOOST_OUTCOME_V2_NAMESPACE::std_outcome<T, E, P>;

/// The result of this library's functions.
template <class T>
using Outcome = outcome<T>;

template <class T>
struct detail::Print<Outcome<T>> {
  static void append(std::string& out, const Outcome<T>& outcome) {
    append_content(out += "Outcome{", outcome);
    out += '}';
  }

  static void append_content(std::string& out, const Outcome<T>& outcome) {
    if (outcome.has_error()) {
      append_printed(out, outcome.assume_error());
    } else if (outcome.has_exception()) {
      append_printed(out, outcome.assume_exception());
    } else if constexpr (Printable<T>) {
      append_printed(out, outcome.assume_value());
    } else if constexpr (requires {
                           requires Printable<typename T::value_type>;
                           outcome.assume_value().has_value();
                         }) {
      const T& value = outcome.assume_value();
      if (!value.has_value()) {
        out += "nothing";
      } else {
        append_printed(out, *value);
      }
    } else if constexpr (!std::is_void_v<T>) {
      out += "a value";
    }
  }
};

// Without both hooks the error would be lost silently: `.value()` would throw `bad_outcome_access`.
static_assert(BOOST_OUTCOME_V2_NAMESPACE::trait::is_error_code_available<ApiError>::value);
static_assert(BOOST_OUTCOME_V2_NAMESPACE::trait::is_exception_ptr_available<Fault>::value);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
