// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/remote/create_client.hpp>
#include <droplit/testing/scripted_server.hpp>
#include <droplit/testing/transport_contract.hpp>
#include <droplit/transport/curl.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace droplit;

namespace {

/// The transport under test, here CurlTransport, and a server on a free port of this machine that plays the service.
struct OverSockets {
  explicit OverSockets(TransportPeer& peer) : server(peer_script(peer)) {}
  Outcome<Response> send(const Request& request) { return transport.send(request); }
  void go_away() { server.stop_listening(); }

  ScriptedServer server;
  CurlTransport transport{"demo", {.url = server.url(), .proxy = ""}};
};

/// What a create ends in where the service does this with its connections.
Outcome<Client> create_at(const ScriptedServer::Script& script) {
  ScriptedServer server(script);
  CurlTransport transport("demo", {.url = server.url(), .proxy = "", .timeout = std::chrono::seconds(10)});
  return create_client(transport, ClientDraft("C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server));
}

}  // namespace

int main() {
  const auto report = check_transport_contract([](TransportPeer& peer) { return OverSockets(peer); }, "demo");
  std::cout << report;

  // What the suite cannot send, since it knows no wire: a response that is cut, one that is not HTTP, none.
  bool good = static_cast<bool>(report);
  for (const std::string bytes :
       {"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{", "220 mail.example.com\r\n", ""}) {
    const auto outcome = create_at([&bytes](ScriptedConnection& connection) {
      if (connection.read_request()) connection.send(bytes);
    });
    std::cout << outcome << '\n';
    good = good && outcome.has_exception() && outcome.exception().fate() == Fate::maybe_applied;
  }
  return good ? 0 : 1;
}
