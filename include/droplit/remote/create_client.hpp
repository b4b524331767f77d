// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/json/text.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/optional_string_view.hpp>
#include <droplit/response.hpp>
#include <droplit/sleeper.hpp>
#include <droplit/transport.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Appends the body that asks for a client with these parameters, as they stand, which must be UTF-8: members in the
/// order of the API's page, those that were not given left out.
inline void append_json(std::string& out, const ClientParameters& parameters) {
  std::string json;  // by itself, since parameters may be views of `out`
  char before = '{';
  for (const FieldRow& row : client_fields) {
    const OptionalStringView value = parameters.*row.parameter;
    if (!value) continue;
    json.append(1, before).append(1, '"').append(row.name).append("\":");
    detail::append_json_string(json, *value);
    before = ',';
  }
  json.append(before == '{' ? "{}" : "}");
  out.append(json);
}

/// Appends the body that asks for this draft.
inline void append_json(std::string& out, const ClientDraft& draft) {
  char id[EcosystemId::max_size];
  ClientParameters parameters{.ecosystem_id = std::string_view(id, draft.ecosystem_id().write(id)),
                              .type = to_string(draft.type())};
  for (const FieldRow& row : client_fields) {
    if (row.kind != FieldKind::text) continue;
    if (const auto& text = draft.text(row.field)) parameters.*row.parameter = text->str();
  }
  append_json(out, parameters);
}

/// When a create is sent again by itself. Times are in milliseconds, from 0 to 24 hours; a value outside its range
/// counts as the nearest within it. The first request is sent in any case.
struct RetryPolicy {
  std::uint32_t max_attempts = 1;  ///< requests at the most, the first one included; from 1
  std::int64_t first_delay = 100;  ///< the most that is waited before the second; before each further one, twice that
  std::int64_t max_delay = 5'000;  ///< the most that is ever waited at once, unless the service asks for more
  std::int64_t deadline = 30'000;  ///< from the beginning; from then on nothing more is sent
  bool retry_unavailable = false;  ///< also after the contract's exact 503, which proves that nothing was kept
};

/// A create at the service as a machine without I/O: what to send, what to make of what came of it, whether and when to
/// send it again.
///
///     while (creation.step() != RemoteCreation::Step::done) {
///       if (creation.step() == RemoteCreation::Step::send) {
///         creation.settle(transport.send(creation.request()), now(), random_bits());
///       } else {
///         sleep_until(creation.wait_until());
///         creation.wake(now());
///       }
///     }
///     return std::move(creation).outcome();
///
/// It is sent again only where the request before surely was not applied: `not_sent`, or, if the policy says so, the
/// contract's exact 503. So no failure at any step creates two clients behind the caller's back. `now` is any clock
/// that does not go backwards, in milliseconds; `random_bits` any 32 random bits.
class RemoteCreation {
 public:
  enum class Step : std::uint8_t { send, wait, done };

  RemoteCreation(const ClientDraft& draft, const RetryPolicy& policy, std::int64_t now)
      : RemoteCreation(policy, now, draft.ecosystem_id(), draft.type()) {
    append_json(request_.body, draft);
  }

  /// Asks for what may be refused, as it stands. All that is given must be UTF-8, or it could not be sent.
  RemoteCreation(const ClientParameters& parameters, const RetryPolicy& policy, std::int64_t now)
      : RemoteCreation(policy, now, EcosystemId::parse(parameters.ecosystem_id.value_or(std::string_view())),
                       parse_client_type(parameters.type.value_or(std::string_view()))) {
    append_json(request_.body, parameters);
  }

  [[nodiscard]] Step step() const noexcept { return step_; }

  /// What is to be sent. The transport adds who calls.
  [[nodiscard]] const Request& request() const& noexcept { return request_; }
  const Request& request() const&& = delete;

  /// When to `wake`, if `step` is `wait`.
  [[nodiscard]] std::int64_t wait_until() const noexcept { return wait_until_; }

  /// When an answer is of no use any more; a transport's own time limit should end by then.
  [[nodiscard]] std::int64_t deadline() const noexcept { return deadline_; }

  /// How often the request was sent.
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

