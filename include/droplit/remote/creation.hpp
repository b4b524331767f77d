// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/http/trace_fields.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/optional_string_view.hpp>
#include <droplit/outcome.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>
#if defined(DROPLIT_DETAIL_DEFINES)
#include <droplit/detail/json/writer.hpp>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Appends the body that asks for a client with these parameters, which are not checked and must be UTF-8: members in
/// the order of the API's page, without those that are absent.
void append_json(std::string& out, const ClientParameters& parameters);

/// Appends the body that asks for this draft.
void append_json(std::string& out, const ClientDraft& draft);

/// When a create is sent again. Times are in milliseconds, from 0 to 24 hours; a value outside its range counts as the
/// nearest one within it. The first request is always sent.
struct RetryPolicy {
  std::uint32_t max_attempts = 1;  ///< the most requests, the first one included; from 1
  std::int64_t first_delay = 100;  ///< the longest delay before the second; before each further one, twice that
  std::int64_t max_delay = 5'000;  ///< the longest delay of all, unless the service asks for more
  std::int64_t deadline = 30'000;  ///< from the beginning; nothing is sent from then on
  bool retry_unavailable = false;  ///< also after the contract's exact 503, which proves that nothing was created;
                                   ///< with a key that is sent again in any case
};

/// Where the key of a create is from. It decides what a 201 without `idempotency-replayed` means.
enum class KeyOrigin : std::uint8_t {
  made,     ///< made for this create, so that nothing was sent with it before
  brought,  ///< the caller's, who may have sent it before, at most 24 hours ago
};

/// A create at the service as a machine without I/O: what to send, and, from the response, whether and when to send it
/// again.
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
/// Without a key it is sent again only where the request before was certainly not applied: `not_sent`, or, if the
/// policy says so, the contract's exact 503. So no failure at any step creates two clients for one call. `now` is any
/// clock that does not go backwards, in milliseconds; `random_bits` any 32 random bits.
///
/// With a key it is sent again after every fault, which creates two clients unless the service honours keys. The fate
/// is the worst of all attempts: once one may have been applied, only a 201 with `idempotency-replayed` ends it as a
/// client, and a refusal ends it as a `Fault`, maybe applied, with the refusal's status. A 201 without that field shows
/// that the service does not honour keys: nothing is sent again, and it is a `Fault`, maybe applied, unless the key was
/// made and no earlier attempt may have been applied. The deadline, of 24 hours at most, is the key's too.
class RemoteCreation {
 public:
  /// What to do next: send `request()`, wait until `wait_until()`, or take the `outcome()`.
  enum class Step : std::uint8_t { send, wait, done };

  /// The create of this draft. Its deadline counts from `now`.
  RemoteCreation(const ClientDraft& draft, const RetryPolicy& policy, std::int64_t now)
      : RemoteCreation(policy, now, draft.ecosystem_id(), draft.type()) {
    append_json(request_.body, draft);
  }

  /// Parameters are sent unchecked, and may be refused by the service; they must be UTF-8.
  RemoteCreation(const ClientParameters& parameters, const RetryPolicy& policy, std::int64_t now)
      : RemoteCreation(policy, now, EcosystemId::parse(parameters.ecosystem_id.value_or(std::string_view())),
                       parse_client_type(parameters.type.value_or(std::string_view()))) {
    append_json(request_.body, parameters);
  }

  /// The create of this draft under a key.
  RemoteCreation(const ClientDraft& draft, const IdempotencyKey& key, KeyOrigin origin, const RetryPolicy& policy,
                 std::int64_t now)
      : RemoteCreation(draft, policy, now) {
    use(key, origin);
  }
  /// The same for parameters.
  RemoteCreation(const ClientParameters& parameters, const IdempotencyKey& key, KeyOrigin origin,
                 const RetryPolicy& policy, std::int64_t now)
      : RemoteCreation(parameters, policy, now) {
    use(key, origin);
  }

