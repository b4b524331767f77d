// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/observer.hpp>

#include <cstdint>
#include <tuple>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Several observers as one: each is called in turn, whatever the others throw.
///
///     ObserverChain observers(lines, metrics);
///     BeastServer server(endpoint, {}, observers);
///
/// Holds references to them, which must outlive it. The time is the first one's. As thread-safe as they are.
template <Observer... O>
requires(sizeof...(O) != 0) class ObserverChain {
 public:
  /// Calls them in this order.
  explicit ObserverChain(O&... observers) noexcept : observers_(observers...) {}

  ///@{
  /// As `Observer` says, by each of them.
  void began(const RequestBegan& request) noexcept {
    each([&request](auto& observer) { observer.began(request); });
  }
  void finished(const RequestFinished& request) noexcept {
    each([&request](auto& observer) { observer.finished(request); });
  }
  void fault(const Fault& fault) noexcept {
    each([&fault](auto& observer) { observer.fault(fault); });
  }
  void connection_opened() noexcept {
    each([](auto& observer) { observer.connection_opened(); });
  }
  void connection_closed() noexcept {
    each([](auto& observer) { observer.connection_closed(); });
  }
  ///@}

  /// The time of the first.
  std::int64_t now() { return static_cast<std::int64_t>(std::get<0>(observers_).now()); }

 private:
  template <class Call>
  void each(Call call) noexcept {
    std::apply([&](O&... observer) { (try_to(call, observer), ...); }, observers_);
  }

  template <class Call, class One>
  static void try_to(Call& call, One& observer) noexcept {
    try {
      call(observer);
    } catch (...) {  // dropped, as a server drops it
    }
  }

  std::tuple<O&...> observers_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
