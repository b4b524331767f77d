// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A create under a key, against every sequence of what may become of its requests. Without a key: create_client.cpp.
#include <droplit/remote/creation.hpp>

#include "support/catch.hpp"
#include "support/memory.hpp"
#include "support/model/size.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace droplit;

constexpr auto home = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr std::int64_t day = 86'400'000;

const IdempotencyKey key = *IdempotencyKey::parse("a-key");

ClientDraft draft() { return ClientDraft(home, ClientType::server); }

Client client(EcosystemId ecosystem = home) {
  return Client("594b89aea18568c408c3ad25"_client_id, *Timestamp::from_unix_millis(0), ecosystem, ClientType::server);
}

/// What a store did: nothing where the service does not honour keys, or else whether it replayed.
using Replayed = std::optional<bool>;

/// A 201 as the service writes it.
Response created(Replayed replayed, Response response = to_response(client())) {
  if (replayed) response.fields.add("idempotency-replayed", *replayed ? "true" : "false");
  return response;
}

Response with_body(Response response, std::string body) {
  response.body = std::move(body);
  return response;
}

Response with_field(Response response, std::string_view name, std::string_view value) {
  response.fields.add(name, value);
  return response;
}

Response page(int status) { return with_field(Response{status, {}, "<html>", false}, "content-type", "text/html"); }

Fault transport_fault(Fate fate) { return Fault(FaultSource::transport, fate, "libcurl error"); }

/// What the caller sees of one request.
enum class Seen { client, refusal, nothing_applied, uncertain };

/// What may become of one request. `result` gets what the store did if the request is `stored`.
struct Event {
  const char* name;
  bool stored;
  Seen seen;
  std::function<Outcome<Response>(Replayed)> result;
  bool shows_field = false;  ///< the response has the status 201 and the field as the service wrote it
  bool lacks_field = false;  ///< it has the status 201, and never a valid field
};

const std::vector<Event>& events() {
  const auto never = [](Outcome<Response> response) { return [response](Replayed) { return response; }; };
  static const std::vector<Event> all{
      {"created", true, Seen::client, [](Replayed replayed) { return created(replayed); }, true},
      {"created, the field removed on the way", true, Seen::client, never(created({})), false, true},
      {"created, the field broken on the way", true, Seen::client,
       never(with_field(created({}), "idempotency-replayed", "yes")), false, true},
      {"created, the field twice", true, Seen::client, never(with_field(created(true), "idempotency-replayed", "true")),
       false, true},
      {"created, the body broken", true, Seen::uncertain,
       [](Replayed replayed) { return with_body(created(replayed), "{"); }, true},
      {"created, compressed on the way", true, Seen::uncertain,
       [](Replayed replayed) { return with_field(created(replayed), "content-encoding", "gzip"); }, true},
      {"created, the body cut", true, Seen::uncertain, never(Fault::unknown_response(201, "cut", "{\"crea"))},
      {"another's 201, out of a cache", false, Seen::uncertain,
       never(to_response(client("C594b89aea18568c408c3ad99"_ecosystem_id))), false, true},
      {"refused by the endpoint", false, Seen::refusal, never(to_response(ApiError::of<ApiErrc::forbidden>()))},
      {"refused by the store", false, Seen::refusal, never(to_response(ApiError::ecosystem_not_found(home)))},
      {"the key reused", false, Seen::refusal, never(to_response(ApiError::idempotency_key_reused()))},
      {"refused by the transport", false, Seen::refusal, never(ApiError::of<ApiErrc::content_too_large>())},
      {"not sent", false, Seen::nothing_applied, never(transport_fault(Fate::not_sent))},
      {"not sent, thrown", false, Seen::nothing_applied,
       [](Replayed) -> Outcome<Response> { throw transport_fault(Fate::not_sent); }},
      {"certainly not applied", false, Seen::nothing_applied, never(transport_fault(Fate::not_applied))},
      {"the exact 503", false, Seen::nothing_applied,
       never(to_response(Fault::unavailable(FaultSource::storage, "away")))},
      {"the request lost", false, Seen::uncertain, never(transport_fault(Fate::maybe_applied))},
      {"the response lost", true, Seen::uncertain, never(transport_fault(Fate::maybe_applied))},
      {"the response lost, an exception", true, Seen::uncertain,
       [](Replayed) -> Outcome<Response> { throw std::runtime_error("canary"); }},
      {"a proxy's 503, not applied", false, Seen::uncertain, never(page(503))},
      {"a proxy's 503, applied", true, Seen::uncertain, never(page(503))},
      {"500, not applied", false, Seen::uncertain, never(to_response(Fault()))},
      {"500, applied", true, Seen::uncertain, never(to_response(Fault()))},
      {"200, not applied", false, Seen::uncertain, never(page(200))},
      {"429, applied", true, Seen::uncertain, never(with_field(page(429), "retry-after", "2"))},
  };
  return all;
}

