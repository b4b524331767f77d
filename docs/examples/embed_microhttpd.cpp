// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Endpoint in libmicrohttpd, which hands over the body in pieces, so the Endpoint takes the request in steps.
#include "embed/requests.hpp"
#include "embed/service.hpp"

#include <microhttpd.h>

#include <strings.h>

#include <cstddef>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

// The functions that this server calls let no exception out, since its frames are of C.
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
void* begin(void* service, const char* target, MHD_Connection*) noexcept try {
  return new Exchange{target, Endpoint::Steps(static_cast<embed::Service*>(service)->endpoint), {}};
} catch (...) {
  return nullptr;
}

void end(void*, MHD_Connection*, void** exchange, MHD_RequestTerminationCode) noexcept {
  delete static_cast<Exchange*>(*exchange);
}

/// The fields of a request, and how its body is framed.
struct Fields {
  droplit::RequestHead head;
  bool chunked = false;
  bool malformed = false;  // which this server should have refused: RFC 9112, sections 5 and 6
};

MHD_Result add_field(void* to, MHD_ValueKind, const char* name, const char* value) noexcept {
  Fields& fields = *static_cast<Fields*>(to);
  fields.head.add(name, value);
  if (strcasecmp(name, "transfer-encoding") == 0) {
    fields.malformed = fields.malformed || fields.chunked || strcasecmp(value, "chunked") != 0;
    fields.chunked = true;
  }
  for (const std::string_view framing : {"transfer-encoding", "content-length"}) {
    // This server adds a folded line, and a space before the colon, to the name.
    if (strncasecmp(name, framing.data(), framing.size()) == 0 && name[framing.size()] != 0) fields.malformed = true;
  }
  return MHD_YES;
}

MHD_Result write(MHD_Connection* connection, droplit::Response& response) {
  const std::unique_ptr<MHD_Response, void (*)(MHD_Response*)> out(
      MHD_create_response_from_buffer(response.body.size(), response.body.data(), MHD_RESPMEM_MUST_COPY),
      MHD_destroy_response);
  if (!out) return MHD_NO;
  const auto add = [&out](const std::string& name, const std::string& value) {
    return MHD_add_response_header(out.get(), name.c_str(), value.c_str()) == MHD_YES;
  };
  for (const auto [name, value] : response.fields) {
    if (name == "content-length") continue;  // this server writes its own
    if (!add(std::string(name), std::string(value))) return MHD_NO;
  }
  if (response.close && !add("connection", "close")) return MHD_NO;
  return MHD_queue_response(connection, static_cast<unsigned>(response.status), out.get());
}

// Called after the head, for each piece of the body, and after the body.
MHD_Result handle(void*, MHD_Connection* connection, const char*, const char* method, const char* version,
                  const char* piece, std::size_t* size, void** state) noexcept try {
  if (*state == nullptr) return MHD_NO;  // no memory for it; this server closes
  Exchange& exchange = *static_cast<Exchange*>(*state);
  if (!exchange.begun) {
    exchange.begun = true;
    Fields fields{{method, exchange.target}};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_field, &fields);
    const bool may_be_chunked = !fields.head.announced_length() && std::strcmp(version, "HTTP/1.1") == 0;
    if (fields.malformed || (fields.chunked && !may_be_chunked)) {
      write_response(exchange.response, droplit::ApiError::of<droplit::ApiErrc::bad_request>());
    } else if (exchange.steps.head(fields.head, {}, exchange.response)) {
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
} catch (...) {  // no exception may pass through C; this server closes
  return MHD_NO;
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
      MHD_OPTION_CONNECTION_TIMEOUT, 10U,  // seconds
      MHD_OPTION_END);
  // clang-format on
  if (server == nullptr) {
    std::cerr << "cannot start a server\n";
    return 1;
  }
  embed::run(argc, argv, MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
  MHD_stop_daemon(server);
}