  /// What to do next.
  [[nodiscard]] Step step() const noexcept { return step_; }

  /// What to send. The transport adds the token.
  [[nodiscard]] const Request& request() const& noexcept { return request_; }
  const Request& request() const&& = delete;

  /// When to `wake`, if `step` is `wait`.
  [[nodiscard]] std::int64_t wait_until() const noexcept { return wait_until_; }

  /// From when on a response is of no use; a transport's own time limit should end by then.
  [[nodiscard]] std::int64_t deadline() const noexcept { return deadline_; }

  /// How often the request may be sent.
  [[nodiscard]] std::uint32_t max_attempts() const noexcept { return policy_.max_attempts; }

  /// How often the request was sent.
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

  /// Takes what came of sending the request.
  void settle(const Outcome<Response>& response, std::int64_t now, std::uint32_t random_bits) {
    ++attempts_;
    outcome_ = detail::guarded<Client>(FaultSource::response, Fate::maybe_applied, [&]() -> Outcome<Client> {
      if (!response) return response.as_failure();
      return read_response(response.assume_value(), ecosystem_id_, type_);
    });
    step_ = Step::done;
    const bool goes_on = !key_origin_ ? outcome_.has_exception() : settle_key(response);
    if (!goes_on || attempts_ >= policy_.max_attempts) return;
    const Fault& fault = outcome_.assume_exception();
    std::int64_t delay = jittered_delay(random_bits);
    if (key_origin_ || (policy_.retry_unavailable && is_unavailable(fault))) {
      delay += 1000 * detail::bounded<std::int64_t>(fault.retry_after().value_or(0), 0, detail::longest_millis / 1000);
    } else if (fault.fate() != Fate::not_sent) {
      return;
    }
    wait_until_ = later(now, delay);
    if (wait_until_ < deadline_) step_ = Step::wait;
  }

  /// Ends the waiting. From the deadline on there is no further request.
  void wake(std::int64_t now) noexcept { step_ = now < deadline_ ? Step::send : Step::done; }

  /// The outcome, once `step` is `done`; before, that of the attempts so far.
  [[nodiscard]] const Outcome<Client>& outcome() const& noexcept { return outcome_; }
  [[nodiscard]] Outcome<Client> outcome() && { return std::move(outcome_); }

  /// The same with whether the client is a replay.
  template <class Result = KeyedClient>
  [[nodiscard]] Outcome<Result> keyed_outcome() && {
    if (!outcome_) return std::move(outcome_).as_failure();
    return Result{std::move(outcome_).assume_value(), replayed_};
  }

  /// Sends this id with each attempt, as the field `x-request-id`; false, and none is sent, if it is not 1 to 128
  /// characters from 0x21 to 0x7E. At most once.
  bool set_request_id(std::string_view id) {
    return detail::is_request_id(id) && request_.fields.add("x-request-id", id);
  }

  /// True if the last response was a client that an earlier request with the key had created.
  [[nodiscard]] bool replayed() const noexcept { return replayed_; }

 private:
  RemoteCreation(const RetryPolicy& policy, std::int64_t now, std::optional<EcosystemId> ecosystem_id,
                 std::optional<ClientType> type)
      : policy_{.max_attempts = (std::max)(policy.max_attempts, std::uint32_t{1}),
                .first_delay = bounded(policy.first_delay),
                .max_delay = bounded(policy.max_delay),
                .deadline = bounded(policy.deadline),
                .retry_unavailable = policy.retry_unavailable},
        deadline_(later(now, policy_.deadline)),
        ecosystem_id_(ecosystem_id),
        type_(type) {
    request_.method = create_client_route.method;
    request_.target = create_client_route.path;
    request_.fields.add("content-type", "application/json");
  }

  void use(const IdempotencyKey& key, KeyOrigin origin) {
    key_origin_ = origin;
    request_.fields.add("idempotency-key", key.field_value());
  }

