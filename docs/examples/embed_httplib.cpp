// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Endpoint in cpp-httplib, which hands over whole requests.
#include "embed/requests.hpp"
#include "embed/service.hpp"

#include <httplib.h>

#include <strings.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

namespace {

// What this server should have refused: RFC 9112, sections 3.2, 6.1 and 6.3.
bool is_malformed(const httplib::Request& request) {
  const bool has_length = request.has_header("Content-Length");
  const auto codings = request.get_header_value_count("Transfer-Encoding");
  if (request.get_header_value_count("Host") != 1 || codings > 1) return true;
  if (codings == 0) return !has_length && request.method == "POST";  // this server would read until the peer closes
  return has_length || request.version == "HTTP/1.0" ||
         strcasecmp(request.get_header_value("Transfer-Encoding").c_str(), "chunked") != 0;
}

void write(const droplit::Response& response, httplib::Response& out) {
  out.status = response.status;
  out.body = response.body;
  for (const auto [name, value] : response.fields) {
    if (name != "content-length") out.set_header(std::string(name), std::string(value));  // this server writes its own
  }
}

template <class Endpoint>
void respond(Endpoint& endpoint, const httplib::Request& request, httplib::Response& out) {
  droplit::RequestHead head(request.method, request.target);
  for (const auto& [name, value] : request.headers) head.add(name, value);
  droplit::Response response;
  endpoint.handle(head, request.body, response);
  write(response, out);
}

// Called before the body is read.
httplib::Server::HandlerResponse refuse_malformed(const httplib::Request& request, httplib::Response& out) {
  if (!is_malformed(request)) return httplib::Server::HandlerResponse::Unhandled;
  write(to_response(droplit::ApiError::of<droplit::ApiErrc::bad_request>()), out);
  return httplib::Server::HandlerResponse::Handled;
}

}  // namespace

int main(int argc, char** argv) {
  embed::Service service;
  httplib::Server server;
  const auto handler = [&](const httplib::Request& request, httplib::Response& response) {
    respond(service.endpoint, request, response);
  };
  server.set_pre_routing_handler(refuse_malformed);
  server.Post(".*", handler).Get(".*", handler).Put(".*", handler).Patch(".*", handler).Delete(".*", handler);
  server.Options(".*", handler);
  server.set_payload_max_length(2 * std::size_t{service.endpoint.options().max_body});  // the Endpoint has the limit
  server.set_keep_alive_max_count(1);  // after a response with `connection: close`, it would read the next request
  server.set_read_timeout(10);
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  embed::run(argc, argv, static_cast<std::uint16_t>(port));
  server.stop();
  thread.join();
}
