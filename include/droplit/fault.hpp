// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/box.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/enum_name.hpp>
#include <droplit/detail/print.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What became of a call that failed: nothing was sent, certainly nothing was applied, or it is unknown.
enum class Fate : std::uint8_t { not_sent, not_applied, maybe_applied };

/// The part that failed.
enum class FaultSource : std::uint8_t { storage, access, clock, ids, transport, response, library };

/// The fate in words.
constexpr std::string_view to_string(Fate fate) noexcept {
  return detail::enum_name(fate, {"not sent", "not applied", "maybe applied"});
}

/// The name of the part.
constexpr std::string_view to_string(FaultSource source) noexcept {
  return detail::enum_name(source, {"storage", "access", "clock", "ids", "transport", "response", "library"});
}

template <>
struct detail::Print<Fate> : PrintName<Fate> {};
template <>
struct detail::Print<FaultSource> : PrintName<FaultSource> {};

/// A failure, as opposed to a refusal: a store, a socket or a program failed, whatever the request was.
///
/// Policies throw one or return one in an `outcome`. Its text is for the operator's log: codes, names of operations and
/// limits, never a value from a request, a token or a driver's own text.
class Fault {
 public:
  /// A failure of which nothing is known, so that it may have been applied. Required by Boost.Outcome.
  Fault() noexcept = default;

  /// A failure whose response is 500. `what` is dropped if there is no memory for it.
  Fault(FaultSource source, Fate fate, std::string what, std::exception_ptr cause = nullptr) noexcept
      : cause_(std::move(cause)), source_(source), fate_(fate) {
    if (what.empty()) return;
    if (Words* const words = words_.try_get_or_make()) words->what = std::move(what);
  }

  /// A part that is busy or cannot be reached and certainly applied nothing; the response is 503 with `retry-after: 1`.
  static Fault unavailable(FaultSource source, std::string what, std::exception_ptr cause = nullptr) noexcept {
    Fault fault(source, Fate::not_applied, std::move(what), std::move(cause));
    fault.status_ = 503;
    fault.retry_after_ = 1;
    return fault;
  }

  /// A response that the contract does not know. The service may have created the client all the same. `retry_after` is
  /// the seconds that the response has, if any.
  static Fault unknown_response(int status, std::string what, std::string_view body,
                                std::optional<std::int64_t> retry_after = {}) {
    Fault fault(FaultSource::response, Fate::maybe_applied, std::move(what));
    fault.words_.get_or_make().excerpt = body.substr(0, max_excerpt);
    fault.status_ = status;
    fault.retry_after_ = retry_after;
    return fault;
  }

  /// The same without `what` and `excerpt`, for which no memory is needed.
  [[nodiscard]] Fault without_texts() const noexcept {
    Fault fault(source_, fate_, {}, cause_);
    fault.status_ = status_;
    fault.retry_after_ = retry_after_;
    return fault;
  }

  /// The most bytes of a response that `excerpt` has.
  static constexpr std::size_t max_excerpt = 256;

  [[nodiscard]] FaultSource source() const noexcept { return source_; }  ///< the part that failed
  [[nodiscard]] Fate fate() const noexcept { return fate_; }             ///< what became of the request

  /// One line for the operator.
  [[nodiscard]] const std::string& what() const& noexcept { return words().what; }
  [[nodiscard]] std::string what() const&& { return words().what; }

  /// The exception that caused it, or null. Its text may be a driver's.
  [[nodiscard]] const std::exception_ptr& cause() const& noexcept { return cause_; }
  [[nodiscard]] std::exception_ptr cause() const&& noexcept { return cause_; }

  /// The beginning of a response that the contract does not know: untrusted bytes, to be escaped where they are shown.
  /// Never part of `what`.
  [[nodiscard]] const std::string& excerpt() const& noexcept { return words().excerpt; }
  [[nodiscard]] std::string excerpt() const&& { return words().excerpt; }

  /// The HTTP status of the response that it was read from, or that it causes, if there is one.
  [[nodiscard]] std::optional<int> status() const noexcept { return status_; }

  /// After how many seconds to try again: those of the response that it was read from, or 1 of `unavailable`.
  [[nodiscard]] std::optional<std::int64_t> retry_after() const noexcept { return retry_after_; }

 private:
  struct Words {
    std::string what;
    std::string excerpt;
  };

  [[nodiscard]] const Words& words() const noexcept {
    union Lasting {  // never destroyed, for calls while the program ends
      Words words;
      Lasting() : words() {}
      ~Lasting() {}
    };
    static const Lasting none;
    return words_.get() != nullptr ? *words_.get() : none.words;
  }

  detail::Box<Words> words_;
  std::exception_ptr cause_;
  std::optional<std::int64_t> retry_after_;
  std::optional<int> status_;
  FaultSource source_ = FaultSource::library;
  Fate fate_ = Fate::maybe_applied;
};

template <>
struct detail::Print<Fault> {
  static void append(std::string& out, const Fault& fault) {
    out.append("Fault{").append(to_string(fault.source())).append(", ").append(to_string(fault.fate()));
    if (fault.status()) out.append(", status ").append(std::to_string(*fault.status()));
    if (!fault.what().empty()) append_quoted(out += ": ", fault.what());
    out += '}';
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
