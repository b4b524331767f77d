// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server of coroutines, around a store that suspends: Boost.Asio's awaitables, and the parser of Boost.Beast.
#include "embed/requests.hpp"
#include "embed/service.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http.hpp>
#include <boost/outcome/try.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

/// A store that suspends its caller while it works on a thread of its own.
class SuspendingStore {
 public:
  explicit SuspendingStore(embed::Store& store) : store_(store) {}

  asio::awaitable<droplit::Outcome<droplit::Insertion>> insert(const droplit::Client& client) {
    std::optional<droplit::Outcome<droplit::Insertion>> done;
    const auto work = [&]() -> asio::awaitable<void> {
      done = store_.insert(client);
      co_return;
    };
    try {
      co_await asio::co_spawn(thread_, work, asio::use_awaitable);
      co_return *std::move(done);
    } catch (...) {
      co_return droplit::Fault(droplit::FaultSource::storage, droplit::Fate::maybe_applied,
                               "storage threw an exception", std::current_exception());
    }
  }

 private:
  embed::Store& store_;
  asio::thread_pool thread_{1};
};

/// A connection, and the request on it.
struct Connection {
  explicit Connection(tcp::socket&& accepted) : socket(std::move(accepted)) {}

  tcp::socket socket;
  // Has room for a head or a trailer. Beast has no other limit of a trailer, and throws where a field has 64 KiB.
  boost::beast::flat_buffer buffer{32768};
  std::optional<http::request_parser<http::buffer_body>> parser{};

  /// The next piece of the body, as a view of `memory`; empty after the last one.
  asio::awaitable<droplit::Outcome<std::string_view>> read_piece(asio::mutable_buffer memory) {
    auto& body = parser->get().body();
    body.data = memory.data();
    body.size = memory.size();
    boost::system::error_code error;
    if (!parser->is_done()) {
      co_await http::async_read(socket, buffer, *parser, redirect_error(asio::use_awaitable, error));
    }
    if (error && error != http::error::need_buffer) co_return droplit::ApiError::of<droplit::ApiErrc::bad_request>();
    co_return std::string_view(static_cast<const char*>(memory.data()), memory.size() - body.size);
  }
};

// What this parser should have refused: RFC 9112, sections 3.2, 6.1 and 6.3.
bool is_malformed(const http::request<http::buffer_body>& request) {
  const auto codings = request.count(http::field::transfer_encoding);
  if (request.count(http::field::host) != 1 || codings > 1) return true;
  return codings == 1 && (!boost::beast::iequals(request[http::field::transfer_encoding], "chunked") ||
                          request.count(http::field::content_length) != 0 || request.version() == 10);
}

asio::awaitable<droplit::Outcome<droplit::Client>> create(Connection& connection, embed::Service& service,
                                                          SuspendingStore& store) {
  const auto& request = connection.parser->get();
  droplit::RequestHead head(request.method_string(), request.target());
  for (const auto& field : request) head.add(field.name_string(), field.value());
  if (is_malformed(request)) co_return droplit::ApiError::of<droplit::ApiErrc::bad_request>();

  droplit::Exchange exchange(service.access);
  BOOST_OUTCOME_CO_TRYV(exchange.head(head));  // target, method, token, announced length
  if (request[http::field::expect] == "100-continue") {
    co_await asio::async_write(connection.socket, asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25),
                               asio::use_awaitable);
  }
  for (;;) {
    char memory[4096];
    BOOST_OUTCOME_CO_TRY(const std::string_view piece, co_await connection.read_piece(asio::buffer(memory)));
    if (piece.empty()) break;
    if (auto good = exchange.body(piece); !good) co_return std::move(good).as_failure();  // the same without a macro
  }
  BOOST_OUTCOME_CO_TRY(droplit::ClientDraft draft, exchange.draft());  // query, body, right to the ecosystem

  droplit::Creation creation(std::move(draft));
  while (creation.begin(service.clock, service.ids)) {
    droplit::Outcome<droplit::Insertion> insertion = co_await store.insert(creation.client());
    if (creation.settle(std::move(insertion))) break;
  }
  co_return std::move(creation).outcome();
}

asio::awaitable<void> serve(tcp::socket socket, embed::Service& service, SuspendingStore& store) {
  Connection connection(std::move(socket));
  for (bool open = true; open;) {
    auto& parser = connection.parser.emplace();
    parser.header_limit(16384);
    parser.body_limit(boost::none);  // the Exchange has the limit
    boost::system::error_code error;
    co_await http::async_read_header(connection.socket, connection.buffer, parser,
                                     redirect_error(asio::use_awaitable, error));
    if (error == http::error::end_of_stream) co_return;
    droplit::Response response;
    if (error == http::error::header_limit) {
      response = to_response(droplit::ApiError::of<droplit::ApiErrc::header_fields_too_large>());
    } else if (error) {
      response = to_response(droplit::ApiError::of<droplit::ApiErrc::bad_request>());
    } else {
      const auto client = co_await create(connection, service, store);
      if (client.has_exception()) service.observer.fault(client.exception());
      response = to_response(client);
    }
    open = !response.close && parser.is_done() && parser.get().keep_alive();  // what is left of a body is not read
    std::string bytes = "HTTP/1.1 " + std::to_string(response.status) + " \r\n";
    bytes.append(response.fields.lines()).append(open ? "\r\n" : "connection: close\r\n\r\n").append(response.body);
    co_await asio::async_write(connection.socket, asio::buffer(bytes), asio::use_awaitable);
  }
}

/// Runs the coroutines until the context is stopped. An exception costs one connection: `asio::detached` drops what
/// leaves its coroutine. What leaves an operation that the coroutine awaits destroys that too, but comes out of
/// `context.run()`.
void run(asio::io_context& context, const embed::PrintFaults& observer) {
  while (!context.stopped()) {
    try {
      context.run();
    } catch (...) {
      observer.fault({droplit::FaultSource::library, droplit::Fate::maybe_applied, "an exception ended a connection",
                      std::current_exception()});
    }
  }
}

asio::awaitable<void> listen(tcp::acceptor& acceptor, embed::Service& service, SuspendingStore& store) {
  asio::steady_timer pause(acceptor.get_executor());
  for (;;) {
    boost::system::error_code error;
    tcp::socket socket = co_await acceptor.async_accept(redirect_error(asio::use_awaitable, error));
    if (!error) {
      co_spawn(acceptor.get_executor(), serve(std::move(socket), service, store), asio::detached);
    } else if (error != asio::error::connection_aborted) {  // for example: no descriptor is left
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::use_awaitable);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  embed::Service service;
  asio::io_context context(1);
  SuspendingStore store(service.storage);  // its threads end before the context does
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  co_spawn(context, listen(acceptor, service, store), asio::detached);
  std::thread thread([&] { run(context, service.observer); });
  embed::run(argc, argv, acceptor.local_endpoint().port());
  context.stop();
  thread.join();
}