/// The service: how many clients were created, and whether one has the key.
struct Service {
  int created = 0;
  bool has_key = false;

  Replayed create(bool honours_keys) {
    if (honours_keys && has_key) return true;
    ++created;
    has_key = has_key || honours_keys;
    return honours_keys ? Replayed(false) : std::nullopt;
  }
};

/// Everything that may happen to one create.
class Exploration {
 public:
  /// The service honours keys for the first `honoured` requests, and is restarted without the option then. `earlier`: a
  /// call before had created a client under the key.
  Exploration(KeyOrigin origin, bool earlier, int honoured, std::uint32_t attempts)
      : origin_(origin), earlier_(earlier ? 1 : 0), honoured_(honoured), attempts_(attempts) {
    Service service;
    if (earlier) service.create(true);
    RetryPolicy policy;
    policy.max_attempts = attempts;
    policy.deadline = day;
    extend({RemoteCreation(draft(), key, origin, policy, 0), service, 0, false, 0, {}});
  }

  [[nodiscard]] int sequences() const noexcept { return sequences_; }
  [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }  ///< the first that is, or empty

 private:
  struct Path {
    RemoteCreation creation;
    Service service;
    std::int64_t now;
    bool uncertain;  // an attempt may have been applied, as far as the caller sees
    int sent;
    std::string names;
  };

  void extend(const Path& before) {
    for (const Event& event : events()) {
      for (const bool too_late : {false, true}) {
        if (!wrong_.empty()) return;
        Path path = before;
        path.names.append(path.names.empty() ? "" : "; ").append(event.name).append(too_late ? ", too late" : "");
        const bool honours = path.sent++ < honoured_;
        const Replayed replayed = event.stored ? path.service.create(honours) : std::nullopt;
        if (too_late) path.now = path.creation.deadline();
        path.creation.settle(detail::guarded<Response>(FaultSource::transport, Fate::maybe_applied,
                                                       [&] { return event.result(replayed); }),
                             path.now, 0xFFFFFFFF);
        take(std::move(path), event, event.lacks_field || (event.shows_field && !replayed));
      }
    }
  }

  void take(Path&& path, const Event& event, bool shows_no_keys) {
    const bool was_uncertain = path.uncertain || origin_ == KeyOrigin::brought;
    const bool is_client = event.seen == Seen::client && !(shows_no_keys && was_uncertain);
    const bool ended = event.seen == Seen::client || event.seen == Seen::refusal || shows_no_keys;
    const bool was_applied_maybe =
        path.uncertain || event.seen == Seen::uncertain || (event.seen == Seen::client && !is_client);
    path.uncertain = was_applied_maybe;
    check(path, event, is_client);
    const bool goes_on = !ended && path.creation.attempts() < attempts_ && path.now < path.creation.deadline();
    if ((path.creation.step() == RemoteCreation::Step::wait) != goes_on)
      return wrong(path, goes_on ? "ends" : "goes on");
    if (!goes_on) {
      ++sequences_;
      return;
    }
    for (const bool too_late : {true, false}) {
      Path next = path;
      next.now = too_late ? next.creation.deadline() : next.creation.wait_until();
      next.creation.wake(next.now);
      check(next, event, is_client);
      if ((next.creation.step() == RemoteCreation::Step::send) == too_late) return wrong(next, "woken at another time");
      if (!too_late) extend(next);
    }
  }

