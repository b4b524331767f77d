// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Boost.Asio 1.81 opens sockets without SOCK_CLOEXEC and accepts with accept(). A program that another thread starts
// then inherits them, and the port stays taken after the server's end. `Listener`, which `BeastServer` uses, opens and
// accepts with the calls that set close-on-exec at once, and only waits by Asio.

#include <droplit/detail/config.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The result of an attempt to accept a connection.
enum class Accepted : std::uint8_t {
  connection,  ///< accepted
  failed,      ///< the connection was lost before it was accepted, or a signal interrupted: accept again at once
  none,        ///< there is none: wait
  exhausted,   ///< no descriptors or memory, or another lasting cause: accept again after a pause
};

/// The meaning of `error`, the errno of accept4(). Linux also reports errors of the new connection, which is then lost
/// (accept(2), "Error handling").
constexpr Accepted accept_failure(int error) noexcept {
  switch (error) {
    case EAGAIN: return Accepted::none;
    case ECONNABORTED:
    case EINTR:
    case EPERM:  // a firewall's rule
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET: return Accepted::failed;
    default: return Accepted::exhausted;
  }
}

/// A listening TCP socket. Child programs do not inherit it or what it accepts; neither blocks.
template <class Executor>
class Listener {
 public:
  using Endpoint = boost::asio::ip::tcp::endpoint;

  explicit Listener(const Executor& executor) : acceptor_(executor) {}

  /// Listens on `where`; port 0: any free port. Throws `boost::system::system_error`.
  void listen(const Endpoint& where) {
    const auto protocol = where.protocol();
    const int fd = ::socket(protocol.family(), protocol.type() | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol.protocol());
    if (fd < 0) throw boost::system::system_error(errno, boost::system::system_category(), "socket");
    assign(acceptor_, protocol, fd);
    acceptor_.set_option(boost::asio::socket_base::reuse_address(true));
    acceptor_.bind(where);
    acceptor_.listen();
    local_ = acceptor_.local_endpoint();
  }

  /// Where it listens.
  [[nodiscard]] const Endpoint& local() const noexcept { return local_; }

  /// Accepts a connection into `socket`, without waiting.
  template <class Socket>
  Accepted accept(Socket& socket) {
    const int fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return accept_failure(errno);
    assign(socket, local_.protocol(), fd);
    return Accepted::connection;
  }

  /// Whether a connection is pending.
  [[nodiscard]] bool is_readable() noexcept {
    pollfd waiting{acceptor_.native_handle(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) > 0;
  }

  /// Calls `ready` when there may be a connection to accept, unless `wait` or `close` is called before.
  template <class F>
  void wait(F ready) {
    boost::system::error_code ignored;
    acceptor_.cancel(ignored);
    acceptor_.async_wait(boost::asio::socket_base::wait_read,
                         [ready = std::move(ready)](boost::system::error_code error) mutable {
                           if (error != boost::asio::error::operation_aborted) ready();
                         });
  }

  void close() noexcept {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  // Makes `socket` the owner of `fd`, or closes it and throws.
  template <class Socket>
  static void assign(Socket& socket, const boost::asio::ip::tcp& protocol, int fd) {
    try {
      socket.assign(protocol, fd);
    } catch (...) {
      ::close(fd);
      throw;
    }
  }

  boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor> acceptor_;
  Endpoint local_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
