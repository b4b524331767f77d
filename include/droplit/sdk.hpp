// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/random_digits.hpp>
#include <droplit/detail/utf8.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/observer.hpp>
#include <droplit/optional_string_view.hpp>
#include <droplit/random_key.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/response.hpp>
#include <droplit/sleeper.hpp>
#include <droplit/transport.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The result of a call: the typed outcome, and the response that it was read from.
struct Reply {
  Outcome<Client> outcome;  ///< the client, the refusal or the `Fault`
  Response response;  ///< the last one; for what is refused before sending, the one that the service would have sent;
                      ///< of status 0 if there is none
  std::uint32_t attempts = 0;              ///< to send the request; 0 if it was refused before
  std::optional<IdempotencyKey> key = {};  ///< under which it was sent; nothing if it was sent without one, or not
  bool replayed = false;                   ///< the client was created by an earlier request with that key

  /// The HTTP status of the response, 0 if there is none.
  [[nodiscard]] int status() const noexcept {
    if (response.status != 0 || !outcome.has_exception()) return response.status;
    return outcome.assume_exception().status().value_or(0);
  }

  /// The body of the response, or the part of it that a fault keeps; untrusted bytes if there is a fault.
  [[nodiscard]] std::string_view body() const& noexcept {
    if (response.status != 0 || !outcome.has_exception()) return response.body;
    return outcome.assume_exception().excerpt();
  }
  [[nodiscard]] std::string body() const&& { return std::string(body()); }
};

/// How the calls are made.
struct SdkOptions {
  RetryPolicy retry = {};    ///< when a request is sent again; by default never
  bool send_anyway = false;  ///< send also what the contract refuses: the service may have relaxed its rules
  /// Send each create under a key of its own, and again after every fault. Only for services that honour keys: of any
  /// other, `retry` may create two clients. The key is a `random_key`.
  bool idempotency = false;
  /// Send a random `x-request-id` with each call, the same for all its attempts, by which its requests can be found in
  /// the service's log.
  bool request_ids = false;
};

/// The calls about clients.
template <Transport T, Sleeper W, Observer O = NoObserver>
class Clients {
 public:
  /// The calls over this transport, which must outlive them, as the observer must; `sleeper` waits before a retry.
  Clients(T& transport, const SdkOptions& options, W sleeper, O& observer = no_observer)
      : transport_(transport), sleeper_(std::move(sleeper)), options_(options), observer_(observer) {}

  /// Creates a client at the service. What the contract refuses is refused here, before anything is sent, with the
  /// `ApiError` and the response of the service; unless the options say to send it anyway.
  ///
  /// Text that is not UTF-8 could never be a body and is always refused here. Throws nothing but `std::bad_alloc`, and
  /// then nothing was sent.
  Reply create(OptionalStringView ecosystem_id, OptionalStringView type, OptionalStringView name = {},
               OptionalStringView description = {}) {
    return create({.ecosystem_id = ecosystem_id, .type = type, .name = name, .description = description});
  }

  /// The same for all fields.
  Reply create(const ClientParameters& parameters) { return check_and_send(parameters, std::nullopt); }

  /// The same under a key of the caller, whatever the options say of keys. It is sent again after every fault, as often
  /// as the policy says. The caller may repeat the call within 24 hours of the key's first use.
  Reply create(const ClientParameters& parameters, IdempotencyKey key) {
    return check_and_send(parameters, std::move(key));
  }

  /// The same with values that are known to be valid.
  Reply create(EcosystemId ecosystem_id, ClientType type, std::optional<Text> name = {},
               std::optional<Text> description = {}) {
    return create(ClientDraft(ecosystem_id, type, std::move(name), std::move(description)));
  }

  /// The same with a draft.
  Reply create(const ClientDraft& draft) { return send(draft, std::nullopt); }
  /// The same with a draft and a key of the caller.
  Reply create(const ClientDraft& draft, IdempotencyKey key) { return send(draft, std::move(key)); }

 private:
  static bool is_utf8(const ClientParameters& parameters) noexcept {
    for (const FieldRow& row : client_fields) {
      const OptionalStringView text = parameters.*row.parameter;
      if (text && !detail::is_utf8(*text)) return false;
    }
    return true;
  }

  Reply check_and_send(const ClientParameters& parameters, std::optional<IdempotencyKey>&& key) {
    const auto draft = ClientDraft::make(parameters);
    if (draft.has_value()) return send(draft.assume_value(), std::move(key));
    if (options_.send_anyway && is_utf8(parameters)) return send(parameters, std::move(key));
    return {draft.as_failure(), to_response(draft.assume_error())};
  }

  template <class What>
  Reply send(const What& what, std::optional<IdempotencyKey>&& key) {
    if (key || options_.idempotency) return send_under_key(what, std::move(key));
    RemoteCreation creation(what, options_.retry, sleeper_.now());
    return drive(creation);
  }

  template <class What>
  Reply send_under_key(const What& what, std::optional<IdempotencyKey>&& key) {
    const KeyOrigin origin = key ? KeyOrigin::brought : KeyOrigin::made;
    if (!key) key = random_key();
    if (!key) return {Fault(FaultSource::library, Fate::not_sent, "no random bytes from the system"), {}};
    RemoteCreation creation(what, *key, origin, options_.retry, sleeper_.now());
    Reply reply = drive(creation);
    reply.key = std::move(key);
    reply.replayed = creation.replayed();
    return reply;
  }

  Reply drive(RemoteCreation& creation) {
    if (options_.request_ids) {
      const detail::RandomDigits id;
      creation.set_request_id(id.view());
    }
    auto response = detail::drive(creation, transport_, sleeper_, observer_);
    const auto attempts = creation.attempts();
    Reply reply{std::move(creation).outcome(), {}, attempts};
    if (response) reply.response = std::move(response).assume_value();
    return reply;
  }

  T& transport_;
  [[no_unique_address]] W sleeper_;
  SdkOptions options_;
  O& observer_;
};

/// The service as an object, as the API's page writes it:
///
///     droplit::Sdk droplit(transport);
///     const auto reply = droplit.clients.create("ECOSYSTEM-ID", "TYPE", "NAME", "DESCRIPTION");
///
/// Holds references to the transport and the observer, which must outlive it. The observer is informed of every
/// attempt, but not of what is refused before it is sent. As thread-safe as transport and sleeper are.
template <Transport T, Sleeper W = SystemSleeper, Observer O = NoObserver>
class Sdk {
 public:
  /// The service over this transport, which must outlive it; `sleeper` waits before a retry.
  explicit Sdk(T& transport, const SdkOptions& options = {}, W sleeper = W(), O& observer = no_observer)
      : clients(transport, options, std::move(sleeper), observer) {}

  Clients<T, W, O> clients;  ///< the calls about clients
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
