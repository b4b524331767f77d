// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Endpoint in cpp-httplib, which hands over whole requests.
#include "embed/requests.hpp"
#include "embed/service.hpp"

#include <httplib.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

namespace {

// What this server should have refused: RFC 9112, sections 3.2 and 6.3.
bool is_malformed(const httplib::Request& request) {
  return request.get_header_value_count("Host") != 1 ||
         (request.has_header("Transfer-Encoding") && request.has_header("Content-Length"));
}

template <class Endpoint>
void respond(Endpoint& endpoint, const httplib::Request& request, httplib::Response& out) {
  droplit::RequestHead head(request.method, request.target);
  for (const auto& [name, value] : request.headers) head.add(name, value);
  droplit::Response response;
  if (is_malformed(request)) {
    write_response(response, droplit::ApiError::of<droplit::ApiErrc::bad_request>());
  } else {
    endpoint.handle(head, request.body, response);
  }

  out.status = response.status;
  out.body = response.body;
  for (const auto [name, value] : response.fields) {
    if (name != "content-length") out.set_header(std::string(name), std::string(value));  // this server writes its own
  }
  if (response.close) out.set_header("Connection", "close");
}

}  // namespace

int main(int argc, char** argv) {
  embed::Service service;
  httplib::Server server;
  const auto handler = [&](const httplib::Request& request, httplib::Response& response) {
    respond(service.endpoint, request, response);
  };
  server.Post(".*", handler).Get(".*", handler).Put(".*", handler).Patch(".*", handler).Delete(".*", handler);
  server.Options(".*", handler);
  server.set_payload_max_length(2 * std::size_t{service.endpoint.options().max_body});  // the Endpoint has the limit
  server.set_keep_alive_timeout(1);  // when a connection closes, also after `connection: close`
  server.set_read_timeout(10);
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  embed::run(argc, argv, static_cast<std::uint16_t>(port));
  server.stop();
  thread.join();
}
