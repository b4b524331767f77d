// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Endpoint in libmicrohttpd, which hands over the body in pieces, so the Endpoint takes the request in steps.
#include "embed/requests.hpp"
#include "embed/service.hpp"

#include <microhttpd.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using Endpoint = decltype(embed::Service::endpoint);

/// A request while it arrives.
struct Exchange {
  std::string target;
  Endpoint::Steps steps;
  droplit::Response response;
  bool begun = false;
  bool refused = false;
};

// Called with the target as it was received; what `handle` gets is percent-decoded and has no query.
void* begin(void* service, const char* target, MHD_Connection*) {
  return new Exchange{target, Endpoint::Steps(static_cast<embed::Service*>(service)->endpoint), {}};
}

void end(void*, MHD_Connection*, void** exchange, MHD_RequestTerminationCode) {
  delete static_cast<Exchange*>(*exchange);
}

MHD_Result add_field(void* head, MHD_ValueKind, const char* name, const char* value) {
  static_cast<droplit::RequestHead*>(head)->add(name, value);
  return MHD_YES;
}

MHD_Result write(MHD_Connection* connection, droplit::Response& response) {
  MHD_Response* const out =
      MHD_create_response_from_buffer(response.body.size(), response.body.data(), MHD_RESPMEM_MUST_COPY);
  for (const auto [name, value] : response.fields) {
    if (name == "content-length") continue;  // this server writes its own
    MHD_add_response_header(out, std::string(name).c_str(), std::string(value).c_str());
  }
  if (response.close) MHD_add_response_header(out, "connection", "close");
  const MHD_Result result = MHD_queue_response(connection, static_cast<unsigned>(response.status), out);
  MHD_destroy_response(out);
  return result;
}

// Called after the head, for each piece of the body, and after the body.
MHD_Result handle(void*, MHD_Connection* connection, const char*, const char* method, const char*, const char* piece,
                  std::size_t* size, void** state) {
  Exchange& exchange = *static_cast<Exchange*>(*state);
  if (!exchange.begun) {
    exchange.begun = true;
    droplit::RequestHead head(method, exchange.target);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_field, &head);
    const char* const coding = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "transfer-encoding");
    if (head.announced_length() && coding != nullptr) {  // which this server should have refused: RFC 9112, section 6.3
      write_response(exchange.response, droplit::ApiError::of<droplit::ApiErrc::bad_request>());
    } else if (exchange.steps.head(head, {}, exchange.response)) {
      return MHD_YES;
    }
    return write(connection, exchange.response);  // before the body; then this server closes
  }
  if (*size != 0) {
    if (!exchange.refused) exchange.refused = !exchange.steps.body({piece, *size}, exchange.response);
    *size = 0;  // all of it was read; a response is only possible after the last piece
    return MHD_YES;
  }
  if (!exchange.refused && exchange.steps.finish({}, exchange.response)) exchange.steps.complete(exchange.response);
  return write(connection, exchange.response);
}

}  // namespace

int main(int argc, char** argv) {
  embed::Service service;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // clang-format off
  MHD_Daemon* const server = MHD_start_daemon(
      MHD_USE_INTERNAL_POLLING_THREAD, 0, nullptr, nullptr, handle, nullptr,
      MHD_OPTION_SOCK_ADDR, &address,
      MHD_OPTION_URI_LOG_CALLBACK, begin, &service,
      MHD_OPTION_NOTIFY_COMPLETED, end, nullptr,
      MHD_OPTION_STRICT_FOR_CLIENT, 1,  // refuses a missing Host
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, std::size_t{256 * 1024},  // with 32 KiB, a thousand query fields get no response
      MHD_OPTION_CONNECTION_TIMEOUT, 2U,  // seconds
      MHD_OPTION_END);
  // clang-format on
  embed::run(argc, argv, MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
  MHD_stop_daemon(server);
}
