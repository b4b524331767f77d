// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// System calls of sockets that can fail or do less than was asked, also those that the C libraries of the program make.
// For one file of a program. The functions of the C library are replaced by ones that call them.
#pragma once

#include "failures.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>

namespace calls {

enum class Call : std::uint8_t {
  any,
  accept,
  bind,
  close,
  connect,
  control,  // fcntl, ioctl
  epoll_add,
  epoll_create,
  epoll_wait,
  eventfd,
  getsockopt,
  listen,
  name,  // getsockname, getpeername
  poll,
  receive,
  send,
  setsockopt,
  shutdown,
  socket,
  socketpair,
  timerfd
};

/// How a call fails: with this error, or by transferring one byte.
struct Fault {
  Call call = Call::any;
  int error = 0;  ///< 0: one byte
};

inline test::Events events;  ///< each call that the fault is about
inline std::atomic<Fault> fault;

/// Counts from now on, and has calls fail.
inline void prepare(Fault what, test::Failure failure, test::Events::Of threads = test::Events::Of::this_thread) {
  events.prepare(failure, threads);
  fault = what;
}

inline bool is_met(Fault what, Call call, bool transfers) noexcept {
  if (what.call != Call::any && what.call != call) return false;
  if (what.error == 0 && !transfers) return false;
  return events.next();
}

/// Whether the call fails, and errno says why.
inline bool fails(Call call) noexcept {
  const Fault what = fault;
  if (!is_met(what, call, false)) return false;
  errno = what.error;
  return true;
}

template <class F>
F* next_of(const char* name) noexcept {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

/// What a poller was asked to say of each descriptor. A call that did less than it could is followed by the event that
/// the rest would be. Descriptors of several threads have the same number one after another.
struct Watched {
  std::atomic<int> poller = -1;
  std::atomic<std::uint32_t> events = 0;
  std::atomic<std::uint64_t> data = 0;
};
inline std::array<Watched, 4096> watched;

inline Watched* watched_as(int fd) noexcept {
  return fd >= 0 && static_cast<std::size_t>(fd) < watched.size() ? &watched[static_cast<std::size_t>(fd)] : nullptr;
}

inline void say_again(int fd) noexcept {
  static const auto real = next_of<decltype(epoll_ctl)>("epoll_ctl");
  Watched* const found = watched_as(fd);
  if (found == nullptr || found->poller < 0) return;
  epoll_event event{};
  event.events = found->events;
  event.data.u64 = found->data;
  real(found->poller, EPOLL_CTL_MOD, fd, &event);
}

/// Ends the connection, as what the error says did.
inline void end(int fd) noexcept {
  static const auto real = next_of<decltype(shutdown)>("shutdown");
  real(fd, SHUT_RDWR);
}

/// How many bytes a call may transfer; below zero: it fails, and errno says why.
inline std::ptrdiff_t allowed(Call call, int fd, std::size_t size) noexcept {
  const Fault what = fault;
  if (size == 0 || !is_met(what, call, true)) return static_cast<std::ptrdiff_t>(size);
  if (what.error == 0 || what.error == EAGAIN) say_again(fd);
  if (what.error == 0) return 1;
  if (what.error == EPIPE || what.error == ECONNRESET) end(fd);
  errno = what.error;
  return -1;
}

/// The descriptors that are open.
inline std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

}  // namespace calls

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  static const auto real = calls::next_of<decltype(socket)>("socket");
  return calls::fails(calls::Call::socket) ? -1 : real(domain, type, protocol);
}
int socketpair(int domain, int type, int protocol, int* both) noexcept {
  static const auto real = calls::next_of<decltype(socketpair)>("socketpair");
  return calls::fails(calls::Call::socketpair) ? -1 : real(domain, type, protocol, both);
}
int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  static const auto real = calls::next_of<decltype(bind)>("bind");
  return calls::fails(calls::Call::bind) ? -1 : real(fd, address, size);
}
int listen(int fd, int backlog) noexcept {
  static const auto real = calls::next_of<decltype(listen)>("listen");
  return calls::fails(calls::Call::listen) ? -1 : real(fd, backlog);
}
int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  static const auto real = calls::next_of<decltype(accept4)>("accept4");
  return calls::fails(calls::Call::accept) ? -1 : real(fd, address, size, flags);
}
int connect(int fd, const sockaddr* address, socklen_t size) {
  static const auto real = calls::next_of<decltype(connect)>("connect");
  return calls::fails(calls::Call::connect) ? -1 : real(fd, address, size);
}
int shutdown(int fd, int how) noexcept {
  static const auto real = calls::next_of<decltype(shutdown)>("shutdown");
  return calls::fails(calls::Call::shutdown) ? -1 : real(fd, how);
}
int close(int fd) {  // is done, whatever it says
  static const auto real = calls::next_of<decltype(close)>("close");
  if (calls::Watched* const found = calls::watched_as(fd)) found->poller = -1;
  const int done = real(fd);
  return calls::fails(calls::Call::close) ? -1 : done;
}
int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
  static const auto real = calls::next_of<decltype(getsockname)>("getsockname");
  return calls::fails(calls::Call::name) ? -1 : real(fd, address, size);
}
int getpeername(int fd, sockaddr* address, socklen_t* size) noexcept {
  static const auto real = calls::next_of<decltype(getpeername)>("getpeername");
  return calls::fails(calls::Call::name) ? -1 : real(fd, address, size);
}
int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
  static const auto real = calls::next_of<decltype(getsockopt)>("getsockopt");
  return calls::fails(calls::Call::getsockopt) ? -1 : real(fd, level, name, value, size);
}
int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  static const auto real = calls::next_of<decltype(setsockopt)>("setsockopt");
  return calls::fails(calls::Call::setsockopt) ? -1 : real(fd, level, name, value, size);
}
int ioctl(int fd, unsigned long request, ...) noexcept {
  static const auto real = calls::next_of<decltype(ioctl)>("ioctl");
  std::va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  return calls::fails(calls::Call::control) ? -1 : real(fd, request, argument);
}
int fcntl(int fd, int command, ...) {
  static const auto real = calls::next_of<decltype(fcntl)>("fcntl");
  std::va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  return calls::fails(calls::Call::control) ? -1 : real(fd, command, argument);
}
int poll(pollfd* all, nfds_t count, int timeout) {
  static const auto real = calls::next_of<decltype(poll)>("poll");
  return calls::fails(calls::Call::poll) ? -1 : real(all, count, timeout);
}
int epoll_create1(int flags) noexcept {
  static const auto real = calls::next_of<decltype(epoll_create1)>("epoll_create1");
  return calls::fails(calls::Call::epoll_create) ? -1 : real(flags);
}
int epoll_ctl(int poller, int operation, int fd, epoll_event* event) noexcept {
  static const auto real = calls::next_of<decltype(epoll_ctl)>("epoll_ctl");
  if (operation == EPOLL_CTL_ADD && calls::fails(calls::Call::epoll_add)) return -1;  // Linux needs memory for no other
  if (calls::Watched* const found = calls::watched_as(fd)) {
    if (operation == EPOLL_CTL_DEL) {
      found->poller = -1;
    } else {
      found->events = event->events;
      found->data = event->data.u64;
      found->poller = poller;
    }
  }
  return real(poller, operation, fd, event);
}
int epoll_wait(int poller, epoll_event* events, int most, int timeout) {
  static const auto real = calls::next_of<decltype(epoll_wait)>("epoll_wait");
  return calls::fails(calls::Call::epoll_wait) ? -1 : real(poller, events, most, timeout);
}
int eventfd(unsigned int value, int flags) noexcept {
  static const auto real = calls::next_of<decltype(eventfd)>("eventfd");
  return calls::fails(calls::Call::eventfd) ? -1 : real(value, flags);
}
int timerfd_create(int clock, int flags) noexcept {
  static const auto real = calls::next_of<decltype(timerfd_create)>("timerfd_create");
  return calls::fails(calls::Call::timerfd) ? -1 : real(clock, flags);
}
ssize_t recv(int fd, void* to, std::size_t size, int flags) {
  static const auto real = calls::next_of<decltype(recv)>("recv");
  const auto most = calls::allowed(calls::Call::receive, fd, size);
  return most < 0 ? -1 : real(fd, to, static_cast<std::size_t>(most), flags);
}
ssize_t send(int fd, const void* from, std::size_t size, int flags) {
  static const auto real = calls::next_of<decltype(send)>("send");
  const auto most = calls::allowed(calls::Call::send, fd, size);
  return most < 0 ? -1 : real(fd, from, static_cast<std::size_t>(most), flags);
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static const auto real = calls::next_of<decltype(recvmsg)>("recvmsg");
  msghdr less = *message;
  std::array<iovec, 64> pieces;
  less.msg_iovlen = std::min(less.msg_iovlen, pieces.size());
  std::copy_n(message->msg_iov, less.msg_iovlen, pieces.begin());
  if (less.msg_iovlen == 0 || pieces[0].iov_len == 0) return real(fd, message, flags);
  const auto most = calls::allowed(calls::Call::receive, fd, pieces[0].iov_len);
  if (most < 0) return -1;
  if (static_cast<std::size_t>(most) == pieces[0].iov_len) return real(fd, message, flags);
  pieces[0].iov_len = static_cast<std::size_t>(most);
  less.msg_iov = pieces.data();
  less.msg_iovlen = 1;
  return real(fd, &less, flags);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static const auto real = calls::next_of<decltype(sendmsg)>("sendmsg");
  if (message->msg_iovlen == 0 || message->msg_iov[0].iov_len == 0) return real(fd, message, flags);
  iovec first = message->msg_iov[0];
  const auto most = calls::allowed(calls::Call::send, fd, first.iov_len);
  if (most < 0) return -1;
  if (static_cast<std::size_t>(most) == first.iov_len) return real(fd, message, flags);
  msghdr less = *message;
  first.iov_len = static_cast<std::size_t>(most);
  less.msg_iov = &first;
  less.msg_iovlen = 1;
  return real(fd, &less, flags);
}
}