  // Turns what came of the last attempt into what came of all of them. True if it may be sent again.
  [[nodiscard]] bool settle_key(const Outcome<Response>& response) {
    const bool is_201 = response.has_value() && response.assume_value().status == 201;
    const std::optional<bool> replayed = is_201 ? read_replayed(response.assume_value()) : std::nullopt;
    const bool honours_keys = !is_201 || replayed;  // as far as the response shows
    if (!outcome_.has_exception()) {
      replayed_ = replayed.value_or(false);
      if (outcome_.has_error() && maybe_applied_) {
        fail(response, "the service refused the request after an attempt that may have been applied");
      } else if (!honours_keys && (maybe_applied_ || key_origin_ == KeyOrigin::brought)) {
        fail(response, "the service does not honour keys");
      }
      return false;
    }
    if (outcome_.assume_exception().fate() == Fate::maybe_applied) {
      maybe_applied_ = true;
    } else if (maybe_applied_) {
      outcome_ = detail::guarded<Client>(FaultSource::library, Fate::maybe_applied, [this]() -> Outcome<Client> {
        return after_uncertain_attempt(outcome_.assume_exception());
      });
    }
    return honours_keys;
  }

  void fail(const Outcome<Response>& response, const char* what) {
    outcome_ = detail::guarded<Client>(FaultSource::response, Fate::maybe_applied, [&]() -> Outcome<Client> {
      if (!response) return Fault::unknown_response(outcome_.assume_error().status(), what, {});  // by the transport
      return Fault::unknown_response(response.assume_value().status, what, response.assume_value().body);
    });
  }

  // The same failure, where an earlier attempt may have been applied.
  static Fault after_uncertain_attempt(const Fault& fault) {
    const std::string what = fault.what() + ", after an attempt that may have been applied";
    if (!fault.status()) return Fault(fault.source(), Fate::maybe_applied, what, fault.cause());
    return Fault::unknown_response(*fault.status(), what, fault.excerpt(), fault.retry_after());
  }

  static std::int64_t bounded(std::int64_t millis) noexcept {
    return detail::bounded<std::int64_t>(millis, 0, detail::longest_millis);
  }

  // `delay` is not negative; `now` may be any value.
  static std::int64_t later(std::int64_t now, std::int64_t delay) noexcept {
    constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
    return now > most - delay ? most : now + delay;
  }

  // A random part of the doubled delay, so that callers that failed together do not return together.
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
  std::optional<EcosystemId> ecosystem_id_;  // what was requested, if it is well-formed
  std::optional<ClientType> type_;
  std::uint32_t attempts_ = 0;
  Step step_ = Step::send;
  std::optional<KeyOrigin> key_origin_;  // nothing without a key
  bool maybe_applied_ = false;           // an attempt under the key
  bool replayed_ = false;
};

#if defined(DROPLIT_DETAIL_DEFINES)
DROPLIT_DETAIL_INLINE void append_json(std::string& out, const ClientParameters& parameters) {
  std::string json;  // apart, since parameters may be views of `out`
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

DROPLIT_DETAIL_INLINE void append_json(std::string& out, const ClientDraft& draft) {
  std::size_t room = 64;  // for an id, a type and the end
  for (const FieldRow& row : client_fields) room += row.name.size() + 8;
  for (const auto& text : draft.texts()) {
    if (text) room += detail::JsonText{text->str()}.room();
  }
  detail::JsonWriter json(out, room);
  std::string_view opening = "{\"";
  for (const FieldRow& row : client_fields) {
    if (row.kind == FieldKind::text && !draft.text(row.field)) continue;
    json << opening << row.name << "\":\"";
    switch (row.kind) {
      case FieldKind::ecosystem_id: json << draft.ecosystem_id(); break;
      case FieldKind::client_type: json << to_string(draft.type()); break;
      case FieldKind::text:
      default: json << detail::JsonText{draft.text(row.field)->str()};
    }
    opening = "\",\"";
  }
  json << "\"}";
  json.finish();
}
#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
