// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/box.hpp>
#include <droplit/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What became of a call that failed: nothing left us, the other side surely kept nothing, or nobody can say.
enum class Fate : std::uint8_t { not_sent, not_applied, maybe_applied };

/// The part that failed.
enum class FaultSource : std::uint8_t { storage, access, clock, ids, transport, answer, library };

constexpr std::string_view to_string(Fate fate) noexcept {
  switch (fate) {
    case Fate::not_sent: return "not sent";
    case Fate::not_applied: return "not applied";
    case Fate::maybe_applied:
    default: break;
  }
  return "maybe applied";
}

constexpr std::string_view to_string(FaultSource source) noexcept {
  switch (source) {
    case FaultSource::storage: return "storage";
    case FaultSource::access: return "access";
    case FaultSource::clock: return "clock";
    case FaultSource::ids: return "ids";
    case FaultSource::transport: return "transport";
    case FaultSource::answer: return "answer";
    case FaultSource::library:
    default: break;
  }
  return "library";
}

/// A failure, as opposed to a refusal: the request may have been right, but a store, a socket or a program was not.
///
/// Policies throw one or return one in an `outcome`. What it says in words is for the operator's log: codes, names of
/// operations and limits, never a value from a request, a token or a driver's own text.
class Fault {
 public:
  /// A failure of which nothing is known, so that it may have been applied. Boost.Outcome asks for this constructor.
  Fault() noexcept = default;

  /// A failure that the wire knows as 500: what became of the call is `fate`. Where there is no memory for the words,
  /// there are none.
  Fault(FaultSource source, Fate fate, std::string what, std::exception_ptr cause = nullptr) noexcept
      : cause_(std::move(cause)), source_(source), fate_(fate) {
    if (what.empty()) return;
    if (Words* const words = words_.try_get_or_make()) words->what = std::move(what);
  }

  /// A part that is busy or away and surely kept nothing, which the wire knows as 503; `retry_after` is in seconds.
  static Fault unavailable(FaultSource source, std::string what, std::int64_t retry_after = 1,
                           std::exception_ptr cause = nullptr) noexcept {
    Fault fault(source, Fate::not_applied, std::move(what), std::move(cause));
    fault.status_ = 503;
    fault.retry_after_ = retry_after;
    return fault;
  }

  /// An answer that the contract does not know. It may be that of a service that created the client all the same.
  static Fault unknown_response(int status, std::string what, std::string_view body,
                                std::optional<std::int64_t> retry_after = {}) {
    Fault fault(FaultSource::answer, Fate::maybe_applied, std::move(what));
    fault.words_.get_or_make().excerpt = body.substr(0, max_excerpt);
    fault.status_ = status;
    fault.retry_after_ = retry_after;
    return fault;
  }

  /// The most of an answer that is kept, in bytes.
  static constexpr std::size_t max_excerpt = 256;

  [[nodiscard]] FaultSource source() const noexcept { return source_; }
  [[nodiscard]] Fate fate() const noexcept { return fate_; }

  /// One line for the operator.
  [[nodiscard]] const std::string& what() const& noexcept { return words().what; }
  [[nodiscard]] std::string what() const&& { return words().what; }

  /// The exception behind it, if there was one. Its text may be a driver's.
  [[nodiscard]] const std::exception_ptr& cause() const& noexcept { return cause_; }
  [[nodiscard]] std::exception_ptr cause() const&& noexcept { return cause_; }

  /// The beginning of an answer that the contract does not know, as it came: bytes of a stranger, to be escaped where
  /// they are shown. Never part of `what`.
  [[nodiscard]] const std::string& excerpt() const& noexcept { return words().excerpt; }
  [[nodiscard]] std::string excerpt() const&& { return words().excerpt; }

  /// The HTTP status, if the failure was an answer or has its own.
  [[nodiscard]] std::optional<int> status() const noexcept { return status_; }

  /// After how many seconds to try again, if anybody said.
  [[nodiscard]] std::optional<std::int64_t> retry_after() const noexcept { return retry_after_; }

 private:
  struct Words {
    std::string what;
    std::string excerpt;
  };

  [[nodiscard]] const Words& words() const noexcept {
    union Lasting {  // for those who ask while the program ends
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

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
