// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// An operation of one's own, `GET /api/clients/ID`, beside "create a client" in one server: a handler and a router.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/testing/fixed_clock.hpp>
#include <droplit/testing/fixed_ids.hpp>
#include <droplit/transport/curl.hpp>
#include <droplit/transport/loopback.hpp>

#include <iostream>
#include <optional>
#include <string>
#include <thread>

using namespace droplit;

namespace {

/// Returns a client to a holder who may create clients in its ecosystem. To others the client does not exist.
class GetClient {
 public:
  static constexpr Route route{"GET", "/api/clients/{id}", true};

  GetClient(const MemoryStorage& storage, const TokenFile& access) : storage_(storage), access_(access) {}

  Response handle(const Request& request) const {
    const auto token = request.fields.get("authorization");
    if (request.fields.count("authorization") != 1 || token.empty()) return refuse<ApiErrc::unauthorized>();
    const auto holder = access_.authenticate(token);
    if (holder.kind() == PrincipalKind::none) return refuse<ApiErrc::unauthorized>();
    if (holder.kind() == PrincipalKind::other) return refuse<ApiErrc::token_kind_forbidden>();

    Response response;
    const auto id = ClientId::parse(path_parameter(request));
    if (!id) {
      write_response(response, 400, "application/json",
                     R"({"errorType":"InvalidParams","errors":[{"in":"path","message":"invalid id","path":"id"}]})");
      return response;
    }
    const std::optional<Client> client = storage_.find_client(*id);
    if (!client || !access_.authorize(holder, client->ecosystem_id())) {
      write_response(response, 404, "text/plain; charset=utf-8", "Client with id " + id->text() + " does not exist.");
      return response;
    }
    write_response(response, *client);  // a 201
    response.status = 200;
    return response;
  }

 private:
  template <ApiErrc Code>
  static Response refuse() {
    return to_response(ApiError::of<Code>());
  }

  const MemoryStorage& storage_;
  const TokenFile& access_;
};
static_assert(RoutedHandler<GetClient>);

/// Sends a request and prints the response.
void call(Transport auto& transport, const std::string& method, const std::string& target) {
  const Response response = transport.send(Request{method, target, {}, {}}).value();
  std::cout << method << ' ' << target << " -> " << response.status << ' ' << response.body
            << response.fields.get("allow") << '\n';
}

}  // namespace

int main() {
  const auto ecosystem = "C594b89aea18568c408c3ad24"_ecosystem_id;
  MemoryStorage storage;
  storage.add_ecosystem(ecosystem);
  const auto access = TokenFile::parse(R"({"tokens": [
    {"token": "account", "kind": "account"},
    {"token": "elsewhere", "kind": "server", "ecosystems": ["C594b89aea18568c408c3ad25"]},
    {"token": "user", "kind": "user"}
  ]})")
                          .value();
  FixedClock clock(*Timestamp::parse("2018-02-28T15:16:58.941Z"));  // so that the output is always the same
  FixedIds ids({"594b89aea18568c408c3ad25"_client_id, "594b89aea18568c408c3ad26"_client_id});
  Endpoint endpoint(storage, access, clock, ids);
  GetClient get_client(storage, access);
  Router router(endpoint, get_client);
  BeastServer server(router);
  std::thread thread([&] { server.run(); });

  const auto try_all = [&](auto connect) {
    auto account = connect("account");
    const Client client =
        create_client(account, ClientDraft(ecosystem, ClientType::server, Text::parse("Lobby"))).value();
    const std::string target = "/api/clients/" + client.id().text();
    call(account, "GET", target);
    call(account, "GET", "/api/clients/594b89aea18568c408c3ad24");
    call(account, "GET", "/api/clients/1");
    call(account, "DELETE", target);
    call(account, "GET", "/api/clients");
    for (const char* token : {"elsewhere", "user", "unknown"}) {
      auto other = connect(token);
      call(other, "GET", target);
    }
  };
  try_all([&](const char* token) { return LoopbackTransport(router, token); });
  try_all([&](const char* token) { return CurlTransport(token, {.url = server.url(), .proxy = ""}); });

  server.stop();
  thread.join();
}
