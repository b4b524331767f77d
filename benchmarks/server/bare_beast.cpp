// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// bare_beast: a server that reads requests with Boost.Beast, looks at nothing in them, and gives all of them the same
// 201, as long as a real one: what HTTP alone costs on one thread. No timer, no log, no shared pointer to an executor.
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Response = http::response<http::string_body>;

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Socket socket, const Response& response) : socket_(std::move(socket)), response_(response) {
    buffer_.reserve(4096);
  }

  void read() {
    request_.emplace();
    request_->header_limit(16 * 1024);
    request_->body_limit(1024 * 1024);
    http::async_read(socket_, buffer_, *request_, [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) self->write();
    });
  }

 private:
  void write() {
    http::async_write(socket_, response_,
                      [self = shared_from_this(), keep = request_->keep_alive()](error_code error, std::size_t) {
                        if (!error && keep) self->read();
                      });
  }

  Socket socket_;
  const Response& response_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> request_;
};

class Listener {
 public:
  Listener(asio::io_context& context, const Response& response)
      : acceptor_(context, {asio::ip::address_v4::loopback(), 0}), response_(response) {}

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void accept() {
    acceptor_.async_accept([this](error_code error, Socket socket) {
      if (!error) {
        socket.set_option(tcp::no_delay(true));
        std::make_shared<Session>(std::move(socket), response_)->read();
      }
      accept();
    });
  }

 private:
  asio::basic_socket_acceptor<tcp, Executor> acceptor_;
  const Response& response_;
};

}  // namespace

int main() {
  Response response(http::status::created, 11);
  response.set(http::field::content_type, "application/json");
  response.set(http::field::date, "Sun, 06 Nov 1994 08:49:37 GMT");
  response.body() = R"({"createdAt":"2018-02-28T15:16:58.941Z","description":"Wall panel by the north entrance",)"
                    R"("ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","name":"Lobby panel",)"
                    R"("type":"application"})";
  response.prepare_payload();

  asio::io_context context(1);
  Listener listener(context, response);
  listener.accept();
  std::printf("listening on http://127.0.0.1:%u\n", listener.port());
  std::fflush(stdout);
  context.run();
}
