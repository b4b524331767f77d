// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Endpoint in Pistache, as far as its public interface goes; embed_pistache_strict.cpp goes further.
#include "embed/requests.hpp"
#include "embed/service.hpp"

#include <pistache/endpoint.h>
#include <pistache/http.h>
#include <pistache/peer.h>

#include <sys/socket.h>

#include <chrono>
#include <list>
#include <memory>
#include <string>

namespace {

class Handler : public Pistache::Http::Handler {
 public:
  HTTP_PROTOTYPE(Handler)

  explicit Handler(embed::Service& service) : service_(service) {}

  void onRequest(const Pistache::Http::Request& request, Pistache::Http::ResponseWriter writer) override {
    const std::string method = methodString(request.method());
    const std::string target = request.resource() + request.query().as_str();
    droplit::RequestHead head(method, target);
    std::list<std::string> values;  // `value()` returns a copy, which must outlive `head`
    for (const auto& [name, field] : request.headers().rawList()) head.add(name, values.emplace_back(field.value()));
    droplit::Response response;
    if (request.version() == Pistache::Http::Version::Http10 &&
        request.headers().rawList().contains("Transfer-Encoding")) {
      write_response(response, droplit::ApiError::of<droplit::ApiErrc::bad_request>());  // RFC 9112, section 6.1
    } else {
      service_.endpoint.handle(head, request.body(), response);
    }

    // Not with the ResponseWriter, which drops fields that it has no type for.
    std::string bytes = "HTTP/1.1 " + std::to_string(response.status) + " \r\n";
    bytes.append(response.fields.lines()).append(response.close ? "connection: close\r\n\r\n" : "\r\n");
    bytes.append(response.body);
    const auto peer = writer.getPeer();
    auto sent = peer->send(Pistache::RawBuffer(bytes, bytes.size()));
    if (response.close) sent.then([peer](ssize_t) { ::shutdown(peer->fd(), SHUT_RDWR); }, Pistache::Async::NoExcept);
  }

 private:
  embed::Service& service_;
};

}  // namespace

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  embed::Service service;
  Pistache::Http::Endpoint server(Pistache::Address("127.0.0.1", Pistache::Port(0)));
  server.init(Pistache::Http::Endpoint::options()
                  .threads(1)
                  .maxRequestSize(2 * std::size_t{service.endpoint.options().max_body})
                  .bodyTimeout(10s)
                  .keepaliveTimeout(2s));
  server.setHandler(Pistache::Http::make_handler<Handler>(service));
  server.serveThreaded();
  embed::run(argc, argv, server.getPort());
  server.shutdown();
}