  /// Whatever is done by now must be true, since each request may be the last.
  void check(const Path& path, const Event& event, bool is_client) {
    const int own = path.service.created - earlier_;
    if (honoured_ >= path.sent && path.service.created > 1) return wrong(path, "two clients");
    RemoteCreation creation = path.creation;
    const bool replayed = creation.replayed();
    const auto outcome = std::move(creation).keyed_outcome();
    if (outcome.has_value() != is_client) return wrong(path, "a client or not");
    if (outcome.has_value()) {
      if (path.service.created != 1) return wrong(path, "a client, where there are more or none");
      if (outcome.assume_value().client != client()) return wrong(path, "another client");
      if (outcome.assume_value().replayed != replayed) return wrong(path, "replayed or not");
    } else if (outcome.has_error()) {
      if (path.uncertain || own != 0) return wrong(path, "a refusal, where a client may have been created");
    } else {
      const Fault& fault = outcome.assume_exception();
      if ((fault.fate() == Fate::maybe_applied) != path.uncertain) return wrong(path, "another fate");
      if (fault.fate() != Fate::maybe_applied && own != 0) return wrong(path, "created all the same");
      if (event.seen == Seen::refusal && fault.status().value_or(0) / 100 != 4) return wrong(path, "no status");
      if (event.seen == Seen::client && fault.status() != 201) return wrong(path, "no status");
      if (fault.what().find("canary") != std::string::npos) return wrong(path, "an exception's own text");
    }
  }

  void wrong(const Path& path, const char* what) {
    if (wrong_.empty()) wrong_ = what + (": " + path.names);
  }

  KeyOrigin origin_;
  int earlier_;
  int honoured_;
  std::uint32_t attempts_;
  int sequences_ = 0;
  std::string wrong_;
};

/// A create under a key that goes through these events.
RemoteCreation after(std::initializer_list<const char*> names, KeyOrigin origin, Replayed replayed = {}) {
  RemoteCreation creation(draft(), key, origin, {.max_attempts = 9, .first_delay = 0, .deadline = day}, 0);
  for (const std::string_view name : names) {
    if (creation.step() == RemoteCreation::Step::wait) creation.wake(0);
    REQUIRE(creation.step() == RemoteCreation::Step::send);
    bool found = false;
    for (const Event& event : events()) {
      if (event.name != name) continue;
      creation.settle(event.result(replayed), 0, 0);
      found = true;
    }
    REQUIRE(found);
  }
  return creation;
}

}  // namespace

