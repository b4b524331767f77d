// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A transport that keeps a log, and the suite that checks it.
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

/// Sends through another transport and logs how each request ended, without its content.
template <Transport T>
class LoggingTransport {
 public:
  LoggingTransport(T& transport, std::ostream& log) : transport_(transport), log_(log) {}

  Outcome<Response> send(const Request& request) try {
    Outcome<Response> response = transport_.send(request);
    if (response.has_value()) log_ << "status " << response.value().status << '\n';
    if (response.has_exception()) log_ << to_string(response.exception().fate()) << '\n';
    return response;
  } catch (const Fault& fault) {
    log_ << to_string(fault.fate()) << '\n';
    throw;
  }

 private:
  T& transport_;
  std::ostream& log_;
};

/// Sends again what failed, which is a mistake: it may create a client twice.
template <Transport T>
class StubbornTransport {
 public:
  StubbornTransport(T& transport, std::ostream&) : transport_(transport) {}

  Outcome<Response> send(const Request& request) {
    Outcome<Response> response = transport_.send(request);
    const bool lost = response.has_exception() && !response.exception().status();
    return lost ? transport_.send(request) : response;
  }

 private:
  T& transport_;
};

/// Receives the requests of the suite for its peer; if that returns no response, the connection fails.
struct PeerEndpoint {
  TransportPeer& peer;

  Response handle(const Request& request) {
    return peer.receive(request).value_or(Response());  // without a status: no response
  }
};

/// The transport under test and everything that it refers to. It need not be movable.
template <template <class> class OwnTransport>
struct WithPeer {
  explicit WithPeer(TransportPeer& peer) : endpoint{peer} {}
  Outcome<Response> send(const Request& request) { return own.send(request); }

  PeerEndpoint endpoint;
  LoopbackTransport<PeerEndpoint> loopback{endpoint, "demo"};
  std::ostringstream log;
  OwnTransport<LoopbackTransport<PeerEndpoint>> own{loopback, log};
};

}  // namespace

int main() {
  const auto report =
      check_transport_contract([](TransportPeer& peer) { return WithPeer<LoggingTransport>(peer); }, "demo");
  std::cout << report;
  assert(report);

  const auto caught =
      check_transport_contract([](TransportPeer& peer) { return WithPeer<StubbornTransport>(peer); }, "demo");
  assert(caught.failed().size() == 1 && caught.failed()[0].id == "lost_response_is_not_repeated");

  // The transport in use.
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
  assert(log.str() == "status 400\nstatus 201\n");
  std::cout << "the transport keeps the contract\n";
}
