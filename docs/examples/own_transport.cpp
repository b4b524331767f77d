// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A transport of one's own, one that keeps a log, and the suite that says whether it keeps the contract.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/testing/transport_contract.hpp>
#include <droplit/transport/loopback.hpp>

#undef NDEBUG  // the asserts are the point
#include <cassert>
#include <iostream>
#include <sstream>
#include <utility>

using namespace droplit;

namespace {

/// Lets another transport carry the requests, and writes a line about each: how it ended, and nothing that was in it.
template <Transport T>
class LoggingTransport {
 public:
  LoggingTransport(T& transport, std::ostream& log) : transport_(transport), log_(log) {}

  Outcome<Response> send(const Request& request) try {
    Outcome<Response> answer = transport_.send(request);
    if (answer.has_value()) log_ << "answered " << answer.value().status << '\n';
    if (answer.has_exception()) log_ << to_string(answer.exception().fate()) << '\n';
    return answer;
  } catch (const Fault& fault) {
    log_ << to_string(fault.fate()) << '\n';
    throw;
  }

 private:
  T& transport_;
  std::ostream& log_;
};

/// One that means well and tries again what failed. That may create a client twice.
template <Transport T>
class StubbornTransport {
 public:
  StubbornTransport(T& transport, std::ostream&) : transport_(transport) {}

  Outcome<Response> send(const Request& request) try { return transport_.send(request); } catch (const Fault&) {
    return transport_.send(request);
  }

 private:
  T& transport_;
};

/// Where the requests of the suite arrive: its peer hears them, and where it gives no answer the way is cut.
struct PeerEndpoint {
  TransportPeer& peer;

  Response handle(const Request& request) {
    auto answer = peer.hear(request);
    if (!answer) throw Fault(FaultSource::transport, Fate::maybe_applied, "no answer came");
    return *std::move(answer);
  }
};

/// The transport under test with all that it stands on. It need not be movable.
template <template <class> class OwnTransport>
struct Rig {
  explicit Rig(TransportPeer& peer) : endpoint{peer} {}
  Outcome<Response> send(const Request& request) { return own.send(request); }

  PeerEndpoint endpoint;
  LoopbackTransport<PeerEndpoint> loopback{endpoint, "demo"};
  std::ostringstream log;
  OwnTransport<LoopbackTransport<PeerEndpoint>> own{loopback, log};
};

}  // namespace

int main() {
  const auto failed = check_transport_contract([](TransportPeer& peer) { return Rig<LoggingTransport>(peer); }, "demo");
  for (const FailedCheck& check : failed) std::cout << check.id << ": " << check.sentence << '\n';
  assert(failed.empty());

  const auto caught =
      check_transport_contract([](TransportPeer& peer) { return Rig<StubbornTransport>(peer); }, "demo");
  assert(caught.size() == 1 && caught[0].id == "lost_response_is_not_repeated");

  // And what it is for.
  MemoryStorage storage;
  const auto access = TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  SystemClock clock;
  ObjectIds ids;
  Endpoint endpoint(storage, access, clock, ids);
  LoopbackTransport loopback(endpoint, "demo");
  std::ostringstream log;
  LoggingTransport transport(loopback, log);
  const ClientDraft draft("C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server);
  assert(create_client(transport, draft).error().code() == ApiErrc::ecosystem_invalid);
  storage.add_ecosystem(draft.ecosystem_id());
  assert(create_client(transport, draft).has_value());
  assert(log.str() == "answered 400\nanswered 201\n");
  std::cout << "the transport keeps the contract\n";
}
