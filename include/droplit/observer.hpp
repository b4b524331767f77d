// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/platform.hpp>
#include <droplit/fault.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A request has begun. The views are valid during the call.
///
/// No member is a value from the request, except a request id and a traceparent that are well-formed.
struct RequestBegan {
  /// The path of its route, such as `/api/clients`, never the target as sent; `none` if no route has its path.
  std::string_view route = "none";
  /// Its method if that is one of RFC 9110 or PATCH; else `other`, also where it could not be read.
  std::string_view method = "other";
  std::string_view request_id = {};   ///< 1 to 128 characters from 0x21 to 0x7E; empty if there is none
  std::string_view traceparent = {};  ///< of W3C's version 00; empty if there is none or it is malformed
  std::uint32_t attempt = 0;          ///< of the caller, counted from 1; 0 where a request is served
};

/// A request has ended: there is a response, or it is certain that there will be none.
struct RequestFinished : RequestBegan {
  /// Of the response; 0 if there is none. It may not have reached the caller.
  int status = 0;
  std::optional<ApiErrc> code = {};  ///< the code of the first violation, if it was refused
  /// The failure, whose fate says what became of the request; null if there is none. Its `what` has no value from the
  /// request, but its `excerpt` and its `cause` may.
  const Fault* fault = nullptr;
  std::int64_t nanoseconds = 0;      ///< since it began, by the observer's `now`
  std::uint64_t bytes_received = 0;  ///< by a server: of the whole message; otherwise of the body
  std::uint64_t bytes_sent = 0;      ///< the same; 0 if nothing was sent
};

/// A policy that is informed of requests, connections and faults: a log, metrics, traces.
///
/// Called by several threads at the same time, and in the midst of a request, so that it must be thread-safe and must
/// not block. What it throws is dropped. `began` and `finished` are called once each for every request, in that order,
/// perhaps by different threads.
template <class O>
concept Observer = requires(O& observer, const RequestBegan& began, const RequestFinished& finished,
                            const Fault& fault) {
  /// A request begins: its head was read, or what should have been one was refused; or it is about to be sent.
  observer.began(began);
  /// It ends.
  observer.finished(finished);
  /// A failure that no request caused and that ends none, such as a lack of descriptors.
  observer.fault(fault);
  /// A server has accepted a connection.
  observer.connection_opened();
  /// A connection of a server has ended.
  observer.connection_closed();
  /// Nanoseconds of a clock that does not go backwards. Called before `began` and before `finished`.
  static_cast<std::int64_t>(observer.now());
};

/// The observer that does nothing and costs nothing: no clock is read for it. A type that derives from it needs to have
/// only the functions that do something.
struct NoObserver {
  void began(const RequestBegan&) const noexcept {}        ///< does nothing
  void finished(const RequestFinished&) const noexcept {}  ///< does nothing
  void fault(const Fault&) const noexcept {}               ///< does nothing
  void connection_opened() const noexcept {}               ///< does nothing
  void connection_closed() const noexcept {}               ///< does nothing

  /// Nanoseconds of the system's steady clock.
  std::int64_t now() const noexcept { return process::steady_nanos(); }
};

static_assert(Observer<const NoObserver>);

/// The default where an observer can be given.
inline NoObserver no_observer;

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
