// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Endpoint inside another library's server, here cpp-httplib: the server does HTTP, the Endpoint the contract. It
// can be only as strict as its server: this one decodes %XX in field values before a handler sees them, responds to
// other methods itself, and has limits of its own for some bodies (docs/server.md).
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>

#include <httplib.h>

#include <iostream>
#include <thread>

using namespace droplit::literals;

int main() {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  const auto access = droplit::TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(storage, access, clock, ids);

  const auto respond = [&](const httplib::Request& request, httplib::Response& response) {
    droplit::RequestHead head(request.method, request.target);
    for (const auto& [name, value] : request.headers) head.add(name, value);
    droplit::Response result;
    endpoint.handle(head, request.body, result);
    response.status = result.status;
    response.body = result.body;
    for (const auto field : result.fields) {
      if (field.name == "content-length") continue;  // this server writes its own
      response.set_header(std::string(field.name), std::string(field.value));
    }
  };
  httplib::Server server;
  server.set_payload_max_length(
      2 * std::size_t{endpoint.options().max_body});  // so that the Endpoint says what is too much
  server.Post(".*", respond).Get(".*", respond).Put(".*", respond).Patch(".*", respond).Delete(".*", respond);
  server.Options(".*", respond);
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });

  httplib::Client client("127.0.0.1", port);  // one call, to show that it works
  const auto created =
      client.Post("/api/clients", {{"authorization", "demo"}},
                  R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})", "application/json");
  std::cout << (created ? created->status : 0) << ' ' << (created ? created->body : "no response") << '\n';
  server.stop();
  thread.join();
  return created && created->status == 201 ? 0 : 1;
}
