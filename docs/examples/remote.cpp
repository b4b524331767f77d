// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The programs of docs/transport.md, in one that runs: a client's side of the contract, here with the service in the
// same process.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/transport/loopback.hpp>

#undef NDEBUG  // the asserts are the point
#include <cassert>
#include <iostream>
#include <utility>

using namespace droplit::literals;

namespace {

/// A transport that loses its first request before it is sent, to show what a retry is.
template <class Transport>
struct StumblingTransport {
  Transport& transport;
  bool stumbled = false;

  droplit::Outcome<droplit::Response> send(const droplit::Request& request) {
    if (!std::exchange(stumbled, true)) {
      return droplit::Fault(droplit::FaultSource::transport, droplit::Fate::not_sent, "connection refused");
    }
    return transport.send(request);
  }
};

/// A transport that loses its first response, so that what became of the request is unknown.
template <class Transport>
struct LosingTransport {
  Transport& transport;
  bool lost = false;

  droplit::Outcome<droplit::Response> send(const droplit::Request& request) {
    auto response = transport.send(request);
    if (std::exchange(lost, true)) return response;
    return droplit::Fault(droplit::FaultSource::transport, droplit::Fate::maybe_applied, "connection reset");
  }
};

/// Time that only this program's waiting makes pass.
struct FakeTime {
  std::int64_t time = 0;
  std::int64_t now() const { return time; }
  void sleep_until(std::int64_t until) { time = until; }
  std::uint32_t random_bits() const { return 0x80000000; }
};

}  // namespace

int main() {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  const auto access = droplit::TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(storage, access, clock, ids);

  droplit::LoopbackTransport transport(endpoint, "demo");
  const droplit::ClientDraft draft("C594b89aea18568c408c3ad24"_ecosystem_id, droplit::ClientType::server);
  const auto created = create_client(transport, draft);
  assert(created.has_value());
  assert(storage.find_client(created.value().id()) == created.value());

  const droplit::ClientDraft elsewhere("C594b89aea18568c408c3ad25"_ecosystem_id, droplit::ClientType::server);
  const auto refused = create_client(transport, elsewhere);
  assert(refused.error().code() == droplit::ApiErrc::ecosystem_invalid);

  StumblingTransport<decltype(transport)> stumbling{transport};
  FakeTime time;
  const auto again = create_client(stumbling, draft, {.max_attempts = 3, .first_delay = 200}, time);
  assert(again.has_value());
  assert(time.time == 100);  // half of the first delay, for these random bits
  std::cout << "created " << again.value().id().text() << " at the second attempt\n";

  droplit::Endpoint remembering(storage, access, clock, ids, {.idempotency_keys = true});
  droplit::LoopbackTransport honouring(remembering, "demo");
  const auto key = droplit::IdempotencyKey::parse("order-4711").value();
  const auto first = create_client(honouring, draft, key);
  const auto repeated = create_client(honouring, draft, key);
  assert(!first.value().replayed && repeated.value().replayed);
  assert(first.value().client == repeated.value().client);

  LosingTransport<decltype(honouring)> losing{honouring};
  droplit::Sdk sdk(losing, {.retry = {.max_attempts = 3}, .idempotency = true}, time);
  const auto reply = sdk.clients.create("C594b89aea18568c408c3ad24", "server");
  assert(reply.outcome.has_value() && reply.replayed && reply.attempts == 2);
  std::cout << "created " << reply.outcome.value().id().text() << " once, under the key " << reply.key->str() << '\n';
}
