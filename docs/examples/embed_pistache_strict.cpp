// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Endpoint in Pistache 0.0.5, with steps of its own in Pistache's parser: they keep target and field lines as they
// came, and refuse before the body is read. They use names that Pistache calls private and may change.
#include "embed/requests.hpp"
#include "embed/service.hpp"

#include <pistache/endpoint.h>
#include <pistache/http.h>
#include <pistache/peer.h>

#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace http = Pistache::Http;
using http::Private::State;
using Pistache::StreamCursor;
using Endpoint = decltype(embed::Service::endpoint);

/// What is known of the request on a connection.
struct Exchange {
  explicit Exchange(Endpoint& endpoint) : steps(endpoint) {}

  std::string method;
  std::string target;
  droplit::HeaderFields fields;
  Endpoint::Steps steps;
  droplit::Response response;
  bool refused = false;
  bool closed = false;
};

/// Reads the request line.
struct TargetStep : http::Private::RequestLineStep {
  TargetStep(http::Request* request, Exchange& kept) : RequestLineStep(request), exchange(kept) {}

  State apply(StreamCursor& cursor) override {
    if (exchange.closed) return State::Again;  // what comes after a close is not read
    const std::size_t begin = cursor;
    const State state = RequestLineStep::apply(cursor);
    if (state == State::Next) {
      const std::string_view line(cursor.offset(begin), cursor.diff(begin));
      exchange.method = line.substr(0, line.find(' '));
      exchange.target = line.substr(0, line.rfind(' ')).substr(line.find(' ') + 1);
      exchange.fields.clear();
    }
    return state;
  }

  Exchange& exchange;
};

/// Reads the fields and hands them to the Endpoint. Pistache's parser gets only those that frame the body.
struct FieldsStep : http::Private::Step {
  FieldsStep(http::Request* request, Exchange& kept, const std::shared_ptr<Pistache::Tcp::Peer>& to)
      : Step(request), exchange(kept), peer(to) {}

  http::Private::StepId id() const override { return http::Private::HeadersStep::Id; }

  State apply(StreamCursor& cursor) override {
    for (;;) {
      const std::string_view text(cursor.offset(), cursor.remaining());
      const std::string_view line = text.substr(0, text.find("\r\n"));
      if (line.size() == text.size()) return State::Again;
      cursor.advance(line.size() + 2);
      if (line.empty()) return finish();
      const std::size_t colon = std::min(line.size(), line.find(':'));
      if (colon == line.size() || !exchange.fields.add(line.substr(0, colon), line.substr(colon + 1))) return refuse();
    }
  }

 private:
  State finish() {
    droplit::RequestHead head(exchange.method, exchange.target);
    for (const auto [name, value] : exchange.fields) head.add(name, value);
    const auto length = head.announced_length();
    const auto codings = exchange.fields.count("transfer-encoding");
    const bool chunked = codings == 1 && exchange.fields.get("transfer-encoding") == "chunked";
    if (codings != 0 && !chunked) return refuse();
    if (chunked && (length || message->version() == http::Version::Http10)) return refuse();
    if (exchange.fields.count("host") != 1) return refuse();

    exchange.refused = !exchange.steps.head(head, exchange.fields.lines(), exchange.response);
    if (exchange.refused) return State::Done;  // `onRequest` is called before the body is read
    if (chunked) message->headers().add<http::Header::TransferEncoding>(http::Header::Encoding::Chunked);
    if (length) message->headers().add<http::Header::ContentLength>(*length);
    if (exchange.fields.get("expect") == "100-continue") peer.lock()->send({"HTTP/1.1 100 Continue\r\n\r\n", 25});
    return State::Next;
  }

  State refuse() {
    exchange.refused = true;
    write_response(exchange.response, droplit::ApiError::of<droplit::ApiErrc::bad_request>());
    return State::Done;
  }

  Exchange& exchange;
  std::weak_ptr<Pistache::Tcp::Peer> peer;
};

/// The parser of a connection.
struct Parser : http::RequestParser {
  Parser(Endpoint& endpoint, std::size_t max_size, const std::shared_ptr<Pistache::Tcp::Peer>& peer)
      : ParserImpl(max_size), exchange(endpoint) {
    allSteps[0] = std::make_unique<TargetStep>(&request, exchange);
    allSteps[1] = std::make_unique<FieldsStep>(&request, exchange, peer);
  }

  Exchange exchange;
};

class Handler : public http::Handler {
 public:
  HTTP_PROTOTYPE(Handler)

  explicit Handler(embed::Service& service) : service_(service) {}

  void onRequest(const http::Request& request, http::ResponseWriter writer) override {
    const auto peer = writer.getPeer();
    Exchange& exchange = static_cast<Parser&>(*getParser(peer)).exchange;
    droplit::Response& response = exchange.response;
    if (!exchange.refused && exchange.steps.finish(request.body(), response)) exchange.steps.complete(response);

    exchange.closed = exchange.refused || response.close;
    std::string bytes = "HTTP/1.1 " + std::to_string(response.status) + " \r\n";
    bytes.append(response.fields.lines()).append(exchange.closed ? "connection: close\r\n\r\n" : "\r\n");
    bytes.append(response.body);
    auto sent = peer->send({bytes, bytes.size()});
    if (exchange.closed) sent.then([peer](ssize_t) { ::shutdown(peer->fd(), SHUT_RDWR); }, Pistache::Async::NoExcept);
  }

 private:
  void onConnection(const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    peer->putData(ParserData, std::shared_ptr<http::RequestParser>(
                                  std::make_shared<Parser>(service_.endpoint, getMaxRequestSize(), peer)));
  }

  embed::Service& service_;
};

}  // namespace

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  embed::Service service;
  http::Endpoint server(Pistache::Address("127.0.0.1", Pistache::Port(0)));
  server.init(http::Endpoint::options()
                  .threads(1)
                  .maxRequestSize(2 * std::size_t{service.endpoint.options().max_body})
                  .bodyTimeout(10s)
                  .keepaliveTimeout(2s));
  server.setHandler(http::make_handler<Handler>(service));
  server.serveThreaded();
  embed::run(argc, argv, server.getPort());
  server.shutdown();
}