  /// Hears what came of sending the request.
  void settle(const Outcome<Response>& answer, std::int64_t now, std::uint32_t random_bits) {
    ++attempts_;
    outcome_ = detail::guarded<Client>(FaultSource::answer, Fate::maybe_applied, [&]() -> Outcome<Client> {
      if (!answer.has_value()) return answer.as_failure();
      return read_response(answer.assume_value(), ecosystem_id_, type_);
    });
    step_ = Step::done;
    if (!outcome_.has_exception() || attempts_ >= policy_.max_attempts) return;
    const Fault& fault = outcome_.assume_exception();
    const bool unavailable = policy_.retry_unavailable && is_unavailable(fault);
    if (fault.fate() != Fate::not_sent && !unavailable) return;
    const std::int64_t asked_for =
        unavailable
            ? detail::bounded<std::int64_t>(fault.retry_after().value_or(0), 0, detail::longest_millis / 1000) * 1000
            : 0;
    wait_until_ = later(now, asked_for + jittered_delay(random_bits));
    if (wait_until_ < deadline_) step_ = Step::wait;
  }

  /// Hears that the waiting is over. If it took until the deadline, there is no further request.
  void wake(std::int64_t now) noexcept { step_ = now < deadline_ ? Step::send : Step::done; }

  /// What it came to, once `step` is `done`.
  [[nodiscard]] Outcome<Client> outcome() && { return std::move(outcome_); }

 private:
  RemoteCreation(const RetryPolicy& policy, std::int64_t now, std::optional<EcosystemId> ecosystem_id,
                 std::optional<ClientType> type)
      : policy_{.max_attempts = policy.max_attempts,
                .first_delay = bounded(policy.first_delay),
                .max_delay = bounded(policy.max_delay),
                .deadline = bounded(policy.deadline),
                .retry_unavailable = policy.retry_unavailable},
        deadline_(later(now, policy_.deadline)),
        ecosystem_id_(ecosystem_id),
        type_(type) {
    request_.method = "POST";
    request_.target = "/api/clients";
    request_.fields.add("content-type", "application/json");
  }

  static std::int64_t bounded(std::int64_t millis) noexcept {
    return detail::bounded<std::int64_t>(millis, 0, detail::longest_millis);
  }

  // `delay` is not negative; the clock may have any value.
  static std::int64_t later(std::int64_t now, std::int64_t delay) noexcept {
    constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
    return now > most - delay ? most : now + delay;
  }

  // Anything up to the doubled delay, so that callers that failed together do not come back together.
  [[nodiscard]] std::int64_t jittered_delay(std::uint32_t random_bits) const noexcept {
    std::int64_t most = policy_.first_delay;
    for (std::uint32_t i = 1; i < attempts_ && most < policy_.max_delay && most != 0; ++i) most *= 2;
    most = (std::min)(most, policy_.max_delay);
    return most * static_cast<std::int64_t>(random_bits) / 0xFFFFFFFF;
  }

  RetryPolicy policy_;
  Request request_;
  Outcome<Client> outcome_ = Fault(FaultSource::library, Fate::not_sent, "not sent yet");
  std::int64_t deadline_;
  std::int64_t wait_until_ = 0;
  std::optional<EcosystemId> ecosystem_id_;  // what was asked for, if the contract knows it
  std::optional<ClientType> type_;
  std::uint32_t attempts_ = 0;
  Step step_ = Step::send;
};

namespace detail {

/// Goes on until `creation` is done, and gives what the transport said last.
template <Transport T, Sleeper W>
Outcome<Response> drive(RemoteCreation& creation, T& transport, W& sleeper) {
  for (;;) {
    auto answer = guarded<Response>(FaultSource::transport, Fate::maybe_applied,
                                    [&]() -> Outcome<Response> { return transport.send(creation.request()); });
    creation.settle(answer, sleeper.now(), sleeper.random_bits());
    if (creation.step() == RemoteCreation::Step::wait) {
      sleeper.sleep_until(creation.wait_until());
      creation.wake(sleeper.now());
    }
    if (creation.step() == RemoteCreation::Step::done) return answer;
  }
}

}  // namespace detail

/// Creates a client at the service, asking again as the policy says: the client, the refusal that a storage behind the
/// service would have given here, or a `Fault` whose fate says whether a client may have been created.
///
/// Whatever the transport throws arrives as a `Fault` that is maybe applied unless it says better. As thread-safe as
/// the policies are.
template <Transport T, Sleeper W>
Outcome<Client> create_client(T& transport, const ClientDraft& draft, const RetryPolicy& policy, W& sleeper) {
  RemoteCreation creation(draft, policy, sleeper.now());
  static_cast<void>(detail::drive(creation, transport, sleeper));
  return std::move(creation).outcome();
}

/// Creates a client at the service, asking once.
template <Transport T>
Outcome<Client> create_client(T& transport, const ClientDraft& draft) {
  struct Never {
    std::int64_t now() const noexcept { return 0; }
    void sleep_until(std::int64_t) const noexcept {}
    std::uint32_t random_bits() const noexcept { return 0; }
  } never;
  return create_client(transport, draft, RetryPolicy{}, never);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
