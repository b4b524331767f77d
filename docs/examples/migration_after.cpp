// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// migration_before.cpp with droplit in the place of its checks, its store and its responses (docs/migration.md).
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>

#include <httplib.h>

#include <cstddef>
#include <iostream>
#include <string>

using namespace droplit::literals;

int main() {
  droplit::MemoryStorage storage;  // or SqliteStorage, PostgresStorage, or your own
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  storage.add_ecosystem("C594b89aea18568c408c3ad25"_ecosystem_id);
  storage.delete_ecosystem("C594b89aea18568c408c3ad25"_ecosystem_id);
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
      if (field.name == "content-length") continue;  // cpp-httplib writes its own
      response.set_header(std::string(field.name), std::string(field.value));
    }
    if (result.close) response.set_header("Connection", "close");
  };
  httplib::Server server;
  server.set_payload_max_length(2 * std::size_t{endpoint.options().max_body});  // so that the Endpoint refuses it
  server.Post(".*", respond).Get(".*", respond).Put(".*", respond).Patch(".*", respond).Delete(".*", respond);
  server.Options(".*", respond);
  std::cout << "listening on http://127.0.0.1:" << server.bind_to_any_port("127.0.0.1") << std::endl;
  return server.listen_after_bind() ? 0 : 1;
}