TEST_CASE("under a key no sequence of events creates two, and none ends better than its worst attempt") {
  const auto attempts = static_cast<std::uint32_t>(model::how_many(3, 4));
  int sequences = 0;
  for (const KeyOrigin origin : {KeyOrigin::made, KeyOrigin::brought}) {
    for (const bool earlier : {false, true}) {
      if (earlier && origin == KeyOrigin::made) continue;
      for (int honoured = 0; honoured <= static_cast<int>(attempts); ++honoured) {
        const Exploration all(origin, earlier, honoured, attempts);
        INFO((origin == KeyOrigin::made ? "a made key, " : "a brought key, ")
             << honoured << " honoured, " << (earlier ? "used before: " : "not used before: ") << all.wrong());
        CHECK(all.wrong().empty());
        sequences += all.sequences();
      }
    }
  }
  CHECK(sequences > 50'000);
}

TEST_CASE("every request under a key has it, once, and the same body") {
  RemoteCreation creation(draft(), key, KeyOrigin::made, {.max_attempts = 3, .deadline = day}, 0);
  const Request first = creation.request();
  CHECK(first.fields.lines() == "content-type: application/json\r\nidempotency-key: a-key\r\n");
  while (creation.step() != RemoteCreation::Step::done) {
    if (creation.step() == RemoteCreation::Step::wait) creation.wake(creation.wait_until());
    if (creation.step() != RemoteCreation::Step::send) break;
    CHECK(creation.request() == first);
    creation.settle(transport_fault(Fate::maybe_applied), 0, 0);
  }
  CHECK(creation.attempts() == 3);
  const ClientParameters parameters{.ecosystem_id = "x", .type = "y"};
  const RemoteCreation unchecked(parameters, key, KeyOrigin::brought, {}, 0);
  CHECK(unchecked.request().fields.get("idempotency-key") == "a-key");
}

TEST_CASE("without a key there is no field, and what comes of it decides nothing") {
  RemoteCreation creation(draft(), {.max_attempts = 3}, 0);
  CHECK(creation.request().fields.count("idempotency-key") == 0);
  creation.settle(transport_fault(Fate::maybe_applied), 0, 0);
  CHECK(creation.step() == RemoteCreation::Step::done);
  RemoteCreation other(draft(), {.max_attempts = 3}, 0);
  other.settle(created(true), 0, 0);
  CHECK_FALSE(other.replayed());
  CHECK(std::move(other).outcome().value() == client());
}

TEST_CASE("a key that begins with a quotation mark is sent as a string that is read back to it") {
  for (const char* text : {"k", "\"", "\"\"", "\"a\\b\"", "\\", "a\"b", "\"k\""}) {
    INFO(text);
    const auto odd = IdempotencyKey::parse(text);
    REQUIRE(odd);
    const RemoteCreation creation(draft(), *odd, KeyOrigin::brought, {}, 0);
    CHECK(IdempotencyKey::parse_field(creation.request().fields.get("idempotency-key")) == odd);
  }
  CHECK(IdempotencyKey::parse("\"k")->field_value() == "\"\\\"k\"");
  CHECK(IdempotencyKey::parse("k\"")->field_value() == "k\"");
  const auto longest = IdempotencyKey::parse(std::string(IdempotencyKey::max_size, '"'));
  CHECK(IdempotencyKey::parse_field(longest->field_value()) == longest);
}

TEST_CASE("a 201 says whether it is a replay") {
  for (const bool replayed : {false, true}) {
    for (const KeyOrigin origin : {KeyOrigin::made, KeyOrigin::brought}) {
      CHECK(after({"the response lost", "created"}, origin, replayed).keyed_outcome().value() ==
            KeyedClient{client(), replayed});
      CHECK(after({"created"}, origin, replayed).keyed_outcome().value() == KeyedClient{client(), replayed});
    }
  }
  CHECK(after({"created"}, KeyOrigin::made).keyed_outcome().value() == KeyedClient{client(), false});
}

TEST_CASE("a service that does not honour keys is found out by its 201, which ends the create") {
  for (RemoteCreation creation :
       {after({"created"}, KeyOrigin::brought), after({"the request lost", "created"}, KeyOrigin::made)}) {
    CHECK(creation.step() == RemoteCreation::Step::done);
    const auto outcome = std::move(creation).outcome();
    CHECK(outcome.exception().what() == "the service does not honour keys");
    CHECK(outcome.exception().fate() == Fate::maybe_applied);
    CHECK(outcome.exception().status() == 201);
    CHECK(outcome.exception().excerpt() == to_response(client()).body);
  }
}

TEST_CASE("after an attempt that may have been applied, what proves nothing says so") {
  const auto refused = after({"the response lost", "refused by the store"}, KeyOrigin::made).outcome();
  CHECK(refused.exception().status() == 404);
  CHECK(refused.exception().source() == FaultSource::response);
  CHECK(refused.exception().what() == "the service refused the request after an attempt that may have been applied");
  CHECK(refused.exception().excerpt() == "Ecosystem with id C594b89aea18568c408c3ad24 does not exist.");

  const auto not_sent = after({"500, applied", "not sent"}, KeyOrigin::made).outcome();
  CHECK(not_sent.exception().source() == FaultSource::transport);
  CHECK(not_sent.exception().what() == "libcurl error, after an attempt that may have been applied");

  const auto away = after({"500, applied", "the exact 503"}, KeyOrigin::made).outcome();
  CHECK(away.exception().status() == 503);
  CHECK(away.exception().retry_after() == 1);
  CHECK_FALSE(is_unavailable(away.exception()));
}

TEST_CASE("without memory for what a response says, a create that may have been applied is a fault that says so") {
  const std::string text(100, 'x');
  const Client named("594b89aea18568c408c3ad25"_client_id, *Timestamp::from_unix_millis(0), home, ClientType::server,
                     Text::parse(text));
  const Outcome<Response> lost = Fault(FaultSource::transport, Fate::maybe_applied, text);
  const Outcome<Response> last[] = {to_response(named), to_response(ApiError::ecosystem_not_found(home)), page(502),
                                    Fault(FaultSource::transport, Fate::not_sent, text)};
  for (const Outcome<Response>& response : last) {
    std::size_t failed = 0;
    for (bool fails = true; fails; ++failed) {
      RemoteCreation creation(draft(), key, KeyOrigin::made, {.max_attempts = 5}, 0);
      creation.settle(lost, 0, 0);
      memory::calls = 0;
      memory::fail_at = failed + 1;
      creation.settle(response, 0, 0);
      memory::fail_at = 0;
      fails = memory::calls > failed;
      CHECK(creation.outcome().exception().fate() == Fate::maybe_applied);
    }
    CHECK(failed > 1);
  }
  // The first attempt, of which the service says what became of it.
  std::size_t failed = 0;
  for (bool fails = true; fails; ++failed) {
    RemoteCreation creation(draft(), {}, 0);
    memory::calls = 0;
    memory::fail_at = failed + 1;
    creation.settle(last[0], 0, 0);
    memory::fail_at = 0;
    fails = memory::calls > failed;
    CHECK(creation.outcome().has_value() == !fails);
    if (fails) CHECK(creation.outcome().exception().fate() == Fate::maybe_applied);
  }
  CHECK(failed > 1);
}

TEST_CASE("a response that asks to wait is obeyed under a key, and none that asks for longer than the deadline") {
  const auto waits = [](const char* seconds) {
    RemoteCreation creation(draft(), key, KeyOrigin::made, {.max_attempts = 2, .first_delay = 0, .deadline = day}, 0);
    creation.settle(with_field(page(429), "retry-after", seconds), 0, 0);
    return creation.step() == RemoteCreation::Step::wait ? creation.wait_until() : -1;
  };
  CHECK(waits("2") == 2'000);
  CHECK(waits("86399") == day - 1'000);
  CHECK(waits("86400") == -1);
  CHECK(waits("999999999") == -1);
  CHECK(waits("9999999999") == -1);
  CHECK(waits("99999999999999999999999") == -1);
  CHECK(waits("0000000003") == 3'000);
  CHECK(waits("+3") == 0);
  CHECK(waits("Wed, 21 Oct 2015 07:28:00 GMT") == 0);
  for (const std::int64_t seconds : {INT64_MIN, std::int64_t{-1}, INT64_MAX}) {
    RemoteCreation creation(draft(), key, KeyOrigin::made, {.max_attempts = 2, .first_delay = 0, .deadline = day}, 0);
    creation.settle(Fault::unknown_response(429, "x", "", seconds), 0, 0);
    CHECK((creation.step() == RemoteCreation::Step::wait) == (seconds < 0));
  }
}

TEST_CASE("a key is never sent later than 24 hours after its first use, whatever the policy") {
  for (const std::int64_t deadline : {day, day + 1, INT64_MAX}) {
    RemoteCreation creation(draft(), key, KeyOrigin::made, {.max_attempts = 9, .first_delay = 0, .deadline = deadline},
                            1'000);
    creation.settle(transport_fault(Fate::maybe_applied), 1'000 + day - 1, 0);
    REQUIRE(creation.step() == RemoteCreation::Step::wait);
    RemoteCreation in_time = creation;
    in_time.wake(1'000 + day - 1);
    CHECK(in_time.step() == RemoteCreation::Step::send);
    creation.wake(1'000 + day);
    CHECK(creation.step() == RemoteCreation::Step::done);
    CHECK(std::move(creation).outcome().exception().fate() == Fate::maybe_applied);
  }
}
