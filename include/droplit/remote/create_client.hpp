// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../answer.hpp"
#include "../client_draft.hpp"
#include "../detail/guarded.hpp"
#include "../detail/json_text.hpp"
#include "../transport.hpp"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace droplit {

/// Appends the body that asks for this draft: members in the order of the API's page, those that were not given left
/// out.
inline void append_json(std::string& out, const ClientDraft& draft) {
  char id[EcosystemId::max_size];
  out.append("{\"ecosystemId\":\"").append(id, draft.ecosystem_id().write(id));
  out.append("\",\"type\":\"").append(to_string(draft.type())).append("\"");
  if (draft.name()) detail::append_json_string(out.append(",\"name\":"), draft.name()->str());
  if (draft.description()) detail::append_json_string(out.append(",\"description\":"), draft.description()->str());
  out += '}';
}

/// When a create is sent again by itself. Times are in milliseconds.
struct RetryPolicy {
  std::uint32_t max_attempts = 1;  ///< requests at the most, the first one included
  std::int64_t first_delay = 100;  ///< the most that is waited before the second; before each further one, twice that
  std::int64_t max_delay = 5'000;  ///< the most that is ever waited at once, unless the service asks for more
  std::int64_t deadline = 30'000;  ///< from the beginning; nothing is sent after it
  bool retry_unavailable = false;  ///< also after the contract's exact 503, which proves that nothing was kept
};

/// A create at the service as a machine without I/O: what to send, what to make of what came of it, whether and when to
/// send it again.
///
///     while (creation.step() != RemoteCreation::Step::done) {
///       if (creation.step() == RemoteCreation::Step::wait) sleep_until(creation.wait_until());
///       creation.settle(transport.send(creation.request()), now(), dice());
///     }
///     return std::move(creation).outcome();
///
/// It is sent again only where the request before surely was not applied: `not_sent`, or, if the policy says so, the
/// contract's exact 503. So no failure at any step creates two clients behind the caller's back. `now` is any clock
/// that does not go backwards, in milliseconds; `dice` any 32 random bits.
class RemoteCreation {
 public:
  enum class Step : std::uint8_t { send, wait, done };

  RemoteCreation(ClientDraft draft, const RetryPolicy& policy, std::int64_t now)
      : draft_(std::move(draft)), policy_(policy), deadline_(later(now, policy.deadline)) {
    request_.method = "POST";
    request_.target = "/api/clients";
    request_.fields.add("content-type", "application/json");
    append_json(request_.body, draft_);
  }

  [[nodiscard]] Step step() const noexcept { return step_; }

  /// What is to be sent now, or at `wait_until`. The transport adds who calls.
  [[nodiscard]] const Request& request() const noexcept { return request_; }

  /// When to send, if `step` is `wait`.
  [[nodiscard]] std::int64_t wait_until() const noexcept { return wait_until_; }

  /// When an answer is of no use any more; a transport's own time limit should end by then.
  [[nodiscard]] std::int64_t deadline() const noexcept { return deadline_; }

  /// How often the request was sent.
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

  /// Hears what came of sending the request.
  void settle(const Outcome<Response>& answer, std::int64_t now, std::uint32_t dice) {
    ++attempts_;
    outcome_ = answer.has_value() ? read_answer(answer.assume_value(), draft_) : Outcome<Client>(answer.as_failure());
    step_ = Step::done;
    if (!outcome_.has_exception() || attempts_ >= policy_.max_attempts) return;
    const Fault& fault = outcome_.assume_exception();
    const bool unavailable = policy_.retry_unavailable && is_unavailable(fault);
    if (fault.fate() != Fate::not_sent && !unavailable) return;
    const std::int64_t asked_for =
        unavailable ? std::min<std::int64_t>(fault.retry_after().value_or(0), 86'400) * 1000 : 0;
    wait_until_ = later(now, asked_for + jittered_delay(dice));
    if (wait_until_ < deadline_) step_ = Step::wait;
  }

  /// What it came to, once `step` is `done`.
  [[nodiscard]] Outcome<Client> outcome() && { return std::move(outcome_); }

 private:
  static std::int64_t later(std::int64_t now, std::int64_t delay) noexcept {
    constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
    delay = std::max<std::int64_t>(delay, 0);
    return now > most - delay ? most : now + delay;
  }

  // Anything up to the doubled delay, so that callers that failed together do not come back together.
  [[nodiscard]] std::int64_t jittered_delay(std::uint32_t dice) const noexcept {
    std::int64_t most = std::clamp<std::int64_t>(policy_.first_delay, 0, 86'400'000);
    const std::int64_t limit = std::clamp<std::int64_t>(policy_.max_delay, 0, 86'400'000);
    for (std::uint32_t i = 1; i < attempts_ && most < limit; ++i) most *= 2;
    most = (std::min)(most, limit);
    return most * static_cast<std::int64_t>(dice) / 0xFFFFFFFF;
  }

  ClientDraft draft_;
  RetryPolicy policy_;
  Request request_;
  Outcome<Client> outcome_ = Fault(FaultSource::library, Fate::not_sent, "not sent yet");
  std::int64_t deadline_;
  std::int64_t wait_until_ = 0;
  std::uint32_t attempts_ = 0;
  Step step_ = Step::send;
};

/// A policy that knows how to wait.
template <class W>
concept Waiter = requires(W& waiter, std::int64_t time) {
  /// The present time in milliseconds, by a clock that does not go backwards.
  { waiter.now() } -> std::convertible_to<std::int64_t>;
  /// Returns when that time has come.
  waiter.sleep_until(time);
  /// 32 random bits.
  { waiter.dice() } -> std::convertible_to<std::uint32_t>;
};

/// Creates a client at the service, asking again as the policy says: the client, the refusal that a storage behind the
/// service would have given here, or a `Fault` whose fate says whether a client may have been created.
///
/// Whatever the transport throws arrives as a `Fault` that is maybe applied unless it says better. As thread-safe as
/// the policies are.
template <Transport T, Waiter W>
Outcome<Client> create_client(T& transport, ClientDraft draft, const RetryPolicy& policy, W& waiter) {
  RemoteCreation creation(std::move(draft), policy, waiter.now());
  for (;;) {
    const auto answer =
        detail::guarded<Response>(FaultSource::transport, Fate::maybe_applied,
                                  [&]() -> Outcome<Response> { return transport.send(creation.request()); });
    creation.settle(answer, waiter.now(), waiter.dice());
    if (creation.step() == RemoteCreation::Step::done) return std::move(creation).outcome();
    waiter.sleep_until(creation.wait_until());
  }
}

/// Creates a client at the service, asking once.
template <Transport T>
Outcome<Client> create_client(T& transport, ClientDraft draft) {
  struct Never {
    std::int64_t now() const noexcept { return 0; }
    void sleep_until(std::int64_t) const noexcept {}
    std::uint32_t dice() const noexcept { return 0; }
  } never;
  return create_client(transport, std::move(draft), RetryPolicy{}, never);
}

}  // namespace droplit
